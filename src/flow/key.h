/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_FLOW_KEY_H
#define SQUELCH_FLOW_KEY_H

#include <string.h>

#include "flow/flow.h"

/* Fills the canonical key; returns the direction of the packet. */
int flow_key_of(const struct packet *, struct flow_key *);

/* memcmp would be a call for each packet. */
static inline bool flow_key_equal(const struct flow_key *a, const struct flow_key *b)
{
	uint64_t x[sizeof *a / 8], y[sizeof *b / 8], differ = 0;

	memcpy(x, a, sizeof x);
	memcpy(y, b, sizeof y);
	for (unsigned i = 0; i < sizeof x / sizeof *x; i++)
		differ |= x[i] ^ y[i];
	return differ == 0;
}

#endif
