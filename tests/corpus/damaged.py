#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads damaged capture files: what lies before the damage is reported, and nothing worse happens.

    damaged.py [--count N] [--seed N] SQUELCH FILE|DIR...

Makes N damaged copies of the captures (cut, bits flipped, a block of zeros or of
noise, a piece left out, a piece twice), compressed ones too, and reads each: the
exit code is 0 or 3, with 3 standard error names the file, standard output is JSON
lines with a start and a stop, and no sanitizer speaks. Same arguments, same damage.
"""
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile

SIZE_MAX = 4 << 20  # bytes: larger captures are left out, to be quick
READ_S = 120
FILE_ERROR = 3      # exit code: docs, man/squelch.1


def cut(data, rng):
    return data[:rng.randrange(len(data))]


def flip(data, rng):
    data = bytearray(data)
    for _ in range(rng.choice((1, 4, 32))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def piece(data, rng):
    at = rng.randrange(len(data))
    return at, min(len(data), at + rng.choice((1, 16, 400, 5000)))


def zeros(data, rng):
    at, end = piece(data, rng)
    return data[:at] + bytes(end - at) + data[end:]


def noise(data, rng):
    at, end = piece(data, rng)
    return data[:at] + rng.randbytes(end - at) + data[end:]


def without(data, rng):
    at, end = piece(data, rng)
    return data[:at] + data[end:]


def twice(data, rng):
    at, end = piece(data, rng)
    return data[:end] + data[at:]


DAMAGES = (cut, flip, zeros, noise, without, twice)


def captures(paths):
    for path in paths:
        names = [path] if os.path.isfile(path) else [os.path.join(path, n) for n in sorted(os.listdir(path))]
        yield from (n for n in names if os.path.isfile(n) and 24 < os.path.getsize(n) <= SIZE_MAX)


def wrong(squelch, path):
    """What is wrong with how the file was read, None when nothing is; and the exit code."""
    done = subprocess.run([squelch, "read", "--ndpi", "off", "--eve", "-", path], capture_output=True, timeout=READ_S)
    errors = done.stderr.decode("utf-8", "replace")
    if "Sanitizer" in errors or "runtime error" in errors:
        return errors, done.returncode
    if done.returncode not in (0, FILE_ERROR):
        return f"exit code {done.returncode}: {errors}", done.returncode
    if done.returncode == FILE_ERROR and os.path.basename(path) not in errors:
        return f"the file is not named: {errors}", done.returncode
    try:
        kinds = [json.loads(line)["event_type"] for line in done.stdout.splitlines()]
    except (ValueError, KeyError) as e:
        return f"no JSON line: {e}", done.returncode
    if kinds and (kinds[0] != "start" or kinds[-1] != "stop"):
        return "start or stop is missing", done.returncode
    return None, done.returncode


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--count", type=int, default=40)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("squelch")
    ap.add_argument("paths", nargs="+")
    args = ap.parse_args()
    rng = random.Random(args.seed)
    files = list(captures(p for p in args.paths if os.path.exists(p)))
    codes, failed = {0: 0, FILE_ERROR: 0}, 0
    with tempfile.TemporaryDirectory(prefix="squelch-damaged-") as work:
        for number in range(args.count):
            source, damage = rng.choice(files), rng.choice(DAMAGES)
            path = os.path.join(work, f"{number}-{os.path.basename(source)}")
            with open(source, "rb") as fh, open(path, "wb") as out:
                out.write(damage(fh.read(), rng))
            problem, code = wrong(args.squelch, path)
            codes[code] = codes.get(code, 0) + 1
            if problem:
                failed += 1
                print(f"FAIL {damage.__name__} of {source}: {problem}")
            os.unlink(path)
    print(f"{args.count} damaged copies of {len(files)} captures: {codes[0]} read to the end, "
          f"{codes[FILE_ERROR]} to the damage, {failed} wrong")
    # A run in which nothing was found damaged has tried nothing.
    return 1 if failed or codes[FILE_ERROR] == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
