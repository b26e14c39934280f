/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/speech_clock.h"

#include <math.h>

const uint8_t clock_period_ms[CLOCK_PERIODS] = { 10, 20, 30, 40, 60 };

/* A longer period must agree nearly as well as a shorter one that divides it, or it is not the period. */
#define LONGER_AGREES 0.75f

/* Below these numbers phases agree by accident too easily to be asked. */
#define READ_MIN_PACKETS 8

static unsigned gap_bin(uint32_t us)
{
	if (us < 75000)
		return (us + 5000) / 10000;
	return us < CLOCK_PAUSE_US ? 8 : 9;
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
	c->n = 0;
	for (unsigned i = 0; i < CLOCK_BINS; i++)
		c->n = (uint16_t)(c->n + c->phase[i]);
	c->spurts /= 2;
	c->pauses /= 2;
}

static void count_gap(struct speech_clock *c, uint32_t gap_us)
{
	unsigned bin = gap_bin(gap_us);

	if (c->gap[bin] != UINT8_MAX)
		c->gap[bin]++;
	if (gap_us < CLOCK_PAUSE_US) {
		c->run += c->run != UINT8_MAX;
		return;
	}
	c->pauses += c->pauses != UINT8_MAX;
	if (c->run >= CLOCK_SPURT_MIN)
		c->spurts += c->spurts != UINT8_MAX;
	c->run = 0;
}

bool clock_feed(struct speech_clock *c, uint32_t us)
{
	unsigned bin = us % CLOCK_FOLD_US / CLOCK_BIN_US;

	if (c->begun) {
		if (us - c->last_us < CLOCK_CLOSE_US)
			return false;
		count_gap(c, us - c->last_us);
	}
	c->begun = 1;
	c->last_us = us;
	if (c->phase[bin] != UINT8_MAX) {
		c->phase[bin]++;
		c->n++;
	}
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

static float part_in_step(const struct speech_clock *c, unsigned period_ms)
{
	unsigned all = 0, one = 0;

	for (unsigned i = 0; i <= 8; i++) {
		unsigned ms = i * 10;

		all += c->gap[i];
		if (2 * ms >= period_ms && 2 * ms <= 3 * period_ms)
			one += c->gap[i];
	}
	return all == 0 ? 0 : (float)one / (float)all;
}

struct clock_reading clock_read(const struct speech_clock *c, uint32_t span_us)
{
	struct clock_reading best = { 0 };

	if (c->n < READ_MIN_PACKETS || span_us == 0)
		return best;
	for (unsigned i = 0; i < CLOCK_PERIODS; i++) {
		unsigned period = clock_period_ms[i];
		float angle, length = resultant(c->phase, CLOCK_FOLD_US / 1000 / period, &angle);
		float r = length / (float)c->n;

		r = fminf(r / bin_loss(period), 1);
		if (r < best.agreement * LONGER_AGREES)
			continue;
		best.period_ms = (uint8_t)period;
		best.agreement = r;
		best.bits = (float)c->n * r * r * (float)M_LOG2E - log2f(CLOCK_PERIODS);
		best.filled = length * (float)period * 1000 / (float)span_us;
		angle = angle < 0 ? angle + 2 * (float)M_PI : angle;
		best.phase_us = (uint32_t)(angle / (2 * (float)M_PI) * (float)period * 1000) + CLOCK_BIN_US / 2;
		best.phase_us %= period * 1000;
	}
	if (best.period_ms != 0)
		best.in_step = part_in_step(c, best.period_ms);
	return best;
}

float clock_distance(const struct clock_reading *r, uint32_t us)
{
	uint32_t period = r->period_ms * 1000u;
	uint32_t off;

	if (period == 0)
		return 0.5f;
	off = (us % CLOCK_FOLD_US + CLOCK_FOLD_US - r->phase_us) % period;
	return (off > period / 2 ? (float)off - (float)period : (float)off) / (float)period;
}
