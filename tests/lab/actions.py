# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rules do to live traffic: reject, limit, a call on an old flow, a redial, a cut by hand, fail-closed."""
import re
import signal
import struct
import time

import calls
import world
from net import CLIENT4, CLIENT6, RELAY4, SERVER4, SERVER6, LabError
from probes import PORT, arrivals, probe, sink
from steady import RATE
from wire import ETHERNET, Wire
from world import CREW4

ENDS = {4: (CLIENT4, SERVER4), 6: (CLIENT6, SERVER6)}


# -- reject

# The rule, and who is told; the third digit of a port is its place here, the last the version of IP.
REJECTS = (("reject any", {"client"}),  # nothing said: the inside end
           ("reject any client", {"client"}), ("reject any server", {"server"}), ("reject any both", {"client", "server"}),
           ("block any", set()))
REJECT_PORTS = {7000 + 10 * i + version: (rule, who, version) for i, (rule, who) in enumerate(REJECTS) for version in ENDS}
RST, UNREACHABLE = 0x04, {4: (3, 3), 6: (1, 4)}  # TCP flag; ICMP type and code: port unreachable (RFC 792, RFC 4443)


def refusals(frames):
    """{("tcp" or "udp", port)} of resets and port unreachables."""
    found = set()
    for _, frame in frames:
        ip = frame[ETHERNET:]
        version = ip[0] >> 4
        head, proto = ((ip[0] & 15) * 4, ip[9]) if version == 4 else (40, ip[6])
        at = ip[head:]
        if proto == 6 and len(at) >= 14 and at[13] & RST:
            found |= {("tcp", port) for port in struct.unpack_from(">HH", at)}
        elif proto in (1, 58) and len(at) > 8 + 28 and (at[0], at[1]) == UNREACHABLE[version]:
            skip = (at[8] & 15) * 4 if version == 4 else 40
            found |= {("udp", port) for port in struct.unpack_from(">HH", at, 8 + skip)}
    return {(proto, port) for proto, port in found if port in REJECT_PORTS}


TALK_S, TOLD_S = 60, 10  # they go on for, and who is to be told is told within


def both_talk(lab):
    """Connections to the ports of REJECTS on which both ends were heard."""
    found = set()
    for family in ("ipv4", "ipv6"):
        for line in lab.run("gateway", "conntrack", "-L", "-f", family).splitlines():
            port = re.search(r"dport=(\d+)", line)
            if port and int(port.group(1)) in REJECT_PORTS and "UNREPLIED" not in line and "SYN_" not in line:
                found.add((line.split()[0], int(port.group(1))))
    return len(found)


def to_tell(role):
    return {(proto, port) for port, (_, who, _) in REJECT_PORTS.items() if role in who for proto in ("tcp", "udp")}


def reject(squelch):
    """Both ends of open connections talk; then the rules come, and one end, or both, are told by the kernel."""
    with world.world() as lab, world.gateway(lab, squelch, "") as gate:
        wire = Wire(lab, ("client", "server"))
        probe(lab, "server", "talk", TALK_S, "-", *REJECT_PORTS)
        for port in REJECT_PORTS:
            lab.wait_port("server", port)
        with wire.open("-Q in tcp or icmp or icmp6"):
            for version, (_, server) in ENDS.items():
                probe(lab, "client", "talk", TALK_S, server, *[p for p, row in REJECT_PORTS.items() if row[2] == version])
            lab.wait("everybody talks", 20, lambda: both_talk(lab) == 2 * len(REJECT_PORTS))
            if any(refusals(wire.frames(role)) for role in wire.roles):
                raise LabError("refused without a rule")
            gate.set_rules("".join(f"{rule} host {world.SERVERS} port {port}\n" for port, (rule, _, _) in REJECT_PORTS.items()))
            gate.command("reload")
            end = time.monotonic() + TOLD_S
            while any(to_tell(role) - refusals(wire.frames(role)) for role in wire.roles) and time.monotonic() < end:
                time.sleep(0.2)
            time.sleep(1)  # and who else?
        n = 0
        for role in wire.roles:
            told, want = refusals(wire.frames(role)), to_tell(role)
            if told != want:
                raise LabError(f"{role}: not told of {sorted(want - told)}, told of {sorted(told - want)}")
            n += len(want)
        return f"{n} ends told, none that should not be; TCP and UDP, IPv4 and IPv6"


# -- limit

LIMIT = 50_000   # bytes/s
LIMIT_S = 8
OVERHEAD = 28    # IPv4 and UDP headers: a rate counts IP packets


def arrived_from(path):
    """{sender: bytes of IP packets}, {sender: seconds from its first to its last} of what a sink got."""
    sums, spans = {}, {}
    with open(path) as fh:
        for line in fh:
            at, sender, size = line.split()[:3]
            sums[sender] = sums.get(sender, 0) + int(size) + OVERHEAD
            spans.setdefault(sender, [float(at)] * 2)[1] = float(at)
    return sums, {sender: last - first for sender, (first, last) in spans.items()}


def limit(squelch):
    """A host far above its rate, over flows to two servers; another below its own; and a download."""
    rules = f"limit {LIMIT // 1000}kB/s any host {world.SERVERS} port {PORT}\nlimit 250kB/s any host {world.SERVERS} port 80\n"
    with world.world() as lab, world.gateway(lab, squelch, rules) as gate:
        calls.recipes.serve_web(lab)
        path = lab.path("counted.txt")
        probe(lab, "server", "count", PORT, path)
        lab.wait_port("server", PORT, "-u")
        # 1000-byte datagrams, 100/s from 4 ports to each server: four times the rate
        loads = [probe(lab, "client", "sizes", server, PORT, 50, LIMIT_S, 1000) for server in (SERVER4, RELAY4) * 2]
        # a fifth of the rate: a sender that catches up after seconds without a core stays below it too
        fair = probe(lab, "second", "sizes", SERVER4, PORT, 10, LIMIT_S, 1000)
        with open(lab.path("www/file.bin"), "wb") as fh:
            fh.write(bytes(1_500_000))
        began = time.monotonic()
        lab.run("client", "curl", "-4", "-sS", "-o", "/dev/null", f"http://{SERVER4}/file.bin", timeout=60)
        download = 1_500_000 / (time.monotonic() - began)
        sent = [(load.wait(timeout=30), int(lab.said(load)))[1] for load in (*loads, fair)]
        time.sleep(1)
        got, spans = arrived_from(path)
        rate, most = got[CLIENT4] / spans[CLIENT4], LIMIT * (spans[CLIENT4] + 1) / spans[CLIENT4]
        if not 0.9 * LIMIT <= rate <= 1.05 * most:
            raise LabError(f"{rate:.0f} bytes/s pass in {spans[CLIENT4]:.1f} s, {LIMIT} are allowed")
        if got[CREW4] != sent[-1] * (1000 + OVERHEAD):
            raise LabError(f"a host below its rate lost {sent[-1] * (1000 + OVERHEAD) - got[CREW4]} bytes")
        if not 100_000 < download < 300_000:
            raise LabError(f"a download through 250 kB/s has {download:.0f} bytes/s")
        if not re.search(r"^limited +[1-9]", gate.command("stats"), re.M):
            raise LabError("nothing is counted")
        return (f"{rate / 1000:.1f} kB/s of {sum(sent[:-1]) * 1.028 / LIMIT_S:.0f} pass at {LIMIT // 1000}, another host loses "
                f"nothing; a download has {download / 1000:.0f} kB/s at 250")


# -- a call on an old flow

LOCAL, REMOTE = 30000, 40000
PASS_MARK = 0x01000000
OLD_RATE = 1000  # packets/s each way: more than a call has, so that it is cleared within seconds, on a busy machine too
OLD_LEFT_S = 4   # of it, once cleared
OLD_TALK_S = 11
OLD_CUT_S = 5  # its next sample comes within 2 s, and two packets side by side tell; more on a machine where all are late


def mark_of(lab, port):
    """Mark of the connection of a port; None without one."""
    for line in lab.run("gateway", "conntrack", "-L", "-p", "udp").splitlines():
        found = re.search(rf"sport={port} .*mark=(\d+)", line)
        if found:
            return int(found.group(1))
    return None


def old_flow(seconds):
    """Other traffic on the ports first, until the kernel passes it by mark; then two phones talk on them."""
    def case(squelch):
        with world.world() as lab, world.gateway(lab, squelch, calls.BLOCK) as gate:
            dull = [probe(lab, role, "dull", there, port, local, OLD_RATE, seconds) for role, there, port, local in
                    (("client", SERVER4, REMOTE, LOCAL), ("server", CLIENT4, LOCAL, REMOTE))]
            began = time.monotonic()
            while mark_of(lab, LOCAL) != PASS_MARK:
                if time.monotonic() - began > seconds - OLD_LEFT_S:
                    raise LabError(f"the flow was not cleared: mark {mark_of(lab, LOCAL)}")
                time.sleep(0.25)
            left_s = seconds - (time.monotonic() - began)
            left = int(2 * OLD_RATE * left_s)
            seen = int(re.search(r"^packets +(\d+)", gate.command("stats"), re.M).group(1))
            for d in dull:
                d.wait(timeout=seconds + 10)
            sampled = int(re.search(r"^packets +(\d+)", gate.command("stats"), re.M).group(1)) - seen
            # A few each 2 s, and what comes until a busy worker has put the mark back.
            if not 0 < sampled < left / 2:
                raise LabError(f"{sampled} of {left} packets of a cleared flow were queued")
            streams = calls.media_of(lab, calls.ffmpeg(calls.PCMU, at=(LOCAL, REMOTE), seconds=OLD_TALK_S), 4)
            lived = calls.longest(streams)
            if lived > OLD_CUT_S:
                raise LabError(f"a call on a cleared flow lives {lived:.1f} s")
            time.sleep(world.SETTLE_S)
            if mark_of(lab, LOCAL) == PASS_MARK:
                raise LabError("the mark still says pass")
            return f"cut {lived:.2f} s after its first packet; {sampled} of {left} packets before it were sampled"
    return case


# -- a redial

DIALS = 6


def cuts(gate):
    """The flows cut so far, each as its first event says it."""
    found = {}
    for e in gate.events("voip"):
        if e["verdict"]["action"] == "drop":
            found.setdefault(e["flow_id"], e["voip"])
    return list(found.values())


def redial(squelch):
    """The same two call again, on other ports: that they were cut is evidence, and no more packets pass than before."""
    with world.world() as lab, world.gateway(lab, squelch, calls.BLOCK) as gate:
        for dial in range(1, DIALS + 1):
            calls.media_of(lab, calls.ffmpeg(calls.PCMU), 4)
            lab.wait(f"call {dial} is cut", 10, lambda: len(cuts(gate)) == dial)
            # One cut before the other end spoke teaches nothing of it (src/engine/decide.c): who speaks first is chance.
            if dial > 1 and "both ways" in str(cuts(gate)[-2]["evidence"]):
                break
        else:
            raise LabError(f"in {DIALS} calls one end was cut before the other spoke")
        first, again = cuts(gate)[-2:]
        if "redial" not in [x["detector"] for x in again["evidence"]] or "redial" in [x["detector"] for x in cuts(gate)[0]["evidence"]]:
            raise LabError(f"evidence: {first['evidence']}, then {again['evidence']}")
        if again["packets"] > first["packets"]:
            raise LabError(f"cut after {first['packets']} packets, the redial after {again['packets']}")
        return f"cut after {first['packets']} packets, the redial after {again['packets']}"


# -- fail-closed

def fail_closed(squelch):
    """For those who want it: nothing passes that nobody judges."""
    with world.world() as lab:
        path = sink(lab)
        gate = world.Gateway(lab, squelch, calls.BLOCK, hook=("--fail-closed",), options=("--fail-closed",))
        beat = probe(lab, "client", "beat", SERVER4, PORT, RATE, 120)
        lab.wait("traffic", 10, lambda: len(arrivals(path)) >= RATE)
        gate.lab.stop(gate.process, signal.SIGKILL)
        lab.wait("queues unbound", 10, lambda: not gate.queues())
        at = time.time()
        time.sleep(2)
        until = time.time()
        gate.start()
        lab.wait("traffic again", 10, lambda: arrivals(path)[-1][0] > until)
        lab.stop(beat)
        gate.stop()
        times = [t for t, _ in arrivals(path)]
        before, between, after = (len([t for t in times if a <= t < b]) for a, b in ((0, at), (at, until), (until, 1e12)))
        if between or not before or not after:
            raise LabError(f"{before} packets arrive before the kill, {between} while nothing runs, {after} after the restart")
        return f"nothing passes for {until - at:.1f} s without squelch, all is well with it again"


# Name, function of the path of squelch, in every run.
TABLE = (
    ("reject", reject, True),
    ("limit", limit, True),
    ("old-flow", old_flow(12), True),
    ("old-flow-60", old_flow(60), False),
    ("redial", redial, True),
    ("fail-closed", fail_closed, True),
)
