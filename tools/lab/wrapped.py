# SPDX-License-Identifier: GPL-3.0-or-later
"""Speech in wrappers that no Debian program has: padded to one size, encrypted, bundled, at odd clocks.

The packets are real ones of real encoders (Opus and Speex, fed with the talks of
speech.py): their sizes, and which of them silence suppression leaves out. The
wrapper is ours, and writes the capture itself: no network carries it. Its clock
is that of a sound card (steady) or of a loop with deliberate jitter.
"""
import collections
import random
import wave

import clocked
import net
import speech
from net import CLIENT4, SERVER4

KEEPALIVE_S = 0.4  # between packets in silence, as Opus has it (RFC 7587, 3.1.3)
SILENT_BYTES = 2   # a frame of Opus or Speex with no more says that there is silence

# frame_ms, rate: of the encoder. dtx: silence is left out. size(rng, n): from the codec's bytes to the wrapper's.
# bundle: frames a packet. lines: calls in one flow. ways: 2, or 1 (who speaks is heard, nobody else sends: push to talk).
# video: bit/s of pictures in the same flow, 0: none.
Wrap = collections.namedtuple("Wrap", "name codec frame_ms bitrate vbr dtx size bundle jitter_ms lines ways video what",
                              defaults=(1, 0, 1, 2, 0, ""))


def plus(n):
    return lambda rng, size: size + n


def pad_to(n):
    return lambda rng, size: max(n, size)


def pad_block(n, more=0):
    return lambda rng, size: -(-(size + more) // n) * n


def pad_random(most, more=24):
    return lambda rng, size: size + more + rng.randint(0, most)


OPUS, SPEEX, L16 = "opus", "speex", "l16"


def wraps():
    """The first of each two for one half, the second for the other: the same idea with other figures."""
    for pair in (
        (Wrap("dtls", OPUS, 20, 24000, True, False, plus(13 + 8 + 16), what="as DTLS 1.2 wraps it, no padding"),
         Wrap("box", OPUS, 20, 32000, True, False, plus(24 + 16 + 4), what="nonce, tag, number, no padding")),
        (Wrap("pad-200", OPUS, 20, 24000, True, False, pad_to(200), what="all padded to 200 bytes"),
         Wrap("pad-320", OPUS, 40, 24000, True, False, pad_to(320), what="all padded to 320 bytes")),
        (Wrap("pad-700", OPUS, 20, 24000, True, False, pad_to(700), what="all padded to 700 bytes"),
         Wrap("pad-512-60", OPUS, 60, 16000, True, False, pad_to(512), what="60 ms, all padded to 512 bytes")),
        (Wrap("block-16", OPUS, 20, 20000, True, True, pad_block(16, 20), what="a block cipher, silence left out"),
         Wrap("block-64", OPUS, 40, 16000, True, True, pad_block(64, 20), what="blocks of 64 bytes, silence left out")),
        (Wrap("random-80", OPUS, 20, 24000, True, False, pad_random(80), what="0 to 80 bytes of padding"),
         Wrap("random-200", OPUS, 20, 16000, True, True, pad_random(200), what="0 to 200 bytes of padding, silence left out")),
        (Wrap("bundle-2", OPUS, 20, 24000, True, False, plus(30), 2, what="two frames a packet"),
         Wrap("bundle-3", SPEEX, 20, 11000, False, True, plus(30), 3, what="three frames a packet, silence left out")),
        (Wrap("dtx-20", OPUS, 20, 24000, True, True, plus(29), what="silence left out"),
         Wrap("dtx-60", OPUS, 60, 16000, True, True, plus(29), what="60 ms, silence left out")),
        (Wrap("raw-20", L16, 20, 8000, False, False, plus(12), what="samples, 8 kHz, 332 bytes"),
         Wrap("raw-10", L16, 10, 16000, False, False, plus(28), what="samples, 16 kHz, 348 bytes")),
        (Wrap("shaken-4", OPUS, 20, 24000, True, False, plus(29), 1, 4, what="up to 4 ms of deliberate jitter"),
         Wrap("shaken-8", OPUS, 20, 24000, True, False, plus(40), 1, 8, what="up to 8 ms of deliberate jitter")),
        (Wrap("trunk-2", SPEEX, 20, 11000, False, False, plus(12), 1, 0, 2, what="two calls in one flow"),
         Wrap("trunk-3", OPUS, 20, 16000, True, False, plus(16), 1, 0, 3, what="three calls in one flow")),
        (Wrap("video-150k", OPUS, 20, 24000, True, False, plus(29), 1, 0, 1, 2, 150_000, what="with video, 15 pictures/s"),
         Wrap("video-500k", OPUS, 20, 24000, True, True, plus(40), 1, 0, 1, 2, 500_000, what="with video, silence left out")),
        (Wrap("push-20", OPUS, 20, 16000, True, True, plus(20), 1, 0, 1, 1, what="push to talk"),
         Wrap("push-60", OPUS, 60, 12000, True, True, plus(20), 1, 0, 1, 1, what="push to talk, 60 ms")),
    ):
        yield pair


def encoded(path, wrap):
    """Bytes of each frame of a talk."""
    if wrap.codec == L16:
        with wave.open(path) as fh:
            seconds = fh.getnframes() / fh.getframerate()
        return [2 * wrap.bitrate * wrap.frame_ms // 1000] * int(seconds * 1000 / wrap.frame_ms)
    source = ["filesrc", f"location={path}", "!", "wavparse", "!", "audioconvert", "!", "audioresample", "!"]
    if wrap.codec == OPUS:
        coder = ["opusenc", "audio-type=voice", f"bitrate={wrap.bitrate}", f"bitrate-type={'vbr' if wrap.vbr else 'cbr'}",
                 f"frame-size={wrap.frame_ms}", f"dtx={'true' if wrap.dtx else 'false'}"]
    else:
        coder = ["audio/x-raw,rate=8000", "!", "speexenc", f"bitrate={wrap.bitrate}", f"vad={'true' if wrap.dtx else 'false'}",
                 f"dtx={'true' if wrap.dtx else 'false'}"]
    said = net.run("gst-launch-1.0", "-v", *source, *coder, "!", "fakesink", "silent=false", timeout=120)
    frames = []
    for line in said.splitlines():
        # "... last-message = chain ******* (fakesink0:sink) (57 bytes, dts: ..., flags: ..."
        if "bytes, dts" in line:
            size = int(line.split(" bytes, dts")[0].split("(")[-1])
            headers = "header" in line.split("flags:")[-1] if "flags:" in line else False
            if not headers:
                frames.append(size)
    if not frames:
        raise net.LabError(f"no frames of {coder[0]}: {said[-200:]}")
    return frames


PICTURES_HZ, FRAGMENT = 15, 1150  # bytes of a picture in one packet
PACED_S = 0.004                   # between the packets of a picture


def pictures(bitrate, seconds):
    """Bytes of each picture of a film by a real encoder."""
    said = net.run("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i",
                   f"testsrc2=size=320x240:rate={PICTURES_HZ},noise=alls=6:allf=t", "-t", str(seconds), "-c:v", "libx264",
                   "-preset", "veryfast", "-tune", "zerolatency", "-b:v", str(bitrate), "-maxrate", str(bitrate),
                   "-bufsize", str(bitrate // 2), "-f", "framecrc", "-", timeout=120)
    return [int(line.split(",")[4]) for line in said.splitlines() if line and not line.startswith("#")]


def video_out(wrap, seconds, rng):
    phase = rng.random() / PICTURES_HZ
    for t, size in zip(clocked.steady(rng, PICTURES_HZ), pictures(wrap.video, seconds)):
        for k in range(-(-size // FRAGMENT)):
            yield t + phase + k * PACED_S + rng.random() * 0.002, wrap.size(rng, min(FRAGMENT, size - k * FRAGMENT))


def silent(wrap, size):
    return wrap.dtx and size <= SILENT_BYTES


def line_out(wrap, frames, rng):
    """(time, size) of one speaker's packets."""
    last, held = -1.0, []
    clock = clocked.steady(rng, 1000 / (wrap.frame_ms * wrap.bundle))
    phase = rng.random() * wrap.frame_ms / 1000
    for i in range(0, len(frames) - wrap.bundle + 1, wrap.bundle):
        held = frames[i:i + wrap.bundle]
        t = next(clock) + phase + rng.random() * wrap.jitter_ms / 1000
        quiet = all(silent(wrap, n) for n in held)
        if quiet and (wrap.ways == 1 or t - last < KEEPALIVE_S):
            continue
        last = t
        yield t, wrap.size(rng, sum(held))


def write(writer, wrap, talks, seed):
    """`talks`: for each line the paths of its two speakers."""
    rng = random.Random(f"{wrap.name} {seed}")
    ports = rng.randint(30000, 60000), rng.randint(10000, 30000)
    ends = ((CLIENT4, ports[0], SERVER4, ports[1]), (SERVER4, ports[1], CLIENT4, ports[0]))
    out = [(t, who, size) for talk in talks[:wrap.lines] for who, path in enumerate(talk)
           for t, size in line_out(wrap, encoded(path, wrap), rng)]
    if wrap.video:
        end = max(t for t, _, _ in out)
        out += [(t, who, size) for who in (0, 1) for t, size in video_out(wrap, end, rng) if t < end]
    for t, who, size in sorted(out):
        writer.udp(clocked.EPOCH + t, *ends[who], size, rng.randbytes(clocked.HEADER))


def talks(folder, seconds=40):
    """One a line."""
    return [speech.conversation(folder, seconds, seed) for seed in (1, 2, 3)]
