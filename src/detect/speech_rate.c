/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/speech_rate.h"

#include <math.h>

#include "detect/speech_clock.h"

#define LEVEL_BYTES   4
#define LEVEL_FAR     0.3f  /* of the level: as in speech.c */
#define LEVEL_FOLLOWS 8     /* packets */
#define SLOT_FOLLOWS  4     /* packets: a wrong rate then lags and slips, delays of 300 ms' memory are followed */

#define LOSS_MAX      0.07f    /* of the packets; telephony over more is unusable (ITU-T G.113, appendix I), and 48 packets/s are near */
#define MORE_MAX      0.015f    /* packets of another kind that were counted; */
#define MORE_MAX_SHORT 0.03f   /* below MORE_SHORT_MS: checks of ICE, one a second, are of the sizes of Opus at 20 ms. */
#define MORE_SHORT_MS 30       /* 35 Hz (Doom) is 5 % more than 30 ms */
#define FOLLOW_US     300000.0f /* of talk, before a period is looked for: in less each fits several */
#define DELAY_US      42000.0f /* delays of 30 ms that differ at both ends of the time counted */
#define RATE_NEAR     0.09f    /* a rate this near to a period's, and as much as delays may put it off, is measured against it */

#define QUIET_RUN     3        /* slots: fewer are the reports of a talker of whom some packets were lost or late */
#define CATCH_UP      48       /* packets, in which two come at once: ffmpeg at 10 ms 16, on a busy machine 40 */

/* Slots too few or too many, of the time: a crystal's error and the rest where gaps are even; more where they are blurred. */
#define DRIFT_SURE    0.003f
#define DRIFT_BLURRED 0.015f
#define DRIFT_SURE_US    5000.0f  /* the same of the ends of that time */
#define DRIFT_BLURRED_US 60000.0f

/*
 * A window's arrivals were within x periods of where their numbers put them. Of independent gaps as even as a sum of three
 * (gamma, shape 3) that has about the chance p = 2^(EVEN_CHANCE - EVEN_WALK / (x + EVEN_STEP)^2) (Feller's; EVEN_WALK is
 * pi^2 / 2 ln 2 times the gaps by 3). A bet of (1 - EVEN_BET) p^-EVEN_BET then returns in the mean, simulated with x as it is
 * read here, 0.3 for random gaps, 0.6 to 0.7 for sums of two, and 1.3 to 1.6 for sums of three. So up to sums of two e bits are
 * won by chance once in 2^e at most (Ville); gaps more even than that win in time.
 */
#define EVEN_WINDOW   16       /* packets: a walk shows, and a stall of Wi-Fi spoils one or two */
#define EVEN_WALK     38.0f
#define EVEN_STEP     0.5f
#define EVEN_CHANCE   4.0f
#define EVEN_BITS_MAX 10.0f    /* rarer has not been simulated */
#define EVEN_BET      0.7f
#define EVEN_LOST_MAX 3.0f     /* bits: what came before, the set-up of a call or a bad minute, is made up for in a window or two */
#define EVEN_WON_MAX  15.0f
#define EVEN_UNIT     8        /* to a bit */

/*
 * Or n packets never moved down by more than x periods: n / (x + 1)^2. Of walks it has the same distribution whatever n and the
 * period (simulated): 99.9 % of random ones are below 4.5, of those as even as a sum of two below 9.
 */
static const struct { float even, fall, span_us; } enough[] = { /* bits of the windows */
	[RATE_JOINS] = { 1, 4.5f, RATE_SPAN_US }, /* 10 bits against random arrivals, as the phase of who joins */
	[RATE_SURE] = { 3, 9, 2 * RATE_SPAN_US }, /* by then 45 Hz is told from 50 Hz of which 7 % are lost */
};

unsigned rate_period_ms(const struct speech_rate *r)
{
	return r->period * RATE_PERIOD_MS;
}

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

/* Counts anew from the packet that came last. */
static void start_over(struct speech_rate *r)
{
	r->first_ms = (uint16_t)(r->slot_us / 1000);
	r->all = r->all != 0;
	r->empty = 0;
	r->high = r->low_now = r->high_now = 0;
	r->fall = 0;
}

static int8_t within_int8(int x)
{
	return (int8_t)(x < INT8_MIN ? INT8_MIN : x > INT8_MAX ? INT8_MAX : x);
}

static float moved(const struct speech_rate *r, int walk)
{
	return (float)(walk * RATE_WALK_MS) / (float)rate_period_ms(r);
}

static void window_close(struct speech_rate *r)
{
	float wide = moved(r, r->high_now - r->low_now) + EVEN_STEP;
	float bits = fminf(fmaxf(EVEN_WALK / (wide * wide) - EVEN_CHANCE, 0), EVEN_BITS_MAX);
	float even = (float)r->even / EVEN_UNIT + log2f(1 - EVEN_BET) + EVEN_BET * bits;

	r->even = (int8_t)(fminf(fmaxf(even, -EVEN_LOST_MAX), EVEN_WON_MAX) * EVEN_UNIT);
}

/* Where the last `n` packets, which came at `us`, are against their number: behind the clock, or ahead of it. */
static void walk(struct speech_rate *r, uint32_t us, unsigned n)
{
	int8_t behind = within_int8((int16_t)(uint16_t)(us / 1000 - r->first_ms - (r->all - 1u) * rate_period_ms(r)) / RATE_WALK_MS);

	if (rate_period_ms(r) == 0)
		return;
	r->high = behind > r->high ? behind : r->high;
	r->fall = (uint8_t)(r->high - behind > r->fall ? r->high - behind : r->fall);
	if (r->all / EVEN_WINDOW != (r->all - n) / EVEN_WINDOW) {
		window_close(r);
		r->low_now = r->high_now = behind;
	}
	r->low_now = behind < r->low_now ? behind : r->low_now;
	r->high_now = behind > r->high_now ? behind : r->high_now;
}

/*
 * Packets of silence that were frames: a variable rate falls between words too, and then each slot has one. Comfort noise and
 * reports leave slots empty.
 */
static unsigned quiet_frames(const struct speech_rate *r, int empty)
{
	return empty >= QUIET_RUN && (r->quiet >= empty || r->quiet == RATE_QUIET_MAX) ? (unsigned)empty : 0;
}

/*
 * Moves on by whole slots to the one nearest to `us`, and then a part of what is left; `n` packets are in them.
 * Returns how many they are with the quiet frames before.
 */
static unsigned next_slot(struct speech_rate *r, uint32_t us, unsigned n)
{
	int32_t period = (int32_t)rate_period_ms(r) * 1000, gap = (int32_t)(us - r->slot_us), off;

	if (period == 0) {
		r->slot_us = us;
		return n;
	}
	off = gap < -period / 2 ? gap : (gap + period / 2) % period - period / 2;
	n += quiet_frames(r, (gap - off) / period - (int)n);
	r->empty = within_int8(r->empty + (gap - off) / period - (int)n);
	r->slot_us += (uint32_t)(gap - off + off / SLOT_FOLLOWS);
	return n;
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

/* Nobody talks: time stands still. */
static void skip_pause(struct speech_rate *r, uint32_t us)
{
	uint32_t period = rate_period_ms(r) * 1000u, gap = us - r->slot_us;

	if (r->all == 0 || gap < CLOCK_PAUSE_US || 2 * gap < period * (2 * CLOCK_PAUSE_PACKETS + 1) || gap > INT32_MAX)
		return;
	r->slot_us += gap - period;
	r->first_ms = (uint16_t)(r->first_ms + (gap - period) / 1000);
}

/* What was taken for a pause was none: time went on, by as many slots as packets come now. */
static void undo_pause(struct speech_rate *r, unsigned n)
{
	r->first_ms = (uint16_t)(r->first_ms - n * rate_period_ms(r));
	r->empty = within_int8(r->empty + (int)n);
}

void rate_feed(struct speech_rate *r, uint32_t us, uint32_t size, enum rate_kind kind)
{
	unsigned n = kind == RATE_QUIET ? 0 : of_medium(r, size);

	if (n == 0) {
		r->quiet = (r->quiet + (kind == RATE_QUIET && r->quiet < RATE_QUIET_MAX)) & 7;
		return;
	}
	if (r->all == 0) {
		r->first_ms = (uint16_t)(us / 1000);
		r->slot_us = us;
		r->period = SPEECH_USUAL_MS / RATE_PERIOD_MS;
	}
	if (kind == RATE_HELD)
		undo_pause(r, n);
	else
		skip_pause(r, us);
	n = next_slot(r, us, n);
	r->quiet = 0;
	r->all = (uint16_t)(r->all + n);
	walk(r, us, n);
	if (span_us(r) > RATE_SPAN_MAX_MS * 1000.0f)
		start_over(r);
}

/* The period nearest to the rate within what it may be off, ms; the present one as long as it is; 0 none. */
static unsigned nearest(const struct speech_rate *r)
{
	float least = RATE_NEAR + DELAY_US / span_us(r);
	unsigned period = 0;

	if (rate_period_ms(r) != 0 && fabsf(rate_error(r, rate_period_ms(r))) <= least)
		return rate_period_ms(r);
	for (unsigned i = 0; i < CLOCK_PERIODS; i++) {
		float off = fabsf(rate_error(r, clock_period_ms[i]));

		if (off > least)
			continue;
		least = off;
		period = clock_period_ms[i];
	}
	return period;
}

void rate_follow(struct speech_rate *r)
{
	unsigned period;

	if (span_us(r) < FOLLOW_US)
		return;
	period = nearest(r);
	if (period != rate_period_ms(r)) {
		r->period = period / RATE_PERIOD_MS & 7;
		r->even = 0;
		start_over(r); /* what came before may be the set-up of a call */
	} else if (r->low_now == INT8_MIN || r->high == INT8_MAX) {
		start_over(r);
	}
}

/* The number of packets is time / period. */
static bool count_holds(const struct speech_rate *r)
{
	float span = span_us(r), error = rate_error(r, rate_period_ms(r));

	return error <= (rate_period_ms(r) < MORE_SHORT_MS ? MORE_MAX_SHORT : MORE_MAX) + DELAY_US / span && error >= -LOSS_MAX - DELAY_US / span;
}

static bool is_even(const struct speech_rate *r, enum rate_proof proof)
{
	float wide = moved(r, r->fall) + 1;

	return (float)r->even >= enough[proof].even * EVEN_UNIT || (float)(r->all - 1) >= enough[proof].fall * wide * wide;
}

/*
 * The slots that were passed are as many as their time has. Or the packets are, and there are fewer slots, since who is late
 * often sends two at once; more slots than packets are a faster clock of which some were lost.
 */
static bool slots_hold(const struct speech_rate *r, float even)
{
	float span = span_us(r), blurred = 1 - even;
	float behind = span - (float)((r->all - 1) * rate_period_ms(r)) * 1000, drift = behind - (float)(r->empty * (int)rate_period_ms(r)) * 1000;

	return (-r->empty * CATCH_UP >= r->all && fabsf(behind) <= DELAY_US) ||
	    fabsf(drift) <= DRIFT_SURE_US + DRIFT_BLURRED_US * blurred + (DRIFT_SURE + DRIFT_BLURRED * blurred) * span;
}

float rate_filled(const struct speech_rate *r, unsigned period_ms)
{
	if (rate_period_ms(r) == 0 || rate_period_ms(r) != period_ms || span_us(r) < RATE_SPAN_US || !count_holds(r))
		return 0;
	return 1 + rate_error(r, period_ms);
}

bool rate_holds(const struct speech_rate *r, float even, enum rate_proof proof)
{
	return rate_period_ms(r) != 0 && span_us(r) >= enough[proof].span_us && is_even(r, proof) && count_holds(r) && slots_hold(r, even);
}
