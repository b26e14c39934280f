#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of a `squelch watch`: signals, rotated files, rules that change and are wrong, control, lost interfaces.

    watch_lives.py SQUELCH SOURCE_DIR

Exit code 77: something this needs is not there.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import watch_equals_read as lab  # noqa: E402

problems = []


def demand(true, what):
    if not true:
        problems.append(what)
        print("wrong:", what, flush=True)


class Watch:
    """A running watch with its files in a folder of its own."""

    def __init__(self, squelch, bench, folder, fars, *options):
        self.squelch = squelch
        self.eve, self.rules, self.ctl = (os.path.join(folder, n) for n in ("eve.json", "rules", "ctl"))
        self.set_rules('alert media reason "first"\n')
        self.process = bench.start(bench.far, squelch, "watch", "-i", ",".join(fars), "-R", self.rules, "--buffer", "16",
                                   "--eve", self.eve, "--ctl", self.ctl, *options, stderr=subprocess.PIPE)
        lab.wait_for("watch", lambda: lab.size(self.eve) > 0)

    def set_rules(self, text):
        with open(self.rules, "w") as fh:
            fh.write(text)

    def ask(self, *words):
        done = subprocess.run([self.squelch, "ctl", "-s", self.ctl, *words], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=lab.LIMIT_S, text=True)
        return done.returncode, done.stdout, done.stderr

    def packets(self):
        """As counted so far."""
        found = re.search(r"^packets +(\d+)", self.ask("stats")[1], re.M)
        return found.group(1) if found else None

    def hang_up(self):
        self.process.send_signal(signal.SIGHUP)

    def events(self, path=None):
        with open(path or self.eve) as fh:
            return [json.loads(line) for line in fh]


def of_type(events, name):
    return [e for e in events if e["event_type"] == name]


def replay(w, bench, pcap, near, *speed):
    done = bench.start(bench.near, "tcpreplay", "-q", *speed, "-i", near, pcap, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    demand(done.wait(timeout=lab.LIMIT_S) == 0, "tcpreplay")
    before, now = None, w.packets()
    while before != now or before == "0":  # what waits in its buffers is counted too, on a busy machine later
        time.sleep(lab.SETTLE_S)
        before, now = now, w.packets()


def control_and_rules(squelch, source, bench, folder):
    pcap = os.path.join(source, "pcaps", "sip-g711.pcap")
    near, far = bench.wire()
    w = Watch(squelch, bench, folder, [far], "--stats", "1")
    replay(w, bench, pcap, near, "-x", "5")
    code, out, _ = w.ask("calls")
    demand(code == 0 and len(out.splitlines()) == 2, f"one call is alive: {out}")
    call = out.splitlines()[-1].split()[0]
    demand(re.fullmatch("c-[0-9a-f]{8}", call), f"a call has an id: {call}")
    demand("alert" in out and "first" in out, f"the call has its verdict: {out}")
    code, out, _ = w.ask("flows")
    demand(code == 0 and " media " in out, f"its flow is listed: {out}")
    code, _, err = w.ask("kill", call)
    demand(code == 5 and "not enforced" in err, f"watch cuts nothing: {code} {err}")
    code, out, _ = w.ask("stats")
    demand(re.search(r"^packets +723 ", out, re.M), f"723 packets: {out[:100]}")

    w.set_rules("block media of\n")
    code, _, _ = w.ask("reload")
    demand(code == 5, "wrong rules are refused")
    w.set_rules('block media reason "second"\n')
    os.rename(w.eve, w.eve + ".1")
    w.hang_up()
    lab.wait_for("the new file", lambda: lab.size(w.eve) > 0)
    code, out, _ = w.ask("calls")
    demand("drop" in out and "second" in out, f"the live call is judged by the new rules: {out}")

    code, err = lab.end(w.process)
    demand(code == 0, f"exit code {code}: {err}")
    demand(f"{w.rules}:1:" in err, f"the wrong rules are named: {err}")
    demand(not os.path.exists(w.ctl), "the socket is removed")
    old, new = w.events(w.eve + ".1"), w.events()
    demand(len(of_type(old, "start")) == 1 and not of_type(new, "start"), "one start, in the old file")
    demand(not of_type(old, "stop") and len(of_type(new, "stop")) == 1, "one stop, in the new file")
    demand(any(e["verdict"]["reason"] == "second" for e in of_type(new, "voip")), "the new verdict has an event")
    demand(len(of_type(new, "call")) == 1, "the call is written at the end")
    demand(len(of_type(new, "flow")) > 2, "the flows are written at the end")
    demand(len(of_type(old + new, "stats")) >= 2, "stats come by the second")


def status(pid):
    with open(f"/proc/{pid}/status") as fh:
        return {key: value.split() for key, _, value in (line.partition(":") for line in fh)}


def rights(squelch, source, bench, folder):
    """Who reads packets is not root, has no capability and may become nobody else; root keeps the files."""
    near, far = bench.wire()
    w = Watch(squelch, bench, folder, [far])
    with open(f"/proc/{w.process.pid}/task/{w.process.pid}/children") as fh:
        children = fh.read().split()
    demand(len(children) == 1, f"one process listens: {children}")
    has = status(children[0])
    demand("0" not in has["Uid"] + has["Gid"] + has["Groups"], f"it is not root: {has['Uid']} {has['Gid']} {has['Groups']}")
    demand(all(int(has[k][0], 16) == 0 for k in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")), "it has no capability")
    demand(has["NoNewPrivs"] == ["1"], "it gains none")
    with open(squelch, "rb") as fh:
        sanitized = b"__asan_init" in fh.read()
    demand(sanitized or has["Seccomp"] == ["2"], f"it is in a sandbox: {has['Seccomp']}")
    replay(w, bench, os.path.join(source, "pcaps", "sip-g711.pcap"), near, "-x", "20")
    # The keeper is asked over the socket of a process that could not open either file.
    os.chmod(w.rules, 0o600)
    os.rename(w.eve, w.eve + ".1")
    code, _, err = w.ask("reload")
    demand(code == 0, f"rules that only root may read are read again: {err}")
    demand(lab.size(w.eve) >= 0 and os.path.exists(w.eve), "the file of events is made anew")
    os.kill(int(children[0]), signal.SIGKILL)
    w.process.wait(timeout=lab.LIMIT_S)
    demand(w.process.returncode == 5 and not os.path.exists(w.ctl), f"killed, it is said and cleared up: {w.process.returncode}")


def lost_interfaces(squelch, source, bench, folder):
    pcap = os.path.join(source, "pcaps", "sip-g711.pcap")
    wires = [bench.wire(), bench.wire()]
    w = Watch(squelch, bench, folder, [far for _, far in wires])
    replay(w, bench, pcap, wires[0][0], "-x", "20")
    lab.run("ip", "-n", bench.far, "link", "set", wires[0][1], "down")
    time.sleep(2)
    demand(w.process.poll() is None, "the other interface is watched on")
    replay(w, bench, os.path.join(source, "pcaps", "ntp.pcap"), wires[1][0], "-x", "20")
    lab.run("ip", "-n", bench.far, "link", "del", wires[1][1])
    try:
        _, err = w.process.communicate(timeout=lab.READY_S)
    except subprocess.TimeoutExpired:
        demand(False, "no interface is left, and it goes on")
        lab.end(w.process)
        return
    err = err.decode(errors="replace")
    demand(w.process.returncode == 2, f"exit code {w.process.returncode}, expected 2")
    demand(all(f"{far}: " in err for _, far in wires), f"both are named: {err}")
    events = w.events()
    demand({e.get("in_iface") for e in of_type(events, "flow")} == {far for _, far in wires}, "flows of both are written")
    demand(len(of_type(events, "call")) == 1 and len(of_type(events, "stop")) == 1, "the call and the end are written")


def on_the_screen(squelch, source, bench, folder):
    """Without a file of events people are told: what is decided within a second or two, all at the end."""
    near, far = bench.wire()
    said = os.path.join(folder, "said")
    with open(said, "wb") as out:
        process = bench.start(bench.far, squelch, "watch", "-i", far, "--buffer", "16", stdout=out, stderr=subprocess.PIPE)

    def has(text):
        with open(said) as fh:
            return text in fh.read()
    lab.wait_for("watch", lambda: has("VERDICT"))
    pcap = os.path.join(source, "pcaps", "sip-g711.pcap")
    done = bench.start(bench.near, "tcpreplay", "-q", "-x", "5", "-i", near, pcap, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    demand(done.wait(timeout=lab.LIMIT_S) == 0, "tcpreplay")
    lab.wait_for("a decision", lambda: has(" media "))
    demand(not has("Calls: 1"), "the summary waits for the end")
    code, err = lab.end(process)
    demand(code == 0 and far in err, f"exit code {code}; where it listened: {err}")
    demand(has("  ended ") and has("Calls: 1"), "the call that ended, and the summary")


def wrong_usage(squelch, _source, bench, folder):
    _, far = bench.wire()
    for code, words in ((1, []), (1, ["-i", far, "more"]), (1, ["-i", far, "-F", "nonsense here"]),
                        (1, ["-i", ","]), (2, ["-i", f"{far},nosuch0"]), (1, ["-i", far, "-R", "/nonexistent"]),
                        (1, ["-i", far, "--buffer", "4096"]),
                        (3, ["-i", far, "--eve", os.path.join(folder, "no", "such")]),
                        (3, ["-i", far, "--ctl", os.path.join(folder, "no", "such")])):
        done = bench.start(bench.far, squelch, "watch", *words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        _, err = done.communicate(timeout=lab.READY_S)
        demand(done.returncode == code and err, f"watch {words}: exit code {done.returncode}, expected {code}")


def main():
    squelch, source = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    lacks = [tool for tool in ("ip", "tcpreplay", "sysctl") if shutil.which(tool) is None]
    if os.geteuid() != 0 or lacks:
        print("skipped:", "not root" if os.geteuid() != 0 else "no " + ", ".join(lacks))
        return lab.SKIP
    bench = lab.Bench()
    try:
        bench.__enter__()
    except subprocess.CalledProcessError as e:
        print("skipped: no network namespaces:", e.stderr.decode(errors="replace").strip())
        return lab.SKIP
    try:
        for case in (control_and_rules, rights, on_the_screen, lost_interfaces, wrong_usage):
            with tempfile.TemporaryDirectory() as folder:
                case(squelch, source, bench, folder)
                print(f"{case.__name__}: done", flush=True)
    finally:
        bench.__exit__()
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
