/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_EVENT_VERDICT_H
#define SQUELCH_EVENT_VERDICT_H

#include "policy/policy.h"

/* A verdict in the words of events: alerts that no final rule followed are the verdict themselves. */
struct said {
	enum action action;
	const struct rule *rule;   /* NULL none */
	const char *reason;        /* NULL none */
	bool list_alerts;          /* there are alerts that the above does not show */
};

static inline struct said verdict_said(const struct verdict *v)
{
	const bool alert = v->action == ACTION_PASS && v->rule == NULL && v->n_alerts > 0
	    && v->reason[0] == '\0';
	struct said said = {
		.action = alert ? ACTION_ALERT : v->action,
		.rule = alert ? v->alerts[0] : v->rule,
		.reason = alert ? v->alerts[0]->reason : v->reason,
		.list_alerts = v->n_alerts > (alert ? 1 : 0),
	};

	if (said.reason[0] == '\0')
		said.reason = NULL;
	return said;
}

#endif
