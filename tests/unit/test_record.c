/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "detect/record.h"

#define MAX 64

struct heard { unsigned n; uint32_t size[MAX]; uint64_t ms[MAX]; };

static void take(void *arg, uint64_t ns, uint32_t size)
{
	struct heard *h = arg;

	assert_true(h->n < MAX);
	h->size[h->n] = size;
	h->ms[h->n++] = ns / NS_PER_MS;
}

struct line { struct record_dir dir; struct heard heard; uint32_t seq; };

static void segment(struct line *l, unsigned ms, uint32_t seq, const void *data, uint32_t len, bool pushed)
{
	struct record_segment s = { ms * NS_PER_MS, seq, data, len, len, pushed };

	record_feed(&l->dir, &s, take, &l->heard);
}

static void next(struct line *l, unsigned ms, const void *data, uint32_t len)
{
	segment(l, ms, l->seq, data, len, true);
	l->seq += len;
}

static const uint8_t filling[4000];

static void a_write_is_a_record(void **state)
{
	struct line l = { .seq = UINT32_MAX - 30 };

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		next(&l, 20 * i, filling, 50 + i);
	assert_int_equal(l.heard.n, 5);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(l.heard.size[i], 50 + i);
		assert_int_equal(l.heard.ms[i], 20 * i);
	}
}

static void a_large_write_is_one_record(void **state)
{
	struct line l = { 0 };

	(void)state;
	segment(&l, 0, 0, filling, 1448, false);
	segment(&l, 0, 1448, filling, 1448, false);
	segment(&l, 1, 2896, filling, 104, true);
	segment(&l, 20, 3000, filling, 60, true);
	assert_int_equal(l.heard.n, 2);
	assert_int_equal(l.heard.size[0], 3000);
	assert_int_equal(l.heard.size[1], 60);
}

static void sent_again_counts_once(void **state)
{
	struct line l = { 0 };

	(void)state;
	segment(&l, 0, 100, filling, 50, true);
	segment(&l, 20, 150, filling, 60, true);
	segment(&l, 220, 100, filling, 50, true);
	segment(&l, 221, 100, filling, 110, true);
	segment(&l, 240, 150, filling, 130, true); /* 60 old bytes and 70 new ones */
	assert_int_equal(l.heard.n, 3);
	assert_int_equal(l.heard.size[2], 70);
	assert_int_equal(l.heard.ms[2], 240);
}

/* Bytes that were lost before us come late, and are no record of their own. */
static void a_hole_is_counted(void **state)
{
	struct line l = { 0 };

	(void)state;
	segment(&l, 0, 0, filling, 50, true);
	segment(&l, 40, 100, filling, 60, true);
	segment(&l, 41, 50, filling, 50, true);
	assert_int_equal(l.heard.n, 2);
	assert_int_equal(l.dir.holes, 1);
}

static uint32_t framed(uint8_t *p, const uint8_t *head, uint32_t n, uint32_t body)
{
	memcpy(p, head, n);
	memset(p + n, 0x80, body);
	return n + body;
}

/*
 * Three records alone tell the framing; then many in one segment, and headers cut in
 * two. `content`: what the sender wrote of `body` bytes, without mask, padding, tag.
 */
static void joined_and_cut(enum framing f, const uint8_t *head, uint32_t n, uint32_t body, uint32_t content)
{
	struct line l = { 0 };
	uint8_t p[1000];
	uint32_t one = framed(p, head, n, body), all = 0;

	for (unsigned i = 0; i < 3; i++)
		next(&l, 20 * i, p, one);
	assert_int_equal(l.dir.framing, f);
	for (unsigned i = 0; i < 4; i++)
		all += framed(p + all, head, n, body);
	next(&l, 140, p, all);
	assert_int_equal(l.heard.n, 7);
	for (unsigned i = 3; i < 7; i++)
		assert_int_equal(l.heard.size[i], content);
	for (uint32_t cut = 1; cut < one; cut++) {
		unsigned before = l.heard.n = 0;

		next(&l, 200 + 2 * cut, p, cut);
		next(&l, 201 + 2 * cut, p + cut, one - cut);
		assert_int_equal(l.heard.n, before + 1);
		assert_int_equal(l.heard.size[before], content);
		assert_int_equal(l.heard.ms[before], 200 + 2 * cut);
	}
	assert_int_equal(l.dir.framing, f);
}

static void framings(void **state)
{
	static const uint8_t tls[] = { 23, 3, 3, 0, 90 }, length[] = { 0, 90 }, channel[] = { 0x40, 1, 0, 90 },
	    stun[] = { 0, 1, 0, 80, 0x21, 0x12, 0xa4, 0x42 }, socket[] = { 0x82, 90 }, masked[] = { 0x82, 0x80 | 86 }, longer[] = { 0x82, 126, 0, 200 }, chunk[] = "5a\r\n";

	(void)state;
	joined_and_cut(FRAMING_TLS, tls, sizeof tls, 90, 90 - 17); /* RFC 8446, 5.2 */
	joined_and_cut(FRAMING_LENGTH16, length, sizeof length, 90, 90);
	joined_and_cut(FRAMING_TURN, channel, sizeof channel, 92, 90); /* padded to four bytes */
	joined_and_cut(FRAMING_TURN, stun, sizeof stun, 92, 92);
	joined_and_cut(FRAMING_WEBSOCKET, socket, sizeof socket, 90, 90);
	joined_and_cut(FRAMING_WEBSOCKET, masked, sizeof masked, 90, 86);
	joined_and_cut(FRAMING_WEBSOCKET, longer, sizeof longer, 200, 200);
	joined_and_cut(FRAMING_CHUNKED, chunk, 4, 92, 90);
}

/* PulseAudio: a length of four bytes, then sixteen as in STUN, but no cookie. */
static void other_lengths_are_not_turn(void **state)
{
	static const uint8_t head[] = { 0, 0, 0, 72, 0xff, 0xff, 0xff, 0xff };
	struct line l = { 0 };
	uint8_t p[200];

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		next(&l, 20 * i, p, framed(p, head, sizeof head, 84));
	assert_int_equal(l.dir.framing, FRAMING_NONE);
	assert_int_equal(l.heard.n, 10);
}

/* A nonce that counts tells TLS 1.2 with AES-GCM: eight bytes more, and no type inside. */
static void a_nonce_counts(void **state)
{
	static const uint8_t head[] = { 23, 3, 3, 0, 90 };
	struct line l = { 0 };
	uint8_t p[200];

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		uint32_t one = framed(p, head, sizeof head, 90);

		memset(p + sizeof head, 0, 8);
		p[sizeof head + 7] = (uint8_t)(0xfe + i);
		p[sizeof head + 6] = (uint8_t)((0xfe + i) >> 8);
		next(&l, 20 * i, p, one);
	}
	assert_int_equal(l.heard.n, 8);
	assert_int_equal(l.heard.size[3], 90 - 17);
	assert_int_equal(l.heard.size[6], 90 - 24);
	assert_int_equal(l.heard.size[7], 90 - 24);
}

/* What stops being framed is read as writes again. */
static void framing_ends(void **state)
{
	static const uint8_t tls[] = { 23, 3, 3, 0, 90 };
	struct line l = { 0 };
	uint8_t p[200];
	uint32_t one = framed(p, tls, sizeof tls, 90);

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		next(&l, 20 * i, p, one);
	memset(p, 0x99, sizeof p);
	next(&l, 80, p, 60);
	next(&l, 100, p, 60);
	assert_int_equal(l.dir.framing, FRAMING_NONE);
	assert_int_equal(l.heard.size[l.heard.n - 1], 60);
}

/* Any bytes in any pieces: what is told never adds up to more than what came. */
static void hostile_bytes(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (unsigned run = 0; run < 200; run++) {
		struct line l = { 0 };

		for (unsigned i = 0; i < 60; i++) {
			uint8_t p[64];
			uint32_t len;

			for (unsigned k = 0; k < sizeof p; k++)
				p[k] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 28 == 3 ? 23 : seed >> 30);
			len = 1 + (seed >> 8) % sizeof p;
			l.heard.n = 0;
			segment(&l, i, l.seq + ((seed >> 20) % 8 == 0 ? (seed >> 4) % 200 - 100 : 0), p, len, seed & 4);
			l.seq += len;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_write_is_a_record),
		cmocka_unit_test(a_large_write_is_one_record),
		cmocka_unit_test(sent_again_counts_once),
		cmocka_unit_test(a_hole_is_counted),
		cmocka_unit_test(framings), cmocka_unit_test(other_lengths_are_not_turn),
		cmocka_unit_test(a_nonce_counts),
		cmocka_unit_test(framing_ends),
		cmocka_unit_test(hostile_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
