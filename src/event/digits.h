/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_EVENT_DIGITS_H
#define SQUELCH_EVENT_DIGITS_H

#include <stdint.h>
#include <string.h>

/*
 * Numbers and constant text straight into memory: each writes at `to`, where
 * there must be room for the longest it may write, and returns where it ended.
 * A line is written for every flow of a link, so these have no other checks.
 */
#define DIGITS_U64 20 /* of 2^64 - 1 */

/* A literal; its length is known when this is compiled. */
#define PUT_LITERAL(to, text) ((char *)memcpy((to), text, sizeof text - 1) + sizeof text - 1)

/* Two digits of a value below 100. */
static inline char *put_pair(char *to, unsigned value)
{
	static const char pairs[] =
	    "00010203040506070809" "10111213141516171819" "20212223242526272829"
	    "30313233343536373839" "40414243444546474849" "50515253545556575859"
	    "60616263646566676869" "70717273747576777879" "80818283848586878889"
	    "90919293949596979899";

	memcpy(to, pairs + 2 * value, 2);
	return to + 2;
}

static inline unsigned digits_of(uint64_t value)
{
	static const uint64_t ten_to[DIGITS_U64] = {
		0 /* zero has a digit, too */, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000,
		10000000000, 100000000000, 1000000000000, 10000000000000, 100000000000000,
		1000000000000000, 10000000000000000, 100000000000000000, 1000000000000000000,
		10000000000000000000U,
	};
	/* 1233 / 4096 is log10(2), near enough for 64 bits: the digits, or one less */
	unsigned less = (64 - (unsigned)__builtin_clzll(value | 1)) * 1233 >> 12;

	return less + (value >= ten_to[less]);
}

static inline char *put_u64(char *to, uint64_t value)
{
	char *const end = to + digits_of(value), *p = end;

	for (; value >= 100; value /= 100)
		put_pair(p -= 2, (unsigned)(value % 100));
	if (value >= 10)
		put_pair(p - 2, (unsigned)value);
	else
		p[-1] = (char)('0' + value);
	return end;
}

/* A value below 256. */
static inline char *put_u8(char *to, unsigned value)
{
	if (value >= 100) {
		*to++ = (char)('0' + value / 100);
		return put_pair(to, value % 100);
	}
	if (value >= 10)
		return put_pair(to, value);
	*to = (char)('0' + value);
	return to + 1;
}

/* A word of a table: short, so that a loop is quicker than to ask for its length. */
static inline char *put_word(char *to, const char *word)
{
	while (*word != '\0')
		*to++ = *word++;
	return to;
}

#endif
