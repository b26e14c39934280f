/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/speech_clock.h"

#include <math.h>
#include <string.h>

#include "base/saturate.h"

const uint8_t clock_period_ms[CLOCK_PERIODS] = { 10, 20, 30, 40, 60 };

/* A longer period must agree nearly as well as a shorter one that divides it, or it is not the period. */
#define LONGER_AGREES  0.75f

/* Below these numbers phases agree by accident too easily to be asked. */
#define READ_MIN_PACKETS 8

#define AIM_AGREEMENT  0.15f    /* a grid as blurred as this still tells near from far; */
#define AIM_BITS       8.0f     /* and an accident is rare enough to try */
#define SURE_BITS      16.0f    /* with less the rate is asked too */
#define AIM_US         500
#define ON_GRID        5        /* a fifth of the period to each side; */
#define ON_GRID_SHARP  8        /* an eighth where phases agree like this: */
#define SHARP          0.65f
#define BLURRED        0.4f     /* below it a third of the frames are off the grid (normal delays), and what is left has few neighbours */
#define LINES_FILLED   1.5f     /* packets for each slot: more than one talker has */
#define LINE_STAYS     1.33f    /* times its packets must another have to be aimed at instead: talkers of one flow have about as many each */

#define KEEPS_MS        800   /* of talk: by then a loop that sleeps 20 ms and a third has slipped by half a period */
#define KEEPS_BITS      16.0f /* against chance; games that keep a clock pass it, chance does not */
#define KEEPS_AGREEMENT 0.15f
#define KEEPS_EVEN      0.9f  /* of the gaps within 5 ms of the period: what blurs the phase then is the sender's own clock, */
#define KEEPS_AGREEMENT_EVEN 0.65f /* and that of a sound card does not: gaps within 5 ms leave 0.8 of it at 20 ms and 0.4 at 10, */
#define KEEPS_AGREEMENT_SHORT 0.35f /* where this is enough; of a steady slip by half a period 0.64 is left. Or, */
#define KEEPS_AGREEMENT_SAW 0.5f /* where who is late by up to half a period catches up, as ffmpeg does, and has 0.64 for ever, this of */
#define KEEPS_SAW_MS    (2 * KEEPS_MS) /* talk: by then a loop that sleeps has slipped by more than the period */
#define KEEPS_SHORT_MS  10
/*
 * Both ends agreed on one period. Where one keeps it the other's is no longer looked for, and what the other adds is 6 bits
 * (9 for both less 3 for one): a word is enough, and 9 bits against chance. In half the time a loop that sleeps has slipped by
 * half as much: sin(x)/x of that is 0.8 where it was 0.35.
 */
#define JOINS_MS        (KEEPS_MS / 2)
#define JOINS_BITS      9.0f
#define JOINS_AGREEMENT_EVEN 0.8f
#define KEEPS_IN_STEP   0.5f  /* else the period is that of something rarer: 50 ms fits a grid of 10 */

#define RUN_HELD        (CLOCK_SPURT_MIN + 1) /* of speech_clock.run: packets of one burst */

#define SLIP_OWN        0.4f  /* part of the gaps that have the period found, at most; */
#define SLIP_WHOLE      0.8f  /* and a multiple of it, at least: Chromium behind an emulated sound card 0.25 and 0.97 */

#define ROUGH_IN_STEP  0.5f     /* of the gaps, half a period to one and a half: blurred, and not two clocks in one flow */
#define ROUGH_WIDE     0.08f    /* gaps of more than two periods: losses and delays; arrivals at random have 0.13 */

unsigned clock_aim_ms(const struct speech_clock *c)
{
	return c->aim_period == 0 ? 0 : clock_period_ms[c->aim_period - 1];
}

static bool is_pause(const struct speech_clock *c, uint32_t gap_us)
{
	return gap_us >= CLOCK_PAUSE_US && gap_us >= clock_aim_ms(c) * 1000u * (2 * CLOCK_PAUSE_PACKETS + 1) / 2;
}

static unsigned gap_bin(uint32_t us)
{
	return us < 65000 ? (us + 5000) / 10000 : CLOCK_GAPS - 1;
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

void clock_talk_starts(struct speech_clock *c)
{
	halve(c->phase, CLOCK_BINS);
}

void clock_start_over(struct speech_clock *c)
{
	memset(c->phase, 0, sizeof c->phase);
}

/* What is sent in silence comes when it likes: only its pauses are counted. */
static void count_gap(struct speech_clock *c, uint32_t gap_us, bool talk)
{
	uint8_t *bin = &c->gap[gap_bin(gap_us)];

	if (!is_pause(c, gap_us)) {
		if (talk && *bin == UINT8_MAX)
			halve(c->gap, CLOCK_GAPS);
		*bin = (uint8_t)(*bin + talk);
		c->run = (c->run < CLOCK_SPURT_MIN ? c->run + 1 : CLOCK_SPURT_MIN) & 7;
		return;
	}
	if (c->passed_over)
		return;
	saturate_up(&c->pauses);
	if (c->run >= CLOCK_SPURT_MIN)
		saturate_up(&c->spurts);
	c->run = 0;
}

/* The network or a busy sender held packets back and let them go together: nobody was silent. */
static void not_a_pause(struct speech_clock *c)
{
	c->run = RUN_HELD;
	c->pauses -= c->pauses != 0;
	c->spurts -= c->spurts != 0;
}

/* Came with the one before; of a burst that ended what looked like a pause. */
static bool was_held(struct speech_clock *c)
{
	if (c->run == 0 && c->pauses != 0)
		not_a_pause(c);
	return c->run == RUN_HELD;
}

/* Time since the packet before; or, where a report came between two of talk, since the slot of the other. */
static uint32_t gap_before(const struct speech_clock *c, uint32_t us, bool talk)
{
	uint32_t gap = us - c->last_us, since_talk = us - c->rate.slot_us;

	if (!talk || c->rate.quiet == 0 || gap_bin(gap) * 10 == rate_period_ms(&c->rate) || since_talk >= CLOCK_PAUSE_US)
		return gap;
	return since_talk;
}

bool clock_feed(struct speech_clock *c, uint32_t us, uint32_t size, bool talk)
{
	unsigned bin = us % CLOCK_FOLD_US / CLOCK_BIN_US;
	bool first = c->last_us == 0 && c->rate.slot_us == 0;
	uint32_t gap = gap_before(c, us, talk);
	bool close = !first && gap < CLOCK_CLOSE_US;

	rate_feed(&c->rate, us, size, !talk ? RATE_QUIET : close && was_held(c) ? RATE_HELD : RATE_TALK);
	if (close) {
		saturate_up(&c->gap[0]);
		return false;
	}
	if (!first)
		count_gap(c, gap, talk);
	c->last_us = us;
	c->passed_over = 0;
	if (talk)
		saturate_up(&c->phase[bin]);
	return true;
}

void clock_pass_over(struct speech_clock *c)
{
	c->passed_over = 1;
}

/* Cosine of whole bins; sine is a quarter of a turn behind. */
static const float cosine[CLOCK_BINS] = {
	1.000000f, 0.980785f, 0.923880f, 0.831470f, 0.707107f, 0.555570f, 0.382683f, 0.195090f,
	0.000000f, -0.195090f, -0.382683f, -0.555570f, -0.707107f, -0.831470f, -0.923880f, -0.980785f,
	-1.000000f, -0.980785f, -0.923880f, -0.831470f, -0.707107f, -0.555570f, -0.382683f, -0.195090f,
	-0.000000f, 0.195090f, 0.382683f, 0.555570f, 0.707107f, 0.831470f, 0.923880f, 0.980785f,
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

	for (unsigned i = 0; i < CLOCK_GAPS; i++)
		if (i * 10 >= from_ms && i * 10 <= to_ms)
			n += c->gap[i];
	return n;
}

static float part_in_step(const struct speech_clock *c, unsigned period_ms)
{
	unsigned all = gaps(c, 1, UINT16_MAX);

	return all == 0 || period_ms == 0 ? 0 : (float)gaps(c, (period_ms + 1) / 2, period_ms * 3 / 2) / (float)all;
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

static float part_even(const struct speech_clock *c, unsigned period_ms)
{
	unsigned all = gaps(c, 0, UINT16_MAX);

	return all == 0 ? 0 : (float)c->gap[period_ms / 10] / (float)all;
}

static bool keeps_rate(const struct speech_clock *c, enum rate_proof proof)
{
	unsigned period = rate_period_ms(&c->rate), all = gaps(c, 0, UINT16_MAX);

	return period != 0 && all != 0 && part_in_step(c, period) >= ROUGH_IN_STEP &&
	    (float)gaps(c, period * 9 / 4, UINT16_MAX) <= ROUGH_WIDE * (float)all &&
	    rate_holds(&c->rate, part_even(c, period), proof);
}

static uint16_t phases(const struct speech_clock *c)
{
	unsigned n = 0;

	for (unsigned i = 0; i < CLOCK_BINS; i++)
		n += c->phase[i];
	return (uint16_t)n;
}

unsigned clock_period_index(unsigned period_ms)
{
	for (unsigned i = 0; i < CLOCK_PERIODS; i++)
		if (clock_period_ms[i] == period_ms)
			return i + 1;
	return 0;
}

void clock_aim_rate(struct speech_clock *c, unsigned period_ms)
{
	c->aim_period = clock_period_index(period_ms) & 7;
	c->aim_blur = CLOCK_RATE_ONLY;
}

static bool keeps_from(const struct clock_reading *c, unsigned talk_ms, float bits, float even, float filled)
{
	float agreement = c->even >= KEEPS_EVEN ? even : KEEPS_AGREEMENT;

	return c->n * c->period_ms >= talk_ms && c->bits >= bits && c->agreement >= agreement &&
	    c->in_step >= KEEPS_IN_STEP && c->filled >= filled;
}

bool clock_keeps(const struct clock_reading *c, float filled)
{
	float even = c->period_ms > KEEPS_SHORT_MS ? KEEPS_AGREEMENT_EVEN : KEEPS_AGREEMENT_SHORT;

	return c->rough || keeps_from(c, KEEPS_MS, KEEPS_BITS, even, filled) ||
	    keeps_from(c, KEEPS_SAW_MS, KEEPS_BITS, KEEPS_AGREEMENT_SAW, filled);
}

bool clock_joins(const struct clock_reading *c, unsigned period_ms, float filled)
{
	return period_ms != 0 && c->period_ms == period_ms && (c->likely || keeps_from(c, JOINS_MS, JOINS_BITS, JOINS_AGREEMENT_EVEN, filled));
}

/*
 * A sound card that lost or doubled a block leaves two phases or three, which
 * together look like a part of the period; but the gaps are of the whole.
 */
static bool slipped(const struct speech_clock *c, unsigned period_ms)
{
	if (part_in_step(c, period_ms) >= SLIP_OWN)
		return false;
	for (unsigned i = 0; i < CLOCK_PERIODS; i++) {
		unsigned whole = clock_period_ms[i];

		if (whole > period_ms && whole % period_ms == 0 && part_in_step(c, whole) >= SLIP_WHOLE)
			return true;
	}
	return false;
}

/* True when `us`, a time below CLOCK_FOLD_US, is at most `near_us` from a grid, of a phase below that too. */
static bool is_near(uint32_t us, uint32_t phase_us, uint32_t period_us, uint32_t near_us)
{
	uint32_t off = (CLOCK_FOLD_US + us - phase_us) % period_us;

	return off <= near_us || off >= period_us - near_us;
}

/* Packets within an eighth of the period of a phase. */
static unsigned packets_near(const struct speech_clock *c, uint32_t phase_us, uint32_t period_us)
{
	unsigned n = 0;

	for (unsigned i = 0; i < CLOCK_BINS; i++)
		n += is_near(i * CLOCK_BIN_US + CLOCK_BIN_US / 2, phase_us, period_us, period_us / ON_GRID_SHARP) ? c->phase[i] : 0;
	return n;
}

/*
 * Where several talkers share the flow, each on a grid of his own: that of the one most packets are near, us. Who was
 * aimed at before stays so unless another has clearly more; else sizes of both would be compared.
 */
static uint32_t busiest_phase(const struct speech_clock *c, unsigned period_ms)
{
	uint32_t period = period_ms * 1000, best = c->aim_phase * AIM_US % period;
	float most = LINE_STAYS * (float)packets_near(c, best, period);

	for (uint32_t at = CLOCK_BIN_US / 2; at < CLOCK_FOLD_US; at += CLOCK_BIN_US) {
		float n = (float)packets_near(c, at, period);

		if (n <= most)
			continue;
		most = n;
		best = at % period;
	}
	return best;
}

/* Where a network blurs the phase and the number of packets is that of the clock, all are frames, in order. */
static void aim(struct speech_clock *c, const struct clock_reading *best)
{
	bool lines = best->filled >= LINES_FILLED;
	bool blurred = best->agreement < BLURRED && best->even < KEEPS_EVEN;
	bool all = best->rough || (blurred && !lines && rate_filled(&c->rate, best->period_ms) != 0);

	c->aim_period = clock_period_index(best->period_ms) & 7;
	c->aim_phase = (lines ? busiest_phase(c, best->period_ms) : best->phase_us) / AIM_US & 127;
	c->aim_blur = all ? CLOCK_RATE_ONLY : lines || best->agreement >= SHARP ? CLOCK_SHARP : CLOCK_BLURRED;
}

struct clock_reading clock_read(struct speech_clock *c, uint32_t span_us)
{
	struct clock_reading best = { .n = phases(c), .packets = (uint16_t)gaps(c, 0, UINT16_MAX) };

	rate_follow(&c->rate);
	if (span_us == 0)
		return best;
	for (unsigned i = 0; i < CLOCK_PERIODS && best.n >= READ_MIN_PACKETS; i++)
		read_phase(c, clock_period_ms[i], &best);
	if (best.period_ms != 0 && slipped(c, best.period_ms)) {
		clock_start_over(c);
		best.bits = 0;
	}
	if ((best.agreement < AIM_AGREEMENT || best.bits < SURE_BITS) && keeps_rate(c, RATE_JOINS)) {
		best.rough = keeps_rate(c, RATE_SURE);
		best.likely = true;
		best.period_ms = rate_period_ms(&c->rate);
	}
	best.even = part_even(c, best.period_ms);
	best.filled = (float)best.n * (float)best.period_ms * 1000 / (float)span_us;
	if (best.even < KEEPS_EVEN)
		best.filled = fmaxf(best.filled, rate_filled(&c->rate, best.period_ms)); /* a network lets packets go together, or else the phase was lost */
	if (best.rough || (!best.likely && best.agreement >= AIM_AGREEMENT && best.bits >= AIM_BITS))
		aim(c, &best);
	best.in_step = part_in_step(c, best.period_ms);
	best.skips = (uint8_t)gaps(c, best.period_ms * 3 / 2 + 1, UINT16_MAX);
	return best;
}

bool clock_on_grid(const struct speech_clock *c, uint32_t us)
{
	uint32_t period = clock_aim_ms(c) * 1000u;

	if (period == 0 || c->aim_blur == CLOCK_RATE_ONLY)
		return period != 0;
	return is_near(us % CLOCK_FOLD_US, c->aim_phase * AIM_US, period, period / (c->aim_blur == CLOCK_SHARP ? ON_GRID_SHARP : ON_GRID));
}
