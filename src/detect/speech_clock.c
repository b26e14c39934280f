/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/speech_clock.h"

#include <math.h>

const uint8_t clock_period_ms[CLOCK_PERIODS] = { 10, 20, 30, 40, 60 };

/* A longer period must agree nearly as well as a shorter one that divides it, or it is not the period. */
#define LONGER_AGREES  0.75f

/* Below these numbers phases agree by accident too easily to be asked. */
#define READ_MIN_PACKETS 8

#define AIM_AGREEMENT  0.15f    /* a grid as blurred as this still tells near from far; */
#define AIM_BITS       8.0f     /* and an accident is rare enough to try */
#define AIM_US         500
#define ON_GRID        5        /* a fifth of the period to each side; */
#define ON_GRID_SHARP  8        /* an eighth where phases agree like this: */
#define SHARP          0.65f

/*
 * Where delays wander by more than a third of the period nothing is left of the
 * phase, but a queue keeps the order and the number. The count of packets never
 * runs away from time / period by more than the delays do; that of arrivals at
 * random does, by the square root of their number.
 */
#define ROUGH_SPAN_US  2500000
#define ROUGH_DELAY_US 42000    /* of the rate's error: delays of 30 ms that differ at both ends, */
#define ROUGH_LOSS     0.01f    /* and packets lost */
#define ROUGH_AHEAD_US 100000   /* the count may swing by 2 packets and by so much: five standard deviations of 20 ms */
#define ROUGH_WIDE     0.05f    /* gaps of more than two periods; arrivals at random have 0.13 */
#define ROUGH_EVEN     0.75f    /* more gaps than this within 5 ms of the period: a smooth network, that would show the phase */
#define RATE_NEAR      0.06f    /* a rate this near to a period's is measured against it */

static bool is_pause(const struct speech_clock *c, uint32_t gap_us)
{
	return gap_us >= CLOCK_PAUSE_US && gap_us >= c->aim_period_ms * 1000u * (2 * CLOCK_PAUSE_PACKETS + 1) / 2;
}

static unsigned gap_bin(const struct speech_clock *c, uint32_t us)
{
	if (us < 75000)
		return (us + 5000) / 10000;
	return is_pause(c, us) ? 9 : 8;
}

static void halve(uint8_t *row, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		row[i] /= 2;
}

void clock_fade(struct speech_clock *c)
{
	halve(c->phase, CLOCK_BINS);
	halve(c->gap, CLOCK_GAPS);
	c->spurts /= 2;
	c->pauses /= 2;
}

static void count_up(uint8_t *n)
{
	*n += *n != UINT8_MAX;
}

static void count_gap(struct speech_clock *c, uint32_t gap_us)
{
	uint8_t *bin = &c->gap[gap_bin(c, gap_us)];

	if (*bin == UINT8_MAX)
		halve(c->gap, CLOCK_GAPS);
	++*bin;
	if (!is_pause(c, gap_us)) {
		count_up(&c->run);
		return;
	}
	count_up(&c->pauses);
	if (c->run >= CLOCK_SPURT_MIN)
		count_up(&c->spurts);
	c->run = 0;
}

/* The network held packets back and let them go together: nobody was silent. */
static void not_a_pause(struct speech_clock *c)
{
	c->run = CLOCK_SPURT_MIN;
	c->pauses -= c->pauses != 0;
	c->spurts -= c->spurts != 0;
}

static void count_all(struct speech_clock *c, uint32_t us)
{
	if (c->all == 0 || us - c->first_us > CLOCK_RATE_US || c->all == UINT16_MAX) {
		c->first_us = us;
		c->all = 0;
		c->rate_period_ms = 0;
	}
	c->all++;
}

bool clock_feed(struct speech_clock *c, uint32_t us)
{
	unsigned bin = us % CLOCK_FOLD_US / CLOCK_BIN_US;
	bool first = c->all == 0;

	count_all(c, us);
	if (!first) {
		uint32_t gap = us - c->last_us;

		if (gap < CLOCK_CLOSE_US) {
			count_up(&c->gap[0]);
			if (c->run == 0 && c->pauses != 0)
				not_a_pause(c);
			return false;
		}
		count_gap(c, gap);
	}
	c->last_us = us;
	count_up(&c->phase[bin]);
	return true;
}

/* Cosine of whole bins; sine is a quarter of a turn behind. */
static const float cosine[CLOCK_BINS] = {
	1.000000f, 0.987688f, 0.951057f, 0.891007f, 0.809017f, 0.707107f, 0.587785f, 0.453990f,
	0.309017f, 0.156434f, 0.000000f, -0.156434f, -0.309017f, -0.453990f, -0.587785f, -0.707107f,
	-0.809017f, -0.891007f, -0.951057f, -0.987688f, -1.000000f, -0.987688f, -0.951057f, -0.891007f,
	-0.809017f, -0.707107f, -0.587785f, -0.453990f, -0.309017f, -0.156434f, 0.000000f, 0.156434f,
	0.309017f, 0.453990f, 0.587785f, 0.707107f, 0.809017f, 0.891007f, 0.951057f, 0.987688f,
};

/* Sum of the phases as unit vectors, `turns` turns in the fold. */
static float resultant(const uint8_t phase[static CLOCK_BINS], unsigned turns, float *angle)
{
	float x = 0, y = 0;

	for (unsigned i = 0, at = 0; i < CLOCK_BINS; i++, at = (at + turns) % CLOCK_BINS) {
		x += (float)phase[i] * cosine[at];
		y += (float)phase[i] * cosine[(at + CLOCK_BINS * 3 / 4) % CLOCK_BINS];
	}
	*angle = atan2f(y, x);
	return sqrtf(x * x + y * y);
}

/* Spread over a bin shortens the resultant of a perfect grid: by sin(x)/x, x = pi * bin / period. */
static float bin_loss(unsigned period_ms)
{
	float x = (float)M_PI * CLOCK_BIN_US / ((float)period_ms * 1000);

	return sinf(x) / x;
}

static unsigned gaps(const struct speech_clock *c, unsigned from_ms, unsigned to_ms)
{
	unsigned n = 0;

	for (unsigned i = 0; i <= 8; i++)
		if (i * 10 >= from_ms && i * 10 <= to_ms)
			n += c->gap[i];
	return n;
}

static float part_in_step(const struct speech_clock *c, unsigned period_ms)
{
	unsigned all = gaps(c, 1, UINT16_MAX);

	return all == 0 ? 0 : (float)gaps(c, (period_ms + 1) / 2, period_ms * 3 / 2) / (float)all;
}

/* The grid of this period, when it agrees better than what was found so far. */
static void read_phase(const struct speech_clock *c, unsigned period, struct clock_reading *best)
{
	float angle, length = resultant(c->phase, CLOCK_FOLD_US / 1000 / period, &angle);
	float r = fminf(length / (float)best->n / bin_loss(period), 1);

	if (r < best->agreement * LONGER_AGREES)
		return;
	best->period_ms = (uint8_t)period;
	best->agreement = r;
	best->bits = (float)best->n * r * r * (float)M_LOG2E - log2f(CLOCK_PERIODS);
	angle = angle < 0 ? angle + 2 * (float)M_PI : angle;
	best->phase_us = (uint32_t)(angle / (2 * (float)M_PI) * (float)period * 1000) + CLOCK_BIN_US / 2;
	best->phase_us %= period * 1000;
}

static float rate_error(const struct speech_clock *c, unsigned period_ms)
{
	float span = (float)(c->last_us - c->first_us);

	return span <= 0 ? 1 : (float)(c->all - 1) * (float)period_ms * 1000 / span - 1;
}

/* How far the count is ahead of the nearest period now, and how far it has swung. */
static void follow_rate(struct speech_clock *c)
{
	unsigned period = 0;
	float ahead;

	for (unsigned i = 0; i < CLOCK_PERIODS; i++)
		if (fabsf(rate_error(c, clock_period_ms[i])) <= RATE_NEAR)
			period = clock_period_ms[i];
	if (period != c->rate_period_ms) {
		c->rate_period_ms = (uint8_t)period;
		c->ahead_min = INT8_MAX;
		c->ahead_max = INT8_MIN;
	}
	if (period == 0)
		return;
	ahead = (float)(c->all - 1) - (float)(c->last_us - c->first_us) / ((float)period * 1000);
	ahead = fminf(fmaxf(ahead, -100), 100);
	c->ahead_min = ahead < c->ahead_min ? (int8_t)floorf(ahead) : c->ahead_min;
	c->ahead_max = ahead > c->ahead_max ? (int8_t)ceilf(ahead) : c->ahead_max;
}

static bool rate_is_exact(const struct speech_clock *c)
{
	unsigned period = c->rate_period_ms, all = gaps(c, 0, UINT16_MAX);
	float span = (float)(c->last_us - c->first_us);

	return period != 0 && span >= ROUGH_SPAN_US && c->gap[CLOCK_GAPS - 1] <= 1 &&
	    fabsf(rate_error(c, period)) <= ROUGH_LOSS + ROUGH_DELAY_US / span &&
	    c->ahead_max - c->ahead_min <= 2 + (int)(ROUGH_AHEAD_US / 1000 / period) &&
	    (float)gaps(c, period * 9 / 4, UINT16_MAX) <= ROUGH_WIDE * (float)all &&
	    (float)c->gap[period / 10] < ROUGH_EVEN * (float)all;
}

static uint16_t phases(const struct speech_clock *c)
{
	unsigned n = 0;

	for (unsigned i = 0; i < CLOCK_BINS; i++)
		n += c->phase[i];
	return (uint16_t)n;
}

struct clock_reading clock_read(struct speech_clock *c, uint32_t span_us)
{
	struct clock_reading best = { .n = phases(c) };

	follow_rate(c);
	if (best.n < READ_MIN_PACKETS || span_us == 0)
		return best;
	for (unsigned i = 0; i < CLOCK_PERIODS; i++)
		read_phase(c, clock_period_ms[i], &best);
	if (best.agreement < AIM_AGREEMENT && rate_is_exact(c)) {
		best.rough = true;
		best.period_ms = c->rate_period_ms;
	}
	if (best.rough || (best.agreement >= AIM_AGREEMENT && best.bits >= AIM_BITS)) {
		c->aim_period_ms = best.period_ms;
		c->aim_phase = (uint8_t)(best.phase_us / AIM_US);
		c->aim_blur = best.rough ? CLOCK_RATE_ONLY : best.agreement >= SHARP ? CLOCK_SHARP : CLOCK_BLURRED;
	}
	best.filled = (float)best.n * (float)best.period_ms * 1000 / (float)span_us;
	best.in_step = part_in_step(c, best.period_ms);
	best.skips = (uint8_t)gaps(c, best.period_ms * 3 / 2 + 1, UINT16_MAX);
	return best;
}

bool clock_on_grid(const struct speech_clock *c, uint32_t us)
{
	uint32_t period = c->aim_period_ms * 1000u, off, near;

	if (period == 0 || c->aim_blur == CLOCK_RATE_ONLY)
		return period != 0;
	near = period / (c->aim_blur == CLOCK_SHARP ? ON_GRID_SHARP : ON_GRID);
	off = (us % CLOCK_FOLD_US + CLOCK_FOLD_US - c->aim_phase * AIM_US) % period;
	return off <= near || off >= period - near;
}
