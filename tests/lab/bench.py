#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test bench: labelled captures of calls and of everything else, clean and impaired.

    bench.py list [--only REGEX]                 what there is, and what this machine lacks for it
    bench.py make DIR [--only REGEX] [--jobs N] [--again]
                                                 runs what is missing in DIR/clean, then impairs and labels
    bench.py impair DIR [--only REGEX] [--jobs N]   DIR/impaired anew, and the labels
    bench.py labels DIR                          DIR/labels.tsv, and DIR/pcaps with a link to every capture
    bench.py small DIR [--into pcaps/bench] [--only REGEX]   the few that the repository keeps: 20 s, headers, packed

Runs need root (namespaces); impairing and generating do not. Each program runs
in namespaces of its own for half a minute (LAB_BENCH_SECONDS; games and other
clocks longer) and is captured
on the client's side of the gateway, headers and a few bytes of payload, offloads
off. tools/impair (--impair PATH) then makes what an access network would have
made of it, seeded by the capture's name. labels.tsv has the columns of score.py
and more: kind, program, codec, impairment, half (programs the constants are
calibrated on, and those they are checked on), how (run, or generated), notes.
"""
import argparse
import concurrent.futures
import csv
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import time
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import world  # noqa: E402
import bench_media  # noqa: E402
import bench_table  # noqa: E402
import pcapfile  # noqa: E402
from run import find  # noqa: E402

LIMIT_S = 300  # a program's run takes at most
LEAST_HZ = 5   # packets of the busiest flow of whatever has a clock
PROFILES = ("wired", "wifi", "wifi-bad", "lte", "satellite", "lossy", "drift")
COLUMNS = ("pcap proto ip_a port_a ip_b port_b packets label app kind program codec impairment half how "
           "packets_up packets_down seconds notes").split()


def lacks(entry):
    return [p for p in entry.needs if not find(p)]


def seed_of(name):
    return zlib.crc32(name.encode())


# -- making

def capture(entry, path, voices):
    """One program's run, in this process."""
    with world.world({"client": (entry.link, seed_of(entry.name))} if entry.link else None) as lab:
        lab.voices, lab.seed = voices, seed_of(entry.name)
        bench_media.TALK_S = entry.seconds or bench_media.TALK_S
        if entry.kind in ("voice", "video"):
            bench_media.voices(lab)  # spoken before the call
        with lab.capture(lab.path("capture.pcap"), snaplen=entry.snaplen):
            entry.make(lab)
        if entry.kind != "ordinary":
            most = max((sum(c.packets for c in counts) for counts in pcapfile.flows(lab.path("capture.pcap")).values()), default=0)
            if most < LEAST_HZ * bench_media.TALK_S:
                raise world.LabError(f"{most} packets in {bench_media.TALK_S:.0f} s: nobody spoke or played")
        shutil.move(lab.path("capture.pcap"), path)


def generate(entry, path, voices):
    writer = pcapfile.Writer(path + ".new")
    entry.make(writer, voices)
    writer.close()
    os.rename(path + ".new", path)


def one(entry, path, voices):
    """A run of its own process: whatever it leaves behind ends with it."""
    argv = [sys.executable, os.path.abspath(__file__), "one", entry.name, path, voices]
    done = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        said, _ = done.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        done.terminate()
        said, _ = done.communicate()
        return f"not done after {LIMIT_S} s"
    return None if done.returncode == 0 else said.strip().splitlines()[-1] if said.strip() else "failed"


def make(entry, folder):
    path = os.path.join(folder, "clean", entry.name + ".pcap")
    began = time.monotonic()
    if entry.how == "generated":
        try:
            generate(entry, path, os.path.join(folder, "voices"))
            error = None
        except world.LabError as e:
            error = str(e)
    else:
        error = one(entry, path, os.path.join(folder, "voices"))
    print(f"{entry.name:32} {time.monotonic() - began:6.1f} s  {error or 'ok'}", flush=True)
    return error is None


def impair(program, entry, folder):
    clean = os.path.join(folder, "clean", entry.name + ".pcap")
    for profile in PROFILES if entry.profiles is None else entry.profiles:
        to = os.path.join(folder, "impaired", f"{entry.name}.{profile}.pcap")
        if os.path.exists(to) and os.path.getmtime(to) >= os.path.getmtime(clean):
            continue
        subprocess.run([program, "pcap", "--seed", str(seed_of(f"{entry.name} {profile}")), profile, clean, to + ".new"], check=True)
        os.rename(to + ".new", to)


# -- labels

def flows_of(path):
    """As pcapfile.flows has it; read once and kept beside the capture."""
    kept = path + ".flows"
    if not os.path.exists(kept) or os.path.getmtime(kept) < os.path.getmtime(path):
        with open(f"{kept}.{os.getpid()}", "w") as fh:
            json.dump(list(pcapfile.flows(path).items()), fh)
        os.rename(f"{kept}.{os.getpid()}", kept)
    with open(kept) as fh:
        return {pcapfile.Flow(*flow): [pcapfile.Count(*c) for c in counts] for flow, counts in json.load(fh)}


def rows_of(task):
    """Label rows of one capture."""
    folder, where, file, name, impairment = task
    entry = bench_table.BY_NAME[name]
    rows = []
    flows = flows_of(os.path.join(folder, where, file))
    busiest = max(flows, key=lambda f: sum(c.packets for c in flows[f]), default=None)
    for flow, (up, down) in flows.items():
        label, app = entry.label(flow, flow == busiest)
        seconds = max(up.last, down.last) - min(up.first, down.first)
        rows.append([file, *map(str, flow), up.packets + down.packets, label, app, entry.kind, entry.program, entry.codec,
                     entry.link or impairment, entry.half, entry.how, up.packets, down.packets, f"{seconds:.1f}", entry.notes])
    return rows


def write_labels(folder, rows):
    path = os.path.join(folder, "labels.tsv")
    with open(f"{path}.{os.getpid()}", "w", newline="") as fh:
        out = csv.writer(fh, delimiter="\t", lineterminator="\n")
        out.writerow(COLUMNS)
        out.writerows(rows)
    os.rename(f"{path}.{os.getpid()}", path)


def label(folder, jobs):
    tasks = []
    for where in ("clean", "impaired"):
        for file in sorted(os.listdir(os.path.join(folder, where))):
            name, _, impairment = file.removesuffix(".pcap").partition(".") if where == "impaired" else \
                (file.removesuffix(".pcap"), "", "clean")
            if file.endswith(".pcap") and name in bench_table.BY_NAME:
                tasks.append((folder, where, file, name, impairment))
    with concurrent.futures.ProcessPoolExecutor(jobs) as pool:
        rows = [r for rs in pool.map(rows_of, tasks, chunksize=8) for r in rs]
    write_labels(folder, rows)
    links = os.path.join(folder, "pcaps")
    os.makedirs(links, exist_ok=True)
    for _, where, file, _, _ in tasks:
        if not os.path.lexists(os.path.join(links, file)):
            os.symlink(f"../{where}/{file}", os.path.join(links, file))
    summary(rows)


def summary(rows):
    """What the issue asks for: media flows, and hours of clocked negatives, a half each."""
    print(f"{'half':10} {'label':10} {'flows':>6} {'hours':>7} {'programs':>8}")
    found = {}
    for r in rows:
        row = dict(zip(COLUMNS, r))
        if row["label"] in ("media", "other"):
            found.setdefault((row["half"], row["label"]), []).append(row)
    for (half, what), some in sorted(found.items()):
        print(f"{half:10} {what:10} {len(some):6} {sum(float(r['seconds']) for r in some) / 3600:7.2f} "
              f"{len({r['program'] for r in some}):8}")
    clocked_rows = [r for rs in found.values() for r in rs if r["kind"] == "clocked" and r["label"] == "other"]
    for how in ("run", "generated"):
        hours = sum(float(r["seconds"]) for r in clocked_rows if r["how"] == how) / 3600
        print(f"clocked negatives, {how}: {hours:.2f} h, "
              f"{sum(float(r['seconds']) for r in clocked_rows if r['how'] == how and r['impairment'] == 'clean') / 3600:.2f} h of them clean")


# -- the small set of the repository

SMALL_S = 20     # seconds kept of a capture
LEAD_S = 0.5     # of them before its busiest flow begins
PAYLOAD = 12     # bytes kept of a payload: cadence reads none, but a datagram cut to nothing is not looked at
IP_HEADER = {4: 20, 6: 40}
UDP_HEADER = 8


STREAM_S = 18    # of what goes over TCP, of which whole packets are kept: lengths of records stand anywhere in them


def shorten(path, to):
    """The first seconds of the busiest flow and what else there is then; headers only, but of TCP."""
    flows = flows_of(path)
    busiest = max(flows, key=lambda f: sum(c.packets for c in flows[f]))
    begin = min(c.first for c in flows[busiest]) - LEAD_S
    whole = busiest.proto == "tcp"
    end = begin + (STREAM_S if whole else SMALL_S)
    with open(path, "rb") as fh, open(to, "wb") as out:
        head = fh.read(24)
        out.write(head)
        unit = 1e-9 if struct.unpack_from("<I", head)[0] == pcapfile.NSEC else 1e-6
        while len(h := fh.read(16)) == 16:
            sec, frac, caplen, length = struct.unpack("<IIII", h)
            data = fh.read(caplen)
            if begin <= sec + frac * unit <= end:
                version = data[pcapfile.ETHER_LEN] >> 4 if caplen > pcapfile.ETHER_LEN else 0
                keep = caplen if whole else pcapfile.ETHER_LEN + IP_HEADER.get(version, 40) + UDP_HEADER + PAYLOAD
                out.write(struct.pack("<IIII", sec, frac, min(keep, caplen), length) + data[:keep])


def labels_there(folder):
    path = os.path.join(folder, "labels.tsv")
    if not os.path.exists(path):
        return []
    with open(path, newline="") as fh:
        return list(csv.reader(fh, delimiter="\t"))[1:]


def cmd_small(options):
    """bench.py small DIR --into pcaps/bench"""
    os.makedirs(options.into, exist_ok=True)
    kept, rows = labels_there(options.into), []
    for name, impairment in bench_table.SMALL:
        where, file = ("clean", f"{name}.pcap") if impairment == "clean" else ("impaired", f"{name}.{impairment}.pcap")
        if not re.search(options.only, name):
            rows += [r for r in kept if r[0] == file + ".zst"]
            continue
        to = os.path.join(options.into, file)
        shorten(os.path.join(options.dir, where, file), to)
        rows += [[r[0] + ".zst", *r[1:]] for r in rows_of((options.into, "", file, name, impairment))]
        subprocess.run(["zstd", "-q", "-19", "-f", "--rm", to], check=True)
        os.remove(to + ".flows")
    write_labels(options.into, rows)
    total = sum(os.path.getsize(os.path.join(options.into, f)) for f in os.listdir(options.into))
    print(f"{len(bench_table.SMALL)} captures, {total} bytes")
    return 0


# -- commands

def picked(options):
    return [e for e in bench_table.TABLE if re.search(options.only, e.name)]


def folders(options):
    for name in ("clean", "impaired", "voices"):
        os.makedirs(os.path.join(options.dir, name), exist_ok=True)


def cmd_list(options):
    for e in picked(options):
        missing = lacks(e)
        print(f"{e.name:32} {e.kind:9} {e.half:9} {e.program:14} {e.codec:20} {'no ' + ', '.join(missing) if missing else ''}")
    return 0


def cmd_make(options):
    folders(options)
    wanted = []
    for e in picked(options):
        missing = lacks(e)
        if missing:
            print(f"{e.name:32} skipped: no {', '.join(missing)}")
        elif options.again or not os.path.exists(os.path.join(options.dir, "clean", e.name + ".pcap")):
            wanted.append(e)
    failed = 0
    # Those that need the processor run alone, the others beside each other.
    for some, jobs in (([e for e in wanted if not e.alone], options.jobs), ([e for e in wanted if e.alone], 1)):
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            failed += sum(not ok for ok in pool.map(lambda e: make(e, options.dir), some))
    cmd_impair(options)
    return 1 if failed else 0


def cmd_impair(options):
    folders(options)
    there = [e for e in picked(options) if os.path.exists(os.path.join(options.dir, "clean", e.name + ".pcap"))]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(lambda e: impair(options.impair, e, options.dir), there))
    return cmd_labels(options)


def cmd_labels(options):
    label(options.dir, options.jobs)
    return 0


def cmd_one(name, path, voices):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        capture(bench_table.BY_NAME[name], path, voices)
    except Exception as e:
        if os.environ.get("LAB_TRACE"):
            raise
        print(f"{type(e).__name__}: {e}".replace("\n", " | "))
        return 1
    return 0


def main():
    if sys.argv[1:2] == ["one"]:
        return cmd_one(*sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("list", "make", "impair", "labels", "small"))
    parser.add_argument("dir", nargs="?")
    parser.add_argument("--only", default="", metavar="REGEX")
    parser.add_argument("--into", default=os.path.join(world.TOP, "pcaps", "bench"), metavar="DIR", help="small: where to")
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--again", action="store_true", help="also what is there already")
    parser.add_argument("--impair", default=os.path.join(world.TOP, "build", "tools", "impair", "impair"), metavar="PATH")
    options = parser.parse_args()
    if options.command != "list" and not options.dir:
        parser.error("DIR is missing")
    return {"list": cmd_list, "make": cmd_make, "impair": cmd_impair, "labels": cmd_labels, "small": cmd_small}[options.command](options)


if __name__ == "__main__":
    sys.exit(main())
