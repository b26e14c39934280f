#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The threads of `squelch block` under ThreadSanitizer, with everything they do at once.

    threads.py SQUELCH STORM

SQUELCH is built with -DSQUELCH_TSAN=ON. Two workers for UDP and two for TCP, so
that SIP and the media it announces meet different ones; calls, flows, other
rules, every question of `squelch ctl` and a new file of events meanwhile.
Needs root and a kernel with NFQUEUE, else ends with 77.
"""
import glob
import os
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import run as lab_run  # noqa: E402
import storms  # noqa: E402
import world  # noqa: E402
from net import LabError  # noqa: E402

RULES = ('block media reason "no calls on board"\n',
         'alert signalling\nblock media reason "no calls on board"\n')
STORM = dict(rate=40, seconds=8, sip=1, both=1, ptime=60, flows=8000, tail=9)
QUESTIONS = ("calls", "flows", "stats", "reload", "kill")
SANITIZER_EXIT = 66


def ask(gate, word):
    words = [word]
    if word == "kill":
        table = gate.command("calls").splitlines()[1:]
        if not table:
            return
        words.append(table[0].split()[0])
    gate.command(*words)


def pester(gate, over, said):
    turn = 0
    while not over.is_set():
        turn += 1
        try:
            ask(gate, QUESTIONS[turn % len(QUESTIONS)])
            said["asked"] += 1
        except LabError:  # a call that ended meanwhile, a reload beside another
            said["refused"] += 1
        gate.set_rules(RULES[turn % 2])
        if turn % 3 == 0:
            os.rename(gate.eve, f"{gate.eve}.{turn}")
            gate.reload()
        time.sleep(0.2)


def races(folder):
    found = []
    for path in glob.glob(os.path.join(folder, "tsan.*")):
        with open(path, errors="replace") as fh:
            found.append(fh.read())
    return found


def case(squelch, storm):
    over, said = threading.Event(), {"asked": 0, "refused": 0}
    with world.world() as lab:
        storms.routed(lab)
        os.chmod(lab.dir, 0o711)
        os.mkdir(lab.path("reports"))
        os.chmod(lab.path("reports"), 0o777)  # the threads belong to an unprivileged user
        os.environ["TSAN_OPTIONS"] = f"log_path={lab.path('reports/tsan')} exitcode={SANITIZER_EXIT} second_deadlock_stack=1"
        gate = world.Gateway(lab, squelch, RULES[0], options=("--ndpi", "all"))
        beside = threading.Thread(target=pester, args=(gate, over, said))
        beside.start()
        try:
            got = storms.storm(lab, storm, **STORM)
        finally:
            over.set()
            beside.join()
        counted = storms.counters(gate)
        gate.process.terminate()
        code = gate.process.wait(timeout=60)
        found = races(lab.path("reports"))
        log = lab.said(gate.process)
    if found:
        raise LabError(f"{len(found)} reports; the first:\n{found[0][:3000]}")
    if said["asked"] < 10:
        raise LabError(f"only {said['asked']} questions were answered")
    if code != 0 or "does not answer" in log:
        raise LabError(f"ended with {code}: {log[-400:]}")
    if got["alive"] or got["cut"] + got["unheard"] != got["calls"]:
        raise LabError(f"calls live on: {got}")
    return (f"no report; {got['calls']} calls signalled on one worker and cut on another, {counted['flows']} flows, "
            f"{said['asked']} questions answered, {said['refused']} refused")


def main():
    lacks = lab_run.kernel_lacks()
    if lacks or not os.path.exists(sys.argv[1]):
        print(f"skipped: {lacks or sys.argv[1] + ' is not there'}")
        return lab_run.SKIP
    table, began = lab_run.Table(), time.monotonic()
    outcome, text = lab_run.attempt(lambda s: case(s, os.path.abspath(sys.argv[2])), os.path.abspath(sys.argv[1]))
    table.row("threads", "with", time.monotonic() - began, outcome, text)
    return 1 if table.failed else 0


if __name__ == "__main__":
    sys.exit(main())
