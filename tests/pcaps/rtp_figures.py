#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets, loss and jitter of call records against tshark's: rtp_figures.py SQUELCH CAPTURE...

Only streams whose clock tshark knows are compared. Exit 77 without tshark.
"""
import json, re, shutil, subprocess, sys

JITTER_MS = 0.06  # printed to 0.001 by both; the first packet of a flow is remembered to the millisecond
LINE = re.compile(r"\s*[\d.]+\s+[\d.]+\s+(\S+)\s+(\d+)\s+(\S+)\s+(\d+)\s+0x([0-9A-F]+)\s+(\S+)\s+(\d+)\s+(-?\d+) \(.*?%\)"
                  r"\s+\S+\s+\S+\s+\S+\s+(\S+)\s+(\S+)\s+(\S+)")


def by_tshark(capture):
    out = subprocess.run(["tshark", "-r", capture, "-q", "-z", "rtp,streams"], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True, check=True).stdout
    for m in filter(None, map(LINE.match, out.splitlines())):
        src, sport, dst, dport, ssrc, codec, packets, lost, _, mean, worst = m.groups()
        yield (src, int(sport), dst, int(dport), int(ssrc, 16)), (int(packets), int(lost), float(mean), float(worst), codec)


def by_squelch(squelch, capture):
    out = subprocess.run([squelch, "read", "--eve", "-", capture], stdout=subprocess.PIPE, check=True).stdout
    for ev in map(json.loads, out.splitlines()):
        for m in ev.get("media", []) if ev["event_type"] == "call" else []:
            yield ((m["src_ip"], m["src_port"], m["dest_ip"], m["dest_port"], m["ssrc"]),
                   (m["packets"], m["lost"], m["jitter_ms"], m["jitter_max_ms"]))


def main():
    if shutil.which("tshark") is None:
        print("tshark is not installed: not compared")
        return 77
    squelch, *captures = sys.argv[1:]
    compared = bad = 0
    for capture in captures:
        ours = dict(by_squelch(squelch, capture))
        for key, (packets, lost, mean, worst, codec) in by_tshark(capture):
            got = ours.get(key)
            if got is None or got[2] is None:
                continue
            compared += 1
            if got[:2] != (packets, lost) or abs(got[2] - mean) > JITTER_MS or abs(got[3] - worst) > JITTER_MS:
                bad += 1
                print(f"{capture} {key} {codec}: tshark {packets} {lost} {mean} {worst}, squelch {got}")
    print(f"{compared} streams compared, {bad} differ")
    return 1 if bad or compared < 4 else 0


sys.exit(main())
