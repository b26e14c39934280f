/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_SPEECH_RATE_H
#define SQUELCH_DETECT_SPEECH_RATE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The packetisation clock where the network hides its phase.
 *
 * Delays that wander by more than a third of the period leave nothing of the
 * phase; a queue still keeps the order and the number. So we count. Three things
 * must hold of a sender with a clock, whatever the delays:
 *
 * - the number of packets is time / period, less what was lost;
 * - it grows evenly: what the arrivals are behind their number, t - n * period,
 *   stays within the delays of the network. Of gaps that know nothing of each other
 *   it is a random walk, and a walk of n steps stays within w times its step with
 *   chance exp(-pi^2 n / 2 w^2) (Feller). It is asked of short windows of packets,
 *   one after the other: each bets against gaps that know nothing of each other,
 *   and what all have won together is the evidence (test martingales: Shafer, Shen,
 *   Vereshchagin and Vovk 2011). So one stall costs its own window, and no more. And
 *   it is asked of all that is counted, for delays as long as such a window;
 * - a phase that follows the arrivals slowly, as a receiver's phase-locked loop
 *   does, needs no slots more or fewer than time / period, unless the packets
 *   themselves are just so many. The more the gaps are blurred the less this says,
 *   and the more it is allowed.
 *
 * Only talk is counted: in a pause time stands still.
 *
 * Reports (RTCP, STUN) that share the flow must not be counted: a size far from
 * the level that comes alone is of another kind, two in a row are a new level.
 */
enum {
	RATE_SPAN_MAX_MS = 12000, /* counted over at most so long */
	RATE_WALK_MS     = 4,     /* unit of what packets are behind their number */
	RATE_PERIOD_MS   = 10,    /* common divisor of the periods */
	RATE_QUIET_MAX   = 7,     /* packets of silence in a row that are counted */
	SPEECH_USUAL_MS  = 20,    /* rate and sizes count from the start as if this were the period: most telephones have it */
};

/* One direction; zeroed it is ready. */
struct speech_rate {
	uint32_t slot_us;       /* time of the last slot, as the arrivals have moved it; 0 none */
	uint16_t first_ms;      /* of what is counted; it wraps, the span does not reach that far */
	uint16_t all;           /* packets of the medium since then */
	int8_t empty;           /* slots in which none came, less those that came with another */
	int8_t high;            /* what arrivals were behind their number at most, RATE_WALK_MS; */
	uint8_t fall;           /* and their largest move down from there: losses move up only */
	int8_t low_now, high_now; /* in this window of packets, at least and at most */
	int8_t even;            /* what the windows won against independent gaps, in EVEN_UNIT of a bit */
	uint8_t level;          /* size usual of late, in LEVEL_BYTES */
	uint8_t period : 3;     /* the one nearest to the rate, in RATE_PERIOD_MS, 0 none */
	uint8_t far : 2;        /* the last size was below or above the level */
	uint8_t quiet : 3;      /* packets since the last one of talk, at most RATE_QUIET_MAX */
};

/* What a packet is to the rate. */
enum rate_kind {
	RATE_QUIET,             /* so small that it may be one of those sent in silence */
	RATE_TALK,
	RATE_HELD,              /* talk that came with the one before, after a time in which none came: it was held back */
};

/* Takes a packet, `us` after an arbitrary start. */
void rate_feed(struct speech_rate *, uint32_t us, uint32_t size, enum rate_kind kind);
/* The period nearest to the rate, ms; 0 none. */
unsigned rate_period_ms(const struct speech_rate *);
/* Finds the period nearest to the rate; to be called before rate_holds, some times a second. */
void rate_follow(struct speech_rate *);
/*
 * Packets for each slot of `period_ms`, those counted that a network held back and let go together; 0 where their number is
 * not that of the clock, or the time counted is below RATE_SPAN_US.
 */
float rate_filled(const struct speech_rate *, unsigned period_ms);
enum { RATE_SPAN_US = 1000000 }; /* of talk, at least */
/* How even it must be: to be the clock by itself, or where the other direction is known to keep that period. */
enum rate_proof { RATE_JOINS, RATE_SURE };
/*
 * True when the packets keep the clock of the period found by the tests above.
 * `even`: part of the gaps within 5 ms of one period.
 */
bool rate_holds(const struct speech_rate *, float even, enum rate_proof);

#endif
