#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# run.sh SQUELCH SHARED SET [score.py's options] min:KEY=VALUE max:KEY=VALUE...
# Scores one set of labelled captures and compares the figures with the thresholds.
set -eu
here=$(dirname "$0")
squelch=$1 shared=$2 set=$3
shift 3

SKIP=77
if [ ! -f "$shared/corpus/score.py" ] || [ ! -f "$shared/$set/labels.tsv" ]; then
	echo "skipped: no labelled captures at $shared/$set"
	exit $SKIP
fi

# Sorts the arguments: thresholds are ours, the rest goes to score.py.
thresholds=
n=$#
while [ "$n" -gt 0 ]; do
	case $1 in
	min:*|max:*) thresholds="$thresholds $1" ;;
	*) set -- "$@" "$1" ;;
	esac
	shift
	n=$((n - 1))
done

report=$(mktemp)
trap 'rm -f "$report"' EXIT
/usr/bin/python3 "$shared/corpus/score.py" --corpus "$shared/$set" --errata "$here/errata.tsv" \
	--verbose --json "$report" --run "$squelch read --eve - {pcap}" "$@"

# shellcheck disable=SC2086 # one word a threshold
/usr/bin/python3 - "$report" $thresholds <<'END'
import json, sys
got = json.load(open(sys.argv[1]))["summary"]
failed = 0
for text in sys.argv[2:]:
    kind, rest = text.split(":", 1)
    key, limit = rest.split("=")
    value = got[key]
    ok = value is not None and (value >= float(limit) if kind == "min" else value <= float(limit))
    print(f"{'ok  ' if ok else 'FAIL'} {key} = {value}, {kind} {limit}")
    failed |= not ok
sys.exit(failed)
END
