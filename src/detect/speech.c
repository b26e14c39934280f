/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/speech.h"

#include <math.h>

#include "base/clock.h"
#include "base/saturate.h"

#define SYLLABLE_MS   120u   /* at most: half a syllable; speech is modulated at 3 to 5 Hz (Houtgast and Steeneken 1985) */
#define NEIGHBOUR_MS  20u    /* at least: within less all things that move are alike */
#define LEVEL_CHANGE  0.3f     /* of the level: four times the spread of Opus at a steady voice, less than its step to silence */
#define LEVEL_FOLLOWS 8        /* packets */
#define ONE_SIZE_PART 0.9f     /* of the packets have it, */
#define ONE_SIZE_MIN  4        /* of so many and more */
#define NOISE_PERIODS 2        /* after more a small packet is comfort noise or a report: who leaves no silence out sends in each */
#define OTHERS_PART   6        /* one in so many is much */
#define FILLED_SLOTS  2        /* of talk, half a second: from then on silence is told from lost packets */
#define FADE_AFTER_US 8000000  /* longer: a network blurs the clock; */
#define FADE_AFTER_SIZES 240   /* packets; shorter: people stop talking */
static_assert(FADE_AFTER_SIZES < UINT8_MAX, "counts of sizes are bytes");

void speech_start(struct speech *s, uint64_t mono_ns)
{
	*s = (struct speech){ .start_ns = mono_ns };
}

static uint32_t time_of(const struct speech *s, uint64_t mono_ns)
{
	return (uint32_t)((mono_ns - s->start_ns) / NS_PER_US);
}

bool speech_due(const struct speech *s, uint64_t mono_ns)
{
	return (int16_t)(uint16_t)((time_of(s, mono_ns) >> SPEECH_TICK_SHIFT) - s->next) >= 0;
}

void speech_next(struct speech *s, uint64_t mono_ns, uint32_t in_us)
{
	s->next = (uint16_t)((time_of(s, mono_ns) + in_us) >> SPEECH_TICK_SHIFT);
}

/* Misra and Gries: a size in more than a quarter of the packets is among the modes. */
static void mode_count(struct speech_sizes *z, uint16_t size)
{
	unsigned least = 0;

	for (unsigned i = 0; i < SPEECH_MODES; i++) {
		if (z->mode[i] == size && z->mode_n[i] != 0) {
			saturate_up(&z->mode_n[i]);
			return;
		}
		if (z->mode_n[i] < z->mode_n[least])
			least = i;
	}
	if (z->mode_n[least] == 0) {
		z->mode[least] = size;
		z->mode_n[least] = 1;
		return;
	}
	for (unsigned i = 0; i < SPEECH_MODES; i++)
		z->mode_n[i]--;
}

static float squared(float x)
{
	return x * x;
}

/* The size `back` packets ago. */
static float recent(const struct speech_sizes *z, unsigned back)
{
	return z->recent[(z->recent_at + SPEECH_RECENT - back) % SPEECH_RECENT];
}

unsigned speech_neighbour_packets(unsigned period_ms)
{
	return period_ms < NEIGHBOUR_MS ? NEIGHBOUR_MS / period_ms : 1;
}

/* Places of the ring. */
static unsigned syllable_places(unsigned period_ms)
{
	unsigned n = SYLLABLE_MS / (speech_neighbour_packets(period_ms) * period_ms);

	return n < SPEECH_RECENT ? n : SPEECH_RECENT;
}

unsigned speech_syllable_packets(unsigned period_ms)
{
	return syllable_places(period_ms) * speech_neighbour_packets(period_ms);
}

static void sizes_fade(struct speech_sizes *z)
{
	for (unsigned i = 0; i < SPEECH_MODES; i++)
		z->mode_n[i] /= 2;
	z->sum /= 2;
	z->square /= 2;
	z->step /= 2;
	z->far /= 2;
	z->n /= 2;
	z->pairs /= 2;
	z->far_pairs /= 2;
	z->odd /= 2;
	z->falls /= 2;
	z->rises /= 2;
}

static void remember(struct speech_sizes *z, uint16_t size)
{
	z->recent[z->recent_at] = size;
	z->recent_at = (z->recent_at + 1) % SPEECH_RECENT & 7;
	z->recent_n = (z->recent_n + (z->recent_n < SPEECH_RECENT)) & 7;
}

/* How alike sizes are that are near, and half a syllable apart. */
static void compare(struct speech_sizes *z, uint16_t size, unsigned period_ms)
{
	unsigned back = syllable_places(period_ms);

	if (z->n % speech_neighbour_packets(period_ms) != 0)
		return;
	if (z->recent_n >= 1 && z->pairs != UINT8_MAX) {
		z->step += squared((float)size - recent(z, 1));
		z->pairs++;
	}
	if (z->recent_n >= back && z->far_pairs != UINT8_MAX) {
		z->far += squared((float)size - recent(z, back));
		z->far_pairs++;
	}
	remember(z, size);
}

static void size_count(struct speech_sizes *z, uint16_t size, unsigned period_ms)
{
	if (z->n >= FADE_AFTER_SIZES)
		sizes_fade(z);
	mode_count(z, size);
	z->n++;
	z->sum += (float)size;
	z->square += squared((float)size);
	compare(z, size, period_ms);
}

static bool far_from(uint16_t size, uint16_t level)
{
	return fabsf((float)size - (float)level) > LEVEL_CHANGE * (float)level;
}

static void level_change(struct speech_sizes *z, uint16_t size, unsigned period_ms)
{
	saturate_up(size < z->level ? &z->falls : &z->rises);
	size_count(z, z->waiting, period_ms);
	size_count(z, size, period_ms);
	z->level = (uint16_t)((z->waiting + size) / 2);
	z->waiting = 0;
}

/* What waits for a second of its kind, when none came. */
static void put_aside(struct speech_sizes *z)
{
	if (z->waiting == 0)
		return;
	saturate_up(&z->odd);
	if (z->waiting > z->level || z->waiting > TURN_QUIET_BYTES)
		return;
	z->reports = z->report == z->waiting;
	z->report = (uint8_t)z->waiting;
}

/* Two in one slot of the grid: of these the small one, now or before, is a report. True when it is not this one. */
static bool sizes_same_slot(struct speech_sizes *z, bool talk)
{
	if (talk && 2 * z->waiting < z->level)
		z->waiting = 0;
	return talk;
}

/* What comes next is no neighbour of what came last. */
static void sizes_gap(struct speech_sizes *z)
{
	put_aside(z);
	z->waiting = 0;
	z->recent_n = 0;
}

static void sizes_feed(struct speech_sizes *z, uint16_t size, unsigned period_ms)
{
	if (z->n == 0)
		z->level = size;
	if (!far_from(size, z->level)) {
		put_aside(z);
		z->waiting = 0;
		size_count(z, size, period_ms);
		z->level = (uint16_t)(z->level + ((int)size - (int)z->level) / LEVEL_FOLLOWS);
	} else if (z->waiting != 0 && (z->waiting < z->level) == (size < z->level)) {
		level_change(z, size, period_ms);
	} else {
		put_aside(z);
		z->waiting = size;
	}
}

/* Which of the modes is the most frequent. */
static unsigned mode_first(const struct speech_sizes *z)
{
	unsigned first = 0;

	for (unsigned i = 1; i < SPEECH_MODES; i++)
		if (z->mode_n[i] > z->mode_n[first])
			first = i;
	return first;
}

/* A codec of constant rate: what is far smaller is none of its frames. */
static bool one_size(const struct speech_sizes *z)
{
	return z->n >= ONE_SIZE_MIN && (float)z->mode_n[mode_first(z)] >= ONE_SIZE_PART * (float)z->n;
}

/* One size in talk, and what is sent in silence is less than half of it: comfort noise (RFC 3389: 1 to 11 bytes in RTP). */
static bool one_in_talk(const struct speech_sizes *z)
{
	unsigned first = mode_first(z), talk = z->mode_n[first], size = z->mode[first], rest = z->n - talk;

	return talk >= ONE_SIZE_MIN && z->sum - (float)(talk * size) <= (float)(rest * size) / 2;
}

/* Has the size that all have: it is of their kind wherever it comes. Who leaves silence out may start each word at another phase. */
static bool is_usual(const struct speech_sizes *z, uint32_t size)
{
	for (unsigned i = 0; i < SPEECH_MODES; i++)
		if (z->mode_n[i] != 0 && z->mode[i] == size)
			return one_size(z);
	return false;
}

/* As far as is known, ms. */
static unsigned period_of(const struct speech_dir *d)
{
	unsigned aim_ms = clock_aim_ms(&d->clock);

	return aim_ms != 0 ? aim_ms : SPEECH_USUAL_MS;
}

/* Reports are told from frames of a low rate, of which they have more than half, by the one size they have. */
static bool is_report(const struct speech_sizes *z, uint32_t size)
{
	return z->reports && size == z->report;
}

/* Came after a report, as near as one frame comes after another. */
static bool follows_report(const struct speech *s, int dir, uint32_t gap)
{
	return s->turns.dir[dir].before == 0 && gap >= CLOCK_CLOSE_US && gap <= NOISE_PERIODS * 1000 * period_of(&s->dir[dir]);
}

static bool is_talk(struct speech *s, int dir, uint32_t us, uint32_t gap, uint32_t size)
{
	struct speech_sizes *z = &s->dir[dir].sizes;
	enum turns_kind kind;

	if (is_report(z, size) && follows_report(s, dir, gap))
		z->reports = 0; /* these are frames: what was put aside belonged to a set-up that is over */
	kind = turns_feed(&s->turns, dir, us, is_report(z, size) ? 0 : size);
	if (kind == TURNS_STARTS)
		clock_talk_starts(&s->dir[dir].clock);
	else if (kind == TURNS_RISES)
		clock_start_over(&s->dir[dir].clock);
	return kind != TURNS_QUIET;
}

/* Of the frames of which one is sent each `period_ms`; `gap` before it, us. Reports, checks and comfort noise are none. */
static bool is_frame(struct speech_dir *d, uint32_t us, uint32_t gap, uint32_t size, bool talk)
{
	unsigned aim_ms = clock_aim_ms(&d->clock);

	if (!talk && gap > NOISE_PERIODS * 1000 * period_of(d))
		return false;
	if (2 * size < d->sizes.level && one_size(&d->sizes))
		return false;
	if (aim_ms != 0 && !clock_on_grid(&d->clock, us) && !is_usual(&d->sizes, size))
		return false;
	return 2 * gap >= 1000 * aim_ms || d->clock.aim_blur == CLOCK_RATE_ONLY || sizes_same_slot(&d->sizes, talk);
}

void speech_feed(struct speech *s, int dir, uint64_t mono_ns, uint32_t size)
{
	struct speech_dir *d = &s->dir[dir];
	uint32_t us = time_of(s, mono_ns);
	uint32_t gap = us - d->clock.last_us;
	unsigned period_ms = period_of(d);
	bool talk;

	if (size > SPEECH_SIZE_MAX) {
		clock_pass_over(&d->clock);
		turns_pass(&s->turns, dir, us);
		return;
	}
	if (size == 0)
		return;
	talk = is_talk(s, dir, us, gap, size);
	if (!clock_feed(&d->clock, us, size, talk) && d->clock.aim_blur != CLOCK_RATE_ONLY)
		return;
	if (!is_frame(d, us, gap, size, talk))
		return;
	if (2 * gap > 5 * 1000 * period_ms)
		sizes_gap(&d->sizes);
	sizes_feed(&d->sizes, (uint16_t)size, period_ms);
}

static float correlation(float squares, unsigned pairs, float variance)
{
	return pairs == 0 || variance < 0.25f ? 0 : 1 - squares / (float)pairs / (2 * variance);
}

static void view_sizes(const struct speech_sizes *z, struct speech_view *v)
{
	unsigned first = mode_first(z), next = 0;
	float mean, variance;

	v->n = z->n;
	if (z->n == 0)
		return;
	mean = z->sum / (float)z->n;
	variance = fmaxf(z->square / (float)z->n - mean * mean, 0);
	v->mean = mean;
	v->spread = sqrtf(variance);
	v->smooth = correlation(z->step, z->pairs, variance);
	v->syllable = correlation(z->far, z->far_pairs, variance);
	v->size = z->mode_n[first] == 0 ? 0 : z->mode[first];
	for (unsigned i = 0; i < SPEECH_MODES; i++) {
		if (i == first || z->mode_n[i] <= next)
			continue;
		next = z->mode_n[i];
		v->other = z->mode[i];
	}
	v->modal = (float)z->mode_n[first] / (float)z->n;
	v->one_in_talk = one_in_talk(z);
	v->odd = (float)z->odd / (float)(z->n + z->odd);
	v->falls = z->falls;
	v->rises = z->rises;
}

/* Of the slots in which it talks, once those are some; before, of all the time. */
static float filled(const struct speech_turns *t, int dir, const struct clock_reading *c)
{
	float talk = t->dir[dir].talk;

	if (talk < FILLED_SLOTS)
		return c->filled;
	return fmaxf(c->filled, (float)c->n * (float)c->period_ms / (TURN_SLOT_MS * talk));
}

/* Who keeps a clock by itself first: the other may join. */
static void learn(struct speech_turns *t, const struct speech_view v[2])
{
	bool keeps[2] = { clock_keeps(&v[0].clock, CLOCK_FILLED), clock_keeps(&v[1].clock, CLOCK_FILLED) };
	int first = keeps[1] && !keeps[0];

	turns_learn(t, first, &v[first].clock, keeps[first]);
	turns_learn(t, !first, &v[!first].clock, keeps[!first] || clock_joins(&v[!first].clock, turns_kept_ms(t, first), CLOCK_FILLED));
}

static void view_turns(struct speech_turns *t, int dir, struct speech_view *v)
{
	v->kept_ms = (uint8_t)turns_kept_ms(t, dir);
	if (v->clock.period_ms == 0)
		v->clock.period_ms = v->kept_ms;
	v->alone = t->dir[dir].alone;
	v->both = t->both;
	v->turns = t->changes;
}

/*
 * What was counted before there was a grid stays, unless much of it was of other kinds: the grid would have told them apart.
 * One size is one size at any period; what varies is measured along the grid, from where it is known.
 */
static bool sizes_count_on(const struct speech_sizes *z, unsigned before_ms, unsigned aim_ms)
{
	bool clean = OTHERS_PART * (z->odd + z->falls + z->rises) <= z->n;

	return aim_ms == before_ms || one_in_talk(z) || (clean && (one_size(z) || (before_ms == 0 && aim_ms == SPEECH_USUAL_MS)));
}

void speech_read(struct speech *s, uint64_t mono_ns, struct speech_view out[2])
{
	uint32_t now = time_of(s, mono_ns);
	uint32_t span = (uint32_t)(uint16_t)((now >> SPEECH_TICK_SHIFT) - s->since) << SPEECH_TICK_SHIFT;

	for (int i = 0; i < 2; i++) {
		struct speech_dir *d = &s->dir[i];
		unsigned before = clock_aim_ms(&d->clock);

		out[i] = (struct speech_view){
			.clock = clock_read(&d->clock, span),
			.pauses = d->clock.pauses, .spurts = d->clock.spurts,
		};
		if (!sizes_count_on(&d->sizes, before, clock_aim_ms(&d->clock)))
			d->sizes = (struct speech_sizes){ .report = d->sizes.report, .reports = d->sizes.reports }; /* whatever the clock */
		view_sizes(&d->sizes, &out[i]);
		out[i].clock.filled = filled(&s->turns, i, &out[i].clock);
	}
	learn(&s->turns, out);
	for (int i = 0; i < 2; i++) {
		view_turns(&s->turns, i, &out[i]);
		if (span >= FADE_AFTER_US) {
			clock_fade(&s->dir[i].clock);
			turns_fade(&s->turns, i);
		}
	}
	if (span >= FADE_AFTER_US)
		s->since = (uint16_t)((now - span / 2) >> SPEECH_TICK_SHIFT);
}
