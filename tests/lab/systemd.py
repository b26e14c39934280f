#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""pkg/squelch.service under a systemd that is process 1 of namespaces of its own.

    systemd.py SQUELCH SOURCE_DIR

The root file system is this machine's, under an overlay that goes away at the
end; processes, network, mounts and the cgroup are others. Needs root, systemd,
overlayfs, cgroup2 and NFQUEUE, else ends with 77. Not part of ctest: it boots
a system, which takes half a minute.
"""
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SYSTEMD = "/lib/systemd/systemd"
SKIP = 77
STDERR = "/squelch.err"  # in the root that it boots from: there is no journal
BOOT_S, START_S = 60, 30
WATCHDOG_S = 2  # a drop-in's: the unit has 10
CGROUPS = ("/sys/fs/cgroup/unified", "/sys/fs/cgroup")  # hybrid, unified

# Makes the root, and becomes process 1. $1: a folder of ours.
BOOT = r"""
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
cd "$1/root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
for folder in run tmp; do mount -t tmpfs tmpfs $folder; done
mount -t tmpfs tmpfs dev
for node in null zero full random urandom tty; do cp -a /dev/$node dev/; done
ln -s pts/ptmx dev/ptmx
touch dev/console
cp -a "$2/." .
ip link set lo up
pivot_root . mnt
exec chroot . env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -c \
	"umount -l /mnt && exec /lib/systemd/systemd --system --unit=lab.target --log-target=null"
"""


class Failed(Exception):
    pass


def sh(*argv, check=True, **kw):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kw)
    if check and done.returncode != 0:
        raise Failed(f"{' '.join(argv)}: {done.stdout.strip()[-600:]}")
    return done.stdout


def wait(what, seconds, test):
    end = time.monotonic() + seconds
    while not test():
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {seconds} s")
        time.sleep(0.1)


def lacks():
    if os.geteuid() != 0:
        return "not root"
    if not os.path.exists(SYSTEMD):
        return "no systemd"
    with open("/proc/filesystems") as fh:
        known = fh.read().split()
    return next((f"no {kind}" for kind in ("overlay", "cgroup2") if kind not in known), None)


def put(folder, path, text, mode=0o644):
    path = os.path.join(folder, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as fh:
        fh.write(text)
    os.chmod(path, mode)


def files(folder, squelch, source):
    """What a package would install, and a target with little else."""
    os.makedirs(f"{folder}/usr/bin")
    os.makedirs(f"{folder}/usr/sbin")
    shutil.copy(squelch, f"{folder}/usr/bin/squelch")
    shutil.copy(f"{source}/tools/squelch-hook", f"{folder}/usr/sbin/squelch-hook")
    with open(f"{source}/pkg/squelch.service") as fh:
        put(folder, "etc/systemd/system/squelch.service", fh.read())
    put(folder, "etc/systemd/system/squelch.service.d/lab.conf", f"[Service]\nWatchdogSec={WATCHDOG_S}\nStandardError=append:{STDERR}\n")
    put(folder, "etc/systemd/system/lab.target", "[Unit]\nDescription=lab\nDefaultDependencies=no\n")
    put(folder, "etc/squelch/squelch.rules", "block media\n")
    with open("/etc/passwd") as fh:
        users = fh.read()
    if "\nsquelch:" not in users:
        put(folder, "etc/passwd", users + "squelch:x:987:987::/nonexistent:/usr/sbin/nologin\n")
        with open("/etc/group") as fh:
            put(folder, "etc/group", fh.read() + "squelch:x:987:\n")


class Machine:
    """A booted system."""

    def __init__(self, folder, squelch, source):
        self.log = os.path.join(folder, "console")
        self.cgroup = os.path.join(next(c for c in CGROUPS if os.path.exists(f"{c}/cgroup.procs")), f"squelch-lab-{os.getpid()}")
        os.mkdir(self.cgroup)
        os.makedirs(f"{folder}/files")
        os.makedirs(f"{folder}/root")
        files(f"{folder}/files", squelch, source)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["sh", "-c", 'echo 0 > "$1/cgroup.procs"; shift; exec unshare --fork --kill-child --pid --mount --net --uts --ipc --cgroup sh -c "$@"', "sh",
                 self.cgroup, BOOT, "sh", f"{folder}/root", f"{folder}/files"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self.init = None

    def said(self):
        with open(self.log, errors="replace") as fh:
            return fh.read()

    def boot(self):
        def there():
            if self.process.poll() is not None:
                raise Failed(f"systemd does not boot: {self.said()[-600:]}")
            with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as fh:
                children = fh.read().split()
            if not children:
                return False
            with open(f"/proc/{children[0]}/comm") as fh:
                if fh.read().strip() != "systemd":
                    return False
            self.init = children[0]
            return self.run("systemctl", "is-active", "lab.target", check=False).strip() == "active"
        wait("systemd", BOOT_S, there)

    def run(self, *argv, check=True):
        return sh("nsenter", "-t", self.init, "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w", *argv, check=check, timeout=60)

    def show(self, name):
        return self.run("systemctl", "show", "-P", name, "squelch").strip()

    def queues(self):
        return len(self.run("cat", "/proc/net/netfilter/nfnetlink_queue").splitlines())

    def rules(self):
        return self.run("iptables-save").count("SQUELCH_")

    def close(self):
        if self.init:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(self.init), signal.SIGKILL)  # of a namespace's process 1: all of it ends
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for _ in range(50):
            try:
                for path, _, _ in os.walk(self.cgroup, topdown=False):
                    os.rmdir(path)
                return
            except OSError:
                time.sleep(0.1)


def check(what, ok, more=""):
    print(f"{'ok    ' if ok else 'FAILED'} {what}{': ' if more else ''}{more}", flush=True)
    return not ok


def life(m):
    failed = 0
    m.run("systemctl", "start", "squelch")
    failed += check("started: ready when the queues are bound", m.show("ActiveState") == "active" and m.queues() == 4 and m.rules() > 0,
                    f"{m.show('ActiveState')}, {m.queues()} queues, {m.rules()} rules and chains")
    child = m.run("sh", "-c", "ps -o user= -C squelch | sort | uniq -c").split()
    failed += check("worker has a user of its own", "squelch" in child, " ".join(child))
    failed += check("control socket", "flows" in m.run("squelch", "ctl", "--socket", "/run/squelch/ctl", "stats"))
    first = m.show("MainPID")
    m.run("systemctl", "reload", "squelch")
    failed += check("reload", m.show("ActiveState") == "active" and m.show("MainPID") == first)
    m.run("sh", "-c", "echo 'block nothing at all' > /etc/squelch/squelch.rules")
    m.run("systemctl", "reload", "squelch", check=False)
    failed += check("reload of wrong rules: the old ones stay", m.show("ActiveState") == "active" and m.queues() == 4)
    m.run("sh", "-c", "echo 'block media' > /etc/squelch/squelch.rules")
    began = time.monotonic()
    m.run("kill", "-STOP", m.show("MainPID"))
    wait("another process", START_S, lambda: m.show("MainPID") not in (first, "0") and m.show("ActiveState") == "active")
    failed += check("hung: the watchdog starts it anew", m.queues() == 4 and m.show("NRestarts") == "1",
                    f"after {time.monotonic() - began:.1f} s, watchdog {WATCHDOG_S} s")
    again = m.show("MainPID")
    m.run("kill", "-KILL", again)
    wait("another process", START_S, lambda: m.show("MainPID") not in (again, "0") and m.show("ActiveState") == "active")
    failed += check("killed: started anew", m.queues() == 4)
    m.run("systemctl", "stop", "squelch")
    failed += check("stopped: no queue, no rule left", m.queues() == 0 and m.rules() == 0 and m.show("Result") == "success",
                    m.show("Result"))
    said = m.run("cat", STDERR)
    failed += check("nothing that the unit hides is missed", "No such file" not in said and "Permission denied" not in said
                    and "not permitted" not in said and "not counted" not in said, said[-300:].strip().replace("\n", " / "))
    return failed


def main():
    squelch, source = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    missing = lacks()
    if missing:
        print(f"skipped: {missing}")
        return SKIP
    with tempfile.TemporaryDirectory(prefix="squelch-lab-") as folder:
        m = Machine(folder, squelch, source)
        try:
            m.boot()
            print(re.sub(r"\s+", " ", m.run("systemctl", "--version"))[:60] + f", process {m.run('cat', '/proc/1/comm').strip()} is 1")
            return 1 if life(m) else 0
        except Failed as e:
            print(f"FAILED {e}")
            if m.init:
                print(m.run("systemctl", "status", "--no-pager", "-n", "20", "squelch", check=False))
            print(m.said()[-3000:])
            return 1
        finally:
            m.close()


if __name__ == "__main__":
    sys.exit(main())
