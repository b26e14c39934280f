#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs scenario files (docs/SCENARIOS.md) against squelch and checks what they expect.

usage: run.py [-v] SQUELCH FILE...
"""

import argparse
import collections
import json
import operator
import os
import re
import shlex
import subprocess
import sys
import tempfile

TIMEOUT_S = 120
NEAREST = 3  # events shown below an expectation that was not met
SOURCE = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
SCHEMA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/eve.schema.json")

# Longest first: the condition is cut at the first of these.
CONDITION = re.compile(r"([A-Za-z0-9_.*\[\]-]+?)(!=|>=|<=|=|>|<|~)(.*)", re.DOTALL)
MISSING = object()

Condition = collections.namedtuple("Condition", "text path op value")
Check = collections.namedtuple("Check", "kind line text type conditions bound")


class Malformed(Exception):
    """The scenario file itself is wrong."""


def value_of(text):
    """JSON where it is JSON, else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def condition_parse(word):
    match = CONDITION.fullmatch(word)
    if match is None:
        raise Malformed(f"no condition: {word}")
    path, op, value = match.groups()
    return Condition(word, path.split("."), op, value if op == "~" else value_of(value))


def values_at(event, path):
    """All values a path leads to; `*` stands for each element of an array."""
    if not path:
        return [event]
    head, rest = path[0], path[1:]
    if head == "*":
        return [v for e in event for v in values_at(e, rest)] if isinstance(event, list) else []
    if isinstance(event, dict) and head in event:
        return values_at(event[head], rest)
    return [MISSING]


def compare(op, found, wanted):
    if found is MISSING:
        found = None
    if op in "=!=":
        same = found == wanted and isinstance(found, bool) == isinstance(wanted, bool)
        same = same or (isinstance(found, str) and found == str(wanted))
        return same == (op == "=")
    if op == "~":
        return found is not None and re.search(wanted, str(found)) is not None
    order = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}[op]
    try:
        return order(found, wanted)
    except TypeError:
        return False


def holds(condition, event):
    found = values_at(event, condition.path)
    if condition.op == "!=":
        return all(compare("!=", v, condition.value) for v in found)
    return any(compare(condition.op, v, condition.value) for v in found)


def unmet(check, event):
    """The conditions an event fails; its type counts as one."""
    missed = [c.text for c in check.conditions if not holds(c, event)]
    if event.get("event_type") != check.type:
        missed.insert(0, f"event_type={check.type}")
    return missed


# ---- reading a scenario ----

def words_of(text):
    lexer = shlex.shlex(text, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.commenters = "#"
    lexer.escape = ""  # backslashes belong to regular expressions
    return list(lexer)


def check_parse(number, text):
    kind, *words = words_of(text)
    if not words:
        raise Malformed(f"line {number}: an event type must follow {kind}")
    event_type, words = words[0], words[1:]
    bound = None
    if kind == "count":
        if not words or re.fullmatch(r"(>=|<=|>|<)?\d+", words[-1]) is None:
            raise Malformed(f"line {number}: count ends with a number, such as 3 or >=1")
        bound = condition_parse("n" + words[-1] if words[-1][0] in "<>" else "n=" + words[-1])
        words = words[:-1]
    return Check(kind, number, text.strip(), event_type, [condition_parse(w) for w in words], bound)


class Scenario:
    def __init__(self, path):
        self.path = path
        self.name = os.path.splitext(os.path.basename(path))[0]
        self.options, self.checks, self.errors = [], [], []
        self.rules = None
        self.exit = None
        with open(path, encoding="utf-8") as f:
            self.read(f.read().split("\n"))
        if not self.checks and not self.errors:
            raise Malformed("nothing is expected")

    def read(self, lines):
        here = None  # the end of a << text
        rules = False
        for number, line in enumerate(lines, 1):
            first = line.split(None, 1)[0] if line.strip() else ""
            if here is not None:
                here = None if line == here else here
            elif rules:
                rules = line != "end"
                if rules:
                    self.rules += line + "\n"
            elif first == "rules":
                rules, self.rules = True, ""
            elif first not in self.OWN:
                match = re.search(r"\s<<(\S+)\s*(#.*)?$", line)
                here = match.group(1) if match and not first.startswith("#") else None
            else:
                self.OWN[first](self, number, line)
        if here is not None or rules:
            raise Malformed("rules or << without an end")

    def read_options(self, number, line):
        self.options += [w.replace("{source}", SOURCE) for w in words_of(line)[1:]]

    def read_error(self, number, line):
        self.errors += words_of(line)[1:]

    def read_exit(self, number, line):
        self.exit = int(words_of(line)[1])

    def read_check(self, number, line):
        self.checks.append(check_parse(number, line))

    OWN = {
        "title": lambda self, number, line: None,
        "options": read_options, "expect-error": read_error, "exit": read_exit,
        "expect": read_check, "expect-any": read_check, "refuse": read_check, "count": read_check,
    }


# ---- checking ----

def show(event):
    text = json.dumps(event)
    return text if len(text) <= 1000 else text[:1000] + " ..."


def nearest(check, events):
    """The events that miss least, with what they miss."""
    ranked = sorted(((unmet(check, e), i) for i, e in enumerate(events)), key=lambda m: len(m[0]))
    return [f"    event {i + 1} lacks {', '.join(missed)}\n      {show(events[i])}"
            for missed, i in ranked[:NEAREST]] or ["    there are no events"]


def check_all(scenario, events):
    """Failures, one text each. `expect` goes on where the last one matched."""
    failures = []
    at = 0
    for check in scenario.checks:
        hits = [i for i, e in enumerate(events) if not unmet(check, e)]
        where = f"{scenario.path}:{check.line}: {check.text}"
        if check.kind == "expect":
            later = [i for i in hits if i >= at]
            if later:
                at = later[0] + 1
                continue
            note = f"\n    (event {hits[0] + 1} fits, but comes too early)" if hits else ""
            failures.append("\n".join([where + ": not met" + note] + nearest(check, events[at:])))
        elif check.kind == "expect-any" and not hits:
            failures.append("\n".join([where + ": not met"] + nearest(check, events)))
        elif check.kind == "refuse" and hits:
            failures.append(f"{where}: must not occur\n      {show(events[hits[0]])}")
        elif check.kind == "count" and not compare(check.bound.op, len(hits), check.bound.value):
            failures.append(f"{where}: there are {len(hits)}")
    return failures


def events_of(stdout, failures):
    events = []
    for number, line in enumerate(stdout.splitlines(), 1):
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if isinstance(event, dict):
            events.append(event)
        else:
            failures.append(f"standard output, line {number}: no JSON object: {line[:200]}")
    return events


def check_schema(validator, events):
    failures = []
    for number, event in enumerate(events, 1):
        for error in validator.iter_errors(event) if validator else ():
            path = ".".join(str(p) for p in error.absolute_path)
            failures.append(f"event {number}: schema: {path}: {error.message[:300]}\n      {show(event)}")
    return failures


def keys_of(node):
    """Every key that a schema knows, or that an event has, at any depth."""
    if isinstance(node, list):
        return {k for n in node for k in keys_of(n)}
    if not isinstance(node, dict):
        return set()
    return set(node).union(*(keys_of(v) for v in node.values()))


def check_words(validator, scenario, events):
    """A word that no event can have is a slip of the pen: `refuse` with it would hold for ever."""
    if validator is None:
        return []
    types = validator.schema["properties"]["event_type"]["enum"]
    known = keys_of(validator.schema) | keys_of(events) | {"*"}
    failures = []
    for check in scenario.checks:
        if check.type not in types:
            failures.append(f"line {check.line}: no event has the type {check.type}")
        failures += [f"line {check.line}: no event has a key {key}: {c.text}"
                     for c in check.conditions for key in c.path if key not in known]
    return failures


def schema_load():
    if not os.path.exists(SCHEMA):
        return None
    import jsonschema  # python3-jsonschema
    with open(SCHEMA, encoding="utf-8") as f:
        schema = json.load(f)
    cls = jsonschema.validators.validator_for(schema)
    cls.check_schema(schema)
    return cls(schema)


def check_end(scenario, done):
    """Exit code and messages."""
    failures = [f"standard error lacks: {e}" for e in scenario.errors if e not in done.stderr]
    wanted = scenario.exit
    if wanted is not None and done.returncode != wanted:
        failures.append(f"exit code {done.returncode}, not {wanted}")
    elif wanted is None and (done.returncode != 0) != bool(scenario.errors):
        failures.append(f"exit code {done.returncode}")
    return failures


def command_of(squelch, scenario, folder):
    command = [squelch, "read", "--eve", "-"]
    if scenario.rules is not None:
        rules = os.path.join(folder, scenario.name + ".rules")
        with open(rules, "w", encoding="utf-8") as f:
            f.write(scenario.rules)
        command += ["-R", rules]
    return command + scenario.options + ["--scenario", scenario.path]


def run(squelch, path, validator, verbose):
    """Failures of one scenario."""
    try:
        scenario = Scenario(path)
    except (Malformed, OSError, ValueError) as e:
        return [f"{path}: {e}"]
    with tempfile.TemporaryDirectory() as folder:
        command = command_of(squelch, scenario, folder)
        try:
            done = subprocess.run(command, capture_output=True, text=True, errors="replace",
                                  stdin=subprocess.DEVNULL, timeout=TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired:
            return [f"{shlex.join(command)}: not done after {TIMEOUT_S} s"]
        except OSError as e:
            return [str(e)]
    failures = check_end(scenario, done)
    events = events_of(done.stdout, failures)
    failures += check_schema(validator, events) + check_words(validator, scenario, events) + check_all(scenario, events)
    if verbose or failures:
        sys.stderr.write(done.stderr)
    if verbose:
        print(done.stdout, end="")
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("-v", "--verbose", action="store_true", help="print all events")
    parser.add_argument("squelch")
    parser.add_argument("scenarios", nargs="+", metavar="FILE")
    args = parser.parse_args()
    validator = schema_load()
    failed = 0
    for path in args.scenarios:
        failures = run(args.squelch, path, validator, args.verbose)
        failed += bool(failures)
        print(f"{'FAIL' if failures else 'ok'}  {path}")
        for failure in failures:
            print("  " + failure)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
