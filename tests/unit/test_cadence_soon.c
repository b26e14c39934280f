/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "cadence_feed.h"
#include "detect/speech_weigh.h"

/*
 * What a call shows in its first seconds: a word from one end, comfort noise, the reports of who listens. Each test says
 * after how long, or with how little, the detector may speak, and with what it must not.
 */
#define SEEDS 12
#define G711  172 /* bytes: 20 ms in RTP */

static const struct network wire = { .jitter = 0.0003 };

static struct sender constant(double hz, double size)
{
	return (struct sender){ .hz = hz, .model = SIZES_ONE, .a = size };
}

static double slowest(const struct sender s[2], double seconds)
{
	double most = 0;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct heard h = cadence_run(s, &wire, seed, seconds);

		assert_true(h.act_s > 0);
		most = fmax(most, h.act_s);
	}
	return most;
}

/* --- the clock of who has said a word --- */

static struct clock_reading after(double period_us, unsigned packets)
{
	struct speech_clock c = { 0 };

	for (unsigned i = 0; i < packets; i++)
		(void)clock_feed(&c, (uint32_t)(1e6 + i * period_us), G711, true);
	return clock_read(&c, (uint32_t)(packets * period_us));
}

static void a_word_is_enough_for_the_second(void **state)
{
	struct clock_reading word = after(20000, 22), slips = after(20600, 22), syllable = after(20000, 12);

	(void)state;
	assert_false(clock_keeps(&word, CLOCK_FILLED));
	assert_true(clock_joins(&word, 20, CLOCK_FILLED));
	assert_false(clock_joins(&word, 30, CLOCK_FILLED) || clock_joins(&word, 0, CLOCK_FILLED));
	assert_false(clock_joins(&slips, 20, CLOCK_FILLED));    /* a loop that sleeps */
	assert_false(clock_joins(&syllable, 20, CLOCK_FILLED)); /* too little */
}

/* Behind delays that wander by 12 ms the rate of a second and a half joins that of the other end; 40 and 60 Hz do not. */
static unsigned rates_that_join(double hz)
{
	unsigned joined = 0;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct speech_clock c = { 0 };
		struct dice d = { seed };
		struct clock_reading r = { 0 };
		double delay = 0, read = 1.25;

		for (double t = 1; t < 2.7; t += 1 / hz) {
			delay = 0.95 * delay + 0.31 * 0.012 * dice_normal(&d);
			(void)clock_feed(&c, (uint32_t)(1e6 * (t + 0.05 + delay)), G711, true);
			if (t > read) {
				r = clock_read(&c, (uint32_t)(1e6 * (t - 1)));
				read += 0.25;
			}
		}
		joined += r.likely && clock_joins(&r, 20, CLOCK_FILLED);
	}
	return joined;
}

static void half_the_rate_is_enough_for_the_second(void **state)
{
	(void)state;
	assert_true(rates_that_join(50) >= SEEDS / 2);
	assert_int_equal(rates_that_join(40), 0);
	assert_int_equal(rates_that_join(60), 0);
}

/* Where the rate of one end is sure, of the other it is enough that it is likely and the same. */
static void a_sure_rate_and_a_likely_one(void **state)
{
	static const struct { uint8_t period[2]; bool likely[2], sure; float bits; } cases[] = {
		{ { 20, 20 }, { true, true }, true, 9 }, { { 20, 20 }, { true, true }, false, 0 },
		{ { 20, 30 }, { true, true }, true, 3 }, { { 20, 20 }, { true, false }, true, 3 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct speech_view v[2] = { 0 };
		struct speech_opinion o;

		for (int dir = 0; dir < 2; dir++)
			v[dir].clock = (struct clock_reading){
				.period_ms = cases[i].period[dir], .likely = cases[i].likely[dir], .rough = dir == 0 && cases[i].sure, .agreement = 0.12f, .n = 60, .packets = 60, .in_step = 0.9f, .filled = 1,
			};
		speech_weigh(v, &o);
		assert_float_equal(o.clock.bits, cases[i].bits, 0.01);
	}
}

/* --- sizes --- */

static void one_size_counts_from_the_start(void **state)
{
	struct sender s[2] = { constant(100.0 / 6, 492), constant(100.0 / 6, 492) };

	(void)state;
	assert_true(slowest(s, 6) < 2.3); /* 16 packets of 60 ms, and the clock; anew from where the clock is known it were 2.8 */
}

/* One end of PCMU in SRTP as Chromium sends it: 47 bytes of comfort noise ten times a second, reports and checks between. */
static void feed_pcmu(struct speech *s, int dir, unsigned from_ms, unsigned to_ms, bool talks)
{
	for (unsigned ms = from_ms; ms < to_ms; ms++) {
		uint64_t now = (1000 + (uint64_t)ms) * 1000000;

		if (ms % 20 == 0 && talks)
			speech_feed(s, dir, now, 198);
		if (ms % 100 == 0 && !talks)
			speech_feed(s, dir, now, 47);
		if (ms % 62 == 7)
			speech_feed(s, dir, now, 42);
		if (ms % 480 == 120 || ms % 480 == 140)
			speech_feed(s, dir, now, 96);
	}
}

static void comfort_noise_is_no_frame(void **state)
{
	struct speech s;
	struct speech_view v[2];

	(void)state;
	speech_start(&s, 1000000000);
	feed_pcmu(&s, 0, 1, 700, true);
	speech_read(&s, 1700000000, v);
	feed_pcmu(&s, 0, 700, 3000, false);
	speech_read(&s, 4000000000, v);
	feed_pcmu(&s, 0, 3000, 3600, true);
	speech_read(&s, 4600000000, v);
	assert_int_equal(v[0].size, 198);
	assert_true(v[0].n >= 40 && v[0].modal > 0.9f);
	assert_int_equal(v[0].falls, 0);
}

/* Mumble counts its packets in as few bytes as it needs: after 128 of them each is a byte longer. */
static void a_counter_may_grow(void **state)
{
	struct speech s;
	struct speech_view v[2];
	struct speech_opinion o;

	(void)state;
	speech_start(&s, 1000000000);
	for (unsigned i = 0; i < 60; i++)
		for (int dir = 0; dir < 2; dir++)
			speech_feed(&s, dir, 1000000000 + (uint64_t)i * 20000000 + (uint64_t)dir * 7000000, i < 25 ? 107 : 108);
	speech_read(&s, 2200000000, v);
	speech_weigh(v, &o);
	assert_int_equal(o.shape[0], SHAPE_CODEC);
	assert_true(o.clock.bits >= 9 && o.sizes.bits >= 7);
}

/* --- talk and silence --- */

static struct speech_view on_a_clock(uint8_t pauses, uint8_t skips)
{
	return (struct speech_view){
		.clock = { .period_ms = 20, .agreement = 0.9f, .bits = 60, .filled = 0.9f, .n = 90, .packets = 90, .in_step = 0.9f, .skips = skips },
		.pauses = pauses, .spurts = 1,
	};
}

/* Pauses of both ends count together, and shorter gaps, as losses make them, against them. */
static void pauses_of_both_ends(void **state)
{
	static const struct { uint8_t pauses[2], skips[2]; float bits; } cases[] = {
		{ { 4, 4 }, { 0, 0 }, 7 }, { { 4, 3 }, { 0, 0 }, 0 }, { { 5, 5 }, { 1, 2 }, 0 }, { { 6, 0 }, { 6, 0 }, 7 }, { { 6, 0 }, { 7, 0 }, 0 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct speech_view v[2] = { on_a_clock(cases[i].pauses[0], cases[i].skips[0]), on_a_clock(cases[i].pauses[1], cases[i].skips[1]) };
		struct speech_opinion o;

		speech_weigh(v, &o);
		assert_float_equal(o.spurts.bits, cases[i].bits, 0.01);
	}
}

/* Turns of a second and a quarter, the median of people's, in packets of a size that says nothing. */
static void short_turns(void **state)
{
	struct sender s[2] = { constant(50, 50), constant(50, 50) };

	(void)state;
	s[0].turns = s[1].turns = 1.25;
	s[1].listens_first = true;
	assert_true(slowest(s, 8) < 4);
}

/* A word each, six tenths of a second: two slots and a half. */
static void turns_of_a_word(void **state)
{
	struct sender s[2] = { constant(50, 50), constant(50, 50) };

	(void)state;
	s[0].turns = s[1].turns = 0.6;
	s[1].listens_first = true;
	assert_true(slowest(s, 8) < 5);
}

/* Who listens first sends reports at a clock of their own; it is not held against what he says then. */
static void reports_before_the_first_word(void **state)
{
	struct sender s[2] = { constant(50, 150), constant(50, 150) };

	(void)state;
	s[0].turns = s[1].turns = 2.3;
	s[1].listens_first = true;
	s[0].reports = s[1].reports = true;
	assert_true(slowest(s, 12) < 6.5);
}

/* Frames, and between them a report each 62.5 ms (transport feedback of WebRTC): the clock is that of the frames. */
static void reports_between_frames(void **state)
{
	enum { REPORT_US = 62500, UNTIL_MS = 4000 };
	static const struct { unsigned frame_ms, least, most, report; } cases[] = {
		{ 60, 200, 300, 38 }, /* as many as frames */
		{ 20, 52, 80, 42 },   /* not much smaller than they */
	};

	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct speech s;
		struct speech_view v[2];
		uint64_t report_us = 13000;
		struct dice d = { 3 };

		speech_start(&s, NS_PER_S);
		for (uint64_t ms = 0; ms < UNTIL_MS; ms += cases[i].frame_ms) {
			for (; report_us < ms * 1000; report_us += REPORT_US)
				speech_feed(&s, 0, NS_PER_S + report_us * NS_PER_US, cases[i].report);
			speech_feed(&s, 0, NS_PER_S + ms * NS_PER_MS, cases[i].least + (uint32_t)((cases[i].most - cases[i].least) * dice_uniform(&d)));
			speech_read(&s, NS_PER_S + ms * NS_PER_MS, v);
		}
		assert_int_equal(v[0].clock.period_ms, cases[i].frame_ms);
		assert_true(v[0].clock.agreement > 0.9f);
		assert_true(v[0].clock.in_step > 0.9f);
	}
}

/* The set-up's large packets, each between two frames of one small size, do not make reports of these. */
static void frames_are_no_reports(void **state)
{
	enum { FRAME = 32, SETUP = 120, SETUP_MS = 400, UNTIL_MS = 2400 };
	struct speech s;
	struct speech_view v[2];

	(void)state;
	speech_start(&s, NS_PER_S);
	for (uint64_t ms = 0; ms < UNTIL_MS; ms += 20) {
		if (ms < SETUP_MS)
			speech_feed(&s, 0, NS_PER_S + ms * NS_PER_MS, SETUP);
		speech_feed(&s, 0, NS_PER_S + (ms + 10) * NS_PER_MS, FRAME);
		speech_read(&s, NS_PER_S + (ms + 10) * NS_PER_MS, v);
	}
	assert_int_equal(v[0].clock.period_ms, 20);
	assert_true(clock_keeps(&v[0].clock, CLOCK_FILLED));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_word_is_enough_for_the_second),
		cmocka_unit_test(half_the_rate_is_enough_for_the_second),
		cmocka_unit_test(a_sure_rate_and_a_likely_one),
		cmocka_unit_test(one_size_counts_from_the_start),
		cmocka_unit_test(comfort_noise_is_no_frame),
		cmocka_unit_test(a_counter_may_grow),
		cmocka_unit_test(pauses_of_both_ends),
		cmocka_unit_test(short_turns),
		cmocka_unit_test(turns_of_a_word),
		cmocka_unit_test(reports_before_the_first_word),
		cmocka_unit_test(reports_between_frames),
		cmocka_unit_test(frames_are_no_reports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
