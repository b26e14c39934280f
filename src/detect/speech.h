/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_SPEECH_H
#define SQUELCH_DETECT_SPEECH_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "detect/speech_clock.h"

/*
 * What speech looks like without reading it: when packets come, how long they
 * are, which way they go. The same model serves datagrams (cadence.c) and
 * records inside a stream. docs/METHOD.md, "cadence", tells why speech must look
 * so and what each test is worth.
 */
enum {
	SPEECH_SIZE_MAX = 700,   /* bytes: larger ones are no audio frame; 60 ms of G.711 have 480 and overhead */
	SPEECH_MODES    = 3,     /* most frequent sizes kept */
	SPEECH_RECENT   = 6,     /* sizes kept for the syllable test */
};

/* Sizes of the packets on the grid; sums are of the difference from `base`. */
struct speech_sizes {
	struct { uint16_t size, n; } mode[SPEECH_MODES];
	uint16_t recent[SPEECH_RECENT]; /* ring */
	uint16_t n, pairs, far_pairs;
	uint16_t base;
	float sum, square;       /* over n */
	float step;              /* squared difference of neighbours, over pairs */
	float far;               /* the same about 120 ms apart, over far_pairs */
	uint8_t at;              /* next of the ring; */
	uint8_t filled;          /* and how many of it hold a run without a gap */
};

struct speech_dir {
	struct speech_clock clock;
	struct speech_sizes sizes;
};

struct speech {
	struct speech_dir dir[2];
	uint64_t start_ns;
	uint32_t since_us;       /* what is counted began then, microseconds after start */
	uint16_t weighed;        /* times read, for the reader's schedule */
	uint8_t period_ms[2];    /* by the last reading: the grid the sizes are sorted by */
	uint8_t phase_500us[2];
};
static_assert(sizeof(struct speech) <= 256, "state of a flow whose cadence is watched: docs/METHOD.md, bounds");

/* One direction as the tests see it. */
struct speech_view {
	struct clock_reading clock;
	float mean;              /* bytes */
	float spread;            /* standard deviation, bytes */
	float smooth;            /* correlation of neighbours: 1 - step / (2 variance) */
	float syllable;          /* the same 120 ms apart */
	float modal;             /* part of the packets that have the most frequent size */
	float modal3;            /* the most frequent three */
	uint16_t size;           /* the most frequent size */
	uint16_t n;              /* packets sized */
	uint16_t packets;        /* packets on the clock */
	uint8_t pauses, spurts;
};

void speech_start(struct speech *, uint64_t mono_ns);
/* Takes a datagram or record of `size` bytes. */
void speech_feed(struct speech *, int dir, uint64_t mono_ns, uint32_t size);
/* Reads both directions, and aims the size tests at the grids found. */
void speech_read(struct speech *, uint64_t mono_ns, struct speech_view out[2]);

#endif
