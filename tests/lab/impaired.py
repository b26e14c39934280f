#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab whose cables are links of tools/impair: round trips, losses and TCP are as asked for. Needs root, else 77.

    impaired.py IMPAIR
"""
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import run  # noqa: E402
import world  # noqa: E402
from net import SERVER4, SERVER6  # noqa: E402
from probes import PROBE  # noqa: E402

COUNT, RATE = 150, 50
ECHO_PORT = 7


def echo(lab, address):
    """(answers, median ms, deviation ms) of COUNT datagrams that are sent back."""
    said = lab.run("client", sys.executable, PROBE, "echo-client", address, str(ECHO_PORT), str(RATE), str(COUNT))
    answers, mean, sd = re.match(r"(\d+) ([\d.]+) ([\d.]+)", said).groups()
    return int(answers), float(mean), float(sd)


def check(what, ok):
    print(f"{'ok  ' if ok else 'FAIL'} {what}", flush=True)
    return not ok


def satellite():
    failed = 0
    with world.world({"client": ("satellite", 3)}) as lab:
        lab.start("server", sys.executable, PROBE, "echo-server", str(ECHO_PORT))
        lab.wait_port("server", ECHO_PORT, "-u")
        for address in (SERVER4, SERVER6):
            answers, mean, sd = echo(lab, address)
            failed += check(f"satellite, {address}: {answers} of {COUNT} back, {mean:.0f} ms, sd {sd:.1f} ms",
                            answers > 0.93 * COUNT and 580 < mean < 700 and 10 < sd < 60)
    return failed


def lossy():
    """Two impaired cables in a row, and TCP that must do with them."""
    failed = 0
    with world.world({"client": ("wifi", 5), "server": ("lossy", 6)}) as lab:
        lab.start("server", sys.executable, PROBE, "echo-server", str(ECHO_PORT))
        lab.wait_port("server", ECHO_PORT, "-u")
        answers, mean, _ = echo(lab, SERVER4)
        failed += check(f"wifi and lossy: {answers} of {COUNT} back, {mean:.0f} ms",
                        0.75 * COUNT < answers < 0.99 * COUNT and 50 < mean < 140)
        lab.start("server", "iperf3", "-s", "-p", "5201")
        lab.wait_port("server", 5201)
        said = lab.run("client", "iperf3", "-f", "k", "-c", SERVER4, "-p", "5201", "-t", "3")
        got = float(re.search(r"([\d.]+) Kbits/sec\s+receiver", said).group(1))
        retried = int(re.search(r"(\d+)\s+sender", said).group(1))
        # 5 % lost in bursts of 3 at 65 ms: far below the 20 Mbit/s of the link.
        failed += check(f"TCP: {got:.0f} kbit/s, {retried} segments sent again", 100 < got < 20000 and retried > 0)
    return failed


def main():
    os.environ["LAB_IMPAIR"] = world.net.IMPAIR = os.path.abspath(sys.argv[1])
    if os.geteuid() != 0 or not os.path.exists("/dev/net/tun"):
        print("skipped: not root, or no TUN devices")
        return run.SKIP
    missing = [p for p in run.NEEDED + ("iperf3",) if not run.find(p)]
    if missing:
        print(f"skipped: no {', '.join(missing)}")
        return run.SKIP
    began = time.monotonic()
    failed = satellite() + lossy()
    print(f"{failed} failed, {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
