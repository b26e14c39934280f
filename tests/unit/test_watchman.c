/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When a worker counts as hung, and when the machine is merely busy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gate/watchman.h"

#define WORKERS  3
#define ROUND_NS (WATCHMAN_ROUND_MS * NS_PER_MS)
#define BEGIN_NS (5000 * NS_PER_S)
#define PROMISE_NS (1000 * NS_PER_MS) /* traffic is interrupted for at most */

static struct watchman man;
static beat beats[WORKERS];
static uint64_t now;

static int start(void **state)
{
	(void)state;
	man = (struct watchman){ 0 };
	now = BEGIN_NS;
	for (unsigned i = 0; i < WORKERS; i++)
		atomic_store(&beats[i], now);
	return 0;
}

static int round_after(uint64_t ns)
{
	now += ns;
	return watchman_round(&man, beats, WORKERS, now);
}

static void sign_all(void)
{
	for (unsigned i = 0; i < WORKERS; i++)
		atomic_store(&beats[i], now);
}

/* Everybody signs, but for worker 1: when is it found out? */
static void test_hung(void **state)
{
	uint64_t from = now;
	int who = -1;

	(void)state;
	while (who < 0 && now < from + PROMISE_NS) {
		who = round_after(ROUND_NS);
		atomic_store(&beats[0], now);
		atomic_store(&beats[2], now);
	}
	assert_int_equal(who, 1);
	assert_true(now - from > WATCHMAN_HUNG_NS);
	assert_true(now - from <= WATCHMAN_HUNG_NS + 2 * ROUND_NS);
}

static void test_alive(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(round_after(ROUND_NS), -1);
		if (i % 10 == 9)
			sign_all();
	}
}

/* The machine stands still, or has no core for anybody: that is nobody's silence. */
static void test_busy_machine(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		assert_int_equal(round_after(2 * NS_PER_S), -1);
		assert_int_equal(round_after(ROUND_NS), -1);
		sign_all();
	}
	/* but it is found out there too, within so many rounds */
	for (unsigned i = 0; i < WATCHMAN_HUNG_NS / WATCHMAN_ROUND_MAX_NS; i++)
		assert_int_equal(round_after(2 * NS_PER_S), -1);
	assert_int_equal(round_after(2 * NS_PER_S), 0);
}

static void test_not_begun_or_over(void **state)
{
	(void)state;
	atomic_store(&beats[0], BEAT_NONE);
	atomic_store(&beats[1], BEAT_OVER);
	for (int i = 0; i < 100; i++) {
		atomic_store(&beats[2], now);
		assert_int_equal(round_after(ROUND_NS), -1);
	}
	/* begun anew: what was counted before is not held against it */
	atomic_store(&beats[0], now);
	assert_int_equal(round_after(ROUND_NS), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_hung, start),
		cmocka_unit_test_setup(test_alive, start),
		cmocka_unit_test_setup(test_busy_machine, start),
		cmocka_unit_test_setup(test_not_begun_or_over, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
