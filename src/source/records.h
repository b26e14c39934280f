/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_SOURCE_RECORDS_H
#define SQUELCH_SOURCE_RECORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "source/unpack.h"

/*
 * The records of a pcap file after its header (the "pcap" format as
 * draft-ietf-opsawg-pcap describes it), shown where they lie in one buffer: no
 * copy for each packet, and several of them stay in place at once.
 */
struct records;

struct record {
	const uint8_t *data;   /* valid until records_next has to read on, see records_more */
	uint32_t caplen, len;  /* bytes at `data`, bytes on the wire */
	uint32_t s, fraction;  /* stamp: seconds, and micro- or nanoseconds as the file has them */
};

enum records_next {
	RECORDS_ONE,
	RECORDS_END,
	RECORDS_DAMAGED,       /* records_what and records_stopped tell */
};

/* NULL without memory. It is reused for one file after another. */
struct records *records_new(void);
void records_free(struct records *); /* accepts NULL */

/*
 * Begins where `unpack` is now, after the file header. `swapped`: the file has
 * the other byte order. Of packets longer than `snaplen` the rest is passed over.
 */
void records_open(struct records *, struct unpack *, bool swapped, uint32_t snaplen);
enum records_next records_next(struct records *, struct record *);
/* The next record is in the buffer already: to get it leaves the data of earlier ones in place. */
bool records_more(const struct records *);

/* Of RECORDS_DAMAGED: what is wrong, and the byte of the file where reading stopped. */
const char *records_what(const struct records *);
uint64_t records_stopped(const struct records *);

#endif
