#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""rewrite.py IMPAIR TOP: `impair pcap` on a capture made here: stamps, losses, directions, seeds."""
import os
import statistics
import subprocess
import sys
import tempfile

impair, top = sys.argv[1:3]
sys.path.insert(0, os.path.join(top, "tools", "lab"))
sys.dont_write_bytecode = True

import pcapfile  # noqa: E402
from net import CLIENT4, SERVER4  # noqa: E402

N, GAP_S = 6000, 0.02
BEGIN = 1_700_000_000


def run(folder, name, *options):
    path = os.path.join(folder, name)
    subprocess.run([impair, "pcap", *options, os.path.join(folder, "in.pcap"), path], check=True)
    return path


def read(path):
    """{(way, number): seconds}, and whether stamps only rise."""
    found, last, rising = {}, 0, True
    for t, _length, _link, data in pcapfile.packets(path):
        way = 0 if data[26:30] == bytes(map(int, CLIENT4.split("."))) else 1
        found[way, int.from_bytes(data[42:46], "big")] = t
        rising, last = rising and t >= last, t
    return found, rising


def check(what, ok):
    print(f"{'ok  ' if ok else 'FAIL'} {what}")
    return not ok


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        w = pcapfile.Writer(os.path.join(folder, "in.pcap"))
        for i in range(N):
            for way, ends in enumerate(((CLIENT4, 4000, SERVER4, 5000), (SERVER4, 5000, CLIENT4, 4000))):
                w.udp(BEGIN + i * GAP_S + 0.007 * way, *ends, 160, i.to_bytes(4, "big"))
        w.close()
        before, _ = read(os.path.join(folder, "in.pcap"))

        a, b, c = (run(folder, n, "--seed", s, "wifi") for n, s in (("a", "5"), ("b", "5"), ("c", "6")))
        bytes_of = [open(p, "rb").read() for p in (a, b, c)]
        failed += check("the same seed gives the same file", bytes_of[0] == bytes_of[1])
        failed += check("another seed gives another", bytes_of[0] != bytes_of[2])
        failed += check("stamps rise", read(a)[1] and read(run(folder, "r", "lossy"))[1])
        failed += check("none is what it was", read(run(folder, "n", "none"))[0] == before)

        after, _ = read(run(folder, "s", "satellite/none"))
        up = [after[k] - before[k] for k in after if k[0] == 0]
        down = [after[k] - before[k] for k in after if k[0] == 1]
        mean, sd = statistics.mean(up), statistics.pstdev(up)
        # Over two minutes the wander has 400 time constants: 20 / sqrt(200) ms of error in the mean.
        failed += check(f"up: mean {mean * 1e3:.1f} ms, sd {sd * 1e3:.1f} ms", 0.296 < mean < 0.308 and 0.017 < sd < 0.023)
        failed += check("down: untouched", max(map(abs, down)) < 1e-6 and len(down) == N)

        after, _ = read(run(folder, "l", "--set", "loss=0.1,burst=4", "none"))
        lost = 1 - len(after) / (2 * N)
        failed += check(f"lost {lost:.3f} of 0.1", abs(lost - 0.1) < 0.025)

        after, _ = read(run(folder, "d", "--set", "drift_ppm=200", "none"))
        drift = [((after[w, N - 1] - after[w, 0]) / (before[w, N - 1] - before[w, 0]) - 1) * 1e6 for w in (0, 1)]
        failed += check(f"drift {drift[0]:.1f} and {drift[1]:.1f} ppm", abs(drift[0] - 200) < 1 and abs(drift[1] + 200) < 1)

        cut = run(folder, "x", "--snaplen", "43", "none")
        failed += check("cut to 43 bytes, lengths kept",
                        all(len(d) == 43 and n == 202 for _, n, _, d in pcapfile.packets(cut)))
    return 1 if failed else 0


sys.exit(main())
