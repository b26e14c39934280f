/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_POLICY_SCHEDULE_H
#define SQUELCH_POLICY_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/zone.h"

#define WEEK_MINUTES (7 * 24 * 60)

/* The times of `during`: what a clock on the wall of the zone shows, a bit a minute from Monday 00:00. */
struct schedule {
	const struct zone *zone;
	uint64_t minutes[(WEEK_MINUTES + 63) / 64];
};

/*
 * Reads "[DAYS] [TIMES], ... ZONE" without the zone; *zone is set to its name. False:
 * *why tells what is wrong and *at where (bytes into text).
 */
bool schedule_parse(struct schedule *, const char *text, const char **zone, const char **why, int *at);

/* At `utc`, seconds since 1970. */
bool schedule_holds(const struct schedule *, int64_t utc);
/* The next second at which schedule_holds changes; ZONE_NEVER. */
int64_t schedule_next(const struct schedule *, int64_t utc);

#endif
