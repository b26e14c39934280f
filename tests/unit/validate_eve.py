#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""validate_eve.py SCHEMA FILE...: every line of every FILE ("-" is standard input) is an event of
SCHEMA. Prints what is wrong as FILE:LINE: text, and the line; exit 1 when something was, 77 without jsonschema.
Of lines that differ in their digits alone the first hundred are looked at: filled tables write thousands."""
import collections
import json
import re
import sys

try:
    import jsonschema
except ImportError:
    print("python3-jsonschema is not installed", file=sys.stderr)
    sys.exit(77)

ALIKE_MAX = 100  # lines of one form that are validated; a line takes some milliseconds
DIGITS = re.compile(rb"[0-9a-f]*[0-9][0-9a-f]*")  # of numbers and of call_id


def no_twins(pairs):
    """A key twice in one object is valid for most readers and an error of ours."""
    out = dict(pairs)
    if len(out) != len(pairs):
        raise ValueError("a key twice in " + repr([k for k, _ in pairs]))
    return out


def no_constant(text):
    raise ValueError("not JSON: " + text)


def problems(validator, line):
    try:
        event = json.loads(line.decode("utf-8"), object_pairs_hook=no_twins,
                           parse_constant=no_constant)
    except ValueError as error:
        yield str(error)
        return
    for error in validator.iter_errors(event):
        yield "%s: %s" % (error.json_path, error.message[:300])


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    lines = bad = 0
    alike = collections.Counter()
    for name in sys.argv[2:]:
        with (sys.stdin.buffer if name == "-" else open(name, "rb")) as file:
            for number, line in enumerate(file, 1):
                form = DIGITS.sub(b"0", line)
                alike[form] += 1
                if alike[form] > ALIKE_MAX:
                    continue
                lines += 1
                for text in problems(validator, line):
                    bad += 1
                    print("%s:%d: %s in %s" % (name, number, text, line.decode("utf-8", "replace").strip()))
    print("%d lines, %d problems" % (lines, bad), file=sys.stderr)
    sys.exit(1 if bad else 0)


main()
