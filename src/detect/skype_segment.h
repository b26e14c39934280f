/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_SKYPE_SEGMENT_H
#define SQUELCH_DETECT_SKYPE_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

/* The tests of classic Skype over TCP on the bytes of one segment; docs/SKYPE.md tells each one. */
enum skype_segment_test {
	SKYPE_SEGMENT_NONE,
	SKYPE_SEGMENT_HEADER,      /* T1 */
	SKYPE_SEGMENT_PADDING,     /* T2 */
	SKYPE_SEGMENT_FAKE_CLIENT, /* T3 */
	SKYPE_SEGMENT_FAKE_SERVER, /* T4 */
	SKYPE_SEGMENT_OLD,         /* T5, the side that asks */
	SKYPE_SEGMENT_OLD_ANSWER,  /* T5, the side that answers */
	SKYPE_SEGMENT_LOGIN,       /* T6 */
	SKYPE_SEGMENT_HTTP,        /* H1 */
	SKYPE_SEGMENT_TESTS
};

struct skype_find {
	enum skype_segment_test test;
	unsigned bits;            /* what random bytes of that length would pass with: -log2 */
	uint32_t used;            /* bytes the finding covers */
	uint32_t seed;            /* T1: the generator's output in clear */
	uint32_t arg;             /* T2: padding bytes; T5: frame number */
	uint8_t generation;       /* enum skype_generation */
};

#define SKYPE_OLD_HEADER 14   /* all of the first segment of client 1.2 */

/* Looks at bytes that begin a message of a direction; false when no test passes. */
bool skype_segment(const uint8_t *at, uint32_t n, struct skype_find *);
/* T5: the second segment of a direction whose first one was `header`. */
bool skype_segment_old(const uint8_t header[static SKYPE_OLD_HEADER], const uint8_t *at, uint32_t n, struct skype_find *);

#endif
