/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/speech_talk.h"

#include <math.h>
#include <string.h>

#define SLOT_US      (TALK_SLOT_MS * 1000u)
#define OCTAVE       24       /* levels in an octave of bytes */
#define FLOOR_BYTES  48.0f    /* added: a packet of comfort noise in a slot is silence like none */
#define LEVELS       256

#define SLOTS_MIN    40       /* 4.8 s */
#define APART_MIN    0.35f    /* octaves; Opus with variable rate: 0.4 and more between talk and a quiet room */
#define BETWEEN_MAX  0.12f    /* part of the slots; codecs 0 to 0.15, sizes that wander 0.12 to 0.26 */
#define FAR_APART    2.0f     /* octaves: silence is left out, and slots that a word fills in part lie between; */
#define BETWEEN_FAR  0.22f    /* so many of them */
#define WANDERS      0.15f
#define MIDDLE       0.3f     /* of the distance: what is nearer to a level than that belongs to it */
#define CHANGES_MIN  4
#define CHANGES_MAX  0.4f     /* for each slot: syllables are longer than a slot */
#define SHARE_MIN    0.08f    /* of the slots in the rarer level */
#define EVEN         0.2f     /* standard deviation of the runs, of their mean: a slot's edge alone makes 0.1 */
#define RUNS_MIN     2        /* of each kind, or nobody knows */
#define EMPTY        0.5f     /* octaves above nothing: a packet of comfort noise now and then */
#define TURN_SLOTS   4        /* half a second: answers are not that exact */

static uint8_t level_of(uint32_t bytes)
{
	float level = OCTAVE * log2f(((float)bytes + FLOOR_BYTES) / FLOOR_BYTES);

	return level < LEVELS - 1 ? (uint8_t)lroundf(level) : LEVELS - 1;
}

/* Ends all slots before this one. */
static void advance(struct talk *t, uint32_t slot)
{
	if (slot > t->slot + TALK_SLOTS) { /* silence for longer than is remembered */
		memset(t->level, 0, sizeof t->level);
		t->bytes = 0;
		t->slot = slot;
	}
	for (; t->slot < slot; t->slot++) {
		t->level[t->slot % TALK_SLOTS] = level_of(t->bytes);
		t->bytes = 0;
	}
}

void talk_feed(struct talk *t, uint32_t us, uint32_t size)
{
	advance(t, us / SLOT_US);
	t->bytes += size;
}

/* The levels, the oldest first. */
static unsigned unroll(const struct talk *t, uint8_t out[static TALK_SLOTS])
{
	unsigned n = t->slot < TALK_SLOTS ? t->slot : TALK_SLOTS;

	for (unsigned i = 0; i < n; i++)
		out[i] = t->level[(t->slot - n + i) % TALK_SLOTS];
	return n;
}

struct split { float low, high; };

/* The two levels: the cut that leaves the least variance on both sides (Otsu 1979). */
static bool split(const uint8_t *y, unsigned n, struct split *out)
{
	uint8_t histogram[LEVELS] = { 0 };
	unsigned below = 0, sum = 0, all = 0;
	float best = 0;

	for (unsigned i = 0; i < n; i++) {
		histogram[y[i]]++;
		all += y[i];
	}
	for (unsigned v = 0; v < LEVELS; v++) {
		float low, high, gain;

		below += histogram[v];
		sum += v * histogram[v];
		if (histogram[v] == 0 || below == n)
			continue;
		low = (float)sum / (float)below;
		high = (float)(all - sum) / (float)(n - below);
		gain = (float)below * (float)(n - below) * (high - low) * (high - low);
		if (gain <= best)
			continue;
		best = gain;
		*out = (struct split){ low, high };
	}
	return best > 0;
}

struct runs { unsigned n; float sum, square; };

static void run_ends(struct runs *r, unsigned length)
{
	r->n++;
	r->sum += (float)length;
	r->square += (float)length * (float)length;
}

static bool alike(const struct runs *r)
{
	float mean = r->sum / (float)r->n;

	return r->square / (float)r->n - mean * mean <= EVEN * EVEN * mean * mean;
}

/* A timer's talk and its silence last as long each time. */
static bool are_even(const struct runs r[2])
{
	return r[0].n < RUNS_MIN || r[1].n < RUNS_MIN || (alike(&r[0]) && alike(&r[1]));
}

/* Fills on[] with who talks in which slot. */
static void look(const uint8_t *y, unsigned n, struct talk_view *v, bool on[static TALK_SLOTS])
{
	struct split s;
	struct runs runs[2] = { { 0 } };
	unsigned between = 0, talk = 0, length = 0, changes = 0;

	if (n < SLOTS_MIN || !split(y, n, &s))
		return;
	for (unsigned i = 0; i < n; i++) {
		float at = ((float)y[i] - s.low) / (s.high - s.low);

		on[i] = at > 0.5f;
		talk += on[i];
		between += at > MIDDLE && at < 1 - MIDDLE;
		if (i != 0 && on[i] != on[i - 1]) {
			if (changes++ != 0) /* the first run began before what is remembered */
				run_ends(&runs[on[i - 1]], length);
			length = 0;
		}
		length++;
	}
	v->changes = (uint8_t)changes;
	v->apart = (s.high - s.low) / OCTAVE;
	v->between = (float)between / (float)n;
	v->empty = v->apart >= FAR_APART && s.low < EMPTY * OCTAVE;
	v->wanders = !v->empty && v->between >= WANDERS;
	v->even = are_even(runs);
	v->levels = v->apart >= APART_MIN && v->between <= (v->empty ? BETWEEN_FAR : BETWEEN_MAX) &&
	    v->changes >= CHANGES_MIN && (float)changes <= CHANGES_MAX * (float)n;
	v->two_levels = v->levels && (float)talk >= SHARE_MIN * (float)n && (float)(n - talk) >= SHARE_MIN * (float)n;
}

static float correlation(const bool a[static TALK_SLOTS], const bool b[static TALK_SLOTS], unsigned n)
{
	float sa = 0, sb = 0, aa = 0, bb = 0, ab = 0, m = (float)(n - TURN_SLOTS + 1), va, vb;

	for (unsigned i = 0; i + TURN_SLOTS <= n; i++) {
		float x = 0, y = 0;

		for (unsigned k = 0; k < TURN_SLOTS; k++) {
			x += a[i + k];
			y += b[i + k];
		}
		sa += x;
		sb += y;
		aa += x * x;
		bb += y * y;
		ab += x * y;
	}
	va = aa - sa * sa / m;
	vb = bb - sb * sb / m;
	return va < 1 || vb < 1 ? 0 : (ab - sa * sb / m) / sqrtf(va * vb);
}

void talk_read(struct talk both[2], uint32_t us, struct talk_reading *r)
{
	bool on[2][TALK_SLOTS] = { { false } };
	unsigned n = 0;

	*r = (struct talk_reading){ 0 };
	for (int i = 0; i < 2; i++) {
		uint8_t y[TALK_SLOTS];

		advance(&both[i], us / SLOT_US);
		n = unroll(&both[i], y);
		look(y, n, &r->dir[i], on[i]);
	}
	if (n >= SLOTS_MIN)
		r->together = correlation(on[0], on[1], n);
}
