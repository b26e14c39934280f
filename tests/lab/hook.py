# SPDX-License-Identifier: GPL-3.0-or-later
"""tools/squelch-hook in a firewall of others, for this machine's own traffic, and as an nftables ruleset."""
import os
import re
import subprocess
import time

import calls
import world
from net import CLIENT4, CLIENT6, GATEWAY4S, SERVER4, LabError
from probes import PORT, probe, settled
from wire import Wire, datagram, is_media
from world import TOP

TOOL = os.path.join(TOP, "tools", "squelch-hook")

# A firewall as people have them: marks, NAT, own chains, names that look like ours, drops by default.
THEIRS = """\
*raw
-A PREROUTING -p udp --dport 4789 -j NOTRACK
COMMIT
*mangle
:qos - [0:0]
-A PREROUTING -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff
-A FORWARD -j qos
-A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
-A qos -p udp --dport 5060 -j MARK --set-xmark 0x5/0xff
-A qos -m comment --comment "before -j SQUELCH_FORWARD" -j RETURN
COMMIT
*nat
:publish - [0:0]
-A PREROUTING -j publish
-A publish -p tcp --dport 8443 -j REDIRECT --to-ports 443
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:lan-wan - [0:0]
:SQUELCHED_BY_SOMEBODY - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A FORWARD -i to-client -j lan-wan
-A FORWARD -j SQUELCHED_BY_SOMEBODY
-A lan-wan -p udp -m multiport --dports 53,123 -j ACCEPT
-A lan-wan -m limit --limit 5/sec -j ACCEPT
-A SQUELCHED_BY_SOMEBODY -p tcp -j REJECT --reject-with tcp-reset
COMMIT
"""


def populate(lab):
    for t in ("iptables-restore", "ip6tables-restore"):
        lab.run("gateway", t, lab.write("theirs", THEIRS))


def firewall(lab):
    """(chains, rules in their order), policies too, counters not."""
    lines = [re.sub(r" \[\d+:\d+\]", "", line) for t in ("iptables-save", "ip6tables-save")
             for line in lab.run("gateway", t).splitlines()]
    return sorted(line for line in lines if line[0] == ":"), [line for line in lines if line[0] == "-"]


def theirs(state):
    own = re.compile(r'^:SQUELCH_|^-A SQUELCH_|^-A [A-Z]+ (-m mark ! --mark 0x0/0x[0-9a-f]+ |-p udp -m connmark --mark 0x[0-9a-f]+/0x[0-9a-f]+ )?-j SQUELCH_')
    return tuple([line for line in part if not own.match(line)] for part in state)


def refused(lab, end, tool):
    """What the firewall does not take: it is said by whom, and nothing stays."""
    before = firewall(lab)
    try:
        lab.run("gateway", TOOL, "add", "--host", end)
    except LabError as e:
        if f"squelch-hook: {tool} refused" not in str(e) or firewall(lab) != before:
            raise LabError(f"--host {end}: left something, or said {e}") from None
    else:
        raise LabError(f"--host {end} was taken")


def populated(_squelch):
    """Rules of others stay as they are and in their order; nothing of its own stays behind."""
    with world.world() as lab:
        populate(lab)
        before, states = firewall(lab), []
        if "NFQUEUE" not in lab.run("gateway", TOOL, "add", "--dry-run") or firewall(lab) != before:
            raise LabError("--dry-run changed something, or says nothing")
        for options in (("--forward", "--local", "--udp-queue", "4:5", "--host", CLIENT4, "--host", CLIENT6),
                        ("-4", "--udp-queue", "0:1"), ("--udp-queue", "0:1"), ("--udp-queue", "0:1"),
                        ("--in-interface", "to-client", "--out-interface", "to-server", "--mark-mask", "0xf0000")):
            lab.run("gateway", TOOL, "add", *options)
            states.append(firewall(lab))
            if states[-1] == before or theirs(states[-1]) != theirs(before):
                raise LabError(f"add {' '.join(options)} did nothing, or touched rules of others")
        if states[2] != states[3]:
            raise LabError("added twice is not the same as added once")
        if "SQUELCH_ASK" not in lab.run("gateway", TOOL, "show"):
            raise LabError("show shows nothing")
        if "-X SQUELCH_ASK" not in lab.run("gateway", TOOL, "del", "--dry-run") or firewall(lab) != states[-1]:
            raise LabError("del --dry-run changed something, or says nothing")
        for _ in range(2):  # the second has nothing to do
            lab.run("gateway", TOOL, "del")
            after = firewall(lab)
            if after[1] != before[1] or set(before[0]) - set(after[0]) or any("SQUELCH_" in line for line in after[0]):
                raise LabError(f"del left or took something: {set(map(str, after)) ^ set(map(str, before))}")
        refused(lab, "300.1.1.1", "iptables")
        refused(lab, "2001:db8::/129", "ip6tables")
        return f"{len(before[1])} rules of others as they were, after add 5 times and del twice"


def order(_squelch):
    """In mangle last, since queued packets skip what follows; in filter first, since others accept."""
    with world.world() as lab:
        populate(lab)
        lab.run("gateway", TOOL, "add")
        for t in ("iptables-save", "ip6tables-save"):
            for table, place in (("mangle", -1), ("filter", 0)):
                lines = [line for line in lab.run("gateway", t, "-t", table).splitlines() if line.startswith("-A FORWARD")]
                if not lines[place].endswith(" -j SQUELCH_FORWARD"):
                    raise LabError(f"{table}: {lines}")
        return "last in mangle, first in filter"


# -- this machine's own traffic

LOCAL_S = 4


def own_call(lab):
    """Seconds that media of a call from the gateway itself arrives at the server."""
    calls.recipes.sipp(lab, "server", "sipp_uas.xml", SERVER4, "-mp", "20000")
    lab.wait_port("server", 5060, "-u")
    with Wire(lab, ("server",)).open("-Q in udp") as wire:
        phone = calls.recipes.sipp(lab, "gateway", "sipp_uac.xml", GATEWAY4S, "-s", "4711", "-d", str(LOCAL_S * 1000),
                                   "-mp", "10000", f"{SERVER4}:5060")
        phone.wait(timeout=30)
    times = [t for t, frame in wire.frames("server") if (d := datagram(t, frame)) and is_media(d.payload)]
    return times[-1] - times[0] if times else 0


def local(squelch):
    """--local: calls of the gateway itself are cut; what it says to itself over lo is not looked at."""
    with world.world() as lab:
        if (lived := own_call(lab)) < LOCAL_S - 1:
            raise LabError(f"without squelch the call lives {lived:.1f} s")
    with world.world() as lab, world.gateway(lab, squelch, calls.BLOCK, hook=("--local",)) as gate:
        path = lab.path("heard")
        probe(lab, "gateway", "sink", PORT, path)
        lab.wait_port("gateway", PORT, "-u")
        load = probe(lab, "gateway", "load", "127.0.0.1", PORT, 100, LOCAL_S, 4)
        lived = own_call(lab)
        load.wait(timeout=20)
        sent = int(lab.said(load))
        got = settled(path, sent)
        gate.stop()
        if lived > calls.SEEN_S:
            raise LabError(f"the gateway's own call lives {lived:.1f} s")
        if got != sent:
            raise LabError("packets over lo are lost")
        if any(PORT in (e.get("src_port"), e.get("dest_port")) for e in gate.events()):
            raise LabError("packets over lo were queued")
        return f"the gateway's own call is cut after {lived:.2f} s"


# -- nftables

def nft(_squelch):
    with world.world() as lab:
        text = lab.run("gateway", TOOL, "add", "--nft", "--forward", "--local", "--in-interface", "to-client",
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
    ("hook", populated, True),
    ("hook-order", order, True),
    ("hook-local", local, True),
    ("hook-nft", nft, True),
)
