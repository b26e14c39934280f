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

/* How well a grid tells near from far. */
enum clock_blur { CLOCK_SHARP, CLOCK_BLURRED, CLOCK_RATE_ONLY };

/* One direction. Zeroed it is ready. */
struct speech_clock {
	uint32_t last_us;           /* arrival of the last packet counted */
	uint32_t first_us;          /* and of the first one of `all` */
	uint16_t all;               /* packets, those of bursts too; starts anew after CLOCK_RATE_US */
	uint8_t phase[CLOCK_BINS];
	uint8_t gap[CLOCK_GAPS];    /* time since the one before: 0..7 tens of ms rounded, 8 more, 9 a pause */
	uint8_t run;                /* packets since the last pause */
	uint8_t pauses;             /* longer than clock_pause_us, that no burst ended */
	uint8_t spurts;             /* runs of at least CLOCK_SPURT_MIN packets that such a pause ended */
	uint8_t rate_period_ms;     /* the period nearest to the rate of `all`; */
	int8_t ahead_min, ahead_max; /* packets more than that rate gives, at the readings since first_us */
	uint8_t aim_period_ms : 6;  /* the grid as last read, 0 none: sizes are sorted by it */
	uint8_t aim_blur : 2;       /* enum clock_blur */
	uint8_t aim_phase;          /* of it, in AIM_US */
};

enum {
	CLOCK_PAUSE_US  = 130000,   /* comfort noise comes every 160 ms (AMR, 3GPP TS 26.093) or 400 ms (Opus) */
	CLOCK_PAUSE_PACKETS = 4,    /* and so many must be missing: losses come in shorter runs */
	CLOCK_SPURT_MIN = 5,        /* packets: 100 ms at 20 ms, the shortest syllable */
	CLOCK_RATE_US   = 12000000, /* the rate is measured over at most so long */
};

/* What a clock shows so far. */
struct clock_reading {
	uint8_t period_ms;          /* 0: no grid */
	bool rough;                 /* the network blurs the phase beyond reading; the rate is exact */
	float agreement;            /* resultant length of the phases at this period, 0 to 1 */
	float bits;                 /* Rayleigh: -log2 P(that agreement | arrivals at random), periods tried paid for */
	float filled;               /* packets for each slot of the grid */
	uint16_t n;                 /* packets read */
	float in_step;              /* of gaps from 5 ms to a pause, the part that is one period long (half of it to one and a half) */
	uint8_t skips;              /* gaps longer than that and shorter than a pause: losses */
	uint32_t phase_us;          /* of the grid, below period */
};

/* Takes a packet, `us` microseconds after an arbitrary start; false when it belongs to the burst of the one before. */
bool clock_feed(struct speech_clock *, uint32_t us);
/* Reads the clock and aims at the grid it finds; `span_us`: time covered by what is counted. */
struct clock_reading clock_read(struct speech_clock *, uint32_t span_us);
/* Halves what is counted, so that the past fades. */
void clock_fade(struct speech_clock *);
/* True for a packet near the grid aimed at. */
bool clock_on_grid(const struct speech_clock *, uint32_t us);

#endif
