/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_SPEECH_H
#define SQUELCH_DETECT_SPEECH_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "detect/speech_clock.h"
#include "detect/speech_turns.h"

/*
 * What speech looks like without reading it: when packets come, how long they
 * are, which way they go. The same model serves datagrams (cadence.c) and
 * records inside a stream. docs/METHOD.md, "cadence", tells why speech must look
 * so and what each test is worth.
 */
enum {
	SPEECH_SIZE_MAX = 700,   /* bytes: larger ones are no audio frame; 60 ms of G.711 have 480 and overhead */
	SPEECH_MODES    = 3,     /* most frequent sizes kept */
	SPEECH_RECENT   = 5,     /* sizes kept for the syllable test: 100 ms at 20 ms */
	SPEECH_TICK_SHIFT = 14,  /* of microseconds: 16 ms, a fortieth of the time before the first reading */
};

/*
 * Sizes of the packets on the grid, one in each slot of it. A size far from the
 * level waits for the next: alone it belongs to another medium of the flow
 * (RTCP, a frame of video) and is put aside, two of a kind are a new level.
 */
struct speech_sizes {
	float sum, square;       /* over n */
	float step;              /* squared difference of neighbours, over pairs */
	float far;               /* the same half a syllable apart, over far_pairs */
	uint16_t mode[SPEECH_MODES];    /* the most frequent sizes; */
	uint8_t mode_n[SPEECH_MODES];   /* how often, less what others took away */
	uint8_t report;          /* size of the last small one put aside; 0 none; */
	uint16_t recent[SPEECH_RECENT];
	uint16_t n;
	uint16_t level;          /* running mean */
	uint16_t waiting;        /* far from it; 0 none */
	uint8_t pairs, far_pairs;
	uint8_t odd;             /* put aside */
	uint8_t falls, rises;    /* changes of level */
	uint8_t recent_at : 3;   /* next of the ring: */
	uint8_t recent_n : 3;    /* how many of it hold a run without a gap */
	uint8_t reports : 1;     /* and of the one before: reports have it */
};

struct speech_dir {
	struct speech_clock clock;
	struct speech_sizes sizes;
};

struct speech {
	uint64_t start_ns;
	struct speech_dir dir[2];
	struct speech_turns turns;
	uint16_t since;          /* what is counted began then, SPEECH_TICK_SHIFT after start; it wraps after 17 minutes */
	uint16_t next;           /* when it is read next */
};
static_assert(sizeof(struct speech) <= 256, "state of a flow whose cadence is watched: docs/METHOD.md, bounds");

/* What may stand around the frames of a codec, besides what is known and taken off. */
enum speech_wrap {
	WRAP_DATAGRAM,           /* RTP and its kin */
	WRAP_FOREIGN,            /* a datagram of which those who read payloads say that it is no RTP */
	WRAP_RECORD,             /* nothing: a record in the clear */
	WRAP_HIDDEN,             /* whatever an application put into an encrypted record */
};

/* One direction as the tests see it. */
struct speech_view {
	enum speech_wrap wrap;   /* set by who feeds it; WRAP_DATAGRAM unless said */
	struct clock_reading clock;
	float mean;              /* bytes */
	float spread;            /* standard deviation, bytes */
	float smooth;            /* correlation of neighbours, at least 20 ms apart: 1 - step / (2 variance) */
	float syllable;          /* the same half a syllable apart */
	float modal;             /* part of the packets that have the most frequent size */
	float odd;               /* part put aside */
	uint16_t size;           /* the most frequent size, */
	uint16_t other;          /* and the next; 0: not known */
	bool one_in_talk;        /* one size, and what else there is is less than half of it: comfort noise */
	uint16_t n;              /* packets sized */
	uint16_t packets;        /* packets on the clock */
	uint8_t pauses, spurts;  /* in time, as silence suppression makes them */
	uint8_t falls, rises;    /* in size: a variable rate follows the voice */
	uint8_t kept_ms;         /* clock it kept when it last talked; 0 none */
	uint8_t alone;           /* slots (TURN_SLOT_MS) of its turns, */
	uint8_t both;            /* and slots in which both talked, */
	uint8_t turns;           /* changes of who talks alone; the same in both */
};

void speech_start(struct speech *, uint64_t mono_ns);
/* Takes a datagram or record of `size` bytes. */
void speech_feed(struct speech *, int dir, uint64_t mono_ns, uint32_t size);
/* True when it is time to read; false again until speech_next said when. */
bool speech_due(const struct speech *, uint64_t mono_ns);
/* To be read again so many microseconds from now; less than 8 minutes. */
void speech_next(struct speech *, uint64_t mono_ns, uint32_t in_us);
/* Reads both directions, and aims the size tests at the grids found. */
void speech_read(struct speech *, uint64_t mono_ns, struct speech_view out[2]);

/* How many packets apart neighbours are, at least 20 ms: one pair of them is compared for so many packets. period_ms is not 0. */
unsigned speech_neighbour_packets(unsigned period_ms);
/* How many packets apart the syllable test looks: about 100 ms; period_ms is not 0. */
unsigned speech_syllable_packets(unsigned period_ms);

#endif
