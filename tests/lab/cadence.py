#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""`squelch block --detect cadence`: calls end by their clock alone, and nobody else is disturbed.

    cadence.py [--squelch PATH] [--full] [--keep DIR] [NAME...]

Needs root and a kernel with NFQUEUE, else ends with 77. The short run takes
about two minutes; --full takes every call of tests/lab and of the bench, and
every program of either that makes none. --keep: what the client sent and got
stays as DIR/NAME.pcap, for `squelch explain`.
"""
import argparse
import atexit
import collections
import concurrent.futures
import os
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import world  # noqa: E402
import bench  # noqa: E402
import bench_media  # noqa: E402
import bench_table  # noqa: E402
import calls  # noqa: E402
import ordinary  # noqa: E402
import run  # noqa: E402
from net import LabError  # noqa: E402
from probes import lateness  # noqa: E402
from wire import Wire, is_media  # noqa: E402

WITHIN_S = 6.0  # from the first packet of media to the last that passes
TALK_S = 14     # the senders go on for so long
BUSY_S = 0.2    # of probes.lateness: programs woke 50 ms late, more than two frames of speech
OPTIONS = ("--detect", "cadence")
# One size, and a round one: 9 bits for the clock and no more. Who wants these cut as well asks for it (docs/METHOD.md, "cadence").
SUSPECTED = ("ffmpeg-speex-20", "gst-speex-20")
BLOCK_SUSPECTED = f'block media bits 9.. reason "{calls.REASON}"\n'
OPTIONS_SUSPECTED = (*OPTIONS, "--report-bits", "9")
BESIDE = 2
VOICES = tempfile.mkdtemp(prefix="squelch-voices-")  # spoken once for all cases
atexit.register(shutil.rmtree, VOICES, ignore_errors=True)

Case = collections.namedtuple("Case", "name needs run quick")


def within(extra_s):
    """A machine that wakes programs late blurs the clock that is looked for: then the call must end before its senders do."""
    return WITHIN_S if extra_s < BUSY_S else TALK_S - 2


ALL, BUSIEST = "all", "busiest"


def is_iax2_voice(payload):
    """Mini frames, and full frames of type voice (RFC 5456, 8.1)."""
    return len(payload) >= 4 and (payload[0] < 0x80 or (len(payload) >= 12 and payload[10] == 2))


def anything(payload):
    return True


def looked_at(streams, which):
    """Both directions of the busiest flow, or all."""
    if which == ALL or not streams:
        return streams
    busiest = max(streams, key=lambda f: len(streams[f].sent))
    return {f: s for f, s in streams.items() if {f.sport, f.dport} == {busiest.sport, busiest.dport}}


def others_lived(streams, of):
    """What is said of the flows that were not looked at."""
    lived = [s.lived() for f, s in streams.items() if f not in of]
    return f"; another of its flows lived {max(lived):.2f} s" if lived else ""


kept = None  # folder of captures, or None


def cut(name, make, like=is_media, which=ALL):
    """The voices of a call end soon. `like`(payload): what its media look like; `which` of the flows with that."""
    rules, options = (BLOCK_SUSPECTED, OPTIONS_SUSPECTED) if name in SUSPECTED else (calls.BLOCK, OPTIONS)

    def test(squelch):
        with world.world() as lab:
            lab.seed, lab.voices = 1, VOICES
            bench_media.voices(lab)  # spoken before the call
            with world.gateway(lab, squelch, rules, options=options) as gate:
                with Wire(lab, calls.ADDRESSES).open() as wire, lateness(lab) as extra:
                    said = None
                    try:
                        make(lab)
                    except LabError as e:
                        said = e  # a program may say that its call ended
                found = wire.media(like)
                if kept:
                    shutil.copy(wire.path("client"), os.path.join(kept, f"{name}.pcap"))
                time.sleep(world.SETTLE_S)
            events = gate.events("voip")
        streams = looked_at(found, which)
        if not streams:
            raise said or LabError("no media was sent")
        lived, sent = calls.longest(streams), max(s.tried() for s in streams.values())
        if lived > within(extra[0]):
            raise LabError(f"media went on for {lived:.2f} s of {sent:.1f} s; events: "
                           f"{[(e['voip']['class'], e['voip']['bits'], e['verdict']['action']) for e in events]}")
        if lived > sent - 0.5:
            raise LabError(f"the senders gave up after {sent:.1f} s by themselves")
        return f"cut after {lived:.2f} s{others_lived(found, streams)}"
    return test


def passes(entry):
    """A program of the bench that makes no call: nothing of it is dropped."""
    def test(squelch):
        with world.world() as lab:
            lab.seed, lab.voices = bench.seed_of(entry.name), VOICES
            with world.gateway(lab, squelch, ordinary.RULES, options=OPTIONS) as gate:
                entry.make(lab)
                time.sleep(world.SETTLE_S)
            events = gate.events("voip")
        for e in events:
            if e["verdict"]["action"] != "pass" or e["voip"]["class"] == "media":
                raise LabError(f"taken for {e['voip']['class']}, {e['voip']['bits']} bits, {e['verdict']['action']}: "
                               f"{[x['why'] for x in e['voip']['evidence']][:3]}")
        return f"{len(events)} decisions, none against it"
    return test


QUICK_CALLS = ("sipp-g711", "ffmpeg-rtp", "baresip-opus")
NO_VOICE = ("video-only",)
# Media by program: RTP unless named here. baresip: video in a flow of its own is RTP too, and cadence hears voices (docs/METHOD.md).
MEDIA = {"mumble": (anything, BUSIEST), "iaxmodem": (is_iax2_voice, BUSIEST)}
RTP, RTP_BESIDE_VIDEO = (is_media, ALL), (is_media, BUSIEST)


def media_of(entry):
    if entry.label is bench_table.voice_and_video:
        return RTP_BESIDE_VIDEO
    return MEDIA.get(entry.program, RTP)
HIDDEN = "tcp-"  # tcp-audio hears them, and what is in tunnels is cut by other rules: tests/lab/hidden.py


def cases():
    for c in calls.TABLE:
        yield Case(c.name, (c.program,) + (("chromium",) if c.program == "turnserver" else ()),
                   cut(c.name, lambda lab, c=c: c.make(lab, c.version)), c.name in QUICK_CALLS)
    for e in bench_table.TABLE:
        if e.how != "run" or e.link:
            continue
        if e.kind in ("voice", "video"):
            if e.name.endswith(NO_VOICE) or e.name.startswith(HIDDEN):
                continue
            yield Case(e.name, e.needs, cut(e.name, e.make, *media_of(e)), False)
        elif e.kind in ("clocked", "radio"):
            yield Case(e.name, e.needs, passes(e), e.name == "iperf-50-172")


def run_case(table, case, squelch):
    missing = [p for p in case.needs if not run.find(p)]
    if missing:
        table.row(case.name, "", 0, run.SKIPPED, f"no {', '.join(missing)}")
        return
    began = time.monotonic()
    outcome, text = run.attempt(case.run, squelch)
    table.row(case.name, "cadence", time.monotonic() - began, outcome, text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--squelch", default="squelch")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--keep", metavar="DIR")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    global kept
    kept = options.keep
    if kept:
        os.makedirs(kept, exist_ok=True)
    lacks = run.kernel_lacks()
    if lacks:
        print(f"skipped: {lacks}")
        return run.SKIP
    squelch = os.path.abspath(run.find(options.squelch) or options.squelch)
    calls.TALK_S = bench_media.TALK_S = TALK_S
    picked = [c for c in cases() if run.chosen(c.name, options.names) and (c.quick or options.full or options.names)]
    plain = [p for p in ordinary.TABLE if run.chosen(p.name, options.names) and (p.quick or options.full or options.names)]
    table, began = run.Table(), time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(BESIDE) as pool:
        list(pool.map(lambda c: run_case(table, c, squelch), picked))
    if plain:
        ordinary.run_all(table, plain, ("with",), squelch, run.find, OPTIONS)
    print(f"\n{table.failed} failed, {time.monotonic() - began:.0f} s")
    return 1 if table.failed else 0


if __name__ == "__main__":
    sys.exit(main())
