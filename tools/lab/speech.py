# SPDX-License-Identifier: GPL-3.0-or-later
"""Two people who take turns, spoken by espeak-ng: what programs of the bench get for a microphone.

Pauses inside a turn and between turns are as in a conversation, not as in a
reading: ITU-T P.59 has talk spurts of 1.0 s and pauses of 1.6 s in the mean.
"""
import array
import os
import random
import wave

import net

RATE = 22050  # of espeak-ng
VOICES = (("en-us", 50, 165), ("en-gb", 35, 180))  # voice, pitch, words a minute
NOISE = 25  # amplitude of a quiet room, of 32767: about -62 dBFS

SENTENCES = (
    "Hello.", "Yes.", "Mm.", "No, not yet.", "Good evening, it is me again.", "Can you hear me now?",
    "I can hear you very well.", "Where are you at the moment?", "Somewhere over the sea, I think.",
    "The food was better than last time.", "They showed the same film as in spring.", "Really?", "And what did she say?",
    "She said that the parcel came on Tuesday, but nobody was at home.", "That is a pity.", "We land at half past nine.",
    "Please bring the blue coat, it will be cold.", "I will wait for you near the second exit.", "All right.",
    "The number is seven, four, one, one, eight.", "Wait, I have to write that down.", "Say it once more, please.",
    "My neighbour looks after the cat until Sunday.", "It rained all week, and then the sun came out on the last day.",
    "We should go there together some time.", "How long does it take by train?", "About three hours, if nothing happens.",
    "Then I shall see you tomorrow.", "Take care of yourself.", "Who would have thought that?", "I am not so sure about it.",
    "Let me ask him first, and I call you back.", "Oh.", "That makes two of us.", "It is the third door on the left.",
)


def half_done(path):
    """Several programs of the bench make the same files at the same time."""
    return f"{path}.{os.getpid()}"


def say(folder, text, who):
    """The samples of a sentence; each is spoken once a folder."""
    voice, pitch, pace = VOICES[who]
    path = os.path.join(folder, f"say-{who}-{SENTENCES.index(text)}.wav")
    if not os.path.exists(path):
        net.run("espeak-ng", "-v", voice, "-p", str(pitch), "-s", str(pace), "-w", half_done(path), text)
        os.rename(half_done(path), path)
    with wave.open(path) as fh:
        return array.array("h", fh.readframes(fh.getnframes()))


def silence(rng, seconds, noise):
    """A quiet room: a few seconds of noise again and again."""
    block = array.array("h", (rng.randint(-noise, noise) for _ in range(3 * RATE)))
    n = int(seconds * RATE)
    return (block * (n // len(block) + 1))[:n]


def turns(rng, seconds):
    """(begin, who, sentence): one speaks 1 to 3 sentences, then the other; now and then both."""
    at, who = rng.uniform(0.2, 1.0), 0
    while at < seconds:
        for _ in range(rng.choice((1, 1, 2, 2, 3))):
            text = rng.choice(SENTENCES)
            yield at, who, text
            at += 0.35 + 0.062 * len(text) + rng.uniform(0.15, 0.9)  # about as long as it takes to say, and a breath
        if rng.random() < 0.15:
            at -= 0.6  # the other cannot wait
        at += rng.uniform(0.0, 0.8)
        who = 1 - who


def conversation(folder, seconds=60, seed=1, noise=NOISE):
    """Paths of two WAV files, one a speaker, of the same length."""
    paths = [os.path.join(folder, f"talk-{seed}-{noise}-{who}.wav") for who in (0, 1)]
    if all(map(os.path.exists, paths)):
        return paths
    rng = random.Random(seed)
    tracks = [silence(rng, seconds, noise) for _ in (0, 1)]
    for begin, who, text in turns(rng, seconds):
        samples = say(folder, text, who)
        at = int(begin * RATE)
        samples = samples[:max(0, len(tracks[who]) - at)]
        tracks[who][at:at + len(samples)] = samples
    for path, track in zip(paths, tracks):
        with wave.open(half_done(path), "wb") as fh:
            fh.setparams((1, 2, RATE, 0, "NONE", ""))
            fh.writeframes(track.tobytes())
        os.rename(half_done(path), path)
    return paths


def as_wav(path, rate, channels, *codec):
    """The same in another rate, for programs that take no other; `codec`: more arguments of ffmpeg."""
    out = f"{path[:-4]}-{rate}-{channels}{'-'.join(('',) + codec).replace(':', '')}.wav"
    if not os.path.exists(out):
        net.run("ffmpeg", "-nostdin", "-v", "error", "-y", "-i", path, "-ar", str(rate), "-ac", str(channels), *codec,
                "-f", "wav", half_done(out))
        os.rename(half_done(out), out)
    return out


def as_raw(path, rate, form):
    """Samples alone; `form` as ffmpeg names it: alaw, mulaw, s16le."""
    out = f"{path[:-4]}-{rate}.{form}"
    if not os.path.exists(out):
        net.run("ffmpeg", "-nostdin", "-v", "error", "-y", "-i", path, "-ar", str(rate), "-ac", "1", "-f", form, half_done(out))
        os.rename(half_done(out), out)
    return out
