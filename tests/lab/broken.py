# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is out of order: connections that are not tracked or not kept, fragments, packets nobody can read, stalls."""
import ipaddress
import os
import re
import signal
import struct
import subprocess
import time

import calls
import world
from net import CLIENT4, CLIENT6, SERVER4, SERVER6, LabError
from probes import PORT, arrivals, interruption, lateness, probe, sent_at, settled, sink
from steady import GAP_S, RATE
from wire import ETHERNET, Wire

ENDS = {4: (CLIENT4, SERVER4), 6: (CLIENT6, SERVER6)}


def counters(gate):
    return {line.split()[0]: int(line.split()[1]) for line in gate.command("stats").splitlines()}


def untracked(lab):
    for tool in ("iptables", "ip6tables"):
        for chain in ("PREROUTING", "OUTPUT"):
            lab.run("gateway", tool, "-t", "raw", "-A", chain, "-j", "CT", "--notrack")


def all_arrive(lab, path, loads):
    for load in loads:
        load.wait(timeout=60)
    sent = sum(int(lab.said(load)) for load in loads)
    got = settled(path, sent)
    if got != sent:
        raise LabError(f"{sent - got} of {sent} packets lost")
    return sent


def conntrack_off(squelch):
    """No connection, no mark: each packet is judged, calls are cut, and all else passes."""
    with world.world() as lab:
        untracked(lab)
        path = sink(lab)
        with world.gateway(lab, squelch, calls.BLOCK) as gate:
            loads = [probe(lab, "client", "load", address, PORT, 100, 5, 5) for address in (SERVER4, SERVER6)]
            streams = calls.media_of(lab, calls.sipp, 4)
            sent = all_arrive(lab, path, loads)
            if calls.longest(streams) > calls.SEEN_S:
                raise LabError(f"a call lives {calls.longest(streams):.1f} s")
            seen = counters(gate)["packets"]
            if seen < sent:
                raise LabError(f"only {seen} packets were judged")
            return f"a call is cut after {calls.longest(streams):.2f} s, {sent} other packets pass"


TABLE_MAX = "/proc/sys/net/netfilter/nf_conntrack_max"
FILL_S = 90


def conntrack_full(squelch):
    """The table is full of connections that nobody answered: the kernel lets those go, traffic passes and calls are cut."""
    with open(TABLE_MAX) as fh:
        n = int(fh.read())
    with world.world() as lab:
        path = sink(lab)
        with world.gateway(lab, squelch, calls.BLOCK) as gate:
            entries = lab.path("entries")
            with open(entries, "w") as fh:
                for i in range(n):
                    a, port = f"10.{i >> 22}.{i >> 14 & 255}.{i >> 6 & 255}", 1024 + (i & 63)
                    fh.write(f"-I -p udp -s {a} -d 198.51.100.77 --orig-port-src {port} --orig-port-dst 9 -t 600\n")
            lab.run("gateway", "conntrack", "-R", entries, timeout=FILL_S)
            held = int(lab.run("gateway", "cat", "/proc/sys/net/netfilter/nf_conntrack_count"))
            if held < n * 0.99:
                raise LabError(f"only {held} of {n} connections could be made")
            doctor = subprocess.run(lab.inside("gateway") + [squelch, "doctor"], stdout=subprocess.PIPE, text=True).stdout
            beat = probe(lab, "client", "load", SERVER4, PORT, 50, 5, 250)
            streams = calls.media_of(lab, calls.sipp, 4)
            sent = all_arrive(lab, path, [beat])
            if calls.longest(streams) > calls.SEEN_S:
                raise LabError(f"a call lives {calls.longest(streams):.1f} s")
            if not re.search(r"^bad +tracking table", doctor, re.M):
                raise LabError(f"doctor says nothing of it: {doctor}")
            return f"{held} connections held, {sent} new ones pass, a call is cut after {calls.longest(streams):.2f} s"


def fragments(squelch):
    """Datagrams of 4000 bytes, which the kernel joins and cuts again: all arrive, tracked or not."""
    said = []
    for tracked in (True, False):
        with world.world() as lab:
            if not tracked:
                untracked(lab)
            path = sink(lab)
            with world.gateway(lab, squelch, calls.BLOCK) as gate:
                loads = [probe(lab, "client", "sizes", address, PORT, 50, 2, 4000) for address in (SERVER4, SERVER6)]
                sent = all_arrive(lab, path, loads)
                if counters(gate)["bytes"] < (sent if not tracked else 64) * 4000:
                    raise LabError("squelch did not see them whole")
                said.append(f"{sent} datagrams of 4000 bytes pass")
    return "; untracked: ".join(said)


# -- packets nobody can read

def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return 0xffff - total


def ip(version, proto, payload):
    if version == 6:
        return (struct.pack(">IHBB", 6 << 28, len(payload), proto, 64) + ipaddress.ip_address(CLIENT6).packed
                + ipaddress.ip_address(SERVER6).packed + payload)
    ends = bytes(map(int, CLIENT4.split("."))) + bytes(map(int, SERVER4.split(".")))
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 7, 0, 64, proto, 0) + ends
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def udp(length, data=b"x" * 40):
    return struct.pack(">HHHH", 1111, 2222, length, 0) + data


def tcp(offset):
    return struct.pack(">HHIIBBHHH", 1111, 2222, 1, 0, offset << 4, 0x10, 100, 0, 0) + b"y" * 20


GRE, IP_IN_IP = 47, 4
# Protocol and what stands where its header should.
UNREADABLE = ((17, udp(4)), (17, udp(2000)), (17, b"\x04\x57\x08"), (6, tcp(3)), (6, tcp(15)), (6, b"short"),
              (GRE, b"\xff" * 30), (IP_IN_IP, b"\x4f" + b"z" * 30), (41, b"\x60" + b"z" * 20))


def unreadable(squelch):
    """They pass as they do without squelch, and are counted."""
    frames = {version: [ip(version, proto, payload) for proto, payload in UNREADABLE] for version in ENDS}
    arrived = []
    for path in (None, squelch):
        with world.world() as lab:
            untracked(lab)  # connection tracking itself calls some of them invalid
            gate = world.Gateway(lab, path, calls.BLOCK) if path else None
            for address in (SERVER4, SERVER6):  # neighbours get to know each other
                probe(lab, "client", "load", address, PORT, 5, 1, 1).wait(timeout=10)
            wire = Wire(lab, ("server",))
            with wire.open("-Q in host 2001:db8:1::10 or host 192.0.2.10"):
                heads = {4: "0800", 6: "86dd"}
                # each several times: the same packet makes the same way
                for _ in range(3):
                    probe(lab, "client", "frames", "eth0", *("020000000101" + "020000000110" + heads[v] + f.hex()
                                                             for v in frames for f in frames[v])).wait(timeout=10)
                time.sleep(0.5)
            got = sorted(frame[ETHERNET:].rstrip(b"\0") for _, frame in wire.frames("server") if len(frame) > ETHERNET)
            arrived.append([p for p in got if p[6 if p[0] >> 4 == 6 else 9] not in (1, 58)])
            if gate:
                counted = counters(gate)
                gate.stop()
    missing = len(arrived[0]) - len(arrived[1])
    if len(arrived[0]) < 2 * len(UNREADABLE) or missing:
        raise LabError(f"{len(arrived[0])} arrive without squelch, {len(arrived[1])} with it")
    wrong = sum(counted[c] for c in ("malformed", "truncated", "not_ip", "extension_unknown", "headers_deep"))
    if not wrong:
        raise LabError("nothing was counted")
    return f"{len(arrived[1])} pass as without squelch, {wrong} counted as unreadable"


# -- stalls

STALLS, STALL_S, RUN_S = 8, 0.45, 0.25
STALL_MAX_S = 0.55  # longer ones, on a machine that is late itself, may be taken for a hang
ATTEMPTS = 5


def stall(pid):
    """Seconds that a process stood still."""
    os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    time.sleep(STALL_S)
    os.kill(pid, signal.SIGCONT)
    return time.monotonic() - began


def stalls(lab, path, gate):
    """None when this machine was too slow to stop somebody for so short a time; else what became of the traffic."""
    beat = probe(lab, "client", "beat", SERVER4, PORT, RATE, 60)
    lab.wait("traffic", 10, lambda: len(arrivals(path)) >= RATE)
    pid, longest = gate.children()[0], 0
    with lateness(lab) as extra:
        for _ in range(STALLS):
            longest = max(longest, stall(pid))
            if longest > STALL_MAX_S:
                break
            time.sleep(RUN_S)
        lab.stop(beat)
    sent = sent_at(lab, beat)
    settled(path, len(sent))
    if longest > STALL_MAX_S:
        gate.wait_bound()
        return None
    if pid not in gate.children():
        raise LabError(f"it was ended, though it went on after {longest:.2f} s")
    gap, lost = interruption(arrivals(path), sent)
    if gap > GAP_S + extra[0] or lost:
        raise LabError(f"interrupted for {gap:.2f} s, {lost} packets lost")
    return f"{STALLS} stalls of {longest:.2f} s at most: interrupted for {gap:.2f} s at most, {len(sent)} packets, none lost"


def stalled(squelch):
    """The worker stands still again and again, as a machine that swaps lets it, but never long enough to be ended."""
    for _ in range(ATTEMPTS):
        with world.world() as lab:
            path = sink(lab)
            with world.gateway(lab, squelch, calls.BLOCK) as gate:
                said = stalls(lab, path, gate)
        if said:
            return said
    return f"not measured: this machine is too busy to stop a process for {STALL_S} s, {ATTEMPTS} times"


# -- a queue at its length

SHORT, FILLS, FILL_RATE = 4, 3, 50  # packets that may wait; how often the worker stands still; packets/s, so that some 20 come meanwhile
COUNTED_S = 10


def filled(lab, path, gate):
    """None when the worker was ended since this machine stopped it for too long; else (counters, packets sent, packets that came)."""
    beat = probe(lab, "client", "beat", SERVER4, PORT, FILL_RATE, 60)
    lab.wait("traffic", 10, lambda: len(arrivals(path)) >= FILL_RATE)
    pid = gate.children()[0]
    for _ in range(FILLS):
        stall(pid)
        time.sleep(RUN_S)
    lab.stop(beat)
    sent, end = len(sent_at(lab, beat)), time.monotonic() + COUNTED_S
    while (came := len(arrivals(path))) + (said := counters(gate))["queue_lost"] < sent and time.monotonic() < end:
        time.sleep(0.2)
    return (said, sent, came) if pid in gate.children() else None


def queue_full(closed):
    """A queue is full while its worker stands still: the rest passes unseen, or is lost, and it is counted."""
    closing = ("--fail-closed",) if closed else ()

    def case(squelch):
        for _ in range(ATTEMPTS):
            with world.world() as lab:
                path = sink(lab)
                with world.gateway(lab, squelch, calls.BLOCK, hook=closing, options=(*closing, "--queue-length", str(SHORT))) as gate:
                    found = filled(lab, path, gate)
            if found:
                break
        else:
            return f"not measured: this machine is too busy to stop a process for {STALL_S} s, {ATTEMPTS} times"
        said, sent, came = found
        if not said["queue_full"] or sent - came != said["queue_lost"] or closed != (sent > came):
            raise LabError(f"{sent} packets sent, {came} came; queue_full {said['queue_full']}, queue_lost {said['queue_lost']}")
        return f"found full {said['queue_full']} times; of {sent} packets {sent - came} lost, {said['queue_lost']} counted"
    return case


# Name, function of the path of squelch, in every run.
TABLE = (
    ("conntrack-off", conntrack_off, True),
    ("conntrack-full", conntrack_full, False),
    ("fragments", fragments, True),
    ("unreadable", unreadable, True),
    ("stalled", stalled, True),
    ("queue-full", queue_full(False), True),
    ("queue-full-closed", queue_full(True), True),
)
