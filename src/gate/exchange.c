/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gate/exchange.h"

#include <stdlib.h>

#include "base/log.h"
#include "gate/rules.h"

#define DRAIN_MS 1000 /* for events that name old rules to be written */

static void set_policy(void *owner, void *arg)
{
	struct worker *w = owner;

	engine_set_policy(w->engine, arg);
}

/* Old rules go when no event that names them waits any more. */
static void free_left(struct process *p)
{
	if (p->n_left == 0 || !event_queue_drain(p->events, DRAIN_MS))
		return;
	while (p->n_left > 0)
		policy_free(p->left[--p->n_left]);
}

/*
 * Every worker moves on, however long a busy machine keeps it from it (one that
 * hangs is the supervisor's to end): old rules are freed under nobody. Then marks
 * are cleared: no verdict under the old rules can be saved after that.
 */
static void replace_policy(struct process *p, struct policy *fresh)
{
	struct task task[QUEUES_MAX];

	for (unsigned i = 0; i < p->n; i++) {
		task[i] = (struct task){ .run = set_policy, .arg = fresh };
		mailbox_post(&p->worker[i].box, &task[i]);
	}
	for (unsigned i = 0; i < p->n; i++)
		(void)mailbox_insist(&p->worker[i].box, &task[i]);
	conntrack_clear_all(p->conntrack);
	p->left[p->n_left++] = p->policy;
	p->policy = fresh;
	free_left(p);
}

void exchange_policy(struct process *p, int fd)
{
	char *text = fd < 0 ? NULL : rules_receive(fd);
	struct policy *fresh;

	free_left(p);
	if (p->n_left == POLICIES_LEFT) {
		free(text);
		log_warnx("rules", "keeping the old ones: events are not written");
		p->reloading = "events are not written: rules cannot be replaced again and again";
		return;
	}
	fresh = text == NULL && fd >= 0 ? NULL : rules_parse(p->conf, text, NULL, 0);

	free(text);
	if (fresh == NULL) { /* they were right a moment ago: a zone's file, or memory */
		log_warnx("rules", "keeping the old ones");
		p->reloading = "the rules could not be taken over: standard error tells";
		return;
	}
	replace_policy(p, fresh);
	log_info("rules", "%u rules in force", policy_count(fresh));
	p->reloading = NULL;
}
