/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_SPEECH_CLOCK_H
#define SQUELCH_DETECT_SPEECH_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The packetisation clock of speech, from times of arrival alone.
 *
 * A telephone sends what its microphone heard every T ms, T one of a few
 * lengths (RFC 3551, 4.2; RFC 7587, 4.2). A sound card keeps that time to some
 * hundred parts in a million, pauses included, so the times of sending lie on a
 * grid k * T + phase for as long as the call lasts. A network adds delays that
 * come and go; they blur the grid and do not move it. So we fold time by 120 ms,
 * a multiple of every T, into a histogram, and ask how strongly the phases agree
 * for each T (the resultant length of circular statistics; Rayleigh's test).
 */
enum {
	CLOCK_FOLD_US  = 120000, /* least common multiple of the periods below */
	CLOCK_BINS     = 40,
	CLOCK_BIN_US   = CLOCK_FOLD_US / CLOCK_BINS, /* 3 ms: a third of the shortest period */
	CLOCK_GAPS     = 10,
	CLOCK_PERIODS  = 5,
	CLOCK_CLOSE_US = 4000,   /* packets closer than this to the last one are of one burst and count once */
};

/* 10, 20, 30, 40, 60 ms: frames of the telephone codecs, alone or two to six together. */
extern const uint8_t clock_period_ms[CLOCK_PERIODS];

/* One direction. Zeroed it is ready. */
struct speech_clock {
	uint32_t last_us;           /* arrival of the last packet counted */
	uint16_t n;                 /* packets in phase[] */
	uint8_t phase[CLOCK_BINS];
	uint8_t gap[CLOCK_GAPS];    /* time since the one before: 0..7 tens of ms rounded, 8 more, 9 a pause */
	uint8_t run;                /* packets since the last pause */
	uint8_t spurts;             /* runs of at least CLOCK_SPURT_MIN packets that a pause ended */
	uint8_t pauses;             /* of at least CLOCK_PAUSE_US */
	uint8_t begun;              /* last_us is set */
};

enum {
	CLOCK_PAUSE_US  = 130000,   /* longer than two packets lost in a row at 40 ms; comfort noise comes every 160 ms (AMR) or 400 ms (Opus) */
	CLOCK_SPURT_MIN = 5,        /* packets: 100 ms at 20 ms, the shortest syllable */
};

/* What a clock shows so far. */
struct clock_reading {
	uint8_t period_ms;          /* 0: no grid */
	float agreement;            /* resultant length of the phases at this period, 0 to 1 */
	float bits;                 /* Rayleigh: -log2 P(that agreement | arrivals at random), periods tried paid for */
	float filled;               /* packets on the grid for each slot of it between the first and the last packet */
	float in_step;              /* of gaps shorter than a pause, the part that is one period long (half of it to one and a half) */
	uint32_t phase_us;          /* of the grid, below period */
};

/* Takes a packet, `us` microseconds after an arbitrary start; false when it belongs to the burst of the one before. */
bool clock_feed(struct speech_clock *, uint32_t us);
/* Reads the clock; `span_us`: time covered by what is counted. */
struct clock_reading clock_read(const struct speech_clock *, uint32_t span_us);
/* Halves what is counted, so that the past fades. */
void clock_fade(struct speech_clock *);
/* Distance to the nearest point of the grid, in parts of the period, -0.5 to 0.5. */
float clock_distance(const struct clock_reading *, uint32_t us);

#endif
