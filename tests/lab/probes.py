# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting probe.py in a namespace, and reading what it heard."""
import contextlib
import os
import sys
import time

from world import HERE, whole_lines

PORT = 9000
PYTHON = sys.executable
PROBE = os.path.join(HERE, "probe.py")


def probe(lab, role, *argv):
    return lab.start(role, PYTHON, PROBE, *map(str, argv))


def arrivals(path):
    """[(time, number)] of what probe.py sent."""
    return [(float(line.split()[0]), int(line.split()[2])) for line in whole_lines(path)]


def sink(lab):
    path = lab.path("sink.txt")
    probe(lab, "server", "sink", PORT, path)
    lab.wait_port("server", PORT, "-u")
    return path


SETTLED_S = 10


def settled(path, n):
    """How many datagrams came, once n are there or SETTLED_S have passed."""
    end = time.monotonic() + SETTLED_S
    while (got := len(arrivals(path))) < n and time.monotonic() < end:
        time.sleep(0.1)
    return got


def sent_at(lab, beat):
    """When each datagram of a `beat` was sent."""
    return [float(line) for line in lab.said(beat).split()]


def interruption(found, sent):
    """The longest time in which something was sent and nothing arrived, seconds; and how many were lost."""
    came = sorted((number, t) for t, number in found)
    longest, i = 0, 0
    while i < len(sent):
        then = next(((number, t) for number, t in came if number >= i), None)
        longest = max(longest, (then[1] if then else sent[-1]) - sent[i])
        i = then[0] + 1 if then else len(sent)
    return longest, len(sent) - len(came)


# What must run in a row until traffic passes again: a round of the supervisor, a kill, a process that ends, and they wait for a core.
LATE_TIMES = 4


@contextlib.contextmanager
def lateness(lab):
    """
    A list that holds, at the end, the seconds that this machine by itself may add to a bound: what a program beside
    that only sleeps woke late at worst, some times. Milliseconds on a machine that has a core to spare.
    """
    extra = []
    beside = probe(lab, "gateway", "late")
    try:
        yield extra
    finally:
        lab.stop(beside)
        extra.append(LATE_TIMES * float(lab.said(beside) or 0))


def all_sent(lab, loads):
    """Ends senders; how many packets they sent."""
    for load in loads:
        lab.stop(load)
    return sum(int(lab.said(load)) for load in loads)
