#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replays the captures of pcaps/ into `squelch watch` and holds its events against those of `squelch read`.

    watch_equals_read.py SQUELCH SOURCE_DIR

Each capture runs, at its own speed, over veth pairs of its own between two
namespaces: once over one interface, once with its two sides on two interfaces
that one `squelch watch` listens to. tcpdump writes down what came by.

  1. With one interface, the events are those of `read` on tcpdump's file, to
     the byte, but for the fields that name the source.
  2. Always, flows, classes and applications are those of `read` on the capture.

Exit code 77: something this needs is not there.
"""
import collections
import concurrent.futures
import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SKIP = 77
NEEDS = ("ip", "tcpdump", "tcpreplay", "tcpprep", "zstd", "sysctl")
LIMIT_S = 60
READY_S = 10  # until watch and tcpdump listen
SETTLE_S = 0.5  # veth and the capture buffers deliver within
INSIDE = ["192.0.2.0/24", "2001:db8:1::/64"]  # pcaps/README.md
SOURCE_FIELDS = ("in_iface", "pcap_filename", "pcap_cnt", "flow_id", "flows")  # flows: ids, which are random


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=LIMIT_S, check=True)


class Bench:
    """Two namespaces; `wires` between them are (near, far): what is sent on near is heard on far."""

    def __init__(self):
        self.near, self.far = (f"sqw{os.getpid()}{side}" for side in "ab")
        self.wires = 0

    def __enter__(self):
        for ns in (self.near, self.far):
            run("ip", "netns", "add", ns)
            # the kernel's own neighbour discovery would be heard too
            for which in ("all", "default"):
                run("ip", "netns", "exec", ns, "sysctl", "-qw", f"net.ipv6.conf.{which}.disable_ipv6=1")
        return self

    def __exit__(self, *_):
        for ns in (self.near, self.far):
            subprocess.run(["ip", "netns", "del", ns], stderr=subprocess.DEVNULL)

    def wire(self):
        near, far = f"n{self.wires}", f"f{self.wires}"
        self.wires += 1
        run("ip", "-n", self.near, "link", "add", near, "type", "veth", "peer", "name", far, "netns", self.far)
        run("ip", "-n", self.near, "link", "set", near, "up")
        run("ip", "-n", self.far, "link", "set", far, "up")
        return near, far

    def start(self, ns, *command, **more):
        return subprocess.Popen(["ip", "netns", "exec", ns, *command], **more)


def unpack(path, to):
    """tcpreplay reads no compressed files."""
    if path.endswith(".gz"):
        with gzip.open(path) as source, open(to, "wb") as sink:
            shutil.copyfileobj(source, sink)
    elif path.endswith(".zst"):
        with open(to, "wb") as sink:
            subprocess.run(["zstd", "-dcq", path], stdout=sink, check=True, timeout=LIMIT_S)
    else:
        shutil.copyfile(path, to)


def events_in(text):
    return [json.loads(line) for line in text.splitlines()]


def read_events(squelch, path):
    return events_in(run(squelch, "read", "--eve", "-", path).stdout)


def without_source(value):
    if isinstance(value, dict):
        return {k: without_source(v) for k, v in value.items() if k not in SOURCE_FIELDS}
    return [without_source(v) for v in value] if isinstance(value, list) else value


def comparable(events):
    """What must be equal, in this order: all but what names the source, and the counters of the run."""
    return [json.dumps(without_source(e)) for e in events if e["event_type"] in ("voip", "flow", "call")]


def view(events):
    """Flows with their class, application and packets. Times are not those of the capture."""
    flows = collections.Counter()
    for e in events:
        if e["event_type"] != "flow":
            continue
        voip = e.get("voip") or {}
        ends = tuple(sorted([(e["src_ip"], e.get("src_port", 0)), (e["dest_ip"], e.get("dest_port", 0))]))
        packets = e["flow"]["pkts_toserver"] + e["flow"]["pkts_toclient"]
        flows[(e["proto"], ends, voip.get("class"), voip.get("app"), packets)] += 1
    calls = collections.Counter((e["app"], len(e.get("flows", []))) for e in events if e["event_type"] == "call")
    return flows, calls


def difference(name, got, want):
    problems = []
    for what, a, b in (("missing", want, got), ("not expected", got, want)):
        a, b = collections.Counter(a), collections.Counter(b)
        problems += [f"{name}: {what}: {str(item)[:600]}" for item in (a - b)]
    if not problems and isinstance(got, list) and got != want:
        problems.append(f"{name}: the order is not the same")
    return problems


def wait_for(what, done):
    end = time.monotonic() + READY_S
    while not done():
        if time.monotonic() > end:
            raise RuntimeError(f"{what} does not start")
        time.sleep(0.05)


def end(process):
    process.send_signal(signal.SIGTERM)
    try:
        _, err = process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, (err or b"").decode(errors="replace")


def size(path):
    return os.path.getsize(path) if os.path.exists(path) else 0


def listen(bench, squelch, folder, fars):
    """Watch on all, tcpdump on the first; both ready."""
    eve, dump = os.path.join(folder, "eve.json"), os.path.join(folder, "dump.pcap")
    watch = bench.start(bench.far, squelch, "watch", "-i", ",".join(fars), "--buffer", "32", "--eve", eve,
                        "--ctl", os.path.join(folder, "ctl"), stderr=subprocess.PIPE)
    tcpdump = bench.start(bench.far, "tcpdump", "-i", fars[0], "-Z", "root", "--time-stamp-precision=nano", "-n",
                          "-U", "--immediate-mode", "-B", "8192", "-w", dump, stderr=subprocess.PIPE)
    wait_for("watch", lambda: size(eve) > 0)
    wait_for("tcpdump", lambda: size(dump) > 0)
    return watch, tcpdump, eve, dump


def replay(bench, pcap, nears, folder):
    if len(nears) == 1:
        words = ["-i", nears[0]]
    else:
        cache = os.path.join(folder, "sides")
        cidr = INSIDE[1] if "ipv6" in pcap else INSIDE[0]
        run("tcpprep", f"--cidr={cidr}", f"--pcap={pcap}", f"--cachefile={cache}")
        words = ["-i", nears[0], "-I", nears[1], "-c", cache]
    done = bench.start(bench.near, "tcpreplay", "-q", *words, pcap,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    out, _ = done.communicate(timeout=LIMIT_S)
    if done.returncode != 0:
        raise RuntimeError(f"tcpreplay: {out.decode(errors='replace')[-500:]}")
    return int(re.search(rb"Actual: (\d+) packets", out).group(1))


def settle(squelch, folder, dump, sent):
    """Until watch has counted what was sent, and tcpdump has written what it got."""
    def counted():
        done = subprocess.run([squelch, "ctl", "-s", os.path.join(folder, "ctl"), "stats"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True)
        found = re.search(r"^packets +(\d+)", done.stdout, re.M)
        return found and int(found.group(1)) >= sent

    end = time.monotonic() + READY_S
    while not counted() and time.monotonic() < end:
        time.sleep(0.1)
    before = None
    while before != size(dump):
        before = size(dump)
        time.sleep(SETTLE_S)


def compare(squelch, source, bench, name, n_wires, wires):
    label = f"{name}, {n_wires} interface{'s' * (n_wires > 1)}"
    with tempfile.TemporaryDirectory() as folder:
        pcap = os.path.join(folder, name.split(".")[0] + ".pcap")
        unpack(os.path.join(source, "pcaps", name), pcap)
        watch, tcpdump, eve, dump = listen(bench, squelch, folder, [far for _, far in wires])
        try:
            sent = replay(bench, pcap, [near for near, _ in wires], folder)
            settle(squelch, folder, dump, sent)
        finally:
            ended = [end(watch), end(tcpdump)]
        problems = [f"{label}: exit code {code}: {text}" for code, text in ended if code != 0]
        with open(eve) as fh:
            got = events_in(fh.read())
        if not got or got[-1]["event_type"] != "stop":
            return problems + [f"{label}: no stop event"]
        if got[-1]["stats"]["squelch"]["kernel_drops"] != 0:
            problems.append(f"{label}: the kernel dropped packets")
        if n_wires == 1:
            problems += difference(label, comparable(got), comparable(read_events(squelch, dump)))
        (flows, calls), (want_flows, want_calls) = view(got), view(read_events(squelch, pcap))
        if not want_flows:
            problems.append(f"{label}: nothing in the capture")
        problems += difference(f"{label}, flows", flows, want_flows)
        problems += difference(f"{label}, calls", calls, want_calls)
        print(f"{label}: {sum(flows.values())} flows, {sum(calls.values())} calls, {len(problems)} problems", flush=True)
        return problems


def main():
    squelch, source = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    lacks = [tool for tool in NEEDS if shutil.which(tool) is None]
    if os.geteuid() != 0 or lacks:
        print("skipped:", "not root" if os.geteuid() != 0 else "no " + ", ".join(lacks))
        return SKIP
    names = sorted(n for n in os.listdir(os.path.join(source, "pcaps")) if ".pcap" in n)
    try:
        bench = Bench().__enter__()
    except subprocess.CalledProcessError as e:
        print("skipped: no network namespaces:", e.stderr.decode(errors="replace").strip())
        return SKIP
    try:
        runs = [(name, n, [bench.wire() for _ in range(n)]) for name in names for n in (1, 2)]
        with concurrent.futures.ThreadPoolExecutor(max_workers=8) as pool:
            jobs = [pool.submit(compare, squelch, source, bench, *one) for one in runs]
            problems = [p for job in jobs for p in job.result()]
    finally:
        bench.__exit__()
    print(*problems, sep="\n")
    print(f"{len(runs)} replays, {len(problems)} problems")
    return 1 if problems or not runs else 0


if __name__ == "__main__":
    sys.exit(main())
