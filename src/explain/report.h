/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_EXPLAIN_REPORT_H
#define SQUELCH_EXPLAIN_REPORT_H

#include <stdio.h>

#include "explain/pick.h"
#include "explain/trace.h"

/* Thresholds the engine ran with. */
struct report_conf {
	float report_bits, act_bits;
};

/* The flows to choose from, when there is a choice. */
void report_list(const struct picks *, FILE *);
/* Everything about one flow that ended. */
void report_flow(const struct trace *, const struct report_conf *, FILE *);

#endif
