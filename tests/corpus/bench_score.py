#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scores squelch on captures of the bench (tests/lab/bench.py): recall a program, false positives an hour, time to the verdict.

    bench_score.py DIR --run 'squelch read --detect cadence --eve - {pcap}' [--half check] [--only REGEX]
                   [--jobs N] [--verbose] [min:KEY=VALUE] [max:KEY=VALUE]...

DIR holds labels.tsv and the captures it names, beside it or in clean/ and
impaired/. A flow labelled media is found when a decision calls it media with
--act-bits or more; any flow labelled other that is called media with that many is
a false positive. Recall is the mean over programs of the share of their flows
found. Flows shorter than --least seconds are left out: the detector promises
nothing of them. The bound of false positives is the upper end of the one-sided
95 % interval of a Poisson rate.
"""
import argparse
import collections
import concurrent.futures
import csv
import ipaddress
import json
import math
import os
import re
import shlex
import statistics
import subprocess
import sys

LEAST_S = 6.0   # a flow the issue asks a verdict for: p95 of it may be 6 s
LIMIT_S = 300   # for one capture


def endpoints(proto, a, pa, b, pb):
    return proto.lower(), frozenset(((str(ipaddress.ip_address(a)), int(pa or 0)), (str(ipaddress.ip_address(b)), int(pb or 0))))


def decisions(command, path, act_bits):
    """{flow: (class, bits, after_ms of the first decision that acts)}; the strongest of each."""
    argv = [word.replace("{pcap}", path) for word in shlex.split(command)]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=LIMIT_S)
    if done.returncode != 0:
        raise RuntimeError(f"{path}: exit {done.returncode}: {done.stderr.decode(errors='replace')[-200:]}")
    found = {}
    for line in done.stdout.splitlines():
        e = json.loads(line)
        if e.get("event_type") not in ("voip", "flow"):
            continue
        key = endpoints(e.get("proto", ""), e["src_ip"], e.get("src_port"), e["dest_ip"], e.get("dest_port"))
        voip = e.get("voip") or {}
        seen = found.setdefault(key, {"class": None, "bits": 0.0, "after_ms": None, "streaming": False})
        seen["streaming"] |= voip.get("class") == "streaming"
        if voip.get("class") == "media" and (voip.get("bits") or 0) >= seen["bits"]:
            seen.update({"class": "media", "bits": voip["bits"]})
            if seen["after_ms"] is None and voip["bits"] >= act_bits and e["event_type"] == "voip":
                seen["after_ms"] = voip.get("after_ms")
    return found


def where(folder, file):
    for sub in ("", "clean", "impaired", "pcaps"):
        path = os.path.join(folder, sub, file)
        if os.path.exists(path):
            return path
    return None


def poisson_bound(k):
    """Upper end of the one-sided 95 % interval of a Poisson mean of which k were seen."""
    low, high = float(k), k + 20 + 10 * math.sqrt(k + 1)
    for _ in range(60):
        m = (low + high) / 2
        below = sum(math.exp(-m + i * math.log(m) - math.lgamma(i + 1)) for i in range(k + 1)) if m > 0 else 1
        low, high = (m, high) if below > 0.05 else (low, m)
    return high


def percentile(values, p):
    return sorted(values)[min(len(values) - 1, math.ceil(p * len(values)) - 1)] if values else None


def read_labels(options):
    captures = collections.defaultdict(list)
    with open(os.path.join(options.dir, "labels.tsv"), newline="") as fh:
        for r in csv.DictReader(fh, delimiter="\t"):
            if (not options.half or r["half"] == options.half) and re.search(options.only, r["pcap"]) and r["label"] in ("media", "other"):
                captures[r["pcap"]].append(r)
    return captures


def score(options):
    captures = read_labels(options)
    programs, misses, after, hours, wrong = collections.defaultdict(list), [], [], collections.Counter(), []

    def one(file):
        path = where(options.dir, file)
        return decisions(options.run, path, options.act_bits) if path else None
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = list(zip(captures, pool.map(one, captures)))
    missing = [file for file, found in results if found is None]
    for file, found in results:
        for r in captures[file] if found is not None else ():
            seconds = float(r["seconds"])
            got = found.get(endpoints(r["proto"], r["ip_a"], r["port_a"], r["ip_b"], r["port_b"]), {"class": None, "bits": 0, "after_ms": None})
            hit = got["class"] == "media" and got["bits"] >= options.act_bits
            if r["label"] == "other":
                hours[r["kind"], r["how"]] += seconds / 3600
                if hit:
                    wrong.append(f"{file}\t{r['program']}\t{got['bits']} bits after {got['after_ms']} ms")
            elif seconds >= options.least:
                programs[r["program"]].append(hit)
                if not hit:
                    misses.append(f"{file}\t{r['program']}\t{r['codec']}\t{got['class']} {got['bits']} bits")
                elif got["after_ms"] is not None:
                    after.append(got["after_ms"] / 1000)
    clocked = sum(h for (kind, _), h in hours.items() if kind in ("clocked", "radio"))
    total = sum(map(len, programs.values()))
    summary = {
        "captures": len(captures) - len(missing), "missing": len(missing), "media": total,
        "media_recall": round(sum(map(sum, programs.values())) / total, 4) if total else None,
        "recall_by_program": round(statistics.mean(sum(h) / len(h) for h in programs.values()), 4) if programs else None,
        "programs": {p: f"{sum(h)}/{len(h)}" for p, h in sorted(programs.items())},
        "false_positives": len(wrong), "negative_hours": round(sum(hours.values()), 2), "clocked_hours": round(clocked, 2),
        "false_positives_an_hour_at_most": round(poisson_bound(len(wrong)) / clocked, 4) if clocked else None,
        "seconds_median": round(statistics.median(after), 2) if after else None,
        "seconds_p95": round(percentile(after, 0.95), 2) if after else None,
    }
    return summary, wrong, misses


def compare(summary, thresholds):
    failed = 0
    for text in thresholds:
        kind, rest = text.split(":", 1)
        name, limit = rest.split("=")
        value = summary[name]
        ok = value is not None and (value >= float(limit) if kind == "min" else value <= float(limit))
        print(f"{'ok  ' if ok else 'FAIL'} {name} = {value}, {kind} {limit}")
        failed |= not ok
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dir")
    parser.add_argument("--run", required=True)
    parser.add_argument("--half", choices=("calibrate", "check"))
    parser.add_argument("--only", default="", metavar="REGEX", help="captures by name")
    parser.add_argument("--act-bits", type=float, default=16)
    parser.add_argument("--least", type=float, default=LEAST_S, metavar="S")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--verbose", action="store_true", help="every miss and every false positive")
    parser.add_argument("thresholds", nargs="*", metavar="min:KEY=VALUE")
    options = parser.parse_args()
    summary, wrong, misses = score(options)
    print(json.dumps(summary, indent=1))
    for line in wrong:
        print(f"false positive\t{line}")
    if options.verbose:
        for line in misses:
            print(f"missed\t{line}")
    return 1 if compare(summary, options.thresholds) else 0


if __name__ == "__main__":
    sys.exit(main())
