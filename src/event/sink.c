/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "event/calls.h"
#include "event/eve.h"
#include "event/redact.h"
#include "event/summary.h"

struct event_sink {
	struct eve eve;
	bool has_eve;
	struct redact *redact;
	struct calls *calls;
	struct summary *summary;
	uint64_t n_calls;
};

static void on_call(void *arg, const struct call *c, uint64_t wall_ns)
{
	struct event_sink *s = arg;

	s->n_calls++;
	if (s->has_eve)
		eve_call(&s->eve, c, wall_ns);
	if (s->summary != NULL)
		summary_call(s->summary, c);
}

struct event_sink *event_sink_new(const struct event_conf *conf)
{
	struct event_sink *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->has_eve = conf->eve != NULL;
	if (s->has_eve && !eve_open(&s->eve, conf))
		goto fail;
	if (conf->redact && (s->redact = redact_new()) == NULL)
		goto fail;
	if (conf->summary && (s->summary = summary_new()) == NULL)
		goto fail;
	s->calls = calls_new(s->redact, on_call, s);
	if (s->calls == NULL)
		goto fail;
	return s;
fail:
	event_sink_free(s);
	return NULL;
}

void event_sink_free(struct event_sink *s)
{
	if (s == NULL)
		return;
	if (s->has_eve)
		eve_close(&s->eve);
	calls_free(s->calls);
	summary_free(s->summary);
	redact_free(s->redact);
	free(s);
}

void event_counts(const struct event_sink *s, struct counts *to)
{
	count_add(to, COUNT_CALLS, s->n_calls);
	count_add(to, COUNT_CALLS_REFUSED, calls_refused(s->calls));
	if (s->has_eve)
		count_add(to, COUNT_EVENTS_LOST, s->eve.json.lost);
}

/* --- one function an event type --- */

static void emit_status(struct event_sink *s, const struct event *ev)
{
	struct counts counts;

	if (ev->type == EVENT_START) {
		if (s->has_eve)
			eve_status(&s->eve, ev, NULL);
		return;
	}
	counts = ev->counts;
	event_counts(s, &counts);
	if (s->has_eve)
		eve_status(&s->eve, ev, &counts);
	if (s->summary != NULL)
		summary_counts(s->summary, &counts);
}

static void emit_stop(struct event_sink *s, const struct event *ev)
{
	calls_flush(s->calls);
	emit_status(s, ev);
}

static void emit_epoch(struct event_sink *s, const struct event *ev)
{
	(void)ev;
	calls_flush(s->calls);
}

static void emit_tick(struct event_sink *s, const struct event *ev)
{
	(void)s;
	(void)ev;
}

static void emit_signal(struct event_sink *s, const struct event *ev)
{
	calls_signal(s->calls, ev);
}

static void emit_voip(struct event_sink *s, const struct event *ev)
{
	const uint32_t id = calls_flow(s->calls, ev);

	if (s->has_eve)
		eve_voip(&s->eve, ev, id);
}

static void emit_flow(struct event_sink *s, const struct event *ev)
{
	const uint32_t id = calls_flow(s->calls, ev);

	if (s->has_eve)
		eve_flow(&s->eve, ev, id);
	if (s->summary != NULL)
		summary_flow(s->summary, ev);
}

static void (*const emit[EVENT_TYPES])(struct event_sink *, const struct event *) = {
	[EVENT_START] = emit_status, [EVENT_STATS] = emit_status, [EVENT_STOP] = emit_stop,
	[EVENT_EPOCH] = emit_epoch, [EVENT_TICK] = emit_tick, [EVENT_SIGNAL] = emit_signal,
	[EVENT_VOIP] = emit_voip, [EVENT_FLOW] = emit_flow,
	/* EVENT_CALL is made here; EVENT_AUDIT comes with its command */
	[EVENT_CALL] = emit_tick, [EVENT_AUDIT] = emit_tick,
};

void event_emit(struct event_sink *s, const struct event *ev)
{
	if (ev->type != EVENT_EPOCH)
		calls_advance(s->calls, ev->mono_ns);
	emit[ev->type](s, ev);
}

void event_flush(struct event_sink *s)
{
	if (s->has_eve)
		json_flush(&s->eve.json);
}

void event_each_call(const struct event_sink *s, void (*fn)(void *, const struct call *), void *arg)
{
	calls_each(s->calls, fn, arg);
}

void event_summary(struct event_sink *s, FILE *out)
{
	if (s->summary != NULL)
		summary_print(s->summary, out);
}

uint64_t event_calls(const struct event_sink *s)
{
	return s->n_calls;
}

bool event_ok(const struct event_sink *s, int *error)
{
	*error = s->has_eve ? s->eve.json.error : 0;
	return *error == 0;
}
