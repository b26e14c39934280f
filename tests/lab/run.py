#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real programs through a gateway in network namespaces, first without squelch, then with it.

    run.py [--squelch PATH] [--full] [--without | --with] [--list] [NAME...]

Needs root and a kernel with NFQUEUE, else ends with 77. Traffic stays inside
the namespaces; all that is started here is ended here. NAME: a case, or the
beginning of its name. The short run takes less than 6 minutes on two cores;
--full runs everything.
"""
import argparse
import collections
import concurrent.futures
import os
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import world  # noqa: E402
import calls  # noqa: E402
import roles  # noqa: E402
import steady  # noqa: E402
import broken  # noqa: E402
import actions  # noqa: E402
import satellite  # noqa: E402
import control  # noqa: E402
import hook  # noqa: E402
import replay  # noqa: E402
import streams  # noqa: E402
import hidden  # noqa: E402
import ordinary  # noqa: E402

SKIP = 77
PASSED, FAILED, SKIPPED = "ok", "FAILED", "skipped"
NEEDED = ("ip", "iptables", "ip6tables", "ethtool", "tcpdump", "sysctl", "ss")

# without, with: functions of the path of squelch that return what to print, or None; they raise when the test fails.
# beside: it measures nothing that another case beside it could spoil.
Case = collections.namedtuple("Case", "name programs without with_ quick beside", defaults=(True,))
BESIDE = 3
ALONE = ("child-", "supervisor-", "stalled", "degrade-", "hidden-")  # of the gateway's: fractions of a second matter


def cases():
    for c in calls.TABLE:
        yield Case(c.name, (c.program,) + (("chromium",) if c.program == "turnserver" else ()),
                   lambda s, c=c: calls.without(c, s), lambda s, c=c: calls.cut(c, s), c.quick)
    for name, rules, make, quick in calls.ALLOWED:
        yield Case(f"allow-{name}", ("sipp",), None, lambda s, r=rules, m=make: calls.allowed(r, m, s), quick)
    for name, function, quick in roles.TABLE:
        yield Case(f"skype-{name}", (), None, function, quick)
    for name, function, quick in (row for part in (hook, steady, broken, actions, satellite, control, replay, streams, hidden) for row in part.TABLE):
        yield Case(f"gate-{name}", getattr(function, "programs", ()), None, function, quick, not name.startswith(ALONE))


def find(program):
    """`program`, or a file of one that is none, by its path."""
    return program if os.path.isfile(program) else shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/games")


def attempt(function, squelch):
    """(outcome, text)"""
    try:
        return PASSED, function(squelch) or ""
    except Exception as e:  # a test that fails must not keep the others from running
        if os.environ.get("LAB_TRACE"):
            raise
        return FAILED, f"{type(e).__name__}: {e}" if not isinstance(e, world.LabError) else str(e)


def kernel_lacks():
    """What this machine lacks for these tests, or None."""
    if os.geteuid() != 0:
        return "not root"
    missing = [p for p in NEEDED if not find(p)]
    if missing:
        return f"no {', '.join(missing)}"
    name = f"sq{os.getpid()}-try"
    if subprocess.run(["ip", "netns", "add", name], stderr=subprocess.DEVNULL).returncode != 0:
        return "no network namespaces"
    try:
        done = subprocess.run(["ip", "netns", "exec", name, hook.TOOL, "add"], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        return None if done.returncode == 0 else f"no NFQUEUE: {done.stdout.strip()[-200:]}"
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False)


class Table:
    """Results as they come, and what became of them."""

    def __init__(self):
        self.failed = 0
        print(f"{'program':24} {'':8} {'seconds':>7}  result", flush=True)

    def row(self, name, mode, seconds, outcome, text):
        self.failed += outcome == FAILED
        print(f"{name:24} {mode:8} {seconds:7.1f}  {outcome}{': ' if text else ''}{text}", flush=True)


def run_case(table, case, modes, squelch):
    missing = [p for p in case.programs if not find(p)]
    if missing:
        table.row(case.name, "", 0, SKIPPED, f"no {', '.join(missing)}")
        return
    for mode, function in (("without", case.without), ("with", case.with_)):
        if mode not in modes or function is None:
            continue
        began = time.monotonic()
        outcome, text = attempt(function, squelch)
        table.row(case.name, mode, time.monotonic() - began, outcome, text)
        if outcome == FAILED and mode == "without":
            return  # the program itself does not work here


def chosen(name, names):
    return not names or any(name.startswith(n) for n in names)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--squelch", default="squelch")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--without", action="store_true", help="only without squelch")
    parser.add_argument("--with", action="store_true", dest="with_", help="only with it")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    picked = [c for c in cases() if chosen(c.name, options.names) and (c.quick or options.full or options.names)]
    plain = [p for p in ordinary.TABLE if chosen(p.name, options.names) and (p.quick or options.full or options.names)]
    if options.list:
        print("\n".join([c.name for c in picked] + [p.name for p in plain]))
        return 0
    # Ended from outside: everything is still taken down.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    lacks = kernel_lacks()
    if lacks:
        print(f"skipped: {lacks}")
        return SKIP
    modes = ("without",) if options.without else ("with",) if options.with_ else ("without", "with")
    squelch = find(options.squelch) or options.squelch
    table, began = Table(), time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(BESIDE) as pool:
        list(pool.map(lambda c: run_case(table, c, modes, os.path.abspath(squelch)), [c for c in picked if c.beside]))
    for case in picked:
        if not case.beside:
            run_case(table, case, modes, os.path.abspath(squelch))
    if plain:
        ordinary.run_all(table, plain, modes, os.path.abspath(squelch), find)
    print(f"\n{table.failed} failed, {time.monotonic() - began:.0f} s")
    return 1 if table.failed else 0


if __name__ == "__main__":
    sys.exit(main())
