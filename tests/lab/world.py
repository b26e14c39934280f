# SPDX-License-Identifier: GPL-3.0-or-later
"""The namespaces of tools/lab with a second client, and squelch on the gateway between them."""
import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "tools", "lab"))
sys.dont_write_bytecode = True

import net  # noqa: E402
from net import LabError  # noqa: E402

# A second inside network, of the crew. Documentation ranges: RFC 5737, RFC 3849.
CREW4, GATEWAY4N = "203.0.113.10", "203.0.113.1"
CREW6, GATEWAY6N = "2001:db8:3::10", "2001:db8:3::1"
INSIDE = "inside = { 192.0.2.0/24, 2001:db8:1::/64, 203.0.113.0/24, 2001:db8:3::/64 }\n"

SERVERS = "{ 198.51.100.0/24, 2001:db8:2::/64 }"  # for rules

UDP_QUEUES, TCP_QUEUES = "0:1", "2:3"
QUEUES = 4
READY_S = 20  # squelch binds its queues within
END_S = 20    # and ends; both take less than a second where there are cores
SETTLE_S = 0.3  # so long events are under way to the file, on a machine that is not busy


class World(net.Lab):
    """A lab in which threads may start programs."""

    voices = None  # folder of what people say, where calls carry that (speech.py); else programs make tones
    seed = 0       # which of their conversations

    def __init__(self, links=None):
        super().__init__(links)
        self.prefix = f"sq{os.getpid()}n{next(World.number)}"
        self.lock = threading.Lock()
        self.logs = itertools.count()

    number = itertools.count()

    def up(self):
        super().up()
        run, near, far = net.run, self.ns("gateway"), self.ns("second")
        run("ip", "netns", "add", far)
        self.namespaces.append(far)
        run("ip", "-n", far, "link", "set", "lo", "up")
        self._no_dad(far)
        run("ip", "link", "add", "eth0", "netns", far, "address", "02:00:00:00:03:10",
            "type", "veth", "peer", "name", "to-second", "netns", near, "address", "02:00:00:00:03:01")
        for ns, dev, addresses in ((far, "eth0", (f"{CREW4}/24", f"{CREW6}/64")),
                                   (near, "to-second", (f"{GATEWAY4N}/24", f"{GATEWAY6N}/64"))):
            for address in addresses:
                run("ip", "-n", ns, "addr", "add", address, "dev", dev, *(["nodad"] if ":" in address else []))
            run("ip", "-n", ns, "link", "set", dev, "up")
            run("ip", "netns", "exec", ns, "ethtool", "-K", dev, *[w for o in net.OFFLOADS for w in (o, "off")])
        run("ip", "-n", far, "route", "add", "default", "via", GATEWAY4N)
        run("ip", "-n", far, "-6", "route", "add", "default", "via", GATEWAY6N)
        self._resolver("second")
        # The kernel tells of a carrier a second late, and IPv6 waits for it.
        for ns in self.namespaces:
            self.wait("a carrier", 5, lambda n=ns: "state DOWN" not in net.run("ip", "-n", n, "-o", "link"))

    def _cable(self, role, far, near):
        for ns in (self.ns(role), self.ns("gateway")):
            self._no_dad(ns)
        super()._cable(role, far, near)

    @staticmethod
    def _no_dad(ns):
        # Else IPv6 is dumb for the first two seconds (RFC 4862, 5.4).
        net.run("ip", "netns", "exec", ns, "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0")

    def start(self, role, *argv, **kw):
        name = self.path(f"{next(self.logs)}-{os.path.basename(argv[0])}.log")
        with open(name, "wb") as log:
            kw.setdefault("stdin", subprocess.DEVNULL)
            kw.setdefault("stdout", log)
            kw.setdefault("stderr", log)
            process = subprocess.Popen(self.inside(role) + list(argv), start_new_session=True, **kw)
        process.log = name
        with self.lock:
            self.processes.append(process)
        return process

    def said(self, process):
        with open(process.log, errors="replace") as fh:
            return fh.read()

    def wait(self, what, seconds, test):
        end = time.monotonic() + seconds
        while not test():
            if time.monotonic() > end:
                raise LabError(f"{what}: not within {seconds} s")
            time.sleep(0.05)


@contextlib.contextmanager
def world(links=None):
    w = World(links)
    try:
        w.up()
        yield w
    finally:
        w.close()


def whole_lines(path):
    """
    Lines of a file that is being written. It is read at once: the last line may be half there, and who reads line by
    line gets its other half as the next one.
    """
    with open(path) as fh:
        return fh.read().split("\n")[:-1]


class Gateway:
    """`squelch block` on the gateway, with the rules of squelch-hook."""

    def __init__(self, lab, squelch, rules, hook=(), options=()):
        self.lab, self.rules = lab, lab.path("lab.rules")
        self.eve, self.ctl = lab.path("eve.json"), lab.path("ctl")
        self.set_rules(rules)
        self.argv = [squelch, "block", "-R", self.rules, "--eve", self.eve,
                     "--udp-queue", UDP_QUEUES, "--tcp-queue", TCP_QUEUES, "--ctl", self.ctl, *options]
        self.hook("add", "--udp-queue", UDP_QUEUES, "--tcp-queue", TCP_QUEUES, *hook)
        self.process = None
        self.start()

    def hook(self, *argv):
        return self.lab.run("gateway", os.path.join(TOP, "tools", "squelch-hook"), *argv)

    def set_rules(self, text):
        # A new file in its place: a reload never sees half of it.
        with open(self.rules + ".new", "w") as fh:
            fh.write(INSIDE + text)
        os.rename(self.rules + ".new", self.rules)

    def start(self):
        self.process = self.lab.start("gateway", *self.argv)
        self.wait_bound()

    def queues(self):
        """Bound queues: their numbers."""
        out = self.lab.run("gateway", "cat", "/proc/net/netfilter/nfnetlink_queue")
        return [int(line.split()[0]) for line in out.splitlines()]

    def wait_bound(self):
        def bound():
            if self.process.poll() is not None:
                raise LabError(f"squelch ended with {self.process.returncode}: {self.lab.said(self.process)[-600:]}")
            return len(self.queues()) == QUEUES
        self.lab.wait("queues bound", READY_S, bound)

    def children(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as fh:
            return [int(pid) for pid in fh.read().split()]

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def command(self, *words):
        try:
            return self.lab.run("gateway", self.argv[0], "ctl", "--socket", self.ctl, *words)
        except LabError as e:
            raise LabError(f"{e}; squelch said: {self.lab.said(self.process)[-300:]}") from None

    def events(self, kind=None):
        if not os.path.exists(self.eve):
            return []
        found = [json.loads(line) for line in whole_lines(self.eve)]
        return [e for e in found if kind in (None, e["event_type"])]

    def stop(self):
        """Ends squelch: then all its events are written."""
        if self.process.poll() is None:
            time.sleep(SETTLE_S)
            self.process.terminate()
            try:
                self.process.wait(timeout=END_S)
            except subprocess.TimeoutExpired:
                self.lab.stop(self.process)
                raise LabError("squelch does not end on SIGTERM")
        code = self.process.returncode
        if code != 0:
            raise LabError(f"squelch ended with {code}: {self.lab.said(self.process)[-600:]}")


@contextlib.contextmanager
def gateway(lab, squelch, rules, **kw):
    g = Gateway(lab, squelch, rules, **kw)
    try:
        yield g
    finally:
        if g.process.poll() is None and sys.exc_info()[0] is not None:
            lab.stop(g.process)
        else:
            g.stop()
