/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/speech_talk.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/saturate.h"

#define SLOT_US      (TALK_SLOT_MS * 1000u)
#define OCTAVE       24       /* levels in an octave of bytes */
#define FLOOR_BYTES  48.0f    /* added: a packet of comfort noise in a slot is silence like none */
#define LEVELS       256

#define SLOTS_MIN    40       /* 4.8 s */
#define APART_MIN    0.35f    /* octaves; Opus with variable rate: 0.4 and more between talk and a quiet room */
#define APART_LEAST  0.2f     /* and where more stands around a frame than is known: nearer ones a record more or less makes */
#define BETWEEN_MAX  0.12f    /* part of the slots; codecs 0 to 0.15, sizes that wander 0.12 to 0.26 */
#define FOREIGN_MAX  3        /* kinds of slots that are of neither level */
#define FAR_APART    2.0f     /* octaves: silence is left out, and slots that a word fills in part lie between; */
#define BETWEEN_FAR  0.22f    /* so many of them */
#define WANDERS      0.15f
#define MIDDLE       0.3f     /* of the distance: what is nearer to a level than that belongs to it */
#define CHANGES_MIN  4
#define CHANGES_MAX  0.4f     /* for each slot: syllables are longer than a slot */
#define SHARE_MIN    0.08f    /* of the slots in the rarer level */
#define EVEN         0.2f     /* standard deviation of the runs, of their mean: a slot's edge alone makes 0.1 */
#define RUNS_MIN     2        /* of each kind, or nobody knows */
#define REPORT_PART  2        /* smaller than that part of the mean: no frame beside frames, Opus changes by less within a slot */
#define EMPTY        0.5f     /* octaves above nothing: a packet of comfort noise now and then */
/*
 * Both ends agreed on one codec (RFC 3264): it makes of both talkers the same size, and of both rooms. Measured where
 * both have levels, 173 calls and 6 others: lower ones apart by 0.05 (median) and 0.23 (95 %), others 0.14 and 0.57;
 * upper ones 0.04 and 0.35.
 */
#define ALIKE_LOW    0.3f     /* octaves */
#define ALIKE_HIGH   0.35f
#define SHARED_SLOTS 25       /* 3 s */
#define SHARED_LOW   0.15f    /* octaves: one end may not have talked yet, and this is all that is known of it */
#define SHARED_TALK  3        /* slots: less is no measure of it */
#define SHARED_CHANGES 3      /* of the one who talks more */
#define LOOSE_LOW    0.45f    /* standard deviation of the slots of a level, of the distance: measured 0.28, 95 % 0.41, */
#define LOOSE_HIGH   0.3f     /* and 0.23, 95 % 0.28 */
#define SHARED_BOTH  0.1f     /* of the slots; ITU-T P.59: 6.6 % of the time */
#define SHARED_SHARE 0.2f     /* of the time somebody talks, at least; P.59: 77 % */
#define TURN_SLOTS   4        /* half a second: answers are not that exact */

static uint8_t level_of(uint32_t bytes)
{
	float level = OCTAVE * log2f(((float)bytes + FLOOR_BYTES) / FLOOR_BYTES);

	return level < LEVELS - 1 ? (uint8_t)lroundf(level) : LEVELS - 1;
}

/* Records of the slot that are no frames: those above a full slot, and a report (RTCP), which is small beside them. */
static unsigned not_frames(const struct talk *t)
{
	if (t->n > t->full)
		return t->n - t->full;
	return t->n > 1 && REPORT_PART * t->least * t->n < t->bytes;
}

/*
 * The slot's bytes, were every frame of it there and no other record: delays of a few milliseconds carry
 * frames over its rims, reports stand between them. Of those that are too many the smallest go.
 * A slot of which half is missing is silence, or a word's beginning.
 */
static uint32_t evened(const struct talk *t)
{
	unsigned extra;

	if (t->full == 0 || 2 * t->n < t->full)
		return t->bytes;
	extra = not_frames(t);
	return (t->bytes - extra * t->least) * t->full / (t->n - extra);
}

/* Ends all slots before this one. */
static void advance(struct talk *t, uint32_t slot)
{
	if (slot > t->slot + TALK_SLOTS) { /* silence for longer than is remembered */
		memset(t->level, 0, sizeof t->level);
		t->bytes = t->n = t->least = 0;
		t->slot = slot;
	}
	for (; t->slot < slot; t->slot++) {
		t->level[t->slot % TALK_SLOTS] = level_of(evened(t));
		t->bytes = t->n = t->least = 0;
	}
}

void talk_frames(struct talk *t, unsigned period_ms)
{
	unsigned full = period_ms == 0 ? 0 : TALK_SLOT_MS / period_ms;

	if (t->full != 0 && t->full != full) /* what was evened by another is no measure of this */
		*t = (struct talk){ .slot = t->slot, .first = t->slot };
	t->full = (uint8_t)full;
}

/* Bytes that arrive when their slot is over. */
static void add_late(struct talk *t, uint32_t slot, uint32_t size)
{
	uint8_t *level = &t->level[slot % TALK_SLOTS];
	float had = FLOOR_BYTES * (exp2f((float)*level / OCTAVE) - 1);

	if (t->slot - slot <= TALK_SLOTS)
		*level = level_of((uint32_t)had + size);
}

void talk_feed(struct talk *t, uint32_t us, uint32_t size)
{
	uint32_t slot = us / SLOT_US;

	if (slot < t->slot) {
		add_late(t, slot, size);
		return;
	}
	advance(t, slot);
	t->bytes += size;
	t->least = t->n == 0 || size < t->least ? (uint16_t)(size < UINT16_MAX ? size : UINT16_MAX) : t->least;
	saturate_up(&t->n);
}

/* The levels, the oldest first. */
static unsigned unroll(const struct talk *t, uint8_t out[static TALK_SLOTS])
{
	unsigned n = t->slot - t->first < TALK_SLOTS ? t->slot - t->first : TALK_SLOTS;

	for (unsigned i = 0; i < n; i++)
		out[i] = t->level[(t->slot - n + i) % TALK_SLOTS];
	return n;
}

/* How often each level occurs, of one direction or of both. */
struct histogram { uint8_t at[LEVELS]; unsigned n, sum; };
static_assert(2 * TALK_SLOTS <= UINT8_MAX, "all slots may have one level");

static void histogram_add(struct histogram *h, const uint8_t *y, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		h->at[y[i]]++;
		h->sum += y[i];
	}
	h->n += n;
}

/* Two levels, and the last of the slots' that belongs to the lower. */
struct split { float low, high; uint8_t cut; unsigned below; };

/* The cut that leaves the least variance on both sides (Otsu 1979). */
static bool cut(const struct histogram *h, struct split *out)
{
	unsigned below = 0, sum = 0;
	float best = 0;

	for (unsigned v = 0; v < LEVELS; v++) {
		float low, high, gain;

		below += h->at[v];
		sum += v * h->at[v];
		if (h->at[v] == 0 || below == h->n)
			continue;
		low = (float)sum / (float)below;
		high = (float)(h->sum - sum) / (float)(h->n - below);
		gain = (float)below * (float)(h->n - below) * (high - low) * (high - low);
		if (gain <= best)
			continue;
		best = gain;
		*out = (struct split){ low, high, (uint8_t)v, below };
	}
	return best > 0;
}

static void forget_levels(struct histogram *h, unsigned from, unsigned to)
{
	for (unsigned v = from; v < to; v++) {
		h->n -= h->at[v];
		h->sum -= v * h->at[v];
		h->at[v] = 0;
	}
}

/*
 * The two levels. Slots that are few and farther from all others than talk is from silence are of neither: a stall, what
 * set up a tunnel, a transfer. One of them, taken for a level, would make one level of the two.
 */
static bool split(struct histogram *h, struct split *s)
{
	for (unsigned i = 0; i < FOREIGN_MAX; i++) {
		unsigned n = h->n;

		if (!cut(h, s))
			return false;
		if (s->high - s->low < FAR_APART * OCTAVE)
			return true;
		if ((float)s->below < SHARE_MIN * (float)n)
			forget_levels(h, 0, s->cut + 1u);
		else if ((float)(n - s->below) < SHARE_MIN * (float)n)
			forget_levels(h, s->cut + 1u, LEVELS);
		if (h->n == n)
			return true;
	}
	return cut(h, s);
}

static float place(const struct split *s, uint8_t level)
{
	return ((float)level - s->low) / (s->high - s->low);
}

static bool is_between(float at)
{
	return at > MIDDLE && at < 1 - MIDDLE;
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

static bool are_known(const struct runs r[2])
{
	return r[0].n >= RUNS_MIN && r[1].n >= RUNS_MIN;
}

/* A timer's talk and its silence last as long each time. */
static bool are_even(const struct runs r[2])
{
	return alike(&r[0]) && alike(&r[1]);
}

/*
 * What nobody can see around a frame (a VPN in TLS, a proxy's cipher: 28 to 70 bytes) brings the levels together, and not
 * what lies between them, for that is a part of their distance. Nearer levels must be clearer and more alike.
 */
static float nearness(float apart)
{
	return fminf(1, apart / APART_MIN);
}

/* Fills on[] with who talks in which slot. */
static void look(const uint8_t *y, unsigned n, struct talk_view *v, bool on[static TALK_SLOTS])
{
	struct split s;
	struct histogram h = { 0 };
	struct runs runs[2] = { { 0 } };
	unsigned between = 0, talk = 0, length = 0, changes = 0;

	histogram_add(&h, y, n);
	if (n < SHARED_SLOTS || !split(&h, &s))
		return;
	for (unsigned i = 0; i < n; i++) {
		float at = h.at[y[i]] == 0 ? (float)(i != 0 && on[i - 1]) : place(&s, y[i]);

		on[i] = at > 0.5f;
		talk += on[i];
		between += is_between(at);
		if (i != 0 && on[i] != on[i - 1]) {
			if (changes++ != 0) /* the first run began before what is remembered */
				run_ends(&runs[on[i - 1]], length);
			length = 0;
		}
		length++;
	}
	v->changes = (uint8_t)changes;
	v->low = s.low / OCTAVE;
	v->high = s.high / OCTAVE;
	v->apart = v->high - v->low;
	v->between = (float)between / (float)n;
	v->empty = v->apart >= FAR_APART && s.low < EMPTY * OCTAVE;
	v->wanders = !v->empty && v->between >= WANDERS;
	v->timed = are_known(runs) && are_even(runs);
	v->even = v->timed || !are_known(runs);
	v->levels = n >= SLOTS_MIN && v->apart >= APART_LEAST && v->between <= (v->empty ? BETWEEN_FAR : BETWEEN_MAX * nearness(v->apart)) &&
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

/* One direction, as the levels of both together part it. */
struct part { unsigned between, talk, quiet, changes; float low, high, loose[2]; };

static struct part part_of(const struct histogram *h, const struct split *s, const uint8_t *y, unsigned n, bool on[static TALK_SLOTS])
{
	struct part p = { 0 };

	for (unsigned i = 0; i < n; i++) {
		float at = place(s, y[i]);

		on[i] = h->at[y[i]] != 0 ? at > 0.5f : i != 0 && on[i - 1];
		p.changes += i != 0 && on[i] != on[i - 1];
		if (h->at[y[i]] == 0)
			continue;
		p.between += is_between(at);
		*(on[i] ? &p.talk : &p.quiet) += 1;
		*(on[i] ? &p.high : &p.low) += (float)y[i] / OCTAVE;
		p.loose[on[i]] += (at - (float)on[i]) * (at - (float)on[i]);
	}
	p.loose[1] /= fmaxf((float)p.talk, 1);
	p.loose[0] /= fmaxf((float)p.quiet, 1);
	p.high /= fmaxf((float)p.talk, 1);
	p.low /= fmaxf((float)p.quiet, 1);
	return p;
}

/* Both know silence, and it is the same; talk too, where both talked. */
static bool same_levels(const struct part p[2])
{
	if (p[0].quiet == 0 || p[1].quiet == 0 || fabsf(p[0].low - p[1].low) > SHARED_LOW)
		return false;
	return p[0].talk < SHARED_TALK || p[1].talk < SHARED_TALK || fabsf(p[0].high - p[1].high) <= ALIKE_HIGH;
}

/* Passes between them as words do, and stays near them: a codec aims at a rate. */
static bool is_talk(const struct part *p, unsigned n)
{
	return p->changes >= SHARED_CHANGES && (float)p->changes <= CHANGES_MAX * (float)n &&
	    p->loose[0] <= LOOSE_LOW * LOOSE_LOW && p->loose[1] <= LOOSE_HIGH * LOOSE_HIGH;
}

static bool are_shared(uint8_t y[2][TALK_SLOTS], unsigned n)
{
	struct histogram h = { 0 };
	bool on[2][TALK_SLOTS];
	struct part p[2];
	unsigned both = 0;
	const struct part *more;
	struct split s;

	for (int i = 0; i < 2; i++)
		histogram_add(&h, y[i], n);
	if (n < SHARED_SLOTS || !split(&h, &s) || s.high - s.low < APART_MIN * OCTAVE)
		return false;
	for (int i = 0; i < 2; i++)
		p[i] = part_of(&h, &s, y[i], n, on[i]);
	for (unsigned i = 0; i < n; i++)
		both += on[0][i] && on[1][i];
	more = &p[p[1].talk > p[0].talk];
	return (float)(p[0].between + p[1].between) <= 2 * BETWEEN_MAX * (float)n && is_talk(more, n) &&
	    (float)both <= SHARED_BOTH * (float)n &&
	    (float)(p[0].talk + p[1].talk) >= SHARED_SHARE * (float)n && same_levels(p);
}

static bool are_alike(const struct talk_view v[2])
{
	float near = nearness(fminf(v[0].apart, v[1].apart));

	return v[0].levels && v[1].levels && fabsf(v[0].low - v[1].low) <= ALIKE_LOW * near &&
	    fabsf(v[0].high - v[1].high) <= ALIKE_HIGH * near;
}

void talk_read(struct talk both[2], uint32_t us, struct talk_reading *r)
{
	bool on[2][TALK_SLOTS] = { { false } };
	uint8_t y[2][TALK_SLOTS];
	unsigned n = TALK_SLOTS;

	*r = (struct talk_reading){ 0 };
	for (int i = 0; i < 2; i++) {
		unsigned have;

		advance(&both[i], us / SLOT_US);
		have = unroll(&both[i], y[i]);
		look(y[i], have, &r->dir[i], on[i]);
		n = have < n ? have : n;
	}
	if (n >= SHARED_SLOTS)
		r->together = correlation(on[0], on[1], n);
	r->alike = are_alike(r->dir);
	r->shared = !r->dir[0].timed && !r->dir[1].timed && are_shared(y, n);
}
