# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls by real programs: they work without squelch, and end soon with it."""
import base64
import collections
import contextlib
import os
import random
import time

import world  # first: it finds tools/lab
import bench_media
import probes
import recipes
import speech
from browser import Browser
from net import CLIENT4, CLIENT6, RELAY4, SERVER4, SERVER6, LabError
from wire import Wire
from world import CREW4, CREW6

TALK_S = 7  # the senders go on for so long, whatever becomes of their packets
LONG_S = 5  # a call that works lives longer than this
SOON_S, SEEN_S = 5.0, 1.0  # media ends within, and where signalling was seen
REASON = "no calls on board"
BLOCK = f'block media reason "{REASON}"\n'

ADDRESSES = {"client": (CLIENT4, CLIENT6), "second": (CREW4, CREW6), "server": (SERVER4, RELAY4, SERVER6)}


# -- the programs

def sipp(lab, version, caller="client", number="4711"):
    here = {("client", 4): CLIENT4, ("client", 6): CLIENT6, ("second", 4): CREW4, ("second", 6): CREW6}[caller, version]
    there = SERVER4 if version == 4 else SERVER6
    recipes.sipp(lab, "server", "sipp_uas.xml", there, "-mp", "20000")
    lab.wait_port("server", 5060, "-u")
    remote = f"[{there}]:5060" if version == 6 else f"{there}:5060"
    phone = recipes.sipp(lab, caller, "sipp_uac.xml", here, "-s", number, "-d", str(TALK_S * 1000), "-mp", "10000", remote)
    if phone.wait(timeout=TALK_S + 15) != 0:
        raise LabError(f"SIPp: {lab.said(phone)[-300:]}")


def people(lab, rate, channels):
    """Files of two who converse, where the lab has voices; else None."""
    return [speech.as_wav(v, rate, channels) for v in bench_media.voices(lab)] if lab.voices else None


def turns(lab, second):
    """A file of somebody who speaks every other second."""
    path = lab.path(f"turns{second}.wav")
    world.net.run("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i",
                  f"aevalsrc=0.3*sin(2*PI*{300 + 140 * second}*t)*eq(mod(floor(t)\\,2)\\,{second}):s=48000",
                  "-t", "12", "-ac", "2", path)
    return f"aufile,{path}"


def baresip(codec, account, dtx=False):
    def call(lab, version):
        client, server = (CLIENT4, SERVER4) if version == 4 else (CLIENT6, SERVER6)
        host = f"[{server}]" if version == 6 else server
        sources = (turns(lab, 0), turns(lab, 1)) if dtx else (440, 300)
        if lab.voices:
            sources = [f"aufile,{path}" for path in people(lab, 48000, 2)]
        extra = recipes.BITRATE + ("opus_dtx\tyes\n" if dtx else "")
        recipes.baresip(lab, "server", "bob", server, account + ";answermode=auto", codec, sources[1], "20000-20100", extra=extra)
        lab.wait_port("server", 5060, "-u")
        caller = recipes.baresip(lab, "client", "alice", client, account, codec, sources[0], "10000-10100",
                                 "-e", f"/dial sip:bob@{host}", "-t", str(TALK_S + (2 if version == 6 else 0)), extra=extra)
        with contextlib.suppress(Exception):
            caller.wait(timeout=TALK_S + 10)
        if "established" not in lab.said(caller).lower():
            raise LabError(f"baresip: {lab.said(caller)[-300:]}")
    return call


def connected(browser):
    return browser.js("call.state()") == "connected"


def dial(caller, callee, what, config):
    """Two browsers with an open call between them; what they say reaches the other by us."""
    import json
    media = {k: v for k, v in what.items() if k != "data"}
    caller.js(f"call.open({json.dumps(config)}, {json.dumps(what)})")
    callee.js(f"call.open({{}}, {json.dumps(media)})")
    offer = caller.js("call.offer()")
    answer = callee.js(f"call.answer({json.dumps(offer)})")
    caller.js(f"call.accept({json.dumps(answer)})")


@contextlib.contextmanager
def browsers(lab):
    page = os.path.join(world.TOP, "tools", "lab", "webrtc.html")
    pair, files = [], people(lab, 48000, 1)
    try:
        for who, role in enumerate(("client", "server")):
            pair.append(Browser(lab, role, page, *([f"--use-file-for-fake-audio-capture={files[who]}"] if files else [])))
        yield pair
    finally:
        for b in pair:
            b.close()


def webrtc(what, config=None):
    def call(lab, version):
        lab.only(version)
        with browsers(lab) as (caller, callee):
            dial(caller, callee, what, config or {})
            # With squelch it may be cut before both have noticed that they are connected.
            end, talks = time.monotonic() + 2 * TALK_S, False
            while time.monotonic() < end:
                if not talks and connected(caller):
                    end, talks = time.monotonic() + TALK_S, True
                time.sleep(0.2)
    return call


RELAYED = recipes.relay(f"turn:{RELAY4}:3478?transport=udp")


def turn_server(lab):
    recipes.turn_server(lab, "--no-tls")
    lab.wait_port("server", 3478, "-u")


def webrtc_turn(lab, version):
    turn_server(lab)
    webrtc({"audio": True, "video": True}, RELAYED)(lab, version)


def ffmpeg(codec, key=False, at=None, seconds=None):
    """Both ends send to ports that nobody announced; with `key` as SRTP. at: the ports, client's first. seconds: TALK_S."""
    def call(lab, version):
        lasts, files = seconds or TALK_S, people(lab, codec.rate, 1)
        a, b = (CLIENT4, SERVER4) if version == 4 else (CLIENT6, SERVER6)
        ports = at or random.sample(range(20000, 60000, 2), 2)
        processes = []
        for who, role, here, there, tone in ((0, "client", ports[0], (b, ports[1]), 440), (1, "server", ports[1], (a, ports[0]), 300)):
            host = f"[{there[0]}]" if version == 6 else there[0]
            protection = ["-srtp_out_suite", "AES_CM_128_HMAC_SHA1_80", "-srtp_out_params",
                          base64.b64encode(os.urandom(30)).decode()] if key else []
            processes.append(lab.start(
                role, "ffmpeg", "-nostdin", "-v", "error", "-re", "-f", "lavfi", "-i",
                # 20 ms at a time, as a phone reads its microphone
                (f"amovie={files[who]},asetnsamples={codec.rate // 50}" if files else
                 f"sine=frequency={tone}:sample_rate={codec.rate}:samples_per_frame={codec.rate // 50}"),
                "-t", str(lasts), "-ac", "1", "-c:a", *codec.words, *protection, "-f", "rtp",
                f"{'srtp' if key else 'rtp'}://{host}:{there[1]}?localport={here}"))
        for process in processes:
            process.wait(timeout=lasts + 10)
    return call


Codec = collections.namedtuple("Codec", "rate words")
PCMU = Codec(8000, ("pcm_mulaw",))
OPUS = Codec(48000, ("libopus", "-b:a", "24k"))


# -- the table

# version: of IP. within: seconds. apps: what the event may name. quick: in every run, not only with --full.
Call = collections.namedtuple("Call", "name program make version within apps quick")

VIDEO = {"audio": True, "video": True}
TABLE = (
    Call("sipp-g711", "sipp", sipp, 4, SEEN_S, ("sip", "rtp"), True),
    Call("sipp-g711-ipv6", "sipp", sipp, 6, SEEN_S, ("sip", "rtp"), False),
    Call("baresip-opus", "baresip", baresip("opus", ""), 4, SEEN_S, ("sip", "rtp"), False),
    Call("baresip-opus-ipv6", "baresip", baresip("opus", ""), 6, SEEN_S, ("sip", "rtp"), True),
    Call("baresip-opus-dtx", "baresip", baresip("opus", "", dtx=True), 4, SEEN_S, ("sip", "rtp"), False),
    Call("baresip-srtp", "baresip", baresip("g711", "mediaenc=srtp-mand"), 4, SEEN_S, ("sip", "rtp"), True),
    Call("baresip-srtp-ipv6", "baresip", baresip("g711", "mediaenc=srtp-mand"), 6, SEEN_S, ("sip", "rtp"), False),
    Call("webrtc", "chromium", webrtc(VIDEO), 4, SOON_S, ("webrtc", "stun", "rtp"), True),
    Call("webrtc-ipv6", "chromium", webrtc(VIDEO), 6, SOON_S, ("webrtc", "stun", "rtp"), False),
    Call("webrtc-audio", "chromium", webrtc({"audio": True}), 4, SOON_S, ("webrtc", "stun", "rtp"), False),
    Call("webrtc-turn", "turnserver", webrtc_turn, 4, SOON_S, ("webrtc", "stun", "rtp"), True),
    Call("ffmpeg-rtp", "ffmpeg", ffmpeg(PCMU), 4, SOON_S, ("rtp",), True),
    Call("ffmpeg-rtp-ipv6", "ffmpeg", ffmpeg(PCMU), 6, SOON_S, ("rtp",), False),
    Call("ffmpeg-srtp", "ffmpeg", ffmpeg(OPUS, key=True), 4, SOON_S, ("rtp",), False),
    Call("ffmpeg-srtp-ipv6", "ffmpeg", ffmpeg(OPUS, key=True), 6, SOON_S, ("rtp",), True),
)

# Rules under which the same call lives: name, rules, how it is made.
ALLOWED = (
    ("crew", 'allow any host { 203.0.113.0/24, 2001:db8:3::/64 } reason "crew phones"\n' + BLOCK,
     lambda lab: sipp(lab, 4, "second"), True),
    ("crew-ipv6", 'allow any host { 203.0.113.0/24, 2001:db8:3::/64 } reason "crew phones"\n' + BLOCK,
     lambda lab: sipp(lab, 6, "second"), False),
    ("emergency", BLOCK, lambda lab: sipp(lab, 4, number="112"), True),
    ("trunk", f'allow media signalled-by {SERVER4} port 5060 reason "the office trunk"\n' + BLOCK,
     lambda lab: sipp(lab, 4), True),
    ("nobody-blocked", "alert media\n", lambda lab: sipp(lab, 6), False),
)


# -- running one

def media_of(lab, make, version):
    with Wire(lab, ADDRESSES).open() as wire:
        make(lab, version)
    streams = wire.media()
    if not streams:
        raise LabError("no media was sent")
    return streams


def longest(streams):
    return max(s.lived() for s in streams.values())


def lives(streams):
    """Seconds a call lived that must live to its end."""
    for flow, s in streams.items():
        if s.tried() < LONG_S:
            continue
        # The last may be under way when a phone hangs up; a second of a call is 50 packets.
        if len(s.arrived) < len(s.sent) - 2:
            raise LabError(f"{flow.src}:{flow.sport} > {flow.dst}:{flow.dport}: {len(s.arrived)} of {len(s.sent)} arrived")
    if longest(streams) < LONG_S:
        raise LabError(f"the call lived {longest(streams):.1f} s only")
    return longest(streams)


def decision(events, flow):
    """The last decision about a flow, whichever end the event names first."""
    ends = {(flow.src, flow.sport), (flow.dst, flow.dport)}
    found = [e for e in events if {(e["src_ip"], e.get("src_port")), (e["dest_ip"], e.get("dest_port"))} == ends]
    return found[-1] if found else None


def check_event(call, events, flow):
    e = decision(events, flow)
    if e is None:
        raise LabError(f"no event of {flow.src}:{flow.sport} > {flow.dst}:{flow.dport}")
    voip, verdict = e["voip"], e["verdict"]
    if voip["class"] != "media" or verdict["action"] != "drop" or not verdict["enforced"] or verdict.get("reason") != REASON:
        raise LabError(f"the event says {voip['class']}, {verdict}")
    if voip["app"] not in call.apps:
        raise LabError(f"the event names {voip['app']}, not {' or '.join(call.apps)}")
    return voip["app"]


def without(call, _squelch):
    with world.world() as lab:
        return f"lives {lives(media_of(lab, call.make, call.version)):.1f} s"


NEIGHBOUR_RATE = 50  # packets/s of a second client, who does not call


def cut(call, squelch):
    with world.world() as lab:
        path = probes.sink(lab)
        with world.gateway(lab, squelch, BLOCK) as gate:
            neighbour = probes.probe(lab, "second", "load", SERVER6 if call.version == 6 else SERVER4,
                                     probes.PORT, NEIGHBOUR_RATE, 60, 5)
            streams = media_of(lab, call.make, call.version)
            sent = probes.all_sent(lab, [neighbour])
            got = probes.settled(path, sent)
        if got != sent:
            raise LabError(f"the second client lost {sent - got} of {sent} packets")
        events = gate.events("voip")
        lived = longest(streams)
        sent = max(s.tried() for s in streams.values())
        if lived > call.within:
            raise LabError(f"media went on for {lived:.2f} s, {call.within:.0f} s allowed; events: "
                           f"{[(e['voip']['class'], e['verdict']['action']) for e in events]}")
        if lived > sent - 0.5:
            raise LabError(f"the senders gave up after {sent:.1f} s by themselves")
        apps = sorted({check_event(call, events, flow) for flow in streams})
        return f"cut after {lived:.2f} s, as {' and '.join(apps)}"


def allowed(rules, make, squelch):
    with world.world() as lab:
        with world.gateway(lab, squelch, rules):
            return f"lives {lives(media_of(lab, lambda l, _version: make(l), 0)):.1f} s"
