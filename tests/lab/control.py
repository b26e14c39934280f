# SPDX-License-Identifier: GPL-3.0-or-later
"""squelch ctl on a working gateway, the file of events while it is rotated, and many reloads."""
import os
import re
import signal
import stat
import time

import calls
import world
from net import SERVER4, SERVER6, LabError
from probes import all_sent, arrivals, probe, settled, sink
from steady import during_call, stops

EXIT_FILE = 3  # squelch(1)
AWAY_S, TRIES_MAX = 3, 6  # at once, then after 0.25, 0.5, 1, 2 s


def table(text):
    """Rows of ctl calls and ctl flows: words of each line after the head."""
    return [line.split() for line in text.splitlines()[1:]]


def ctl(squelch):
    """Who calls, for how long; that call is cut by hand, and another may follow."""
    with world.world() as lab, world.gateway(lab, squelch, "alert media\n") as gate:
        mode = os.stat(gate.ctl)
        if stat.S_IMODE(mode.st_mode) != 0o660 or mode.st_uid != 0:
            raise LabError(f"the socket has mode {stat.S_IMODE(mode.st_mode):o} of user {mode.st_uid}")
        seen = {}

        def act():
            seen["calls"], seen["flows"] = table(gate.command("calls")), table(gate.command("flows"))
            seen["call"] = next((row[0] for row in seen["calls"] if "media" in row), None)
            if seen["call"] is None:
                raise LabError(f"ctl calls shows {seen['calls']}")
            gate.command("kill", seen["call"])
            seen["at"] = time.time()
        _, streams = during_call(lab, act)
        after = stops(streams, seen["at"])
        if after > 1:
            raise LabError(f"the call lives {after:.1f} s after ctl kill")
        if not any("sip" in row for row in seen["flows"]) or not any("media" in row for row in seen["flows"]):
            raise LabError(f"ctl flows shows {seen['flows']}")
        counters = dict(line.split()[:2] for line in gate.command("stats").splitlines())
        if int(counters["dropped"]) == 0 or int(counters["packets"]) == 0:
            raise LabError(f"ctl stats: {counters}")
        gate.set_rules("blok media\n")
        try:
            gate.command("reload")
            raise LabError("ctl reload takes wrong rules without a word")
        except LabError as e:
            if "lab.rules:2" not in str(e):
                raise
        gate.set_rules(calls.BLOCK)
        gate.command("reload")
        gate.stop()
        by_hand = [e for e in gate.events("voip") if e["verdict"].get("reason") == "cut by hand"]
        if not by_hand:
            raise LabError("no event of the cut by hand")
        return f"{len(seen['calls'])} call and {len(seen['flows'])} flows listed; cut {max(after, 0):.2f} s after kill; wrong rules refused"


def ports(gate):
    """Who has an event."""
    return {e["src_port"] for e in gate.events("voip")}


def held(pids, path):
    """Whether one of the processes has the file open: the supervisor makes the fresh one before they write to it."""
    for pid in pids:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                if os.readlink(f"/proc/{pid}/fd/{fd}") == path:
                    return True
            except FileNotFoundError:  # closed meanwhile
                pass
    return False


def rotated(squelch):
    """The file of events is moved away; after a reload, by signal or by ctl, a fresh one is written, and nothing is lost."""
    with world.world() as lab, world.gateway(lab, squelch, f"alert any host {world.SERVERS} port 9000-9002\n") as gate:
        sink(lab)
        moved = []
        for i, again in enumerate((gate.reload, lambda: gate.command("reload"), None)):
            probe(lab, "client", "load", SERVER4, 9000 + i, 50, 1, 10).wait()  # other flows, also where the client's ports come again
            lab.wait("the events", 10, lambda: len(ports(gate)) >= 10)
            if again is None:
                break
            moved.append(f"{gate.eve}.{i}")
            os.rename(gate.eve, moved[-1])
            if not held(gate.children(), moved[-1]):
                raise LabError("nobody writes to the file that was moved")
            again()
            lab.wait("a fresh file", 10, lambda: os.path.exists(gate.eve) and not held(gate.children(), moved[-1]))
        gate.stop()
        counts = []
        for path in (*moved, gate.eve):
            gate.eve = path
            counts.append(len(ports(gate)))
        if counts != [10, 10, 10]:
            raise LabError(f"flows in the three files: {counts}, 10 each are right")
        if os.stat(path).st_mode & 0o777 != 0o640:
            raise LabError(f"events, which name people, have mode {os.stat(path).st_mode & 0o777:o}")
        return "moved twice, 10 flows in each file"


def no_folder(squelch):
    """Events cannot be written: at the start that is the end, with a word; later squelch tries again, less and less often."""
    with world.world() as lab:
        argv = [squelch, "block", "--eve", lab.path("logs/eve.json"), "--udp-queue", "0", "--tcp-queue", "1", "--ctl", lab.path("ctl")]
        first = lab.start("gateway", *argv)
        if first.wait(timeout=world.END_S) != EXIT_FILE or len(lab.said(first).splitlines()) != 1:
            raise LabError(f"without the folder: exit {first.returncode}, {lab.said(first)[-300:]}")
        os.mkdir(lab.path("logs"))
        with world.gateway(lab, squelch, "alert media\n", options=("--eve", lab.path("logs/eve.json"))) as gate:
            gate.eve = lab.path("logs/eve.json")
            os.rename(lab.path("logs"), lab.path("away"))
            for pid in gate.children():
                os.kill(pid, signal.SIGKILL)
            time.sleep(AWAY_S)
            tries = lab.said(gate.process).count("No such file")
            if not 1 <= tries <= TRIES_MAX:
                raise LabError(f"{tries} tries in {AWAY_S} s")
            os.rename(lab.path("away"), lab.path("logs"))
            gate.wait_bound()
            gate.stop()
        return f"exit {EXIT_FILE} at the start; {tries} tries in {AWAY_S} s, then bound again"


# -- many reloads

FIXED_KIB = 16384  # larger mappings are tables of fixed size, touched bit by bit


def resources(pid):
    """(open files, resident KiB outside of tables) of a process."""
    rss = counted = 0
    with open(f"/proc/{pid}/smaps") as fh:
        for line in fh:
            word = line.split()
            if word[0] == "Size:":
                counted = int(word[1]) < FIXED_KIB
            elif word[0] == "Rss:" and counted:
                rss += int(word[1])
    return len(os.listdir(f"/proc/{pid}/fd")), rss


def sanitized(program):
    """AddressSanitizer keeps what is freed for a while, and itself finds leaks at the end."""
    with open(program, "rb") as fh:
        return b"__asan_init" in fh.read()


LONGEST_S = 1200
LEAK_KIB = 2048  # what malloc may keep back between two looks; 1,000 leaks of 2 KiB are more


def reloads(n, warm, pause):
    """n reloads under load, judged by two sets of rules in turn: no packet is lost, nothing grows."""
    rate = 1000

    def case(squelch):
        with world.world() as lab:
            path = sink(lab)
            with world.gateway(lab, squelch, calls.BLOCK) as gate:
                pids = [gate.process.pid, *gate.children()]

                def look():
                    if [gate.process.pid, *gate.children()] != pids:
                        raise LabError(f"the process was started anew: {lab.said(gate.process)[-400:]}")
                    return [resources(pid) for pid in pids]

                def reload(i):
                    # The longer ones hold many rules, so that one that is not freed is seen.
                    gate.set_rules((calls.BLOCK if i % 2 else "alert media\n") + "".join(
                        f'alert any app sip host 10.{k}.0.0/16 reason "rule number {k} of many, which nothing matches"\n'
                        for k in range(i % 2 * 40)))
                    gate.command("reload")
                    time.sleep(pause)

                # All flows are there before the first look: many are queued still, others passed by mark.
                loads = [probe(lab, "client", "load", address, 9000, rate // 2, LONGEST_S, 400) for address in (SERVER4, SERVER6)]
                lab.wait("all flows", 30, lambda: len(arrivals(path)) > 2 * 2 * 400)
                for i in range(warm):
                    reload(i)
                before = look()
                began = time.monotonic()
                for i in range(n):
                    reload(i)
                took = time.monotonic() - began
                after = look()
                sent = all_sent(lab, loads)
                lost = sent - settled(path, sent)
                if lost:
                    raise LabError(f"{lost} of {sent} packets lost")
                for who, (fds, rss), (fds_after, rss_after) in zip(("supervisor", "worker"), before, after):
                    if fds_after > fds or (rss_after > rss + LEAK_KIB and not sanitized(squelch)):
                        raise LabError(f"{who}: open files {fds} to {fds_after}, memory {rss} to {rss_after} KiB")
                return (f"{n} reloads in {took:.0f} s, {sent} packets, none lost; memory of supervisor and worker "
                        + " and ".join(f"{b[1] - a[1]:+d}" for a, b in zip(before, after)) + " KiB")
    return case


# Name, function of the path of squelch, in every run.
TABLE = (
    ("ctl", ctl, True),
    ("rotated", rotated, True),
    ("no-folder", no_folder, True),
    ("reload-load", reloads(60, 20, 0.05), True),
    ("reload-1000", reloads(1000, 50, 0.02), False),
)
