/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core.h"
#include "profile.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define N 200000
#define MS 1000000LL
#define BYTES 200

/* What became of N packets, one each `gap` ns. */
struct outcome {
	double mean, sd, most; /* delay, ms */
	double lost, burst;    /* share; packets in a run of losses */
	unsigned long overtaken, full;
};

static struct outcome send_all(const struct impair_profile *p, int64_t gap, uint64_t seed)
{
	struct impair_way way;
	struct outcome o = { 0 };
	double sum = 0, squares = 0, runs = 0, lost = 0, n = 0;
	int64_t out, highest = INT64_MIN;
	bool was_lost = false;

	impair_open(&way, p, seed);
	for (int64_t i = 0; i < N; i++) {
		enum impair_fate fate = impair_send(&way, i * gap, BYTES, &out);
		double ms = (double)(out - i * gap) / MS;

		runs += fate == IMPAIR_LOST && !was_lost;
		was_lost = fate == IMPAIR_LOST;
		lost += was_lost;
		o.full += fate == IMPAIR_FULL;
		if (fate != IMPAIR_PASS)
			continue;
		assert_true(out >= i * gap);
		o.overtaken += out < highest;
		highest = out > highest ? out : highest;
		sum += ms;
		squares += ms * ms;
		o.most = ms > o.most ? ms : o.most;
		n++;
	}
	o.mean = sum / n;
	o.sd = sqrt(squares / n - o.mean * o.mean);
	o.lost = lost / N;
	o.burst = runs > 0 ? lost / runs : 0;
	return o;
}

static void near(double got, double want, double share)
{
	if (fabs(got - want) > want * share)
		fail_msg("%g, not %g to %g %%", got, want, share * 100);
}

static void test_nothing(void **state)
{
	struct impair_profile p = { 0 };
	struct outcome o = send_all(&p, MS, 1);

	(void)state;
	assert_true(o.mean == 0 && o.most == 0 && o.lost == 0 && o.overtaken == 0);
}

/* Mean and standard deviation are those asked for, while packets come too seldom to be kept in order by waiting. */
static void test_wander(void **state)
{
	struct impair_profile p = { .delay_ms = 300, .wander_ms = 20, .wander_tau_ms = 300 };
	struct outcome o = send_all(&p, 200 * MS, 2);

	(void)state;
	near(o.mean, 300, 0.01);
	near(o.sd, 20, 0.05);
}

/* Neighbours of a slow wander are alike: exp(-20/300) of it stays from one packet to the next. */
static void test_wander_is_slow(void **state)
{
	struct impair_profile p = { .delay_ms = 300, .wander_ms = 20, .wander_tau_ms = 300 };
	struct impair_way way;
	double together = 0, last = 0;
	int64_t out;

	(void)state;
	impair_open(&way, &p, 3);
	for (int64_t i = 0; i < N; i++) {
		(void)impair_send(&way, i * 20 * MS, BYTES, &out);
		together += i == 0 ? 0 : last * way.wander;
		last = way.wander;
	}
	near(together / N / (20. * MS * 20. * MS), exp(-20. / 300), 0.05);
}

static void test_loss(void **state)
{
	static const struct { double loss, burst, seen; } cases[] = {
		{ 0.01, 0, 1 / 0.99 }, { 0.05, 1, 1 / 0.95 }, { 0.05, 3, 3 }, { 0.2, 8, 8 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct impair_profile p = { .loss = cases[i].loss, .burst = cases[i].burst };
		struct outcome o = send_all(&p, 20 * MS, 4 + i);

		near(o.lost, cases[i].loss, 0.08);
		near(o.burst, cases[i].seen, 0.08);
	}
}

/*
 * A packet meets a stall with rate x mean length / (1 + rate x mean length), as
 * stalls do not overlap, and then waits for the rest of it: E[S^2] / 2 E[S] in
 * the mean, E[S^3] / 3 E[S] in the mean of squares.
 */
static void test_stalls(void **state)
{
	struct impair_profile p = { .stalls_per_s = 4, .stall_min_ms = 10, .stall_max_ms = 30 };
	struct outcome o = send_all(&p, 20 * MS, 9);
	double mean = 20, squares = mean * mean + 20. * 20. / 12, cubes = (30. * 30 * 30 * 30 - 10. * 10 * 10 * 10) / (4 * 20);
	double met = 4 * mean / 1000 / (1 + 4 * mean / 1000);

	(void)state;
	near(o.mean, met * squares / (2 * mean), 0.05);
	near(o.sd, sqrt(met * cubes / (3 * mean) - o.mean * o.mean), 0.05);
	assert_true(o.most <= 30);
}

static void test_grants(void **state)
{
	struct impair_profile p = { .grant_ms = 5 };
	struct impair_way way;
	int64_t out, first = -1;

	(void)state;
	impair_open(&way, &p, 10);
	for (int64_t i = 0; i < 1000; i++) {
		(void)impair_send(&way, i * 7 * MS + 123457, BYTES, &out);
		first = first < 0 ? out % (5 * MS) : first;
		assert_int_equal(out % (5 * MS), first);
		assert_true(out - (i * 7 * MS + 123457) < 5 * MS);
	}
}

/* Each further retry is p as likely, to the limit. */
static void test_retries(void **state)
{
	struct impair_profile p = { .retry_p = 0.2, .retry_ms = 8, .retry_max_ms = 24 };
	struct outcome o = send_all(&p, 100 * MS, 11);

	(void)state;
	near(o.mean, 8 * (0.2 + 0.04 + 0.008), 0.05);
	near(o.most, 24, 0.001);
}

static void test_rate(void **state)
{
	/* 200 bytes each ms are 1600 kbit/s into 800: half is dropped, what passes waits as long as may be. */
	struct impair_profile p = { .rate_kbit = 800, .queue_ms = 100 };
	struct outcome o = send_all(&p, MS, 12);

	(void)state;
	near((double)o.full / N, 0.5, 0.02);
	near(o.most, 102, 0.01);
	p.rate_kbit = 3200; /* half busy: nobody waits */
	o = send_all(&p, MS, 12);
	assert_int_equal(o.full, 0);
	near(o.mean, 0.5, 0.001);
}

static void test_reorder(void **state)
{
	struct impair_profile p = { .reorder_p = 0.01, .reorder_ms = 30 };
	struct outcome o = send_all(&p, 10 * MS, 13);

	(void)state;
	assert_int_equal(send_all(&(struct impair_profile){ .contention_ms = 30 }, 10 * MS, 13).overtaken, 0);
	near((double)o.overtaken / N, 2 * 0.01, 0.1); /* two go ahead of each; the third comes at the same time */
}

static void test_same_seed(void **state)
{
	struct impair_profile p;
	struct outcome a, b, c;

	(void)state;
	assert_true(profile_find("wifi-bad", &p));
	a = send_all(&p, 20 * MS, 7);
	b = send_all(&p, 20 * MS, 7);
	c = send_all(&p, 20 * MS, 8);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_true(a.mean != c.mean && a.lost != c.lost);
}

static void test_profiles(void **state)
{
	static const char *const names[] = { "none", "wired", "wifi", "wifi-bad", "lte", "satellite", "lossy", "drift" };
	struct impair_profile p;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_true(profile_find(names[i], &p));
	assert_false(profile_find("tin-can", &p));
	assert_true(profile_find("lossy", &p));
	near(send_all(&p, 20 * MS, 1).lost, 0.05, 0.1);
	assert_true(profile_find("satellite", &p));
	near(send_all(&p, 20 * MS, 1).mean, 300, 0.03);
	near(send_all(&p, 20 * MS, 1).sd, 20, 0.1);
}

static void test_set(void **state)
{
	struct impair_profile p = { 0 };

	(void)state;
	assert_null(profile_set(&p, "loss=0.25,delay_ms=40,drift_ppm=-3"));
	assert_true(p.loss == 0.25 && p.delay_ms == 40 && p.drift_ppm == -3);
	assert_non_null(profile_set(&p, "loss"));
	assert_non_null(profile_set(&p, "losses=1"));
	assert_non_null(profile_set(&p, "loss=x"));
	assert_non_null(profile_set(&p, "loss=-1"));
	assert_non_null(profile_set(&p, "loss=1 2"));
	assert_null(profile_set(&p, ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing), cmocka_unit_test(test_wander), cmocka_unit_test(test_wander_is_slow),
		cmocka_unit_test(test_loss), cmocka_unit_test(test_stalls), cmocka_unit_test(test_grants),
		cmocka_unit_test(test_retries), cmocka_unit_test(test_rate), cmocka_unit_test(test_reorder),
		cmocka_unit_test(test_same_seed), cmocka_unit_test(test_profiles), cmocka_unit_test(test_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
