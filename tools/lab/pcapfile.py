# SPDX-License-Identifier: GPL-3.0-or-later
"""Captures read for their flows, and written from datagrams that no network carried."""
import collections
import ipaddress
import struct

USEC, NSEC = 0xa1b2c3d4, 0xa1b23c4d
ETHERNET, RAW = 1, 101  # link types
ETHER_LEN = 14
TCP, UDP, ESP = 6, 17, 50
PROTO = {TCP: "tcp", UDP: "udp"}

# The end first seen sending comes first. sent: packets and bytes on the wire, either way.
Flow = collections.namedtuple("Flow", "proto ip_a port_a ip_b port_b")
Count = collections.namedtuple("Count", "packets octets first last")


def packets(path):
    """(seconds, length on the wire, link type, bytes) of a capture."""
    with open(path, "rb") as fh:
        head = fh.read(24)
        if len(head) < 24:
            return
        order = "<" if head[:4] in (struct.pack("<I", USEC), struct.pack("<I", NSEC)) else ">"
        magic, = struct.unpack(order + "I", head[:4])
        unit = 1e-9 if magic == NSEC else 1e-6
        link, = struct.unpack(order + "I", head[20:24])
        record = struct.Struct(order + "IIII")
        while len(h := fh.read(16)) == 16:
            sec, frac, caplen, length = record.unpack(h)
            yield sec + frac * unit, length, link, fh.read(caplen)


def key(link, data):
    """(version, proto, source, port, destination, port) in bytes and numbers, or None. No options, no fragments."""
    at = ETHER_LEN if link == ETHERNET else 0
    if len(data) < at + 24:
        return None
    version = data[at] >> 4
    if version == 4:
        proto, ports = data[at + 9], at + 4 * (data[at] & 15)
        a, b = data[at + 12:at + 16], data[at + 16:at + 20]
    elif version == 6:
        proto, ports = data[at + 6], at + 40
        a, b = data[at + 8:at + 24], data[at + 24:at + 40]
    else:
        return None
    if proto not in PROTO or len(data) < ports + 4:
        return None
    return proto, a, data[ports:ports + 2], b, data[ports + 2:ports + 4]


def flows(path):
    """{Flow: [Count up, Count down]}"""
    found = {}
    for t, length, link, data in packets(path):
        k = key(link, data)
        if k is None:
            continue
        proto, a, pa, b, pb = k
        way = 0
        if (proto, b, pb, a, pa) in found:
            k, way = (proto, b, pb, a, pa), 1
        c = found.setdefault(k, [[0, 0, t, t], [0, 0, t, t]])[way]
        c[0] += 1
        c[1] += length
        c[3] = t
    return {Flow(PROTO[proto], str(ipaddress.ip_address(a)), int.from_bytes(pa, "big"), str(ipaddress.ip_address(b)),
                 int.from_bytes(pb, "big")): [Count(*up), Count(*down)]
            for (proto, a, pa, b, pb), (up, down) in found.items()}


class Writer:
    """Datagrams over IPv4 between one client and one server; payloads are cut to what is given."""

    def __init__(self, path):
        self.fh = open(path, "wb")
        self.fh.write(struct.pack("<IHHiIII", NSEC, 2, 4, 0, 0, 65535, ETHERNET))

    def ip(self, t, src, dst, proto, size, payload):
        """A packet of `size` bytes after its IP header, of which `payload` are written."""
        macs = bytes.fromhex("020000000201020000000110") if src < dst else bytes.fromhex("020000000110020000000201")
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + size, 0, 0x4000, 64, proto, 0,
                         ipaddress.ip_address(src).packed, ipaddress.ip_address(dst).packed)
        words = sum(struct.unpack(">10H", ip))
        words = (words & 0xffff) + (words >> 16)
        ip = ip[:10] + struct.pack(">H", ~(words + (words >> 16)) & 0xffff) + ip[12:]
        frame = macs + b"\x08\x00" + ip + payload[:size]
        sec = int(t)
        self.fh.write(struct.pack("<IIII", sec, int((t - sec) * 1e9), len(frame), 34 + size) + frame)

    def udp(self, t, src, sport, dst, dport, size, payload=b""):
        """A datagram of `size` bytes of payload, of which `payload` are written."""
        self.ip(t, src, dst, UDP, 8 + size, struct.pack(">HHHH", sport, dport, 8 + size, 0) + payload[:size])

    def close(self):
        self.fh.close()
