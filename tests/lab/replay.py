# SPDX-License-Identifier: GPL-3.0-or-later
"""Without rules nothing is lost, changed or added: captures through the gateway, with squelch and without."""
import collections
import contextlib
import glob
import gzip
import os
import struct
import subprocess
import time

import world
from net import CLIENT4, CLIENT6, SERVER4, SERVER6, LabError
from probes import PORT, probe
from wire import ETHERNET, Wire, records
from world import TOP

PLACES = ("client", "server")
CORPUS = os.path.join(TOP, "..", "shared", "corpus", "pcaps", "*")
IP_AT = {1: 14, 12: 0, 101: 0, 113: 16, 228: 0, 229: 0}  # link types of pcap: Ethernet, raw, Linux cooked; where IP begins
VLAN = (b"\x81\x00", b"\x88\xa8")
IP_TYPES = {4: b"\x08\x00", 6: b"\x86\xdd"}
JUMBO = 65000  # bytes; merged packets are in the captures
KEEP = 2048    # of each; more costs tcpdump's buffer


# -- captures

def plain_pcap(lab, path):
    """A classic pcap file of any capture."""
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


def ip_packet(link, frame):
    """The IP packet of a captured frame, whole; None without one."""
    at = IP_AT.get(link)
    while link == 1 and frame[at - 2:at] in VLAN:
        at += 4
    ip = frame[at:] if at is not None else b""
    if len(ip) < 20 or ip[0] >> 4 not in IP_TYPES or link == 1 and frame[at - 2:at] != IP_TYPES[ip[0] >> 4]:
        return None
    length = struct.unpack_from(">H", ip, 2 if ip[0] >> 4 == 4 else 4)[0] + (0 if ip[0] >> 4 == 4 else 40)
    return ip[:length] if 20 <= length <= min(len(ip), JUMBO) else None


def packets(lab, path):
    """IP packets of one capture."""
    name = plain_pcap(lab, path)
    with open(name, "rb") as fh:
        link = struct.unpack_from("<I", fh.read(24), 20)[0] & 0xffff
    return [ip for ip in (ip_packet(link, frame) for _, frame in records(name)) if ip]


def ethernet(place, ip):
    """A frame from one of PLACES to the gateway."""
    return bytes([2, 0, 0, 0, place + 1, 1, 2, 0, 0, 0, place + 1, 0x10]) + IP_TYPES[ip[0] >> 4] + ip


NETS = {4: (bytes([192, 0, 2]), bytes([198, 51, 100])), 6: (bytes.fromhex("20010db80001"), bytes.fromhex("20010db80002"))}


def ours(lab):
    """[(place of the sender, frame)] of pcaps/."""
    found = []
    for path in sorted(glob.glob(os.path.join(TOP, "pcaps", "*.pcap*"))):
        for ip in packets(lab, path):
            source = ip[12:16] if ip[0] >> 4 == 4 else ip[8:24]
            found += [(place, ethernet(place, ip)) for place, net in enumerate(NETS[ip[0] >> 4]) if source.startswith(net)]
    return found


def corpus(lab):
    """All packets of the corpus, from the client's side, whoever sent them: the gateway routes everything to the server's."""
    for role, devices in (("client", ("eth0",)), ("gateway", ("to-client", "to-server")), ("server", ("eth0",))):
        for device in devices:
            lab.run(role, "ip", "link", "set", device, "mtu", str(JUMBO))
    for key in ("all", "to-client"):
        lab.run("gateway", "sysctl", "-qw", f"net.ipv4.conf.{key}.rp_filter=0")
    lab.run("gateway", "ip", "route", "add", "default", "via", SERVER4)
    lab.run("gateway", "ip", "-6", "route", "add", "default", "via", SERVER6)
    found = []
    for path in sorted(glob.glob(CORPUS)):
        with contextlib.suppress(LabError):  # several link types in one file
            found += [(0, ethernet(0, ip)) for ip in packets(lab, path)]
    return found


# -- the comparison

# What the kernel itself loses when packets wait in a queue, whoever reads it, it counts: docs/GATEWAY.md.

def replayed(squelch, captures, rate):
    """What arrives at either end when captures are sent through the gateway: multisets; and how many were sent."""
    with world.world() as lab:
        frames = captures(lab)
        for address in (SERVER4, SERVER6):  # neighbours get to know each other
            probe(lab, "client", "load", address, PORT, 5, 1, 1).wait(timeout=10)
        for address in (CLIENT4, CLIENT6):
            probe(lab, "server", "load", address, PORT, 5, 1, 1).wait(timeout=10)
        for role in PLACES:
            # The ends do not answer: only what was captured is on the wire.
            for tool, icmp in (("iptables", "icmp"), ("ip6tables", "ipv6-icmp")):
                lab.run(role, tool, "-t", "raw", "-A", "PREROUTING", "-i", "eth0", "!", "-p", icmp, "-j", "DROP")
        # Connections are tracked in both runs: that joins fragments, and loses those that do not fit, by itself.
        for tool in ("iptables", "ip6tables"):
            lab.run("gateway", tool, "-A", "FORWARD", "-m", "conntrack", "--ctstate", "NEW")
        gate = world.Gateway(lab, squelch, "") if squelch else None
        with open(lab.path("replay"), "w") as fh:
            fh.writelines(f"{place} {frame.hex()}\n" for place, frame in frames)
        with Wire(lab, PLACES).open(f"-Q in -s {KEEP} ip or ip6") as wire:
            sender = probe(lab, "gateway", "replay", lab.path("replay"), rate, *map(lab.ns, PLACES))
            if sender.wait(timeout=400) != 0:
                raise LabError(lab.said(sender)[-300:])
            time.sleep(0.5)
        if gate is not None:
            gate.stop()
        lost = lost_to_crossings(lab)
        return {role: collections.Counter(frame[ETHERNET:] for _, frame in wire.frames(role) if not not_ours(frame[ETHERNET:]))
                for role in PLACES}, len(frames), lost


def lost_to_crossings(lab):
    """Packets that connection tracking refused to confirm, since one from the other end had made the connection meanwhile."""
    return sum(int(word.split("=")[1]) for line in lab.run("gateway", "conntrack", "-S").splitlines()
               for word in line.split() if word.startswith("insert_failed="))


FRAGMENT6 = 44  # the header of IPv6


def not_ours(ip):
    """ICMP: neighbour discovery of the ends, and errors. Fragments: the kernel joins what comes in time."""
    if ip[0] >> 4 == 6:
        return ip[6] in (0, 58, FRAGMENT6)
    return ip[9] == 1 or struct.unpack_from(">H", ip, 6)[0] & 0x3fff


def compare(squelch, captures, rate, at_least):
    want, sent, _ = replayed(None, captures, rate)
    got, _, crossed = replayed(squelch, captures, rate)
    total = sum(sum(c.values()) for c in want.values())
    missing = sum(sum((want[r] - got[r]).values()) for r in want)
    extra = sum(sum((got[r] - want[r]).values()) for r in want)
    if missing != crossed or extra:
        some = [p[:44].hex() for r in want for p in [*list(want[r] - got[r])[:3], *list(got[r] - want[r])[:3]]]
        raise LabError(f"{missing} packets missing, {extra} too many, of {total}; the kernel lost {crossed} to crossings: {some}")
    if total < sent * at_least:
        raise LabError(f"only {total} of {sent} packets pass even without squelch")
    return f"{total} packets, the same with and without" + (f"; {crossed} lost by the kernel, each counted by it" if crossed else "")


def replay(squelch):
    return compare(squelch, ours, 1500, 0.95)


def replay_corpus(squelch):
    if not glob.glob(CORPUS):
        return "no corpus here"
    # Much of it has addresses that nobody forwards, such as multicast.
    return compare(squelch, corpus, 3000, 0.5)


# Name, function of the path of squelch, in every run.
TABLE = (
    ("replay", replay, True),
    ("replay-corpus", replay_corpus, False),
)
