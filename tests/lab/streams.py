# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls over TCP are cut inline: RTP framed as RFC 4571 says, both ways, without signalling; G.711 in TLS and in ssh; a conversation over RTMP."""
import random
import struct

import time

import calls
import world
import bench_tcp
import rtmp
from net import CLIENT4, SERVER4, LabError
from wire import ETHERNET, Wire
from world import TOP

VOICE = f"{TOP}/tools/lab/voice.py"
PORT = 7000
SYSTEM_PYTHON = "/usr/bin/python3"  # has the Debian packages
PTIME_S, SAMPLES, PCMU = 0.02, 160, 0  # RFC 3551: 20 ms of G.711 at 8 kHz


def rtp(lab, name, seconds):
    """A file of RTP packets for voice.py, as a phone sends them."""
    rng = random.Random(name)
    ssrc, first, stamp = rng.getrandbits(32), rng.getrandbits(16), rng.getrandbits(31)
    with open(lab.path(name), "wb") as fh:
        for i in range(int(seconds / PTIME_S)):
            packet = struct.pack(">BBHII", 0x80, PCMU, (first + i) & 0xffff, stamp + i * SAMPLES, ssrc) + rng.randbytes(SAMPLES)
            fh.write(struct.pack("!IH", int(i * PTIME_S * 1000), len(packet)) + packet)
    return lab.path(name)


def framed(lab):
    """voice.py at both ends: TCP, each packet behind its length."""
    ends = []
    for role, what in (("server", "listen"), ("client", "call")):
        ends.append(lab.start(role, SYSTEM_PYTHON, VOICE, what, SERVER4, str(PORT), "--frames", rtp(lab, what, calls.TALK_S),
                              "--seconds", str(calls.TALK_S)))
        if what == "listen":
            lab.wait_port("server", PORT)
    ends[1].wait(timeout=calls.TALK_S + 30)


def plain(lab, name, seconds):
    """A file of bare G.711 frames."""
    rng = random.Random(name)
    with open(lab.path(name), "wb") as fh:
        for i in range(int(seconds / PTIME_S)):
            fh.write(struct.pack("!IH", int(i * PTIME_S * 1000), SAMPLES) + rng.randbytes(SAMPLES))
    return lab.path(name)


def talk(lab, wrap, host, to, *more):
    """voice.py at both ends, the frames in TLS records or behind lengths."""
    for role, what, (address, port) in (("server", "listen", (host, PORT)), ("client", "call", to)):
        end = lab.start(role, SYSTEM_PYTHON, VOICE, what, address, str(port), "--frames", plain(lab, what, calls.TALK_S + 2), "--wrap", wrap,
                        "--seconds", str(calls.TALK_S + 2), *(more if what == "listen" else ()))
        if what == "listen":
            lab.wait_port("server", PORT)
    end.wait(timeout=calls.TALK_S + 30)


def in_tls(lab):
    talk(lab, "tls", SERVER4, (SERVER4, PORT), *bench_tcp.certificate(lab))


def in_ssh(lab):
    """The voice goes to a port here, which ssh forwards."""
    options = bench_tcp.ssh_server(lab)
    lab.start("client", "ssh", *options, "-N", "-L", f"127.0.0.1:9000:127.0.0.1:{PORT}", f"root@{SERVER4}")
    lab.wait_port("client", 9000)
    talk(lab, "length", "127.0.0.1", ("127.0.0.1", 9000))


def payloads(wire, role, source):
    """When TCP segments with payload from `source` were seen at an end."""
    found = []
    for t, frame in wire.frames(role):
        ip = frame[ETHERNET:]
        head = (ip[0] & 15) * 4
        if ip[12:16] == source and struct.unpack_from(">H", ip, 2)[0] > head + (ip[head + 12] >> 4) * 4:
            found.append(t)
    return found


def lived(lab, make, port=PORT):
    """The seconds that media arrived, and that it was sent, of the direction that lived longer."""
    with Wire(lab, ("client", "server")).open(f"tcp port {port} and ip") as wire:
        make(lab)
    ways = []
    for address, here, there in ((CLIENT4, "client", "server"), (SERVER4, "server", "client")):
        source = bytes(map(int, address.split(".")))
        sent, came = payloads(wire, here, source), payloads(wire, there, source)
        if not sent:
            raise LabError("no media was sent")
        ways.append((max(came, default=sent[0]) - sent[0], sent[-1] - sent[0]))
    return max(ways)


RTMP_S = 10         # a conversation over RTMP,
RTMP_SOON_S = 8.0   # cut within: four programs start first, one after the other; 2.6 s on a busy machine


def over_rtmp(lab):
    """nginx and four times ffmpeg: both talk for a while, whatever becomes of it."""
    rtmp.talk(lab, RTMP_S + 5)
    time.sleep(RTMP_S)


def cut(squelch, make, port=PORT, rules=calls.BLOCK, soon=calls.SOON_S):
    """The call lives without squelch, and ends within `soon` with it."""
    with world.world() as lab:
        seconds, _ = lived(lab, make, port)
        if seconds < calls.LONG_S:
            raise LabError(f"without squelch the call lives {seconds:.1f} s")
    with world.world() as lab, world.gateway(lab, squelch, rules) as gate:
        seconds, tried = lived(lab, make, port)
        gate.stop()
        drops = [e for e in gate.events("voip") if e["verdict"]["action"] == "drop" and e["verdict"]["enforced"]]
        if seconds > soon or not drops or drops[-1]["voip"]["class"] != "media" or drops[-1]["proto"] != "TCP":
            raise LabError(f"media went on for {seconds:.2f} s; {[(e['voip']['class'], e['verdict']) for e in gate.events('voip')]}")
        if seconds > tried - 0.5:
            raise LabError(f"the senders gave up after {tried:.1f} s by themselves")
        return f"cut after {seconds:.2f} s (sent again for {tried:.1f} s), as {drops[-1]['voip']['app']}"


def tcp_framed(squelch):
    return cut(squelch, framed)


def rtmp_call(squelch):
    return cut(squelch, over_rtmp, rtmp.PORT, soon=RTMP_SOON_S)


def rtmp_studio(squelch):
    """Who watches the own broadcast is left alone."""
    with world.world() as lab, world.gateway(lab, squelch, calls.BLOCK) as gate:
        seconds, _ = lived(lab, lambda l: rtmp.studio(l, calls.TALK_S), rtmp.PORT)
        gate.stop()
        said = {e["voip"]["class"] for e in gate.events("voip")}
        if seconds < calls.LONG_S or said != {"streaming"}:
            raise LabError(f"lives {seconds:.1f} s, is called {said}")
        return f"lives {seconds:.1f} s, is called streaming"


BY_CLOCK_S = 6.0  # a clock, a size: two to three seconds on a machine that is not busy


def tls_voice(squelch):
    return cut(squelch, in_tls, soon=BY_CLOCK_S)


def ssh_voice(squelch):
    """A tunnel is cut where a rule says so."""
    return cut(squelch, in_ssh, 22, f'block media tunnelled reason "{calls.REASON}"\n', BY_CLOCK_S)


def ssh_left_alone(squelch):
    """And not by one that does not."""
    with world.world() as lab, world.gateway(lab, squelch, calls.BLOCK) as gate:
        seconds, _ = lived(lab, in_ssh, 22)
        gate.stop()
        if seconds < calls.LONG_S or any(e["verdict"]["action"] == "drop" for e in gate.events("voip")):
            raise LabError(f"lives {seconds:.1f} s")
        return f"lives {seconds:.1f} s"


ssh_voice.programs = ssh_left_alone.programs = ("ssh", "sshd")
tls_voice.programs = ("openssl",)
rtmp_call.programs = rtmp_studio.programs = ("nginx", "ffmpeg", rtmp.MODULE)

# Name, function of the path of squelch, in every run.
TABLE = (
    ("tcp-framed", tcp_framed, True),
    ("rtmp-call", rtmp_call, True),
    ("rtmp-studio", rtmp_studio, False),
    ("tls-voice", tls_voice, False),
    ("ssh-voice", ssh_voice, False),
    ("ssh-left-alone", ssh_left_alone, False),
)
