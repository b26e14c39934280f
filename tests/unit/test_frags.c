/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "packet_build.h"

#include "base/clock.h"
#include "base/hash.h"

#define DLT_RAW 12
#define A "192.0.2.1"
#define B "198.51.100.2"
#define A6 "2001:db8::1"
#define B6 "2001:db8::2"
#define UDP4 A " 4000 > " B " 5000 proto 17"
#define UDP6 A6 " 4000 > " B6 " 5000 proto 17"
#define MORE 0x2000
#define BUDGET (1024 * 1024)
#define DATA 4000           /* payload of the datagram under test */

static struct build b;
static struct counts counts;
static struct packet pkt;
static struct frags *frags;
static uint64_t now;
static uint8_t whole[8 + DATA]; /* a UDP datagram */

static int begin(void **state)
{
	(void)state;
	memset(&counts, 0, sizeof counts);
	now = NS_PER_S;
	frags = frags_new(BUDGET);
	build_begin(&b, NULL, 0);
	for (int i = 0; i < DATA; i++)
		whole[8 + i] = (uint8_t)(i * 7 + i / 256);
	build_u16(whole, 4000);
	build_u16(whole + 2, 5000);
	build_u16(whole + 4, sizeof whole);
	return 0;
}

static int end(void **state)
{
	(void)state;
	frags_free(frags);
	return 0;
}

static enum decode decode(void)
{
	return build_decode_cut(&b, b.n, DLT_RAW, frags, &counts, now, &pkt);
}

/* Bytes from..to of the datagram as an IPv4 fragment. */
static enum decode piece_from(const char *source, uint16_t id, uint32_t from, uint32_t to)
{
	build_begin(&b, whole + from, to - from);
	build_ip4_frag(&b, 17, source, B, id,
	    (uint16_t)(from / 8 | (to < sizeof whole ? MORE : 0)));
	return decode();
}

static enum decode piece(uint16_t id, uint32_t from, uint32_t to)
{
	return piece_from(A, id, from, to);
}

static enum decode piece6(uint32_t id, uint32_t from, uint32_t to)
{
	uint8_t *p;

	build_begin(&b, whole + from, to - from);
	p = build_front(&b, 8);
	p[0] = 17;
	build_u16(p + 2, from | (to < sizeof whole));
	build_u32(p + 4, id);
	build_ip6(&b, 44, A6, B6);
	return decode();
}

static void expect_whole(enum decode d, const char *ends, uint32_t head)
{
	assert_int_equal(d, DECODE_OK);
	assert_string_equal(build_ends(&pkt), ends);
	assert_int_equal(pkt.payload_len, DATA);
	assert_int_equal(pkt.payload_wire, DATA);
	assert_memory_equal(pkt.payload, whole + 8, DATA);
	assert_int_equal(pkt.flags, PACKET_JOINED); /* and not merged */
	assert_int_equal(pkt.ip_len, head + sizeof whole);
}

static void in_order(void **state)
{
	(void)state;
	assert_int_equal(piece(1, 0, 1480), DECODE_HELD);
	assert_int_equal(piece(1, 1480, 2960), DECODE_HELD);
	expect_whole(piece(1, 2960, sizeof whole), UDP4, 20);
	assert_int_equal(counts.n[COUNT_FRAGMENTS], 3);
	assert_int_equal(counts.n[COUNT_FRAGMENTS_JOINED], 1);
	assert_int_equal(counts.n[COUNT_FRAGMENTS_LOST], 0);
}

static void any_order(void **state)
{
	static const uint32_t cut[] = { 0, 1000, 2000, 3000, sizeof whole };
	int order[4];

	(void)state;
	for (int n = 0; n < 256; n++) {
		bool used[4] = { false };
		int different = 0;

		for (int i = 0; i < 4; i++) {
			order[i] = n >> 2 * i & 3;
			different += !used[order[i]];
			used[order[i]] = true;
		}
		if (different < 4)
			continue;
		for (int i = 0; i < 3; i++)
			assert_int_equal(piece(1, cut[order[i]], cut[order[i] + 1]), DECODE_HELD);
		expect_whole(piece(1, cut[order[3]], cut[order[3] + 1]), UDP4, 20);
	}
	assert_int_equal(counts.n[COUNT_FRAGMENTS_JOINED], 24);
	assert_int_equal(counts.n[COUNT_FRAGMENTS_LOST], 0);
}

static void ip6(void **state)
{
	(void)state;
	assert_int_equal(piece6(70000, 1448, 2896), DECODE_HELD);
	assert_int_equal(piece6(70001, 0, 1448), DECODE_HELD); /* another datagram */
	assert_int_equal(piece6(70000, 2896, sizeof whole), DECODE_HELD);
	expect_whole(piece6(70000, 0, 1448), UDP6, 48);
}

/* The transport comes behind more headers, which only the first fragment shows. */
static void ip6_with_options_inside(void **state)
{
	static uint8_t part[8 + 8 + DATA];
	uint8_t *p;

	(void)state;
	part[0] = 17;
	memcpy(part + 8, whole, sizeof whole);
	for (int i = 0; i < 2; i++) {
		build_begin(&b, i == 0 ? part + 2000 : part, i == 0 ? sizeof part - 2000 : 2000);
		p = build_front(&b, 8);
		p[0] = i == 0 ? 99 : 60; /* RFC 8200: that of the first counts */
		build_u16(p + 2, i == 0 ? 2000 : 1);
		build_ip6(&b, 44, A6, B6);
		if (i == 0)
			assert_int_equal(decode(), DECODE_HELD);
	}
	expect_whole(decode(), UDP6, 56);
}

static void keys_are_apart(void **state)
{
	(void)state;
	assert_int_equal(piece(1, 0, 2000), DECODE_HELD);
	assert_int_equal(piece(2, 2000, sizeof whole), DECODE_HELD);
	assert_int_equal(piece_from("192.0.2.9", 1, 2000, sizeof whole), DECODE_HELD);
	build_begin(&b, whole + 2000, sizeof whole - 2000);
	build_ip4_frag(&b, 6, A, B, 1, 2000 / 8);
	assert_int_equal(decode(), DECODE_HELD);
	build_begin(&b, whole + 2000, sizeof whole - 2000);
	build_ip4_frag(&b, 17, A, B, 1, 2000 / 8);
	build_ip4(&b, 4, A, B); /* in a tunnel */
	assert_int_equal(decode(), DECODE_HELD);
	expect_whole(piece(1, 2000, sizeof whole), UDP4, 20);
}

static void without_keeping(void **state)
{
	struct frags *kept = frags;

	(void)state;
	frags = NULL;
	assert_int_equal(piece(1, 0, 1480), DECODE_OK);
	assert_string_equal(build_ends(&pkt), UDP4);
	assert_int_equal(pkt.payload_len, 1472);
	assert_int_equal(pkt.flags, 0);
	assert_int_equal(piece(1, 1480, 2960), DECODE_OK);
	assert_string_equal(build_ends(&pkt), A " 0 > " B " 0 proto 17");
	assert_int_equal(pkt.flags, PACKET_PORTLESS);
	assert_int_equal(pkt.payload_len, 1480);
	assert_int_equal(piece6(1, 0, 1480), DECODE_OK);
	assert_string_equal(build_ends(&pkt), UDP6);
	assert_int_equal(piece6(1, 1480, 2960), DECODE_OK);
	assert_int_equal(pkt.flags, PACKET_PORTLESS);
	frags = kept;
}

/* What the capture cut short cannot be joined: it goes on alone. */
static void cut_by_the_capture(void **state)
{
	(void)state;
	build_begin(&b, whole, 1480);
	build_ip4_frag(&b, 17, A, B, 7, MORE);
	assert_int_equal(build_decode_cut(&b, 96, DLT_RAW, frags, &counts, now, &pkt), DECODE_OK);
	assert_string_equal(build_ends(&pkt), UDP4);
	assert_int_equal(pkt.payload_wire, 1472);
	assert_int_equal(pkt.flags, PACKET_SHORT);
}

static void repetition_is_harmless(void **state)
{
	(void)state;
	assert_int_equal(piece(1, 0, 2000), DECODE_HELD);
	assert_int_equal(piece(1, 0, 2000), DECODE_HELD);
	expect_whole(piece(1, 2000, sizeof whole), UDP4, 20);
	assert_int_equal(counts.n[COUNT_FRAGMENTS_LOST], 0);
}

/* The datagram begun before is dead, with all that still comes. */
static void expect_dead(uint64_t lost)
{
	assert_int_equal(counts.n[COUNT_FRAGMENTS_LOST], lost);
	assert_int_equal(piece(1, 0, 2000), DECODE_NONE);
	assert_int_equal(piece(1, 2000, sizeof whole), DECODE_NONE);
	assert_int_equal(counts.n[COUNT_FRAGMENTS_LOST], lost + 2);
	assert_int_equal(counts.n[COUNT_FRAGMENTS_JOINED], 0);
}

static void overlap_kills(void **state)
{
	static const uint32_t rows[][2] = {
		{ 808, 2400 }, { 0, 1608 }, { 792, 808 }, { 1000, 1008 }, { 0, 2400 }, { 1592, 3000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		(void)end(NULL);
		(void)begin(NULL);
		assert_int_equal(piece(1, 800, 1600), DECODE_HELD);
		assert_int_equal(piece(1, rows[i][0], rows[i][1]), DECODE_NONE);
		expect_dead(2);
	}
}

static void other_bytes_at_the_same_place(void **state)
{
	(void)state;
	assert_int_equal(piece(1, 800, 1600), DECODE_HELD);
	whole[900]++;
	assert_int_equal(piece(1, 800, 1600), DECODE_NONE);
	expect_dead(2);
}

static enum decode lie(uint32_t offset, bool more, uint32_t len)
{
	build_begin(&b, whole, len);
	build_ip4_frag(&b, 17, A, B, 1, (uint16_t)(offset / 8 | (more ? MORE : 0)));
	return decode();
}

static void lengths_that_cannot_be(void **state)
{
	static const struct {
		uint32_t offset;
		bool more;
		uint32_t len;
		uint64_t lost;
	} rows[] = {
		{ 1600, true, 13, 1 },       /* not in units of 8, and not the last */
		{ 65528, false, 100, 1 },    /* beyond what a datagram can hold */
		{ 65528, true, 8, 1 },
		{ 1600, false, 0, 1 },       /* nothing */
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		(void)end(NULL);
		(void)begin(NULL);
		assert_int_equal(lie(rows[i].offset, rows[i].more, rows[i].len), DECODE_NONE);
		expect_dead(1);
	}
}

static void two_ends(void **state)
{
	(void)state;
	assert_int_equal(lie(800, false, 100), DECODE_HELD);
	assert_int_equal(lie(1600, false, 100), DECODE_NONE);
	expect_dead(2);
	(void)end(NULL);
	(void)begin(NULL);
	assert_int_equal(lie(800, false, 100), DECODE_HELD);
	assert_int_equal(lie(1600, true, 80), DECODE_NONE);  /* behind the end */
	expect_dead(2);
	(void)end(NULL);
	(void)begin(NULL);
	assert_int_equal(lie(1600, true, 80), DECODE_HELD);
	assert_int_equal(lie(800, false, 100), DECODE_NONE); /* an end before data */
	expect_dead(2);
}

static void waiting_ends(void **state)
{
	(void)state;
	assert_int_equal(piece(1, 0, 2000), DECODE_HELD);
	now += 20 * NS_PER_S;
	assert_int_equal(piece(2, 0, 2000), DECODE_HELD);
	frags_expire(frags, now + 9 * NS_PER_S, &counts);
	assert_int_equal(counts.n[COUNT_FRAGMENTS_LOST], 0);
	frags_expire(frags, now + 10 * NS_PER_S, &counts);
	assert_int_equal(counts.n[COUNT_FRAGMENTS_LOST], 1);
	now += 10 * NS_PER_S;
	assert_int_equal(piece(1, 2000, sizeof whole), DECODE_HELD); /* its begin is gone */
	expect_whole(piece(2, 2000, sizeof whole), UDP4, 20);
	now += 30 * NS_PER_S; /* also without frags_expire an identifier is used again */
	assert_int_equal(piece(1, 0, 2000), DECODE_HELD);
	expect_whole(piece(1, 2000, sizeof whole), UDP4, 20);
}

/* Many datagrams of one source: the oldest go, another source is not touched. */
static void one_source_cannot_take_all(void **state)
{
	(void)state;
	assert_int_equal(piece_from("192.0.2.77", 9, 0, 2000), DECODE_HELD);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(piece((uint16_t)i, 0, 2000), DECODE_HELD);
	assert_int_equal(counts.n[COUNT_FRAGMENTS_LOST], 5000 - 64);
	assert_int_equal(piece(0, 2000, sizeof whole), DECODE_HELD);
	expect_whole(piece(4999, 2000, sizeof whole), UDP4, 20);
	assert_int_equal(piece_from("192.0.2.77", 9, 2000, sizeof whole), DECODE_OK);
	assert_int_equal(pkt.payload_len, DATA);
}

/* Few but large datagrams: a source has a fourth of the bytes. */
static void one_source_has_a_share(void **state)
{
	(void)state;
	frags_free(frags);
	frags = frags_new(160 * 1024);
	assert_int_equal(piece_from("192.0.2.77", 9, 0, 2000), DECODE_HELD);
	for (int i = 0; i < 40; i++)
		assert_int_equal(piece((uint16_t)i, 0, 3000), DECODE_HELD);
	assert_true(40 - counts.n[COUNT_FRAGMENTS_LOST] <= 40 * 1024 / 3000);
	assert_true(40 - counts.n[COUNT_FRAGMENTS_LOST] >= 40 * 1024 / 3000 - 1);
	expect_whole(piece(39, 3000, sizeof whole), UDP4, 20);
	assert_int_equal(piece_from("192.0.2.77", 9, 2000, sizeof whole), DECODE_OK);
}

static void budget_holds(void **state)
{
	char source[32];
	uint64_t held = 0;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		snprintf(source, sizeof source, "10.0.%d.%d", i / 250, i % 250);
		held += piece_from(source, 1, 0, 3000) == DECODE_HELD;
	}
	/* Each costs its 3000 bytes and more: no more than these can wait. */
	assert_int_equal(held, 2000);
	assert_true(2000 - counts.n[COUNT_FRAGMENTS_LOST] <= BUDGET / 3000);
	assert_true(2000 - counts.n[COUNT_FRAGMENTS_LOST] >= BUDGET / 3000 * 9 / 10);
	assert_int_equal(piece_from(source, 1, 3000, sizeof whole), DECODE_OK);
	assert_int_equal(piece_from("10.0.0.0", 1, 3000, sizeof whole), DECODE_HELD);
}

static void too_many_pieces(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 128; i++)
		assert_int_equal(piece(1, i * 16, i * 16 + 8), DECODE_HELD);
	assert_int_equal(piece(1, 3200, 3208), DECODE_NONE);
	assert_int_equal(counts.n[COUNT_FRAGMENTS_LOST], 129);
}

static void no_budget(void **state)
{
	(void)state;
	frags_free(frags);
	frags = frags_new(0);
	assert_int_equal(piece(1, 0, 2000), DECODE_NONE);
	assert_int_equal(counts.n[COUNT_FRAGMENTS_LOST], 1);
	frags_free(frags);
	frags = frags_new(1500);
	assert_int_equal(piece(1, 0, 2000), DECODE_NONE);
	frags_free(NULL);
}

/* A fragmented tunnel around a fragmented packet: both are joined. */
static void around_and_inside(void **state)
{
	static struct build inner;
	uint8_t *p;

	(void)state;
	for (int i = 0; i < 2; i++) {
		build_begin(&inner, whole + (i == 0 ? 2000 : 0), i == 0 ? sizeof whole - 2000 : 2000);
		build_ip4_frag(&inner, 17, A, B, 5, i == 0 ? 2000 / 8 : MORE);
		p = inner.p;
		build_begin(&b, p + 1000, inner.n - 1000);
		build_ip4_frag(&b, 4, "203.0.113.1", "203.0.113.2", (uint16_t)i, 1000 / 8);
		assert_int_equal(decode(), DECODE_HELD);
		build_begin(&b, p, 1000);
		build_ip4_frag(&b, 4, "203.0.113.1", "203.0.113.2", (uint16_t)i, MORE);
		if (i == 0)
			assert_int_equal(decode(), DECODE_HELD);
	}
	expect_whole(decode(), UDP4, 20);
	assert_int_equal(pkt.n_tunnel, 1);
	assert_int_equal(counts.n[COUNT_FRAGMENTS_JOINED], 3);
}

#define OUT_A "203.0.113.1"
#define OUT_B "203.0.113.2"

/*
 * Three datagrams inside one another, each in two fragments. All second halves
 * come first, then a frame of nothing but first halves: it would complete all three.
 */
static void third_level_is_refused(void **state)
{
	static struct build first; /* the first halves so far */
	static uint8_t inside[sizeof whole];
	size_t n = sizeof whole;

	(void)state;
	memcpy(inside, whole, n);
	for (int level = 2; level >= 0; level--) {
		uint8_t proto = level == 2 ? 17 : 4;
		size_t half = n / 16 * 8;

		build_begin(&b, inside + half, n - half);
		build_ip4_frag(&b, proto, OUT_A, OUT_B, (uint16_t)level, (uint16_t)(half / 8));
		for (int i = 0; i < level; i++)
			build_ip4(&b, 4, OUT_A, OUT_B);
		assert_int_equal(decode(), DECODE_HELD);
		build_begin(&first, inside, half);
		build_ip4_frag(&first, proto, OUT_A, OUT_B, (uint16_t)level, MORE);
		n = first.n;
		memcpy(inside, first.p, n);
	}
	build_begin(&b, inside, n);
	assert_int_equal(decode(), DECODE_OK);
	assert_string_equal(build_ends(&pkt), OUT_A " 0 > " OUT_B " 0 proto 4");
	assert_int_equal(pkt.n_tunnel, 1);
	assert_int_equal(counts.n[COUNT_FRAGMENTS_JOINED], 2);
	assert_int_equal(counts.n[COUNT_HEADERS_DEEP], 1);
	assert_int_equal(counts.n[COUNT_FRAGMENTS_LOST], 2);
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(in_order), T(any_order), T(ip6), T(ip6_with_options_inside), T(keys_are_apart),
		T(without_keeping), T(cut_by_the_capture), T(repetition_is_harmless), T(overlap_kills),
		T(other_bytes_at_the_same_place), T(lengths_that_cannot_be), T(two_ends),
		T(waiting_ends), T(one_source_cannot_take_all), T(one_source_has_a_share),
		T(budget_holds), T(too_many_pieces),
		T(no_budget), T(around_and_inside), T(third_level_is_refused),
	};

	hash_key = 1; /* fixed: which sources share a bucket depends on it */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
