/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_SPEECH_COUNT_H
#define SQUELCH_DETECT_SPEECH_COUNT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The packetisation clock by counting. Where writes wait for an acknowledgement and
 * leave together (Nagle), segments keep the clock of the path and not that of the
 * sender; but each takes along all that was written. So after n records of a sender
 * with period T a segment leaves at n * T, some constant, and at most T more: that
 * holds for any waiting. Of a sender without a clock the difference walks away, of
 * one with another clock it drifts.
 */
enum {
	COUNT_BLOCKS   = 8,      /* looked back on, */
	COUNT_BLOCK_US = 500000, /* each: 4 s */
};

/* One direction. Zeroed it is ready. */
struct count_clock {
	uint32_t due_us;         /* n * T after the first: while T is not known, the first */
	uint32_t last_us;        /* the segment before */
	uint32_t n;              /* records, until T is known */
	uint32_t block;          /* number of the block that is being filled */
	int32_t low[COUNT_BLOCKS], high[COUNT_BLOCKS]; /* of time less n * T in a block, us */
	uint8_t period_ms;       /* T, the one nearest to the rate; 0 none yet */
	uint8_t blocks;          /* filled with it, at most COUNT_BLOCKS */
};

/* Takes a segment of `n` records, at `us` after an arbitrary start. */
void count_feed(struct count_clock *, uint32_t us, unsigned n);
/* Period that is kept, ms; 0 none. */
unsigned count_keeps_ms(const struct count_clock *);

#endif
