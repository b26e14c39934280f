# SPDX-License-Identifier: GPL-3.0-or-later
"""What was sent and what arrived, seen by tcpdump at the ends."""
import collections
import contextlib
import ipaddress
import os
import signal
import struct
import time

Datagram = collections.namedtuple("Datagram", "t src sport dst dport payload")
Flow = collections.namedtuple("Flow", "src sport dst dport")

SNAPLEN = 160  # headers, and the RTP header inside ChannelData
FLOW_MIN = 10  # packets; fewer are no stream
WRITTEN_S = 2  # until what came is in the files
ETHERNET, IPV4, IPV6, UDP = 14, 0x0800, 0x86dd, 17


def records(path):
    """(time, bytes) of a pcap file of tcpdump, as far as it is written."""
    with open(path, "rb") as fh:
        data = fh.read()
    at = 24
    while at + 16 <= len(data):
        seconds, micros, caplen, _ = struct.unpack_from("<IIII", data, at)
        if at + 16 + caplen > len(data):
            break
        yield seconds + micros / 1e6, data[at + 16:at + 16 + caplen]
        at += 16 + caplen


def datagram(t, frame):
    kind = struct.unpack_from(">H", frame, 12)[0] if len(frame) >= ETHERNET else 0
    ip = frame[ETHERNET:]
    if kind == IPV4 and len(ip) >= 20 and ip[9] == UDP and not struct.unpack_from(">H", ip, 6)[0] & 0x1fff:
        head, a, b = (ip[0] & 15) * 4, ip[12:16], ip[16:20]
    elif kind == IPV6 and len(ip) >= 40 and ip[6] == UDP:
        head, a, b = 40, ip[8:24], ip[24:40]
    else:
        return None
    if len(ip) < head + 8:
        return None
    sport, dport = struct.unpack_from(">HH", ip, head)
    return Datagram(t, str(ipaddress.ip_address(a)), sport, str(ipaddress.ip_address(b)), dport, ip[head + 8:])


def is_media(p):
    """RTP or SRTP, also inside TURN ChannelData (RFC 8656, 12.4); RTCP is not (RFC 5761, 4)."""
    if len(p) > 4 and 0x40 <= p[0] <= 0x4f:
        p = p[4:]
    return len(p) >= 12 and p[0] >> 6 == 2 and not 192 <= p[1] <= 223


class Wire:
    """tcpdump at both ends of the calls."""

    def __init__(self, lab, roles):
        self.lab, self.roles = lab, roles

    def path(self, role):
        return self.lab.path(f"wire-{role}.pcap")

    @contextlib.contextmanager
    def open(self, expression="udp"):
        tcpdumps = [self.lab.start(role, "tcpdump", "-i", "eth0", "-n", "-U", "--immediate-mode", "-B", "8192", "-Z", "root",
                                   "-s", str(SNAPLEN), "-w", self.path(role), *expression.split())
                    for role in self.roles]
        for role in self.roles:
            self.lab.wait("tcpdump", 5, lambda r=role: os.path.exists(self.path(r)) and os.path.getsize(self.path(r)) >= 24)
        try:
            yield self
            self._written()
        finally:
            for process in tcpdumps:
                self.lab.stop(process, signal.SIGINT)

    def _written(self):
        """What came is in the files once they do not grow; traffic that goes on does not hold this up for long."""
        end, before, sizes = time.monotonic() + WRITTEN_S, None, []
        while sizes != before and time.monotonic() < end:
            before = sizes
            time.sleep(0.3)
            sizes = [os.path.getsize(self.path(role)) for role in self.roles]

    def frames(self, role):
        return records(self.path(role))

    def media(self, like=is_media):
        """{flow: Stream} of what looks like media; `like`(payload)."""
        streams = collections.defaultdict(lambda: Stream([], []))
        for role, addresses in self.roles.items():
            for t, frame in self.frames(role):
                d = datagram(t, frame)
                if d is None or not like(d.payload):
                    continue
                stream = streams[Flow(d.src, d.sport, d.dst, d.dport)]
                (stream.sent if d.src in addresses else stream.arrived).append(t)
        return {flow: s for flow, s in streams.items() if len(s.sent) >= FLOW_MIN}


class Stream(collections.namedtuple("Stream", "sent arrived")):
    """Times of the packets of one direction, as sent and as they arrived."""

    def lived(self):
        """Seconds from the first packet sent to the last that arrived."""
        return max(0, self.arrived[-1] - self.sent[0]) if self.arrived else 0

    def tried(self):
        return self.sent[-1] - self.sent[0]
