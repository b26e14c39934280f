/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/speech_weigh.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

#include "detect/speech_codec.h"

/* --- bits: judgement, beside what docs/METHOD.md, "cadence", measured --- */

#define BITS_CLOCK_BOTH    9.0f  /* one period both ways */
#define BITS_ROUGH_BOTH    9.0f  /* by its rate alone, in one direction or both */
#define BITS_CLOCK_MIXED   6.0f  /* a speech clock both ways, of two periods */
#define BITS_CLOCK_ONE     6.0f  /* and little comes back */
#define BITS_CLOCK_HALF    3.0f  /* and what comes back keeps none, or there is only the rate */
#define BITS_NO_CLOCK    (-3.0f) /* small packets enough, and no grid in them */

#define BITS_SPURTS        7.0f  /* pauses that keep to the grid */
#define PAUSES_MIN         6     /* with the packets of comfort noise between them, and a spurt of talk */
#define PAUSES_WALK        8     /* of both ends together */
#define TURN_ALONE         3     /* slots of each end: one turn (half of people's last 1.2 s and more, Levinson and Torreira 2015), */
#define TURN_ALONE_BOTH    7     /* and so many of both, 1.7 s. With it no flow of 43 hours that have a clock and are no call; */
#define TURN_ALONE_PART    3     /* and this many times the slots in which both talk; people: 5 and more where silence is left out */
#define BITS_LEVELS        4.0f  /* the rate falls and rises again, as between words */

/* --- the clock --- */

#define CLOCK_FILLED_DTX   0.15f /* with pauses: ITU-T P.59 has 39 % of talk; */
#define CLOCK_CLEAR        0.35f /* or with an agreement no scheduler makes */
#define QUIET_PACKETS      0.25f /* of the other direction: comfort noise every 80 ms and more; */
#define ONE_WAY_PACKETS    0.05f /* of the other direction: RTCP is 5 % (RFC 3550, 6.2) */
#define NO_CLOCK_PACKETS   100
#define NO_CLOCK_AGREEMENT 0.1f

static float least_filled(const struct speech_view *v)
{
	return v->pauses >= 2 || v->clock.agreement >= CLOCK_CLEAR ? CLOCK_FILLED_DTX : CLOCK_FILLED;
}

/* It kept that period when it last talked, and some readings since do not undo that. */
static bool kept_before(const struct speech_view *v, unsigned period_ms)
{
	return v->kept_ms == period_ms && v->clock.period_ms == period_ms;
}

/* Where one end keeps a clock, of the other it is asked only whether it has the same. */
static bool keeps_clock(const struct speech_view v[2], int dir)
{
	const struct speech_view *own = &v[dir], *other = &v[!dir];
	unsigned period = other->clock.period_ms;

	if (clock_keeps(&own->clock, least_filled(own)))
		return true;
	return clock_keeps(&other->clock, least_filled(other)) &&
	    (kept_before(own, period) || clock_joins(&own->clock, period, least_filled(own)));
}

static bool no_clock(const struct speech_view *v)
{
	return v->clock.packets >= NO_CLOCK_PACKETS && !v->clock.likely && v->clock.agreement < NO_CLOCK_AGREEMENT;
}

static void weigh_both(const struct speech_view v[2], struct speech_opinion *o)
{
	uint32_t a = v[0].clock.period_ms, b = v[1].clock.period_ms;

	if (a != b && (v[0].clock.likely || v[1].clock.likely)) {
		o->clock = (struct speech_bits){ BITS_CLOCK_HALF, "packets both ways at rates of speech, one every {0} and every {1} ms", { a, b } };
		return;
	}
	o->both_ways = true;
	if (a != b)
		o->clock = (struct speech_bits){ BITS_CLOCK_MIXED, "packets keep the clocks of speech, every {0} and every {1} ms", { a, b } };
	else if (v[0].clock.likely || v[1].clock.likely)
		o->clock = (struct speech_bits){ BITS_ROUGH_BOTH, "packets both ways at the exact rate of speech, one every {0} ms", { a } };
	else
		o->clock = (struct speech_bits){ BITS_CLOCK_BOTH, "packets keep the clock of speech both ways, every {0} ms", { a } };
}

static void weigh_clock(const struct speech_view v[2], struct speech_opinion *o)
{
	bool keeps[2] = { keeps_clock(v, 0), keeps_clock(v, 1) };
	int dir = keeps[1] && !keeps[0];

	if (keeps[0] && keeps[1]) {
		weigh_both(v, o);
	} else if (keeps[dir]) {
		const struct speech_view *other = &v[!dir];
		float back = (float)other->clock.packets / (float)v[dir].clock.packets;
		bool quiet = back <= QUIET_PACKETS && 2 * other->clock.skips <= other->clock.packets;

		o->one_way = back <= ONE_WAY_PACKETS;
		o->streams = o->one_way && !v[dir].clock.likely && clock_keeps(&v[dir].clock, CLOCK_FILLED);
		o->clock = (struct speech_bits){ quiet && !v[dir].clock.likely ? BITS_CLOCK_ONE : BITS_CLOCK_HALF,
			"packets one way keep the clock of speech, every {0} ms", { v[dir].clock.period_ms } };
	} else if (no_clock(&v[0]) && no_clock(&v[1])) {
		o->clock = (struct speech_bits){ BITS_NO_CLOCK, "packets keep no clock of speech", { 0 } };
	}
}

/* --- the sizes --- */

#define RELAY_ADDS     2      /* bytes: Mumble's server adds the speaker's number, one or two */
#define MEANS_ALIKE    1.15f  /* ratio: one codec, one target rate */
#define MEANS_FAR      8.0f   /* ratio: speech to silence in Opus */
/*
 * Both ends agreed on one codec and one rate (RFC 3264), and who listens sends
 * no more than who talks. Measured on the bench when the verdict falls: two
 * talkers 1.00 to 1.19, talker to listener 0.76 to 1.8 (98 of 100).
 */
#define TALKERS_RATIO  1.3f
#define LISTENER_MORE  0.75f
#define LISTENER_LESS  2.0f

static float ratio(float a, float b)
{
	return a > b ? a / b : b / a;
}

/* What two shapes are worth together: [the one that says more][the other]. */
static const struct { float bits; const char *why; } pairs[SHAPES][SHAPES] = {
	[SHAPE_SYLLABLE] = {
		[SHAPE_SYLLABLE] = { 8, "sizes follow syllables both ways, about {0} and {1} bytes" },
		[SHAPE_STEADY] = { 7, "sizes follow syllables, about {0} bytes, and hold a rate, about {1}" },
		[SHAPE_CODEC] = { 5, "sizes follow syllables one way, about {0} bytes; {1} the other" },
		[SHAPE_UNKNOWN] = { 5, "sizes follow syllables, about {0} bytes" },
	},
	[SHAPE_STEADY] = {
		[SHAPE_STEADY] = { 4, "sizes hold a rate both ways, about {0} and {1} bytes" },
		[SHAPE_CODEC] = { 3, "sizes hold a rate, about {0} and {1} bytes" },
		[SHAPE_UNKNOWN] = { 2, "sizes hold a rate, about {0} bytes" },
	},
	[SHAPE_CODEC] = {
		[SHAPE_CODEC] = { 3, "sizes of telephone codecs, {0} and {1} bytes" },
		[SHAPE_UNKNOWN] = { 4, "size of a telephone codec, {0} bytes" },
	},
};

/* One size both ways in records, whose framing is known: what that is worth follows from how many sizes codecs have. */
static struct speech_bits records_alike(const struct speech_view v[2])
{
	const struct speech_view *small = &v[v[1].size < v[0].size], *large = &v[v[1].size >= v[0].size];
	float bits = speech_codec_rarity(small->clock.period_ms, small->size, large->size, small->wrap);

	if (bits < SPEECH_RARITY_MIN || small->clock.period_ms != large->clock.period_ms)
		return (struct speech_bits){ 0 };
	return (struct speech_bits){ bits + SPEECH_BITS_SAME, "records of a telephone codec both ways, {0} and {1} bytes", { v[0].size, v[1].size } };
}

/* One size both ways, and it is a codec's; a server between adds who speaks. */
static bool same_codec(const struct speech_view v[2], const enum speech_shape shape[2])
{
	int codec = shape[0] != SHAPE_CODEC;

	return shape[codec] == SHAPE_CODEC && (shape[!codec] == SHAPE_CODEC || shape[!codec] == SHAPE_ONE) &&
	    abs((int)v[0].size - (int)v[1].size) <= RELAY_ADDS && v[0].clock.period_ms == v[1].clock.period_ms;
}

static struct speech_bits alike(const struct speech_view v[2], const enum speech_shape shape[2])
{
	if (shape[0] == SHAPE_CODEC && shape[1] == SHAPE_CODEC && !speech_is_datagram(&v[0]))
		return records_alike(v);
	if (speech_is_datagram(&v[0]) && same_codec(v, shape))
		return (struct speech_bits){ 7, "size of a telephone codec both ways, {0} and {1} bytes", { v[0].size, v[1].size } };
	if (shape[0] == SHAPE_STEADY && shape[1] == SHAPE_STEADY && ratio(v[0].mean, v[1].mean) <= MEANS_ALIKE)
		return (struct speech_bits){ 6, "sizes hold one rate both ways, about {0} and {1} bytes", { (uint32_t)v[0].mean, (uint32_t)v[1].mean } };
	return (struct speech_bits){ 0 };
}

/* `a` is the direction whose sizes say more. */
static bool one_codec(const struct speech_view *a, enum speech_shape shape_a, const struct speech_view *b, enum speech_shape shape_b)
{
	float more = a->mean / b->mean;

	if (shape_a != SHAPE_SYLLABLE || shape_b == SHAPE_CODEC)
		return ratio(a->mean, b->mean) <= MEANS_FAR;
	if (shape_b == SHAPE_SYLLABLE)
		return ratio(a->mean, b->mean) <= TALKERS_RATIO;
	return more >= LISTENER_MORE && more <= LISTENER_LESS;
}

/* Words of one end are enough, while those of the other are too few to be sure of but fit who listens, or talks at the same rate. */
static bool says_words(const struct speech_view *a, enum speech_shape shape, const struct speech_view *b)
{
	return speech_has_words(a, shape) && speech_may_be_voice(b) && one_codec(a, shape, b, SHAPE_UNKNOWN);
}

static void weigh_sizes(const struct speech_view v[2], struct speech_opinion *o)
{
	int more = pairs[o->shape[1]][o->shape[0]].bits > pairs[o->shape[0]][o->shape[1]].bits;
	enum speech_shape a = o->shape[more], b = o->shape[!more];

	o->sizes = alike(v, o->shape);
	if (o->sizes.bits == 0 && (a == SHAPE_STEADY || b == SHAPE_CODEC) && o->spurts.bits == 0)
		return; /* one steady direction is anything's; a talker stops */
	if (o->sizes.bits != 0 || pairs[a][b].bits == 0)
		return;
	if (b == SHAPE_UNKNOWN && o->both_ways && !says_words(&v[more], a, &v[!more]))
		return;
	if (b != SHAPE_UNKNOWN && !one_codec(&v[more], a, &v[!more], b))
		return;
	o->sizes = (struct speech_bits){ pairs[a][b].bits, pairs[a][b].why, { (uint32_t)v[more].mean, (uint32_t)v[!more].mean } };
}

/* --- talk and silence --- */

static bool goes_on(const struct speech_view v[2], int dir)
{
	return v[dir].spurts != 0 && keeps_clock(v, dir) && !v[dir].clock.likely;
}

/*
 * Pauses of a clock that goes on after them. Losses make gaps of all lengths: in runs of 3 in the mean (tools/impair, lossy)
 * three in ten are as long as a pause. So those of one end must be more than its shorter gaps; or those of both ends, each less
 * its shorter gaps: a walk that goes up with a pause and down with another gap reaches PAUSES_WALK once in (7/3)^8 = 878 (the
 * gambler's ruin), 9.8 bits.
 */
static unsigned pauses_in_time(const struct speech_view v[2])
{
	int walk = 0;

	for (int i = 0; i < 2; i++) {
		if (!goes_on(v, i))
			continue;
		if (v[i].pauses >= PAUSES_MIN && v[i].pauses >= v[i].clock.skips)
			return v[i].pauses;
		walk += v[i].pauses - v[i].clock.skips;
	}
	return walk >= PAUSES_WALK ? v[0].pauses + v[1].pauses : 0;
}

static bool pauses_in_size(const struct speech_view *v, enum speech_shape shape)
{
	return v->falls != 0 && v->rises != 0 && speech_changes_level(v) && (shape == SHAPE_SYLLABLE || shape == SHAPE_STEADY);
}

/* Both ends speak one codec; where one cannot be it, what looks like words in the other is none. */
static bool may_be_voice(enum speech_shape shape)
{
	return shape != SHAPE_OTHER && shape != SHAPE_ONE;
}

/* Each end kept one clock whenever it talked, and mostly only one did. */
static bool take_turns(const struct speech_view v[2])
{
	return v[0].turns != 0 && v[0].alone >= TURN_ALONE && v[1].alone >= TURN_ALONE && v[0].alone + v[1].alone >= TURN_ALONE_BOTH &&
	    v[0].alone + v[1].alone >= TURN_ALONE_PART * v[0].both && v[0].kept_ms != 0 && v[1].kept_ms == v[0].kept_ms;
}

/* Who listens now kept the clock when he talked. */
static void weigh_turns(const struct speech_view v[2], struct speech_opinion *o)
{
	o->turns = take_turns(v);
	if (!o->turns)
		return;
	if (o->clock.bits < BITS_CLOCK_BOTH)
		o->clock = (struct speech_bits){ BITS_CLOCK_BOTH, "packets keep the clock of speech both ways, by turns, every {0} ms", { v[0].kept_ms } };
	if (o->spurts.bits < BITS_SPURTS)
		o->spurts = (struct speech_bits){ BITS_SPURTS, "each end sends while the other is silent, for {0} and {1} ms",
			{ v[0].alone * TURN_SLOT_MS, v[1].alone * TURN_SLOT_MS } };
}

static void weigh_spurts(const struct speech_view v[2], struct speech_opinion *o)
{
	unsigned pauses = pauses_in_time(v);

	if (pauses != 0) {
		o->spurts = (struct speech_bits){ BITS_SPURTS, "{0} pauses, and the clock runs on through them", { pauses } };
		return;
	}
	for (int i = 0; i < 2; i++) {
		if (!may_be_voice(o->shape[!i]) || !pauses_in_size(&v[i], o->shape[i]) || (!o->both_ways && o->shape[i] == SHAPE_STEADY))
			continue;
		o->spurts = (struct speech_bits){ BITS_LEVELS, "the rate falls {0} times and rises {1} times, as between words", { v[i].falls, v[i].rises } };
		return;
	}
}

void speech_weigh(const struct speech_view view[2], struct speech_opinion *o)
{
	*o = (struct speech_opinion){ 0 };
	weigh_clock(view, o);
	for (int i = 0; i < 2; i++)
		o->shape[i] = keeps_clock(view, i) ? speech_shape_of(&view[i]) : SHAPE_UNKNOWN;
	if (o->clock.bits > BITS_CLOCK_HALF)
		weigh_spurts(view, o);
	weigh_turns(view, o);
	if (o->clock.bits <= BITS_CLOCK_HALF)
		return; /* sizes and pauses are measured given a clock */
	weigh_sizes(view, o);
}
