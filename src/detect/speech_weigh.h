/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_SPEECH_WEIGH_H
#define SQUELCH_DETECT_SPEECH_WEIGH_H

#include "detect/speech_shape.h"

/*
 * What the views of both directions are worth. Three tests that rest on
 * different facts: the clock (when), the sizes (how much, given the clock), the
 * spurts (changes of both, given the clock). Each is measured against negatives
 * that passed the one before it, so their bits add; docs/METHOD.md, "cadence",
 * has the measurements and the caps.
 */
struct speech_bits {
	float bits;              /* may be negative */
	const char *why;         /* static text; {0} and {1} stand for arg */
	uint32_t arg[2];
};

struct speech_opinion {
	bool both_ways;          /* both directions keep a clock */
	bool one_way;            /* one does, and hardly anything comes back */
	bool streams;            /* one_way, on a grid of which hardly a slot is empty: it never stops */
	bool turns;              /* both kept one clock when they talked, and mostly one did at a time */
	enum speech_shape shape[2];
	struct speech_bits clock, sizes, spurts; /* bits 0: nothing to say */
};

void speech_weigh(const struct speech_view view[2], struct speech_opinion *);

#define SPEECH_BITS_SAME 2.0f /* one size both ways: a guess, that among programs with one clock both ways 1 in 4 echoes or otherwise has it */

#endif
