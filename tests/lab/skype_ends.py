#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two ends of synthetic classic Skype over real sockets, for the lab.

    skype_ends.py node ADDRESS PORT FIRST SECONDS RATE          a host that serves whoever asks, RATE bytes of payload a second in all
    skype_ends.py strangers NODE PORT SECONDS ADDRESS...        one at each address asks; prints the payload bytes each second brought

The node first sends some frames to FIRST (address:port), so that it can be proved.
"""
import importlib.machinery
import importlib.util
import json
import os
import random
import select
import socket
import sys
import time

SYNTH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "skype-synth")
SIZE = 200        # bytes of a frame that serves
ASK_EVERY = 0.05  # seconds between strangers


def synth():
    sys.dont_write_bytecode = True
    loader = importlib.machinery.SourceFileLoader("skype_synth", SYNTH)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("skype_synth", loader))
    loader.exec_module(module)
    return module


def udp(address, port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, port))
    s.setblocking(False)
    return s


def node(address, port, first, seconds, rate):
    process, s = synth().Process(random.Random(1)), udp(address, int(port))
    ip, _, to = first.rpartition(":")
    for _ in range(5):
        s.sendto(process.payload(18), (ip, int(to)))
        time.sleep(0.05)
    asked, sent, start = [], 0, None
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        if select.select([s], [], [], 0.005)[0]:
            peer = s.recvfrom(2048)[1]
            if peer not in asked:
                asked.append(peer)
                start = start or time.monotonic()
        while asked and sent < (time.monotonic() - start) * float(rate):
            s.sendto(process.payload(SIZE), asked[sent // SIZE % len(asked)])
            sent += SIZE


def strangers(host, port, seconds, *addresses):
    module, begun, got = synth(), time.monotonic(), {}
    sockets = [udp(a, 3000) for a in addresses]
    waiting = list(enumerate(sockets))
    while time.monotonic() < begun + float(seconds):
        if waiting and time.monotonic() > begun + waiting[0][0] * ASK_EVERY:
            i, s = waiting.pop(0)
            s.sendto(module.Process(random.Random(100 + i)).payload(18), (host, int(port)))
        for s in select.select(sockets, [], [], 0.005)[0]:
            n, at = len(s.recv(2048)), int(time.monotonic() - begun)
            got[at] = got.get(at, 0) + n
    print(json.dumps([got.get(i, 0) for i in range(int(float(seconds)))]))


if __name__ == "__main__":
    {"node": node, "strangers": strangers}[sys.argv[1]](*sys.argv[2:])
