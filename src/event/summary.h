/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_EVENT_SUMMARY_H
#define SQUELCH_EVENT_SUMMARY_H

#include "event/calls.h"

/* What `read` tells people at the end: calls, applications, hosts, and what was refused or lost. */
#define SUMMARY_CALLS_MAX 1000 /* lines kept; the rest is counted */
#define SUMMARY_HOSTS_MAX 8192 /* hosts kept; the rest is counted */
#define SUMMARY_HOSTS_TOP 10   /* hosts shown */
#define SUMMARY_WIDTH     100  /* columns */

struct summary;

/* NULL without memory. */
struct summary *summary_new(void);
void summary_free(struct summary *);
/* Gathers: a FLOW event; a call that ended; counters, as they are now. */
void summary_flow(struct summary *, const struct event *);
void summary_call(struct summary *, const struct call *);
void summary_counts(struct summary *, const struct counts *);
void summary_print(const struct summary *, FILE *);

#endif
