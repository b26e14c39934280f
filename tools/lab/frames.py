# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames of real codecs, made from speech, for programs that carry them over streams (voice.py); and clocked data that is no voice."""
import os
import random
import struct

import net
from speech import half_done

RECORD = struct.Struct("!IH")


def ogg_packets(path):
    """Packets of an Ogg file (RFC 3533), without the two headers."""
    with open(path, "rb") as fh:
        data = fh.read()
    packet, at, out = b"", 0, []
    while at + 27 <= len(data) and data[at:at + 4] == b"OggS":
        lacing = data[at + 27:at + 27 + data[at + 26]]
        at += 27 + len(lacing)
        for n in lacing:
            packet += data[at:at + n]
            at += n
            if n < 255:
                out.append(packet)
                packet = b""
    return out[2:]


def opus(wav, frame_ms, rate, *options):
    """Opus as opusenc makes it; options: --vbr, --hard-cbr, or --set-ctl-int 4016=1 for silence suppression (RFC 7587, 3.1.3)."""
    out = f"{wav[:-4]}-{frame_ms}-{rate}{''.join(options).replace(' ', '')}.opus"
    if not os.path.exists(out):
        part = half_done(out)
        net.run("opusenc", "--quiet", "--speech", "--framesize", str(frame_ms), "--bitrate", str(rate), *options, wav, part, timeout=120)
        os.rename(part, out)
    return ogg_packets(out)


def bare(wav, rate, form, size, *options):
    """A codec of frames of one size, as ffmpeg makes it."""
    out = f"{wav[:-4]}-{form}-{rate}.raw"
    if not os.path.exists(out):
        part = half_done(out)
        net.run("ffmpeg", "-nostdin", "-v", "error", "-y", "-i", wav, "-ar", str(rate), "-ac", "1", *options, "-f", form, part)
        os.rename(part, out)
    with open(out, "rb") as fh:
        data = fh.read()
    return [data[i:i + size] for i in range(0, len(data) - size + 1, size)]


def speex(wav):
    out = f"{wav[:-4]}-speex.ogg"
    if not os.path.exists(out):
        part = half_done(out)
        net.run("ffmpeg", "-nostdin", "-v", "error", "-y", "-i", wav, "-ar", "16000", "-ac", "1", "-c:a", "libspeex", "-vbr", "1", "-q:a", "6", "-f", "ogg", part)
        os.rename(part, out)
    return ogg_packets(out)


DTX_LEFT_OUT = 2      # bytes: Opus frames this short are not sent (RFC 6716, 3.4), but for one in so many
DTX_REFRESH = 20


def write(path, packets, frame_ms, dtx=False):
    silent = 0
    with open(path, "wb") as fh:
        for i, data in enumerate(packets):
            silent = silent + 1 if dtx and len(data) <= DTX_LEFT_OUT else 0
            if silent % DTX_REFRESH < 2:
                fh.write(RECORD.pack(i * frame_ms, len(data)) + data)
    return path


def clocked(path, rate, seconds, size, seed, burst=None):
    """No voice: `size(rng, i)` bytes at `rate` a second; burst: (seconds on, seconds off)."""
    rng = random.Random(seed)
    with open(path, "wb") as fh:
        for i in range(int(rate * seconds)):
            at = i / rate
            if burst is None or at % sum(burst) < burst[0]:
                n = size(rng, i)
                fh.write(RECORD.pack(int(at * 1000), n) + rng.randbytes(n))
    return path
