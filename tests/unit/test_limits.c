/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The token buckets of `limit`: what passes in the long run, and whose bucket it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "engine/limits.h"

#define RATE    5000u /* bytes/s */
#define SECONDS 20u

static const struct rule rule = { .file = "test", .line = 3, .reason = "", .limit_bytes_per_s = RATE };

static struct addr host(uint32_t n)
{
	uint8_t b[4] = { 10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n };
	struct addr a;

	addr_from_v4(&a, b);
	return a;
}

static bool take(struct limits *l, const struct rule *r, uint32_t n, uint32_t bytes, uint64_t ns)
{
	struct addr a = host(n);
	bool forgot;

	return limits_take(l, r, &a, bytes, NS_PER_S + ns, &forgot);
}

/* Bytes that pass when packets of one size come at ten times the rate. */
static uint64_t passed(uint32_t size)
{
	struct limits *l = limits_new();
	uint64_t sum = 0, step = (uint64_t)size * NS_PER_S / RATE / 10;

	for (uint64_t ns = 0; ns < SECONDS * NS_PER_S; ns += step)
		sum += take(l, &rule, 1, size, ns) ? size : 0;
	limits_free(l);
	return sum;
}

static void the_rate_holds_for_packets_of_any_size(void **state)
{
	/* the last is larger than what may come at once: it passes all the same, and is paid for */
	static const uint32_t sizes[] = { 60, 172, 1400, 12000 };

	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		uint64_t sum = passed(sizes[i]);

		assert_in_range(sum, RATE * (SECONDS - 3), RATE * (SECONDS + 1) + sizes[i]);
	}
	(void)state;
}

static void each_host_and_each_rule_has_its_own(void **state)
{
	struct limits *l = limits_new();
	struct rule other = rule, again = rule;

	other.line = 4;
	assert_true(take(l, &rule, 1, RATE, 0));
	assert_false(take(l, &rule, 1, 1, 0));
	assert_true(take(l, &rule, 2, RATE, 0));
	assert_true(take(l, &other, 1, RATE, 0));
	assert_false(take(l, &again, 1, 1, 0)); /* the same line, read again: no fresh second */
	assert_true(take(l, &rule, 1, RATE / 2, NS_PER_S / 2));
	assert_false(take(l, &rule, 1, 1, 0)); /* a clock a little behind */
	limits_free(l);
	(void)state;
}

static void too_many_hosts_are_counted(void **state)
{
	enum { HOSTS = 20000 };
	struct limits *l = limits_new();
	unsigned lost = 0;
	bool forgot;

	for (uint32_t i = 0; i < HOSTS; i++) {
		struct addr a = host(i);

		assert_true(limits_take(l, &rule, &a, RATE, NS_PER_S, &forgot));
		lost += forgot;
	}
	assert_in_range(lost, HOSTS - 4096, HOSTS);
	/* a second later all are full again, and nothing is lost with them */
	lost = 0;
	for (uint32_t i = HOSTS; i < HOSTS + 100; i++) {
		struct addr a = host(i);

		assert_true(limits_take(l, &rule, &a, 1, 3 * NS_PER_S, &forgot));
		lost += forgot;
	}
	assert_int_equal(lost, 0);
	limits_free(l);
	(void)state;
}

struct crowd { struct limits *l; atomic_uint passed; };

static void *take_many(void *arg)
{
	struct crowd *c = arg;

	for (unsigned i = 0; i < 20000; i++)
		if (take(c->l, &rule, 1, 1, 0))
			atomic_fetch_add(&c->passed, 1);
	return NULL;
}

static void workers_share_it(void **state)
{
	struct crowd c = { .l = limits_new() };
	pthread_t t[4];

	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, take_many, &c), 0);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(atomic_load(&c.passed), RATE);
	limits_free(c.l);
	(void)state;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rate_holds_for_packets_of_any_size),
		cmocka_unit_test(each_host_and_each_rule_has_its_own),
		cmocka_unit_test(too_many_hosts_are_counted),
		cmocka_unit_test(workers_share_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
