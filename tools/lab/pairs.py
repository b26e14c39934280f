# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gateway costs, beside a program that accepts every queued packet: for `tools/bench gateway`.

Both get the same traffic and the same rules, in turn; each figure is the ratio of one pair.
"""
import collections
import contextlib
import os
import re
import signal
import statistics
import subprocess
import threading
import time

from net import Lab, LabError, run

# The yardsticks send from these and to port 9000, see README.md beside them.
CLIENTS = [f"10.91.1.{i}" for i in range(2, 34)]
GATEWAY_C, SERVER, GATEWAY_S = "10.91.1.1", "10.91.2.2", "10.91.2.1"
BLAST_PORT, ECHO_PORT, TCP_PORT = 9000, 9001, 5201
UDP_QUEUE, TCP_QUEUE = 0, 1
QUEUE_LENGTH = 32768  # packets, for both
FLOWS = 100
WARM_S, SETTLE_S = 1.0, 0.3
BLAST_S, TCP_S = 4, 4
ROUND_TRIPS, GAP_US = 6000, 100
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
MASK = "0x7f000000"


class Pair(Lab):
    """Client, gateway and server as the yardsticks want them, offloads on: TCP crosses in super-packets."""

    def __init__(self, tools, squelch):
        super().__init__()
        self.prefix = f"sp{os.getpid()}"
        self.tools, self.squelch = tools, squelch

    def up(self):
        for role in ("client", "gateway", "server"):
            run("ip", "netns", "add", self.ns(role))
            self.namespaces.append(self.ns(role))
            run("ip", "-n", self.ns(role), "link", "set", "lo", "up")
        for role, far, near in (("client", CLIENTS, GATEWAY_C), ("server", [SERVER], GATEWAY_S)):
            run("ip", "link", "add", "eth0", "netns", self.ns(role), "type", "veth",
                "peer", "name", f"to-{role}", "netns", self.ns("gateway"))
            for address in far:
                run("ip", "-n", self.ns(role), "addr", "add", f"{address}/24", "dev", "eth0")
            run("ip", "-n", self.ns("gateway"), "addr", "add", f"{near}/24", "dev", f"to-{role}")
            run("ip", "-n", self.ns(role), "link", "set", "eth0", "up")
            run("ip", "-n", self.ns("gateway"), "link", "set", f"to-{role}", "up")
            run("ip", "-n", self.ns(role), "route", "add", "default", "via", near)
        self.run("gateway", "sysctl", "-qw", "net.ipv4.ip_forward=1")
        # Counted, and not carried further: the receiver costs nothing.
        self.run("server", "iptables", "-t", "raw", "-A", "PREROUTING", "-p", "udp",
                 "--dport", str(BLAST_PORT), "-j", "DROP")

    def arrived(self):
        out = self.run("server", "iptables", "-t", "raw", "-nvxL", "PREROUTING")
        return int(re.search(r"^\s*(\d+)\s+\d+\s+DROP", out, re.M).group(1))

    def forget(self):
        """No connection, rule or mark of the run before."""
        for table in ("mangle", "filter"):
            self.run("gateway", "iptables", "-t", table, "-F")
            self.run("gateway", "iptables", "-t", table, "-X")
        subprocess.run(self.inside("gateway") + ["conntrack", "-F"], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)

    def queue(self, protocol, number):
        self.run("gateway", "iptables", "-t", "mangle", "-A", "FORWARD", "-p", protocol, "-j", "NFQUEUE",
                 "--queue-num", str(number), "--queue-bypass")

    def bound(self, *numbers):
        with open(f"/proc/{self.anchor.pid}/net/netfilter/nfnetlink_queue") as fh:
            found = {int(line.split()[0]) for line in fh}
        return set(numbers) <= found

    @contextlib.contextmanager
    def reader(self, argv, *queues):
        """A program that reads queues, from when it has bound them."""
        process = self.start("gateway", *argv)
        self.anchor = process
        end = time.monotonic() + 10
        while not self.bound(*queues):
            if process.poll() is not None or time.monotonic() > end:
                raise LabError(f"{argv[0]} does not bind its queues: {open(process.log).read()[-300:]}")
            time.sleep(0.05)
        try:
            yield process
        finally:
            self.stop(process, signal.SIGTERM)


def family(pid):
    """A process and its children."""
    with open(f"/proc/{pid}/task/{pid}/children") as fh:
        return [pid] + [int(child) for child in fh.read().split()]


def cpu_s(pid):
    total = 0
    for each in family(pid):
        with open(f"/proc/{each}/stat") as fh:
            fields = fh.read().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total * TICK_S


# -- readers of queues

@contextlib.contextmanager
def nothing(_pair):
    yield None


CONNMARK = "*mangle\n-A FORWARD -j CONNMARK --restore-mark\nCOMMIT\n*filter\nCOMMIT\n"


def nfqacc(protocol, number):
    @contextlib.contextmanager
    def reader(pair):
        pair.queue(protocol, number)
        with pair.reader([os.path.join(pair.tools, "nfqacc"), "-q", str(number), "-v", "batch", "-r", "64", "-g",
                          "-l", str(QUEUE_LENGTH)], number) as process:
            yield process
    return reader


def block(pair, length=QUEUE_LENGTH, open_or_closed=("--fail-closed",)):
    # --fail-closed: what arrives was inspected, for nothing passes by.
    return pair.reader([pair.squelch, "block", "-R", pair.write("none.rules", ""), "--udp-queue", str(UDP_QUEUE),
                        "--tcp-queue", str(TCP_QUEUE), "--queue-length", str(length), *open_or_closed,
                        "--ctl", pair.path("ctl")], UDP_QUEUE, TCP_QUEUE)


def squelch(protocol, number):
    @contextlib.contextmanager
    def reader(pair):
        pair.queue(protocol, number)
        with block(pair) as process:
            yield process
    return reader


@contextlib.contextmanager
def hooked(pair):
    """As installed: squelch-hook's rules, so that cleared flows stay in the kernel."""
    hook = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "squelch-hook")
    pair.run("gateway", hook, "add", "-4", "--udp-queue", str(UDP_QUEUE), "--tcp-queue", str(TCP_QUEUE))
    try:
        with block(pair) as process:
            yield process
    finally:
        pair.run("gateway", hook, "del")


# -- traffic

Figure = collections.namedtuple("Figure", "value cpu_us")  # more is better; CPU of the reader a packet, None without


def tool(pair, name):
    return os.path.join(pair.tools, name)


def blast(pair, process):
    """UDP packets/s that arrive."""
    sender = pair.start("client", tool(pair, "nq"), "blast", SERVER, str(BLAST_PORT), str(FLOWS), str(WARM_S + BLAST_S + 1))
    time.sleep(WARM_S)
    first, at, cpu = pair.arrived(), time.monotonic(), cpu_s(process.pid) if process else 0
    time.sleep(BLAST_S)
    last, until, used = pair.arrived(), time.monotonic(), cpu_s(process.pid) if process else 0
    sender.wait(timeout=30)
    n = last - first
    return Figure(n / (until - at), (used - cpu) / n * 1e6 if process and n else None)


def stream(pair, process):
    """TCP bytes/s, one connection."""
    server = pair.start("server", "iperf3", "-s", "-1", "-p", str(TCP_PORT))
    pair.wait_port("server", TCP_PORT)
    cpu = cpu_s(process.pid) if process else 0
    out = pair.run("client", "iperf3", "-c", SERVER, "-p", str(TCP_PORT), "-t", str(TCP_S), "-f", "k")
    used = cpu_s(process.pid) - cpu if process else 0
    pair.stop(server)
    kbit = float(re.search(r"([\d.]+) Kbits/sec\s+receiver", out).group(1))
    return Figure(kbit * 125, used / (kbit * 125 * TCP_S) * 1e9 if process else None)


def round_trip(pair, process):
    """Microseconds there and back, p99."""
    echo = pair.start("server", tool(pair, "nq"), "echo", str(ECHO_PORT), "60")
    pair.wait_port("server", ECHO_PORT, "-u")
    cpu = cpu_s(process.pid) if process else 0
    out = pair.run("client", tool(pair, "nq"), "rtt", SERVER, str(ECHO_PORT), str(ROUND_TRIPS), str(GAP_US))
    used = cpu_s(process.pid) - cpu if process else 0
    pair.stop(echo)
    said = re.search(r"lost (\d+) p50 ([\d.]+) .*p99 ([\d.]+)", out)
    return Figure(float(said.group(3)), used / ROUND_TRIPS / 2 * 1e6 if process else None)


# -- comparisons

def once(pair, reader, traffic):
    pair.forget()
    with reader(pair) as process:
        time.sleep(SETTLE_S)
        return traffic(pair, process)


def in_turn(pair, readers, traffic, n):
    """n rounds; who begins changes from round to round. [[Figure of each reader]]"""
    rounds = []
    for i in range(n):
        order = range(len(readers)) if i % 2 == 0 else reversed(range(len(readers)))
        got = {k: once(pair, readers[k], traffic) for k in order}
        rounds.append([got[k] for k in range(len(readers))])
    return rounds


def spread(values):
    return f"{min(values):.2f} {statistics.median(values):.2f} {max(values):.2f}"


def middle(figures, scale=1.0):
    return statistics.median(f.value for f in figures) * scale


def cpu_text(name, figures, unit):
    return f"{name} {statistics.median(f.cpu_us for f in figures):.2f} {unit}"


def report(what, wanted, ratios, lines):
    good = statistics.median(ratios) >= wanted
    print(f"{what}: ratio {spread(ratios)} (smallest, median, largest of {len(ratios)} pairs),"
          f" wanted {wanted}: {'yes' if good else 'NO'}")
    for line in lines:
        print("   ", line)


def inspected(pair, n):
    theirs, ours = zip(*in_turn(pair, [nfqacc("udp", UDP_QUEUE), squelch("udp", UDP_QUEUE)], blast, n))
    report("UDP, 172 bytes, 100 flows, all inspected, to nfqacc", 0.85, [o.value / t.value for t, o in zip(theirs, ours)],
           [f"nfqacc {middle(theirs) / 1e3:.0f}, squelch {middle(ours) / 1e3:.0f} thousand packets/s",
            "CPU a packet: " + ", ".join(cpu_text(*x, "us") for x in (("nfqacc", theirs), ("squelch", ours)))])


SLICE_S, SLICES = 0.25, 5  # so long one set of rules, and so often for a pair: what the machine does besides is then shared
SWAP_S = 0.4               # to put other rules in their place, at most
FRESH_S = 0.25             # flows whose marks were taken off under the other rules come to the queue first
CLEARED_S = 40             # until all flows are cleared, at most


def slice_of(pair, rules, process):
    """A Figure of the stream that runs, under other rules."""
    pair.run("gateway", "iptables-restore", rules)
    time.sleep(FRESH_S)
    first, at, cpu = pair.arrived(), time.monotonic(), cpu_s(process.pid)
    time.sleep(SLICE_S)
    last, until, used = pair.arrived(), time.monotonic(), cpu_s(process.pid) - cpu
    return Figure((last - first) / (until - at), used / max(last - first, 1) * 1e6)


def as_installed(saved):
    """Of what iptables-save says, what squelch-hook made: restored, a built-in chain without rules is a hook more for each packet."""
    lines = saved.splitlines()
    used = {line.split()[1] for line in lines if line.startswith("-A ")}
    return "".join(f"{line}\n" for line in lines if not (line.startswith(":") and " - " not in line and line[1:].split()[0] not in used))


def wait_cleared(pair):
    """Until few packets are inspected. On a machine so busy that a flow is no faster than speech it is looked at for 20 s first."""
    for _ in range(CLEARED_S):
        came, seen = pair.arrived(), counted(pair, "packets")[0]
        time.sleep(WARM_S)
        if counted(pair, "packets")[0] - seen < (pair.arrived() - came) / 4:
            return
    raise LabError("the flows are not cleared")


def cleared(pair, n):
    """One stream whose flows squelch has cleared; its rules and a bare one change places under it."""
    pair.forget()
    with hooked(pair) as process:
        seconds = 2 * n * SLICES * (SLICE_S + FRESH_S + SWAP_S) + CLEARED_S
        sender = pair.start("client", tool(pair, "nq"), "blast", SERVER, str(BLAST_PORT), str(FLOWS), str(seconds))
        wait_cleared(pair)
        theirs, here = pair.write("connmark", CONNMARK), pair.write("hook", as_installed(pair.run("gateway", "iptables-save")))
        bare, ours = [], []
        for _ in range(n * SLICES):
            bare.append(slice_of(pair, theirs, process))
            ours.append(slice_of(pair, here, process))
        pair.stop(sender)
    report("UDP, cleared flows, to a connmark rule alone", 0.95,
           [sum(o.value for o in ours[i:i + SLICES]) / sum(b.value for b in bare[i:i + SLICES]) for i in range(0, n * SLICES, SLICES)],
           [f"connmark {middle(bare) / 1e3:.0f}, squelch {middle(ours) / 1e3:.0f} thousand packets/s",
            f"CPU a packet: squelch {statistics.mean(f.cpu_us for f in ours):.2f} us"])


def tcp(pair, n):
    theirs, ours = zip(*in_turn(pair, [nfqacc("tcp", TCP_QUEUE), squelch("tcp", TCP_QUEUE)], stream, n))
    report("TCP with segmentation offload, all inspected, to nfqacc", 0.9, [o.value / t.value for t, o in zip(theirs, ours)],
           [f"nfqacc {middle(theirs) * 8e-9:.1f}, squelch {middle(ours) * 8e-9:.1f} Gbit/s",
            "CPU a kilobyte: " + ", ".join(cpu_text(*x, "us") for x in (("nfqacc", theirs), ("squelch", ours)))])


def trips(pair, n):
    none, theirs, ours = zip(*in_turn(pair, [nothing, nfqacc("udp", UDP_QUEUE), squelch("udp", UDP_QUEUE)], round_trip, n))
    added = [(t.value - z.value, o.value - z.value) for z, t, o in zip(none, theirs, ours)]
    ratios = [o / t for t, o in added if t > 0]
    print(f"round trip added at p99, to nfqacc: ratio {spread(ratios)}, of the medians "
          f"{statistics.median(o for _, o in added) / statistics.median(t for t, _ in added):.2f}, wanted at most 1.5")
    print(f"    p99 without a queue {middle(none):.1f}, nfqacc {middle(theirs):.1f}, squelch {middle(ours):.1f} us")


OVERLOAD_LENGTHS = (32768, 8192, 2048, 512)  # of the queue, packets
OVERLOAD_TRIPS, OVERLOAD_GAP_US = 400, 5000
RUNS_S, STANDS_S = 0.02, 0.08  # a worker that gets a fifth of a processor, in pieces as of a machine that is short of them
AFTER_S = 2.0                  # from the end of the flood until all must be as before
Overload = collections.namedtuple("Overload", "p50 p99 most lost rate unseen overruns full after")


@contextlib.contextmanager
def braked(process):
    """The worker stands still most of the time."""
    worker, over = family(process.pid)[1], threading.Event()

    def brake():
        while not over.wait(RUNS_S):
            os.kill(worker, signal.SIGSTOP)
            over.wait(STANDS_S)
            os.kill(worker, signal.SIGCONT)
    thread = threading.Thread(target=brake)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def overload(pair, n):
    """More UDP than a worker can read, failing open: what the packets of a bystander wait in the same queue."""
    for slow in (False, True):
        for length in OVERLOAD_LENGTHS:
            found = [overloaded(pair, length, slow) for _ in range(n)]
            middle_of = lambda key: statistics.median(getattr(f, key) for f in found)
            print(f"queue of {length}{', the worker stopped four fifths of the time' if slow else ''}: a bystander's round trip "
                  f"p50 {middle_of('p50') / 1e3:.1f}, p99 {middle_of('p99') / 1e3:.1f}, most {middle_of('most') / 1e3:.1f} ms, "
                  f"lost {sum(f.lost for f in found)} of {n * OVERLOAD_TRIPS}; {middle_of('rate') / 1e3:.0f} thousand packets/s arrive, "
                  f"{100 * middle_of('unseen'):.0f} % of them unseen, queue_overruns {middle_of('overruns'):.0f}, queue_full {middle_of('full'):.0f}; "
                  f"{AFTER_S:.0f} s after the flood p99 {middle_of('after') / 1e3:.1f} ms")


def trips_of(pair, count):
    """p50, p99, most in microseconds, and how many were lost."""
    out = pair.run("client", tool(pair, "nq"), "rtt", SERVER, str(ECHO_PORT), str(count), str(OVERLOAD_GAP_US), timeout=60)
    said = re.search(r"lost (\d+) p50 ([\d.]+) .*p99 ([\d.]+) .*max ([\d.]+)", out)
    if said is None:
        raise LabError(f"no answer at all: {out}")
    lost, *trips_us = map(float, said.groups())
    return *trips_us, int(lost)


def counted(pair, *keys):
    out = pair.run("gateway", pair.squelch, "ctl", "--socket", pair.path("ctl"), "stats")
    return [int(re.search(rf"^{key} +(\d+)", out, re.M).group(1)) for key in keys]


def overloaded(pair, length, slow):
    """An Overload."""
    pair.forget()
    pair.queue("udp", UDP_QUEUE)
    with block(pair, length, ()) as process:
        echo = pair.start("server", tool(pair, "nq"), "echo", str(ECHO_PORT), "60")
        pair.wait_port("server", ECHO_PORT, "-u")
        sender = pair.start("client", tool(pair, "nq"), "blast", SERVER, str(BLAST_PORT), str(FLOWS), "60")
        time.sleep(WARM_S)
        with braked(process) if slow else contextlib.nullcontext():
            came, seen, at = pair.arrived(), counted(pair, "packets")[0], time.monotonic()
            *trips_us, lost = trips_of(pair, OVERLOAD_TRIPS)
            came, seen, took = pair.arrived() - came, counted(pair, "packets")[0] - seen, time.monotonic() - at
        pair.stop(sender)
        time.sleep(AFTER_S)
        after = trips_of(pair, OVERLOAD_TRIPS // 4)
        overruns, full = counted(pair, "queue_overruns", "queue_full")
        pair.stop(echo)
        if process.poll() is not None or after[3]:
            raise LabError(f"after the flood {after[3]} answers are missing")
    return Overload(*trips_us, lost, came / took, max(0, 1 - seen / came), overruns, full, after[1])


PARTS = {"inspected": inspected, "cleared": cleared, "tcp": tcp, "trips": trips, "overload": overload}


def measure(tools, program, parts, n):
    pair = Pair(tools, os.path.abspath(program))
    try:
        pair.up()
        for name in parts or PARTS:
            PARTS[name](pair, n)
    finally:
        pair.close()
