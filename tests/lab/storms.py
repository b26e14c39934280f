#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many calls and many flows at once through `squelch block`: cut in time, within bounds.

    storms.py --squelch PATH --storm PATH [--full] [NAME...]

Needs root and a kernel with NFQUEUE, else ends with 77. The short run takes less
than a minute; --full is what docs/SIZING.md reports: 10,000 calls in 50 s whose
senders never stop, with SIP and without, and a million flows in a minute.
"""
import argparse
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import run as lab_run  # noqa: E402
import world  # noqa: E402
from net import CLIENT4, SERVER4, LabError  # noqa: E402

BLOCK = 'block media reason "no calls on board"\n'
CUT_P95_MS = 3000   # from the first media packet
CUT_SHARE = 1.0     # of the calls
UDP_TIMEOUT_S = 10  # of conntrack, for flows seen one way: a minute's flows fit into a sixth of the table
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
MEMORY_MIB = 1500   # of squelch at its default bounds: 256 watching, 64 + 4 reassembly, 1 M flows, facts
TAIL_S = 6          # calls go on for so long after the last began
PTIME_MS = 60       # of speech in a packet: ten thousand such calls are 167,000 packets/s, all on this machine

MACS = ("near_mac=02:00:00:00:01:01", "far_mac=02:00:00:00:02:01")  # of the gateway, see net.py


def routed(lab):
    """The hosts of storm.c, behind the two ends."""
    for net, via in (("10.77.0.0/16", CLIENT4), ("198.18.0.0/15", SERVER4)):
        lab.run("gateway", "ip", "route", "add", net, "via", via)
    lab.run("gateway", "sysctl", "-qw", f"net.netfilter.nf_conntrack_udp_timeout={UDP_TIMEOUT_S}")


def storm(lab, program, **options):
    """What storm.c prints."""
    seconds = options["seconds"] + options.get("tail", TAIL_S)
    options.setdefault("tail", TAIL_S)
    out = lab.run("gateway", program, lab.ns("client"), lab.ns("server"), *MACS,
                  *[f"{k}={v}" for k, v in options.items()], timeout=3 * seconds + 60)
    return json.loads(out)


def children_cpu(gate):
    """CPU seconds of squelch and what it started."""
    total = 0
    for pid in [gate.process.pid] + gate.children():
        with open(f"/proc/{pid}/stat") as fh:
            fields = fh.read().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total * TICK_S


def peak_mib(gate):
    peak = 0
    for pid in gate.children():
        with open(f"/proc/{pid}/status") as fh:
            for line in fh:
                if line.startswith("VmHWM"):
                    peak += int(line.split()[1]) / 1024
    return peak


def counters(gate):
    said = gate.command("stats")
    words = (line.split() for line in said.splitlines())
    return {w[0]: int(w[1]) for w in words if len(w) > 1 and w[1].isdigit()}


def backlog_drops():
    """Packets that this machine lost between two interfaces, since it had no time for them: by rows of a core, second word."""
    with open("/proc/net/softnet_stat") as fh:
        return sum(int(line.split()[1], 16) for line in fh)


def check_cut(got, said):
    """Every call was heard to end; the first packet may already have been dropped."""
    seen = {name: said[name] for name in ("packets", "queue_overruns", "flows_evicted", "flows_refused", "watch_refused")}
    if got["alive"]:
        raise LabError(f"{got['alive']} calls live on: {got}; {seen}")
    if got["p95_ms"] > CUT_P95_MS:
        raise LabError(f"p95 {got['p95_ms']} ms: {got}; {seen}")


def calls(sip):
    def case(squelch, program, full):
        # The short run is small enough for a build with sanitizers that gets half a core.
        rate, seconds = (200, 50) if full else (25, 4)
        options = dict(rate=rate, seconds=seconds, sip=int(sip), ptime=PTIME_MS)
        with world.world() as lab:
            routed(lab)
            bare = storm(lab, program, **dict(options, seconds=2, tail=1))
            if bare["unheard"] or bare["alive"] != bare["calls"]:
                raise LabError(f"without squelch the calls do not live: {bare}")
            with world.gateway(lab, squelch, BLOCK) as gate:
                before = children_cpu(gate)
                got = storm(lab, program, **options)
                cpu, said = children_cpu(gate) - before, counters(gate)
            check_cut(got, said)
            return (f"{got['calls']} calls, {rate} a second: all cut, p50 {got['p50_ms']}, p95 {got['p95_ms']}, most "
                    f"{got['max_ms']} ms after the first media packet; {got['unheard']} before it arrived; "
                    f"CPU a call {cpu / got['calls'] * 1e3:.2f} ms; {got['sent']} packets sent, {got['delivered']} arrived, "
                    f"{got['refused']} not sent, late {got['late_ms']} ms; packets inspected {said['packets']}, overruns {said['queue_overruns']}, "
                    f"events lost {said['events_lost']}, calls refused {said['calls_refused']}")
    return case


def million(squelch, program, full):
    flows, seconds = (1000000, 60) if full else (40000, 4)
    with world.world() as lab:
        routed(lab)
        with world.gateway(lab, squelch, BLOCK) as gate:
            before = children_cpu(gate)
            got = storm(lab, program, rate=1, seconds=seconds, flows=flows, sip=0)
            cpu, said, peak = children_cpu(gate) - before, counters(gate), peak_mib(gate)
            wrong = sum(e["src_ip"].startswith("10.77.") and int(e["src_ip"].split(".")[2]) >= 64
                        for e in gate.events("voip") if e["verdict"]["action"] == "drop")
    check_cut(got, said)
    if said["flows"] < flows * 0.95 and said["queue_overruns"] == 0:
        raise LabError(f"only {said['flows']} flows seen of {flows}")
    if peak > MEMORY_MIB:
        raise LabError(f"{peak:.0f} MiB")
    if wrong:
        raise LabError(f"{wrong} of the other flows were cut")
    return (f"{said['flows']} flows in {seconds} s, {got['calls']} calls among them cut: p95 {got['p95_ms']}, most {got['max_ms']} ms; "
            f"peak {peak:.0f} MiB; CPU a flow {cpu / flows * 1e6:.1f} us; evicted {said['flows_evicted']}, refused {said['flows_refused']}, "
            f"overruns {said['queue_overruns']}, others that arrived {got['others']}, late {got['late_ms']} ms, events lost {said['events_lost']}")


def events(squelch, program, full):
    """Nobody reads the events: they are lost and counted, packets are not."""
    flows, seconds = (200000, 20) if full else (40000, 4)
    with world.world() as lab:
        routed(lab)
        pipe = lab.path("pipe")
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)  # keeps it open, and reads nothing
        dropped = backlog_drops()
        with world.gateway(lab, squelch, 'alert any reason "each flow"\n', options=("--eve", pipe)) as gate:
            got = storm(lab, program, rate=0, seconds=seconds, flows=flows, tail=1)
            began = time.monotonic()
            said = counters(gate)
            asked = time.monotonic() - began
            gate.reload()
            time.sleep(6)  # the writer hangs: the reload gives it three seconds
            after = storm(lab, program, rate=0, seconds=1, flows=1000, tail=1)
            os.set_blocking(reader, False)
            heard = drain(reader, gate)
        os.close(reader)
    lost = got["sent"] - got["others"] + after["sent"] - after["others"]
    if lost > backlog_drops() - dropped:
        raise LabError(f"{lost} packets are lost, the kernel's backlog lost {backlog_drops() - dropped}: {got} {after}")
    if said["events_lost"] == 0 or asked > 10:
        raise LabError(f"{said['events_lost']} events lost, asked for {asked:.1f} s")
    stop = [e for e in heard if e["event_type"] == "stop"]
    if len(stop) != 1 or stop[0]["stats"]["squelch"]["events_lost"] < said["events_lost"]:
        raise LabError(f"the end tells of no loss: {stop}")
    return (f"{got['sent']} packets of {flows} flows all passed; {said['events_lost']} events lost, {len(heard)} written; "
            f"stats answered in {asked:.1f} s")


def drain(reader, gate):
    """Reads the pipe from now on, while squelch is told to end."""
    data, end = b"", time.monotonic() + 20
    gate.process.terminate()
    while time.monotonic() < end:
        try:
            data += os.read(reader, 1 << 20)
        except BlockingIOError:
            if gate.process.poll() is not None:
                break
            time.sleep(0.01)
    return [json.loads(line) for line in data.splitlines() if line]


CASES = {"events": events, "calls-rtp": calls(False), "calls-sip": calls(True), "flows": million}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--squelch", required=True)
    parser.add_argument("--storm", required=True)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    lacks = lab_run.kernel_lacks()
    if lacks:
        print(f"skipped: {lacks}")
        return lab_run.SKIP
    table = lab_run.Table()
    for name, case in CASES.items():
        if options.names and name not in options.names:
            continue
        began = time.monotonic()
        outcome, text = lab_run.attempt(lambda s, c=case: c(s, os.path.abspath(options.storm), options.full),
                                        os.path.abspath(options.squelch))
        table.row(f"storm-{name}", "with", time.monotonic() - began, outcome, text)
    return 1 if table.failed else 0


if __name__ == "__main__":
    sys.exit(main())
