/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_RECORD_H
#define SQUELCH_DETECT_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "detect/framing.h"

/*
 * The records of one direction of a TCP connection, in sequence space: what was
 * written, when its first byte first passed. Segments are what the stacks made of
 * it: writes are joined (Nagle, offloads), cut (MSS), sent again. A byte counts
 * once, at its first arrival; nothing is kept but a few bytes of a header that a
 * segment's end cut in two.
 */
struct record_dir {
	uint64_t begun_ns;        /* first byte of the record that is under way */
	uint32_t next_seq;
	uint32_t left;            /* bytes of it still to come, when a header told */
	uint32_t size;            /* of it, so far (FRAMING_NONE) or in all, without what the header told to be extra */
	uint32_t nonce;           /* of the last TLS record, low half, and */
	uint16_t holes;           /* places where bytes were missing; they end what was under way */
	uint8_t votes[FRAMINGS];  /* segments in a row that were whole records of this framing */
	uint8_t header[FRAMING_HEADER_MAX];
	uint8_t held;             /* bytes in header[] */
	uint8_t framing;          /* enum framing in force */
	uint8_t counted;          /* how often it was one higher, less how often it was not */
	bool synced;              /* next_seq is known */
};

/*
 * Takes a record: when its first byte passed, and the bytes that the sender wrote: without header, mask, padding,
 * and what encryption adds. 0 for one that holds nothing.
 */
typedef void record_fn(void *arg, uint64_t ns, uint32_t size);

struct record_segment {
	uint64_t ns;
	uint32_t seq;
	const uint8_t *data;      /* payload as captured; */
	uint32_t have;            /* bytes there; */
	uint32_t wire;            /* and on the wire: only headers within `have` can be read */
	bool pushed;              /* PSH: the sender had no more to send */
};

/* Calls `fn` for each record that is complete. A zeroed record_dir is ready. */
void record_feed(struct record_dir *, const struct record_segment *, record_fn *, void *arg);

#endif
