/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_SPEECH_TURNS_H
#define SQUELCH_DETECT_SPEECH_TURNS_H

#include <stdbool.h>
#include <stdint.h>

#include "detect/speech_clock.h"

/*
 * Who sends when. An application that leaves silence out sends nothing, or
 * comfort noise, reports and acknowledgements, while its user listens. So time is
 * cut into slots, a direction talks in a slot when it has as many packets as its
 * clock gives, and people take turns: now one end sends alone, now the other.
 * Programs that exchange states or data answer each other, and send both ways in
 * every slot or in none.
 *
 * What is sent in silence is told from talk by its size: less than half of what
 * was sent in talk, and small. It keeps another clock or none, so it is kept from
 * the test of the clock too.
 */
enum {
	TURN_SLOT_MS = 240,      /* a syllable (Houtgast and Steeneken 1985: 3 to 5 Hz), and a multiple of every period */
	TURN_BYTES   = 4,        /* unit of sizes */
	TURN_QUIET_BYTES = 64,   /* what is sent in silence, at most; RTCP feedback has 36 to 60 (RFC 4585, SRTCP), comfort noise less */
	TURN_RUN     = 2,        /* slots in a row make a turn: half a second, a word of answer; losses come in shorter runs */
};

struct turns_dir {
	uint8_t loud;            /* size of packets in talk, TURN_BYTES; falls by a quarter in 16 s */
	uint8_t before;          /* size of the last packet */
	uint8_t n;               /* packets of talk in this slot; UINT8_MAX: larger ones than speech has */
	uint8_t talk;            /* slots with some, since the clock began to count */
	uint8_t alone;           /* slots in turns */
	uint8_t kept : 3;        /* 1 + index of the period it kept when it last talked; 0 none */
	uint8_t aim : 3;         /* the same of the period it may have */
	uint8_t run : 2;         /* slots of this turn so far, at most TURN_RUN */
	uint8_t still : 2;       /* slots without talk, at most 3 */
	uint8_t doubt : 3;       /* readings in which it talked and did not keep it */
};

struct speech_turns {
	uint16_t slot;           /* number of the one being filled; it wraps */
	uint8_t both;            /* slots in which both talked */
	uint8_t age;             /* slots counted */
	uint8_t changes : 6;     /* of who talks alone */
	uint8_t last : 2;        /* who did: 1 + direction; 0 nobody yet */
	struct turns_dir dir[2];
};

/* What a packet is to its direction. */
enum turns_kind {
	TURNS_QUIET,             /* report, acknowledgement, comfort noise */
	TURNS_TALK,
	TURNS_STARTS,            /* talk again, after silence */
	TURNS_RISES,             /* talk, and what was taken for it before was none */
};

/* Takes a packet of `size` bytes, `us` microseconds after an arbitrary start. */
enum turns_kind turns_feed(struct speech_turns *, int dir, uint32_t us, uint32_t size);
/* Whether it would take a packet of `size` bytes for one that is sent in silence. */
bool turns_quiet(const struct speech_turns *, int dir, uint32_t size);
/* Takes one that is larger than speech has: its sender is not silent. */
void turns_pass(struct speech_turns *, int dir, uint32_t us);
/* Learns from a reading of the clock whether `dir` keeps one. `keeps`: as far as the clock alone tells. */
void turns_learn(struct speech_turns *, int dir, const struct clock_reading *, bool keeps);
/* The clock forgot half of what it counted. */
void turns_fade(struct speech_turns *, int dir);
/* Period `dir` kept when it last talked, ms; 0 none. */
unsigned turns_kept_ms(const struct speech_turns *, int dir);

#endif
