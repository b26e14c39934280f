/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_SPEECH_SHAPE_H
#define SQUELCH_DETECT_SPEECH_SHAPE_H

#include "detect/speech.h"

/* What the sizes of one direction look like. docs/METHOD.md, "cadence", says why those of a voice do. */
enum speech_shape { /* how the sizes of one direction behave */
	SHAPE_UNKNOWN,  /* too few yet */
	SHAPE_CODEC,    /* one size, and a codec of constant rate has it at this period */
	SHAPE_ONE,      /* one size, no codec's: padded, or no voice */
	SHAPE_SYLLABLE, /* follows the loudness of syllables: neighbours alike, not so 100 ms apart */
	SHAPE_STEADY,   /* narrow around a target rate */
	SHAPE_OTHER,    /* none of these: games, data */
	SHAPES
};

enum speech_shape speech_shape_of(const struct speech_view *);
/* Levels come and go as often as words do. */
bool speech_changes_level(const struct speech_view *);
/* Syllables, and words with silence between them: at 100 packets/s what only moves jumps as often, and says nothing. */
bool speech_has_words(const struct speech_view *, enum speech_shape);
/* Too few sizes for a shape perhaps, but enough to see that nothing speaks against those of a voice. */
bool speech_may_be_voice(const struct speech_view *);
/* Whether RTP or its kin may be around the frames. */
bool speech_is_datagram(const struct speech_view *);
/* One size both ways: whether it is `size` in each, at one period. */
bool speech_one_size(const struct speech_view view[2], unsigned *size);

#endif
