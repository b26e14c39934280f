/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records that left together (detect/joined.h), and the clock by counting them (detect/speech_count.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "detect/joined.h"
#include "detect/speech_count.h"

#define SECONDS 12

static uint32_t seed = 1;

static uint32_t draw(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)seed * below >> 32);
}

/* --- counting --- */

/* Writes every `period_us`, sent when the one before is acknowledged, after 25 to `wait_us`; the period that is kept, ms, at the end. */
static unsigned nagle(uint32_t period_us, uint32_t wait_us)
{
	struct count_clock c = { 0 };
	uint32_t written = 0;

	for (uint32_t us = 5000; us < SECONDS * 1000000u; us += 25000 + draw(wait_us - 25000)) {
		uint32_t all = us / period_us;

		count_feed(&c, us, all - written);
		written = all;
	}
	return count_keeps_ms(&c);
}

static void counting_finds_the_clock(void **state)
{
	(void)state;
	assert_int_equal(nagle(20000, 30000), 20);
	assert_int_equal(nagle(20000, 120000), 20);
	assert_int_equal(nagle(30000, 90000), 30);
	assert_int_equal(nagle(60000, 70000), 60);
}

/* 48, 60 and 64 Hz, and 50 Hz that runs off by 2 %. */
static void other_clocks_drift(void **state)
{
	static const uint32_t periods[] = { 20833, 16667, 15625, 20400 };

	(void)state;
	for (unsigned i = 0; i < sizeof periods / sizeof *periods; i++)
		assert_int_equal(nagle(periods[i], 90000), 0);
}

static void chance_is_no_clock(void **state)
{
	unsigned kept = 0;

	(void)state;
	for (unsigned run = 0; run < 50; run++) {
		struct count_clock c = { 0 };

		for (uint32_t us = 0; us < SECONDS * 1000000u; us += 40000) {
			count_feed(&c, us, draw(5)); /* two on average: 50 a second */
			kept += count_keeps_ms(&c) != 0;
		}
	}
	assert_int_equal(kept, 0);
}

/* A pause of talk is none of the clock, and a stall is not a pause. */
static void pauses_and_stalls(void **state)
{
	struct count_clock c = { 0 };
	uint32_t us = 0;

	(void)state;
	for (unsigned i = 0; i < 400; i++) {
		unsigned held = i % 90 == 89 ? 10 : 1;

		us += i % 120 == 119 ? 700000 : held * 20000; /* silence; or 10 at once */
		count_feed(&c, us, held);
	}
	assert_int_equal(count_keeps_ms(&c), 20);
}

/* --- spreading --- */

static void joined_records_are_spread(void **state)
{
	struct joined j = { 0 };

	(void)state;
	joined_add(&j, 70 * NS_PER_MS, 10); /* began in a segment before */
	for (unsigned i = 0; i < 3; i++)
		joined_add(&j, 160 * NS_PER_MS, 20);
	joined_spread(&j, 160 * NS_PER_MS, 100 * NS_PER_MS);
	assert_true(j.record[0].ns == 70 * NS_PER_MS);
	assert_true(j.record[1].ns == 120 * NS_PER_MS);
	assert_true(j.record[2].ns == 140 * NS_PER_MS);
	assert_true(j.record[3].ns == 160 * NS_PER_MS);
}

static void no_more_than_there_is_room_for(void **state)
{
	struct joined j = { 0 };

	(void)state;
	for (unsigned i = 0; i < 2 * JOINED_MAX; i++)
		joined_add(&j, 1, 1);
	assert_int_equal(j.n, JOINED_MAX);
}

/* --- secure shell --- */

/* A packet that carries a frame: 4, and padded to a multiple of 8, and a tag of 16. */
static uint32_t packet(uint32_t frame)
{
	return 4 + (1 + 4 + 9 + frame + 7) / 8 * 8 + 16;
}

struct shell { struct ssh_packets both[2]; uint64_t ns[2]; unsigned wrong, segments; };

/* `n` frames of so many bytes leave after n * 20 ms. */
static void send(struct shell *s, int dir, unsigned n, uint32_t frame)
{
	uint64_t before = s->ns[dir];
	struct joined j = { 0 };

	s->ns[dir] += n * 20 * NS_PER_MS;
	joined_add(&j, s->ns[dir], n * packet(frame));
	joined_part_ssh(&j, s->both, dir, before);
	s->segments++;
	s->wrong += j.n != n;
}

static void single_packets_stay_single(void **state)
{
	struct shell s = { 0 };

	(void)state;
	for (unsigned i = 0; i < 500; i++)
		send(&s, 0, 1, i % 100 < 50 ? 6 : 6 + draw(64)); /* silence and talk of a variable rate: factors of three */
	assert_int_equal(s.wrong, 0);
}

/* One end's packets wait, the other's do not: 2 to 4 joined are parted again. */
static void joined_packets_are_parted(void **state)
{
	struct shell s = { 0 };

	(void)state;
	for (unsigned i = 0; i < 500; i++) {
		send(&s, 0, 1, 30 + draw(30));
		send(&s, 1, 2 + draw(3), i % 60 < 30 ? 34 : 40 + draw(30));
		if (i == 20)
			s.wrong = s.segments = 0; /* until then it learns */
	}
	assert_true(20 * s.wrong < s.segments);
}

/* Lengths that no cipher of this kind has. */
static void others_are_left_alone(void **state)
{
	struct ssh_packets both[2] = { { 0 } };

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		struct joined j = { 0 };

		joined_add(&j, i * 20 * NS_PER_MS, 101 + i % 7 * 8);
		joined_add(&j, i * 20 * NS_PER_MS, UINT32_MAX - i);
		joined_part_ssh(&j, both, 0, 0);
		assert_int_equal(j.n, 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counting_finds_the_clock),
		cmocka_unit_test(other_clocks_drift),
		cmocka_unit_test(chance_is_no_clock),
		cmocka_unit_test(pauses_and_stalls),
		cmocka_unit_test(joined_records_are_spread),
		cmocka_unit_test(no_more_than_there_is_room_for),
		cmocka_unit_test(single_packets_stay_single),
		cmocka_unit_test(joined_packets_are_parted),
		cmocka_unit_test(others_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
