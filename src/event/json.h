/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_EVENT_JSON_H
#define SQUELCH_EVENT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"

/*
 * JSON lines, written straight into a buffer: no tree, no printf. A line that
 * finds no room is dropped whole and counted, so that a reader never sees half
 * of one. Text may be anything: bytes that are not UTF-8 become U+FFFD.
 *
 * A value follows its key; NULL as key is for elements of arrays. Keys are
 * written as they are: they must be plain literals.
 */
#define JSON_LINE_MAX (128 * 1024)  /* bytes of one line */
#define JSON_FLUSH_AT (64 * 1024)   /* bytes kept before they are written */

struct json {
	char *at, *end;             /* next byte of the line, end of its room */
	char *line;                 /* where the line began */
	char *buf;
	FILE *out;
	uint64_t lost;              /* lines that did not fit or could not be written */
	int error;                  /* errno of the first failed write */
	bool full;                  /* the current line found no room */
	uint64_t day;               /* days since 1970 that day_text shows */
	char day_text[12];
};

/* False without memory. */
bool json_open(struct json *, FILE *out);
/* Writes what is kept; the FILE stays open. */
void json_close(struct json *);
void json_flush(struct json *);

/* A line is one object. json_line_end flushes at once when `now`. */
void json_line_begin(struct json *);
void json_line_end(struct json *, bool now);

/* True when the line has room for so many bytes more at j->at; else it is given up. */
static inline bool json_has_room(struct json *j, size_t len)
{
	if ((size_t)(j->end - j->at) >= len)
		return true;
	j->full = true;
	return false;
}

/* Appends bytes as they are. */
static inline void json_raw(struct json *j, const char *text, size_t len)
{
	if (!json_has_room(j, len))
		return;
	memcpy(j->at, text, len);
	j->at += len;
}

/* Comma when one is due, then the key. The byte before tells: nothing but an opening ends in { or [. */
static inline void json_key_len(struct json *j, const char *key, size_t len)
{
	char *p = j->at;

	if (!json_has_room(j, len + 4))
		return;
	if (p[-1] != '{' && p[-1] != '[')
		*p++ = ',';
	if (key != NULL) {
		*p++ = '"';
		memcpy(p, key, len);
		p += len;
		*p++ = '"';
		*p++ = ':';
	}
	j->at = p;
}

static inline void json_key(struct json *j, const char *key)
{
	json_key_len(j, key, key == NULL ? 0 : strlen(key));
}

static inline void json_object(struct json *j, const char *key)
{
	json_key(j, key);
	json_raw(j, "{", 1);
}

static inline void json_object_end(struct json *j)
{
	json_raw(j, "}", 1);
}

static inline void json_array(struct json *j, const char *key)
{
	json_key(j, key);
	json_raw(j, "[", 1);
}

static inline void json_array_end(struct json *j)
{
	json_raw(j, "]", 1);
}

static inline void json_null(struct json *j, const char *key)
{
	json_key(j, key);
	json_raw(j, "null", 4);
}

static inline void json_bool(struct json *j, const char *key, bool value)
{
	json_key(j, key);
	json_raw(j, value ? "true" : "false", value ? 4 : 5);
}

/* The values alone; the functions below them put a key before. */
void json_put_u64(struct json *, uint64_t);
void json_put_text(struct json *, const char *text, size_t len);
void json_put_addr(struct json *, const struct addr *);
/* UTC as 2026-11-21T21:07:00.123456+0000 */
void json_put_time(struct json *, uint64_t wall_ns);
/* Rounded to `digits` (0 to 3) after the point; null when it is no number. */
void json_put_fixed(struct json *, double value, unsigned digits);

/*
 * The same without looking for room, for what a line of nearly every flow says:
 * they write at `to`, at most so many bytes, and return where they ended.
 */
#define JSON_TIME_LEN 33 /* with its quotes */
#define JSON_ADDR_MAX (ADDR_TEXT_LEN + 2)
char *json_time_at(struct json *, char *to, uint64_t wall_ns);
char *json_addr_at(char *to, const struct addr *);

static inline void json_u64(struct json *j, const char *key, uint64_t value)
{
	json_key(j, key);
	json_put_u64(j, value);
}

/* NULL text is null. */
static inline void json_text(struct json *j, const char *key, const char *text)
{
	json_key(j, key);
	if (text == NULL)
		json_raw(j, "null", 4);
	else
		json_put_text(j, text, strlen(text));
}

/* A word of our own tables, which needs no escapes; NULL is null. */
static inline void json_word(struct json *j, const char *key, const char *word)
{
	json_key(j, key);
	if (word == NULL) {
		json_raw(j, "null", 4);
		return;
	}
	json_raw(j, "\"", 1);
	json_raw(j, word, strlen(word));
	json_raw(j, "\"", 1);
}

static inline void json_addr(struct json *j, const char *key, const struct addr *addr)
{
	json_key(j, key);
	json_put_addr(j, addr);
}

static inline void json_time(struct json *j, const char *key, uint64_t wall_ns)
{
	json_key(j, key);
	json_put_time(j, wall_ns);
}

static inline void json_fixed(struct json *j, const char *key, double value, unsigned digits)
{
	json_key(j, key);
	json_put_fixed(j, value, digits);
}

#endif
