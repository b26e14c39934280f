/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/speech_shape.h"

#include <math.h>
#include <stddef.h>

#include "detect/speech_codec.h"

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
#define LEVELS_MAX     0.08f  /* changes of level for each packet: words begin and end less often than 4 times a second */
#define LEVELS_A_MS    0.004f /* for each millisecond of a frame: 4 a second; */
#define LEVELS_USUAL_A_MS 0.002f /* 2 a second: ITU-T P.59 has 0.8, in long frames they are many a packet */
#define CHANGES_MAX    0.2f   /* more is noise, and taking it for levels makes neighbours alike */
#define FLOOR_MODAL    0.2f   /* part of the packets in silence, all of one size */
#define FLOOR_SMOOTH   0.8f
#define WS_MASK        4      /* bytes (RFC 6455, 5.2) */

bool speech_changes_level(const struct speech_view *v)
{
	unsigned changes = v->falls + v->rises;
	float period = (float)v->clock.period_ms;

	return changes != 0 && (float)changes <= fminf(fmaxf(LEVELS_MAX, LEVELS_USUAL_A_MS * period), LEVELS_A_MS * period) * (float)v->n;
}

/*
 * An encoder's sizes are syllables and, on top of them, what each frame costs by
 * itself. So neighbours are alike but not as alike as those of something that
 * only moves; and what correlation they have is loudness, of which half a syllable
 * on more than half is left, and not all. A random walk's correlation falls by
 * 3 k / n at a distance of k in n packets; a Gauss-Markov process with neighbours
 * as alike has lost more. And each packet put aside hides a jump: sizes drawn at
 * random, a fifth of them put aside, have a correlation of 0.45.
 */
static bool is_syllables(const struct speech_view *v)
{
	float step = (float)speech_neighbour_packets(v->clock.period_ms), n = (float)v->n / step, accident = 1 / sqrtf(n);
	float walk = 3 * ((float)speech_syllable_packets(v->clock.period_ms) / step - 1) / n;

	if (v->spread > SYLLABLE_SPREAD_MAX * v->mean || v->smooth < SYLLABLE_NEAR + accident + v->odd)
		return false;
	if (v->clock.period_ms >= WORD_PERIOD && speech_changes_level(v) && v->smooth - v->syllable >= WORD_FALL + 2 * walk)
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
	    (speech_changes_level(v) && v->modal >= FLOOR_MODAL && v->smooth >= FLOOR_SMOOTH);
}

bool speech_is_datagram(const struct speech_view *v)
{
	return v->wrap == WRAP_DATAGRAM || v->wrap == WRAP_FOREIGN;
}

/* Records of one size: a codec's, by itself or as the masked half of a WebSocket. */
static bool is_codec(const struct speech_view *v)
{
	unsigned period = v->clock.period_ms;

	if (speech_is_datagram(v))
		return speech_codec(period, v->size, v->other, v->wrap) != NULL;
	return speech_codec_rarity(period, v->size, v->size, v->wrap) >= SPEECH_RARITY_MIN ||
	    (v->size > WS_MASK && speech_codec_rarity(period, v->size - WS_MASK, v->size, v->wrap) >= SPEECH_RARITY_MIN);
}

static bool one_size(const struct speech_view *v)
{
	return v->modal >= ONE_SIZE || (v->modal >= ONE_SIZE_MOST && v->spread <= ONE_SIZE_SPREAD);
}

static bool changes_wildly(const struct speech_view *v)
{
	return (float)(v->falls + v->rises) > CHANGES_MAX * (float)v->n;
}

enum speech_shape speech_shape_of(const struct speech_view *v)
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

bool speech_one_size(const struct speech_view v[2], unsigned *size)
{
	*size = v[0].size;
	return v[0].n >= SIZED_MIN && v[1].n >= SIZED_MIN && one_size(&v[0]) && one_size(&v[1]) &&
	    v[0].size == v[1].size && v[0].clock.period_ms == v[1].clock.period_ms;
}

bool speech_may_be_voice(const struct speech_view *v)
{
	if (v->n < SIZED_MIN || v->odd > ODD_MAX || changes_wildly(v))
		return false;
	return v->spread <= STEADY_SPREAD * v->mean || v->smooth >= SYLLABLE_NEAR;
}

bool speech_has_words(const struct speech_view *v, enum speech_shape shape)
{
	return shape == SHAPE_SYLLABLE && v->clock.period_ms >= WORD_PERIOD && speech_changes_level(v);
}
