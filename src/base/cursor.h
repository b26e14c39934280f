/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_BASE_CURSOR_H
#define SQUELCH_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * The one way to read bytes that came from a network. A read past the end
 * returns zero and sets `bad`, which sticks: parse a header straight through
 * and test `bad` once at the end. Multi-byte reads are big-endian (network
 * order) and return host order, unless the name says otherwise.
 */
struct cursor {
	const uint8_t *p, *end;
	bool bad;
};

static inline struct cursor cur_open(const void *data, size_t len)
{
	const uint8_t *p = data;

	return (struct cursor){ p, len == 0 ? p : p + len, false }; /* no data: NULL and 0 are fine */
}

/* Bytes left to read; 0 once the cursor is bad. */
static inline size_t cur_left(const struct cursor *c)
{
	return c->bad ? 0 : (size_t)(c->end - c->p);
}

/* Takes n bytes; NULL when there are not as many (n == 0 is never NULL on a good cursor). */
static inline const uint8_t *cur_take(struct cursor *c, size_t n)
{
	const uint8_t *at = c->p;

	if (c->bad || (size_t)(c->end - c->p) < n) {
		c->bad = true;
		return NULL;
	}
	c->p += n;
	return at;
}

static inline void cur_skip(struct cursor *c, size_t n)
{
	(void)cur_take(c, n);
}

static inline uint8_t cur_u8(struct cursor *c)
{
	const uint8_t *p = cur_take(c, 1);

	return p == NULL ? 0 : p[0];
}

static inline uint16_t cur_u16(struct cursor *c)
{
	const uint8_t *p = cur_take(c, 2);

	return p == NULL ? 0 : (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t cur_u24(struct cursor *c)
{
	const uint8_t *p = cur_take(c, 3);

	return p == NULL ? 0 : (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static inline uint32_t cur_u32(struct cursor *c)
{
	const uint8_t *p = cur_take(c, 4);

	return p == NULL ? 0
	    : (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t cur_u64(struct cursor *c)
{
	uint64_t hi = cur_u32(c);

	return hi << 32 | cur_u32(c);
}

/* Copies n bytes to `to`; zeroes them when there are not as many. */
static inline void cur_copy(struct cursor *c, void *to, size_t n)
{
	const uint8_t *p = cur_take(c, n);

	if (p == NULL)
		memset(to, 0, n);
	else
		memcpy(to, p, n);
}

/* A cursor over the next n bytes, which are taken from c; bad when c has fewer. */
static inline struct cursor cur_sub(struct cursor *c, size_t n)
{
	const uint8_t *p = cur_take(c, n);

	if (p == NULL)
		return (struct cursor){ c->end, c->end, true };
	return (struct cursor){ p, p + n, false };
}

#endif
