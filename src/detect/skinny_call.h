/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_SKINNY_CALL_H
#define SQUELCH_DETECT_SKINNY_CALL_H

#include "base/cursor.h"
#include "detect/call_facts.h"
#include "detect/detect.h"

#define SKINNY_CALLS 4 /* a phone has two lines or so; the oldest goes */

struct skinny_call {
	uint32_t reference;       /* 0 free */
	uint64_t call;
	uint8_t phase;            /* last one told, + 1 */
	bool inbound;
	char from[DIALED_LEN * 2], to[DIALED_LEN * 2];
	char id[CALL_ID_LEN];
};

struct skinny_state {
	struct skinny_call call[SKINNY_CALLS];
	struct call_number number;
	struct call_endpoint local; /* where the phone sends from or receives */
	char keys[DIALED_LEN];
	uint64_t seen[2];         /* numbers met, by their lowest six bits, a side */
	float bits;
	uint16_t distinct;
	uint8_t next_call, side_of[2]; /* side + 1 of each direction, 0 unknown */
	bool registered;
};

/* A message: its number and what follows it. */
struct message_view {
	uint32_t version, id, len;
	struct cursor body;
};

/* Numbers are little-endian. */
static inline uint32_t skinny_u32(struct cursor *c)
{
	return __builtin_bswap32(cur_u32(c));
}

/* What a message says about calls: signals, facts, and the number called. Reads m->body. */
void skinny_call_take(struct look *, struct skinny_state *, struct message_view *m);

#endif
