/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/payload.h"

#define END_MARK_MAX 32                 /* bytes of the word after << */
#define LENGTH_MARK  "{len}"            /* in text after <<: bytes after the first empty line */

uint64_t payload_draw(uint64_t *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return *seed * 0x2545f4914f6cdd1dULL;
}

bool payload_add_bytes(struct payload *p, const void *from, size_t n)
{
	if (n > sizeof p->bytes - p->len)
		return false;
	if (n > 0)
		memcpy(p->bytes + p->len, from, n);
	p->len += n;
	return true;
}

static bool add_zero(struct payload *p, size_t n)
{
	if (n > sizeof p->bytes - p->len)
		return false;
	memset(p->bytes + p->len, 0, n);
	p->len += n;
	return true;
}

static bool add_field(struct payload *p, struct field f)
{
	f.at = p->len;
	if (p->n_fields == PAYLOAD_FIELDS || !add_zero(p, f.len))
		return false;
	p->fields[p->n_fields++] = f;
	return true;
}

bool payload_add_counter(struct payload *p, size_t width, uint64_t value, uint64_t step)
{
	return add_field(p, (struct field){ .len = width, .value = value, .step = step });
}

bool payload_add_random(struct payload *p, size_t n)
{
	return add_field(p, (struct field){ .len = n, .random = true });
}

void payload_fill(struct payload *p, uint64_t i, uint64_t *seed)
{
	for (unsigned k = 0; k < p->n_fields; k++) {
		const struct field *f = &p->fields[k];
		uint64_t v = f->value + f->step * i;

		for (size_t b = 0; b < f->len; b++)
			p->bytes[f->at + b] = f->random ? (uint8_t)(payload_draw(seed) >> 56)
			    : (uint8_t)(v >> 8 * (f->len - 1 - b));
	}
}

static const char *read_hex(struct payload *p, struct words *ws)
{
	const struct word *w = words_next(ws);
	unsigned v = 0, digits = 0;

	if (w == NULL)
		return "hexadecimal digits expected";
	for (size_t i = 0; i < w->len; i++) {
		char c = w->text[i];

		if (isspace((unsigned char)c))
			continue;
		if (!isxdigit((unsigned char)c))
			return "no hexadecimal digit";
		v = v << 4 | (unsigned)(isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10);
		if (++digits % 2 == 0 && !payload_add_bytes(p, &(uint8_t){ (uint8_t)v }, 1))
			return "payload too long";
	}
	return digits % 2 == 0 ? NULL : "odd number of hexadecimal digits";
}

static const char *read_text(struct payload *p, struct words *ws)
{
	const struct word *w = words_next(ws);

	if (w == NULL)
		return "text expected";
	return payload_add_bytes(p, w->text, w->len) ? NULL : "payload too long";
}

static const char *read_zero(struct payload *p, struct words *ws)
{
	uint64_t n;

	if (!word_number(words_next(ws), PAYLOAD_MAX, &n))
		return "number of bytes expected";
	return add_zero(p, n) ? NULL : "payload too long";
}

static const char *read_random(struct payload *p, struct words *ws)
{
	uint64_t n;

	if (!word_number(words_next(ws), PAYLOAD_MAX, &n))
		return "number of bytes expected";
	return payload_add_random(p, n) ? NULL : "payload too long";
}

/* VALUE or VALUE+STEP */
static const char *read_counter(struct payload *p, struct words *ws, size_t width)
{
	const struct word *w = words_next(ws);
	uint64_t value, step = 0;
	char *end = NULL;

	if (w == NULL || !isdigit((unsigned char)w->text[0]))
		return "number expected";
	value = strtoull(w->text, &end, 0);
	if (*end == '+' && isdigit((unsigned char)end[1]))
		step = strtoull(end + 1, &end, 0);
	if (*end != '\0' || (width < 8 && value >> 8 * width != 0))
		return "number malformed or too large";
	return payload_add_counter(p, width, value, step) ? NULL : "payload too long";
}

static const char *read_u8(struct payload *p, struct words *ws)
{
	return read_counter(p, ws, 1);
}

static const char *read_u16(struct payload *p, struct words *ws)
{
	return read_counter(p, ws, 2);
}

static const char *read_u32(struct payload *p, struct words *ws)
{
	return read_counter(p, ws, 4);
}

static const char *read_u64(struct payload *p, struct words *ws)
{
	return read_counter(p, ws, 8);
}

/* Replaces LENGTH_MARK in what was added from `start` on by the length of the body. */
static bool set_length(struct payload *p, size_t start)
{
	uint8_t *text = p->bytes + start;
	size_t n = p->len - start;
	const size_t mark = strlen(LENGTH_MARK);
	uint8_t *at = memmem(text, n, LENGTH_MARK, mark);
	const uint8_t *body = memmem(text, n, "\r\n\r\n", 4);
	char number[24];
	size_t digits;

	if (at == NULL || body == NULL)
		return at == NULL;
	digits = (size_t)snprintf(number, sizeof number, "%zu", n - (size_t)(body + 4 - text));
	if (digits > mark && digits - mark > sizeof p->bytes - p->len)
		return false;
	memmove(at + digits, at + mark, n - (size_t)(at - text) - mark);
	memcpy(at, number, digits);
	p->len = p->len - mark + digits;
	return true;
}

/* Lines up to one that is `mark`; each ends with CR LF. */
static const char *read_here(struct payload *p, const char *word, struct words *ws)
{
	char mark[END_MARK_MAX];
	size_t start = p->len;
	const char *line;

	if (words_next(ws) != NULL)
		return "words after <<: the text must come last";
	if (strlen(word) >= sizeof mark || word[0] == '\0')
		return "a short word must follow <<";
	snprintf(mark, sizeof mark, "%s", word);
	while ((line = words_raw_line(ws)) != NULL && strcmp(line, mark) != 0)
		if (!payload_add_bytes(p, line, strlen(line)) || !payload_add_bytes(p, "\r\n", 2))
			return "payload too long";
	if (line == NULL)
		return "the text after << does not end";
	return set_length(p, start) ? NULL : LENGTH_MARK " without an empty line after it";
}

static const struct {
	const char *name;
	const char *(*read)(struct payload *, struct words *);
} items[] = {
	{ "hex", read_hex }, { "text", read_text }, { "zero", read_zero },
	{ "random", read_random }, { "u8", read_u8 }, { "u16", read_u16 },
	{ "u32", read_u32 }, { "u64", read_u64 },
};

enum payload_read payload_read(struct payload *p, const struct word *name, struct words *ws,
    const char **what)
{
	if (strncmp(name->text, "<<", 2) == 0) {
		*what = read_here(p, name->text + 2, ws);
		return *what == NULL ? PAYLOAD_READ : PAYLOAD_BAD;
	}
	for (size_t i = 0; i < sizeof items / sizeof *items; i++)
		if (strcmp(name->text, items[i].name) == 0) {
			*what = items[i].read(p, ws);
			return *what == NULL ? PAYLOAD_READ : PAYLOAD_BAD;
		}
	return PAYLOAD_NOT_MINE;
}
