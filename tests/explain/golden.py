#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds `squelch explain` against texts that people have read.

    golden.py SQUELCH SOURCE_DIR            compares with tests/explain/golden/, exit 1 when something differs
    golden.py --write SQUELCH SOURCE_DIR    writes them anew; read the difference before you keep it

Only the detectors named in the command take part, so that a new one changes no text.
"""
import difflib
import json
import os
import subprocess
import sys

LIMIT_S = 60
COLUMNS = 80
HERE = os.path.join("tests", "explain")

# name of the text, words of the command
TEXTS = [
    ("call", ["--detect", "sip,rtp", "--ndpi", "off", "pcaps/sip-g711.pcap"]),
    ("signalling", ["--detect", "sip,rtp", "--ndpi", "off", "--flow", "udp 198.51.100.20:5060, 192.0.2.10", "pcaps/sip-g711.pcap"]),
    ("game", ["--detect", "rtp", "--ndpi", "off", "--scenario", f"{HERE}/game.scn"]),
    ("skype", ["--detect", "skype", "--ndpi", "off", "--flow", "203.0.113.9", "--scenario", f"{HERE}/skype.scn"]),
]

# words of the command, exit code, what standard error says
ERRORS = [
    (["--flow", "nonsense", "pcaps/ntp.pcap"], 1, "--flow"),
    (["--flow", "10.9.9.9:99999", "pcaps/ntp.pcap"], 1, "--flow"),
    (["--flow", "udp 192.0.2.99:1", "pcaps/ntp.pcap"], 1, "no flow"),
    (["--flow", "4000000", "pcaps/ntp.pcap"], 1, "no flow"),
    (["-"], 1, "standard input"),
    ([], 1, "which file"),
    (["pcaps/ntp.pcap", "pcaps/ssh.pcap"], 1, "one file"),
    (["no/such/file.pcap"], 3, "no/such/file.pcap"),
    (["--detect", "nobody", "pcaps/ntp.pcap"], 1, "nobody"),
]

problems = []


def problem(text):
    problems.append(text)
    print(text)


def run(squelch, words, command="explain"):
    return subprocess.run([squelch, command, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=LIMIT_S, text=True)


def compare(name, text, write):
    path = os.path.join(HERE, "golden", name + ".txt")
    if write:
        with open(path, "w", encoding="ascii") as out:
            out.write(text)
        return
    with open(path, encoding="ascii") as fh:
        want = fh.read()
    if text != want:
        problem(f"{name} differs:\n" + "\n".join(difflib.unified_diff(want.splitlines(), text.splitlines(), path, "now", lineterm="")))


def check_texts(squelch, write):
    for name, words in TEXTS:
        done = run(squelch, words)
        if done.returncode != 0 or done.stderr:
            problem(f"{name}: exit code {done.returncode}, {done.stderr}")
        report = done.stdout[done.stdout.index("Flow "):]  # the list before it may hold long addresses
        for line in report.splitlines():
            if len(line) > COLUMNS:
                problem(f"{name}: {len(line)} columns: {line}")
        compare(name, done.stdout, write)


def check_speech(squelch):
    """The evidence of cadence changes with its model, the form does not."""
    done = run(squelch, ["--detect", "cadence", "--ndpi", "off", "pcaps/bench/linphone-speex.pcap.zst"])
    if done.returncode != 0 or "(null)" in done.stdout or " cadence_sizes " not in done.stdout:
        problem(f"a call by its cadence: {done.stdout}{done.stderr}")


def check_errors(squelch):
    for words, code, said in ERRORS:
        done = run(squelch, words)
        if done.returncode != code or said not in done.stderr or done.stdout:
            problem(f"{' '.join(words)}: exit code {done.returncode}, not {code}, and said: {done.stdout}{done.stderr}")


def check_ids(squelch):
    """One flow by its number, by the flow_id of another run, and by its ends: the same text."""
    capture = "pcaps/sip-g711.pcap"
    ids = {}
    for line in run(squelch, ["--eve", "-", capture], "read").stdout.splitlines():
        event = json.loads(line)
        if event["event_type"] == "flow" and event.get("src_port") == 5060:
            ids = {"number": str(event["flow_id"] & 0xFFFFFFFF), "flow_id": str(event["flow_id"]),
                   "ends": f"{event['src_ip']}:{event['src_port']} {event['dest_ip']}:{event['dest_port']}",
                   "ends turned": f"UDP,{event['dest_ip']}:{event['dest_port']},{event['src_ip']}"}
    texts = {how: run(squelch, ["--flow", flow, capture]).stdout for how, flow in ids.items()}
    if len(set(texts.values())) != 1 or "5060" not in texts.get("number", ""):
        problem(f"a flow by {', '.join(texts)}: the texts differ")


def main():
    write = sys.argv[1] == "--write"
    squelch, source = sys.argv[2 if write else 1:]
    squelch = os.path.abspath(squelch)
    os.chdir(source)
    check_texts(squelch, write)
    check_speech(squelch)
    check_errors(squelch)
    check_ids(squelch)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
