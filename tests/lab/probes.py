# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting probe.py in a namespace, and reading what it heard."""
import os
import sys

from world import HERE

PORT = 9000
PYTHON = sys.executable
PROBE = os.path.join(HERE, "probe.py")


def probe(lab, role, *argv):
    return lab.start(role, PYTHON, PROBE, *map(str, argv))


def arrivals(path):
    """[(time, number)] of what probe.py sent."""
    with open(path) as fh:
        return [(float(line.split()[0]), int(line.split()[2])) for line in fh if line.endswith("\n")]


def sink(lab):
    path = lab.path("sink.txt")
    probe(lab, "server", "sink", PORT, path)
    lab.wait_port("server", PORT, "-u")
    return path


def longest_gap(found):
    return max(b[0] - a[0] for a, b in zip(found, found[1:]))


def all_sent(lab, loads):
    """Ends senders; how many packets they sent."""
    for load in loads:
        lab.stop(load)
    return sum(int(lab.said(load)) for load in loads)
