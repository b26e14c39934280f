/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "event/call_table.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "event/verdict.h"

#define WALK_MAX  64  /* links looked at for the best of several calls */

/*
 * Numbers that are the same in every run: the hash of a dialog is keyed, so the
 * Call-ID itself is taken; without one, the flow and its time.
 */
static uint32_t id_of_flow(const struct event *ev)
{
	struct { struct addr ip[2]; uint16_t port[2]; uint32_t proto; uint64_t ns; } key = {
		{ ev->flow.ip[0], ev->flow.ip[1] }, { ev->flow.port[0], ev->flow.port[1] },
		ev->flow.proto, ev->wall_ns,
	};

	return (uint32_t)XXH3_64bits(&key, sizeof key);
}

static uint32_t id_of_dialog(const struct event *ev)
{
	const size_t len = strnlen(ev->signal.id, CALL_ID_LEN);

	return len == 0 ? id_of_flow(ev) : (uint32_t)XXH3_64bits(ev->signal.id, len);
}

/* --- flows of a call --- */

/* The end that an application's calls are grouped by: the one that opened the flow. */
static const struct addr *flow_host(const struct event_flow *f)
{
	return &f->ip[f->initiator == 1];
}

static void flow_count(struct call *c, const struct call_flow *f, int by)
{
	const unsigned n = (unsigned)by;

	if (f->live)
		c->live += n;
	if (f->live && f->part == PART_SIGNALLING)
		c->live_signalling += n;
	if (f->part == PART_MEDIA)
		c->n_media += n;
}

static void flow_index(struct calls *cs, struct call *c, struct call_flow *f,
    const struct addr *host, enum app app)
{
	link_add(&cs->index, &f->by_id, key_flow(f->id), c, f);
	if (f->part == PART_SIGNALLING)
		return; /* a server's hosts would gather the calls of all */
	link_add(&cs->index, &f->by_hosts, key_hosts(f->ip), c, f);
	if (app != APP_NONE && app_kind(app) == APP_KIND_VENDOR)
		link_add(&cs->index, &f->by_app, key_app(host, app), c, f);
}

static struct call_flow *flow_add(struct calls *cs, struct call *c, const struct event *ev,
    enum call_part part, enum app app)
{
	struct call_flow *f;

	if (c->n_flow == CALL_FLOWS_MAX || (f = calloc(1, sizeof *f)) == NULL) {
		c->flows_more += ev->type == EVENT_FLOW;
		return NULL;
	}
	f->id = ev->flow.id;
	memcpy(f->ip, ev->flow.ip, sizeof f->ip);
	memcpy(f->port, ev->flow.port, sizeof f->port);
	f->part = part;
	f->live = true;
	flow_index(cs, c, f, flow_host(&ev->flow), app);
	flow_count(c, f, 1);
	c->flow[c->n_flow++] = f;
	return f;
}

static struct call_flow *flow_of_call(const struct call *c, uint64_t flow_id)
{
	unsigned i;

	for (i = 0; i < c->n_flow; i++)
		if (c->flow[i]->id == flow_id)
			return c->flow[i];
	return NULL;
}

static void flow_set_part(struct call *c, struct call_flow *f, enum call_part part)
{
	/* Signalling stays what it is, unless the media come in the same flow (IAX2). */
	if (f->part == part || (f->part == PART_SIGNALLING && part != PART_MEDIA))
		return;
	flow_count(c, f, -1);
	f->part = part == PART_SIGNALLING ? PART_NONE : part;
	flow_count(c, f, 1);
}

/* --- which call --- */

static bool ports_adjacent(const struct event_flow *a, const struct call_flow *b)
{
	int i, k;

	for (i = 0; i < 2; i++)
		for (k = 0; k < 2; k++)
			if (addr_equal(&a->ip[i], &b->ip[k])
			    && (a->port[i] ^ b->port[k]) == 1) /* RFC 3550, 11: even and odd */
				return true;
	return false;
}

/* The newest call between the same hosts; RTCP prefers that of the port beside it. */
static struct call *join_hosts(const struct calls *cs, const struct event *ev, enum call_part part)
{
	struct call_link *l = link_find(&cs->index, key_hosts(ev->flow.ip));
	struct call *found = NULL;
	int i;

	for (i = 0; i < WALK_MAX && l != NULL; i++, l = link_next(l)) {
		if (part == PART_RTCP && ports_adjacent(&ev->flow, l->flow))
			return l->call;
		if (found == NULL)
			found = l->call;
	}
	return found;
}

/* The newest call of the same application that one of the ends takes part in. */
static struct call *join_app(const struct calls *cs, const struct event *ev)
{
	struct call_link *l = NULL;
	int i;

	if (ev->voip.app == APP_NONE || app_kind(ev->voip.app) != APP_KIND_VENDOR)
		return NULL;
	for (i = 0; i < 2 && l == NULL; i++)
		l = link_find(&cs->index, key_app(&ev->flow.ip[i], ev->voip.app));
	return l == NULL ? NULL : l->call;
}

static struct call *find_dialog(const struct calls *cs, uint64_t dialog)
{
	struct call_link *l = dialog == 0 ? NULL : link_find(&cs->index, key_dialog(dialog));

	return l == NULL ? NULL : l->call;
}

/* Takes over the flows of a call that turned out to be part of this one. */
static void call_merge(struct calls *cs, struct call *into, struct call *from)
{
	unsigned i, kept = 0;

	for (i = 0; i < from->n_flow; i++) {
		struct call_flow *f = from->flow[i];

		if (into->n_flow == CALL_FLOWS_MAX || flow_of_call(into, f->id) != NULL) {
			from->flow[kept++] = f;
			continue;
		}
		f->by_id.call = f->by_hosts.call = f->by_app.call = into;
		flow_count(into, f, 1);
		into->flow[into->n_flow++] = f;
	}
	from->n_flow = kept;
	for (i = 0; i < from->n_links; i++)
		call_link_key(cs, into, from->link[i].hash);
	call_free(cs, from);
}

static enum call_part part_of(const struct event_voip *v)
{
	if (v->app == APP_RTCP && v->cls != CLASS_NONE)
		return PART_RTCP;
	return v->cls == CLASS_MEDIA ? PART_MEDIA : v->cls == CLASS_ICE ? PART_ICE
	    : v->cls == CLASS_SIGNALLING ? PART_SIGNALLING : PART_NONE;
}

/* A call for a flow that has none. Checks make one only while they live: it is none before media. */
static struct call *call_for(struct calls *cs, const struct event *ev, enum call_part part)
{
	struct call *c = find_dialog(cs, ev->call);

	if (c == NULL && part != PART_NONE)
		c = join_hosts(cs, ev, part);
	if (c == NULL && part != PART_NONE)
		c = join_app(cs, ev);
	if (c != NULL)
		return c;
	if (part == PART_MEDIA || (part == PART_ICE && ev->type == EVENT_VOIP)) {
		c = call_new(cs, ev, id_of_flow(ev));
		if (c != NULL && ev->call != 0)
			call_link_key(cs, c, key_dialog(ev->call));
	}
	return c;
}

/* The flow's place in its call, made when it has none. */
static struct call_flow *place(struct calls *cs, const struct event *ev, enum call_part part,
    struct call **call)
{
	struct call_link *l = link_find(&cs->index, key_flow(ev->flow.id));
	struct call *dialog = find_dialog(cs, ev->call);

	if (l != NULL && dialog != NULL && dialog != l->call && l->flow->part != PART_SIGNALLING
	    && !l->call->tried) {
		call_merge(cs, dialog, l->call);
		l = link_find(&cs->index, key_flow(ev->flow.id));
	}
	*call = l != NULL ? l->call : call_for(cs, ev, part);
	if (l != NULL)
		return l->flow;
	return *call == NULL ? NULL : flow_add(cs, *call, ev, part, ev->voip.app);
}

/* --- records --- */

static void call_name(struct call *c, const struct event_voip *v, enum call_part part)
{
	if (part == PART_MEDIA && v->bits > c->bits)
		c->bits = v->bits;
	if (v->app == APP_NONE || part == PART_NONE || v->app == APP_RTCP)
		return;
	if (c->app == APP_NONE || (app_kind(c->app) <= APP_KIND_PROTOCOL
	    && (app_kind(v->app) == APP_KIND_VENDOR || (part == PART_MEDIA && !c->tried))))
		c->app = v->app;
}

/* The hardest verdict on its flows is the call's; of two alike that on its media. */
static void call_verdict(struct call *c, const struct event *ev, enum call_part part)
{
	static const uint8_t hardness[ACTIONS] = {
		[ACTION_PASS] = 0, [ACTION_ALERT] = 1, [ACTION_LIMIT] = 2, [ACTION_DEGRADE] = 3,
		[ACTION_DROP] = 4,
	};
	const struct said said = verdict_said(&ev->verdict);

	if (c->judged && (hardness[said.action] < hardness[c->action]
	    || (said.action == c->action && c->rule[0] != '\0' && (part != PART_MEDIA || c->judged_media))))
		return;
	c->judged = true;
	c->judged_media = part == PART_MEDIA;
	c->action = said.action;
	c->enforced = ev->enforced;
	snprintf(c->reason, sizeof c->reason, "%s", said.reason == NULL ? "" : said.reason);
	c->rule[0] = '\0';
	if (said.rule != NULL)
		snprintf(c->rule, sizeof c->rule, "%s:%d", said.rule->file, said.rule->line);
}

static void flow_ended(struct call *c, struct call_flow *f, const struct event *ev)
{
	int d;

	flow_count(c, f, -1);
	f->live = false;
	flow_count(c, f, 1);
	if (f->part == PART_SIGNALLING || f->part == PART_NONE)
		return;
	for (d = 0; d < 2; d++) {
		f->n_media[d] = ev->n_media[d] < MEDIA_STATS_MAX ? ev->n_media[d] : MEDIA_STATS_MAX;
		memcpy(f->media[d], ev->media[d], f->n_media[d] * sizeof **f->media);
	}
	if (f->part != PART_MEDIA)
		return;
	if (!c->tried && ev->first_wall_ns < c->start_wall_ns)
		c->start_wall_ns = ev->first_wall_ns;
	if (!c->ended && ev->last_wall_ns > c->end_wall_ns)
		c->end_wall_ns = ev->last_wall_ns;
}

/* A signalling flow may carry many calls; all but the first hang behind it in its chain. */
static void signalling_ended(struct calls *cs, const struct event *ev)
{
	struct call_link *l = link_find(&cs->index, key_flow(ev->flow.id));

	for (; l != NULL; l = link_next(l))
		if (l->flow->live) {
			call_verdict(l->call, ev, PART_SIGNALLING);
			flow_ended(l->call, l->flow, ev);
			call_touch(cs, l->call, ev);
		}
}

uint32_t calls_flow(struct calls *cs, const struct event *ev)
{
	const enum call_part part = part_of(&ev->voip);
	struct call *c = NULL;
	struct call_flow *f;
	uint32_t id;

	if (ev->type == EVENT_FLOW && !ev->spoken && part == PART_NONE && ev->call == 0)
		return 0; /* most flows: no event ever told of them, so they are in no call */
	f = place(cs, ev, part, &c);
	if (c == NULL)
		return 0;
	if (f != NULL)
		flow_set_part(c, f, part);
	call_name(c, &ev->voip, part);
	if (part != PART_NONE && part != PART_ICE)
		call_verdict(c, ev, part);
	id = call_is_one(c) ? c->id : 0;
	if (ev->type == EVENT_FLOW && f != NULL && f->part == PART_SIGNALLING)
		signalling_ended(cs, ev);
	else if (ev->type == EVENT_FLOW && f != NULL && f->live)
		flow_ended(c, f, ev);
	call_touch(cs, c, ev);
	return id;
}

/* --- signalling --- */

static struct call *call_of_signal(struct calls *cs, const struct event *ev)
{
	struct call_link *l;
	struct call *c = find_dialog(cs, ev->signal.call);

	if (c != NULL)
		return c;
	l = ev->signal.phase == CALL_ICE ? link_find(&cs->index, key_flow(ev->flow.id)) : NULL;
	c = l != NULL ? l->call : call_new(cs, ev, id_of_dialog(ev));
	if (c != NULL)
		call_link_key(cs, c, key_dialog(ev->signal.call));
	return c;
}

/* The flow that carries the message; checks of one pair of agents tie their flows together. */
static void signal_flow(struct calls *cs, struct call *c, const struct event *ev)
{
	const bool ice = ev->signal.phase == CALL_ICE;
	struct call_link *l;

	if (flow_of_call(c, ev->flow.id) != NULL)
		return;
	l = ice ? link_find(&cs->index, key_flow(ev->flow.id)) : NULL;
	if (l == NULL)
		flow_add(cs, c, ev, ice ? PART_ICE : PART_SIGNALLING, ev->signal.app);
	else if (!l->call->tried)
		call_merge(cs, c, l->call);
}

void calls_signal(struct calls *cs, const struct event *ev)
{
	struct call *c = call_of_signal(cs, ev);

	if (c == NULL)
		return;
	signal_flow(cs, c, ev);
	call_hear(c, ev, cs->redact);
	call_touch(cs, c, ev);
}
