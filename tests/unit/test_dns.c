/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>

#include <cmocka.h>

#include "look_bench.h"

static uint8_t message[512];

static size_t put_name(uint8_t *p, const char *name)
{
	size_t n = 0;

	while (*name != '\0') {
		size_t len = strcspn(name, ".");

		p[n++] = (uint8_t)len;
		memcpy(p + n, name, len);
		n += len;
		name += len + (name[len] == '.');
	}
	p[n++] = 0;
	return n;
}

/* Header and question; answers are appended by the tests. */
static size_t begin(uint16_t id, bool answer, uint8_t answers, const char *name)
{
	const uint8_t head[12] = {
		(uint8_t)(id >> 8), (uint8_t)id, answer ? 0x81 : 0x01, answer ? 0x80 : 0x00,
		0, 1, 0, answers, 0, 0, 0, 0,
	};
	size_t n = sizeof head;

	memcpy(message, head, n);
	n += put_name(message + n, name);
	memcpy(message + n, "\0\1\0\1", 4);
	return n + 4;
}

/* A record owned by what is at offset `owner` of the message. */
static size_t record(size_t n, uint8_t owner, uint8_t type, uint32_t ttl, const void *data, size_t len)
{
	const uint8_t head[12] = {
		0xc0, owner, 0, type, 0, 1,
		(uint8_t)(ttl >> 24), (uint8_t)(ttl >> 16), (uint8_t)(ttl >> 8), (uint8_t)ttl,
		0, (uint8_t)len,
	};

	memcpy(message + n, head, sizeof head);
	memcpy(message + n + sizeof head, data, len);
	return n + sizeof head + len;
}

static enum look_result show(struct bench *b, int dir, size_t len)
{
	struct look l = bench_look(b, dir, message, len, dns_look, NULL);

	return dns_look(&l);
}

static const uint8_t address[4] = { 198, 51, 100, 7 };

static bool knows(struct bench *b, uint64_t at_s, struct fact *f)
{
	struct addr remote;

	addr_from_v4(&remote, address);
	return facts_find(b->facts, FACT_NAME, &b->flow.key.ip[0], &remote, 0, 0, at_s * NS_PER_S, f);
}

static void test_answer_to_a_question_becomes_a_fact(void **state)
{
	struct bench b;
	struct fact f;

	(void)state;
	bench_open(&b, IPPROTO_UDP, 40000, 53);
	assert_int_equal(show(&b, 0, begin(7, false, 0, "e12.WhatsApp.net")), LOOK_YES);
	assert_int_equal(show(&b, 1, record(begin(7, true, 1, "e12.whatsapp.net"), 12, 1, 5, address, 4)), LOOK_YES);
	assert_true(knows(&b, 2, &f));
	assert_int_equal(f.app, APP_WHATSAPP);
	assert_true(knows(&b, 60, &f));   /* a TTL of 5 s is kept for a minute */
	assert_false(knows(&b, 62, &f));
	assert_null(bench_evidence(&b));  /* the DNS flow itself is nobody's */
	bench_close(&b);
}

/* An answer of many records: the address is believed as far as records are read, ANSWERS_MAX (dns.c). */
static bool known_behind(unsigned others)
{
	struct bench b;
	struct fact f;
	size_t n;
	bool known;

	bench_open(&b, IPPROTO_UDP, 40000, 53);
	show(&b, 0, begin(7, false, 0, "zoom.us"));
	n = begin(7, true, (uint8_t)(others + 1), "zoom.us");
	for (unsigned i = 0; i < others; i++)
		n = record(n, 12, 16, 60, address, 0);
	show(&b, 1, record(n, 12, 1, 60, address, 4));
	known = knows(&b, 2, &f);
	bench_close(&b);
	return known;
}

static void test_answers_are_bounded(void **state)
{
	(void)state;
	assert_true(known_behind(31));
	assert_false(known_behind(32));
}

static void test_ttl_has_a_ceiling(void **state)
{
	struct bench b;
	struct fact f;

	(void)state;
	bench_open(&b, IPPROTO_UDP, 40000, 53);
	show(&b, 0, begin(7, false, 0, "zoom.us"));
	show(&b, 1, record(begin(7, true, 1, "zoom.us"), 12, 1, 0xffffffff, address, 4));
	assert_true(knows(&b, 3600, &f));
	assert_false(knows(&b, 3602, &f));
	bench_close(&b);
}

/* Each of these answers lacks one thing that the right one has. */
static void test_forged_answers_teach_nothing(void **state)
{
	struct bench b;
	struct fact f;

	(void)state;
	bench_open(&b, IPPROTO_UDP, 40000, 53);
	show(&b, 1, record(begin(7, true, 1, "zoom.us"), 12, 1, 60, address, 4)); /* nobody asked */
	assert_false(knows(&b, 2, &f));
	show(&b, 0, begin(7, false, 0, "zoom.us"));
	show(&b, 1, record(begin(8, true, 1, "zoom.us"), 12, 1, 60, address, 4)); /* other identifier */
	show(&b, 1, record(begin(7, true, 1, "zoomgov.com"), 12, 1, 60, address, 4)); /* other name */
	show(&b, 0, record(begin(7, true, 1, "zoom.us"), 12, 1, 60, address, 4)); /* from the client */
	assert_false(knows(&b, 2, &f));
	show(&b, 1, record(begin(7, true, 1, "zoom.us"), 12, 1, 60, address, 4));
	assert_true(knows(&b, 2, &f));
	bench_close(&b);
}

static bool alias_teaches(const char *target)
{
	uint8_t name[64];
	struct bench b;
	struct fact f;
	size_t n, at;
	bool known;

	bench_open(&b, IPPROTO_UDP, 40000, 53);
	show(&b, 0, begin(7, false, 0, "api.skype.com"));
	n = begin(7, true, 2, "api.skype.com");
	at = n + 12;
	n = record(n, 12, 5, 60, name, put_name(name, target));
	n = record(n, (uint8_t)at, 1, 60, address, 4);
	show(&b, 1, n);
	known = knows(&b, 2, &f);
	bench_close(&b);
	return known;
}

static void test_aliases_to_shared_hosts_teach_nothing(void **state)
{
	(void)state;
	assert_true(alias_teaches("a.config.skype.trafficmanager.net"));
	assert_true(alias_teaches("vm1.cloudapp.net"));
	assert_false(alias_teaches("e4593.g.akamaiedge.net"));
}

static void test_shared_front_ends_and_strangers_teach_nothing(void **state)
{
	static const char *const names[] = { "meet.google.com", "example.org" };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct bench b;
		struct fact f;

		bench_open(&b, IPPROTO_UDP, 40000, 53);
		show(&b, 0, begin(7, false, 0, names[i]));
		show(&b, 1, record(begin(7, true, 1, names[i]), 12, 1, 60, address, 4));
		assert_false(knows(&b, 2, &f));
		assert_null(b.flow.watch); /* costs no memory */
		bench_close(&b);
	}
}

static void test_pointer_loops_end(void **state)
{
	struct bench b;
	size_t n;

	(void)state;
	bench_open(&b, IPPROTO_UDP, 40000, 53);
	n = begin(7, false, 0, "zoom.us");
	message[12] = 0xc0; /* the question points at itself */
	message[13] = 12;
	assert_int_equal(show(&b, 0, n), LOOK_MAYBE);
	message[13] = 14;   /* forwards */
	assert_int_equal(show(&b, 0, n), LOOK_MAYBE);
	bench_close(&b);
}

static void test_other_ports_are_left_at_once(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, IPPROTO_UDP, 5353, 5353);
	assert_int_equal(show(&b, 0, begin(7, false, 0, "zoom.us")), LOOK_NO);
	bench_close(&b);
}

/* Questions answered one after the other, of names of `len` bytes and more. */
static void ask_and_answer(struct bench *b, unsigned times, const char *name)
{
	for (unsigned i = 0; i < times; i++) {
		b->flow.dir[0].packets = b->flow.dir[1].packets = i;
		show(b, 0, begin((uint16_t)(i * 7919), false, 0, name));
		show(b, 1, begin((uint16_t)(i * 7919), true, 0, name));
	}
}

static void test_many_questions_are_no_call(void **state)
{
	static const char tunnel[] = "paaaaaaabbbbbbbbccccccccddddddddeeeeeeee.ffffffffgggggggghhhhhhhhiiiiiiii.t.example.net";
	struct bench b;

	(void)state;
	bench_open(&b, IPPROTO_UDP, 40000, 53);
	ask_and_answer(&b, 12, "www.example.com");
	assert_null(bench_evidence(&b)); /* few: not even their names are kept */
	ask_and_answer(&b, 40, "www.example.com");
	assert_non_null(bench_evidence(&b));
	assert_int_equal(bench_evidence(&b)->cls, CLASS_MEDIA);
	assert_true(bench_evidence(&b)->bits <= -10);
	show(&b, 0, begin(9, false, 0, tunnel));
	show(&b, 1, begin(9, true, 0, tunnel));
	assert_true(bench_evidence(&b)->bits == 0);
	bench_close(&b);
	bench_open(&b, IPPROTO_UDP, 40000, 53);
	ask_and_answer(&b, 40, tunnel); /* and whoever hides something in names is not cleared by them */
	assert_null(bench_evidence(&b));
	bench_close(&b);
}

static void test_answers_nobody_asked_for_prove_nothing(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, IPPROTO_UDP, 40000, 53);
	b.flow.dir[0].packets = b.flow.dir[1].packets = 100;
	for (unsigned i = 0; i < 40; i++) {
		show(&b, 0, begin((uint16_t)i, false, 0, "www.example.com"));
		show(&b, 1, begin((uint16_t)(i + 1000), true, 0, "www.example.com"));
	}
	assert_null(bench_evidence(&b));
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer_to_a_question_becomes_a_fact),
		cmocka_unit_test(test_answers_are_bounded),
		cmocka_unit_test(test_many_questions_are_no_call),
		cmocka_unit_test(test_answers_nobody_asked_for_prove_nothing),
		cmocka_unit_test(test_ttl_has_a_ceiling),
		cmocka_unit_test(test_forged_answers_teach_nothing),
		cmocka_unit_test(test_aliases_to_shared_hosts_teach_nothing),
		cmocka_unit_test(test_shared_front_ends_and_strangers_teach_nothing),
		cmocka_unit_test(test_pointer_loops_end),
		cmocka_unit_test(test_other_ports_are_left_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
