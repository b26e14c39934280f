/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_CMD_COMMON_H
#define SQUELCH_CMD_COMMON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "cmd/options.h"
#include "engine.h"

/* Options of every command that judges traffic: read, watch, block. */
struct common_conf {
	const char *command;       /* for messages; its name */
	const char *rules, *eve, *detect, *ndpi, *sensor;
	uint32_t max_flows, watch_mib;
	float report_bits, act_bits;
	bool redact;
};

extern const struct option_row common_rows[];
extern const struct option_row common_judge_rows[]; /* those of them that are not about events */

/* Defaults; `ndpi` is what --ndpi says when it is not given. */
struct common_conf common_defaults(const char *command, const char *ndpi);

/* Each of these says on standard error what is wrong when it fails. */

/* Sets what the options say; the rest of the engine's configuration stays. */
bool common_engine(const struct common_conf *, struct engine_conf *);
/* The rules as they are now, with thresholds; NULL when they are wrong. */
struct policy *common_policy(const struct common_conf *);
/*
 * *eve is what --eve names, NULL without it, and is closed by common_close_eve,
 * which leaves standard output open. A command that is used once writes a file
 * anew, one that stays appends to it. False, and says why, when it cannot be
 * opened, or not all of it was written.
 */
enum common_eve { COMMON_EVE_ANEW, COMMON_EVE_APPEND };
bool common_open_eve(const struct common_conf *, enum common_eve, FILE **eve);
bool common_close_eve(const struct common_conf *, FILE *eve);
/* True when events go to standard output, which then carries nothing else. */
bool common_eve_is_stdout(const struct common_conf *);

#endif
