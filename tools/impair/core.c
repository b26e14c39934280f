/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core.h"

#include <math.h>

#define NS_PER_MS 1e6
#define NS_PER_S 1e9
#define BITS_PER_BYTE 8
#define SECOND_STREAM 0xd1b54a32d192ed03 /* any odd number: the two directions must not share a seed */

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

double impair_uniform(uint64_t *state)
{
	return (double)(next_random(state) >> 11) * 0x1p-53;
}

static double exponential(uint64_t *state, double mean)
{
	return -mean * log(1 - impair_uniform(state));
}

/* Box and Muller, one of the two. */
static double normal(uint64_t *state)
{
	double r = sqrt(-2 * log(1 - impair_uniform(state)));

	return r * cos(2 * M_PI * impair_uniform(state));
}

static void next_stall(struct impair_way *way)
{
	const struct impair_profile *p = &way->p;
	double length = p->stall_min_ms + (p->stall_max_ms - p->stall_min_ms) * impair_uniform(&way->rng);

	way->stall_from = way->stall_to + (int64_t)exponential(&way->rng, NS_PER_S / p->stalls_per_s);
	way->stall_to = way->stall_from + (int64_t)(length * NS_PER_MS);
}

void impair_open(struct impair_way *way, const struct impair_profile *profile, uint64_t seed)
{
	*way = (struct impair_way){ .p = *profile, .rng = seed, .last_out = INT64_MIN, .busy_until = INT64_MIN };
	way->stall_to = INT64_MIN;
	way->grant_phase = (int64_t)(impair_uniform(&way->rng) * profile->grant_ms * NS_PER_MS);
	way->wander = profile->wander_ms * NS_PER_MS * normal(&way->rng);
	way->bad = impair_uniform(&way->rng) < profile->loss;
}

void impair_open_pair(struct impair_way ways[static 2], const struct impair_profile profile[static 2], uint64_t seed)
{
	impair_open(&ways[0], &profile[0], seed);
	impair_open(&ways[1], &profile[1], seed ^ SECOND_STREAM);
}

/*
 * Leaves the bad state with 1/burst and enters it so often that the share of bad
 * is `loss`. A run as short as random loss has, 1 / (1 - loss), makes it that.
 */
static bool lose(struct impair_way *way)
{
	double loss = way->p.loss, shortest, leave;

	if (loss <= 0)
		return false;
	if (loss >= 1)
		return true;
	shortest = 1 / (1 - loss);
	leave = 1 / (way->p.burst > shortest ? way->p.burst : shortest);
	if (impair_uniform(&way->rng) < (way->bad ? leave : leave * loss / (1 - loss)))
		way->bad = !way->bad;
	return way->bad;
}

static int64_t next_grant(const struct impair_way *way, int64_t t)
{
	int64_t period = (int64_t)(way->p.grant_ms * NS_PER_MS), into = (t - way->grant_phase) % period;

	if (into < 0)
		into += period;
	return into == 0 ? t : t + period - into;
}

static double retries_ms(struct impair_way *way)
{
	const struct impair_profile *p = &way->p;
	double wait = 0;

	while (wait + p->retry_ms <= p->retry_max_ms && impair_uniform(&way->rng) < p->retry_p)
		wait += p->retry_ms;
	return wait;
}

/* When the medium is ours, for a packet that is ready at t. */
static int64_t access_medium(struct impair_way *way, int64_t t)
{
	const struct impair_profile *p = &way->p;

	if (p->contention_ms > 0)
		t += (int64_t)(exponential(&way->rng, p->contention_ms) * NS_PER_MS);
	if (p->stalls_per_s > 0) {
		if (way->stall_to == INT64_MIN)
			way->stall_to = t;
		while (way->stall_to <= t)
			next_stall(way);
		if (t >= way->stall_from)
			t = way->stall_to;
	}
	if (p->grant_ms > 0)
		t = next_grant(way, t);
	if (p->retry_p > 0)
		t += (int64_t)(retries_ms(way) * NS_PER_MS);
	return t;
}

static int64_t wander(struct impair_way *way, int64_t t)
{
	double sd = way->p.wander_ms * NS_PER_MS, keep;

	if (sd <= 0)
		return 0;
	keep = way->p.wander_tau_ms > 0 ? exp(-(double)(t - way->wander_at) / (way->p.wander_tau_ms * NS_PER_MS)) : 0;
	way->wander = keep * way->wander + sd * sqrt(1 - keep * keep) * normal(&way->rng);
	way->wander_at = t;
	return (int64_t)way->wander;
}

enum impair_fate impair_send(struct impair_way *way, int64_t now, unsigned len, int64_t *out)
{
	const struct impair_profile *p = &way->p;
	int64_t t, travel;

	way->sent++;
	if (lose(way)) {
		way->lost++;
		return IMPAIR_LOST;
	}
	t = access_medium(way, now);
	if (p->rate_kbit > 0) {
		if (t < way->busy_until)
			t = way->busy_until;
		if (p->queue_ms > 0 && (double)(t - now) > p->queue_ms * NS_PER_MS) {
			way->overflowed++;
			return IMPAIR_FULL;
		}
		t += (int64_t)(len * BITS_PER_BYTE / p->rate_kbit * NS_PER_MS);
		way->busy_until = t;
	}
	travel = (int64_t)(p->delay_ms * NS_PER_MS) + wander(way, now);
	t += travel > 0 ? travel : 0;
	if (p->reorder_p > 0 && impair_uniform(&way->rng) < p->reorder_p) {
		way->held++;
		*out = t + (int64_t)(p->reorder_ms * NS_PER_MS); /* the others go ahead: last_out stays */
		return IMPAIR_PASS;
	}
	if (t < way->last_out)
		t = way->last_out;
	way->last_out = t;
	*out = t;
	return IMPAIR_PASS;
}
