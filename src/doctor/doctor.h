/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DOCTOR_DOCTOR_H
#define SQUELCH_DOCTOR_DOCTOR_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * What this machine lacks for `squelch block`, or does in its way. A check
 * looks at one thing, changes nothing, and says what to do. All it knows comes
 * through struct doctor, so that tests can describe a machine.
 */
enum health { HEALTH_OK, HEALTH_WARN, HEALTH_BAD };

/* Questions only the kernel can answer. */
enum probe {
	PROBE_NFQUEUE,          /* does nfnetlink_queue answer? */
	PROBE_CTNETLINK,        /* does ctnetlink answer? */
	PROBE_TARGET_NFQUEUE,   /* can a rule use it? */
	PROBE_TARGET_CONNMARK,
	PROBE_TARGET_REJECT,
	PROBE_MATCH_MARK,
	PROBE_MATCH_CONNTRACK,
	PROBE_MATCH_CONNMARK,
	PROBES
};

struct offloads { bool lro, gro, tso; };

struct doctor {
	const char *root;                    /* before /proc, /sys and /usr; "" for this machine */
	const char *user;                    /* the workers' */
	uint32_t mark_mask;
	int (*probe)(enum probe);            /* 0 or a value of errno */
	char *(*listing)(const char *tool);  /* what iptables-save and its like print, malloc'ed; NULL without the tool */
	bool (*offloads)(const char *interface, struct offloads *);
	bool (*user_exists)(const char *);
};

#define FINDING_TEXT 240 /* bytes; three lines of a terminal */

struct finding {
	enum health health;
	char text[FINDING_TEXT];
	char advice[FINDING_TEXT]; /* empty: nothing to do */
};

struct check {
	const char *name;
	void (*look)(const struct doctor *, struct finding *);
};

/* Ends with a NULL name. */
extern const struct check doctor_checks[];

/* This machine, as it is. */
struct doctor doctor_here(const char *user, uint32_t mark_mask);
/* Looks at everything and prints a line or two for each check. Returns the worst. */
enum health doctor_run(const struct doctor *, FILE *);

#endif
