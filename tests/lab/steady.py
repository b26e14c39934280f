# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gateway promises whatever happens: traffic passes, marks of others stay, rules change at once."""
import collections
import glob
import gzip
import os
import signal
import struct
import subprocess
import sys
import time

import calls
import world
from net import CLIENT4, CLIENT6, SERVER4, SERVER6, LabError
from wire import ETHERNET, Wire, records
from world import HERE, TOP

PORT = 9000
RATE = 10        # packets/s of the beat
GAP_S = 1.0      # traffic is interrupted for at most
RELOAD_S = 2.0   # until live flows are judged by new rules
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


# -- fail-open

def longest_gap(found):
    return max(b[0] - a[0] for a, b in zip(found, found[1:]))


def interrupted(who, sig, address):
    """A process is stopped or killed while 10 packets/s pass: how long was the longest silence?"""
    def case(squelch):
        with world.world() as lab:
            path = sink(lab)
            gate = world.Gateway(lab, squelch, calls.BLOCK)
            beat = probe(lab, "client", "beat", address, PORT, RATE, 6)
            time.sleep(1.5)
            pid = gate.process.pid if who == "supervisor" else gate.children()[0]
            os.kill(pid, sig)
            beat.wait(timeout=20)
            time.sleep(0.2)
            if (who, sig) == ("supervisor", signal.SIGSTOP):
                os.kill(pid, signal.SIGCONT)
            restarted = ""
            if who == "child":
                gate.wait_bound()
                if pid in gate.children():
                    raise LabError("the process that was lost is still there")
                restarted = ", started again"
            found = arrivals(path)
            gap, lost = longest_gap(found) - 1 / RATE, int(lab.said(beat)) - len(found)
            if gap > GAP_S or lost > GAP_S * RATE:
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


def during_call(lab, act):
    """Calls act() 3.5 s into a call. Returns when that was, and the streams."""
    with Wire(lab, calls.ADDRESSES).open() as wire:
        phone = talk(lab)
        time.sleep(3.5)
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


RELOADS = 50


def reload_load(squelch):
    rate, seconds = 2000, 12
    with world.world() as lab:
        path = sink(lab)
        with world.gateway(lab, squelch, calls.BLOCK) as gate:
            # Many flows: some are always queued still, others passed by mark.
            loads = [probe(lab, "client", "load", address, PORT, rate // 2, seconds, 400) for address in (SERVER4, SERVER6)]
            time.sleep(1)
            for i in range(RELOADS):
                gate.set_rules(calls.BLOCK if i % 2 else "alert media\n")
                gate.reload()
                time.sleep((seconds - 2) / RELOADS)
            sent = 0
            for load in loads:
                load.wait(timeout=seconds + 20)
                sent += int(lab.said(load))
            time.sleep(0.3)
            got = len(arrivals(path))
            if got != sent:
                raise LabError(f"{sent - got} of {sent} packets lost")
            return f"{RELOADS} reloads, {sent} packets, none lost"


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


# -- without rules

def plain_pcap(lab, path):
    """A classic pcap file of any capture of pcaps/."""
    name = lab.path(os.path.basename(path))
    with open(path, "rb") as fh:
        data = fh.read()
    if path.endswith(".gz"):
        data = gzip.decompress(data)
    elif path.endswith(".zst"):
        data = subprocess.run(["zstd", "-dcq"], input=data, stdout=subprocess.PIPE, check=True).stdout
    with open(name + ".raw", "wb") as fh:
        fh.write(data)
    world.net.run("editcap", "-F", "pcap", name + ".raw", name + ".pcap")
    return name + ".pcap"


def sides(lab):
    """{role: frames} of all captures, to be sent by that role through the gateway."""
    frames = collections.defaultdict(list)
    first = {"client": (bytes([192, 0, 2]), bytes.fromhex("20010db80001")),
             "server": (bytes([198, 51, 100]), bytes.fromhex("20010db80002"))}
    for path in sorted(glob.glob(os.path.join(TOP, "pcaps", "*.pcap*"))):
        for _, frame in records(plain_pcap(lab, path)):
            kind, ip = frame[12:14], frame[ETHERNET:]
            v4 = kind == b"\x08\x00"
            if not v4 and kind != b"\x86\xdd":
                continue
            length = struct.unpack_from(">H", ip, 2 if v4 else 4)[0] + (0 if v4 else 40)
            if length > len(ip):
                continue  # cut short by the capture
            for role, nets in first.items():
                number = {"client": 1, "server": 2}[role]
                source = ip[12:16] if v4 else ip[8:24]
                if source.startswith(nets[0] if v4 else nets[1]):
                    macs = bytes([2, 0, 0, 0, number, 1]) + bytes([2, 0, 0, 0, number, 0x10])
                    frames[role].append(macs + kind + ip[:length])
    return frames


def write_pcap(path, frames):
    with open(path, "wb") as fh:
        fh.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for frame in frames:
            fh.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)


def replayed(squelch):
    """What arrives at either end when the captures are sent through the gateway: multisets."""
    with world.world() as lab:
        frames = sides(lab)
        for role in ("client", "server"):
            # The ends do not answer: only what was captured is on the wire.
            for tool in ("iptables", "ip6tables"):
                lab.run(role, tool, "-t", "raw", "-A", "PREROUTING", "-i", "eth0", "!", "-p",
                        "icmp" if tool == "iptables" else "ipv6-icmp", "-j", "DROP")
        gate = world.Gateway(lab, squelch, "") if squelch else None
        arrived = {}
        with Wire(lab, calls.ADDRESSES).open("-Q in -s 0 ip or ip6") as wire:
            for role in ("client", "server"):
                write_pcap(lab.path(f"replay-{role}.pcap"), frames[role])
            senders = [probe(lab, role, "replay", "eth0", lab.path(f"replay-{role}.pcap"), 1000) for role in frames]
            for sender in senders:
                if sender.wait(timeout=60) != 0:
                    raise LabError(lab.said(sender)[-300:])
            time.sleep(0.5)
        for role in ("client", "server"):
            arrived[role] = collections.Counter(frame[ETHERNET:] for _, frame in wire.frames(role)
                                                if not neighbour(frame[ETHERNET:]))
        if gate is not None:
            gate.stop()
        return arrived, sum(map(len, frames.values()))


def neighbour(ip):
    """ICMP: neighbour discovery of the ends, and errors."""
    return ip[0] >> 4 == 6 and ip[6] in (0, 58) or ip[0] >> 4 == 4 and ip[9] == 1


def replay(squelch):
    want, sent = replayed(None)
    got, _ = replayed(squelch)
    total = sum(sum(c.values()) for c in want.values())
    missing = sum(sum((want[r] - got[r]).values()) for r in want)
    extra = sum(sum((got[r] - want[r]).values()) for r in want)
    if missing or extra:
        raise LabError(f"{missing} packets missing, {extra} too many, of {total}")
    if total < sent * 0.95:
        raise LabError(f"only {total} of {sent} packets pass even without squelch")
    return f"{total} packets, the same with and without"


# -- the hook

def hook(_squelch):
    """squelch-hook leaves what is not its own, and nothing of its own."""
    tool = os.path.join(TOP, "tools", "squelch-hook")
    with world.world() as lab:
        def rules():
            lines = "".join(lab.run("gateway", t) for t in ("iptables-save", "ip6tables-save")).splitlines()
            return [line for line in lines if line[0] in "-*:" and "ACCEPT [" not in line]
        for argv in (["-t", "mangle", "-A", "FORWARD", "-p", "tcp", "--tcp-flags", "SYN,RST", "SYN", "-j", "TCPMSS",
                      "--clamp-mss-to-pmtu"], ["-A", "FORWARD", "-j", "ACCEPT"], ["-A", "INPUT", "-i", "lo", "-j", "ACCEPT"]):
            for t in ("iptables", "ip6tables"):
                lab.run("gateway", t, *argv)
        lab.run("gateway", tool, "add")
        lab.run("gateway", tool, "del")
        before = rules()
        if any("SQUELCH" in line for line in before):
            raise LabError("something is left")
        dry = lab.run("gateway", tool, "add", "--dry-run")
        if rules() != before or "NFQUEUE" not in dry:
            raise LabError("--dry-run changed something, or says nothing")
        lab.run("gateway", tool, "add", "--forward", "--local", "--udp-queue", "4:5", "--host", CLIENT4, "--host", CLIENT6)
        lab.run("gateway", tool, "add", "--udp-queue", "0:1")
        once = rules()
        lab.run("gateway", tool, "add", "--udp-queue", "0:1")
        if rules() != once:
            raise LabError("added twice is not the same as added once")
        if "SQUELCH_ASK" not in lab.run("gateway", tool, "show"):
            raise LabError("show shows nothing")
        forward = [line for line in once if line.startswith("-A FORWARD")]
        tables = {"mangle": forward[:2], "filter": forward[2:4]}
        if "SQUELCH" not in tables["mangle"][1] or "SQUELCH" not in tables["filter"][0]:
            raise LabError(f"the order is {forward}")
        lab.run("gateway", tool, "del")
        if rules() != before:
            raise LabError("del touched rules of others, or left some of its own")
        return "own chains only, the same when added again, nothing left"


def nft(_squelch):
    tool = os.path.join(TOP, "tools", "squelch-hook")
    with world.world() as lab:
        text = lab.run("gateway", tool, "add", "--nft", "--forward", "--local", "--in-interface", "to-client",
                       "--host", CLIENT4, "--host", CLIENT6)
        path = lab.write("squelch.nft", text)
        done = subprocess.run(lab.inside("gateway") + ["nft", "-c", "-f", path], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        if done.returncode == 0:
            return "nft takes the ruleset"
        # A kernel may lack the expression; then everything else is still checked.
        wrong = [line for line in done.stdout.splitlines() if "Error:" in line]
        lines = text.splitlines()
        if any(" queue " not in lines[int(line.split(":")[1]) - 1] for line in wrong):
            raise LabError(done.stdout[:400])
        without = "\n".join(line for line in lines if " queue " not in line)
        lab.run("gateway", "nft", "-c", "-f", lab.write("rest.nft", without))
        return "nft takes all but `queue`, which this kernel lacks"


# Name, function of the path of squelch, in every run.
TABLE = (
    ("hook", hook, True),
    ("hook-nft", nft, True),
    ("child-stopped", interrupted("child", signal.SIGSTOP, SERVER4), True),
    ("child-killed", interrupted("child", signal.SIGKILL, SERVER6), True),
    ("supervisor-stopped", interrupted("supervisor", signal.SIGSTOP, SERVER4), False),
    ("supervisor-killed", interrupted("supervisor", signal.SIGKILL, SERVER4), True),
    ("restart", restart, True),
    ("reload-block", reload_block, True),
    ("reload-allow", reload_allow, False),
    ("reload-wrong", reload_wrong, False),
    ("reload-load", reload_load, True),
    ("foreign-marks", foreign_marks, True),
    ("replay", replay, True),
)
