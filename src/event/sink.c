/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "event/audit.h"
#include "event/calls.h"
#include "event/eve.h"
#include "event/recent.h"
#include "event/redact.h"
#include "event/summary.h"
#include "event/tell.h"

struct event_sink {
	struct eve eve;
	bool has_eve;
	struct redact *redact;
	struct calls *calls;
	struct summary *summary;
	struct audit *audit;         /* NULL unless asked for */
	bool says_all;               /* not only audits */
	FILE *tell;                  /* NULL: no lines for people */
	struct recent *recent;       /* hosts that called lately */
	uint64_t n_calls;
};

static void on_call(void *arg, const struct call *c, uint64_t wall_ns)
{
	struct event_sink *s = arg;

	s->n_calls++;
	if (s->says_all)
		eve_call(&s->eve, c, wall_ns);
	if (s->tell != NULL)
		tell_call(s->tell, c, wall_ns);
	if (s->summary != NULL)
		summary_call(s->summary, c);
	if (s->audit != NULL)
		audit_call(s->audit, c);
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
	if (conf->audit && (s->audit = audit_new()) == NULL)
		goto fail;
	s->says_all = s->has_eve && !conf->audit;
	s->tell = conf->tell;
	s->recent = recent_new();
	s->calls = calls_new(s->redact, on_call, s);
	if (s->calls == NULL || s->recent == NULL)
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
	audit_free(s->audit);
	recent_free(s->recent);
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
		if (s->tell != NULL)
			tell_head(s->tell);
		return;
	}
	counts = ev->counts;
	event_counts(s, &counts);
	if (s->has_eve)
		eve_status(&s->eve, ev, &counts);
	if (s->summary != NULL)
		summary_counts(s->summary, &counts);
}

struct host_lines {
	struct eve *eve;
	uint64_t wall_ns;
};

static void say_host(void *arg, const struct audit_row *r)
{
	const struct host_lines *h = arg;

	eve_audit_host(h->eve, r, h->wall_ns);
}

static void emit_stop(struct event_sink *s, const struct event *ev)
{
	calls_flush(s->calls);
	if (s->audit != NULL && s->has_eve)
		audit_each(s->audit, say_host, &(struct host_lines){ &s->eve, ev->wall_ns });
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

	recent_take(s->recent, ev);
	if (s->says_all)
		eve_voip(&s->eve, ev, id);
	if (s->tell != NULL)
		tell_voip(s->tell, ev, id);
}

static void emit_flow(struct event_sink *s, const struct event *ev)
{
	const uint32_t id = calls_flow(s->calls, ev);

	if (s->says_all)
		eve_flow(&s->eve, ev, id);
	if (s->summary != NULL)
		summary_flow(s->summary, ev);
	if (s->audit != NULL)
		audit_flow(s->audit, ev);
}

/* An MP3 is a recording only after a call, or where Skype runs. */
static bool is_recording(struct event_sink *s, const struct event *ev, struct audit_note *n)
{
	static const char *const said[] = {
		[RECENT_SKYPE] = "MP3 sent in clear by a host that runs Skype",
		[RECENT_CALLED] = "MP3 sent in clear after a call",
	};
	enum recent_did did = recent_find(s->recent, &n->host, ev->wall_ns, &n->app);

	n->what = said[did];
	return did != RECENT_NOTHING;
}

static void say_audit(struct event_sink *s, const struct event *ev)
{
	if (s->has_eve && ev->audit.kind != AUDIT_HOST)
		eve_audit(&s->eve, ev);
	if (s->audit != NULL)
		audit_take(s->audit, ev);
}

static void emit_audit(struct event_sink *s, const struct event *ev)
{
	struct event told;

	if (ev->audit.kind != AUDIT_RECORDING) {
		say_audit(s, ev);
		return;
	}
	told = *ev;
	if (is_recording(s, ev, &told.audit))
		say_audit(s, &told);
}

static void (*const emit[EVENT_TYPES])(struct event_sink *, const struct event *) = {
	[EVENT_START] = emit_status, [EVENT_STATS] = emit_status, [EVENT_STOP] = emit_stop,
	[EVENT_EPOCH] = emit_epoch, [EVENT_TICK] = emit_tick, [EVENT_SIGNAL] = emit_signal,
	[EVENT_VOIP] = emit_voip, [EVENT_FLOW] = emit_flow,
	[EVENT_CALL] = emit_tick /* made here */, [EVENT_AUDIT] = emit_audit,
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
	if (s->tell != NULL)
		fflush(s->tell);
}

void event_each_call(const struct event_sink *s, void (*fn)(void *, const struct call *), void *arg)
{
	calls_each(s->calls, fn, arg);
}

void event_audit(struct event_sink *s, enum audit_format format, unsigned width, FILE *out)
{
	if (s->audit == NULL)
		return;
	if (format == AUDIT_CSV)
		audit_csv(s->audit, out);
	else
		audit_print(s->audit, width, out);
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
