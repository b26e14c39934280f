/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/speech_count.h"

#include <math.h>

#include "detect/speech_clock.h"

#define LEARN_US     1000000  /* before the rate is looked at; */
#define LEARN_NEAR   0.12f    /* it is then off by what waited at both ends, 60 ms each */
#define PAUSE_US     130000   /* as CLOCK_PAUSE_US: nobody talks, unless */
#define PAUSE_FILLED 0.5f     /* so many of the records due come at its end: then they waited */
#define BLOCKS_MIN   6        /* 3 s: 48 Hz is off by 120 ms from 50 Hz then */
#define EXTRA        2        /* periods: one that a sender waits at most, and one for a record lost or of another kind (a report) */
#define WAKE_US      10000    /* a process that gets its core late */

static void start_over(struct count_clock *c, uint32_t us)
{
	*c = (struct count_clock){ .due_us = us, .last_us = us, .block = us / COUNT_BLOCK_US };
}

/* The period nearest to the rate so far. */
static void learn(struct count_clock *c, uint32_t us)
{
	float span = (float)(us - c->due_us) / 1000, nearest = LEARN_NEAR;
	uint8_t period;

	if (span * 1000 < LEARN_US)
		return;
	for (unsigned i = 0; i < CLOCK_PERIODS; i++) {
		float off = fabsf((float)c->n * clock_period_ms[i] / span - 1);

		if (off >= nearest)
			continue;
		nearest = off;
		c->period_ms = clock_period_ms[i];
	}
	period = c->period_ms;
	start_over(c, us);
	c->period_ms = period;
}

static bool is_pause(const struct count_clock *c, uint32_t gap_us, unsigned n)
{
	return gap_us >= PAUSE_US && (float)(n * c->period_ms * 1000) < PAUSE_FILLED * (float)gap_us;
}

static void note(struct count_clock *c, uint32_t us)
{
	uint32_t block = us / COUNT_BLOCK_US;
	int32_t off = (int32_t)(us - c->due_us);
	unsigned at = block % COUNT_BLOCKS;

	if (block != c->block || c->blocks == 0) {
		c->blocks = block - c->block > 1 ? 1 : (uint8_t)(c->blocks + (c->blocks < COUNT_BLOCKS));
		c->block = block;
		c->low[at] = c->high[at] = off;
	}
	c->low[at] = off < c->low[at] ? off : c->low[at];
	c->high[at] = off > c->high[at] ? off : c->high[at];
}

static bool within(const struct count_clock *c, unsigned blocks)
{
	int32_t low = INT32_MAX, high = INT32_MIN;

	for (unsigned i = 0; i < blocks; i++) {
		unsigned at = (c->block - i) % COUNT_BLOCKS;

		low = c->low[at] < low ? c->low[at] : low;
		high = c->high[at] > high ? c->high[at] : high;
	}
	return (int64_t)high - low <= EXTRA * c->period_ms * 1000 + WAKE_US;
}

void count_feed(struct count_clock *c, uint32_t us, unsigned n)
{
	uint32_t gap = us - c->last_us;

	if (n == 0)
		return;
	if (gap > INT32_MAX || (c->n == 0 && c->period_ms == 0)) {
		start_over(c, us);
		c->n = 1;
		return;
	}
	c->last_us = us;
	if (c->period_ms == 0) {
		c->n += n;
		learn(c, us);
		return;
	}
	c->due_us += is_pause(c, gap, n) ? gap : n * c->period_ms * 1000u; /* in a pause time stands still */
	note(c, us);
	if (c->blocks >= 2 && !within(c, 2))
		start_over(c, us);
}

unsigned count_keeps_ms(const struct count_clock *c)
{
	return c->blocks >= BLOCKS_MIN && within(c, c->blocks) ? c->period_ms : 0;
}
