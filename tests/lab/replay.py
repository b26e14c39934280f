# SPDX-License-Identifier: GPL-3.0-or-later
"""Without rules nothing is lost, changed or added: captures through the gateway, with squelch and without."""
import collections
import glob
import gzip
import os
import struct
import subprocess

import calls
import world
from net import LabError
from probes import probe
from wire import ETHERNET, Wire, records
from world import TOP

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


# Name, function of the path of squelch, in every run.
TABLE = (
    ("replay", replay, True),
)
