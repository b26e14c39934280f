/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules: every selector and action, matching and not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "policy/policy.h"

#define UDP 17
#define TCP 6

static struct addr ip(const char *text)
{
	struct addr a;

	assert_true(addr_parse(text, strlen(text), &a));
	return a;
}

/* A call from an inside host: 10.1.0.5:40000 -> 198.51.100.7:5060. */
static struct subject call(void)
{
	return (struct subject){
		.ip = { ip("10.1.0.5"), ip("198.51.100.7") }, .port = { 40000, 5060 }, .proto = UDP,
		.initiator_known = true, .dialed = "", .cls = CLASS_MEDIA, .app = APP_SIP,
		.category = CATEGORY_VOIP, .role = ROLE_CLIENT, .bits = 20, .iif = "eth1", .oif = "wan0",
		.wall_ns = 1789997600000000000u, /* 2026-09-21T13:33:20Z, a Monday */
	};
}

static struct policy *rules(const char *text)
{
	struct policy *p = policy_parse(text, "t.rules", stderr);

	assert_non_null(p);
	return p;
}

/* The verdict of one rule set; what it points to is gone afterwards, so only the plain parts are kept. */
static enum action judged(const char *text, struct subject s)
{
	struct policy *p = rules(text);
	struct verdict v = policy_judge(p, &s);

	policy_free(p);
	return v.action;
}

/* Does `block WHAT` match? */
static bool blocks(const char *what, struct subject s)
{
	char text[512];

	snprintf(text, sizeof text, "crew = { 10.8.0.0/24, fd00:8::/64 }\nblock %s\n", what);
	return judged(text, s) == ACTION_DROP;
}

static const struct {
	const char *what;
	bool matches;
} plain[] = {
	{ "any", true }, { "media", true }, { "signalling", false }, { "signalling, media", true },
	{ "{ ice, signalling }", false }, { "{ ice, media, }", true },
	{ "media app sip", true }, { "media app skype", false }, { "media app { skype, sip }", true },
	{ "any app skype", false }, { "any app sip", true },
	{ "media category voip", true }, { "media category { p2p, tunnel }", false },
	{ "media role client", true }, { "media role supernode", false },
	{ "media role { supernode, client }", true },
	{ "media from 10.1.0.5", true }, { "media from 10.1.0.0/16", true },
	{ "media from 10.2.0.0/16", false }, { "media from 198.51.100.7", false },
	{ "media from 0.0.0.0/0", true }, { "media from ::/0", true }, { "media from fd00::/8", false },
	{ "media to 198.51.100.7", true }, { "media to 10.1.0.5", false },
	{ "media host 10.1.0.5", true }, { "media host 198.51.100.0/24", true },
	{ "media host 198.51.101.0/24", false },
	{ "media host $crew", false }, { "media host { $crew, 10.1.0.5 }", true },
	{ "media host { 192.0.2.1, 10.0.0.0/8, 10.1.0.0/16 }", true },
	{ "media host $inside", true }, { "media to $inside", false },
	{ "media from 10.1.0.5 to 198.51.100.7", true }, { "media from 10.1.0.5 to 10.1.0.5", false },
	{ "media host 198.51.100.7 port 5060", true }, { "media host 198.51.100.7 port 5061", false },
	{ "media host 10.1.0.5 port 5060", false }, { "media host any port 5060", true },
	{ "media from any port 5060", false }, { "media from any port 40000", true },
	{ "media to any port 5000-5060", true }, { "media to any port 5061-6000", false },
	{ "media to any port 5060-5061", true }, { "media to any port 5000-5059", false },
	{ "media iif eth1", true }, { "media iif eth0", false }, { "media iif { eth0, \"eth1\" }", true },
	{ "media oif wan0", true }, { "media oif eth1", false },
	{ "media proto udp", true }, { "media proto tcp", false }, { "media proto 17", true },
	{ "media proto { tcp, 17 }", true }, { "media proto 255", false },
	{ "media bits 12..16", false }, { "media bits 20..21", true }, { "media bits 12..20", false },
	{ "media bits 20..", true }, { "media bits 20.5..", false }, { "media bits ..20", false },
	{ "media bits ..20.1", true },
	{ "media tunnelled", false }, { "any tunnelled", false },
	{ "media signalled-by any", false },
	{ "media during \"Mon 13:00-14:00 UTC\"", true }, { "media during \"Tue UTC\"", false },
	{ "media during \"13:33-13:34 UTC\"", true }, { "media during \"13:34-13:35 UTC\"", false },
	{ "media until 2026-09-22", true }, { "media until 2026-09-21", false },
	{ "media until 2026-09-21 13:33:21", true }, { "media until 2026-09-21 13:33:20", false },
	{ "media until \"2026-09-21 15:34 Europe/Paris\"", true },
	{ "media until \"2026-09-21 15:33 Europe/Paris\"", false },
	{ "media reason \"x\" app sip from 10.0.0.0/8 \\\n proto udp", true },
};

static void test_selectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		if (blocks(plain[i].what, call()) != plain[i].matches)
			fail_msg("block %s: %s", plain[i].what, plain[i].matches ? "missed" : "matched");
}

static void test_classes(void **state)
{
	(void)state;
	for (int cls = 0; cls < CLASS_COUNT; cls++) {
		struct subject s = call();

		s.cls = (enum voip_class)cls;
		assert_int_equal(blocks("media", s), cls == CLASS_MEDIA);
		assert_int_equal(blocks("{ media, signalling, ice, streaming, control }", s), cls != CLASS_NONE);
		assert_true(blocks("any", s));
	}
}

static void test_threshold(void **state)
{
	struct subject s = call();

	(void)state;
	s.bits = 15.9f;
	assert_false(blocks("media", s));
	assert_true(blocks("any", s));
	assert_true(blocks("media bits 10..", s));
	assert_false(blocks("any bits 16..", s));
	s.bits = 16;
	assert_true(blocks("media", s));
	assert_false(blocks("media bits 10..16", s));
}

static void test_tunnelled(void **state)
{
	struct subject s = call();

	(void)state;
	s.tunnelled = true;
	assert_false(blocks("media", s));
	assert_true(blocks("media tunnelled", s));
	assert_true(blocks("any", s));
	assert_true(blocks("any tunnelled", s));
}

static void test_initiator_unknown(void **state)
{
	struct subject s = call();

	(void)state;
	s.initiator_known = false;
	assert_true(blocks("media from 198.51.100.7", s));
	assert_true(blocks("media to 10.1.0.5", s));
	assert_true(blocks("media from 198.51.100.7 port 5060 to 10.1.0.5", s));
	assert_false(blocks("media from 10.1.0.5 to 10.1.0.5", s)); /* no order has both */
	assert_false(blocks("media from 198.51.100.7 port 40000", s));
}

static void test_signalled_by(void **state)
{
	struct subject s = call();

	(void)state;
	s.signaller = ip("203.0.113.10");
	s.signaller_port = 5060;
	assert_true(blocks("media signalled-by 203.0.113.10", s));
	assert_true(blocks("media signalled-by 203.0.113.10 port 5060", s));
	assert_false(blocks("media signalled-by 203.0.113.10 port 5061", s));
	assert_false(blocks("media signalled-by 203.0.113.11", s));
	assert_true(blocks("media signalled-by any", s));
	s.signaller = (struct addr){ { 0 } };
	assert_false(blocks("media signalled-by 0.0.0.0/0", s));
	assert_false(blocks("media signalled-by ::/0", s));
}

static void test_interface_unknown(void **state)
{
	struct subject s = call();

	(void)state;
	s.iif = s.oif = NULL;
	assert_false(blocks("media iif eth1", s));
	assert_false(blocks("media oif eth1", s));
}

static void test_ipv6(void **state)
{
	struct subject s = call();

	(void)state;
	s.ip[0] = ip("fd00:8::5");
	s.ip[1] = ip("2001:db8::7");
	assert_true(blocks("media from $crew to 2001:db8::/32", s));
	assert_false(blocks("media from 10.8.0.0/24", s));
	assert_false(blocks("media host 0.0.0.0/0", s));
	assert_true(blocks("media to 2001:DB8::7 port 5060", s));
}

static void test_actions(void **state)
{
	(void)state;
	assert_int_equal(judged("", call()), ACTION_PASS);
	assert_int_equal(judged("allow any\nblock any", call()), ACTION_PASS);
	assert_int_equal(judged("block media", call()), ACTION_DROP);
	assert_int_equal(judged("degrade media", call()), ACTION_DEGRADE);
	assert_int_equal(judged("limit 5kB/s media", call()), ACTION_LIMIT);
	assert_int_equal(judged("alert media", call()), ACTION_PASS);
	assert_int_equal(judged("block media\nallow any", call()), ACTION_DROP);
	assert_int_equal(judged("block signalling\ndegrade any", call()), ACTION_DEGRADE);
}

static void test_rates(void **state)
{
	static const struct { const char *text; uint64_t bytes; } rate[] = {
		{ "900B/s", 900 }, { "5kB/s", 5000 }, { "1.5MB/s", 1500000 },
		{ "64kbit/s", 8000 }, { "2Mbit/s", 250000 }, { "800bit/s", 100 },
	};
	struct subject s = call();

	(void)state;
	for (size_t i = 0; i < sizeof rate / sizeof *rate; i++) {
		char text[64];
		struct policy *p;
		struct verdict v;

		snprintf(text, sizeof text, "limit %s any", rate[i].text);
		p = rules(text);
		v = policy_judge(p, &s);
		assert_int_equal(v.action, ACTION_LIMIT);
		assert_int_equal(v.rule->limit_bytes_per_s, rate[i].bytes);
		policy_free(p);
	}
}

static enum reject_target rejects(const char *text, struct subject s)
{
	struct policy *p = rules(text);
	struct verdict v = policy_judge(p, &s);

	assert_int_equal(v.action, ACTION_DROP);
	policy_free(p);
	return v.reject;
}

static void test_reject(void **state)
{
	struct subject out = call(), in = call(), both = call(), neither = call();

	(void)state;
	in.ip[0] = out.ip[1];
	in.ip[1] = out.ip[0];
	both.ip[1] = ip("10.9.9.9");
	neither.ip[0] = ip("203.0.113.1");
	assert_int_equal(rejects("block any", out), REJECT_NONE);
	assert_int_equal(rejects("reject any", out), REJECT_CLIENT);
	assert_int_equal(rejects("reject any", in), REJECT_SERVER);
	assert_int_equal(rejects("reject any", both), REJECT_CLIENT);
	assert_int_equal(rejects("reject any", neither), REJECT_CLIENT);
	assert_int_equal(rejects("reject server any", out), REJECT_SERVER);
	assert_int_equal(rejects("reject media app { sip, iax2 } server", out), REJECT_SERVER);
	assert_int_equal(rejects("reject client any", in), REJECT_CLIENT);
	assert_int_equal(rejects("reject both media reason \"x\"", in), REJECT_BOTH);
	assert_int_equal(rejects("inside = { 198.51.100.0/24 }\nreject any", out), REJECT_SERVER);
}

static void test_verdict_names_its_rule(void **state)
{
	struct policy *p = rules("# one\nalert any reason \"seen\"\n\nalert media\nalert signalling\n"
	    "block media reason \"no \\\"calls\\\"\"\n");
	struct subject s = call();
	struct verdict v = policy_judge(p, &s);

	(void)state;
	assert_int_equal(policy_count(p), 4);
	assert_int_equal(v.n_alerts, 2);
	assert_int_equal(v.alerts[0]->line, 2);
	assert_string_equal(v.alerts[0]->reason, "seen");
	assert_int_equal(v.alerts[1]->line, 4);
	assert_int_equal(v.rule->line, 6);
	assert_string_equal(v.rule->file, "t.rules");
	assert_string_equal(v.reason, "no \"calls\"");
	s.cls = CLASS_NONE;
	v = policy_judge(p, &s);
	assert_null(v.rule);
	assert_string_equal(v.reason, "");
	policy_free(p);
}

static void test_alerts_are_bounded(void **state)
{
	char text[512] = "";
	struct subject s = call();
	struct policy *p;

	(void)state;
	for (int i = 0; i < ALERTS_MAX + 3; i++)
		strcat(text, "alert any\n");
	p = rules(strcat(text, "block any\n"));
	assert_int_equal(policy_judge(p, &s).n_alerts, ALERTS_MAX);
	assert_int_equal(policy_judge(p, &s).action, ACTION_DROP);
	policy_free(p);
}

static void test_emergency(void **state)
{
	struct subject s = call(), dials = call();
	struct policy *p = rules("alert any\nblock any");
	struct verdict v;

	(void)state;
	s.sos = true;
	v = policy_judge(p, &s);
	assert_int_equal(v.action, ACTION_PASS);
	assert_string_equal(v.reason, "emergency call");
	assert_int_equal(v.n_alerts, 0);
	policy_free(p);

	dials.dialed = "112";
	assert_int_equal(judged("block any", dials), ACTION_PASS);
	dials.dialed = "911";
	assert_int_equal(judged("block any", dials), ACTION_PASS);
	dials.dialed = "1121";
	assert_int_equal(judged("block any", dials), ACTION_DROP);
	dials.dialed = "000";
	assert_int_equal(judged("block any", dials), ACTION_DROP);
	assert_int_equal(judged("emergency = { 000, \"110\" }\nblock any", dials), ACTION_PASS);
	dials.dialed = "112";
	assert_int_equal(judged("emergency = { 000 }\nblock any", dials), ACTION_DROP);
	assert_int_equal(judged("emergency = {}\nblock any", dials), ACTION_DROP);
	assert_int_equal(judged("emergency = {}\nblock any", s), ACTION_DROP);
	assert_int_equal(judged("emergency = { 000 }\nblock any", s), ACTION_PASS);
}

static void test_inside(void **state)
{
	static const char *const in[] = { "10.0.0.1", "172.31.0.1", "192.168.1.1", "100.64.0.1",
		"169.254.1.1", "fc00::1", "fdff::1", "fe80::1" };
	static const char *const out[] = { "172.32.0.1", "100.128.0.1", "8.8.8.8", "2001:db8::1", "fec0::1" };
	struct policy *p = rules("");
	struct addr a;

	(void)state;
	for (size_t i = 0; i < sizeof in / sizeof *in; i++)
		assert_true((a = ip(in[i]), policy_inside(p, &a)));
	for (size_t i = 0; i < sizeof out / sizeof *out; i++)
		assert_false((a = ip(out[i]), policy_inside(p, &a)));
	policy_free(p);
	p = rules("inside = { 8.8.8.0/24 }");
	assert_true((a = ip("8.8.8.8"), policy_inside(p, &a)));
	assert_false((a = ip("10.0.0.1"), policy_inside(p, &a)));
	policy_free(p);
}

static void test_large_set(void **state)
{
	static char text[300000];
	size_t len = (size_t)sprintf(text, "many = {");
	struct policy *p;
	struct subject s = call();

	(void)state;
	for (int i = 0; i < 10000; i++)
		len += (size_t)sprintf(text + len, " 20.%d.%d.0/25,\n", i / 256, i % 256);
	sprintf(text + len, " }\nblock any host $many\n");
	p = rules(text);
	for (int i = 0; i < 10000; i += 77) {
		addr_from_v4(&s.ip[1], (const uint8_t[]){ 20, (uint8_t)(i / 256), (uint8_t)i, 127 });
		assert_int_equal(policy_judge(p, &s).action, ACTION_DROP);
		s.ip[1].b[15] = 128;
		assert_int_equal(policy_judge(p, &s).action, ACTION_PASS);
	}
	policy_free(p);
}

static bool undecided(const char *text)
{
	struct policy *p = rules(text);
	bool asks = policy_asks_undecided(p);

	policy_free(p);
	return asks;
}

static void test_undecided(void **state)
{
	(void)state;
	assert_false(undecided(""));
	assert_false(undecided("block media\nallow { ice, control }"));
	assert_true(undecided("block media\nalert any app skype"));
}

static void test_bands(void **state)
{
	struct policy *p = rules("block media");

	(void)state;
	assert_int_equal(policy_band(p, -3), 0);
	assert_int_equal(policy_band(p, 9.99f), 0);
	assert_int_equal(policy_band(p, 10), 1);
	assert_int_equal(policy_band(p, 16), 2);
	assert_int_equal(policy_band(p, 500), 2);
	policy_free(p);
	p = rules("degrade media bits 12..16\nblock media bits 16..30.5\nalert any bits ..8");
	assert_int_equal(policy_band(p, 7.9f), 0);
	assert_int_equal(policy_band(p, 8), 1);
	assert_int_equal(policy_band(p, 10), 2);
	assert_int_equal(policy_band(p, 12), 3);
	assert_int_equal(policy_band(p, 16), 4);
	assert_int_equal(policy_band(p, 30.4f), 4);
	assert_int_equal(policy_band(p, 30.5f), 5);
	policy_free(p);
}

static void test_act_bits(void **state)
{
	struct policy *p = rules("block media\nalert any\ndegrade ice bits 12..16");
	struct subject s = call();

	(void)state;
	policy_set_act_bits(p, 24);
	assert_int_equal(policy_judge(p, &s).action, ACTION_PASS);
	assert_int_equal(policy_judge(p, &s).n_alerts, 1);
	s.bits = 24;
	assert_int_equal(policy_judge(p, &s).action, ACTION_DROP);
	assert_true(policy_band(p, 24) > policy_band(p, 23.9f));
	s.cls = CLASS_ICE;
	s.bits = 12;
	assert_int_equal(policy_judge(p, &s).action, ACTION_DEGRADE);
	s.cls = CLASS_NONE;
	s.bits = 0;
	assert_int_equal(policy_judge(p, &s).n_alerts, 1); /* `any` needs no bits */
	policy_free(p);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(action_name(ACTION_PASS), "pass");
	assert_string_equal(action_name(ACTION_ALERT), "alert");
	assert_string_equal(action_name(ACTION_DROP), "drop");
	assert_string_equal(action_name(ACTION_DEGRADE), "degrade");
	assert_string_equal(action_name(ACTION_LIMIT), "limit");
}

static void test_rule_files(void **state)
{
	static const struct { const char *name; enum action media; enum action signalling; } files[] = {
		{ "default", ACTION_PASS, ACTION_PASS }, { "inflight", ACTION_DROP, ACTION_DROP },
		{ "campus-audit", ACTION_PASS, ACTION_PASS }, { "sip-trunk-only", ACTION_DROP, ACTION_DROP },
	};

	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		char path[512];
		struct policy *p;
		struct subject s = call();

		snprintf(path, sizeof path, "%s/rules/%s.rules", SOURCE_DIR, files[i].name);
		p = policy_load(path, stderr);
		assert_non_null(p);
		assert_int_equal(policy_judge(p, &s).action, files[i].media);
		s.cls = CLASS_SIGNALLING;
		assert_int_equal(policy_judge(p, &s).action, files[i].signalling);
		s.cls = CLASS_CONTROL;
		assert_int_equal(policy_judge(p, &s).action, ACTION_PASS);
		s.cls = CLASS_MEDIA;
		s.signaller = ip("203.0.113.10");
		assert_int_equal(policy_judge(p, &s).action, i == 1 ? ACTION_DROP : ACTION_PASS);
		s.ip[0] = ip("10.8.0.9");
		assert_int_equal(policy_judge(p, &s).action, ACTION_PASS);
		policy_free(p);
	}
}

static void test_default(void **state)
{
	struct policy *p = policy_default();
	struct subject s = call();
	struct verdict v;

	(void)state;
	assert_non_null(p);
	v = policy_judge(p, &s);
	assert_int_equal(v.action, ACTION_PASS);
	assert_int_equal(v.n_alerts, 1);
	assert_string_equal(v.alerts[0]->reason, "a call");
	assert_string_equal(v.alerts[0]->file, "rules/default.rules");
	assert_false(policy_asks_undecided(p));
	policy_free(p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_selectors), cmocka_unit_test(test_classes),
		cmocka_unit_test(test_threshold), cmocka_unit_test(test_tunnelled),
		cmocka_unit_test(test_initiator_unknown), cmocka_unit_test(test_signalled_by),
		cmocka_unit_test(test_interface_unknown), cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_actions), cmocka_unit_test(test_rates), cmocka_unit_test(test_reject),
		cmocka_unit_test(test_verdict_names_its_rule), cmocka_unit_test(test_alerts_are_bounded),
		cmocka_unit_test(test_emergency), cmocka_unit_test(test_inside),
		cmocka_unit_test(test_large_set), cmocka_unit_test(test_undecided),
		cmocka_unit_test(test_bands), cmocka_unit_test(test_act_bits),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_rule_files), cmocka_unit_test(test_default),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
