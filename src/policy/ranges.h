/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_POLICY_RANGES_H
#define SQUELCH_POLICY_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

/* A set of addresses as disjoint ascending ranges: found by bisection however long the list was. */
struct addr_key { /* an address as two numbers: compared on the way of every packet that asks the rules */
	uint64_t high, low;
};

struct range {
	struct addr_key lo, hi;
};

struct ranges {
	size_t n;
	struct range *range;
};

struct range range_of_net(const struct net *);
/* Sorts and joins; afterwards the set may be searched. */
void ranges_join(struct ranges *);
bool ranges_hold(const struct ranges *, const struct addr *);

#endif
