#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""SRT with its own library (libsrt, GnuTLS): a stream of ffmpeg, and a conversation in one connection.

    srt.py talk listen|call HOST PORT SECONDS [PASSPHRASE]

No program of Debian sends both ways in one connection, so the conversation is
said here: RTP, G.711 A-law, 20 ms, each end by its own clock, live mode.
"""
import ctypes
import os
import random
import socket
import struct
import sys
import time

from net import SERVER4, LabError

PORT = 9710
LIBRARY = "libsrt-gnutls.so.1.5"
SRTO_PASSPHRASE = 26  # enum SRT_SOCKOPT of srt.h
PERIOD_S, FRAME = 0.020, 160


def address(host, port):
    """A sockaddr_in as bytes."""
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + socket.inet_aton(host) + bytes(8)


class Talker:
    def __init__(self, passphrase):
        self.srt = ctypes.CDLL(LIBRARY)
        self.srt.srt_getlasterror_str.restype = ctypes.c_char_p
        self.srt.srt_startup()
        self.socket = self.srt.srt_create_socket()
        if passphrase:
            self.must(self.srt.srt_setsockflag(self.socket, SRTO_PASSPHRASE, passphrase.encode(), len(passphrase)))

    def must(self, result):
        if result < 0:
            sys.exit(f"srt: {self.srt.srt_getlasterror_str().decode()}")
        return result

    def call(self, host, port):
        self.must(self.srt.srt_connect(self.socket, address(host, port), 16))

    def listen(self, host, port):
        self.must(self.srt.srt_bind(self.socket, address(host, port), 16))
        self.must(self.srt.srt_listen(self.socket, 1))
        self.socket = self.must(self.srt.srt_accept(self.socket, None, None))

    def talk(self, seconds):
        """RTP until the time is over; what the other end says is left in the receiver's buffer, which drops what is too late."""
        number, stamp, source = random.getrandbits(16), random.getrandbits(32), random.getrandbits(32)
        begun = time.monotonic()
        for n in range(int(seconds / PERIOD_S)):
            time.sleep(max(0, begun + n * PERIOD_S - time.monotonic()))
            head = struct.pack("!BBHII", 0x80, 8, (number + n) & 0xffff, (stamp + n * FRAME) & 0xffffffff, source)
            if self.srt.srt_sendmsg(self.socket, head + random.randbytes(FRAME), 12 + FRAME, -1, 0) < 0:
                break  # the other end has gone
        self.srt.srt_close(self.socket)
        self.srt.srt_cleanup()


# -- in a lab

def ended(process, seconds):
    if process.wait(timeout=seconds + 15) != 0:
        raise LabError(f"{process.args[-1]}: {open(process.log, errors='replace').read()[-300:]}")


def converse(lab, seconds, passphrase=""):
    """Client and server send RTP to each other in one connection of SRT."""
    ends = []
    for role, how in (("server", "listen"), ("client", "call")):
        words = ["talk", how, SERVER4, str(PORT), str(seconds), *([passphrase] if passphrase else [])]
        ends.append(lab.start(role, sys.executable, os.path.abspath(__file__), *words))
        if how == "listen":
            lab.wait_port(role, PORT, "-u")
    for process in ends:
        ended(process, seconds)


def stream(lab, seconds):
    """The client sends a sound in MPEG-TS, as to a studio."""
    hearer = lab.start("server", "ffmpeg", "-nostdin", "-v", "error", "-i", f"srt://{SERVER4}:{PORT}?mode=listener", "-f", "null", "-")
    lab.wait_port("server", PORT, "-u")
    ended(lab.start("client", "ffmpeg", "-nostdin", "-v", "error", "-re", "-f", "lavfi", "-i", "sine=frequency=440", "-t", str(seconds),
                    "-c:a", "aac", "-b:a", "64k", "-f", "mpegts", f"srt://{SERVER4}:{PORT}"), seconds)
    lab.stop(hearer)


def main():
    what, how, host, port, seconds, *passphrase = sys.argv[1:]
    if what != "talk" or how not in ("listen", "call"):
        sys.exit(__doc__)
    talker = Talker(passphrase[0] if passphrase else "")
    getattr(talker, how)(host, int(port))
    talker.talk(float(seconds))


if __name__ == "__main__":
    main()
