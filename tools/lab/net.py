# SPDX-License-Identifier: GPL-3.0-or-later
"""A client, a gateway and a server in network namespaces of their own.

Everything made here is taken down by Lab.close(), whatever happened: only
processes started here are ended, each by its own handle.
"""
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time

# Documentation ranges: RFC 5737, RFC 3849.
CLIENT4, GATEWAY4C = "192.0.2.10", "192.0.2.1"
SERVER4, RELAY4, GATEWAY4S = "198.51.100.20", "198.51.100.30", "198.51.100.1"
CLIENT6, GATEWAY6C = "2001:db8:1::10", "2001:db8:1::1"
SERVER6, GATEWAY6S = "2001:db8:2::20", "2001:db8:2::1"
NAMES = {SERVER4: "www.example.net", RELAY4: "relay.example.net"}

# Keys of openssl req: what browsers use, and what every program knows.
EC = ("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
RSA = ("rsa:2048",)

# A merged packet hides what the wire carried, and its checksum would be wrong.
OFFLOADS = ("tso", "gso", "gro", "rx", "tx")

STARTED_S = 5  # a link is there within
STOP_S = 3  # from SIGTERM to SIGKILL


class LabError(Exception):
    pass


def run(*argv, **kw):
    """Runs to the end; an error names the command and what it said."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=kw.pop("timeout", 30), **kw)
    if done.returncode != 0:
        raise LabError(f"{' '.join(argv)}: {done.stdout.strip()[-400:]}")
    return done.stdout


# tools/impair, where a build has put it.
IMPAIR = os.environ.get("LAB_IMPAIR") or os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "..", "build", "tools", "impair", "impair")


class Lab:
    def __init__(self, links=None):
        """`links`: {"client": ("wifi", 1)}: the cable of a role is one of tools/impair, with a profile and a seed.

        Such a cable is a pair of TUN devices: what is captured there has no Ethernet header.
        """
        self.links = links or {}
        self.dir = tempfile.mkdtemp(prefix="squelch-lab-")
        self.prefix = f"sq{os.getpid()}"
        self.processes = []
        self.namespaces = []
        self.resolvers = []

    # -- the network

    def ns(self, role):
        return f"{self.prefix}-{role}"

    def up(self):
        for role in ("client", "gateway", "server"):
            run("ip", "netns", "add", self.ns(role))
            self.namespaces.append(self.ns(role))
            run("ip", "-n", self.ns(role), "link", "set", "lo", "up")
        self._cable("client", (f"{CLIENT4}/24", f"{CLIENT6}/64"), (f"{GATEWAY4C}/24", f"{GATEWAY6C}/64"))
        self._cable("server", (f"{SERVER4}/24", f"{RELAY4}/24", f"{SERVER6}/64"),
                    (f"{GATEWAY4S}/24", f"{GATEWAY6S}/64"))
        for role, via4, via6 in (("client", GATEWAY4C, GATEWAY6C), ("server", GATEWAY4S, GATEWAY6S)):
            run("ip", "-n", self.ns(role), "route", "add", "default", "via", via4)
            run("ip", "-n", self.ns(role), "-6", "route", "add", "default", "via", via6)
            self._resolver(role)
        for key in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
            run(*self.inside("gateway"), "sysctl", "-qw", f"{key}=1")

    def _cable(self, role, far, near):
        """`role` at one end (eth0), the gateway at the other (to-ROLE)."""
        a, b = self.ns(role), self.ns("gateway")
        if role in self.links:
            self._impaired(role, f"{a}:eth0", f"{b}:to-{role}")
        else:
            self._veth(role, a, b)
        for ns, dev, addresses in ((a, "eth0", far), (b, f"to-{role}", near)):
            for address in addresses:
                nodad = ["nodad"] if ":" in address else []
                run("ip", "-n", ns, "addr", "add", address, "dev", dev, *nodad)
            run("ip", "-n", ns, "link", "set", dev, "up")
            run("ip", "netns", "exec", ns, "ethtool", "-K", dev, *[w for o in OFFLOADS for w in (o, "off")])

    def _veth(self, role, a, b):
        number = {"client": 1, "server": 2}[role]
        run("ip", "link", "add", "eth0", "netns", a, "address", f"02:00:00:00:0{number}:10",
            "type", "veth", "peer", "name", f"to-{role}", "netns", b, "address", f"02:00:00:00:0{number}:01")

    def _impaired(self, role, far, near):
        """Up is towards the server, on either side of the gateway."""
        profile, seed = self.links[role]
        ends = (far, near) if role == "client" else (near, far)
        link = self.start("gateway", IMPAIR, "live", "--seed", str(seed), profile, *ends)
        end = time.monotonic() + STARTED_S
        while "ready" not in open(link.log).read():
            if link.poll() is not None or time.monotonic() > end:
                raise LabError(f"impair: {open(link.log).read()[-300:]}")
            time.sleep(0.02)

    def only(self, version):
        """Takes the addresses of the other IP version away at both ends."""
        for role in ("client", "server"):
            run("ip", "-n", self.ns(role), "-4" if version == 6 else "-6", "addr", "flush", "dev", "eth0")

    def _resolver(self, role):
        """`ip netns exec` shows this file as /etc/resolv.conf."""
        path = f"/etc/netns/{self.ns(role)}"
        os.makedirs(path)
        self.resolvers.append(path)
        with open(f"{path}/resolv.conf", "w") as fh:
            fh.write(f"nameserver {SERVER4}\n")

    # -- programs

    def inside(self, role):
        return ["ip", "netns", "exec", self.ns(role)]

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        with open(self.path(name), "w") as fh:
            fh.write(text)
        return self.path(name)

    def certificate(self, name, host=SERVER4, newkey=EC):
        """One that the host has signed itself: the paths of NAME.pem and of its key, NAME.key."""
        cert, key = self.path(f"{name}.pem"), self.path(f"{name}.key")
        run("openssl", "req", "-x509", "-newkey", *newkey, "-nodes", "-days", "30", "-subj", f"/CN={NAMES[host]}",
            "-keyout", key, "-out", cert)
        return cert, key

    def start(self, role, *argv, **kw):
        """Starts a program inside `role`; it is ended by close() at the latest."""
        log = open(self.path(f"{os.path.basename(argv[0])}-{len(self.processes)}.log"), "wb")
        kw.setdefault("stdin", subprocess.DEVNULL)
        kw.setdefault("stdout", log)
        process = subprocess.Popen(self.inside(role) + list(argv), stderr=subprocess.STDOUT
                                   if kw["stdout"] is log else log, start_new_session=True, **kw)
        process.log = log.name
        log.close()
        self.processes.append(process)
        return process

    def run(self, role, *argv, **kw):
        return run(*self.inside(role), *argv, **kw)

    def stop(self, process, sig=signal.SIGTERM):
        """Ends a program and what it started: it leads a process group of its own."""
        if process.poll() is None:
            for wave in (sig, signal.SIGKILL):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, wave)
                try:
                    process.wait(timeout=STOP_S)
                    break
                except subprocess.TimeoutExpired:
                    continue
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        if process in self.processes:
            self.processes.remove(process)

    def wait_port(self, role, port, proto="-t", seconds=10):
        """Until something listens on the port."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if f":{port} " in self.run(role, "ss", "-Hln", proto):
                return
            time.sleep(0.1)
        raise LabError(f"nothing listens on port {port} of {role}")

    @contextlib.contextmanager
    def capture(self, path, snaplen=0, expression=""):
        """tcpdump on the gateway, on the client's side."""
        process = self.start("gateway", "tcpdump", "-i", "to-client", "-n", "-U", "--immediate-mode",
                             "-Z", "root", "-s", str(snaplen), "-w", path, *expression.split())
        end = time.monotonic() + 5
        while time.monotonic() < end and not (os.path.exists(path) and os.path.getsize(path) >= 24):
            time.sleep(0.05)
        try:
            time.sleep(0.3)
            yield
            time.sleep(0.3)
        finally:
            self.stop(process, signal.SIGINT)

    def close(self):
        for process in list(self.processes):
            self.stop(process)
        for ns in self.namespaces:
            subprocess.run(["ip", "netns", "del", ns], check=False)
        for path in self.resolvers:
            shutil.rmtree(path, ignore_errors=True)
        shutil.rmtree(self.dir, ignore_errors=True)
