/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_EVENT_AUDIT_H
#define SQUELCH_EVENT_AUDIT_H

#include "event/calls.h"

/* What `audit` tells at the end: hosts by application, and what was found beside. */
#define AUDIT_ROWS_MAX  16384  /* a host and an application each */
#define AUDIT_PEERS_MAX 131072 /* a row and a peer each */
#define AUDIT_FINDS_MAX 1000   /* findings kept; the rest is counted */

struct audit_row {
	struct addr host;
	enum app app;             /* APP_NONE: only the category is known */
	enum category category;
	float bits;               /* most of one flow */
	bool proved;              /* `proof` is set */
	struct evidence proof;    /* the strongest piece */
	uint64_t first_ns, last_ns; /* wall */
	uint64_t flows;
	uint64_t bytes[2];        /* sent, received: of IP packets */
	uint32_t peers;
	uint32_t calls;
	uint64_t call_ns;         /* all of them together */
	uint32_t accepted;        /* opened from outside and answered */
	/* classic Skype */
	enum role role;
	struct role_rates rates;
	struct skype_host skype;
};

struct audit_find {
	uint64_t wall_ns;
	enum audit_kind kind;
	enum app app;
	struct addr host;
	const char *what;
	char name[AUDIT_NAME_LEN];
	enum role_cap_id cap;     /* of roles, and what was measured: 0 not yet */
	float bytes_s;
};

struct audit;

/* NULL without memory. */
struct audit *audit_new(void);
void audit_free(struct audit *);
/* Gathers: a FLOW event; a call that ended; an AUDIT event. What finds no room is counted. */
void audit_flow(struct audit *, const struct event *);
void audit_call(struct audit *, const struct call *);
void audit_take(struct audit *, const struct event *);

/* By address, then application. */
void audit_each(struct audit *, void (*fn)(void *arg, const struct audit_row *), void *arg);
/* The cap a host comes nearest to or exceeds most; NULL when nothing was measured. */
const struct role_cap *audit_cap(const struct audit_row *, float *bytes_s);

/* --- for those who print it --- */
struct audit_lists {
	const struct audit_row *const *row;
	unsigned n_row;
	const struct audit_find *find;
	unsigned n_find;
	uint64_t finds, rows_refused, peers_refused;
};
/* Rows in the order of audit_each, findings as they came; valid until the audit takes more. */
struct audit_lists audit_lists(struct audit *);

/* audit_print.c: text of `width` columns, but for hosts with long addresses */
void audit_print(struct audit *, unsigned width, FILE *);
/* audit_more.c: what comes below the table */
void audit_more(const struct audit_lists *, unsigned width, FILE *);
/* audit_csv.c */
void audit_csv(struct audit *, FILE *);

#endif
