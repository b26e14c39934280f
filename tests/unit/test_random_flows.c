/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Flows of random payloads of every length, all detectors on: no decision, not
 * even a report. SQUELCH_RANDOM_FLOWS sets how many. The generator is our own,
 * so that every run on every machine sees the same bytes.
 */
#include "ice_feed.h"

#include <stdio.h>

#define FLOWS_DEFAULT 100000
#define PAYLOADS      8
#define LENGTHS       1472 /* UDP payload in an Ethernet frame */

static uint64_t seed = 0x9e3779b97f4a7c15u;

/* xorshift64* (Vigna 2016) */
static uint64_t next(void)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return seed * 0x2545f4914f6cdd1du;
}

static void fill(uint8_t *p, unsigned len)
{
	for (unsigned i = 0; i < len; i += 8) {
		uint64_t r = next();

		memcpy(p + i, &r, len - i < 8 ? len - i : 8);
	}
}

/* What games and sensors have in common: a fixed head, a counter, and the rest random. */
enum shape { SHAPE_RANDOM, SHAPE_HEAD, SHAPE_COUNTER, SHAPE_SAME_LENGTH, SHAPES };

static unsigned length_of(enum shape shape, unsigned flow, unsigned i)
{
	if (shape == SHAPE_SAME_LENGTH || i == 0)
		return 1 + flow / SHAPES % LENGTHS;
	return 1 + (unsigned)(next() % LENGTHS);
}

static void one_flow(struct feed *f, unsigned flow)
{
	enum shape shape = flow % SHAPES;
	struct feed_from from = { .client_port = (uint16_t)(1024 + next() % 60000), .server_port = (uint16_t)(1 + next() % 65535) };
	uint8_t p[LENGTHS + 8], head[16];
	unsigned n_head = 1 + (unsigned)(next() % sizeof head);

	from.proto = flow / SHAPES % 4 == 3 ? IPPROTO_TCP : IPPROTO_UDP;
	fill(head, sizeof head);
	for (unsigned i = 0; i < PAYLOADS; i++) {
		unsigned len = length_of(shape, flow, i);

		fill(p, len);
		if (shape == SHAPE_HEAD)
			memcpy(p, head, n_head < len ? n_head : len);
		if (shape == SHAPE_COUNTER && len > 4) {
			memcpy(p, head, 3);
			p[3] = (uint8_t)(head[3] + i / 2);
		}
		from.server = i & 1;
		feed(f, from, p, len);
		f->frame.mono_ns += (next() % 40) * 1000000;
	}
}

static void nothing_is_decided(void **state)
{
	struct feed *f = *state;
	const char *env = getenv("SQUELCH_RANDOM_FLOWS");
	unsigned flows = env == NULL ? FLOWS_DEFAULT : (unsigned)strtoul(env, NULL, 10);
	unsigned decided = 0;

	for (unsigned i = 0; i < flows; i++) {
		struct judgement j;

		one_flow(f, i);
		j = feed_judge(f);
		if (j.cls != CLASS_NONE) {
			decided++;
			print_message("flow %u, shape %u: %s, %s, %.1f bits\n", i, i % SHAPES, class_name(j.cls),
			    app_name(j.app) == NULL ? "-" : app_name(j.app), (double)j.bits);
		}
		flow_table_flush(f->flows, FLOW_END_SHUTDOWN);
	}
	assert_int_equal(decided, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_is_decided, feed_setup, feed_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
