#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds the documents against the tables of the code.

    check_docs.py SQUELCH SOURCE_DIR     tells every difference, exit 1 when there is one
    check_docs.py --write SQUELCH SOURCE_DIR
                                         writes the generated tables of docs/EVENTS.md and
                                         the output that README.md shows anew

Applications (src/base/app.h) and counters (src/base/count.h) are in
docs/EVENTS.md between marks, exactly as generated. Exit codes (src/base/exit.h),
subcommands (src/main.c) and the options of their --help are in man/squelch.1,
the files of rules/ in man/squelch.rules.5, detectors (src/detect/table.c) and
their evidence groups in docs/METHOD.md, event types in docs/EVENTS.md. The
output that README.md shows is what the program prints, and the events of
README.md and docs/EVENTS.md that name a capture of pcaps/ are written for it.
Scripts that the documents name can be executed. A stage of the road that README.md
draws includes nothing of a later one.
"""
import difflib
import glob
import json
import os
import re
import subprocess
import sys

EVENTS = "docs/EVENTS.md"
HELP_S = 10
READ_S = 60
SUMMARY = "    $ build/squelch read pcaps/*.pcap*\n"

# README.md: what a source hands over is packet's, and it asks whether it can be decoded.
ALLOWED_AHEAD = {("source", "packet")}

problems = []


def problem(text):
    problems.append(text)
    print(text)


def read(source, path):
    with open(os.path.join(source, path), encoding="utf-8") as fh:
        return fh.read()


def demand(found, what):
    """A table of the code that cannot be read is an error of this program, not an empty table."""
    if not found:
        sys.exit(f"check_docs.py: found no {what}: has the code changed its form?")
    return found


def macro_rows(text, first):
    """Rows X(...) of a list macro: words and strings of each."""
    start = text.index(f"#define {first}(X)")
    body = []
    for line in text[start:].splitlines()[1:]:
        body.append(line)
        if not line.endswith("\\"):
            break
    rows = [re.findall(r'"([^"]*)"|(\w+)', m) for m in re.findall(r"X\(((?:[^()\"]|\"[^\"]*\")*)\)", "\n".join(body))]
    return [[a or b for a, b in row] for row in rows]


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def app_table(source):
    rows = demand(macro_rows(read(source, "src/base/app.h"), "APPS"), "applications")
    return table(("app", "kind", "category", "what"), [(f"`{n}`", k.lower(), c.lower(), what) for _, n, k, c, what in rows])


def counter_table(source):
    rows = demand(macro_rows(read(source, "src/base/count.h"), "COUNTERS"), "counters")
    return table(("key", "what"), [(f"`{key}`", text) for _, key, text in rows])


GENERATED = {"applications": app_table, "counters": counter_table}


def generated(source, text):
    """The document with its generated tables replaced."""
    for name, make in GENERATED.items():
        begin, end = f"<!-- generated: {name} -->", f"<!-- end: {name} -->"
        if begin not in text or end not in text:
            sys.exit(f"{EVENTS}: no marks for {name}")
        head, rest = text.split(begin, 1)
        text = head + begin + "\n" + make(source) + "\n" + end + rest.split(end, 1)[1]
    return text


def check_generated(source):
    have, want = read(source, EVENTS), generated(source, read(source, EVENTS))
    for line in sorted(set(want.splitlines()) ^ set(have.splitlines())):
        problem(f"{EVENTS}: {'missing' if line in want else 'not in the code'}: {line}")
    if have != want:
        problem(f"{EVENTS}: tables differ from the code; run tests/docs/check_docs.py --write SQUELCH .")


def check_events(source):
    text = read(source, EVENTS)
    schema = json.loads(read(source, "docs/eve.schema.json"))
    for name in schema["properties"]["event_type"]["enum"]:
        if f"\n## {name}" not in text and not re.search(rf"\n## .*`{name}`", text):
            problem(f"{EVENTS}: no section on the event {name}")


def check_exit_codes(source):
    page = read(source, "man/squelch.1")
    section = page[page.index(".Sh EXIT STATUS"):]
    section = section[:section.index("\n.Sh ", 5)]
    have = set(re.findall(r"^\.It (\d+)$", section, re.M))
    want = set(demand(re.findall(r"EXIT_\w+ = (\d+)", read(source, "src/base/exit.h")), "exit codes"))
    for code in sorted(have ^ want):
        problem(f"man/squelch.1: exit code {code} is only in {'the code' if code in want else 'the manual'}")


def check_commands(source, squelch):
    page = read(source, "man/squelch.1")
    for name in demand(re.findall(r'^\t\{ "(\w+)", cmd_', read(source, "src/main.c"), re.M), "subcommands"):
        if f".Ss squelch {name}" not in page:
            problem(f"man/squelch.1: no section on squelch {name}")
        done = subprocess.run([squelch, name, "--help"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=HELP_S, text=True)
        options = re.findall(r"^ +(?:-(\w), )?--([a-z-]+)", done.stdout, re.M)
        if name == "read":
            demand(options, "options of squelch read")
        for letter, option in options:
            if option == "help":
                continue
            if not re.search(rf"Fl \\-{option}\b(?!-)", page):
                problem(f"man/squelch.1: no --{option} of squelch {name}")
            elif letter and not re.search(rf"^\.It Fl {letter} , Fl \\-{option}\b", page, re.M):
                problem(f"man/squelch.1: --{option} of squelch {name} without its letter -{letter}")


def check_rules(source):
    page = read(source, "man/squelch.rules.5")
    for name in sorted(demand(os.listdir(os.path.join(source, "rules")), "rules")):
        if f"rules/{name}" not in page:
            problem(f"man/squelch.rules.5: no rules/{name}")


def check_method(source):
    text = read(source, "docs/METHOD.md")
    rows = demand(re.findall(r'\.name = "(\w+)"', read(source, "src/detect/table.c")), "detectors")
    for name in sorted(set(rows)):
        if f"`{name}`" not in text:
            problem(f"docs/METHOD.md: nothing about the detector `{name}`")
    for group in demand(re.findall(r'^\tX\(\w+, "(\w+)"\)', read(source, "src/detect/detect.h"), re.M), "groups"):
        if f"`{group}`" not in text:
            problem(f"docs/METHOD.md: nothing about the group `{group}`")


def run(squelch, source, *args):
    """What `squelch read` prints, beside the captures."""
    return subprocess.run([squelch, "read", *args], cwd=source, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          timeout=READ_S, text=True).stdout


def blocks(text):
    """Indented pieces of a document, without their indent."""
    return ["".join(line[4:] or "\n" for line in m.splitlines(True)) for m in re.findall(r"(?:^    .*\n|^\n(?=    ))+", text, re.M)]


def check_programs(source):
    """What the documents tell to run by its name can be run so."""
    named = {m for path in ["README.md", *(f"docs/{n}" for n in os.listdir(os.path.join(source, "docs")) if n.endswith(".md"))]
             for m in re.findall(r"\b(?:tests|tools)/[\w/-]+(?:\.py|\.sh)?", read(source, path))}
    for name in sorted(named):
        path = os.path.join(source, name)
        if os.path.isfile(path) and not os.access(path, os.X_OK):
            with open(path, "rb") as fh:
                if fh.read(2) == b"#!":
                    problem(f"{name}: is named in the documents, and cannot be run")


def check_stages(source):
    """The order of the stages is that of README.md; src/base is for all."""
    road = demand(re.findall(r"^    (source +->.*)$", read(source, "README.md"), re.M), "stages in README.md")
    stages = ["base"] + re.findall(r"[a-z]+", road[0])
    for at, stage in enumerate(stages):
        for path in demand(sorted(glob.glob(os.path.join(source, "src", stage, "*.[chly]"))), f"files of stage {stage}"):
            for other in re.findall(r'^#include "(\w+)/', read(source, path), re.M):
                if other in stages[:at + 1] or (stage, other) in ALLOWED_AHEAD:
                    continue
                problem(f"{os.path.relpath(path, source)}: the stage {stage} includes {other}/, which it must not know")


def summarised(source, squelch):
    """README.md with what the program prints today, up to the hosts."""
    text = read(source, "README.md")
    before, rest = text.split(SUMMARY) if text.count(SUMMARY) == 1 else sys.exit("README.md: no output of squelch read")
    captures = sorted(os.path.relpath(f, source) for f in glob.glob(os.path.join(source, "pcaps/*.pcap*")))
    printed = run(squelch, source, *captures).split("\n\nHosts ")[0] + "\n..."
    shown = "".join(f"    {line.rstrip()}".rstrip() + "\n" for line in printed.splitlines())
    return before + SUMMARY + shown + rest[rest.index("    ...\n") + len("    ...\n"):]


def check_summary(source, squelch):
    have, want = read(source, "README.md"), summarised(source, squelch)
    for line in difflib.unified_diff(have.splitlines(), want.splitlines(), "README.md", "squelch read", lineterm="", n=0):
        print(line)
    if have != want:
        problem("README.md: squelch read prints something else; run tests/docs/check_docs.py --write SQUELCH .")


def check_example(source, squelch, path, event):
    rules = (event["verdict"]["rule"] or "rules/default.rules").rsplit(":", 1)[0]
    written = map(json.loads, run(squelch, source, "-q", "-R", rules, "--eve", "-", event["pcap_filename"]).splitlines())
    start = event.pop("flow_id")  # random
    if not any({k: v for k, v in e.items() if k != "flow_id"} == event for e in written):
        problem(f"{path}: the event of flow {start} is not written for {event['pcap_filename']}")


def check_examples(source, squelch):
    for path in ("README.md", EVENTS):
        whole = [b for b in blocks(read(source, path)) if '"pcap_filename":"pcaps/' in b and "..." not in b]
        for text in demand(whole, f"examples of events in {path}"):
            check_example(source, squelch, path, json.loads(text))


def write(squelch, source):
    for path, text in ((EVENTS, generated(source, read(source, EVENTS))), ("README.md", summarised(source, squelch))):
        with open(os.path.join(source, path), "w", encoding="utf-8") as fh:
            fh.write(text)


def main():
    if len(sys.argv) == 4 and sys.argv[1] == "--write":
        write(os.path.abspath(sys.argv[2]), sys.argv[3])
        return 0
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    squelch, source = os.path.abspath(sys.argv[1]), sys.argv[2]
    check_generated(source)
    check_events(source)
    check_exit_codes(source)
    check_commands(source, squelch)
    check_rules(source)
    check_method(source)
    check_summary(source, squelch)
    check_examples(source, squelch)
    check_programs(source)
    check_stages(source)
    print(f"{len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
