#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules with `category` on real captures: each capture must have a flow of its category, none of a foreign one.

    categories.py SQUELCH CORPUS      77 when the captures are not there
"""
import json
import os
import subprocess
import sys
import tempfile

SKIP = 77
# Capture, the category its main traffic has, and the flows (at least) that must show it.
CASES = (
    ("bittorrent.pcap", "p2p", 20), ("gnutella.pcap", "p2p", 5), ("wireguard.pcap", "tunnel", 1),
    ("openvpn.pcap", "tunnel", 2), ("socks.pcap", "tunnel", 1), ("wow.pcap", "game", 1), ("among_us.pcap", "game", 1),
    ("KakaoTalk_chat.pcap", "chat", 5), ("whatsapp_login_chat.pcap", "chat", 1), ("wechat.pcap", "chat", 1),
    ("rtmp.pcap", "streaming", 1), ("netflix.pcap", "streaming", 5), ("smtp.pcap", "mail", 1), ("imap.pcap", "mail", 1),
    ("ftp.pcap", "files", 1), ("ssh.pcap", "remote", 1), ("rdp2.pcap", "remote", 1), ("sip.pcap", "voip", 1),
)
OURS = ("p2p", "tunnel", "game", "chat", "streaming", "mail", "files", "remote", "voip")
# Beside the main one: what else such a capture may hold.
ALSO = {"KakaoTalk_chat.pcap": {"voip"}, "gnutella.pcap": {"streaming"}, "whatsapp_login_chat.pcap": {"streaming", "files"}}


def seen(squelch, rules, path):
    done = subprocess.run([squelch, "read", "-R", rules, "--eve", "-", path], stdout=subprocess.PIPE, check=True)
    flows = {}
    for line in done.stdout.splitlines():
        ev = json.loads(line)
        reason = (ev.get("verdict") or {}).get("reason")
        if ev["event_type"] == "flow" and reason in OURS:
            flows[reason] = flows.get(reason, 0) + 1
    return flows


def main():
    squelch, corpus = sys.argv[1:]
    if not os.path.isdir(os.path.join(corpus, "pcaps")):
        print("skipped: no labelled captures")
        return SKIP
    failed = False
    with tempfile.NamedTemporaryFile("w", suffix=".rules") as rules:
        for category in OURS:
            rules.write(f'block any category {category} reason "{category}"\n')
        rules.flush()
        for capture, category, least in CASES:
            flows = seen(squelch, rules.name, os.path.join(corpus, "pcaps", capture))
            foreign = set(flows) - {category} - ALSO.get(capture, set())
            bad = flows.get(category, 0) < least or foreign
            failed |= bool(bad)
            print(f"{'FAIL' if bad else 'ok  '} {capture}: {category} at least {least}; seen {flows}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
