#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scores labelled captures after doing to them what links and people do to captures.

    mangle.py --corpus DIR --run 'squelch read --eve - {pcap}' [--way NAME]... [--all] [--verbose] [min:WAY:LABEL=SHARE]...

Ways: see WAYS below. Labels as in score.py; those of a capture's flows that keep at least MIN_PACKETS packets are
scored (media, signalling, skype), and nothing labelled `other` may become a call. Only captures that hold a call
are taken, unless --all. Same seed, same damage. The figures are in docs/METHOD.md.
"""
import argparse
import collections
import csv
import ipaddress
import json
import os
import random
import shlex
import struct
import subprocess
import sys
import tempfile

MIN_PACKETS = 10  # of a media flow, after the damage
ACT_BITS = 16
SKIP = 77
CALLS = ("media", "signalling")
MS = 1_000_000  # ns

Packet = collections.namedtuple("Packet", "ns wire data flow sender")


# -- reading captures

def blocks_pcap(data):
    """(link, ns, wire length, bytes) of a pcap file."""
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    unit = 1 if data[:4] in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d") else 1000
    link = struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF
    at = 24
    while at + 16 <= len(data):
        sec, sub, cap, wire = struct.unpack_from(order + "IIII", data, at)
        yield link, sec * 10**9 + sub * unit, wire, data[at + 16:at + 16 + cap]
        at += 16 + cap


def tsresol(options, order):
    """Nanoseconds of a unit of time, as a pair (numerator, denominator)."""
    at = 0
    while at + 4 <= len(options):
        code, n = struct.unpack_from(order + "HH", options, at)
        if code == 9 and n == 1:
            v = options[at + 4]
            return (10**9, 2**(v & 0x7F)) if v & 0x80 else (10**9, 10**v)
        if code == 0:
            break
        at += 4 + (n + 3) // 4 * 4
    return 1000, 1


def blocks_pcapng(data):
    order, at, ifaces = "<", 0, []
    while at + 12 <= len(data):
        if data[at:at + 4] == b"\x0a\x0d\x0d\x0a":
            order = "<" if data[at + 8:at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            ifaces = []
        kind, size = struct.unpack_from(order + "II", data, at)
        body = data[at + 8:at + size - 4]
        if size < 12:
            return
        if kind == 1:
            ifaces.append((struct.unpack_from(order + "H", body)[0], tsresol(body[8:], order)))
        elif kind == 6:
            iface, high, low, cap, wire = struct.unpack_from(order + "IIIII", body)
            link, (num, den) = ifaces[iface]
            yield link, (high << 32 | low) * num // den, wire, body[20:20 + cap]
        at += size


ETHERNET, RAW, LOOP, COOKED, COOKED2 = 1, (12, 14, 101, 228, 229), (0, 108), 113, 276
ETHER_IP, ETHER_VLAN, ETHER_PPPOE = (0x0800, 0x86DD), (0x8100, 0x88A8, 0x9100), 0x8864


def ip_of(link, d):
    """Offset of the IP header, or None."""
    if link in RAW:
        return 0
    if link in LOOP:
        return 4
    at, kind = {ETHERNET: (14, 12), COOKED: (16, 14), COOKED2: (20, 0)}.get(link, (None, None))
    if at is None or len(d) < at:
        return None
    ether = struct.unpack_from("!H", d, kind)[0]
    while ether in ETHER_VLAN and len(d) >= at + 4:
        ether = struct.unpack_from("!H", d, at + 2)[0]
        at += 4
    if ether == ETHER_PPPOE:
        return at + 8
    return at if ether in ETHER_IP else None


def flow_of(link, d):
    """((proto, both ends), sender) of a frame; (None, None) when it is no TCP or UDP."""
    at = ip_of(link, d)
    if at is None or len(d) < at + 20:
        return None, None
    if d[at] >> 4 == 4:
        if struct.unpack_from("!H", d, at + 6)[0] & 0x1FFF:
            return None, None
        proto, src, dst, l4 = d[at + 9], d[at + 12:at + 16], d[at + 16:at + 20], at + (d[at] & 15) * 4
    elif d[at] >> 4 == 6 and len(d) >= at + 40:
        proto, src, dst, l4 = d[at + 6], d[at + 8:at + 24], d[at + 24:at + 40], at + 40
    else:
        return None, None
    if proto not in (6, 17) or len(d) < l4 + 4:
        return None, None
    ports = struct.unpack_from("!HH", d, l4)
    ends = [(str(ipaddress.ip_address(a)), p) for a, p in zip((src, dst), ports)]
    return ("tcp" if proto == 6 else "udp", frozenset(ends)), ends[0]


def read(path):
    with open(path, "rb") as fh:
        data = fh.read()
    blocks = blocks_pcapng if data[:4] == b"\x0a\x0d\x0d\x0a" else blocks_pcap
    packets, first = [], None
    for link, ns, wire, frame in blocks(data):
        first = link if first is None else first
        if link == first:
            packets.append(Packet(ns, wire, frame, *flow_of(link, frame)))
    return first, packets


def write(path, link, packets):
    with open(path, "wb") as fh:
        fh.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, link))
        for p in packets:
            fh.write(struct.pack("<IIII", p.ns // 10**9, p.ns % 10**9, len(p.data), p.wire) + p.data)


# -- damage: packets in, packets out

def snap(length):
    return lambda packets, rng: [p._replace(data=p.data[:length]) for p in packets]


def one_way(which):
    """What an asymmetric route shows: one end's packets of each flow."""
    def way(packets, rng):
        return [p for p in packets if p.flow is None or sorted(p.flow[1], key=str).index(p.sender) % 2 == which]
    return way


def late(share):
    """A capture that began in the middle: the first packets of each flow are missing."""
    def way(packets, rng):
        total, seen, out = collections.Counter(p.flow for p in packets), collections.Counter(), []
        for p in packets:
            seen[p.flow] += 1
            if p.flow is None or seen[p.flow] > total[p.flow] * share:
                out.append(p)
        return out
    return way


def clock(share):
    """The same by the clock: all that happened in the first part of the capture is missing."""
    def way(packets, rng):
        if not packets:
            return packets
        begin, end = min(p.ns for p in packets), max(p.ns for p in packets)
        return [p for p in packets if p.ns >= begin + (end - begin) * share]
    return way


def lose(share):
    return lambda packets, rng: [p for p in packets if rng.random() >= share]


def twice(delay_ns):
    """A span port that mirrors both ways in: each packet comes twice."""
    def way(packets, rng):
        both = packets + [p._replace(ns=p.ns + delay_ns) for p in packets]
        return sorted(both, key=lambda p: p.ns)
    return way


def jitter(most_ns):
    """Each packet is late by up to so much, and overtakes others."""
    def way(packets, rng):
        return sorted((p._replace(ns=p.ns + rng.randrange(most_ns)) for p in packets), key=lambda p: p.ns)
    return way


def chain(*ways):
    def way(packets, rng):
        for w in ways:
            packets = w(packets, rng)
        return packets
    return way


WAYS = {
    "as-is": lambda packets, rng: packets,
    "snap-128": snap(128), "snap-96": snap(96), "snap-68": snap(68),
    "one-way-a": one_way(0), "one-way-b": one_way(1),
    "late-10": late(0.1), "late-50": late(0.5), "clock-30": clock(0.3),
    "lose-2": lose(0.02), "lose-10": lose(0.10),
    "twice": twice(20_000), "twice-late": twice(2 * MS),
    "jitter-40": jitter(40 * MS),
    "late-one-way": chain(late(0.5), one_way(0)),
    "late-snap-96": chain(late(0.5), snap(96)),
    "rough": chain(clock(0.3), lose(0.02), jitter(30 * MS), twice(20_000), snap(128)),
}


# -- scoring

def labels_of(path):
    labels = collections.defaultdict(dict)
    with open(path, newline="") as fh:
        for r in csv.DictReader(fh, delimiter="\t"):
            ends = frozenset((str(ipaddress.ip_address(r["ip_" + e])), int(r["port_" + e] or 0)) for e in "ab")
            labels[r["pcap"]][r["proto"], ends] = r
    return labels


def flows_of(command, path):
    argv = [a.replace("{pcap}", path) for a in shlex.split(command)]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, check=True)
    found = {}
    for line in done.stdout.splitlines():
        ev = json.loads(line)
        if ev.get("event_type") != "flow":
            continue
        ends = frozenset((ev[e + "_ip"], ev.get(e + "_port", 0)) for e in ("src", "dest"))
        voip, key = ev.get("voip") or {}, (ev["proto"].lower(), ends)
        if key not in found or (voip.get("bits") or 0) >= (found[key].get("bits") or 0):
            found[key] = voip
    return found


def hit(label, voip):
    cls, bits = voip.get("class"), voip.get("bits") or 0
    return {"media": cls == "media" and bits >= ACT_BITS, "signalling": cls in CALLS + ("ice",),
            "skype": voip.get("app") == "skype", "other": cls in CALLS or voip.get("app") == "skype"}[label]


def score(labels, packets, flows, say, n):
    kept = collections.Counter(p.flow for p in packets)
    for key, r in labels.items():
        label = r["label"]
        if label not in CALLS + ("skype", "other") or kept[key] == 0:
            continue
        if label == "media" and kept[key] < MIN_PACKETS:
            continue
        voip = flows.get(key, {})
        got = hit(label, voip)
        n[label] += 1
        n[label, "hit"] += got
        if got and label in CALLS and r["app"]:
            n["app"] += 1
            n["app", "hit"] += voip.get("app") == r["app"]
            if voip.get("app") != r["app"]:
                say(f"named {voip.get('app')}, not {r['app']}", label, key, kept[key], voip)
        if got == (label == "other"):
            say("called a call" if got else "missed", label, key, kept[key], voip)


def run_way(a, name, labels, n, directory):
    for pcap in sorted(labels):
        if not a.all and not any(r["label"] in CALLS + ("skype",) for r in labels[pcap].values()):
            continue
        link, packets = read(os.path.join(a.corpus, "pcaps", pcap))
        packets = WAYS[name](packets, random.Random(pcap))
        path = os.path.join(directory, name + "-" + pcap.rsplit(".", 1)[0] + ".pcap")
        write(path, link, packets)

        def say(what, label, key, kept, voip, pcap=pcap):
            if a.verbose:
                ends = " ".join(f"{ip}:{port}" for ip, port in sorted(key[1], key=str))
                print(f"{name}\t{pcap}\t{what}\t{label}\t{key[0]} {ends}\t{kept} packets\t"
                      f"{voip.get('class')} {voip.get('app')} {voip.get('bits')}", file=sys.stderr)
        score(labels[pcap], packets, flows_of(a.run, path), say, n)
        if not a.keep:
            os.unlink(path)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--corpus", required=True)
    ap.add_argument("--run", required=True)
    ap.add_argument("--way", action="append", choices=WAYS)
    ap.add_argument("--all", action="store_true", help="captures without calls too")
    ap.add_argument("--verbose", action="store_true", help="every miss on standard error")
    ap.add_argument("--keep", metavar="DIR", help="keep the damaged captures there")
    ap.add_argument("least", nargs="*", metavar="min:WAY:LABEL=SHARE")
    a = ap.parse_args()
    if not os.path.exists(os.path.join(a.corpus, "labels.tsv")):
        print("skipped: no labelled captures")
        return SKIP
    labels, failed, shares = labels_of(os.path.join(a.corpus, "labels.tsv")), False, {}
    kinds = CALLS + ("skype", "app", "other")
    print("way".ljust(14) + "".join(k.rjust(18) for k in kinds))
    with tempfile.TemporaryDirectory() as directory:
        for name in a.way or WAYS:
            n = collections.Counter()
            run_way(a, name, labels, n, a.keep or directory)
            print(name.ljust(14) + "".join(
                (f"{n[k, 'hit']} of {n[k]}" + (f" {n[k, 'hit'] / n[k]:.2f}" if n[k] and k != "other" else "")).rjust(18)
                for k in kinds), flush=True)
            shares.update({f"{name}:{k}": n[k, "hit"] / n[k] for k in kinds if n[k]})
            failed |= n["other", "hit"] != 0
    for least in a.least:
        where, limit = least.removeprefix("min:").split("=")
        if shares.get(where, 0) < float(limit):
            print(f"FAIL {where}: {shares.get(where)}, at least {limit}")
            failed = True
    return failed


if __name__ == "__main__":
    sys.exit(main())
