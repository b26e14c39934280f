/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "source/records.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_LEN 16            /* bytes before each packet */
#define PACKET_MAX 262144        /* bytes of a sane packet: libpcap's bound for the links we decode */
#define CHUNK      (128 * 1024)  /* bytes read at a time: what was read is still in the cache when it is decoded */
#define WHAT_LEN   128

struct records {
	struct unpack *unpack;
	bool swapped;
	uint32_t snaplen;
	size_t at, have;         /* next byte of buf to use, bytes in it */
	size_t ready;            /* bytes of the next record and its header when all of it is in buf, else 0 */
	uint64_t base;           /* of the file, at buf[0] */
	uint64_t stopped;
	char what[WHAT_LEN];
	uint8_t buf[HEADER_LEN + PACKET_MAX + CHUNK];
};

struct records *records_new(void)
{
	struct records *r = malloc(sizeof *r); /* untouched pages of buf cost nothing */

	if (r != NULL)
		memset(r, 0, offsetof(struct records, buf));
	return r;
}

void records_free(struct records *r)
{
	free(r);
}

void records_open(struct records *r, struct unpack *unpack, bool swapped, uint32_t snaplen)
{
	r->unpack = unpack;
	r->swapped = swapped;
	r->snaplen = snaplen;
	r->at = r->have = r->ready = 0;
	r->base = unpack_told(unpack);
}

const char *records_what(const struct records *r)
{
	return r->what;
}

uint64_t records_stopped(const struct records *r)
{
	return r->stopped;
}

/* Fields of a record's header. */
enum { S_AT = 0, FRACTION_AT = 4, CAPLEN_AT = 8, LEN_AT = 12 };

/* In this machine's byte order. */
static uint32_t field(const struct records *r, unsigned offset)
{
	uint32_t n;

	memcpy(&n, r->buf + r->at + offset, sizeof n);
	return r->swapped ? __builtin_bswap32(n) : n;
}

/* Has at least `need` bytes from `at` on in the buffer; false when the file ends before. */
static bool fill(struct records *r, size_t need)
{
	size_t left = r->have - r->at;

	if (left >= need)
		return true;
	memmove(r->buf, r->buf + r->at, left);
	r->base += r->at;
	r->at = 0;
	r->have = left;
	while (r->have < need) {
		size_t want = need - r->have > CHUNK ? need - r->have : CHUNK;
		ssize_t n = unpack_read(r->unpack, r->buf + r->have, want);

		if (n <= 0)
			return false;
		r->have += (size_t)n;
	}
	return true;
}

static enum records_next damaged(struct records *r, size_t stopped, const char *fmt, size_t wanted, size_t got)
{
	r->stopped = r->base + stopped;
	snprintf(r->what, sizeof r->what, fmt, wanted, got);
	return RECORDS_DAMAGED;
}

/* Length of the next record with its header when all of it is in the buffer, else 0. */
static size_t whole(const struct records *r)
{
	size_t left = r->have - r->at;
	uint32_t caplen;

	if (left < HEADER_LEN)
		return 0;
	caplen = field(r, CAPLEN_AT);
	return caplen <= PACKET_MAX && left - HEADER_LEN >= caplen ? HEADER_LEN + (size_t)caplen : 0;
}

/* The next record is not all in the buffer: reads on. False: *end tells why there is none. */
static bool read_on(struct records *r, enum records_next *end)
{
	uint32_t caplen;

	if (!fill(r, HEADER_LEN)) {
		*end = r->have == r->at && unpack_error(r->unpack) == NULL ? RECORDS_END
		    : damaged(r, r->have, "truncated dump file: %zu bytes of a packet's header wanted, %zu there",
			HEADER_LEN, r->have - r->at);
		return false;
	}
	caplen = field(r, CAPLEN_AT);
	if (caplen > PACKET_MAX) {
		*end = damaged(r, r->at + HEADER_LEN, "invalid packet capture length %zu, bigger than maximum of %zu",
		    caplen, PACKET_MAX);
		return false;
	}
	if (!fill(r, HEADER_LEN + (size_t)caplen)) {
		*end = damaged(r, r->have, "truncated dump file: %zu bytes of a packet wanted, %zu there",
		    caplen, r->have - r->at - HEADER_LEN);
		return false;
	}
	r->ready = HEADER_LEN + (size_t)caplen;
	return true;
}

enum records_next records_next(struct records *r, struct record *out)
{
	enum records_next end;
	uint32_t caplen;

	if (r->ready == 0 && !read_on(r, &end))
		return end;
	caplen = (uint32_t)(r->ready - HEADER_LEN);
	out->data = r->buf + r->at + HEADER_LEN;
	out->caplen = caplen < r->snaplen ? caplen : r->snaplen;
	out->len = field(r, LEN_AT);
	out->s = field(r, S_AT);
	out->fraction = field(r, FRACTION_AT);
	r->at += r->ready;
	r->ready = whole(r);
	return RECORDS_ONE;
}

bool records_more(const struct records *r)
{
	return r->ready != 0;
}
