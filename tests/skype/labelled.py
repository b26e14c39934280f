#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Classic Skype in labelled captures: every flow found, how sure, and at which packet.

    labelled.py SQUELCH CORPUS      exit 77 without the captures

A UDP endpoint must be decided by the second datagram that it sends, a
connection by its first segment with data; by its second when the first is the
header of client 1.2, which is compared with what follows (docs/SKYPE.md, T5), or
a key with too little padding to prove anything (T2), which the answer then does.
"""
import csv
import json
import os
import socket
import struct
import subprocess
import sys

CAPTURES = {"SkypeIRC.cap": 35990, "skype.pcap": 13021, "skype_no_unknown.pcap": 13021}  # the client's UDP port
OLD_HEADER = 14
SHORT_KEY = range(48, 54)  # with at most 5 bytes of padding: 32 bits
LEAST_BITS = 40
LIMIT_S = 120


def packets(path):
    """(protocol, source, destination, payload bytes) of IPv4 TCP and UDP over Ethernet, None for others; plain pcap."""
    with open(path, "rb") as fh:
        data = fh.read()
    order = "<" if data[:4] == b"\xd4\xc3\xb2\xa1" else ">"
    at = 24
    while at < len(data):
        captured = struct.unpack(order + "IIII", data[at:at + 16])[2]
        frame, at = data[at + 16:at + 16 + captured], at + 16 + captured
        if frame[12:14] != b"\x08\0" or frame[23] not in (6, 17):
            yield None
            continue
        ip = frame[14:14 + struct.unpack(">H", frame[16:18])[0]]
        body = ip[(ip[0] & 15) * 4:]
        ports = struct.unpack(">HH", body[:4])
        payload = body[8:] if frame[23] == 17 else body[(body[12] >> 4) * 4:]
        ends = [(socket.inet_ntoa(ip[12 + 4 * i:16 + 4 * i]), ports[i]) for i in range(2)]
        yield ("UDP" if frame[23] == 17 else "TCP", ends[0], ends[1], payload)


def key_of(proto, a, b):
    return (proto, *sorted([a, b]))


def labels(corpus, name):
    with open(os.path.join(corpus, "labels.tsv")) as fh:
        return {key_of(r["proto"].upper(), (r["ip_a"], int(r["port_a"])), (r["ip_b"], int(r["port_b"])))
                for r in csv.DictReader(fh, delimiter="\t") if r["pcap"] == name and r["label"] == "skype"}


def decisions(squelch, path):
    """flow key -> (bits when it ended, packet of the first event that calls it Skype)"""
    bits, first = {}, {}
    done = subprocess.run([squelch, "read", "--eve", "-", path], stdout=subprocess.PIPE, check=True, timeout=LIMIT_S)
    for line in done.stdout.splitlines():
        e = json.loads(line)
        if e["event_type"] not in ("voip", "flow") or (e.get("voip") or {}).get("app") != "skype" or "src_port" not in e:
            continue
        key = key_of(e["proto"], (e["src_ip"], e["src_port"]), (e["dest_ip"], e["dest_port"]))
        if e["event_type"] == "flow":
            bits[key] = max(bits.get(key, 0), e["voip"]["bits"])
        else:
            first.setdefault(key, e["pcap_cnt"])
    return bits, first


def check(squelch, corpus, name):
    path = os.path.join(corpus, "pcaps", name)
    want = labels(corpus, name)
    bits, first = decisions(squelch, path)
    problems = [f"not found: {k}" for k in sorted(want) if k not in bits]
    problems += [f"{bits[k]} bits: {k}" for k in sorted(want) if bits.get(k, LEAST_BITS) < LEAST_BITS]
    segments, begin, by_segments = {}, {}, {}
    sent, proved = 0, None
    for number, p in enumerate(packets(path), 1):
        if p is None or not p[3]:
            continue
        key = key_of(p[0], p[1], p[2])
        if p[0] == "TCP" and key in want:
            segments[key] = segments.get(key, 0) + 1
            begin.setdefault(key, len(p[3]))
            if first.get(key) == number:
                by_segments[segments[key]] = by_segments.get(segments[key], 0) + 1
                most = 2 if begin[key] == OLD_HEADER or begin[key] in SHORT_KEY else 1
                if segments[key] > most:
                    problems.append(f"decided at segment {segments[key]}: {key}")
        elif p[0] == "UDP" and p[1][1] == CAPTURES[name] and proved is None:
            sent += 1
            if first.get(key) == number:
                proved = sent
    if proved is None or proved > 2:
        problems.append(f"the UDP endpoint was decided at datagram {proved}")
    print(f"{name}: {sum(k in bits for k in want)} of {len(want)} flows, least bits "
          f"{min((bits[k] for k in want if k in bits), default=0)}; UDP endpoint decided at its datagram {proved}; "
          f"connections by the segment that decided: {dict(sorted(by_segments.items()))}")
    return problems


def main():
    squelch, corpus = sys.argv[1:]
    names = [n for n in CAPTURES if os.path.isfile(os.path.join(corpus, "pcaps", n))]
    if not names:
        print(f"skipped: no captures at {corpus}")
        return 77
    problems = [p for n in names for p in check(squelch, corpus, n)]
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
