/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_SKYPE_LCG_H
#define SQUELCH_DETECT_SKYPE_LCG_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The generator behind every random-looking field of classic Skype, 2003 to
 * 2015: one state a process, x -> 69069 x + 17009 (mod 2^32), found by
 * measurement (docs/SKYPE.md). Its period is 2^32, so between any two values
 * lies exactly one number of steps, and that number can be computed.
 */
#define SKYPE_LCG_MUL 69069u
#define SKYPE_LCG_ADD 17009u
#define SKYPE_LCG_MUL_INVERSE 0xa5e2a705u /* of 69069 mod 2^32 */

static inline uint32_t skype_lcg_next(uint32_t x)
{
	return SKYPE_LCG_MUL * x + SKYPE_LCG_ADD;
}

static inline uint32_t skype_lcg_previous(uint32_t x)
{
	return (x - SKYPE_LCG_ADD) * SKYPE_LCG_MUL_INVERSE;
}

/* The low byte follows a generator of its own: no higher bit ever reaches it. */
static inline uint8_t skype_lcg_next_byte(uint8_t b)
{
	return (uint8_t)(SKYPE_LCG_MUL * b + SKYPE_LCG_ADD);
}

/* Steps from `from` to `to`, 0 to 2^32 - 1. */
uint32_t skype_lcg_distance(uint32_t from, uint32_t to);

/* `steps` applications of skype_lcg_next. */
uint32_t skype_lcg_jump(uint32_t x, uint32_t steps);

/* Bytes of `b` that follow the first one as the generator's low bytes do. */
uint32_t skype_lcg_run(const uint8_t *b, uint32_t n);

#endif
