/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/state.h"

#include <string.h>

#include "base/clock.h"

/* voip events a flow may cause; more are counted. */
#define VOIP_EVENTS_MAX 8

void engine_give(const struct engine *e, const struct event *ev)
{
	if (e->conf.on_event != NULL)
		e->conf.on_event(e->conf.arg, ev);
	else
		event_emit(e->sink, ev);
}

static void event_begin(struct engine *e, enum event_type type, uint64_t mono_ns, uint64_t wall_ns)
{
	e->event.type = type;
	e->event.mono_ns = mono_ns;
	e->event.wall_ns = wall_ns;
	e->event.number = e->number;
	e->event.file_name = e->file_name;
}

/* --- counters --- */

const struct counts *engine_counts(const struct engine *e)
{
	return &e->counts;
}

struct counts engine_counts_now(const struct engine *e)
{
	struct counts now = e->counts;

	if (e->source != NULL) {
		count_add(&now, COUNT_KERNEL_DROPS, e->source->lost_kernel);
		count_add(&now, COUNT_IFACE_DROPS, e->source->lost_iface);
	}
	return now;
}

/* --- flows --- */

/* Direction whose sender is the event's source: who opened the flow, else who was heard first. */
int engine_source_dir(const struct flow *f)
{
	int by = flow_initiator(f);

	return by >= 0 ? by : f->flags & FLOW_FIRST_1 ? 1 : 0;
}

void engine_describe(const struct engine *e, const struct flow *f, struct event_flow *to)
{
	int s = engine_source_dir(f);

	to->id = f->id;
	to->ip[0] = f->key.ip[s];
	to->ip[1] = f->key.ip[!s];
	to->port[0] = f->key.port[s];
	to->port[1] = f->key.port[!s];
	to->proto = f->key.proto;
	to->ip_v = f->key.ip_v;
	to->initiator = flow_initiator(f) < 0 ? -1 : 0;
	to->vlan[0] = (uint16_t)(f->key.vlan >> 16);
	to->vlan[1] = (uint16_t)f->key.vlan;
	to->n_vlan = to->vlan[1] != 0 ? 2 : f->key.vlan != 0;
	to->n_tunnel = f->key.tunnel == 0 ? 0 : (uint8_t)flow_tunnels(e->table, f, to->tunnel);
	to->iface = f->iface;
	to->first_number = f->first_number;
	to->inside = (uint8_t)(policy_inside(e->policy, &to->ip[0]) | policy_inside(e->policy, &to->ip[1]) << 1);
}

static void event_set_voip(struct engine *e, const struct flow *f)
{
	struct event_voip *to = &e->event.voip;
	const struct watch *w = f->watch;

	e->event.call = w == NULL ? 0 : w->call;
	to->kind = NULL;
	to->tunnelled = f->flags & FLOW_TUNNEL;
	to->category = w == NULL ? CATEGORY_NONE : w->category;
	to->packets = f->dir[0].packets + f->dir[1].packets;
	to->after_ms = (uint32_t)((f->last_ns - f->first_ns) / NS_PER_MS);
	if (w == NULL) {
		to->cls = CLASS_NONE;
		to->app = to->call_app = APP_NONE;
		to->bits = 0;
		to->n_evidence = 0;
		return;
	}
	to->cls = (enum voip_class)w->cls;
	to->app = (enum app)w->app;
	to->call_app = (enum app)w->call_app;
	to->bits = w->bits;
	to->n_evidence = w->n_evidence;
	memcpy(to->evidence, w->evidence, w->n_evidence * sizeof *w->evidence);
	if (w->media_packets != 0) {
		to->packets = w->media_packets;
		to->after_ms = (uint32_t)((f->last_ns - w->media_ns) / NS_PER_MS);
	}
}

void emit_voip(struct engine *e, struct flow *f, const struct verdict *v)
{
	if (f->watch != NULL && f->watch->voip_events == VOIP_EVENTS_MAX) {
		count(&e->counts, COUNT_VOIP_SUPPRESSED);
		return;
	}
	if (f->watch != NULL)
		f->watch->voip_events++;
	f->flags |= FLOW_SPOKEN;
	event_begin(e, EVENT_VOIP, e->mono_ns, e->wall_ns);
	engine_describe(e, f, &e->event.flow);
	event_set_voip(e, f);
	e->event.verdict = *v;
	e->event.enforced = e->conf.enforce;
	engine_give(e, &e->event);
}

#define FILE_BYTES    (256u << 10) /* one way; less may be pictures, contacts, updates of presence */
#define FILE_ONE_WAY  8        /* times what goes back: a voice needs 2 kB/s each way (Baset 4.5), answers to data far less */
#define FILE_BYTES_S  1000     /* signalling stays below 1 kbit/s (Rossi 2008) */
#define CALL_BYTES    20000    /* each way: ten seconds of a voice at its lowest rate */

/* What a Skype flow carried: "voice", "file", "signalling" (chat too), NULL not known. */
static const char *skype_kind(const struct flow *f)
{
	const struct watch *w = f->watch;
	uint64_t a = f->dir[0].bytes, b = f->dir[1].bytes, more = a > b ? a : b, less = a > b ? b : a;
	uint64_t ms = (f->last_ns - f->first_ns) / NS_PER_MS + 1;

	if (w == NULL || w->app != APP_SKYPE)
		return NULL;
	if (w->cls == CLASS_MEDIA)
		return "voice"; /* its clock is that of speech */
	if (w->cls != CLASS_CONTROL)
		return NULL;
	if (more < CALL_BYTES)
		return "signalling";
	if (more >= FILE_BYTES && less * FILE_ONE_WAY <= more && more * 1000 / ms >= FILE_BYTES_S)
		return "file";
	return NULL;
}

void emit_flow(struct engine *e, const struct flow *f, enum flow_end why, uint64_t at_ns)
{
	struct event *ev = &e->event;
	int s = engine_source_dir(f);

	event_begin(e, EVENT_FLOW, at_ns, flow_last_wall(f) + (at_ns - f->last_ns));
	ev->number = 0;
	engine_describe(e, f, &e->event.flow);
	event_set_voip(e, f);
	ev->voip.kind = skype_kind(f);
	ev->verdict = (struct verdict){
		.action = (enum action)f->action, .reject = (enum reject_target)f->reject,
		.rule = f->rule, .emergency = f->flags & FLOW_EMERGENCY,
		.reason = f->rule != NULL ? f->rule->reason : f->flags & FLOW_EMERGENCY ? REASON_EMERGENCY : "",
	};
	ev->enforced = e->conf.enforce;
	ev->end = why;
	ev->spoken = f->flags & FLOW_SPOKEN;
	ev->first_wall_ns = f->first_wall_ns;
	ev->last_wall_ns = flow_last_wall(f);
	for (int i = 0; i < 2; i++) {
		int dir = i == 0 ? s : !s;

		ev->packets[i] = f->dir[dir].packets;
		ev->bytes[i] = f->dir[dir].bytes;
		ev->n_media[i] = (uint8_t)detect_media(f, dir, ev->media[i]);
	}
	engine_give(e, ev);
}

void emit_plain(struct engine *e, enum event_type type)
{
	event_begin(e, type, e->mono_ns, e->wall_ns);
	e->event.number = 0;
	if (type == EVENT_START)
		e->event.rules = policy_count(e->policy);
	else if (type == EVENT_STATS || type == EVENT_STOP)
		e->event.counts = engine_counts_now(e);
	engine_give(e, &e->event);
}

void emit_signal(void *arg, const struct look *l, const struct call_signal *s)
{
	struct engine *e = arg;

	event_begin(e, EVENT_SIGNAL, e->mono_ns, e->wall_ns);
	engine_describe(e, l->flow, &e->event.flow);
	e->event.call = s->call;
	e->event.sender = l->dir == engine_source_dir(l->flow) ? 0 : 1;
	e->event.signal = *s;
	e->event.signal.sos |= policy_emergency(e->policy, s->dialed);
	engine_give(e, &e->event);
}

