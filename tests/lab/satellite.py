# SPDX-License-Identifier: GPL-3.0-or-later
"""`degrade` over a link with the round trip of a city or of a satellite: what is left of a voice, and of a download."""
import contextlib
import json
import os
import struct
import time

import calls
import world
from net import CLIENT4, CLIENT6, SERVER4, SERVER6, LabError
from probes import probe
from wire import Wire, datagram, is_media

LINK_BPS = 8_000_000
MIN_QUEUE_MS = 100  # of the bottleneck; else a round trip
RULE = f"degrade any host {world.SERVERS}\n"
GOODPUT_MIN = 0.8   # of the goodput without the rule
UNDERRUN_MIN = 0.08  # of the frames of a voice: what no concealment hides
FRAME_S = 0.02
CONCEALED = 3       # frames: 60 ms, after which concealment is silent (ITU-T G.711 Appendix I)
GAPS_MIN = {"udp": 0.7, "tcp": 0.1}  # a second: what the rule promises, less those at the ends
BUFFER_S = 0.2      # playout delay of a phone's jitter buffer; generous: most adapt between 20 and 200 ms
TCP_BUFFER_S = 0.5  # of an application that speaks over TCP


def impair_of(squelch):
    """tools/impair of the same build."""
    return os.path.join(os.path.dirname(squelch), "tools", "impair", "impair")


def link(lab, impair, rtt_ms):
    """Puts a bottleneck with a delay between the gateway and the server."""
    queue = max(MIN_QUEUE_MS, rtt_ms)
    lab.start("gateway", impair, "live", "--set", f"delay_ms={rtt_ms / 2},rate_kbit={LINK_BPS // 1000},queue_ms={queue}", "none",
              f"{lab.ns('gateway')}:sat0", f"{lab.ns('server')}:sat0")
    lab.wait("the link", 5, lambda: "sat0" in lab.run("server", "ip", "-o", "link"))
    for role in ("gateway", "server"):
        lab.run(role, "ip", "link", "set", "sat0", "up")
    for there, back, version in ((SERVER4, CLIENT4, "-4"), (SERVER6, CLIENT6, "-6")):
        lab.run("gateway", "ip", version, "route", "replace", there, "dev", "sat0")
        lab.run("server", "ip", version, "route", "replace", back, "dev", "sat0", "src", there)


def degrading(lab, squelch):
    return world.gateway(lab, squelch, RULE) if squelch else contextlib.nullcontext()


# -- a download

def goodput(impair, squelch, rtt_ms, congestion, seconds):
    """Bit/s received over TCP, after the first seconds."""
    with world.world() as lab:
        link(lab, impair, rtt_ms)
        lab.start("server", "iperf3", "-s", "-p", "5201")
        lab.wait_port("server", 5201)
        with degrading(lab, squelch):
            done = lab.run("client", "iperf3", "-J", "-c", SERVER4, "-p", "5201", "-R", "-C", congestion, "-t", str(seconds),
                           "-O", str(3 + rtt_ms // 100), timeout=seconds + 60)
    return json.loads(done)["end"]["sum_received"]["bits_per_second"]


def congestions():
    with open("/proc/sys/net/ipv4/tcp_available_congestion_control") as fh:
        return fh.read().split()


def download(rtt_ms, congestion, seconds):
    def case(squelch):
        if congestion not in congestions():
            return f"this kernel has no {congestion}"
        plain, degraded = (goodput(impair_of(squelch), s, rtt_ms, congestion, seconds) for s in (None, squelch))
        text = f"{degraded / 1e6:.2f} of {plain / 1e6:.2f} Mbit/s, {degraded / plain:.2f}"
        if plain < LINK_BPS / 3:
            raise LabError(f"even without the rule {plain / 1e6:.2f} Mbit/s of {LINK_BPS / 1e6:.0f}")
        if degraded < GOODPUT_MIN * plain:
            raise LabError(f"goodput {text}")
        return text
    return case


# -- a voice

def underruns(arrivals, n, first):
    """Of n frames, the part that is not there when its time comes, the first at `first`; and gaps a second that no concealment hides."""
    missed = "".join("x" if arrivals.get(i, 1e18) > first + i * FRAME_S else " " for i in range(n))
    return missed.count("x") / n, sum(len(gap) > CONCEALED for gap in missed.split()) / (n * FRAME_S)


def rating(loss):
    """R of the E-model for G.711 with concealment under losses in runs (ITU-T G.107, 7.3; Bpl of G.113 appendix I)."""
    burst = 240 / 20 * (1 - loss)  # mean length of a run beside that of random loss
    return 93.2 - 95 * 100 * loss / (100 * loss / max(burst, 1) + 25.1)


def rtp(impair, squelch, rtt_ms, _seconds):
    """{number: time} of the frames from the server as they come to the client, how many are sent, and when the first is due."""
    with world.world() as lab:
        link(lab, impair, rtt_ms)
        with degrading(lab, squelch):
            with Wire(lab, ("client",)).open("-Q in udp") as wire:
                calls.ffmpeg(calls.PCMU)(lab, 4)
                time.sleep(rtt_ms / 1000 + 0.5)
        found = {}
        for t, frame in wire.frames("client"):
            d = datagram(t, frame)
            if d and d.src == SERVER4 and is_media(d.payload):
                found.setdefault(struct.unpack_from(">H", d.payload, 2)[0], t)
    if not found:
        raise LabError("no voice came")
    first = min(found, key=found.get)
    return {(i - first) & 0xffff: t for i, t in found.items()}, int(calls.TALK_S / FRAME_S), found[first] + BUFFER_S


def over_tcp(impair, squelch, rtt_ms, seconds):
    with world.world() as lab:
        link(lab, impair, rtt_ms)
        path = lab.path("heard")
        speaker = probe(lab, "server", "tcp-voice", 7000, seconds)
        lab.wait_port("server", 7000)
        with degrading(lab, squelch):
            probe(lab, "client", "tcp-listen", SERVER4, 7000, path).wait(timeout=seconds + 30)
        speaker.wait(timeout=10)
        with open(path) as fh:
            times = {i: float(line) for i, line in enumerate(fh)}
        # Counted from the speaker's mouth: a player that starts late is in no conversation.
        first = float(lab.said(speaker)) + rtt_ms / 2000 + TCP_BUFFER_S
    return times, int(seconds / FRAME_S), first


def voice(rtt_ms, listen):
    def case(squelch):
        parts = [underruns(*listen(impair_of(squelch), s, rtt_ms, 20)) for s in (None, squelch)]
        (clean, gaps_clean), (missed, gaps) = parts
        text = f"{missed:.0%} of the frames miss their time, {gaps:.2f} gaps a second (without the rule {clean:.1%}, {gaps_clean:.2f})"
        if listen is rtp:
            text += f"; R {rating(missed):.0f}, without {rating(clean):.0f}"
        # What a busy machine misses by itself is no merit of the rule.
        if missed - clean < UNDERRUN_MIN or gaps - gaps_clean < GAPS_MIN["udp" if listen is rtp else "tcp"]:
            raise LabError(text)
        return text
    return case


# Name, function of the path of squelch, in every run.
TABLE = (
    ("degrade-voice-50", voice(50, rtp), True),
    ("degrade-voice-600", voice(600, rtp), False),
    ("degrade-tcp-voice-50", voice(50, over_tcp), False),
    ("degrade-tcp-voice-600", voice(600, over_tcp), False),
    ("degrade-cubic-50", download(50, "cubic", 10), False),
    ("degrade-cubic-600", download(600, "cubic", 30), False),
    ("degrade-bbr-50", download(50, "bbr", 20), False),
    ("degrade-bbr-600", download(600, "bbr", 30), False),
)
