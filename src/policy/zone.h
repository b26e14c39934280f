/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_POLICY_ZONE_H
#define SQUELCH_POLICY_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/arena.h"

/*
 * Time zones of the system's database, read once when the rules are loaded.
 * The C library converts only for the zone of the process, and changing that
 * would change it for every thread; so the compiled files (TZif, RFC 8536) are
 * read here. All steps until the end of a 64-bit nanosecond clock are worked
 * out at load, so that a look-up is a search and nothing else.
 */
struct zone_step {
	int64_t at;           /* seconds since 1970, UTC */
	int32_t offset;       /* seconds to add to UTC from then on */
};

struct zone {
	const char *name;
	int32_t first_offset; /* before the first step */
	size_t n;
	struct zone_step *step;
	struct zone *next;    /* of the same rule set */
};

#define ZONE_LAST_YEAR 2555 /* 2^64 ns after 1970 is in 2554 */
#define ZONE_NEVER INT64_MAX

/* By name ("Europe/Paris"); NULL when the database has no such zone or its file cannot be used. */
struct zone *zone_load(struct arena *, const char *name);
/* From the contents of a TZif file; NULL when malformed. */
struct zone *zone_parse(struct arena *, const void *data, size_t len);

/* Seconds east of Greenwich at `utc`, seconds since 1970. */
int32_t zone_offset(const struct zone *, int64_t utc);
/* The first step after `utc`, or ZONE_NEVER. */
int64_t zone_next_step(const struct zone *, int64_t utc);
/*
 * The moment at which a clock there shows `local` (seconds as if it were UTC). Of
 * a doubled hour the first; a skipped one counts on from the old time.
 */
int64_t zone_to_utc(const struct zone *, int64_t local);

/* --- zone_rule.c: the rule for the years after a file's last step --- */

/*
 * Writes the steps that the TZ string of a footer (RFC 8536, 3.3) gives from
 * `year` on to `step`, which has room for two a year. Returns how many; -1 when
 * malformed. *standard is the offset outside daylight saving.
 */
int zone_rule_steps(const char *footer, int year, struct zone_step *step, int32_t *standard);

#endif
