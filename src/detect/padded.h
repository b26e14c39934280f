/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_PADDED_H
#define SQUELCH_DETECT_PADDED_H

#include <stdbool.h>
#include <stdint.h>

#include "detect/speech_weigh.h"

/*
 * TURN over a stream pads what it carries to a multiple of four bytes (RFC 8656, 12.5), STUN messages are one (RFC
 * 8489, 5): inside of TLS nothing of it can be read, but two records never differ by anything else. Sizes that come
 * again say nothing; of steps from one size to another that is one in four by chance.
 */
struct padded {
	uint16_t before;         /* size of the record before; 0 none yet */
	uint8_t steps;           /* in a row, to another size by a multiple of four; */
	uint8_t same;            /* records as long as the one before; it wraps */
	uint8_t odd;             /* of these by no multiple of eight: block ciphers pad to 8 and 16 */
};

/* Takes the size of a record, less whatever is the same in each. Zeroed it is ready. */
void padded_feed(struct padded *, uint32_t size);
/* All records of late, both ways, are padded to four bytes and not to more. */
bool are_padded(const struct padded both[2]);
/*
 * What that is worth, in bits, to who keeps a clock of speech both ways; more where the connection opened as TURN does
 * (turn_tls.h). Of walks and autoregressive sizes at 50 a second that are padded 44 of 80 follow something as syllables
 * do, so sizes still need talk beside them,
 */
float padded_bits(const struct padded both[2], bool opened, const struct speech_opinion *);
/* or count so much where the connection opened as TURN does. */
float padded_size_bits(const struct padded both[2], bool opened, const struct speech_opinion *);

#endif
