/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_ENGINE_LIMITS_H
#define SQUELCH_ENGINE_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "policy/policy.h"

/*
 * Token buckets of `limit`: one for a host under a rule, whichever worker its
 * flows are on. Bounded: of those that share a place the one longest silent
 * makes way. All functions may be called from any thread.
 */
struct limits;

/* NULL without memory. */
struct limits *limits_new(void);
void limits_free(struct limits *);
/*
 * May `bytes` more pass for this host under this rule at `now_ns` (monotonic)?
 * Those that may are taken from its bucket. A reload goes on with the buckets of
 * rules that kept their line and rate. *forgot: the bucket of another host that
 * still counted made way.
 */
bool limits_take(struct limits *, const struct rule *, const struct addr *host, uint32_t bytes, uint64_t now_ns,
    bool *forgot);

#endif
