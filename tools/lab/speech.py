# SPDX-License-Identifier: GPL-3.0-or-later
"""Two people on the telephone, spoken by espeak-ng: what programs of the bench get for a microphone.

    speech.py DIR [SECONDS]      says one, and prints its figures beside those of real conversations

Telephone talk is short turns. It opens with summons and answer, identification,
greetings, "how are you" (Schegloff 1968, 1986): the called speaks first, and five or
six short turns come from both ends before anybody tells anything. Then turns last
1.7 s in the mean and 1.2 s in the median, the next begins 0.2 s after the one before,
and three in ten begin before its end (Levinson and Torreira 2015, on Switchboard).
Now and then somebody tells a story, of several sentences, and the listener says "Mm."
every few seconds (Yngve 1970; Ward and Tsukahara 2000); 16 to 19 of a hundred
contributions are such (Knudsen, Creemers and Meyer 2020). ITU-T P.59 has 39 % of talk
an end, in spurts of 1.0 s with pauses of 1.6 s, 7 % of double talk and 22 % of silence.
"""
import array
import math
import os
import random
import statistics
import sys
import threading
import wave
import zlib

import net

RATE = 22050  # of espeak-ng
VOICES = (("en-us", 50, 165), ("en-gb", 35, 180))  # voice, pitch, words a minute
NOISE = 25  # amplitude of a quiet room, of 32767: about -62 dBFS

# How a call opens: by turns, the called first.
OPENING = (
    ("Hello?", "Yes, hello?", "Yes?"),
    ("Hello, it is me.", "Good evening, it is me again.", "Hi, this is Anna."),
    ("Oh, hello.", "Ah, it is you.", "Hi."),
    ("How are you?", "Can you hear me now?", "Am I disturbing you?"),
    ("Fine, and you?", "I can hear you very well.", "No, not at all."),
)
LISTENING = ("Mm.", "Yes.", "Uh-huh.", "Right.", "I see.", "Oh.", "Really?")
SENTENCES = (
    "Yes.", "No.", "Okay.", "Maybe.", "Of course.", "I think so.", "At nine?", "On Monday.", "Which one?", "The blue one.", "No, not yet.",
    "What time?", "That is nice.", "And you?", "Who else?", "Not really.", "Well, perhaps.", "Let me see.", "It depends.", "Say that again?",
    "Where are you at the moment?", "Somewhere over the sea, I think.", "The food was better than last time.",
    "They showed the same film as in spring.", "And what did she say?", "She said that the parcel came on Tuesday, but nobody was at home.",
    "That is a pity.", "We land at half past nine.", "Please bring the blue coat, it will be cold.",
    "I will wait for you near the second exit.", "All right.", "The number is seven, four, one, one, eight.",
    "Wait, I have to write that down.", "Say it once more, please.", "My neighbour looks after the cat until Sunday.",
    "It rained all week, and then the sun came out on the last day.", "We should go there together some time.",
    "How long does it take by train?", "About three hours, if nothing happens.", "Then I shall see you tomorrow.",
    "Take care of yourself.", "Who would have thought that?", "I am not so sure about it.", "Let me ask him first, and I call you back.",
    "That makes two of us.", "It is the third door on the left.",
)

TURN_S = (1.23, 0.8)    # median, and deviation of the logarithm: the mean is 1.7 (Levinson and Torreira)
TURN_MAX_S = 8.0
LIKE = 0.3              # of its length: a sentence so near to what was drawn will do
GAP_S = (0.2, 0.4)      # mean and deviation between turns: 31 % overlap
PAUSE_S = (0.2, 0.8)    # the same goes on: mutual silence is 0.5 s in the mean (P.59)
GOES_ON = 0.25          # chance of that after a turn; our guess, held to P.59's 22 % of silence
STORY_SENTENCES = 26    # the last ones
STORY = 0.06            # chance that a turn is one; our guess, a third of the time then
STORY_S = (8.0, 16.0)
NOD_S = (2.0, 5.0)      # between the words of who listens to it,
NOD_AT_S = (-0.6, 0.2)  # around the ends of sentences


def half_done(path):
    """Several programs and threads of the bench make the same files at the same time."""
    return f"{path}.{os.getpid()}.{threading.get_ident()}"


def spoken(samples):
    """Without what espeak-ng leaves silent before and after."""
    loud = [i for i in range(0, len(samples), RATE // 100) if max(map(abs, samples[i:i + RATE // 100])) > 8 * NOISE]
    return samples[loud[0]:loud[-1] + RATE // 50]


def say(folder, text, who):
    """The samples of a sentence; each is spoken once a folder."""
    voice, pitch, pace = VOICES[who]
    path = os.path.join(folder, f"say-{who}-{zlib.crc32(text.encode()):08x}.wav")
    if not os.path.exists(path):
        net.run("espeak-ng", "-v", voice, "-p", str(pitch), "-s", str(pace), "-w", half_done(path), text)
        os.rename(half_done(path), path)
    with wave.open(path) as fh:
        return spoken(array.array("h", fh.readframes(fh.getnframes())))


def silence(rng, seconds, noise):
    """A quiet room: a few seconds of noise again and again."""
    block = array.array("h", (rng.randint(-noise, noise) for _ in range(3 * RATE)))
    n = int(seconds * RATE)
    return (block * (n // len(block) + 1))[:n]


class Talk:
    """Who says what when: lines() has (begin, who, sentence); 0 calls, 1 is called. `length(sentence, who)` in seconds."""

    def __init__(self, rng, length):
        self.rng, self.length, self.at, self.who = rng, length, rng.uniform(0.3, 1.0), 1

    def sentence(self, seconds):
        """One of about that length; the nearest when there is none."""
        off = {text: abs(self.length(text, self.who) / seconds - 1) for text in SENTENCES}
        return self.rng.choice([t for t in SENTENCES if off[t] <= LIKE] or [min(off, key=off.get)])

    def line(self, text):
        begin = self.at
        self.at += self.length(text, self.who)
        return begin, self.who, text

    def over(self):
        self.at += self.rng.gauss(*GAP_S)
        self.who = 1 - self.who

    def turn(self):
        left = min(self.rng.lognormvariate(math.log(TURN_S[0]), TURN_S[1]), TURN_MAX_S)
        end = self.at + left
        while left > 0:
            yield self.line(self.sentence(left))
            left = end - self.at if end - self.at > LIKE * TURN_S[0] else 0

    def story(self):
        end, nod = self.at + self.rng.uniform(*STORY_S), self.at + self.rng.uniform(*NOD_S)
        while self.at < end:
            yield self.line(self.rng.choice(SENTENCES[-STORY_SENTENCES:]))
            if self.at >= nod:
                yield self.at + self.rng.uniform(*NOD_AT_S), 1 - self.who, self.rng.choice(LISTENING)
                nod = self.at + self.rng.uniform(*NOD_S)
            self.at += self.rng.uniform(*PAUSE_S)

    def lines(self, seconds):
        for texts in OPENING:
            yield self.line(self.rng.choice(texts))
            self.over()
        while self.at < seconds:
            yield from self.story() if self.rng.random() < STORY else self.turn()
            if self.rng.random() < GOES_ON:
                self.at += self.rng.uniform(*PAUSE_S)
            else:
                self.over()


def script(folder, seconds, seed):
    """The lines of a conversation, which the folder's sentences then say."""
    cache = {}

    def length(text, who):
        if (text, who) not in cache:
            cache[text, who] = len(say(folder, text, who)) / RATE
        return cache[text, who]
    return [(at, who, text, length(text, who)) for at, who, text in Talk(random.Random(seed), length).lines(seconds)]


def conversation(folder, seconds=60, seed=1, noise=NOISE):
    """Paths of two WAV files, one a speaker, of the same length: who calls, who is called."""
    paths = [os.path.join(folder, f"call-{seed}-{noise}-{who}.wav") for who in (0, 1)]
    if all(map(os.path.exists, paths)):
        return paths
    rng = random.Random(seed)
    tracks = [silence(rng, seconds, noise) for _ in (0, 1)]
    for begin, who, text, _ in script(folder, seconds, seed):
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


def figures(lines, seconds):
    """What lines() gave, as the papers count it."""
    tracks = [[False] * int(seconds * 100) for _ in (0, 1)]
    for at, who, _, length in lines:
        for i in range(int(at * 100), min(int((at + length) * 100), len(tracks[who]))):
            tracks[who][i] = True
    both = list(zip(*tracks))
    spurts = [s for track in tracks for s in runs(track)]
    print(f"spurts of talk: mean {statistics.mean(spurts):.2f} s, median {statistics.median(spurts):.2f} s"
          " (turns in Switchboard 1.68 and 1.23; P.59 1.0)")
    print(f"an end talks {sum(map(sum, tracks)) / 2 / len(both):.0%}, both {sum(map(all, both)) / len(both):.0%},"
          f" nobody {sum(not any(b) for b in both) / len(both):.0%} (P.59: 39 %, 7 %, 22 %)")
    return 0


def runs(track):
    """Lengths of the runs that are true, in seconds."""
    n, out = 0, []
    for talks in [*track, False]:
        if talks:
            n += 1
        elif n:
            out.append(n / 100)
            n = 0
    return out


if __name__ == "__main__":
    SECONDS = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    sys.exit(figures(script(sys.argv[1], SECONDS, 1), SECONDS))
