/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "detect/speech_weigh.h"
#include "cadence_feed.h"

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
			rate_feed(&r, START_US + us + i * 500, SIZE, RATE_TALK);
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

/* --- arrivals whose gaps know nothing of each other --- */

/* A gap of `mean_us`, the sum of `shape` exponential ones. */
static double gap(struct dice *d, unsigned shape, double mean_us)
{
	double sum = 0;

	for (unsigned i = 0; i < shape; i++)
		sum -= log(1 - dice_uniform(d)) * mean_us / shape;
	return sum;
}

/* Of 200 runs of 3 s at 50 a second, those that have the rate of 20 ms at the end. */
static unsigned walks_taken_for_a_clock(unsigned shape, enum rate_proof proof)
{
	unsigned taken = 0;

	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct speech_rate r = { 0 };
		struct dice d = { seed };
		unsigned packets = 0;

		for (double us = START_US; us < START_US + 3e6; us += gap(&d, shape, 20000)) {
			rate_feed(&r, (uint32_t)us, SIZE, RATE_TALK);
			if (++packets % 12 == 0)
				rate_follow(&r);
		}
		taken += rate_period_ms(&r) == 20 && rate_holds(&r, 0.5f, proof);
	}
	return taken;
}

static void walks_are_no_clock(void **state)
{
	(void)state;
	assert_int_equal(walks_taken_for_a_clock(1, RATE_SURE), 0);
	assert_int_equal(walks_taken_for_a_clock(2, RATE_SURE), 0);
	assert_in_range(walks_taken_for_a_clock(1, RATE_JOINS), 0, 1); /* one in a thousand, each second anew */
}

/* --- delays and losses --- */

/* 50 a second for 3 s, each late by up to 30 ms; one in `lost_of` missing; once `stall_us` in which none came, and then all. */
static bool kept(unsigned lost_of, uint32_t stall_us)
{
	struct speech_rate r = { 0 };
	struct dice d = { 7 };
	uint32_t last = 0;

	for (unsigned i = 0; i < 150; i++) {
		uint32_t us = START_US + i * 20000 + (uint32_t)(30000 * dice_uniform(&d));

		if (i >= 100 && i * 20000 < 2000000 + stall_us)
			us = START_US + 2000000 + stall_us;
		last = us > last ? us : last + 200;
		if (lost_of == 0 || i % lost_of != 0)
			rate_feed(&r, last, SIZE, RATE_TALK);
		if (i % 12 == 11)
			rate_follow(&r);
	}
	return rate_holds(&r, 0.5f, RATE_SURE);
}

static void a_clock_is_kept_by_number(void **state)
{
	(void)state;
	assert_true(kept(0, 0));
	assert_true(kept(0, 80000)); /* one long delay costs little */
	assert_true(kept(20, 0));    /* what is lost moves all that follow one way */
	assert_false(kept(5, 0));    /* but not so much */
}

/* --- quiet between words --- */

/*
 * 3 s at a packet every 10 ms, each late by up to 15 ms; of every 20 the last `quiet` are of silence, but for those of which
 * the sender leaves out all but one in `one_in`.
 */
static bool kept_between_words(unsigned quiet, unsigned one_in)
{
	struct speech_rate r = { 0 };
	struct dice d = { 7 };
	uint32_t last = 0;

	for (unsigned i = 0; i < 300; i++) {
		uint32_t us = START_US + i * 10000 + (uint32_t)(15000 * dice_uniform(&d));
		bool talk = i % 20 < 20 - quiet;

		last = us > last ? us : last + 200;
		if (talk || i % one_in == 0)
			rate_feed(&r, last, talk ? SIZE : SIZE / 3, talk ? RATE_TALK : RATE_QUIET);
		if (i % 12 == 11)
			rate_follow(&r);
	}
	return rate_period_ms(&r) == 10 && rate_holds(&r, 0.5f, RATE_SURE);
}

static void quiet_frames_are_frames(void **state)
{
	(void)state;
	assert_true(kept_between_words(0, 1));
	assert_true(kept_between_words(8, 1));  /* a variable rate falls between words */
	assert_false(kept_between_words(8, 4)); /* what comes now and then is none of its frames */
}

/* --- a busy sender --- */

/* A packet every 10 ms for 3 s, and once a second nothing for 150 ms; `at_once`: then all that is due comes, else it is left out. */
static unsigned counted(bool at_once)
{
	struct speech_clock c = { 0 };

	for (unsigned i = 0; i < 300; i++) {
		unsigned late = i % 100 < 15 && i > 100 ? 15 - i % 100 : 0;

		if (late == 0 || at_once)
			clock_feed(&c, START_US + (i + late) * 10000 + (late != 0) * i % 100 * 200, SIZE, true);
		if (i % 12 == 11)
			rate_follow(&c.rate);
	}
	return rate_period_ms(&c.rate) == 10 && rate_filled(&c.rate, 10) != 0 ? (unsigned)(100 * rate_filled(&c.rate, 10) + 0.5f) : 0;
}

static void what_was_held_back_is_no_pause(void **state)
{
	(void)state;
	assert_in_range(counted(true), 98, 102);  /* time went on, */
	assert_in_range(counted(false), 98, 102); /* or stood still: per cent of the slots either way */
}

/* --- late, and then caught up --- */

/* ffmpeg -re, 20 ms: each packet 0.4 ms later than due, until 10 ms are caught up at once; read after `ms` of it. */
static bool saw_kept(unsigned ms)
{
	struct speech s;
	struct speech_view v[2];

	speech_start(&s, 1000000000);
	for (unsigned i = 0; i * 20 < ms; i++)
		speech_feed(&s, 0, (1000000 + (uint64_t)i * 20000 + i * 400 % 10000) * 1000, 172);
	speech_read(&s, (1000 + (uint64_t)ms) * 1000000, v);
	return clock_keeps(&v[0].clock, CLOCK_FILLED);
}

static void who_catches_up_keeps_a_clock(void **state)
{
	(void)state;
	assert_false(saw_kept(1000)); /* a loop that sleeps looks the same so far */
	assert_true(saw_kept(2000));
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
		cmocka_unit_test(walks_are_no_clock),
		cmocka_unit_test(a_clock_is_kept_by_number), cmocka_unit_test(quiet_frames_are_frames),
		cmocka_unit_test(what_was_held_back_is_no_pause),
		cmocka_unit_test(who_catches_up_keeps_a_clock),
		cmocka_unit_test(sizes_are_of_one_talker),
		cmocka_unit_test(two_rates_are_no_agreement),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
