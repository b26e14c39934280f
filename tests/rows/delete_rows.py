#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deletes every detector row, evidence group and bound in turn, changes constants, and tells which test misses it.

    delete_rows.py [--source DIR] [--work DIR] [--jobs N] [--only REGEX] [--near] [--keep] [--table] [--list | --check]

Works on a copy of the tree, into which all deletions are compiled at once, each
behind a condition that an environment variable makes true: one build, then the
tests for each, first those that its name leads to, then all others, until one
fails. A deletion no test misses is printed as NOBODY, one whose text is no
longer in the code as STALE; for both the exit code is 1. Rows come from the
table, groups from detect.h. A constant is not deleted: it has another value. --check only looks whether all texts are there and
all tests that names lead to exist, in a second. --table writes the Markdown of docs/TESTING.md.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import time

SUITES = r"^(unit\.|scenario\.|pcaps\.)"
TEST_S = 600 # a machine that does other things too is slow; a test that waits for ever is no proof of anything
SHOWN = 3  # failing tests named for a deletion

# Detectors whose tests are called otherwise: a regular expression on names of tests.
ROW_TESTS = {
    "ice": r"unit\.test_(ice|dtls)|pcaps\.webrtc", "sip": r"unit\.test_sip$|scenario\.(sip|announced|signalled)",
    "rtp": r"unit\.test_rtp|scenario\.rtp|pcaps\.sip", "dns": r"unit\.test_names|scenario\.(chat|names|poison)",
    "ndpi": r"scenario\.ndpi", "http": r"scenario\.audit", "rtmp": r"unit\.test_rtmp|scenario\.rtmp",
    "skype": r"unit\.test_skype|scenario\.skype", "tunnel": r"unit\.test_tunnel|scenario\.tunnelled",
    "tcp-audio": r"unit\.test_record|scenario\.tcp-(audio|speech)", "redial": r"scenario\.redial",
}
GROUP_TESTS = {
    "RTP": ROW_TESTS["rtp"], "ICE": r"unit\.test_ice", "DTLS": r"unit\.test_dtls", "SIGNALLING": r"unit\.test_sip$|scenario\.sip",
    "ANNOUNCED": r"scenario\.(announced|signalled)", "NAME": r"unit\.test_(names|tls|dns|quic)|scenario\.(dns|class)",
    "VENDOR": r"unit\.test_(ice|vendor|skype)", "NDPI": r"scenario\.ndpi", "HISTORY": r"scenario\.redial", "CADENCE": r"unit\.test_cadence|scenario\.cadence",
    "CADENCE_SIZES": r"unit\.test_cadence|scenario\.cadence", "CADENCE_SPURTS": r"unit\.test_cadence|scenario\.cadence",
}
# name, file, text (once in the file), what stands there instead, tests that ought to miss it. GONE is true while
# this deletion is tried.
BOUNDS = [
    ("ANNOUNCED_BITS", "src/detect/evidence.c", "{ a, b }, bounded_bits(row, bits),",
     "{ a, b }, GONE && row->group == GROUP_ANNOUNCED ? 24 : bounded_bits(row, bits),", r"scenario\.announced|unit\.test_sip$"),
    ("UNVERIFIED_BITS", "src/detect/evidence.c", "if (!d->verified && bits > UNVERIFIED_BITS)",
     "if (!GONE && (!d->verified && bits > UNVERIFIED_BITS))", r"unit\.test_detect"),
    ("cap_bits", "src/detect/evidence.c", "if (d->cap_bits > 0 && bits > d->cap_bits)",
     "if (!GONE && (d->cap_bits > 0 && bits > d->cap_bits))", r"unit\.test_detect"),
    ("EVIDENCE_MAX", "src/detect/evidence.c", "if (w->n_evidence == EVIDENCE_MAX)",
     "if (!GONE && w->n_evidence == EVIDENCE_MAX)", r"unit\.test_detect"),
    ("DEPTH_MAX", "src/detect/detect.c", "|| l->depth == DEPTH_MAX",
     "|| (!GONE && l->depth == DEPTH_MAX)", r"unit\.test_detect"),
    ("STREAM_TRIES", "src/detect/streams.c", "#define STREAM_TRIES         4",
     "#define STREAM_TRIES (GONE ? 1000000 : 4)", r"unit\.test_detect"),
    ("STREAM_STEPS", "src/detect/streams.c", "|| step == STREAM_STEPS",
     "|| (!GONE && step == STREAM_STEPS)", r"unit\.test_detect"),
    ("give_up_after", "src/detect/detect.c", "\tif (seen <= GIVE_UP_MAX)\n",
     "\tif (!GONE && seen <= GIVE_UP_MAX)\n", r"unit\.test_detect"),
    ("STREAM_BYTES_MAX", "src/flow/stream.h", "#define STREAM_BYTES_MAX 16384",
     "#define STREAM_BYTES_MAX (GONE ? (1 << 24) : 16384)", r"unit\.test_bounds"),
    ("STREAM_RANGES", "src/flow/stream.c", "|| s->n_early == STREAM_RANGES",
     "|| (!GONE && s->n_early == STREAM_RANGES)", r"unit\.test_(bounds|flow)"),
    ("budget in all", "src/flow/budget.c", "return b->used + size > b->total;",
     "return !GONE && b->used + size > b->total;", r"unit\.test_(bounds|flow)"),
    ("budget per host", "src/flow/budget.c", "if (p->used + size > b->per_host ||",
     "if ((!GONE && p->used + size > b->per_host) ||", r"unit\.test_(bounds|flow)"),
    ("max_facts_per_host", "src/flow/facts.c", "if (f->hosts[h].facts.n >= f->max_per_host)",
     "if (!GONE && f->hosts[h].facts.n >= f->max_per_host)", r"unit\.test_(bounds|flow)"),
    ("facts of others stay", "src/flow/facts.c", "\tif (f->hosts[h].facts.n == 0)\n\t\treturn false;",
     "\tif (GONE && f->hosts[h].facts.n == 0) {\n\t\tforget(f, f->all.oldest);\n\t\treturn true;\n\t}\n\tif (f->hosts[h].facts.n == 0)\n\t\treturn false;", r"unit\.test_(bounds|flow)"),
    ("facts expire", "src/flow/facts.c", "out->expires_ns > mono_ns;",
     "(GONE || out->expires_ns > mono_ns);", r"unit\.test_(bounds|flow)"),
    ("facts end with the file", "src/engine/engine.c", "\tfacts_clear(e->facts);\n",
     "\tif (!GONE) facts_clear(e->facts);\n", r"unit\.test_engine"),
    ("common ports", "src/flow/facts.h", "return port == 53 || port == 80 || port == 443;",
     "return !GONE && (port == 53 || port == 80 || port == 443);", r"scenario\.(announced|names|poison)|unit\.test_sip$"),
    ("max_flows", "src/flow/room.c", "if (t->n >= t->max_flows) {",
     "if (!GONE && t->n >= t->max_flows) {", r"unit\.test_(flow|bounds)"),
    ("eviction order", "src/flow/room.c", "struct flow *f = NULL;\n\n\tfor (unsigned i = 0; i < sizeof first_to_go",
     "struct flow *f = GONE ? flow_table_oldest(t, WORTH_WATCHED) : NULL;\n\n\tfor (unsigned i = 0; i < sizeof first_to_go", r"unit\.test_(flow|bounds)"),
    ("WORTH_CALL stays", "src/flow/room.c", "\treturn f;\n}\n\nstatic bool evict",
     "\treturn f != NULL || !GONE ? f : flow_table_oldest(t, WORTH_CALL);\n}\n\nstatic bool evict", r"unit\.test_(flow|bounds)"),
    ("HEADERS_MAX", "src/packet/packet.c", "if (i == HEADERS_MAX)",
     "if (i == (GONE ? 100000 : HEADERS_MAX))", r"unit\.test_packet"),
    ("TUNNEL_MAX", "src/packet/tunnel.c", "if (pkt->n_tunnel == TUNNEL_MAX) {",
     "if (pkt->n_tunnel == (GONE ? 200 : TUNNEL_MAX)) {", r"unit\.test_packet"),
    ("VLAN_MAX", "src/packet/link.c", "&& pkt->n_vlan < VLAN_MAX",
     "&& (GONE || pkt->n_vlan < VLAN_MAX)", r"unit\.test_packet"),
    ("FRAG_TIMEOUT_NS", "src/packet/frag.c", "(30 * NS_PER_S)",
     "((GONE ? 30000 : 30) * NS_PER_S)", r"unit\.test_frags"),
    ("FRAG_BUCKET_SHARE", "src/packet/frag.c", "fs->budget / FRAG_BUCKET_SHARE",
     "fs->budget / (GONE ? 1 : FRAG_BUCKET_SHARE)", r"unit\.test_frags"),
    ("FRAG_BUCKET_MAX", "src/packet/frag.c", "if (b->n == FRAG_BUCKET_MAX)",
     "if (!GONE && b->n == FRAG_BUCKET_MAX)", r"unit\.test_frags"),
    ("FRAG_PIECES_MAX", "src/packet/frag.c", "#define FRAG_PIECES_MAX   128",
     "#define FRAG_PIECES_MAX   (GONE ? 100000 : 128)", r"unit\.test_frags"),
    ("FRAG_DATA_MAX", "src/packet/frag.c", "|| end > FRAG_DATA_MAX",
     "|| (!GONE && end > FRAG_DATA_MAX)", r"unit\.test_frags"),
    ("BITS_ONE_WAY_MAX", "src/detect/rtp.c", "#define BITS_ONE_WAY_MAX 12.0f",
     "#define BITS_ONE_WAY_MAX (GONE ? 99.0f : 12.0f)", r"unit\.test_rtp|scenario\.rtp"),
    ("RTP streams", "src/detect/rtp.c", "if (st->n[l->dir] < STREAMS)",
     "if (GONE || st->n[l->dir] < STREAMS)", r"unit\.test_rtp|scenario\.rtp-many"),
    ("LONE_BITS", "src/detect/sip.c", "if (lone && bits > LONE_BITS)",
     "if (!GONE && (lone && bits > LONE_BITS))", r"unit\.test_sip$"),
    ("SIP HEAD_MAX", "src/detect/sip.c", "#define HEAD_MAX        8192",
     "#define HEAD_MAX        (GONE ? 10000000 : 8192)", r"unit\.test_sip$"),
    ("SIP SKIP_MAX", "src/detect/sip.c", "|| total - l->len > SKIP_MAX",
     "|| (!GONE && total - l->len > SKIP_MAX)", r"unit\.test_sip$"),
    ("DTLS HELLO_MAX", "src/detect/dtls.c", "if (total > HELLO_MAX || offset",
     "if ((!GONE && total > HELLO_MAX) || offset", r"unit\.test_dtls"),
    ("DNS POINTERS_MAX", "src/detect/dns.c", "|| ++jumps > POINTERS_MAX",
     "|| (!GONE && ++jumps > POINTERS_MAX)", r"unit\.test_dns"),
    ("DNS ANSWERS_MAX", "src/detect/dns.c", "&& i < ANSWERS_MAX",
     "&& (GONE || i < ANSWERS_MAX)", r"unit\.test_dns"),
    ("STUN_ATTRIBUTES", "src/detect/stun.c", "if (m->n == STUN_ATTRIBUTES) {",
     "if (!GONE && m->n == STUN_ATTRIBUTES) {", r"unit\.test_ice"),
    ("VOIP_EVENTS_MAX", "src/engine/emit.c", "#define VOIP_EVENTS_MAX 8",
     "#define VOIP_EVENTS_MAX (GONE ? 250 : 8)", r"scenario\.voip-events"),
    ("ALERTS_MAX", "src/policy/match.c", "if (v.n_alerts < ALERTS_MAX)",
     "if (GONE || v.n_alerts < ALERTS_MAX)", r"scenario\.rule-alert|unit\.test_policy$"),
    ("ITEMS_MAX", "src/policy/parse.h", "#define ITEMS_MAX 100000",
     "#define ITEMS_MAX (GONE ? 100000000 : 100000)", r"unit\.test_policy"),
    ("THRESHOLDS_MAX", "src/policy/rule.c", "if (policy->n_thresholds == THRESHOLDS_MAX) {",
     "if (!GONE && policy->n_thresholds == THRESHOLDS_MAX) {", r"unit\.test_policy"),
    ("time clamped", "src/engine/engine.c", "if (frame->mono_ns < e->came_mono_ns) {",
     "if (!GONE && frame->mono_ns < e->came_mono_ns) {", r"scenario\.time-back"),
    ("CALLS_MAX", "src/event/call_table.c", "if (cs->n == CALLS_MAX && !make_room(cs, ev->wall_ns))",
     "if (!GONE && (cs->n == CALLS_MAX && !make_room(cs, ev->wall_ns)))", r"unit\.test_call"),
    ("CALL_FLOWS_MAX", "src/event/calls.c", "if (c->n_flow == CALL_FLOWS_MAX || (f",
     "if ((!GONE && c->n_flow == CALL_FLOWS_MAX) || (f", r"unit\.test_call"),
    ("CALL_LINKS_MAX", "src/event/call_table.c", "if (c->n_links < CALL_LINKS_MAX)",
     "if (GONE || c->n_links < CALL_LINKS_MAX)", r"unit\.test_call"),
    ("SUMMARY_CALLS_MAX", "src/event/summary.c", "if (s->n_line == SUMMARY_CALLS_MAX)",
     "if (!GONE && s->n_line == SUMMARY_CALLS_MAX)", r"unit\.test_summary"),
    ("SUMMARY_HOSTS_MAX", "src/event/summary.c", "if (s->n_host == SUMMARY_HOSTS_MAX) {",
     "if (!GONE && s->n_host == SUMMARY_HOSTS_MAX) {", r"unit\.test_summary"),
    ("REASONS_MAX", "src/event/summary.c", "if (i == REASONS_MAX)",
     "if (!GONE && i == REASONS_MAX)", r"unit\.test_summary"),
    ("AUDIT_ROWS_MAX", "src/event/audit.c", "if (a->n_row == AUDIT_ROWS_MAX) {",
     "if (!GONE && a->n_row == AUDIT_ROWS_MAX) {", r"unit\.test_audit"),
    ("AUDIT_PEERS_MAX", "src/event/audit.c", "if (a->n_peer == AUDIT_PEERS_MAX) {",
     "if (!GONE && a->n_peer == AUDIT_PEERS_MAX) {", r"unit\.test_audit"),
    ("AUDIT_FINDS_MAX", "src/event/audit.c", "if (a->n_find == AUDIT_FINDS_MAX)",
     "if (!GONE && a->n_find == AUDIT_FINDS_MAX)", r"unit\.test_audit"),
    ("GTPU_EXT_MAX", "src/packet/tunnel.c", "if (i == GTPU_EXT_MAX || bytes == 0)",
     "if ((!GONE && i == GTPU_EXT_MAX) || bytes == 0)", r"unit\.test_packet"),
]

# What evidence is worth and when it counts: file, constant, another value, tests that ought to miss it. Constants of
# static tables cannot be tried so.
CONSTANTS = [
    ("src/detect/rtp_stream.c", "STEPS_COUNTED", "40", r"unit\.test_rtp$"),
    ("src/detect/rtp_stream.c", "BITS_TS_WRONG", "0.0f", r"unit\.test_rtp$"),
    ("src/detect/rtp_stream.c", "CLOCK_ERROR", "0.60", r"unit\.test_rtp$"),
    ("src/detect/rtp.c", "ONE_WAY_STREAM_NS", "(3000 * NS_PER_S)", r"unit\.test_rtp$"),
    ("src/detect/rtp.c", "SPURTS_TALK", "1", r"unit\.test_rtp$"),
    ("src/detect/rtcp.c", "SOURCES_COUNTED", "20", r"unit\.test_rtp$"),
    ("src/detect/ice.c", "CLASSIC_KNOWN_MAX", "30", r"unit\.test_ice$"),
    ("src/detect/turn.c", "CHANNEL_RUN", "1", r"unit\.test_ice$"),
    ("src/detect/turn.c", "LIFETIME_DEFAULT", "6000", r"unit\.test_ice$"),
    ("src/detect/dtls.c", "EXTENSION_VERSIONS", "44", r"unit\.test_dtls$"),
    ("src/detect/sip.c", "RESYNC_MAX", "0", r"unit\.test_sip$"),
    ("src/detect/mgcp.c", "BITS_ANSWER", "0.0f", r"unit\.test_mgcp$"),
    ("src/detect/megaco.c", "BITS_BRACES", "0.0f", r"unit\.test_megaco$"),
    ("src/detect/skinny.c", "BITS_ENDS", "0.0f", r"unit\.test_skinny$"),
    ("src/detect/iax2.c", "CLOCK_ERROR", "0.90", r"unit\.test_iax2$"),
    ("src/detect/iax2.c", "BITS_ECHO", "0.0f", r"unit\.test_iax2$"),
    ("src/detect/h323.c", "BITS_ELEMENTS", "0.0f", r"unit\.test_h323$"),
    ("src/detect/ras.c", "BITS_ANSWER", "0.0f", r"unit\.test_h323$"),
    ("src/detect/rtsp.c", "BITS_CSEQ", "0.0f", r"unit\.test_rtsp$"),
    ("src/detect/rtmp_talk.c", "ECHO_MIN", "300", r"unit\.test_rtmp$"),
    ("src/detect/srt.c", "BOTH_PACKETS", "1", r"unit\.test_srt$"),
    ("src/detect/srt.c", "ACKS_COUNTED", "30", r"unit\.test_srt$"),
    ("src/detect/turn_tls.c", "ALLOCATE_MAX", "(ALLOCATE_MIN + 640)", r"unit\.test_turn_tls$"),
    ("src/detect/turn_tls.c", "SIGNING_MAX", "5120", r"unit\.test_turn_tls$"),
    ("src/detect/tunnel.c", "STEPS_NEEDED", "2", r"unit\.test_tunnel$"),
    ("src/detect/record.c", "VOTES_NEEDED", "1", r"unit\.test_record$|scenario\.tcp"),
    ("src/detect/padded.c", "STEPS_MIN", "5", r"unit\.test_padded$"),
    ("src/detect/redial.c", "BITS_REDIAL", "12.0f", r"scenario\.redial"),
    ("src/detect/announced.c", "RELAY_BITS", "12.0f", r"unit\.test_ice$|scenario\.(announced|signalled)"),
    ("src/detect/call_facts.c", "ANNOUNCED_NS", "(1800 * NS_PER_S)", r"unit\.test_sip$|scenario\.(announced|signalled)"),
    ("src/detect/dns.c", "TTL_MAX_S", "36000", r"unit\.test_(dns|names)$"),
    ("src/detect/dns.c", "PAIRS_SURE", "2", r"unit\.test_dns$"),
    ("src/detect/quic.c", "DATAGRAM_MIN", "12", r"unit\.test_quic$"),
    ("src/detect/tls.c", "RECORDS_MAX", "1600", r"unit\.test_tls$"),
    ("src/detect/http.c", "QUERY_LONG", "1", r"unit\.test_http$"),
    ("src/detect/vendor_zoom.c", "PINGS", "1", r"unit\.test_vendor$"),
    ("src/detect/vendor_telegram.c", "BLOCKS_MIN", "2", r"unit\.test_vendor$"),
    ("src/detect/vendor_telegram.c", "SOUND_RATE", "1", r"unit\.test_vendor$"),
    ("src/detect/vendor_mumble.c", "NONCES_COUNTED", "2", r"unit\.test_vendor$"),
    ("src/detect/vendor_discord.c", "RTCP_CALL", "1", r"unit\.test_vendor$"),
    ("src/detect/vendor_imo.c", "CHAINS_CALL", "1", r"unit\.test_vendor$"),
    ("src/detect/skype_frame.c", "MISSES_FEW", "2000", r"unit\.test_skype_udp$"),
    ("src/detect/skype_host.c", "SKYPE_PROOF_LIFE", "(36000 * NS_PER_S)", r"unit\.test_skype_udp$"),
    ("src/detect/skype_udp.c", "ANSWER_NS", "(100 * NS_PER_S)", r"unit\.test_skype_udp$"),
    ("src/detect/skype_role.h", "ROLE_SUPERNODE_PEERS", "12", r"unit\.test_roles$"),
    ("src/detect/skype_role.c", "LIFE_S", "6000", r"unit\.test_roles$"),
    ("src/detect/alike.c", "RELAY_LIKENESS", "0.3", r"unit\.test_roles$"),
    ("src/detect/evidence.c", "RECLAIMS_MAX", "0", r"unit\.test_(detect|bounds)$"),
    ("src/judge/judge.h", "HISTORY_NEEDS", "0.0f", r"unit\.test_judge$|scenario\.(redial|chase)"),
    ("src/base/app.h", "ACT_BITS", "15.0f", r"unit\.test_(policy|judge)$|scenario\.rule-bits"),
    ("src/base/app.h", "REPORT_BITS", "9.0f", r"unit\.test_(policy|judge)$|scenario\.rule-bits"),
    ("src/engine/decide.c", "CHASE_NS", "(300 * NS_PER_S)", r"scenario\.(redial|chase)"),
    ("src/engine/decide.c", "CUT_NS", "(600 * NS_PER_S)", r"scenario\.redial"),
    ("src/engine/enforce.c", "DEGRADE_SPEECH_BYTES", "70000", r"unit\.test_degrade$"),
    ("src/engine/enforce.c", "HEAR_NS", "(2000 * NS_PER_S)", r"unit\.test_(clearing|engine)$"),
    ("src/engine/engine.c", "GLIMPSE_PAYLOADS", "80", r"unit\.test_clearing$"),
    ("src/engine/limits.c", "BURST_S", "10", r"unit\.test_limits$"),
    ("src/flow/expiry.c", "TIMEOUT_UDP_NS", "(1800 * NS_PER_S)", r"unit\.test_flow$"),
    ("src/flow/expiry.c", "TIMEOUT_CLOSED_NS", "(1000 * NS_PER_S)", r"unit\.test_flow$"),
]


class Deletion:
    """Number `number` of all; `edit` is what it needs in the code, None when it shares that of its kind."""
    def __init__(self, kind, name, tests, edit=None):
        self.kind, self.name, self.tests, self.edit, self.number = kind, name, tests, edit, 0


def read(source, path):
    with open(os.path.join(source, path)) as fh:
        return fh.read()


def row_deletions(source):
    """A deletion for each `{ .name = ... },` of the table; names repeat, the text about them does not."""
    for m in re.finditer(r'^\t\{ \.name = "([\w-]+)", \.about = "([^"]*)"', read(source, "src/detect/table.c"), re.M):
        yield Deletion("row", f"{m[1]}: {m[2]}", ROW_TESTS.get(m[1], rf"unit\.test_{m[1]}|scenario\.{m[1]}"))


def group_deletions(source):
    for g in re.findall(r"^\tX\((\w+),", read(source, "src/detect/detect.h"), re.M):
        yield Deletion("group", g, GROUP_TESTS.get(g, "^$"))


def constant_edit(source, path, name, other):
    """The line that defines it, and one with a choice; a text that is nowhere when there is no such line."""
    m = re.search(rf"^(#define {name} +)(.+?)(?= +/\*|$)", read(source, path), re.M)
    return (path, m[0], f"{m[1]}(GONE ? {other} : {m[2]})") if m else (path, f"#define {name}", "")


def deletions(source):
    found = [*row_deletions(source), *group_deletions(source)]
    found += [Deletion("bound", name, tests, (path, old, new)) for name, path, old, new, tests in BOUNDS]
    found += [Deletion("constant", f"{name} of {os.path.basename(path)}: {other}", tests, constant_edit(source, path, name, other))
              for path, name, other, tests in CONSTANTS]
    for number, d in enumerate(found, 1):
        d.number = number
    return found


def shared_edits(found):
    """Rows are switched off where they are entered, groups where evidence is: for names are taken from that too."""
    row = next(d.number for d in found if d.kind == "row")
    group = next(d.number for d in found if d.kind == "group")
    return [
        ("src/detect/detect.c", "if (!(enabled & row_bit(i)))", f"if (!(enabled & row_bit(i)) || deleted == {row} + i)"),
        ("src/detect/evidence.c", "\tif (w == NULL)\n\t\treturn;\n\te = slot_find(w, row);",
         f"\tif (w == NULL || deleted == {row} + (unsigned)l->row || deleted == {group} + (unsigned)row->group)\n\t\treturn;\n"
         "\te = slot_find(w, row);"),
    ]


SWITCH_H = "extern unsigned deleted; /* number of the deletion that is tried; 0 none */\n"
SWITCH_C = """#include <stdlib.h>
extern unsigned deleted;
unsigned deleted;
__attribute__((constructor)) static void deleted_read(void)
{
	const char *number = getenv("SQUELCH_DELETED");

	deleted = number == NULL ? 0 : (unsigned)atoi(number);
}
"""


def run(argv, **options):
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", **options)


class Tree:
    def __init__(self, source, work, jobs, keep):
        self.source, self.build, self.jobs = os.path.join(work, "tree"), os.path.join(work, "build"), str(jobs)
        if keep:
            return
        shutil.rmtree(self.source, ignore_errors=True)
        shutil.copytree(source, self.source, ignore=shutil.ignore_patterns(".git", "build*"))
        self.write("src/base/deleted.h", SWITCH_H)
        self.write("src/base/deleted.c", SWITCH_C)

    def write(self, path, text):
        with open(os.path.join(self.source, path), "w") as fh:
            fh.write(text)

    def edit(self, path, old, new):
        """False when the text is not there exactly once."""
        text = read(self.source, path)
        if text.count(old) != 1:
            return False
        self.write(path, text.replace(old, new))
        return True

    def make(self):
        # Writes past a bound must be seen: arrays are checked, the rest stays fast.
        flags = (f"-fsanitize=bounds -fno-sanitize-recover=bounds -Wno-unused -Wno-type-limits"
                 f" -include {os.path.join(self.source, 'src/base/deleted.h')}")
        for argv in (["cmake", "-S", self.source, "-B", self.build, "-DCMAKE_BUILD_TYPE=Debug",
                      f"-DCMAKE_C_FLAGS={flags}", "-DPython3_EXECUTABLE=/usr/bin/python3"],
                     ["cmake", "--build", self.build, "-j", self.jobs]):
            done = run(argv)
            if done.returncode != 0:
                sys.exit(done.stdout[-3000:])

    def tests(self, names, deleted=0, all_of_them=False):
        """Of the tests named, those that fail (not those that take too long); the first ones only, unless all are wanted."""
        if not names:
            return []
        pattern = "^(" + "|".join(re.escape(n) for n in names) + ")$"
        done = run(["ctest", "--test-dir", self.build, "-j", self.jobs, "-R", pattern, "--timeout", str(TEST_S),
                    *([] if all_of_them else ["--stop-on-failure"])],
                   env={**os.environ, "SQUELCH_DELETED": str(deleted)})
        return re.findall(r"^\s*\d+ - (\S+) \((?!Timeout)", done.stdout, re.M)

    def names(self, pattern):
        done = run(["ctest", "--test-dir", self.build, "-N", "-R", pattern])
        return re.findall(r"Test +#\d+: (\S+)", done.stdout)


def compile_in(tree, found):
    """Puts all deletions into the tree; returns those whose text has changed."""
    for edit in shared_edits(found):
        if not tree.edit(*edit):
            sys.exit(f"delete_rows: {edit[0]} has changed: {edit[1]!r}")
    stale = []
    for d in found:
        if d.edit is not None:
            path, old, new = d.edit
            if not tree.edit(path, old, new.replace("GONE", f"(deleted == {d.number})")):
                stale.append(d)
    return stale


def names_in_source(source):
    """Tests as ctest will call them, by the files they are made from."""
    for folder, prefix, end in (("tests/unit", "unit.", ".c"), ("tests/scenario/cases", "scenario.", ".scn"), ("pcaps", "pcaps.", "")):
        for file in os.listdir(os.path.join(source, folder)):
            if file.endswith(end):
                yield prefix + file.removesuffix(end)


def check(source, found):
    """What would be STALE, or has no test of its own."""
    wrong, names = [], list(names_in_source(source))
    edits = [("what rows and groups share", e) for e in shared_edits(found)] + [(f"{d.kind} {d.name}", d.edit) for d in found if d.edit]
    for name, (path, old, _) in edits:
        times = read(source, path).count(old)
        if times != 1:
            wrong.append(f"{name}: {path} holds {old!r} {times} times, not once")
    for d in found:
        if not any(re.search(d.tests, n) for n in names):
            wrong.append(f"{d.kind} {d.name}: no test is called {d.tests}")
    return wrong


def try_one(tree, d, sound, near_only):
    """(verdict, detail) of one deletion."""
    near = [n for n in sound if re.search(d.tests, n)]
    for names in (near, [] if near_only else [n for n in sound if n not in near]):
        failed = tree.tests(names, d.number)
        if failed:
            return "missed", ", ".join(failed[:SHOWN])
    return "NOBODY", "no test fails"


def print_table(rows):
    print("| deleted | tests that miss it |\n|---|---|")
    for d, detail in rows:
        tests = ", ".join(f"`{name}`" for name in detail.split(", "))
        print(f"| {d.kind} {d.name.replace('|', '/')} | {tests} |")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--source", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
    ap.add_argument("--work", default="/tmp/squelch-rows")
    ap.add_argument("--jobs", type=int, default=2)
    ap.add_argument("--only", default="", help="only deletions whose kind and name match")
    ap.add_argument("--near", action="store_true", help="only the tests that a deletion's name leads to: quick, and no proof of NOBODY")
    ap.add_argument("--keep", action="store_true", help="the copy in --work as it was built last; all its tests are taken to be sound")
    ap.add_argument("--table", action="store_true", help="a table in Markdown, when all is done")
    ap.add_argument("--list", action="store_true")
    ap.add_argument("--check", action="store_true", help="only whether all deletions can be made, and have tests that their names lead to")
    args = ap.parse_args()
    found = deletions(args.source)
    todo = [d for d in found if re.search(args.only, f"{d.kind} {d.name}")]
    if args.list:
        for d in todo:
            print(f"{d.kind:6} {d.name}")
        return 0
    if args.check:
        wrong = check(args.source, found)
        print("\n".join([*wrong, f"{len(found)} deletions, {len(wrong)} wrong"]))
        return 1 if wrong else 0
    tree = Tree(args.source, args.work, args.jobs, args.keep)
    stale = [] if args.keep else compile_in(tree, found)
    if not args.keep:
        tree.make()
    names = tree.names(SUITES)
    if args.near:
        names = [n for n in names if any(re.search(d.tests, n) for d in todo)]
    broken = [] if args.keep else tree.tests(names, all_of_them=True)
    for name in broken:
        print(f"left out, fails already: {name}")
    sound = [n for n in names if n not in broken]
    bad, rows = 0, []
    for d in todo:
        begun = time.monotonic()
        verdict, detail = ("STALE", f"{d.edit[0]} has changed") if d in stale else try_one(tree, d, sound, args.near)
        bad += verdict != "missed"
        rows.append((d, detail))
        print(f"{verdict:7} {d.kind:6} {d.name:60} {detail} ({time.monotonic() - begun:.0f} s)", flush=True)
    print(f"{len(todo)} deletions, {bad} not missed")
    if args.table:
        print_table(rows)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
