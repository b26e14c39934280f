# SPDX-License-Identifier: GPL-3.0-or-later
"""Hand-made traffic with a clock, and no call: games, sensors, controllers, keep-alives.

No program sends it and no network carries it: a seeded generator writes the
capture. A sender's clock is as programs have it: a loop that sleeps to the
next beat and wakes late (exponential), or sleeps a period after it has worked
(so that its clock slips), or runs on a display of 60 Hz and sends each nth
picture, or on a system timer of 1, 4 or 15.6 ms. That jitter comes before the network's.
"""
import collections
import random

from net import CLIENT4, SERVER4

EPOCH = 1_700_000_000  # any time; a capture must have one
HEADER = 8             # bytes of payload written

# rate: packets/s up, down (0: none). size: functions (rng, i) of payload bytes. clock: of the sender.
Shape = collections.namedtuple("Shape", "name up down size_up size_down clock what")


def constant(n):
    return lambda rng, i: n


def between(a, b):
    return lambda rng, i: rng.randint(a, b)


def gauss(mean, sd, least):
    return lambda rng, i: max(least, int(rng.gauss(mean, sd)))


def snapshots(base, sd, every, full):
    """Differences, and each nth time all there is."""
    return lambda rng, i: full if i % every == 0 else max(12, int(rng.gauss(base, sd)))


def walk(least, most, step):
    """What a world of moving things takes: it wanders."""
    state = {}

    def size(rng, i):
        if i == 0:
            state["at"] = rng.uniform(least, most)
        state["at"] = min(most, max(least, state["at"] + rng.gauss(0, step)))
        return int(state["at"])
    return size


def steady(rng, rate):
    """Sleeps to the next beat; wakes 0.1 ms late in the mean, now and then a few ms."""
    period, i = 1 / rate, 0
    while True:
        late = rng.expovariate(10_000) + (rng.expovariate(250) if rng.random() < 0.01 else 0)
        yield i * period + late
        i += 1


def slipping(rng, rate):
    """Works, then sleeps a whole period: the clock slips."""
    period, t = 1 / rate, 0.0
    while True:
        yield t
        t += period + rng.expovariate(5_000) + 0.00006


def ticking(tick):
    """The beat falls on ticks of a timer."""
    def beats(rng, rate):
        period, i = 1 / rate, 0
        while True:
            yield -(-i * period // tick) * tick + rng.expovariate(10_000)
            i += 1
    return beats


def display(hz):
    """On a display: whole pictures, and one comes late now and then."""
    def beats(rng, rate):
        every, i, t = max(1, round(hz / rate)), 0, 0.0
        while True:
            yield t + rng.gauss(0.0012, 0.0004)
            i += 1
            t += every / hz + (1 / hz if rng.random() < 0.004 else 0)
    return beats


def polling(rng, rate):
    """The next when the last is answered, and not before its time."""
    t = 0.0
    while True:
        yield t
        t += 1 / rate + rng.expovariate(2_000)


CLOCKS = {"steady": steady, "slipping": slipping, "tick1": ticking(0.001), "tick4": ticking(0.004), "tick15": ticking(0.015625),
          "display60": display(60), "display144": display(144), "polling": polling}

RATES = (16, 20, 25, 30, 100 / 3, 50, 60, 64, 100, 120)


def shapes():
    """All of them; which half a shape is in, lab-bench says."""
    def s(*a):
        return Shape(*a)
    for rate in RATES:
        r = f"{rate:.4g}"
        yield s(f"even-{r}", rate, rate, constant(40), constant(160), "steady", f"{r} Hz both ways, sizes constant")
        yield s(f"same-{r}", rate, rate, constant(172), constant(172), "steady", f"{r} Hz both ways, one size, as G.711 has")
        yield s(f"vary-{r}", rate, rate, gauss(60, 12, 20), gauss(110, 45, 24), "slipping", f"{r} Hz both ways, sizes vary")
        yield s(f"walk-{r}", rate, rate, between(30, 52), walk(60, 420, 9), "tick1", f"{r} Hz both ways, a world that moves")
        yield s(f"delta-{r}", rate, rate, between(24, 48), snapshots(90, 25, int(rate), 700), "tick4",
                f"{r} Hz both ways, differences and snapshots")
        yield s(f"oneway-{r}", rate, 0, gauss(90, 20, 30), None, "steady", f"{r} Hz one way, sizes vary")
    for up, down in ((20, 60), (30, 20), (60, 20), (125, 20), (100, 64), (64, 128), (60, 30), (33, 66), (50, 25), (10, 50)):
        yield s(f"uneven-{up}-{down}", up, down, between(28, 60), walk(50, 600, 15), "tick1", f"{up} Hz up, {down} Hz down")
    for hz, rate in ((60, 60), (60, 30), (60, 20), (144, 144 / 3), (144, 36)):
        yield s(f"display{hz}-{rate:.4g}", rate, rate, gauss(46, 6, 20), gauss(150, 50, 40), f"display{hz}",
                f"each picture of a {hz} Hz display that makes {rate:.4g} Hz")
    for rate in (20, 50, 64):
        yield s(f"coarse-{rate}", rate, rate, gauss(44, 8, 16), gauss(120, 30, 30), "tick15", f"{rate} Hz on a 15.6 ms timer")
    for rate in (10, 20, 25, 50, 100):
        yield s(f"poll-{rate}", rate, -1, constant(24), constant(52), "polling", f"request and response, {rate} a second")
        yield s(f"poll-vary-{rate}", rate, -1, constant(30), between(40, 300), "polling",
                f"request and response of many lengths, {rate} a second")
    for rate in (1 / 15, 0.2, 1, 2):
        yield s(f"alive-{rate:.2g}", rate, -1, constant(20), constant(20), "steady", "keep-alives")


def beats(rng, rate, clock, seconds, phase):
    for t in CLOCKS[clock](rng, rate):
        if t + phase >= seconds:
            return
        yield max(0.0, t + phase)


def datagrams(shape, rng, seconds):
    """(time, 0 up or 1 down, size)"""
    phase = rng.random() / max(shape.up, 1)
    for i, t in enumerate(beats(rng, shape.up, shape.clock, seconds, phase)):
        yield t, 0, shape.size_up(rng, i)
        if shape.down < 0:
            yield t + 0.0004 + rng.expovariate(1_500), 1, shape.size_down(rng, i)
    if shape.down > 0:
        other = random.Random(rng.random())
        phase = other.random() / shape.down
        # The far end has a timer of its own, a little off.
        for i, t in enumerate(beats(other, shape.down * (1 + other.uniform(-50e-6, 50e-6)), shape.clock, seconds, phase)):
            yield t, 1, shape.size_down(other, i)


def write(writer, shape, seed, seconds):
    rng = random.Random(f"{shape.name} {seed}")
    ports = rng.randint(30000, 60000), rng.randint(6000, 30000)
    for t, way, size in sorted(datagrams(shape, rng, seconds)):
        ends = (CLIENT4, ports[0], SERVER4, ports[1]) if way == 0 else (SERVER4, ports[1], CLIENT4, ports[0])
        writer.udp(EPOCH + t, *ends, size, rng.randbytes(HEADER))
