# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls inside of TLS, secure shell, a relay over TLS and tunnels are cut inline by rules that mean them; what else uses the same kind goes on."""
import os
import time

import world  # first: it finds tools/lab
import bench_media
import bench_tcp as tcp
import streams
from net import CLIENT4, RELAY4, SERVER4, LabError
from wire import ETHERNET, Wire, datagram

TALK_S = 30
WITHIN_S = 10.0  # from the first packet of the call to the last that passes
REASON = "no calls on board, hidden ones neither"
# The rules docs/GATEWAY.md recommends: calls are acted on from 16 bits; in a tunnel, where a telephone's one size has 13 to 15, from 12.
RULES = f'block media tunnelled bits 12.. reason "{REASON}"\nblock media reason "{REASON}"\n'


def ready(lab):
    lab.seed, lab.voices = 1, lab.path("voices")
    os.makedirs(lab.voices)
    bench_media.TALK_S = TALK_S
    bench_media.voices(lab)  # spoken before the call


def stamped(what):
    """Notes when the call begins, where a tunnel is set up before."""
    def call(lab, *ends):
        lab.began = time.time()
        what(lab, *ends)
    return call


def came(wire, role, source):
    """When UDP or TCP payload from `source` came to an end."""
    sent = bytes(map(int, source.split(".")))
    datagrams = [t for t, frame in wire.frames(role) if (d := datagram(t, frame)) and d.src == source and d.payload]
    segments = [t for t, frame in wire.frames(role) if frame[ETHERNET + 9:ETHERNET + 10] == b"\x06"]
    return datagrams + streams.payloads(wire, role, sent) if segments else datagrams


def heard(lab, make, port):
    """(when the call began, when the last of it came to either end, what its programs said)."""
    said = ""
    with Wire(lab, ("client", "server")).open(f"port {port} and ip") as wire:
        lab.began = time.time()
        try:
            make(lab)
        except LabError as e:
            said = str(e)  # programs whose call is cut complain
    servers = (SERVER4, RELAY4)
    came_to = [t for source in servers for t in came(wire, "client", source)] + came(wire, "server", CLIENT4)
    called = [t for t in came_to if t >= lab.began]  # programs take seconds to start; a tunnel is set up before
    return min(called, default=lab.began), max(called, default=lab.began), said


def told(events, port):
    """What was said last about a flow of this port."""
    found = [e for e in events if port in (e.get("src_port"), e.get("dest_port"))]
    return found[-1] if found else None


def cut(make, port, tunnelled, within=WITHIN_S):
    def case(squelch):
        with world.world() as lab, world.gateway(lab, squelch, RULES) as gate:
            ready(lab)
            began, last, said = heard(lab, make, port)
            gate.stop()
            drops = [e for e in gate.events("voip") if e["verdict"]["action"] == "drop"]
            e = told(drops, port)
            if e is None:
                raise LabError(f"not cut; told of {[(x['voip']['class'], x['voip']['bits']) for x in gate.events('voip')]}; {said}")
            voip, lived = e["voip"], last - began
            if lived > within or voip["class"] != "media" or voip["tunnelled"] != tunnelled:
                raise LabError(f"lived {lived:.1f} s, {voip['class']}, tunnelled {voip['tunnelled']}, {voip['bits']} bits")
            return (f"cut {lived:.1f} s after the call began, {voip['app']}, {voip['bits']:.0f} bits: "
                    + ", ".join(f"{x['detector']} {x['bits']:.0f}" for x in voip["evidence"]))
    return case


def lives(make, port):
    """The program works under the same rules, and nothing of it is dropped."""
    def case(squelch):
        with world.world() as lab, world.gateway(lab, squelch, RULES) as gate:
            ready(lab)
            make(lab)
            gate.stop()
            events = gate.events("voip")
            dropped = [e["voip"] for e in events if e["verdict"]["action"] != "pass"]
            if dropped:
                raise LabError(f"cut: {dropped}")
            e = told(events, port)
            return f"nothing dropped; told as {e['voip']['app']}, {e['voip']['class']}" if e else "nothing dropped"
    return case


def tunnel(up, proto, what):
    return tcp.inside(up, proto, stamped(what))


# Name, function of the path of squelch, in every run.
TABLE = (
    ("hidden-openvpn", cut(tunnel(tcp.openvpn_up, "udp", tcp.OPUS), 1194, True), False),
    ("hidden-openvpn-g711", cut(tunnel(tcp.openvpn_up, "udp", tcp.PCMA), 1194, True), False),
    ("hidden-openvpn-tcp", cut(tunnel(tcp.openvpn_up, "tcp", tcp.OPUS), 1194, True), False),
    ("hidden-wireguard", cut(tunnel(tcp.wireguard_up, "udp", tcp.OPUS), 51820, True), False),
    ("hidden-wireguard-g711", cut(tunnel(tcp.wireguard_up, "udp", tcp.PCMA), 51820, True), False),
    ("hidden-tls", cut(tcp.voice("opus-20", "tls"), tcp.PORT, False), False),
    ("hidden-ssh", cut(tcp.forwarded("opus-20", "length"), 22, True), False),
    ("hidden-turns", cut(tcp.relayed("turns"), 5349, False), False),
    ("hidden-not-openvpn", lives(tunnel(tcp.openvpn_up, "udp", tcp.pages), 1194), False),
    ("hidden-not-openvpn-tcp", lives(tunnel(tcp.openvpn_up, "tcp", tcp.pages), 1194), False),
    ("hidden-not-wireguard", lives(tunnel(tcp.wireguard_up, "udp", tcp.bulk), 51820), False),
    ("hidden-not-ssh", lives(tcp.ssh_typing, 22), False),
    ("hidden-not-turns", lives(tcp.relayed_game("turns", 50, tcp.GAME_WALK), 5349), False),
)
