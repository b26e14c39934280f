/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef IMPAIR_FRONT_H
#define IMPAIR_FRONT_H

#include "core.h"

struct impair_options {
	struct impair_profile profile[2];  /* up, down */
	uint64_t seed;
	const char *up;                    /* pcap filter: packets that go up */
	unsigned snaplen;                  /* bytes kept of a packet; 0: all */
};

/* Rewrites a capture. Ends the program on errors. */
void impair_offline(const struct impair_options *o, const char *from, const char *to);

/*
 * A link between two TUN devices, each "NAMESPACE:DEVICE", made here; runs until
 * SIGTERM or SIGINT. Prints "ready" when both are there; addresses are the caller's.
 */
void impair_live(const struct impair_options *o, const char *near_end, const char *far_end);

#endif
