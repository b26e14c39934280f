/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "detect/speech_weigh.h"

/* What networks do to a clock, and several talkers in one flow. */
#define SIZE     100
#define START_US 1000000

/* --- packets that came together --- */

/* `together` of them each `each_us`, for `ms`. */
static float filled(unsigned each_us, unsigned together, unsigned ms)
{
	struct speech_rate r = { 0 };

	for (uint32_t us = 0; us < ms * 1000; us += each_us) {
		for (unsigned i = 0; i < together; i++)
			rate_feed(&r, START_US + us + i * 500, SIZE);
		if (us == 10 * each_us || us == 20 * each_us)
			rate_follow(&r);
	}
	return rate_filled(&r, 20);
}

static void what_came_together_fills_its_slots(void **state)
{
	(void)state;
	assert_float_equal(filled(20000, 1, 2500), 1, 0.05);
	assert_float_equal(filled(60000, 3, 4000), 1, 0.07); /* three at once, as from an access point */
	assert_float_equal(filled(33333, 2, 2500), 0, 0);    /* two of each tick of a game: 60 a second */
	assert_float_equal(filled(20000, 1, 900), 0, 0);     /* too short a time */
}

/* --- several talkers --- */

/* Three ends on grids of their own, each with its size. */
static void feed_trunk(struct speech *s, unsigned from_ms, unsigned to_ms)
{
	static const struct { unsigned at_ms, size; } lines[] = { { 0, 60 }, { 7, 100 }, { 13, 160 } };

	for (unsigned ms = from_ms; ms < to_ms; ms++)
		for (unsigned i = 0; i < sizeof lines / sizeof *lines; i++)
			if (ms % 20 == lines[i].at_ms && (i != 2 || ms % 60 == 13)) /* the third leaves silence out */
				speech_feed(s, 0, (1000 + (uint64_t)ms) * 1000000, lines[i].size);
}

static void sizes_are_of_one_talker(void **state)
{
	struct speech s;
	struct speech_view v[2];

	(void)state;
	speech_start(&s, 1000000000);
	for (unsigned ms = 0; ms < 3000; ms += 250) {
		feed_trunk(&s, ms, ms + 250);
		speech_read(&s, (1250 + (uint64_t)ms) * 1000000, v);
	}
	assert_int_equal(v[0].clock.period_ms, 20);
	assert_true(v[0].n >= 80 && v[0].modal > 0.95f && v[0].odd < 0.05f);
}

/* --- rates alone --- */

static void two_rates_are_no_agreement(void **state)
{
	static const struct { uint8_t period[2]; bool both; float bits; } cases[] = { { { 20, 20 }, true, 9 }, { { 20, 40 }, false, 3 } };

	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct speech_view v[2] = { 0 };
		struct speech_opinion o;

		for (int dir = 0; dir < 2; dir++)
			v[dir].clock = (struct clock_reading){
				.period_ms = cases[i].period[dir], .likely = true, .rough = true, .agreement = 0.12f, .n = 120, .packets = 120, .in_step = 0.9f, .filled = 1,
			};
		speech_weigh(v, &o);
		assert_float_equal(o.clock.bits, cases[i].bits, 0.01);
		assert_int_equal(o.both_ways, cases[i].both);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_came_together_fills_its_slots),
		cmocka_unit_test(sizes_are_of_one_talker),
		cmocka_unit_test(two_rates_are_no_agreement),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
