/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_JOINED_H
#define SQUELCH_DETECT_JOINED_H

#include <stdint.h>

/*
 * The records that one segment completes. What was written while a segment was
 * under way waits for its acknowledgement (Nagle; RFC 9293, 3.7.4) and leaves in
 * one piece.
 */
enum { JOINED_MAX = 64 }; /* records looked at: a full segment of the smallest frames */

struct joined {
	unsigned n;
	struct { uint64_t ns; uint32_t size; } record[JOINED_MAX];
};

/* A record_fn (record.h); `joined`: a struct joined. */
void joined_add(void *joined, uint64_t ns, uint32_t size);
/* What is known of the packets of secure shell in one direction. Zeroed it is ready. */
struct ssh_packets {
	uint16_t usual;          /* bytes of one, of late; */
	uint16_t gap;            /* and time between two, a tenth of a millisecond */
	uint16_t least;          /* bytes of the smallest segment of an odd number: that is one packet */
	uint8_t even;            /* how often segments were of an even number, of late */
};

/*
 * Parts what secure shell joined. Its packets hide their lengths, but those are a multiple of 8, and 4 more
 * (RFC 4253, 6; the length itself is not counted in with ciphers of OpenSSH that authenticate it): so a segment
 * of one packet tells that it holds an odd number. Where some hold an even number they are joined,
 * and size and pace of packets of late tell how many; the pace is that of the other direction where nothing is joined
 * there. `before_ns`: when the segment before was sent.
 */
void joined_part_ssh(struct joined *, struct ssh_packets both[2], int dir, uint64_t before_ns);
/* Spreads records of a segment sent at `ns` over the time since the segment before it: when they were written within it is not known. */
void joined_spread(struct joined *, uint64_t ns, uint64_t before_ns);

#endif
