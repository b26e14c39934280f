/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_EVENT_SUMMARY_KEPT_H
#define SQUELCH_EVENT_SUMMARY_KEPT_H

#include "event/summary.h"

/* What a summary keeps: gathered by summary.c, printed by summary_print.c. */

#define HOST_SLOTS  (2 * SUMMARY_HOSTS_MAX) /* open addressing, at most half full */
#define REASONS_MAX 16                      /* verdicts with reasons told apart */

struct line { /* one call */
	uint64_t start_ns, end_ns;
	char party[CALL_ROLES][CALL_PARTY_LEN];
	bool known;
	char what[CALL_WHAT_LEN];
	float bits;
	double loss_pct, jitter_ms; /* negative: not known */
	enum action action;
	const char *state;          /* of a call without media, NULL with */
	bool judged, sos;
};

struct usage {
	uint64_t flows, packets, bytes;
};

struct host {
	struct addr ip;
	uint64_t bytes, flows;
	uint32_t calls;
	bool used;
};

struct reason {
	enum action action;
	char text[CALL_SAID_MAX];
	uint64_t calls;
};

struct summary {
	struct line line[SUMMARY_CALLS_MAX];
	uint64_t n_line, calls;
	struct usage app[APP_COUNT];
	struct host host[HOST_SLOTS];
	unsigned n_host;
	uint64_t hosts_refused;
	struct reason reason[REASONS_MAX];
	unsigned n_reason;
	struct usage all;
	uint64_t first_ns, last_ns;
	struct counts counts;
};

#endif
