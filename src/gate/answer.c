/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers to squelch ctl: each is gathered by the thread that owns what is asked for. */
#include "gate/answer.h"

#include <stdlib.h>

#include "base/text.h"
#include "event/calls.h"
#include "gate/process.h"

/* Flows told at one time: what an answer holds (CTL_ANSWER_MAX) at some 130 bytes a line. More would hold up packets. */
#define FLOWS_TOLD 8192

/* --- calls --- */

static void say_call(void *arg, const struct call *c)
{
	ctl_say_call(arg, c);
}

static void say_calls(void *owner, void *arg)
{
	const struct writer *w = owner;

	event_each_call(w->sink, say_call, arg);
}

static const char *calls(void *arg, struct ctl_reply *r)
{
	struct process *p = arg;

	ctl_say_calls_head(r);
	return mailbox_ask(&p->writer.box, say_calls, r) ? NULL : "the program is about to end";
}

/* --- flows --- */

struct flows { unsigned n; struct engine_flow flow[FLOWS_TOLD]; };

static bool copy_flow(void *arg, const struct engine_flow *f)
{
	struct flows *to = arg;

	to->flow[to->n++] = *f;
	return to->n < FLOWS_TOLD;
}

static void copy_flows(void *owner, void *arg)
{
	const struct worker *w = owner;
	struct flows *to = arg;

	if (to->n < FLOWS_TOLD)
		engine_each(w->engine, copy_flow, to);
}

static const char *flows(void *arg, struct ctl_reply *r)
{
	struct process *p = arg;
	struct flows *all = calloc(1, sizeof *all);

	if (all == NULL)
		return "not enough memory";
	for (unsigned i = 0; i < p->n; i++)
		(void)mailbox_ask(&p->worker[i].box, copy_flows, all);
	ctl_say_flows_head(r);
	for (unsigned i = 0; i < all->n; i++)
		(void)ctl_say_flow(r, &all->flow[i]);
	if (all->n == FLOWS_TOLD)
		ctl_say(r, "and more: these are the first %d", FLOWS_TOLD);
	free(all);
	return NULL;
}

/* --- kill --- */

struct victims {
	uint32_t call;
	unsigned n, cut;
	uint64_t id[CALL_FLOWS_MAX];
};

static void find_flows(void *arg, const struct call *c)
{
	struct victims *v = arg;

	if (c->id == v->call && v->n == 0)
		v->n = ctl_call_flows(c, v->id, CALL_FLOWS_MAX);
}

static void find_call(void *owner, void *arg)
{
	const struct writer *w = owner;

	event_each_call(w->sink, find_flows, arg);
}

static void cut(void *owner, void *arg)
{
	const struct worker *w = owner;
	struct victims *v = arg;

	v->cut += engine_kill(w->engine, v->id, v->n);
}

static const char *kill_target(void *arg, const char *id, struct ctl_reply *r)
{
	struct process *p = arg;
	struct ctl_target target;
	struct victims v = { 0 };
	char count[TEXT_LEN];

	if (!ctl_target(id, &target))
		return "no such id: calls and flows tell them";
	if (target.is_call) {
		v.call = target.call;
		(void)mailbox_ask(&p->writer.box, find_call, &v);
	} else {
		v.id[v.n++] = target.flow;
	}
	for (unsigned i = 0; i < p->n && v.n != 0; i++)
		(void)mailbox_ask(&p->worker[i].box, cut, &v);
	if (v.cut == 0)
		return "nothing of that id is alive, or it is an emergency call";
	ctl_say(r, "%s cut", text_count(v.cut, "flow", count));
	return NULL;
}

/* --- the rest --- */

static void sink_counts(void *owner, void *arg)
{
	const struct writer *w = owner;

	event_counts(w->sink, arg);
}

static const char *stats(void *arg, struct ctl_reply *r)
{
	struct process *p = arg;
	struct counts c = process_counts(p);

	(void)mailbox_ask(&p->writer.box, sink_counts, &c);
	writer_counts(&p->writer, &c);
	ctl_say_counts(r, &c);
	return NULL;
}

static const char *reload(void *arg, struct ctl_reply *r)
{
	(void)r;
	return process_reload(arg);
}

const struct ctl_ops answer_ops = { .calls = calls, .kill = kill_target, .flows = flows, .stats = stats, .reload = reload };
