/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_SPEECH_TALK_H
#define SQUELCH_DETECT_SPEECH_TALK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Who talks when, from bytes alone. People talk and are silent, and pass from one
 * to the other within a syllable; a codec of variable rate, or one that leaves
 * silence out, shows that as two levels of bytes with little between them. When
 * one talks the other mostly listens. Data whose size wanders, however slowly or
 * fast, spends its time between the levels. Bytes are summed over 120 ms, so that
 * it does not matter how a stack joined or cut them.
 */
enum {
	TALK_SLOT_MS = 120,      /* least common multiple of the frame lengths of speech */
	TALK_SLOTS   = 100,      /* 12 s: some turns of a conversation (ITU-T P.59) */
};

/* One direction. Zeroed it is ready. */
struct talk {
	uint32_t slot;           /* number of the slot that is being filled, from 0; */
	uint32_t first;          /* the first that counts */
	uint32_t bytes;          /* in the one being filled, */
	uint16_t least;          /* the smallest of them, */
	uint8_t n;               /* of so many records; */
	uint8_t full;            /* records of a slot in which every frame is there; 0 not known */
	uint8_t level[TALK_SLOTS]; /* of those before it, by number modulo TALK_SLOTS: speech_talk.c, level_of */
};

/* It as it was in the last TALK_SLOTS. */
struct talk_view {
	bool levels;             /* two levels of bytes and next to nothing between them; */
	bool two_levels;         /* and a fair share of both: talks and is silent */
	bool wanders;            /* has no levels: its sizes go everywhere */
	bool empty;              /* next to nothing is sent in the lower level */
	bool timed;              /* talk and silence each last as long every time, as a timer makes them */
	bool even;               /* they do, or nobody knows yet */
	uint8_t changes;         /* from one level to the other */
	float between;           /* part of the slots between the levels */
	float apart;             /* octaves between them */
	float low, high;         /* octaves above nothing */
};

struct talk_reading {
	struct talk_view dir[2];
	bool alike;              /* the levels of both are the same: one codec at both ends */
	bool shared;             /* all slots of both together have two levels, one end passes between them, and seldom both are in the upper */
	float together;          /* correlation of both directions' talk, -1 to 1: people take turns below 0 */
};

/* The frames are `period_ms` long; 0: not known, or what is fed are not records but pieces of some. */
void talk_frames(struct talk *, unsigned period_ms);
/*
 * Takes `size` bytes, `us` microseconds after an arbitrary start. Slots begin at multiples of TALK_SLOT_MS: shift the
 * time so that no packet is due then, or the rims of slots make levels.
 */
void talk_feed(struct talk *, uint32_t us, uint32_t size);
/* Reads both directions at `us`. */
void talk_read(struct talk both[2], uint32_t us, struct talk_reading *);

#endif
