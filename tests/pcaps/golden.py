#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads one capture of pcaps/ and holds the events against pcaps/expected.tsv.

    golden.py SQUELCH SOURCE_DIR FILE

The first row whose flow fits decides about a flow; each row must be met by a
flow; flows that no row names must be no calls. Verdicts are those of
rules/inflight.rules. Every line is checked against docs/eve.schema.json.
"""
import csv
import ipaddress
import json
import os
import subprocess
import sys

ACT_BITS = 16  # a call must be sure enough to be acted on: docs/METHOD.md
QUIET = (None, "control")  # classes of a flow that is no call
LIMIT_S = 60

problems = []


def problem(text):
    problems.append(text)
    print(text)


def port_fits(want, port):
    return want == "*" or (port % 2 == 1 if want == "odd" else port == int(want))


class Row:
    def __init__(self, columns):
        self.text = columns["flow"]
        self.classes = columns["class"].split("|")
        self.apps = columns["app"].split("|")
        self.verdict = columns["verdict"]
        self.none = self.text == "none"
        self.met = False
        if not self.none:
            self.proto, a, a_port, b, b_port = self.text.split()
            self.ends = ((ipaddress.ip_address(a), a_port), (ipaddress.ip_address(b), b_port))

    def fits(self, event):
        if self.none or event["proto"].lower() != self.proto:
            return False
        ends = [(ipaddress.ip_address(event[ip]), event[port])
                for ip, port in (("src_ip", "src_port"), ("dest_ip", "dest_port"))]
        return any(all(have[0] == want[0] and port_fits(want[1], have[1]) for have, want in zip(order, self.ends))
                   for order in (ends, ends[::-1]))

    def check(self, event, name):
        voip = event.get("voip") or {}
        got, app, bits = voip.get("class"), voip.get("app"), voip.get("bits") or 0
        if got not in self.classes:
            problem(f"{name}: class {got}, expected {' or '.join(self.classes)}")
        if "*" not in self.apps and app not in self.apps:
            problem(f"{name}: app {app}, expected {' or '.join(self.apps)}")
        if got == "media" and bits < ACT_BITS:
            problem(f"{name}: {bits} bits, not enough to act on")
        action = (event.get("verdict") or {}).get("action")
        if self.verdict != "*" and action != self.verdict:
            problem(f"{name}: verdict {action}, expected {self.verdict}")


def events_of(squelch, source, path):
    rules = os.path.join(source, "rules", "inflight.rules")
    done = subprocess.run([squelch, "read", "-R", rules, "--eve", "-", path],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=LIMIT_S)
    if done.returncode != 0:
        problem(f"exit code {done.returncode}: {done.stderr.decode(errors='replace').strip()[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def check_schema(source, events):
    path = os.path.join(source, "docs", "eve.schema.json")
    import jsonschema
    with open(path) as fh:
        schema = json.load(fh)
    validator = jsonschema.validators.validator_for(schema)(schema)
    for event in events:
        for error in validator.iter_errors(event):
            problem(f"schema: {error.message} in {json.dumps(event)[:300]}")


def check_file(event, path):
    if event["event_type"] in ("voip", "flow", "call") and event.get("pcap_filename") != path:
        problem(f"{event['event_type']} event of {event.get('pcap_filename')}, expected {path}")


def check_flow(rows, event):
    name = "{proto} {src_ip} {src_port} {dest_ip} {dest_port}".format_map({"src_port": "-", "dest_port": "-", **event})
    if "src_port" in event:
        for row in rows:
            if row.fits(event):
                row.met = True
                row.check(event, name)
                return
    voip = event.get("voip") or {}
    if voip.get("class") not in QUIET or voip.get("app") == "skype":
        problem(f"{name}: {voip.get('class')}, {voip.get('app')}: not expected to be a call")
    if (event.get("verdict") or {}).get("action", "pass") != "pass":
        problem(f"{name}: verdict {event['verdict']['action']}, expected pass")


def main():
    squelch, source, name = sys.argv[1:]
    with open(os.path.join(source, "pcaps", "expected.tsv"), newline="") as fh:
        rows = [Row(r) for r in csv.DictReader(fh, delimiter="\t") if r["file"] == name]
    if not rows:
        problem(f"{name}: no row in pcaps/expected.tsv")
    path = os.path.join(source, "pcaps", name)
    events = events_of(squelch, source, path)
    check_schema(source, events)
    for event in events:
        check_file(event, path)
    flows = [e for e in events if e["event_type"] == "flow"]
    if not flows:
        problem("no flow events")
    for event in flows:
        check_flow(rows, event)
    for row in rows:
        if not row.none and not row.met:
            problem(f"no flow fits: {row.text}")
    calls = [e for e in events if e["event_type"] == "call"]
    wanted = any("media" in row.classes for row in rows)
    if wanted != bool(calls):
        problem(f"{len(calls)} call events, expected {'some' if wanted else 'none'}")
    print(f"{name}: {len(flows)} flows, {len(calls)} calls, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
