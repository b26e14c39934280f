/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_SPAN_H
#define SQUELCH_DETECT_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

/*
 * A piece of a text message: nothing is copied, nothing is terminated, and no
 * function here reads outside it. The cursor of text protocols.
 */
struct span {
	const uint8_t *p;
	size_t len;   /* 0: empty, p may be NULL */
};

static inline bool byte_is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static inline bool byte_is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static inline struct span span_from(struct span s, size_t n)
{
	n = n < s.len ? n : s.len;
	return (struct span){ s.p + n, s.len - n };
}

static inline struct span span_first(struct span s, size_t n)
{
	return (struct span){ s.p, n < s.len ? n : s.len };
}

static inline struct span span_trim(struct span s)
{
	while (s.len > 0 && byte_is_blank(s.p[0]))
		s = span_from(s, 1);
	while (s.len > 0 && byte_is_blank(s.p[s.len - 1]))
		s.len--;
	return s;
}

/* Offset of a byte, or the length when it is not there. */
static inline size_t span_find(struct span s, uint8_t c)
{
	const uint8_t *at = s.len == 0 ? NULL : memchr(s.p, c, s.len);

	return at == NULL ? s.len : (size_t)(at - s.p);
}

static inline bool span_is(struct span s, const char *text)
{
	/* the first letter tells nearly all apart, without a call */
	return s.len == strlen(text) && (s.len == 0 || ((s.p[0] ^ (uint8_t)text[0]) & ~0x20) == 0) && strncasecmp((const char *)s.p, text, s.len) == 0;
}

static inline bool span_begins(struct span s, const char *text)
{
	return span_is(span_first(s, strlen(text)), text);
}

/* Takes the bytes up to the next blank, and the blanks after it. */
static inline struct span span_word(struct span *s)
{
	struct span word = *s;
	size_t n = 0;

	while (n < s->len && !byte_is_blank(s->p[n]))
		n++;
	word.len = n;
	*s = span_trim(span_from(*s, n));
	return word;
}

/* Takes a line without its end: CRLF, or LF alone. */
static inline struct span span_line(struct span *s)
{
	size_t n = span_find(*s, '\n');
	struct span line = span_first(*s, n);

	*s = span_from(*s, n + 1);
	if (line.len > 0 && line.p[line.len - 1] == '\r')
		line.len--;
	return line;
}

/* Takes decimal digits; false when there are none or more than max. */
static inline bool span_number(struct span *s, size_t max, uint32_t *out)
{
	uint64_t value = 0;
	size_t n = 0;

	while (n < s->len && n <= max && byte_is_digit(s->p[n]))
		value = value * 10 + (s->p[n++] - '0');
	if (n == 0 || n > max || value > UINT32_MAX)
		return false;
	*out = (uint32_t)value;
	*s = span_from(*s, n);
	return true;
}

/* Value of `name=` in a list of parameters separated by semicolons. */
static inline struct span span_param(struct span list, const char *name)
{
	while (list.len > 0) {
		size_t end = span_find(list, ';');
		struct span param = span_first(list, end);
		size_t eq = span_find(param, '=');

		if (eq < param.len && span_is(span_trim(span_first(param, eq)), name))
			return span_trim(span_from(param, eq + 1));
		list = span_from(list, end + 1);
	}
	return list;
}

#endif
