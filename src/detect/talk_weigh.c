/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/talk_weigh.h"

#include <math.h>

/*
 * Over TCP anybody may send at the very period of a frame, sizes of every kind.
 * What he does not do is talk: pass between two levels within a syllable, at no
 * interval in particular, and be silent while the other end is not. Of pairs of
 * random walks and autoregressive sizes, 10 s each, 1 in 1,500 did (docs/METHOD.md,
 * "tcp-audio"), of speech at variable rates 2 in 5. One end alone looks so for
 * once in 30. Sending nothing at all for a while says less: any program may.
 */
#define BITS_LEVELS      2.8f  /* an end, when both do and they are the same: of 68 others that kept a clock 1 had it, of calls 0.79: 5.7 for both */
#define BITS_SILENCE     2.5f  /* an end whose lower level is nothing */
#define BITS_TURNS       2.0f  /* they mostly do not talk together */
#define TURNS_TOGETHER (-0.35f) /* calls: three of four below -0.39 */
#define ECHO_TOGETHER    0.5f  /* one of them repeats what the other does */
#define ONE_TALKS_SIZES  3.0f  /* most that sizes count when one end alone talks */
#define SHARED_SIZES     5.0f  /* sizes follow syllables one way at least, and both ends have the same levels: with a clock */
#define BITS_SHARED      7.0f  /* both ways 151 of 326 calls, 2 of 597 others on clocks of speech */
#define SIZES_CAP        9.6f  /* and ever, given a clock: log2(n/3) of 2,378 windows of others that kept one (tools/calibrate --detector tcp-audio) */

static float talk_of(const struct talk_view *v)
{
	return !v->two_levels || v->even ? 0 : v->empty ? BITS_SILENCE : BITS_LEVELS;
}

/* Where silence is left out and taking turns shows at once, in packets (speech_turns.h), no levels need be awaited. */
static float turns_bits(const struct speech_opinion *o)
{
	return o->turns && o->sizes.bits >= SHARED_SIZES ? 2 * BITS_SILENCE + BITS_TURNS : 0;
}

static float levels_bits(const struct talk_reading *t)
{
	float a = talk_of(&t->dir[0]), b = talk_of(&t->dir[1]);

	if (a <= 0 || b <= 0 || !t->alike || t->together >= ECHO_TOGETHER)
		return 0;
	return a + b + (t->together <= TURNS_TOGETHER ? BITS_TURNS : 0);
}

float talk_bits(const struct talk_reading *t, const struct speech_opinion *o)
{
	return fmaxf(levels_bits(t), turns_bits(o));
}

/* Syllables both ways, between two levels: lopsided ones will do, for somebody who talks on or listens. */
static bool both_follow(const struct talk_reading *t, const struct speech_opinion *o)
{
	for (int i = 0; i < 2; i++)
		if (o->shape[i] != SHAPE_SYLLABLE || !t->dir[i].levels || t->dir[i].even)
			return false;
	return true;
}

static bool wanders(const struct talk_view *v, enum speech_shape shape)
{
	return v->wanders && shape != SHAPE_CODEC && shape != SHAPE_UNKNOWN;
}

float talk_size_bits(const struct talk_reading *t, const struct speech_opinion *o)
{
	bool constant = o->shape[0] == SHAPE_CODEC && o->shape[1] == SHAPE_CODEC;
	float a = talk_of(&t->dir[0]), b = talk_of(&t->dir[1]);

	if (constant)
		return fminf(o->sizes.bits, SIZES_CAP);
	if (t->together >= ECHO_TOGETHER)
		return 0;
	if (t->shared && o->both_ways && o->sizes.bits >= SHARED_SIZES)
		return fmaxf(o->sizes.bits * (float)(a > 0 && b > 0 && t->alike), BITS_SHARED);
	if (wanders(&t->dir[0], o->shape[0]) || wanders(&t->dir[1], o->shape[1]))
		return 0;
	if (a + b <= 0 && !both_follow(t, o))
		return 0;
	return (a > 0 && b > 0 && t->alike) || both_follow(t, o) ? o->sizes.bits : fminf(o->sizes.bits, ONE_TALKS_SIZES);
}
