#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls inside ESP, bare and in UDP: found by their pace, told as tunnelled, left alone by rules that do not say so.

    in_esp.py SQUELCH CALL.pcap ONE_SIZE.pcap

The pace is that of CALL, a capture of a real call, and of ONE_SIZE, one of G.711, which is only suspected; the ESP around it is made
here (RFC 4303, AES-GCM as in RFC 4106), for no implementation in user space
can be had from Debian alone. What is inside is noise.
"""
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "lab"))
sys.dont_write_bytecode = True

import pace  # noqa: E402
import pcapfile  # noqa: E402

PHONE, GATEWAY = "192.0.2.10", "198.51.100.20"
SPI = (0xc0ffee01, 0x5ca1ab1e)
IV, TRAILER, TAG = 8, 2, 16        # bytes; RFC 4106, RFC 4303
INNER = 20 + 8 + 12                # IPv4, UDP and RTP of the call inside
NAT_PORT = 4500                    # RFC 3948
BULK, BULK_S = 1400, 0.01          # bytes of an inner packet, and the time from one to the next
RULES = """block media tunnelled bits 16.. reason "call in a tunnel"
block media tunnelled bits 15.. reason "suspected call in a tunnel"
block media reason "call in the open"
"""


class Tunnel:
    def __init__(self, path, in_udp, seed=1):
        self.rng = random.Random(seed)
        self.out, self.in_udp, self.number, self.packets = pcapfile.Writer(path), in_udp, [0, 0], []

    def put(self, at, up, inner):
        """An inner IP packet of so many bytes: padded so that the trailer ends on four bytes."""
        self.packets.append((at, up, 8 + IV + -(-(inner + TRAILER) // 4) * 4 + TAG))

    def write(self):
        for at, up, size in sorted(self.packets):
            way = 0 if up else 1
            self.number[way] += 1
            body = struct.pack(">II", SPI[way], self.number[way]) + self.rng.randbytes(size - 8)
            src, dst = (PHONE, GATEWAY) if up else (GATEWAY, PHONE)
            if self.in_udp:
                self.out.udp(1e9 + at, src, NAT_PORT, dst, NAT_PORT, size, body)
            else:
                self.out.ip(1e9 + at, src, dst, pcapfile.ESP, size, body)
        self.out.close()


def call(tunnel, beats):
    for beat in beats:
        tunnel.put(beat.at, beat.up, INNER + beat.size)


def bulk(tunnel, beats):
    """A download beside: full packets down, an acknowledgement for each second one, at the pace of its line."""
    at = 0
    for i in range(int(beats[-1].at / BULK_S)):
        at += tunnel.rng.expovariate(1 / BULK_S)
        tunnel.put(at, False, BULK)
        if i % 2:
            tunnel.put(at + 0.001, True, 52)


SURE, SUSPECTED, NONE = "call in a tunnel", "suspected call in a tunnel", None
# Of which capture; what is inside; which rule cuts it.
CASES = (("call", 0, (call,), SURE), ("bulk", 0, (bulk,), NONE), ("call and bulk", 0, (call, bulk), SURE),
         ("call of one size", 1, (call,), SUSPECTED))


def run(squelch, beats, in_udp, inside):
    with tempfile.TemporaryDirectory() as folder:
        path, rules = os.path.join(folder, "esp.pcap"), os.path.join(folder, "esp.rules")
        tunnel = Tunnel(path, in_udp)
        for put in inside:
            put(tunnel, beats)
        tunnel.write()
        with open(rules, "w") as out:
            out.write(RULES)
        done = subprocess.run([squelch, "read", "--ndpi", "off", "-R", rules, "--eve", "-", path], stdout=subprocess.PIPE, check=True)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    drops = [e for e in events if e["event_type"] == "voip" and e["verdict"]["action"] == "drop"]
    flow, = (e["voip"] for e in events if e["event_type"] == "flow")
    return flow, [e["verdict"]["reason"] for e in drops], drops[0]["voip"]["after_ms"] if drops else None


def main():
    squelch, beats = sys.argv[1], [pace.of_call(path) for path in sys.argv[2:4]]
    failed = 0
    for in_udp in (False, True):
        for name, which, inside, rule in CASES:
            flow, reasons, after = run(squelch, beats[which], in_udp, inside)
            told = flow["class"], flow["app"], flow.get("tunnelled", True)  # of what has no class it is not said
            good = reasons == ([rule] if rule else []) and told == ("media" if rule else None, "ipsec", True)
            failed += not good
            print(f"{'ESP in UDP' if in_udp else 'ESP'}, {name}: {' '.join(map(str, told))}, {flow['bits']} bits, "
                  f"{f'cut after {after} ms' if reasons else 'left alone'}" + ("" if good else "  NOT AS WANTED"))
    return failed


if __name__ == "__main__":
    sys.exit(main())
