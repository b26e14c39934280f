/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_FLOW_STREAM_H
#define SQUELCH_FLOW_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/count.h"
#include "flow/budget.h"

/*
 * One direction of a TCP connection put back in order, for as long as a parser
 * holds it. Bytes in order are shown to the parser where they lie; only what it
 * cannot use yet, or what came too early, is copied. Of overlapping bytes the
 * first wins, so that nobody can change what was already read.
 */
#define STREAM_BYTES_MAX 16384 /* kept a direction, for a parser that waits for the rest */
#define STREAM_RANGES    4     /* pieces that came too early */

struct stream_range { uint32_t from, to; };  /* offsets from next_seq - have */

struct stream_dir {
	uint8_t *buf;
	uint32_t cap;             /* bytes allocated */
	uint32_t have;            /* bytes in order, not used by the parser yet */
	uint32_t next_seq;        /* sequence number after those */
	struct stream_range early[STREAM_RANGES];
	uint8_t n_early;
	uint8_t row;              /* detector row that holds it */
	bool open;                /* a parser holds it */
	bool synced;              /* next_seq is known */
};

struct stream {
	struct stream_dir dir[2];
};

struct stream_memory {
	struct budget *budget;
	const struct addr *payer;
	struct counts *counts;
};

/*
 * Adds a segment. Returns the bytes that are now in order, *n of them, from
 * the oldest unused one; they lie in `data` or in the buffer and are valid
 * until the next call. NULL when there is nothing new. A hole that cannot be
 * kept moves the stream on to this segment (counted) and sets *hole.
 */
const uint8_t *stream_add(struct stream_dir *, const struct stream_memory *, uint32_t seq,
    const uint8_t *data, uint32_t len, uint32_t *n, bool *hole);
/*
 * After the parser used `used` of the `n` bytes at `bytes` (from stream_add),
 * keeps the rest. False when the rest does not fit into the budget.
 */
bool stream_keep(struct stream_dir *, const struct stream_memory *, const uint8_t *bytes,
    uint32_t n, uint32_t used);
void stream_close(struct stream_dir *, const struct stream_memory *);

#endif
