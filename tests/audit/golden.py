#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds `squelch audit` against what is known of captures.

    golden.py SQUELCH SOURCE_DIR FOLDER

Text, CSV and EVE must agree, be the same in every run, and the text fit 100
columns. Captures that are not in FOLDER are passed over; exit 77 without any.
"""
import csv
import io
import json
import os
import subprocess
import sys

LIMIT_S = 60
COLUMNS = 100

# Of each capture: conditions on the row of (host, application). None: no such row.
EXPECTED = {
    "SkypeIRC.cap": {
        ("192.168.1.2", "skype"): {"role": "client", "version": "1.2", "public_ip": "86.128.245.115",
                                   "peers": lambda n: int(n) >= 80, "bits": lambda n: float(n) >= 40,
                                   "accepted": lambda n: int(n) >= 2, "first": "2006-08-25T19:32:06Z",
                                   "cap": "", "restarts": "1", "listening": "35990", "login_servers": lambda n: int(n) >= 2,
                                   "supernodes": lambda n: int(n) >= 2, "hole_punching": "0"},
        ("192.168.1.1", "skype"): None,
    },
    "skype_no_unknown.pcap": {
        ("192.168.1.34", "skype"): {"role": "client", "version": "2015", "peers": lambda n: int(n) >= 140,
                                    "bits": lambda n: float(n) >= 40, "calls": "0"},
    },
    "skype.pcap": {("192.168.1.34", "skype"): {"role": "client", "version": "2015"}},
    "skype-conference-call.pcap": {("192.168.2.20", "teams"): {"role": "", "category": "voip"}},
    "dnscrypt_skype_false_positive.pcapng": {("192.168.43.45", "skype"): None},
    "sip-g711.pcap": {("192.0.2.10", "sip"): {"calls": "1", "call_s": lambda s: 7 <= float(s) <= 8}},
}

problems = []


def problem(text):
    problems.append(text)
    print(text)


def run(squelch, *words):
    done = subprocess.run([squelch, "audit", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=LIMIT_S)
    if done.returncode != 0:
        problem(f"{' '.join(words)}: exit code {done.returncode}: {done.stderr.decode(errors='replace')[-1000:]}")
    return done.stdout.decode()


def check_rows(name, rows):
    for key, want in EXPECTED[name].items():
        found = [r for r in rows if (r["host"], r["app"]) == key]
        if len(found) != (want is not None):
            problem(f"{name}: {len(found)} rows of {key}")
            continue
        for column, value in (want or {}).items():
            got = found[0][column]
            if not (value(got) if callable(value) else got == value):
                problem(f"{name}: {key}: {column} is {got}")


def check_eve(name, text, rows, validator):
    events = [json.loads(line) for line in text.splitlines()]
    for event in events:
        for error in validator.iter_errors(event) if validator else ():
            problem(f"{name}: schema: {error.message} in {json.dumps(event)[:300]}")
    hosts = [e["audit"] for e in events if e["event_type"] == "audit" and e["audit"]["kind"] == "host"]
    of_csv = [(r["host"], r["app"], int(r["flows"]), int(r["peers"]), int(r["bytes_sent"])) for r in rows]
    of_eve = [(h["host"], h["app"] or "", h["flows"], h["peers"], h["bytes_sent"]) for h in hosts]
    if of_csv != of_eve:
        problem(f"{name}: CSV and EVE differ: {set(of_csv) ^ set(of_eve)}")


def check_text(name, text, rows):
    table = text.split("\n\n")[0].splitlines()
    if rows and len(table) != len(rows) + 1:
        problem(f"{name}: {len(table) - 1} lines of text, {len(rows)} of CSV")
    for line in text.splitlines():
        if len(line) > COLUMNS:
            problem(f"{name}: {len(line)} columns: {line}")


def schema(source):
    try:
        import jsonschema
    except ImportError:
        print("not validated: no python3-jsonschema")
        return None
    with open(os.path.join(source, "docs", "eve.schema.json")) as fh:
        contract = json.load(fh)
    return jsonschema.validators.validator_for(contract)(contract)


def main():
    squelch, source, folder = sys.argv[1:]
    validator = schema(source)
    names = [n for n in EXPECTED if os.path.isfile(os.path.join(folder, n))]
    if not names:
        print(f"skipped: none of the captures at {folder}")
        return 77
    for name in names:
        path = os.path.join(folder, name)
        table, text = run(squelch, "--csv", path), run(squelch, path)
        rows = list(csv.DictReader(io.StringIO(table, newline="")))
        check_rows(name, rows)
        check_text(name, text, rows)
        check_eve(name, run(squelch, "--eve", "-", path), rows, validator)
        if run(squelch, "--csv", path) != table or run(squelch, path) != text:
            problem(f"{name}: two runs differ")
        print(f"{name}: {len(rows)} rows")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
