/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_POLICY_POLICY_H
#define SQUELCH_POLICY_POLICY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/addr.h"
#include "base/app.h"
#include "flow/facts.h"

/* Rules: what to do with a flow, once it is known what it is. squelch.rules(5) is the reference. */

enum action {
	ACTION_PASS,     /* no rule matched, or `allow` */
	ACTION_ALERT,
	ACTION_DROP,     /* `block`, and `reject` with a target */
	ACTION_DEGRADE,
	ACTION_LIMIT,
	ACTIONS
};
/* As `verdict.action` of events. */
const char *action_name(enum action);

enum reject_target { REJECT_NONE, REJECT_CLIENT, REJECT_SERVER, REJECT_BOTH };

/* What rules may ask about a flow. Pointers need to live only for the call. */
struct subject {
	struct addr ip[2];         /* [0] initiator, [1] responder; any order when unknown */
	uint16_t port[2];
	uint8_t proto;
	bool initiator_known;
	bool tunnelled;
	bool sos;                  /* urn:service:sos was called */
	const char *dialed;        /* digits, "" none */
	enum voip_class cls;
	enum app app;
	enum app call_app;         /* of the signalling that announced the flow; NONE: none did */
	enum category category;
	enum role role;            /* of the inside host */
	float bits;
	struct addr signaller;     /* unspecified when not signalled */
	uint16_t signaller_port;
	const char *iif, *oif;     /* NULL unknown */
	uint64_t wall_ns;          /* UTC */
};

/* One rule, for reports. Lives as long as its rule set. */
struct rule {
	const char *file;
	int line;
	const char *reason;        /* "" none */
	uint64_t limit_bytes_per_s; /* of ACTION_LIMIT */
};

/* The reason built in: given before any rule is asked. */
#define REASON_EMERGENCY "emergency call"

#define ALERTS_MAX 8 /* alert rules reported for one decision; more are not */

struct verdict {
	enum action action;        /* ACTION_PASS or a final action; never ACTION_ALERT */
	enum reject_target reject;
	const struct rule *rule;   /* that decided; NULL: none did */
	bool emergency;            /* no rule was asked */
	const char *reason;        /* the rule's, or REASON_EMERGENCY; never NULL */
	uint8_t n_alerts;
	const struct rule *alerts[ALERTS_MAX];
};

struct policy;

/*
 * Reads rules. Errors go to `errors`, each as FILE:LINE:COLUMN: text, all of
 * them; NULL is returned when there was one. policy_default is built in
 * (rules/default.rules, compiled into the program).
 */
struct policy *policy_load(const char *path, FILE *errors);
struct policy *policy_parse(const char *text, const char *name, FILE *errors);
struct policy *policy_default(void);
void policy_free(struct policy *);
/* Evidence from which class rules without `bits` match; ACT_BITS before. Call before any judging. */
void policy_set_act_bits(struct policy *, float bits);

/* First match decides. Thread-safe for reading. */
struct verdict policy_judge(const struct policy *, const struct subject *);
/* False when no rule can match a flow without a class: then undecided flows need not be asked about. */
bool policy_asks_undecided(const struct policy *);
/* False when no rule has a category: then libnDPI need not be asked about flows that are no call. */
bool policy_asks_category(const struct policy *);
/* Index of the band between two thresholds used by the rules: a verdict can only change with it. */
uint8_t policy_band(const struct policy *, float bits);
/* Next moment (wall, ns) at which `during` or `until` changes a verdict; UINT64_MAX never. */
uint64_t policy_next_change(const struct policy *, uint64_t wall_ns);
unsigned policy_count(const struct policy *);
/* True for a number that `emergency` lists. */
bool policy_emergency(const struct policy *, const char *dialed);
/* True when an address counts as inside. */
bool policy_inside(const struct policy *, const struct addr *);
/* Warns of rules whose `until` has passed, as FILE:LINE:COLUMN: warning: text. For `check`. */
void policy_expired(const struct policy *, uint64_t wall_ns, FILE *out);

#endif
