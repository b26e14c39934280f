/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/padded.h"

#include "base/saturate.h"

#define WORD       4   /* bytes */
#define STEPS_MIN  20  /* by chance once in 2^40; a program that draws from a few sizes repeats them, and repeats do not count */
#define SAME_MANY  8   /* records of one size take a step away: a timer's data has few sizes and long runs of one */
#define ODD_MIN    4   /* of them; where sizes are any multiple of four half are */

/*
 * What is padded to four bytes at both ends, in TLS and on a clock of speech, is TURN, whose use is to carry calls, or a
 * program that writes words of four bytes. Judgement: one in 16 of those that are no call; of 66 such connections with
 * a clock both ways (docs/METHOD.md, "tcp-audio") none did, log2(66 / 3) = 4.5.
 */
#define BITS_PADDED  4.0f

/*
 * And where its opening was TURN's, it is no writer of words but a call or a data channel. Judgement: of programs that
 * keep a clock of speech both ways in TLS and are no call, one in 64 has a data channel and needs a relay for it.
 */
#define BITS_OPENED  6.0f
#define BITS_FOLLOWS 2.0f /* sizes there that follow syllables; of other padded ones 44 in 160 do, 1.9 */

static bool padded_to_four(const struct padded *p)
{
	return p->steps >= STEPS_MIN && p->odd >= ODD_MIN;
}

void padded_feed(struct padded *p, uint32_t size)
{
	uint16_t now = size < UINT16_MAX ? (uint16_t)size : UINT16_MAX;
	int step = now - p->before;
	bool first = p->before == 0;

	p->before = now;
	if (first)
		return;
	if (step == 0) {
		if (++p->same % SAME_MANY == 0)
			p->steps -= p->steps > 0;
		return;
	}
	if (step % WORD != 0) {
		/* once it is known, one of another length is a fault of ours: a hole in the stream, a nonce that was no counter */
		p->steps = padded_to_four(p) ? p->steps / 2 : 0;
		p->odd = p->steps == 0 ? 0 : p->odd / 2;
		return;
	}
	saturate_up(&p->steps);
	if (step % (2 * WORD) != 0)
		saturate_up(&p->odd);
}

bool are_padded(const struct padded both[2])
{
	return padded_to_four(&both[0]) && padded_to_four(&both[1]);
}

float padded_bits(const struct padded both[2], bool opened, const struct speech_opinion *o)
{
	return !o->both_ways || !are_padded(both) ? 0 : opened ? BITS_OPENED : BITS_PADDED;
}

float padded_size_bits(const struct padded both[2], bool opened, const struct speech_opinion *o)
{
	bool follows = o->sizes.bits > BITS_FOLLOWS && (o->shape[0] == SHAPE_SYLLABLE || o->shape[1] == SHAPE_SYLLABLE);

	return opened && follows && o->both_ways && are_padded(both) ? BITS_FOLLOWS : 0;
}
