#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""`squelch block` as a service: what it tells the service manager, and the unit it comes with.

    service.py SQUELCH SOURCE_DIR

The manager is this test: a socket in NOTIFY_SOCKET, a period in WATCHDOG_USEC
(sd_notify(3), sd_watchdog_enabled(3)). systemd-analyze, where there is one,
judges the unit. Needs root and a kernel with NFQUEUE, else ends with 77.
"""
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import run as lab_run  # noqa: E402
import probes  # noqa: E402
import world  # noqa: E402
from net import LabError  # noqa: E402

WATCHDOG_S = 1.0
READY_S = 20
SLACK_S = 0.5       # of a busy machine
EXPOSURE_MAX = 3.5  # of systemd-analyze security: 0 nothing, 10 everything; made when it said 2.9


class Manager:
    """Hears what a service says."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.environment = dict(os.environ, NOTIFY_SOCKET=address,
                                WATCHDOG_USEC=str(int(WATCHDOG_S * 1e6)))

    def hear(self, seconds):
        """What comes first within that time: a dict, or None."""
        if not select.select([self.socket], [], [], seconds)[0]:
            return None
        return dict(line.split("=", 1) for line in self.socket.recv(4096).decode().splitlines())

    def until(self, key, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            said = self.hear(left)
            if said and key in said:
                return said
        raise LabError(f"no {key} within {seconds} s")

    def gaps(self, seconds):
        """Between signs of life, for so long."""
        at, found, end = time.monotonic(), [], time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            said = self.hear(left)
            if said and "WATCHDOG" in said:
                found.append(time.monotonic() - at)
                at = time.monotonic()
        return found


def start(lab, squelch, manager, rules):
    return lab.start("gateway", squelch, "block", "-R", lab.write("s.rules", rules), "--udp-queue", "0", "--tcp-queue", "1",
                     "--ctl", lab.path("ctl"), env=manager.environment)


def life(squelch, lab, address):
    manager = Manager(address)
    process = start(lab, squelch, manager, "block media\n")
    manager.until("READY", READY_S)
    if len(lab.run("gateway", "cat", "/proc/net/netfilter/nfnetlink_queue").splitlines()) != 2:
        raise LabError("READY before all queues are bound")
    with probes.lateness(lab) as extra:
        gaps = manager.gaps(3 * WATCHDOG_S)
    if not gaps or max(gaps) > WATCHDOG_S / 2 + SLACK_S + extra[0]:
        raise LabError(f"signs of life {[f'{g:.2f}' for g in gaps]} s apart, {WATCHDOG_S / 2} s wanted")
    process.send_signal(signal.SIGHUP)
    said = manager.until("RELOADING", READY_S)
    if abs(int(said["MONOTONIC_USEC"]) / 1e6 - time.clock_gettime(time.CLOCK_MONOTONIC)) > READY_S:
        raise LabError(f"{said}: when was that?")
    manager.until("READY", READY_S)
    process.send_signal(signal.SIGSTOP)
    manager.gaps(SLACK_S)
    if manager.gaps(2 * WATCHDOG_S):
        raise LabError("a stopped supervisor gives signs of life")
    process.send_signal(signal.SIGCONT)
    manager.until("WATCHDOG", READY_S)
    process.terminate()
    manager.until("STOPPING", READY_S)
    if process.wait(timeout=READY_S) != 0:
        raise LabError(f"ended with {process.returncode}: {lab.said(process)[-300:]}")
    return max(gaps)


def notify(squelch, _source):
    with world.world() as lab:
        gap = life(squelch, lab, lab.path("notify"))
        manager = Manager(lab.path("notify2"))
        process = start(lab, squelch, manager, "block nothing at all\n")
        if process.wait(timeout=READY_S) != 1 or manager.hear(0) is not None:
            raise LabError(f"wrong rules: code {process.returncode}")
    return f"ready, alive (at most {gap:.2f} s apart), reloading, stopping; wrong rules are not ready"


def unit(squelch, source):
    tool = shutil.which("systemd-analyze")
    if tool is None:
        return "no systemd-analyze: not judged"
    with open(os.path.join(source, "pkg", "squelch.service")) as fh:
        text = fh.read()
    here = text.replace("/usr/bin/squelch ", f"{squelch} ").replace("/usr/sbin/squelch-hook", os.path.join(source, "tools", "squelch-hook"))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "squelch.service")
        with open(path, "w") as fh:
            fh.write(here)
        done = subprocess.run([tool, "verify", "--man=no", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        ours = [line for line in done.stdout.splitlines() if "squelch" in line]
        if ours:
            raise LabError("\n".join(ours))
        done = subprocess.run([tool, "security", "--offline=true", "--no-pager", path], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
    found = re.search(r"exposure level for squelch.service: ([\d.]+)", done.stdout)
    if found is None:
        return f"verified; no score: {done.stdout.strip()[-100:]}"
    if float(found.group(1)) > EXPOSURE_MAX:
        raise LabError(f"exposure {found.group(1)}, at most {EXPOSURE_MAX} wanted")
    return f"verified, exposure {found.group(1)} of 10"


def main():
    squelch, source = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    lacks = lab_run.kernel_lacks()
    if lacks:
        print(f"skipped: {lacks}")
        return lab_run.SKIP
    table = lab_run.Table()
    for name, case in (("notify", notify), ("unit", unit)):
        began = time.monotonic()
        outcome, text = lab_run.attempt(lambda s, c=case: c(s, source), squelch)
        table.row(f"service-{name}", "with", time.monotonic() - began, outcome, text)
    return 1 if table.failed else 0


if __name__ == "__main__":
    sys.exit(main())
