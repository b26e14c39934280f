/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/speech_weigh.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

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

#define SIZED_MIN      16     /* packets for one size; */
#define SHAPED_MIN     48     /* for a spread; */
#define SHAPED_MIN_LONG 32    /* in frames of SHAPED_LONG_MS and more, 1.3 to 2 s; what chance may give is taken off either way */
#define SHAPED_LONG_MS 40
#define ONE_SIZE       0.9f   /* part of the packets that have it, */
#define ONE_SIZE_MOST  0.5f   /* or this part, and the others a byte more or less: Mumble counts packets in 1, 2, 3 bytes as it needs */
#define ONE_SIZE_SPREAD 0.5f  /* bytes: half and half of two sizes a byte apart have it */
#define ODD_MAX        0.25f  /* more of other sizes: no second medium has so many */
#define STEADY_SPREAD  0.125f /* of the mean; Opus and SILK hold a target rate within it while somebody talks; */
#define STEADY_ODD     0.1f   /* and leave it as rarely */
#define SYLLABLE_NEAR  0.3f   /* correlation of neighbours beyond what chance gives; */
#define SYLLABLE_NEAR_MAX 0.88f /* Opus at 20 ms: 0.72 to 0.85 */
#define WORD_FALL      0.15f  /* of the correlation, where the level jumps between words and silence */
#define WORD_PERIOD    20     /* ms, at least: at 100 packets/s what only moves jumps as often */
#define SYLLABLE_LEFT  0.5f   /* of it 100 ms on: Opus 0.55 to 0.8 */
#define SYLLABLE_LEFT_MAX 0.9f
#define SYLLABLE_SPREAD_MAX 0.7f
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
#define LEVELS_MAX     0.08f  /* changes of level for each packet: words begin and end less often than 4 times a second */
#define LEVELS_A_MS    0.004f /* for each millisecond of a frame: 4 a second; */
#define LEVELS_USUAL_A_MS 0.002f /* 2 a second: ITU-T P.59 has 0.8, in long frames they are many a packet */
#define CHANGES_MAX    0.2f   /* more is noise, and taking it for levels makes neighbours alike */
#define FLOOR_MODAL    0.2f   /* part of the packets in silence, all of one size */
#define FLOOR_SMOOTH   0.8f
#define WS_MASK        4      /* bytes (RFC 6455, 5.2) */
#define RARITY_MIN     3.0f   /* a size that more than one in eight is a codec's says nothing */

/*
 * An encoder's sizes are syllables and, on top of them, what each frame costs by
 * itself. So neighbours are alike but not as alike as those of something that
 * only moves; and what correlation they have is loudness, of which half a syllable
 * on more than half is left, and not all. A random walk's correlation falls by
 * 3 k / n at a distance of k in n packets; a Gauss-Markov process with neighbours
 * as alike has lost more. And each packet put aside hides a jump: sizes drawn at
 * random, a fifth of them put aside, have a correlation of 0.45.
 */
static bool changes_level(const struct speech_view *v)
{
	unsigned changes = v->falls + v->rises;

	float period = (float)v->clock.period_ms;

	return changes != 0 && (float)changes <= fminf(fmaxf(LEVELS_MAX, LEVELS_USUAL_A_MS * period), LEVELS_A_MS * period) * (float)v->n;
}

static bool is_syllables(const struct speech_view *v)
{
	float step = (float)speech_neighbour_packets(v->clock.period_ms), n = (float)v->n / step, accident = 1 / sqrtf(n);
	float walk = 3 * ((float)speech_syllable_packets(v->clock.period_ms) / step - 1) / n;

	if (v->spread > SYLLABLE_SPREAD_MAX * v->mean || v->smooth < SYLLABLE_NEAR + accident + v->odd)
		return false;
	if (v->clock.period_ms >= WORD_PERIOD && changes_level(v) && v->smooth - v->syllable >= WORD_FALL + 2 * walk)
		return true; /* words and silence: jumps, that leave nothing of it */
	return v->smooth <= SYLLABLE_NEAR_MAX && v->syllable >= (SYLLABLE_LEFT - accident) * v->smooth &&
	    v->syllable <= (SYLLABLE_LEFT_MAX - walk) * v->smooth;
}

/* Around one rate, or around two with the silence between words all of one size. */
static bool is_steady(const struct speech_view *v)
{
	if (v->odd > STEADY_ODD)
		return false;
	return v->spread <= STEADY_SPREAD * v->mean ||
	    (changes_level(v) && v->modal >= FLOOR_MODAL && v->smooth >= FLOOR_SMOOTH);
}

static bool is_datagram(const struct speech_view *v)
{
	return v->wrap == WRAP_DATAGRAM || v->wrap == WRAP_FOREIGN;
}

/* Records of one size: a codec's, by itself or as the masked half of a WebSocket. */
static bool is_codec(const struct speech_view *v)
{
	unsigned period = v->clock.period_ms;

	if (is_datagram(v))
		return speech_codec(period, v->size, v->other, v->wrap) != NULL;
	return speech_codec_rarity(period, v->size, v->size, v->wrap) >= RARITY_MIN ||
	    (v->size > WS_MASK && speech_codec_rarity(period, v->size - WS_MASK, v->size, v->wrap) >= RARITY_MIN);
}

static bool one_size(const struct speech_view *v)
{
	return v->modal >= ONE_SIZE || (v->modal >= ONE_SIZE_MOST && v->spread <= ONE_SIZE_SPREAD);
}

static bool changes_wildly(const struct speech_view *v)
{
	return (float)(v->falls + v->rises) > CHANGES_MAX * (float)v->n;
}

static enum speech_shape shape_of(const struct speech_view *v)
{
	if (v->n < SIZED_MIN)
		return SHAPE_UNKNOWN;
	if (v->odd > ODD_MAX || changes_wildly(v))
		return SHAPE_OTHER;
	if (one_size(v))
		return is_codec(v) ? SHAPE_CODEC : SHAPE_ONE;
	if (v->one_in_talk && v->modal * (float)v->n >= SIZED_MIN && is_codec(v))
		return SHAPE_CODEC;
	if (v->n < (v->clock.period_ms >= SHAPED_LONG_MS ? SHAPED_MIN_LONG : SHAPED_MIN))
		return SHAPE_UNKNOWN;
	return is_syllables(v) ? SHAPE_SYLLABLE : is_steady(v) ? SHAPE_STEADY : SHAPE_OTHER;
}

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

bool speech_one_size(const struct speech_view v[2], unsigned *size)
{
	*size = v[0].size;
	return v[0].n >= SIZED_MIN && v[1].n >= SIZED_MIN && one_size(&v[0]) && one_size(&v[1]) &&
	    v[0].size == v[1].size && v[0].clock.period_ms == v[1].clock.period_ms;
}

/* One size both ways in records, whose framing is known: what that is worth follows from how many sizes codecs have. */
static struct speech_bits records_alike(const struct speech_view v[2])
{
	const struct speech_view *small = &v[v[1].size < v[0].size], *large = &v[v[1].size >= v[0].size];
	float bits = speech_codec_rarity(small->clock.period_ms, small->size, large->size, small->wrap);

	if (bits < RARITY_MIN || small->clock.period_ms != large->clock.period_ms)
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
	if (shape[0] == SHAPE_CODEC && shape[1] == SHAPE_CODEC && !is_datagram(&v[0]))
		return records_alike(v);
	if (is_datagram(&v[0]) && same_codec(v, shape))
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

/* Of who listens, or talks at the same rate, sizes are too few to be sure; but none speaks against it. */
static bool may_answer(const struct speech_view *a, const struct speech_view *b)
{
	float more = a->mean / b->mean;

	if (b->n < SIZED_MIN || b->odd > ODD_MAX || changes_wildly(b) || more < LISTENER_MORE || more > LISTENER_LESS)
		return false;
	return b->spread <= STEADY_SPREAD * b->mean || b->smooth >= SYLLABLE_NEAR;
}

/* Words of one end, before those of the other are enough: at 100 packets/s what only moves jumps as often. */
static bool says_words(const struct speech_view *a, enum speech_shape shape, const struct speech_view *b)
{
	return shape == SHAPE_SYLLABLE && a->clock.period_ms >= WORD_PERIOD && changes_level(a) && may_answer(a, b);
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
	return v->falls != 0 && v->rises != 0 && changes_level(v) && (shape == SHAPE_SYLLABLE || shape == SHAPE_STEADY);
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
		o->shape[i] = keeps_clock(view, i) ? shape_of(&view[i]) : SHAPE_UNKNOWN;
	if (o->clock.bits > BITS_CLOCK_HALF)
		weigh_spurts(view, o);
	weigh_turns(view, o);
	if (o->clock.bits <= BITS_CLOCK_HALF)
		return; /* sizes and pauses are measured given a clock */
	weigh_sizes(view, o);
}
