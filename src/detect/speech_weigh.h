/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_SPEECH_WEIGH_H
#define SQUELCH_DETECT_SPEECH_WEIGH_H

#include "detect/speech.h"
#include "judge/app.h"

/*
 * What the views of both directions are worth. Three tests that rest on
 * different facts: the clock (when), the sizes (how much, given the clock), the
 * spurts (changes of both, given the clock). Each is measured against negatives
 * that passed the one before it, so their bits add; docs/METHOD.md, "cadence",
 * has the measurements and the caps.
 */
enum speech_shape { /* how the sizes of one direction behave */
	SHAPE_UNKNOWN,  /* too few yet */
	SHAPE_CODEC,    /* one size, and a codec of constant rate has it at this period */
	SHAPE_ONE,      /* one size, no codec's: padded, or no voice */
	SHAPE_SYLLABLE, /* follows the loudness of syllables: neighbours alike, not so 100 ms apart */
	SHAPE_STEADY,   /* narrow around a target rate */
	SHAPE_OTHER,    /* none of these: games, data */
	SHAPES
};

struct speech_bits {
	float bits;              /* may be negative */
	const char *why;         /* static text; {0} and {1} stand for arg */
	uint32_t arg[2];
};

struct speech_opinion {
	bool both_ways;          /* both directions keep a clock */
	bool one_way;            /* one does, and hardly anything comes back */
	bool streams;            /* one_way, on a grid of which hardly a slot is empty: it never stops */
	bool turns;              /* both kept one clock when they talked, and mostly one did at a time */
	enum speech_shape shape[2];
	struct speech_bits clock, sizes, spurts; /* bits 0: nothing to say */
};

void speech_weigh(const struct speech_view view[2], struct speech_opinion *);

/*
 * A constant-rate codec that sends datagrams of `size` bytes every `period_ms`, in RTP or what else may be around; NULL none, or
 * the size is round. `other`: the size that is second in number, 0 none; where it is that of the codec's last packet before a
 * silence a round size says something too.
 */
const char *speech_codec(unsigned period_ms, unsigned size, unsigned other, enum speech_wrap);
/*
 * How rare it is, in bits, that records of one size either way are frames of one
 * codec of constant rate at this period: of the sizes that records may have, which
 * part does some codec have in some of the wrappings looked for? 0: none has it,
 * or it is round and not of the telephone network. `small` and `large` differ by 4
 * where the client of a WebSocket masks what it sends (WRAP_HIDDEN alone).
 */
float speech_codec_rarity(unsigned period_ms, unsigned small, unsigned large, enum speech_wrap);
/* The same for datagrams of one size in a tunnel (APP_TUNNEL_...), 64 kbit/s in RTP or SRTP inside; `first`: byte of a packet; 0: not such a size. */
float speech_tunnel_rarity(enum app tunnel, uint8_t first, unsigned period_ms, unsigned size);
/* One size both ways: whether it is `size` in each, at one period. */
bool speech_one_size(const struct speech_view view[2], unsigned *size);
#define SPEECH_BITS_SAME 2.0f /* one size both ways: a guess, that among programs with one clock both ways 1 in 4 echoes or otherwise has it */

#endif
