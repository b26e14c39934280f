/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/watch.h"

#include "event/calls.h"

static void say_call(void *arg, const struct call *c)
{
	ctl_say_call(arg, c);
}

static bool say_flow(void *arg, const struct engine_flow *f)
{
	ctl_say_flow(arg, f); /* those without room are counted too */
	return true;
}

static const char *say_calls(void *arg, struct ctl_reply *r)
{
	const struct watcher *w = arg;

	ctl_say_calls_head(r);
	event_each_call(w->sink, say_call, r);
	return NULL;
}

static const char *say_flows(void *arg, struct ctl_reply *r)
{
	const struct watcher *w = arg;

	ctl_say_flows_head(r);
	engine_each(w->engine, say_flow, r);
	return NULL;
}

static const char *say_stats(void *arg, struct ctl_reply *r)
{
	const struct watcher *w = arg;
	struct counts counts;

	source_live_refresh(w->source);
	counts = engine_counts_now(w->engine);
	event_counts(w->sink, &counts);
	ctl_say_counts(r, &counts);
	return NULL;
}

static const char *kill_nothing(void *arg, const char *id, struct ctl_reply *r)
{
	(void)arg, (void)id, (void)r;
	return "not enforced: watch only listens";
}

static const char *reload_now(void *arg, struct ctl_reply *r)
{
	(void)r;
	return watch_reload(arg);
}

const struct ctl_ops watch_ctl_ops = { say_calls, kill_nothing, say_flows, say_stats, reload_now };
