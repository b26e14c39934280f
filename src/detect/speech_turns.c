/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/speech_turns.h"

#include "base/saturate.h"

#define SLOT_US      (TURN_SLOT_MS * 1000u)
#define FORGET_SLOTS 128      /* 31 s: then what was counted is halved; so no count exceeds a byte */
#define LATE_SLOTS   16       /* 4 s: a stream gives up a lost segment no sooner */
#define GONE_SLOTS   256      /* a minute: nobody is there */
#define TALKS_PART   5 / 3    /* of a full slot are enough: it begins and ends within some */
#define SILENT_PART  4        /* less than one in so many is none */
#define FALL_EVERY   8        /* slots, */
#define FALL_PART    32       /* by a part of it */
#define RISE         3 / 2    /* more than that is another kind of packet */
#define STILL_SLOTS  2        /* of silence make the next packet a start */
#define DOUBTS       6

/* Packets a full slot has; when nothing is known, as many as the slowest clock gives. */
static unsigned full_slot(const struct speech_turns *t, int dir)
{
	const struct turns_dir *d = &t->dir[dir], *other = &t->dir[!dir];
	unsigned period = d->kept ? d->kept : other->kept ? other->kept : d->aim ? d->aim : other->aim ? other->aim : CLOCK_PERIODS;

	return TURN_SLOT_MS / clock_period_ms[period - 1];
}

enum in_slot { SILENT, SOME, TALKS };

static enum in_slot end_slot(struct speech_turns *t, int dir)
{
	struct turns_dir *d = &t->dir[dir];
	unsigned full = full_slot(t, dir);
	enum in_slot is = d->n * TALKS_PART >= full ? TALKS : d->n * SILENT_PART <= full ? SILENT : SOME;

	if (is != SILENT)
		saturate_up(&d->talk);
	d->still = d->n != 0 ? 0 : (d->still + (d->still < 3)) & 3;
	if (t->slot % FALL_EVERY == 0)
		d->loud = (uint8_t)(d->loud - d->loud / FALL_PART);
	d->n = 0;
	return is;
}

static void count_turn(struct speech_turns *t, int dir, bool alone)
{
	struct turns_dir *d = &t->dir[dir];

	if (!alone) {
		d->run = 0;
		return;
	}
	if (d->run == TURN_RUN - 1)
		d->alone = (uint8_t)(d->alone + TURN_RUN - 1); /* those before it; FORGET_SLOTS bounds the sum */
	if (d->run < TURN_RUN && ++d->run < TURN_RUN)
		return;
	d->alone++;
	if (t->last == dir + 1)
		return;
	t->changes = (t->changes + (t->last != 0 && t->changes < 63)) & 63;
	t->last = (dir + 1) & 3;
}

static void forget(struct speech_turns *t)
{
	t->age /= 2;
	t->both /= 2;
	t->dir[0].alone /= 2;
	t->dir[1].alone /= 2;
	t->changes = (t->changes + 1) / 2 & 63;
}

static void advance(struct speech_turns *t, uint32_t us)
{
	uint16_t slot = (uint16_t)(us / SLOT_US);

	if ((uint16_t)(t->slot - slot) <= LATE_SLOTS)
		return; /* late on its way: it counts now */
	if ((uint16_t)(slot - t->slot) > GONE_SLOTS)
		*t = (struct speech_turns){ .slot = slot };
	for (; t->slot != slot; t->slot++) {
		enum in_slot a = end_slot(t, 0), b = end_slot(t, 1);

		if (++t->age >= FORGET_SLOTS)
			forget(t);
		if (a == TALKS && b == TALKS)
			saturate_up(&t->both);
		count_turn(t, 0, a == TALKS && b == SILENT);
		count_turn(t, 1, b == TALKS && a == SILENT);
	}
}

void turns_pass(struct speech_turns *t, int dir, uint32_t us)
{
	advance(t, us);
	t->dir[dir].n = UINT8_MAX;
}

/* Two in a row are a level: one alone may be anything. */
static bool rises(struct turns_dir *d, unsigned size)
{
	unsigned level = size < d->before ? size : d->before, was = d->loud;

	d->before = (uint8_t)size;
	if (level <= was)
		return false;
	d->loud = (uint8_t)level;
	return level > was * RISE;
}

bool turns_quiet(const struct speech_turns *t, int dir, uint32_t size)
{
	return 2 * (size / TURN_BYTES) < t->dir[dir].loud && size <= TURN_QUIET_BYTES;
}

enum turns_kind turns_feed(struct speech_turns *t, int dir, uint32_t us, uint32_t size)
{
	struct turns_dir *d = &t->dir[dir];
	unsigned units = size / TURN_BYTES < UINT8_MAX ? size / TURN_BYTES : UINT8_MAX;
	bool rise, starts;

	advance(t, us);
	rise = rises(d, units);
	starts = d->still >= STILL_SLOTS;
	if (turns_quiet(t, dir, size))
		return TURNS_QUIET;
	saturate_up(&d->n);
	d->still = 0;
	if (rise)
		d->talk = t->both = d->kept = d->doubt = 0;
	else if (starts)
		d->talk /= 2;
	return rise ? TURNS_RISES : starts ? TURNS_STARTS : TURNS_TALK;
}

unsigned turns_kept_ms(const struct speech_turns *t, int dir)
{
	return t->dir[dir].kept == 0 ? 0 : clock_period_ms[t->dir[dir].kept - 1];
}

/* Turns by another clock were none. */
static void keep(struct speech_turns *t, int dir, unsigned period)
{
	if (t->dir[dir].kept == 0 && t->dir[!dir].kept != period)
		t->both = t->dir[0].alone = t->dir[1].alone = t->changes = 0;
	t->dir[dir].kept = period & 7;
	t->dir[dir].doubt = 0;
}

void turns_learn(struct speech_turns *t, int dir, const struct clock_reading *c, bool keeps)
{
	struct turns_dir *d = &t->dir[dir];
	unsigned period = clock_period_index(c->period_ms);

	d->aim = period & 7;
	if (keeps && (d->kept == 0 || d->kept == period)) {
		keep(t, dir, period);
	} else if (3u * d->n * c->period_ms > TURN_SLOT_MS && ++d->doubt > DOUBTS) {
		d->kept = 0;
		d->doubt = 0;
	}
}

void turns_fade(struct speech_turns *t, int dir)
{
	t->dir[dir].talk /= 2;
}
