/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/speech_rate.h"

#include <math.h>

#include "detect/speech_clock.h"

#define DRIFT_US      250
#define LEVEL_BYTES   4
#define LEVEL_FAR     0.3f  /* of the level: as in speech.c */
#define LEVEL_FOLLOWS 8     /* packets */
#define SLOT_FOLLOWS  4     /* packets: a wrong rate then lags and slips, delays of 300 ms' memory are followed */
#define FANO_UNKNOWN  (RATE_FANO_ONE / 2) /* neither one nor the other, */
#define FANO_PRIOR    4     /* and so many blocks worth */
#define FANO_FOLLOWS  12    /* blocks: 3 s */
#define MEAN_ONE      4.0f  /* unit of `mean`: quarters of a packet */

/*
 * Measured on bench and simulated links (delays of 8 to 20 ms deviation, 0.2 to 1 s
 * memory): blocks of speech have 0.02 to 0.3, with 5 % lost in runs to 0.4.
 */
#define FANO_MAX      0.3f
#define FANO_SHORT_MS 20       /* shorter periods: */
#define FANO_MAX_SHORT 0.45f   /* a delay moves so many more packets over the end of a block, and that is squared */
#define BLOCK_CUT     UINT8_MAX /* no count; nor have blocks of speech that many packets */
#define LOSS_MAX      0.07f    /* of the packets; telephony over more is unusable (ITU-T G.113, appendix I), and 48 packets/s are near */
#define OTHERS_MAX    1.3f     /* packets of all kinds for each of the clock: Chromium has 1.2 */
#define MORE_MAX      0.015f    /* packets of another kind that were counted; */
#define MORE_MAX_SHORT 0.03f   /* below MORE_SHORT_MS: checks of ICE, one a second, are of the sizes of Opus at 20 ms. */
#define MORE_SHORT_MS 30       /* 35 Hz (Doom) is 5 % more than 30 ms */
#define DELAY_US      42000.0f /* delays of 30 ms that differ at both ends of the time counted */
#define RATE_NEAR     0.09f    /* a rate this near to a period's is measured against it */

/* Slots too few or too many, of the time: a crystal's error and the rest where gaps are even; more where they are blurred. */
#define DRIFT_SURE    0.003f
#define DRIFT_BLURRED 0.015f
#define DRIFT_SURE_US    5000.0f  /* the same of the ends of that time */
#define DRIFT_BLURRED_US 60000.0f

static float span_us(const struct speech_rate *r)
{
	return (float)(uint16_t)(r->slot_us / 1000 - r->first_ms) * 1000;
}

/* What the count is above time / period, as a part of it. */
static float rate_error(const struct speech_rate *r, unsigned period_ms)
{
	float span = span_us(r);

	return span <= 0 ? 1 : (float)(r->all - 1) * (float)period_ms * 1000 / span - 1;
}

/* Forgets the older half. */
static void fade(struct speech_rate *r)
{
	r->first_ms = (uint16_t)(r->first_ms + (uint32_t)(span_us(r) / 2000)); /* wraps */
	r->all /= 2;
	r->drift /= 2;
}

/* All packets of a block count here: which kind one is of is known too late, and reports come evenly too. */
static void close_block(struct speech_rate *r)
{
	float n = fminf((float)r->block * MEAN_ONE, UINT8_MAX), mean = fmaxf(r->mean == 0 ? n : r->mean, 1);
	float off = (n - mean) / MEAN_ONE;
	uint32_t blocks = (uint32_t)span_us(r) >> RATE_BLOCK_SHIFT;
	float fano = fminf(off * off / mean * MEAN_ONE * RATE_FANO_ONE, UINT8_MAX);

	r->fano = (uint8_t)(r->fano + (fano - r->fano) / fminf((float)blocks + FANO_PRIOR, FANO_FOLLOWS) + 0.5f);
	r->mean = (uint8_t)(mean + (n - mean) / fminf((float)blocks + 1, FANO_FOLLOWS) + 0.5f);
	r->block = 0;
}

static void next_block(struct speech_rate *r, uint32_t us)
{
	uint8_t at = (us >> RATE_BLOCK_SHIFT) & UINT8_MAX;

	if (at != r->block_at && r->all != 0 && r->block != BLOCK_CUT)
		close_block(r);
	if (at != r->block_at)
		r->block = 0;
	r->block_at = at;
	r->block += r->block != BLOCK_CUT;
}

/* Moves on by whole slots to the one nearest to `us`, and then a part of what is left. */
static void next_slot(struct speech_rate *r, uint32_t us)
{
	int32_t period = r->period_ms * 1000, gap = (int32_t)(us - r->slot_us), off, drift;

	if (period == 0) {
		r->slot_us = us;
		return;
	}
	off = gap < -period / 2 ? gap : (gap + period / 2) % period - period / 2;
	drift = r->drift - off / SLOT_FOLLOWS / DRIFT_US;
	r->drift = (int16_t)(drift > INT16_MAX ? INT16_MAX : drift < INT16_MIN ? INT16_MIN : drift);
	r->slot_us += (uint32_t)(gap - off + off / SLOT_FOLLOWS);
}

/* Packets of the medium that this one makes known: none, itself, or itself and the one before. */
static unsigned of_medium(struct speech_rate *r, uint32_t size)
{
	float level = r->level * LEVEL_BYTES, off = (float)size - level;
	unsigned far = fabsf(off) <= fmaxf(LEVEL_FAR * level, LEVEL_BYTES) ? 0 : off < 0 ? 1 : 2, before = r->far;

	if (r->level == 0 || (far != 0 && far == before)) {
		r->level = (uint8_t)(size / LEVEL_BYTES);
		r->far = 0;
		return before != 0 ? 2 : 1;
	}
	r->far = (uint8_t)far & 3;
	if (far == 0)
		r->level = (uint8_t)((level + off / LEVEL_FOLLOWS) / LEVEL_BYTES + 0.5f);
	return far == 0;
}

/* Nobody talks: time stands still, and the block that is cut short is no measure. */
static void skip_pause(struct speech_rate *r, uint32_t us)
{
	uint32_t period = r->period_ms * 1000u, gap = us - r->slot_us;

	if (r->all == 0 || gap < CLOCK_PAUSE_US || 2 * gap < period * (2 * CLOCK_PAUSE_PACKETS + 1) || gap > INT32_MAX)
		return;
	r->slot_us += gap - period;
	r->first_ms = (uint16_t)(r->first_ms + (gap - period) / 1000);
	r->block_at = (us >> RATE_BLOCK_SHIFT) & UINT8_MAX;
	r->block = BLOCK_CUT;
}

void rate_feed(struct speech_rate *r, uint32_t us, uint32_t size)
{
	unsigned n = of_medium(r, size);

	if (r->all == 0) {
		r->first_ms = (uint16_t)(us / 1000);
		r->slot_us = us;
		r->fano = FANO_UNKNOWN;
		r->block = BLOCK_CUT; /* its beginning is missing */
		r->block_at = (us >> RATE_BLOCK_SHIFT) & UINT8_MAX;
	}
	skip_pause(r, us);
	next_block(r, us);
	if (n == 0)
		return;
	next_slot(r, us);
	r->all = (uint16_t)(r->all + n);
	if (span_us(r) > RATE_SPAN_MAX_MS * 1000.0f)
		fade(r);
}

void rate_follow(struct speech_rate *r)
{
	unsigned period = 0;

	for (unsigned i = 0; i < CLOCK_PERIODS; i++)
		if (fabsf(rate_error(r, clock_period_ms[i])) <= RATE_NEAR)
			period = clock_period_ms[i];
	if (period == r->period_ms)
		return;
	r->period_ms = period & 63;
	r->drift = 0;
	r->first_ms = (uint16_t)(r->slot_us / 1000);
	r->all = r->all != 0; /* the drift is measured over all that is counted */
	if (r->fano > FANO_UNKNOWN)
		r->fano = FANO_UNKNOWN; /* the set-up of a call may have been among it */
}

/* The number of packets is time / period, and there are not many of other kinds. */
static bool count_holds(const struct speech_rate *r)
{
	float span = span_us(r), error = rate_error(r, r->period_ms);

	if (r->mean / MEAN_ONE * (float)r->period_ms * 1000 > OTHERS_MAX * (1 << RATE_BLOCK_SHIFT))
		return false;
	return error <= (r->period_ms < MORE_SHORT_MS ? MORE_MAX_SHORT : MORE_MAX) + DELAY_US / span && error >= -LOSS_MAX - DELAY_US / span;
}

float rate_filled(const struct speech_rate *r, unsigned period_ms)
{
	if (r->period_ms == 0 || r->period_ms != period_ms || span_us(r) < RATE_SPAN_JOINS_US || !count_holds(r))
		return 0;
	return 1 + rate_error(r, period_ms);
}

bool rate_holds(const struct speech_rate *r, float even, float least_us)
{
	float span = span_us(r), drift, blurred = 1 - even;

	if (r->period_ms == 0 || span < least_us || r->fano > (r->period_ms < FANO_SHORT_MS ? FANO_MAX_SHORT : FANO_MAX) * RATE_FANO_ONE)
		return false;
	drift = fabsf((float)r->drift) * DRIFT_US;
	return count_holds(r) &&
	    drift <= DRIFT_SURE_US + DRIFT_BLURRED_US * blurred + (DRIFT_SURE + DRIFT_BLURRED * blurred) * span;
}
