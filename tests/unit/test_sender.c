/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sender's clock from TCP time stamps (detect/sender.h), and the option they stand in (packet/stamp.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "detect/sender.h"
#include "packet/packet.h"

#define START_NS   (1000 * NS_PER_S)
#define PERIOD_MS  20
#define FIRST      (UINT32_MAX - 300) /* it wraps on the way */
#define FRAMES     200
#define LEARNING   19                 /* frames: 0.4 s and no delay; */
#define LEARNT     25                 /* and then it is known */

/* Milliseconds a frame is late, by turns; the least is 0. */
static const unsigned late_ms[] = { 3, 0, 17, 9, 1, 30, 12 };

static unsigned late(unsigned i)
{
	return late_ms[i % (sizeof late_ms / sizeof *late_ms)];
}

static uint64_t frame(struct sender_clock *c, unsigned i, unsigned ticks_ms, uint64_t extra_ms)
{
	uint64_t arrived = START_NS + (i * PERIOD_MS + late(i) + extra_ms) * NS_PER_MS;

	return sender_time(c, arrived, true, FIRST + i * PERIOD_MS / ticks_ms);
}

static void delays_do_not_show(void **state)
{
	struct sender_clock c = { 0 };

	(void)state;
	for (unsigned i = 0; i < FRAMES; i++) {
		uint64_t at = frame(&c, i, 1, i > 100 && i < 120 ? 400 : 0); /* a stall on the way */

		if (i >= LEARNT)
			assert_true(at == START_NS + i * PERIOD_MS * NS_PER_MS);
		else if (i < LEARNING)
			assert_true(at == START_NS + (i * PERIOD_MS + late(i)) * NS_PER_MS);
	}
}

static void other_ticks_are_not_used(void **state)
{
	static const unsigned ticks[] = { 4, 10 };

	(void)state;
	for (unsigned t = 0; t < 2; t++) {
		struct sender_clock c = { 0 };

		for (unsigned i = 0; i < FRAMES; i++)
			assert_true(frame(&c, i, ticks[t], 0) == START_NS + (i * PERIOD_MS + late(i)) * NS_PER_MS);
	}
}

static void arrival_without_stamps(void **state)
{
	struct sender_clock c = { 0 };

	(void)state;
	for (unsigned i = 0; i < FRAMES; i++)
		assert_true(sender_time(&c, START_NS + i, false, i * 1000) == START_NS + i);
}

/* A stamp out of all proportion: somebody rewrites them, or the clock was set. */
static void a_clock_that_jumps_is_given_up(void **state)
{
	struct sender_clock c = { 0 };

	(void)state;
	for (unsigned i = 0; i < FRAMES / 2; i++)
		frame(&c, i, 1, 0);
	assert_true(sender_time(&c, START_NS + 2100 * NS_PER_MS, true, FIRST + 60000) == START_NS + 2100 * NS_PER_MS);
	for (unsigned i = FRAMES / 2; i < FRAMES; i++)
		assert_true(frame(&c, i, 1, 0) == START_NS + (i * PERIOD_MS + late(i)) * NS_PER_MS);
}

static bool stamp_of(const uint8_t *options, uint8_t n, uint32_t *ticks)
{
	struct packet p = { .payload = options + n, .tcp_options = n };

	return packet_stamp(&p, ticks);
}

static void option_is_found(void **state)
{
	static const uint8_t usual[] = { 1, 1, 8, 10, 0x12, 0x34, 0x56, 0x78, 0, 0, 0, 9 };
	static const uint8_t behind[] = { 2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 7, 0, 0, 0, 0, 1, 3, 3, 7 };
	uint32_t ticks = 0;

	(void)state;
	assert_true(stamp_of(usual, sizeof usual, &ticks));
	assert_int_equal(ticks, 0x12345678);
	assert_true(stamp_of(behind, sizeof behind, &ticks));
	assert_int_equal(ticks, 7);
}

static void broken_options_have_none(void **state)
{
	static const uint8_t cut[] = { 1, 1, 8, 10, 0x12, 0x34 }, none[] = { 8, 0, 8, 10, 0, 0, 0, 1, 0, 0, 0, 1 };
	static const uint8_t ended[] = { 0, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 1 }, one[] = { 8 }, far[] = { 3, 200, 1, 1 };
	uint32_t ticks = 0;

	(void)state;
	assert_false(stamp_of(cut, sizeof cut, &ticks));
	assert_false(stamp_of(none, sizeof none, &ticks));
	assert_false(stamp_of(ended, sizeof ended, &ticks));
	assert_false(stamp_of(one, sizeof one, &ticks));
	assert_false(stamp_of(far, sizeof far, &ticks));
	assert_false(stamp_of(one, 0, &ticks));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delays_do_not_show),
		cmocka_unit_test(other_ticks_are_not_used),
		cmocka_unit_test(arrival_without_stamps),
		cmocka_unit_test(a_clock_that_jumps_is_given_up),
		cmocka_unit_test(option_is_found),
		cmocka_unit_test(broken_options_have_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
