/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_TESTS_RTMP_MAKE_H
#define SQUELCH_TESTS_RTMP_MAKE_H

#include <stdint.h>
#include <string.h>

/* Bytes of RTMP, as one end sends them (Adobe's specification 1.0). */
struct rtmp_bytes_made { uint8_t b[4096]; size_t n; };

static inline void rtmp_put(struct rtmp_bytes_made *o, unsigned bytes, uint32_t v)
{
	while (bytes-- > 0)
		o->b[o->n++] = (uint8_t)(v >> (8 * bytes));
}

/* Header of a chunk; format 0 to 3, `time` a stamp or a difference, the stream's id as little-endian. */
static inline void rtmp_header(struct rtmp_bytes_made *o, unsigned format, unsigned csid, uint32_t time, uint32_t length, uint8_t type, uint8_t stream)
{
	rtmp_put(o, 1, format << 6 | csid);
	if (format < 3)
		rtmp_put(o, 3, time);
	if (format < 2) {
		rtmp_put(o, 3, length);
		rtmp_put(o, 1, type);
	}
	if (format == 0)
		rtmp_put(o, 4, (uint32_t)stream << 24);
}

static inline void rtmp_string(struct rtmp_bytes_made *o, const char *text)
{
	rtmp_put(o, 1, 2);
	rtmp_put(o, 2, (uint32_t)strlen(text));
	memcpy(o->b + o->n, text, strlen(text));
	o->n += strlen(text);
}

/* A body of AMF 0: verb, transaction 0, null, a name when there is one. */
static inline void rtmp_verb_body(struct rtmp_bytes_made *o, const char *verb, const char *name)
{
	rtmp_string(o, verb);
	rtmp_put(o, 1, 0);
	rtmp_put(o, 4, 0);
	rtmp_put(o, 4, 0);
	rtmp_put(o, 1, 5);
	if (name != NULL)
		rtmp_string(o, name);
}

/* The message of that body in chunks of at most 128 bytes. */
static inline void rtmp_verb(struct rtmp_bytes_made *o, const char *verb, const char *name, uint8_t stream)
{
	struct rtmp_bytes_made body = { .n = 0 };

	rtmp_verb_body(&body, verb, name);
	rtmp_header(o, 0, 3, 0, (uint32_t)body.n, 20, stream);
	for (size_t at = 0; at < body.n; at += 128) {
		size_t n = body.n - at < 128 ? body.n - at : 128;

		if (at > 0)
			rtmp_put(o, 1, 3 << 6 | 3);
		memcpy(o->b + o->n, body.b + at, n);
		o->n += n;
	}
}

#endif
