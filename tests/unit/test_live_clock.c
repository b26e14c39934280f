/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The time of a live source while the system's clock is set back and forth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "source/live_clock.h"

#define WALL (1795295220 * NS_PER_S)
#define UP   (5000 * NS_PER_S)
#define HOUR (3600 * NS_PER_S)

static struct live_clock c;
static uint64_t up;      /* CLOCK_MONOTONIC */
static int64_t set_ns;   /* what CLOCK_REALTIME was set by */

static uint64_t wall(void)
{
	return WALL + (up - UP) + (uint64_t)set_ns;
}

static int start(void **state)
{
	(void)state;
	up = UP;
	set_ns = 0;
	live_clock_start(&c, up, wall());
	return 0;
}

/* A packet stamped `ago` before now, as the source takes it. */
static uint64_t packet(uint64_t stamp)
{
	if (live_clock_odd(&c, stamp))
		live_clock_look(&c, up, wall());
	c.out_ns = live_clock_mono(&c, stamp);
	return c.out_ns;
}

static void it_is_the_walls(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		up += 7 * NS_PER_MS;
		assert_int_equal(packet(wall() - 1000), wall() - 1000);
		assert_int_equal(live_clock_wall(&c, c.out_ns), wall() - 1000);
	}
}

static void it_never_steps_back(void **state)
{
	uint64_t at;

	(void)state;
	up += NS_PER_S;
	at = packet(wall());
	assert_int_equal(packet(wall() - 3 * NS_PER_MS), at); /* late by a little */
	assert_int_equal(packet(wall() - HOUR), at);
	assert_int_equal(packet(0), at);
	up += NS_PER_S;
	assert_int_equal(packet(wall()), at + NS_PER_S);
}

static void it_never_runs_ahead(void **state)
{
	(void)state;
	up += NS_PER_S;
	assert_int_equal(packet(wall() + HOUR), WALL + NS_PER_S);
	assert_int_equal(packet(UINT64_MAX / 2), WALL + NS_PER_S);
	up += NS_PER_S;
	assert_int_equal(packet(wall()), WALL + 2 * NS_PER_S);
}

/* Set forth and back by an hour, busy all the while: a second stays a second, though packets of before still come. */
static void a_clock_that_is_set_does_not_matter(void **state)
{
	static const int64_t sets[] = { (int64_t)HOUR, -(int64_t)HOUR, -2 * (int64_t)HOUR, 60 * (int64_t)NS_PER_MS };
	uint64_t at, old;

	(void)state;
	for (unsigned i = 0; i < sizeof sets / sizeof *sets; i++) {
		up += NS_PER_S;
		at = packet(wall());
		up += 2 * NS_PER_MS;
		old = wall();
		set_ns += sets[i];
		up += NS_PER_MS;
		assert_in_range(packet(wall()), at, at + 3 * NS_PER_MS);
		assert_in_range(packet(old), at, at + 3 * NS_PER_MS);
		up += NS_PER_S;
		live_clock_look(&c, up, wall()); /* a wait came in between */
		assert_in_range(packet(wall()), at + NS_PER_S, at + NS_PER_S + 4 * NS_PER_MS);
		assert_int_equal(live_clock_wall(&c, c.out_ns), wall());
	}
}

/* A clock that is slewed moves both alike; small steps are let be, so that they cannot add up. */
static void small_steps_are_let_be(void **state)
{
	(void)state;
	up += NS_PER_S;
	set_ns = -20 * (int64_t)NS_PER_MS;
	live_clock_look(&c, up, wall());
	assert_int_equal(packet(wall()), WALL + NS_PER_S - 20 * NS_PER_MS);
	set_ns -= 20 * (int64_t)NS_PER_MS;
	live_clock_look(&c, up, wall());
	assert_int_equal(c.offset_ns, 0);
	set_ns -= 20 * (int64_t)NS_PER_MS;
	live_clock_look(&c, up, wall());
	assert_int_equal(c.offset_ns, 60 * NS_PER_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(it_is_the_walls, start),
		cmocka_unit_test_setup(it_never_steps_back, start),
		cmocka_unit_test_setup(it_never_runs_ahead, start),
		cmocka_unit_test_setup(a_clock_that_is_set_does_not_matter, start),
		cmocka_unit_test_setup(small_steps_are_let_be, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
