#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deletes every detector row, evidence group and bound in turn, and tells which test misses it.

    delete_rows.py [--source DIR] [--work DIR] [--jobs N] [--only REGEX] [--list]

Works on a copy of the tree. Each deletion is built and the tests are run: first
those that its name leads to, then all others. A deletion no test misses is
printed as NOBODY, and the exit code is 1. A deletion that no longer fits the
code (the text is gone) is STALE, also a failure. Takes an hour; run it by hand.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import time

SUITES = r"^(unit\.|scenario\.|pcaps\.)"
TEST_S = 60
SHOWN = 3  # failing tests named for a deletion

# Detectors whose tests are called otherwise: a regular expression on names of tests.
ROW_TESTS = {
    "ice": r"unit\.test_(ice|dtls)|pcaps\.webrtc", "sip": r"unit\.test_sip$|scenario\.(sip|announced|signalled)",
    "rtp": r"unit\.test_rtp|scenario\.rtp|pcaps\.sip", "dns": r"unit\.test_(dns|names)|scenario\.dns",
    "ndpi": r"unit\.test_(ndpi|app)",
}
GROUP_TESTS = {
    "RTP": ROW_TESTS["rtp"], "ICE": r"unit\.test_ice", "DTLS": r"unit\.test_dtls", "SIGNALLING": r"unit\.test_sip$|scenario\.sip",
    "ANNOUNCED": r"scenario\.(announced|signalled)", "NAME": r"unit\.test_(names|tls|dns|quic)|scenario\.(dns|class)",
    "VENDOR": r"unit\.test_(ice|vendor|skype)", "NDPI": r"unit\.test_(ndpi|judge)", "HISTORY": r"scenario\.redial",
}
# Groups of the enum that no row uses yet.
GROUPS_EMPTY = {"CADENCE"}

# name, file, text (once in the file), what stands there instead, tests that ought to miss it.
BOUNDS = [
    ("ANNOUNCED_BITS", "src/detect/detect.h", "#define ANNOUNCED_BITS 12.0f", "#define ANNOUNCED_BITS 24.0f",
     r"scenario\.announced|unit\.test_sip$"),
    ("UNVERIFIED_BITS", "src/detect/detect.c", "if (!d->verified && bits > UNVERIFIED_BITS)", "if (false)", r"unit\.test_(bounds|detect)"),
    ("cap_bits", "src/detect/detect.c", "if (d->cap_bits > 0 && bits > d->cap_bits)", "if (false)", r"unit\.test_(bounds|judge)"),
    ("EVIDENCE_MAX", "src/detect/detect.c", "if (w->n_evidence == EVIDENCE_MAX)", "if (false)", r"unit\.test_bounds"),
    ("DEPTH_MAX", "src/detect/detect.c", "|| l->depth == DEPTH_MAX", "", r"unit\.test_(bounds|ice)"),
    ("STREAM_TRIES", "src/detect/detect.c", "#define STREAM_TRIES 4", "#define STREAM_TRIES 1000000", r"unit\.test_(bounds|sip)"),
    ("STREAM_STEPS", "src/detect/detect.c", "|| step == STREAM_STEPS", "", r"unit\.test_bounds"),
    ("give_up_after", "src/detect/detect.c", "f->alive &= ~(1u << i);\n}\n\n#define GIVE_UP", "(void)f;\n}\n\n#define GIVE_UP", r"unit\.test_(bounds|sip)"),
    ("STREAM_BYTES_MAX", "src/flow/stream.h", "#define STREAM_BYTES_MAX 16384", "#define STREAM_BYTES_MAX (1 << 24)", r"unit\.test_(bounds|flow|sip)"),
    ("STREAM_RANGES", "src/flow/stream.c", "|| s->n_early == STREAM_RANGES", "", r"unit\.test_(bounds|flow|engine)"),
    ("budget in all", "src/flow/budget.c", "if (b->used + size > b->total)", "if (false)", r"unit\.test_(bounds|flow|engine)"),
    ("budget per host", "src/flow/budget.c", "if (p->used + size > b->per_host ||", "if (", r"unit\.test_(bounds|flow)"),
    ("max_facts_per_host", "src/flow/facts.c", "if (f->hosts[h].facts.n >= f->max_per_host)", "if (false)", r"unit\.test_(bounds|flow)"),
    ("facts of others stay", "src/flow/facts.c", "\tif (f->hosts[h].facts.n == 0)\n\t\treturn false;",
     "\tif (f->hosts[h].facts.n == 0) {\n\t\tforget(f, f->all.oldest);\n\t\treturn true;\n\t}", r"unit\.test_(bounds|flow)"),
    ("facts expire", "src/flow/facts.c", "out->expires_ns > mono_ns;", "mono_ns != 1;", r"unit\.test_(bounds|flow)"),
    ("facts end with the file", "src/engine/engine.c", "\tfacts_clear(e->facts);\n", "", r"unit\.test_(engine|epoch)|scenario\.two"),
    ("common ports", "src/flow/facts.h", "return port == 53 || port == 80 || port == 443;", "return port == 0;",
     r"scenario\.(announced|names|poison)|unit\.test_sip$"),
    ("max_flows", "src/flow/table.c", "if (t->n >= t->max_flows) {", "if (false) {", r"unit\.test_(flow|bounds|engine)"),
    ("eviction order", "src/flow/table.c", "for (unsigned w = 0; w < WORTHS; w++) {\n\t\tfor (unsigned tries",
     "for (unsigned w = WORTHS; w-- > 0;) {\n\t\tfor (unsigned tries", r"unit\.test_(flow|bounds|engine)"),
    ("WORTH_CALL stays", "src/flow/table.c", "(tries == EVICT_TRIES && w != WORTH_CALL)", "tries == EVICT_TRIES", r"unit\.test_(flow|bounds|engine)"),
    ("HEADERS_MAX", "src/packet/packet.c", "if (i == HEADERS_MAX)", "if (i > 100000)", r"unit\.test_packet"),
    ("TUNNEL_MAX", "src/packet/tunnel.c", "if (pkt->n_tunnel == TUNNEL_MAX) {", "if (pkt->n_tunnel == 200) {", r"unit\.test_packet"),
    ("VLAN_MAX", "src/packet/link.c", "&& pkt->n_vlan < VLAN_MAX", "", r"unit\.test_packet"),
    ("FRAG_TIMEOUT_NS", "src/packet/frag.c", "(30 * NS_PER_S)", "(30000 * NS_PER_S)", r"unit\.test_frags"),
    ("FRAG_BUCKET_SHARE", "src/packet/frag.c", "fs->budget / FRAG_BUCKET_SHARE", "fs->budget", r"unit\.test_frags"),
    ("FRAG_BUCKET_MAX", "src/packet/frag.c", "if (b->n == FRAG_BUCKET_MAX)", "if (false)", r"unit\.test_frags"),
    ("FRAG_PIECES_MAX", "src/packet/frag.c", "#define FRAG_PIECES_MAX   128", "#define FRAG_PIECES_MAX   100000", r"unit\.test_frags"),
    ("FRAG_DATA_MAX", "src/packet/frag.c", "|| end > FRAG_DATA_MAX", "", r"unit\.test_frags"),
    ("BITS_ONE_WAY_MAX", "src/detect/rtp.c", "#define BITS_ONE_WAY_MAX 12.0f", "#define BITS_ONE_WAY_MAX 99.0f", r"unit\.test_rtp|scenario\.rtp"),
    ("RTP streams", "src/detect/rtp.c", "if (st->n[l->dir] < STREAMS)", "if (true)", r"unit\.test_rtp"),
    ("LONE_BITS", "src/detect/sip.c", "if (lone && bits > LONE_BITS)", "if (false)", r"unit\.test_sip$"),
    ("SIP HEAD_MAX", "src/detect/sip.c", "#define HEAD_MAX        8192", "#define HEAD_MAX        10000000", r"unit\.test_sip$"),
    ("SIP SKIP_MAX", "src/detect/sip.c", "|| total - l->len > SKIP_MAX", "", r"unit\.test_sip$"),
    ("DTLS HELLO_MAX", "src/detect/dtls.c", "if (total > HELLO_MAX || offset", "if (offset", r"unit\.test_dtls"),
    ("DNS POINTERS_MAX", "src/detect/dns.c", "|| ++jumps > POINTERS_MAX", "", r"unit\.test_dns"),
    ("DNS ANSWERS_MAX", "src/detect/dns.c", "&& i < ANSWERS_MAX", "", r"unit\.test_dns"),
    ("STUN_ATTRIBUTES", "src/detect/stun.c", "if (m->n == STUN_ATTRIBUTES) {", "if (false) {", r"unit\.test_ice"),
    ("VOIP_EVENTS_MAX", "src/engine/emit.c", "#define VOIP_EVENTS_MAX 8", "#define VOIP_EVENTS_MAX 250", r"scenario|unit\.test_(bounds|engine)"),
    ("ALERTS_MAX", "src/policy/match.c", "if (v.n_alerts < ALERTS_MAX)", "if (true)", r"scenario\.rule-alert|unit\.test_policy$"),
    ("ITEMS_MAX", "src/policy/parse.h", "#define ITEMS_MAX 100000", "#define ITEMS_MAX 100000000", r"unit\.test_policy"),
    ("THRESHOLDS_MAX", "src/policy/rule.c", "if (policy->n_thresholds == THRESHOLDS_MAX) {", "if (false) {", r"unit\.test_policy"),
    ("time clamped", "src/engine/engine.c", "\t\tframe->mono_ns = e->mono_ns;\n\t}\n", "\t}\n", r"scenario\.time-back|unit\.test_engine"),
    ("CALLS_MAX", "src/event/calls.c", "if (cs->n == CALLS_MAX && !make_room(cs, ev->wall_ns))", "if (false)", r"unit\.test_calls"),
    ("CALL_FLOWS_MAX", "src/event/calls.c", "if (c->n_flow == CALL_FLOWS_MAX || (f", "if ((f", r"unit\.test_calls"),
]


class Deletion:
    def __init__(self, kind, name, path, edit, tests):
        self.kind, self.name, self.path, self.edit, self.tests = kind, name, path, edit, tests


def once(old, new):
    def edit(text):
        return text.replace(old, new) if text.count(old) == 1 else None
    return edit


def row_deletions(source):
    """A deletion for each `{ .name = ... },` of the table; told apart by their number, for names repeat."""
    path = "src/detect/table.c"
    with open(os.path.join(source, path)) as fh:
        text = fh.read()
    for m in re.finditer(r'^\t\{ \.name = "(\w+)", \.about = "([^"]*)".*?\},\n', text, re.M | re.S):
        yield Deletion("row", f"{m[1]}: {m[2]}", path, once(m[0], ""),
                       ROW_TESTS.get(m[1], rf"unit\.test_{m[1]}|scenario\.{m[1]}"))


def group_deletions(source):
    """The judge passes over a group."""
    with open(os.path.join(source, "src/detect/detect.h")) as fh:
        groups = re.findall(r"^\tGROUP_(\w+),", fh.read(), re.M)
    for g in groups:
        if g in GROUPS_EMPTY:
            continue
        # Names are taken from evidence too: the whole of it goes.
        yield Deletion("group", g, "src/detect/detect.c", once("\tif (w == NULL)\n\t\treturn;\n\tfor (unsigned i = 0; i < w->n_evidence && e == NULL",
                       f"\tif (w == NULL || row->group == GROUP_{g})\n\t\treturn;\n\tfor (unsigned i = 0; i < w->n_evidence && e == NULL"),
                       GROUP_TESTS.get(g, "^$"))


def deletions(source):
    yield from row_deletions(source)
    yield from group_deletions(source)
    for name, path, old, new, tests in BOUNDS:
        yield Deletion("bound", name, path, once(old, new), tests)


def run(argv, **options):
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", **options)


class Tree:
    def __init__(self, source, work, jobs):
        self.source, self.build, self.jobs = os.path.join(work, "tree"), os.path.join(work, "build"), str(jobs)
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(source, self.source, ignore=shutil.ignore_patterns(".git", "build*"))
        # Writes past a bound must be seen: arrays are checked, the rest stays fast.
        flags = "-fsanitize=bounds -fno-sanitize-recover=bounds -Wno-unused -Wno-type-limits"
        done = run(["cmake", "-S", self.source, "-B", self.build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug",
                    f"-DCMAKE_C_FLAGS={flags}", "-DPython3_EXECUTABLE=/usr/bin/python3"])
        if done.returncode != 0:
            sys.exit(done.stdout)

    def make(self, targets=()):
        return run(["cmake", "--build", self.build, "-j", self.jobs, *(["--target", *targets] if targets else [])])

    def tests(self, pattern):
        """Names of the tests that fail, of those that match; stops early when there are enough."""
        done = run(["ctest", "--test-dir", self.build, "-j", self.jobs, "-R", pattern, "--timeout", str(TEST_S)])
        return re.findall(r"^\s*\d+ - (\S+) \(", done.stdout, re.M)

    def names(self, pattern):
        done = run(["ctest", "--test-dir", self.build, "-N", "-R", pattern])
        return re.findall(r"Test +#\d+: (\S+)", done.stdout)


def exact(names):
    return "^(" + "|".join(re.escape(n) for n in names) + ")$"


def targets_of(names):
    return sorted({n[len("unit."):] if n.startswith("unit.") else "squelch" for n in names})


def try_one(tree, d, sound):
    """(verdict, detail) of one deletion."""
    path = os.path.join(tree.source, d.path)
    with open(path) as fh:
        before = fh.read()
    after = d.edit(before)
    if after is None:
        return "STALE", f"{d.path} has changed"
    try:
        with open(path, "w") as fh:
            fh.write(after)
        near = [n for n in sound if re.search(d.tests, n)]
        for names in (near, [n for n in sound if n not in near]):
            if not names:
                continue
            built = tree.make(targets_of(names))
            if built.returncode != 0:
                error = re.search(r"error: (.*)", built.stdout)
                return "missed", "does not build: " + (error[1] if error else "?")
            failed = tree.tests(exact(names))
            if failed:
                return "missed", ", ".join(failed[:SHOWN]) + (f" and {len(failed) - SHOWN} more" if len(failed) > SHOWN else "")
        return "NOBODY", "no test fails"
    finally:
        with open(path, "w") as fh:
            fh.write(before)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--source", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
    ap.add_argument("--work", default="/tmp/squelch-rows")
    ap.add_argument("--jobs", type=int, default=2)
    ap.add_argument("--only", default="", help="only deletions whose kind and name match")
    ap.add_argument("--list", action="store_true")
    args = ap.parse_args()
    todo = [d for d in deletions(args.source) if re.search(args.only, f"{d.kind} {d.name}")]
    if args.list:
        for d in todo:
            print(f"{d.kind:6} {d.name}")
        return 0
    tree = Tree(args.source, args.work, args.jobs)
    built = tree.make()
    if built.returncode != 0:
        sys.exit(built.stdout[-3000:])
    names = tree.names(SUITES)
    broken = tree.tests(exact(names))
    for name in broken:
        print(f"left out, fails already: {name}")
    sound = [n for n in names if n not in broken]
    bad = 0
    for d in todo:
        begun = time.monotonic()
        verdict, detail = try_one(tree, d, sound)
        bad += verdict != "missed"
        print(f"{verdict:7} {d.kind:6} {d.name:60} {detail} ({time.monotonic() - begun:.0f} s)", flush=True)
    print(f"{len(todo)} deletions, {bad} not missed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
