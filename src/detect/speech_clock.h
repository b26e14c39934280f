/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_SPEECH_CLOCK_H
#define SQUELCH_DETECT_SPEECH_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "detect/speech_rate.h"

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
	CLOCK_BINS     = 32,
	CLOCK_BIN_US   = CLOCK_FOLD_US / CLOCK_BINS, /* 3.75 ms: in the shortest period more than two */
	CLOCK_GAPS     = 8,
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
	struct speech_rate rate;
	uint8_t phase[CLOCK_BINS];
	uint8_t gap[CLOCK_GAPS];    /* time since the one before: 0..6 tens of ms rounded, 7 more but no pause */
	uint8_t pauses;             /* longer than CLOCK_PAUSE_US, that no burst ended */
	uint8_t spurts;             /* runs of at least CLOCK_SPURT_MIN packets that such a pause ended */
	uint8_t aim_phase : 7;      /* of the grid as last read, in AIM_US */
	uint8_t passed_over : 1;    /* something larger than audio came since the last packet counted */
	uint8_t aim_period : 3;     /* 1 + index of it, 0 none: sizes are sorted by it */
	uint8_t aim_blur : 2;       /* enum clock_blur */
	uint8_t run : 3;            /* packets since the last pause, at most CLOCK_SPURT_MIN; more: of a burst that ended none */
};

enum {
	CLOCK_PAUSE_US  = 130000,   /* comfort noise comes every 160 ms (AMR, 3GPP TS 26.093) or 400 ms (Opus) */
	CLOCK_PAUSE_PACKETS = 4,    /* and so many must be missing: losses come in shorter runs */
	CLOCK_SPURT_MIN = 5,        /* packets: 100 ms at 20 ms, the shortest syllable */
};

#define CLOCK_FILLED 0.7f /* least part of the slots; losses take a few. 30 Hz leaves traces of a grid of 20 ms behind a 5 ms scheduler */

/* What a clock shows so far. */
struct clock_reading {
	uint8_t period_ms;          /* 0: no grid */
	bool rough;                 /* the network blurs the phase beyond reading; the rate is exact */
	bool likely;                /* the same, or less surely: enough where the other direction keeps that period */
	float agreement;            /* resultant length of the phases at this period, 0 to 1 */
	float bits;                 /* Rayleigh: -log2 P(that agreement | arrivals at random), periods tried paid for */
	float filled;               /* packets for each slot of the grid */
	uint16_t n;                 /* packets of talk read, since the phase was last known to move */
	uint16_t packets;           /* all that are counted */
	float in_step;              /* of gaps from 5 ms to a pause, the part that is one period long (half of it to one and a half) */
	float even;                 /* of all gaps, the part within 5 ms of the period */
	uint8_t skips;              /* gaps longer than that and shorter than a pause: losses */
	uint32_t phase_us;          /* of the grid, below period */
};

/*
 * Takes a packet of `size` bytes, `us` microseconds after an arbitrary start; false when it belongs to the burst of the
 * one before. Only those of talk are asked for phase and rate; what is sent in silence makes pauses shorter.
 */
bool clock_feed(struct speech_clock *, uint32_t us, uint32_t size, bool talk);
/* Talk begins after silence: a sound card that was stopped starts at another phase. */
void clock_talk_starts(struct speech_clock *);
/* What was taken for talk was none. */
void clock_start_over(struct speech_clock *);
/* Something came that is no audio; while it does nobody can be said to be silent. */
void clock_pass_over(struct speech_clock *);
/* 1 + index in clock_period_ms; 0 for 0. */
unsigned clock_period_index(unsigned period_ms);
/* True when it is a clock; `filled`: least part of the slots. */
bool clock_keeps(const struct clock_reading *, float filled);
/* True when it is the clock of `period_ms`, which the other direction is known to keep; 0: it keeps none. */
bool clock_joins(const struct clock_reading *, unsigned period_ms, float filled);
/* Period of the grid aimed at, ms; 0 none. */
unsigned clock_aim_ms(const struct speech_clock *);
/* Aims at a rate that is known from elsewhere. */
void clock_aim_rate(struct speech_clock *, unsigned period_ms);
/* Reads the clock and aims at the grid it finds; `span_us`: time covered by what is counted. */
struct clock_reading clock_read(struct speech_clock *, uint32_t span_us);
/* Halves what is counted, so that the past fades. */
void clock_fade(struct speech_clock *);
/* True for a packet near the grid aimed at. */
bool clock_on_grid(const struct speech_clock *, uint32_t us);

#endif
