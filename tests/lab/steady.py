# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gateway promises whatever happens: traffic passes, marks of others stay, rules change at once."""
import os
import signal
import time

import calls
import world
from net import CLIENT4, SERVER4, SERVER6, LabError
from probes import PORT, arrivals, interruption, lateness, probe, sent_at, settled, sink
from wire import Wire

RATE = 10        # packets/s of the beat
LONG_S = 60      # it is ended before
AFTER_S = 4      # and goes on for so long after something was stopped or killed
GAP_S = 1.0      # traffic is interrupted for at most
RELOAD_S = 2.0   # until live flows are judged by new rules

# -- fail-open

def interrupted(who, sig, address):
    """A process is stopped or killed while 10 packets/s pass: how long was the longest silence?"""
    def case(squelch):
        with world.world() as lab:
            path = sink(lab)
            gate = world.Gateway(lab, squelch, calls.BLOCK)
            with lateness(lab) as extra:
                beat = probe(lab, "client", "beat", address, PORT, RATE, LONG_S)
                lab.wait("traffic", 10, lambda: len(arrivals(path)) >= RATE)
                pid = gate.process.pid if who == "supervisor" else gate.children()[0]
                os.kill(pid, sig)
                time.sleep(AFTER_S)
                lab.stop(beat)
            settled(path, len(sent_at(lab, beat)))
            if (who, sig) == ("supervisor", signal.SIGSTOP):
                os.kill(pid, signal.SIGCONT)
            restarted = ""
            if who == "child":
                gate.wait_bound()
                if pid in gate.children():
                    raise LabError("the process that was lost is still there")
                restarted = ", started again"
            gap, lost = interruption(arrivals(path), sent_at(lab, beat))
            if gap > GAP_S + extra[0] or lost > (GAP_S + extra[0]) * RATE:
                raise LabError(f"interrupted for {gap:.2f} s, {lost} packets lost")
            if (who, sig) != ("supervisor", signal.SIGKILL):
                gate.stop()
            return f"interrupted for {max(gap, 0):.2f} s, {lost} packets lost{restarted}"
    return case


# -- calls that are under way

def talk(lab):
    """A call that goes on; returns the phone."""
    calls.recipes.sipp(lab, "server", "sipp_uas.xml", SERVER4, "-mp", "20000")
    lab.wait_port("server", 5060, "-u")
    return calls.recipes.sipp(lab, "client", "sipp_uac.xml", CLIENT4, "-s", "4711", "-d", "9000", "-mp", "10000",
                              f"{SERVER4}:5060")


TALKED = 100  # packets: 2 s of a call


def talks(wire):
    return any(len(s.sent) >= TALKED for s in wire.media().values())


def during_call(lab, act):
    """Calls act() some seconds into a call. Returns when that was, and the streams."""
    with Wire(lab, calls.ADDRESSES).open() as wire:
        phone = talk(lab)
        lab.wait("a call", 20, lambda: talks(wire))
        time.sleep(1)
        at = time.time()
        act()
        phone.wait(timeout=25)
    return at, wire.media()


def stops(streams, at):
    return max(max(s.arrived, default=0) for s in streams.values()) - at


def restart(squelch):
    """The process is killed while a call is blocked; the call is found again in its middle."""
    with world.world() as lab, world.gateway(lab, squelch, calls.BLOCK) as gate:
        at, streams = during_call(lab, lambda: os.kill(gate.children()[0], signal.SIGKILL))
        after = stops(streams, at)
        if after > calls.SOON_S:
            raise LabError(f"the call still lives {after:.1f} s after the restart")
        return f"cut again {max(after, 0):.2f} s after the kill"


def reload_block(squelch):
    with world.world() as lab, world.gateway(lab, squelch, "alert media\n") as gate:
        def act():
            gate.set_rules(calls.BLOCK)
            gate.reload()
        at, streams = during_call(lab, act)
        if not any(t < at for s in streams.values() for t in s.arrived):
            raise LabError("the call did not live before the reload")
        after = stops(streams, at)
        if after > RELOAD_S:
            raise LabError(f"the call lives {after:.1f} s after the reload")
        return f"cut {max(after, 0):.2f} s after the reload"


def reload_allow(squelch):
    with world.world() as lab, world.gateway(lab, squelch, calls.BLOCK) as gate:
        def act():
            gate.set_rules("alert media\n")
            gate.reload()
        at, streams = during_call(lab, act)
        for flow, s in streams.items():
            if any(at - 1 < t < at for t in s.arrived):
                raise LabError("the call was not cut before the reload")
            again = [t for t in s.arrived if t > at]
            if not again or again[0] - at > RELOAD_S:
                raise LabError(f"{flow}: still cut {RELOAD_S:.0f} s after the reload")
        first = max(min(t for t in s.arrived if t > at) for s in streams.values()) - at
        return f"lives again {first:.2f} s after the reload"


def reload_wrong(squelch):
    """Rules with an error: the old ones stay, and it is said."""
    with world.world() as lab, world.gateway(lab, squelch, calls.BLOCK) as gate:
        def act():
            gate.set_rules("blok media\n")
            gate.reload()
        at, streams = during_call(lab, act)
        if stops(streams, at) > 0:
            raise LabError("wrong rules ended the block")
        if "lab.rules:2" not in lab.said(gate.process):
            raise LabError(f"nothing is said of the error: {lab.said(gate.process)[-200:]}")
        return "the old rules stay"


# -- marks of others

def foreign_marks(squelch):
    with world.world() as lab, world.gateway(lab, squelch, calls.BLOCK) as gate:
        def rule(*argv):
            lab.run("gateway", "iptables", *argv)
        rule("-t", "mangle", "-A", "PREROUTING", "-j", "MARK", "--set-xmark", "0x5/0xff")
        rule("-t", "mangle", "-A", "PREROUTING", "-j", "CONNMARK", "--set-xmark", "0x300/0xff00")
        for match in (["-m", "mark", "--mark", "0x5/0xff"], ["-m", "mark", "!", "--mark", "0x5/0xff"],
                      ["-m", "connmark", "!", "--mark", "0x300/0xff00"]):
            rule("-A", "FORWARD", *match)
        path = sink(lab)
        during_call(lab, lambda: probe(lab, "client", "load", SERVER4, PORT, 500, 4, 4).wait())
        counters = [int(line.split()[0]) for line in
                    lab.run("gateway", "iptables", "-nvxL", "FORWARD").splitlines()[2:] if "SQUELCH" not in line]
        marks = [int(word[5:]) for line in lab.run("gateway", "conntrack", "-L").splitlines()
                 for word in line.split() if word.startswith("mark=")]
        ours = [m for m in marks if m & 0x7f000000]
        if counters[1] or counters[2] or not counters[0]:
            raise LabError(f"packets with, without and connections without the foreign mark: {counters}")
        if any(m & 0xff00 != 0x300 for m in marks if m):
            raise LabError(f"marks of connections: {[hex(m) for m in marks]}")
        if not ours or not arrivals(path):
            raise LabError(f"squelch marked nothing: {[hex(m) for m in marks]}")
        return f"kept on {counters[0]} packets; {len(ours)} of {len(marks)} connections carry ours too"


# Name, function of the path of squelch, in every run.
TABLE = (
    ("child-stopped", interrupted("child", signal.SIGSTOP, SERVER4), True),
    ("child-killed", interrupted("child", signal.SIGKILL, SERVER6), True),
    ("supervisor-stopped", interrupted("supervisor", signal.SIGSTOP, SERVER4), False),
    ("supervisor-killed", interrupted("supervisor", signal.SIGKILL, SERVER4), True),
    ("restart", restart, True),
    ("reload-block", reload_block, True),
    ("reload-allow", reload_allow, False),
    ("reload-wrong", reload_wrong, False),
    ("foreign-marks", foreign_marks, True),
)
