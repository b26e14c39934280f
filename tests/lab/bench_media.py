# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of the bench: real programs with the voices of speech.py for microphones.

A maker is a function (lab) that runs while the gateway captures; it raises
LabError when its call did not happen.
"""
import base64
import contextlib
import json
import os
import random
import time

import world  # noqa: F401 first: it finds tools/lab
import recipes
import speech
from browser import Browser
from net import CLIENT4, CLIENT6, SERVER4, SERVER6, LabError

TALK_S = float(os.environ.get("LAB_BENCH_SECONDS", "32"))
ENDS = (("client", 0), ("server", 1))


TALKS = 4  # different conversations: a talk is chosen by the name of the row


def voices(lab, noise=speech.NOISE):
    return speech.conversation(lab.voices, int(TALK_S) + 30, 1 + lab.seed % TALKS, noise)



# -- SIPp

def sipp(version=4):
    def call(lab):
        a, b = (speech.as_raw(v, 8000, "alaw") for v in voices(lab))
        here, there = (CLIENT4, SERVER4) if version == 4 else (CLIENT6, SERVER6)
        remote = f"[{there}]:5060" if version == 6 else f"{there}:5060"
        recipes.sipp(lab, "server", "sipp_uas.xml", there, "-mp", "20000", "-timeout", "90s", voice=b)
        lab.wait_port("server", 5060, "-u")
        phone = recipes.sipp(lab, "client", "sipp_uac.xml", here, "-s", "4711", "-d", str(int(TALK_S * 1000)), "-mp", "10000",
                             "-timeout", "90s", remote, voice=a)
        if phone.wait(timeout=TALK_S + 25) != 0:
            raise LabError(f"SIPp: {lab.said(phone)[-300:]}")
    return call


# -- baresip

def baresip(module, account="", extra="", noise=speech.NOISE, version=4, hosts=None):
    """`account`: codec and options as baresip's accounts have them; `hosts`: other addresses than the ends have."""
    def call(lab):
        a, b = (speech.as_wav(v, 48000, 2) for v in voices(lab, noise))
        lab.only(version)
        client, server = hosts or ((CLIENT4, SERVER4) if version == 4 else (CLIENT6, SERVER6))
        host = f"[{server}]" if version == 6 else server
        recipes.baresip(lab, "server", "bob", server, account + ";answermode=auto", module, f"aufile,{b}", "20000-20100",
                        extra=extra)
        lab.wait_port("server", 5060, "-u")
        caller = recipes.baresip(lab, "client", "alice", client, account, module, f"aufile,{a}", "10000-10100",
                                 "-e", f"/dial sip:bob@{host}", "-t", str(int(TALK_S)), extra=extra)
        with contextlib.suppress(Exception):
            caller.wait(timeout=TALK_S + 10)
        if "established" not in lab.said(caller).lower():
            raise LabError(f"baresip: {lab.said(caller)[-300:]}")
    return call


def opus(rate, **options):
    return f"opus_bitrate\t{rate}\n" + "".join(f"opus_{k}\t{v}\n" for k, v in options.items())


FAKE_VIDEO = "module\tvp8.so\nmodule\tfakevideo.so\nvideo_source\tfakevideo,nil\nvideo_size\t320x240\nvideo_fps\t15\n" \
             "video_bitrate\t300000\n"


# -- Chromium

def munged(description, fmtp="", first=None, ptime=None):
    """`fmtp`: more parameters of Opus; `first`: payload type that goes first; both as a page may ask for."""
    lines = []
    for line in description["sdp"].split("\r\n"):
        if line.startswith("a=fmtp:111 ") and fmtp:
            line += ";" + fmtp
        if line.startswith("m=audio ") and first is not None:
            head, rest = line.split(" ")[:3], line.split(" ")[3:]
            line = " ".join(head + [first] + [p for p in rest if p != first])
        lines.append(line)
        if line.startswith("m=audio ") and ptime:
            lines.append(f"a=ptime:{ptime}")
            lines.append(f"a=maxptime:{ptime}")
    return {**description, "sdp": "\r\n".join(lines)}


@contextlib.contextmanager
def browsers(lab, files=(), more=()):
    page = os.path.join(recipes.HERE, "webrtc.html")
    with contextlib.ExitStack() as stack:
        pair = []
        for (role, who) in ENDS:
            switches = [f"--use-file-for-fake-audio-capture={files[who]}"] if files else []
            pair.append(Browser(lab, role, page, *switches, *more))
            stack.callback(pair[-1].close)
        yield pair


def dial(caller, callee, what, far=None, config=None, **munge):
    """`what` the caller sends, `far` what the other does (the same)."""
    far = {k: v for k, v in what.items() if k != "data"} if far is None else far
    caller.js(f"call.open({json.dumps(config or {})}, {json.dumps(what)})")
    callee.js(f"call.open({{}}, {json.dumps(far)})")
    offer = munged(caller.js("call.offer()"), **munge)
    answer = munged(callee.js(f"call.answer({json.dumps(offer)})"), **munge)
    caller.js(f"call.accept({json.dumps(answer)})")
    end = time.monotonic() + 15
    while caller.js("call.state()") != "connected":
        if time.monotonic() > end:
            raise LabError(f"not connected: {caller.js('call.state()')}")
        time.sleep(0.1)


def webrtc(what, version=4, far=None, **munge):
    def call(lab):
        lab.only(version)
        files = [speech.as_wav(v, 48000, 1) for v in voices(lab)] if what.get("audio") else ()
        with browsers(lab, files) as (caller, callee):
            dial(caller, callee, what, far, **munge)
            time.sleep(TALK_S)
            if caller.js("call.state()") != "connected":
                raise LabError("the call ended")
    return call


# -- ffmpeg

def both_ffmpeg(lab, arguments, version=4, key=False, ways=ENDS, hosts=None):
    """Both ends send to ports that nobody announced; `arguments`(who): input and codec; `hosts`: other addresses than their own."""
    a, b = hosts or ((CLIENT4, SERVER4) if version == 4 else (CLIENT6, SERVER6))
    rng = random.Random(lab.seed)
    ports = rng.sample(range(20000, 60000, 2), 2)
    running = []
    for role, who in ways:
        host, to = (b, ports[1]) if who == 0 else (a, ports[0])
        host = f"[{host}]" if version == 6 else host
        srtp = ["-srtp_out_suite", "AES_CM_128_HMAC_SHA1_80", "-srtp_out_params",
                base64.b64encode(rng.randbytes(30)).decode()] if key else []
        before, after, query = arguments(who)
        running.append(lab.start(role, "ffmpeg", "-nostdin", "-v", "error", *before, "-t", str(TALK_S), *after, *srtp, "-f",
                                 "rtp", f"{'srtp' if key else 'rtp'}://{host}:{to}?localport={ports[who]}{query}"))
    for process in running:
        try:
            code = process.wait(timeout=TALK_S + 20)
        except Exception:
            raise LabError(f"ffmpeg does not end: {lab.said(process)[-300:]}") from None
        if code != 0:
            raise LabError(f"ffmpeg: {lab.said(process)[-300:]}")


RTP_HEADER = 12  # bytes


def ffmpeg(codec, rate, frame, packet=None, key=False, version=4):
    """`frame`: samples that the encoder gets at a time; `packet`: bytes of payload in a packet, where ffmpeg joins frames."""
    def call(lab):
        files = voices(lab)

        def arguments(who):
            source = f"amovie={files[who]},aresample={rate},asetnsamples={frame}"
            return ("-re", "-f", "lavfi", "-i", source), ("-ac", "1", *codec), f"&pkt_size={packet + RTP_HEADER}" if packet else ""
        both_ffmpeg(lab, arguments, version, key)
    return call


# -- GStreamer

def gstreamer(encode, rate, version=4, pay="", key=False, hosts=None):
    """`encode`: elements from samples to RTP, with GStreamer's own clock; `hosts`: other addresses than the ends have."""
    def call(lab):
        files = [speech.as_wav(v, rate, 1) for v in voices(lab)]
        rng = random.Random(lab.seed)
        ports = rng.sample(range(20000, 60000, 2), 2)
        ends = hosts or ((CLIENT4, SERVER4) if version == 4 else (CLIENT6, SERVER6))
        running = []
        for role, who in ENDS:
            secret = f"! srtpenc key={rng.randbytes(30).hex()}" if key else ""
            line = (f"filesrc location={files[who]} ! wavparse ! audioconvert ! audiobuffersplit output-buffer-duration=1/50 "
                    f"! {encode} {secret} ! udpsink sync=true host={ends[1 - who]} port={ports[1 - who]} "
                    f"bind-address={ends[who]} bind-port={ports[who]}")
            running.append(lab.start(role, "gst-launch-1.0", "-q", *line.split()))
        time.sleep(TALK_S)
        for process in running:
            if process.poll() is not None:
                raise LabError(f"gst-launch: {lab.said(process)[-400:]}")
            lab.stop(process)
    return call
