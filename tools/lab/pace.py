# SPDX-License-Identifier: GPL-3.0-or-later
"""The pace of a real call: when its packets come and how large their frames are, to be put into other wrappers."""
import collections
import subprocess
import tempfile

import pcapfile

RTP_HEADER, UDP_HEADER = 12, 8  # bytes; RFC 3550, 5.1, RFC 768
IP_HEADER = {4: 20, 6: 40}

# seconds since the first; whether from the one who sent that; bytes of the codec's frame
Beat = collections.namedtuple("Beat", "at up size")


def of_call(path):
    """[Beat] of the flow of most datagrams in a capture of RTP; pcap or pcap.zst."""
    with tempfile.NamedTemporaryFile(suffix=".pcap") as plain:
        if path.endswith(".zst"):
            subprocess.run(["zstd", "-dcq", path], stdout=plain, check=True)
            path = plain.name
        found = {}
        for at, length, link, data in pcapfile.packets(path):
            k = pcapfile.key(link, data)
            if k is None or k[0] != pcapfile.UDP:
                continue
            one, two = k[1] + k[2], k[3] + k[4]
            begin = pcapfile.ETHER_LEN if link == pcapfile.ETHERNET else 0
            head = begin + IP_HEADER[data[begin] >> 4] + UDP_HEADER + RTP_HEADER
            found.setdefault(frozenset((one, two)), []).append((at, one, max(1, length - head)))
    longest = max(found.values(), key=len)
    first, speaker = longest[0][:2]
    return [Beat(at - first, who == speaker, size) for at, who, size in longest]
