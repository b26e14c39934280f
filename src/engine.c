/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "detect/ndpi.h"
#include "flow/facts.h"
#include "flow/flow.h"
#include "judge/judge.h"

/* voip events a flow may cause; more are counted (DESIGN: at most 8 a flow). */
#define VOIP_EVENTS_MAX 8

struct engine {
	struct engine_conf conf;
	const struct policy *policy;
	struct event_sink *sink;
	struct counts counts;
	struct flow_table *table;
	struct frags *frags;
	struct facts *facts;
	struct detect_env env;
	struct ndpi_view *ndpi;       /* made when first needed: the library takes 150 ms to start */
	struct source *source;
	uint64_t mono_ns, wall_ns;    /* of the packet or tick in hand; never step back within an epoch */
	uint64_t next_tick_ns;        /* when the sink is told the time again */
	uint64_t rules_change_ns;     /* wall: next moment a rule's calendar turns */
	uint64_t number;              /* of the packet in hand, 0 between packets */
	bool asks_undecided;
	bool epoch_open;
	struct event event;           /* reused: too large for the stack of a hot path */
};

struct engine_conf engine_conf_default(void)
{
	return (struct engine_conf){
		.max_flows = 1u << 20,
		.watch_bytes = 256u << 20, .watch_bytes_per_host = 32u << 20,
		.stream_bytes = 64u << 20, .stream_bytes_per_host = 4u << 20,
		.fragment_bytes = 4u << 20,
		.max_facts = 65536, .max_facts_per_host = 512,
		.report_bits = REPORT_BITS,
		.detectors = UINT32_MAX,
		.ndpi = NDPI_EVIDENCE, .ndpi_bytes = 64u << 20,
	};
}

/* --- events --- */

static void event_begin(struct engine *e, enum event_type type, uint64_t mono_ns, uint64_t wall_ns)
{
	e->event.type = type;
	e->event.mono_ns = mono_ns;
	e->event.wall_ns = wall_ns;
	e->event.number = e->number;
	e->event.file_name = e->source == NULL ? NULL : e->source->file_name;
}

/* Direction whose sender is the event's source: who opened the flow, else who was heard first. */
static int source_dir(const struct flow *f)
{
	int by = flow_initiator(f);

	return by >= 0 ? by : f->flags & FLOW_FIRST_1 ? 1 : 0;
}

static void event_set_flow(struct engine *e, const struct flow *f)
{
	struct event_flow *to = &e->event.flow;
	int s = source_dir(f);

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
}

static void event_set_voip(struct engine *e, const struct flow *f)
{
	struct event_voip *to = &e->event.voip;
	const struct watch *w = f->watch;

	e->event.call = w == NULL ? 0 : w->call;
	if (w == NULL) {
		to->cls = CLASS_NONE;
		to->app = APP_NONE;
		to->bits = 0;
		to->tunnelled = false;
		to->n_evidence = 0;
		to->packets = to->after_ms = 0;
		return;
	}
	to->cls = (enum voip_class)w->cls;
	to->app = (enum app)w->app;
	to->bits = w->bits;
	to->tunnelled = false;
	to->n_evidence = w->n_evidence;
	memcpy(to->evidence, w->evidence, w->n_evidence * sizeof *w->evidence);
	if (w->media_packets != 0) {
		to->packets = w->media_packets;
		to->after_ms = (uint32_t)((e->mono_ns - w->media_ns) / NS_PER_MS);
	} else {
		to->packets = f->dir[0].packets + f->dir[1].packets;
		to->after_ms = (uint32_t)((f->last_ns - f->first_ns) / NS_PER_MS);
	}
}

static void emit_voip(struct engine *e, struct flow *f, const struct verdict *v)
{
	if (f->watch != NULL && f->watch->voip_events == VOIP_EVENTS_MAX) {
		count(&e->counts, COUNT_VOIP_SUPPRESSED);
		return;
	}
	if (f->watch != NULL)
		f->watch->voip_events++;
	f->flags |= FLOW_SPOKEN;
	event_begin(e, EVENT_VOIP, e->mono_ns, e->wall_ns);
	event_set_flow(e, f);
	event_set_voip(e, f);
	e->event.verdict = *v;
	e->event.enforced = e->conf.enforce;
	event_emit(e->sink, &e->event);
}

static void emit_flow(struct engine *e, const struct flow *f, enum flow_end why, uint64_t at_ns)
{
	struct event *ev = &e->event;
	int s = source_dir(f);

	event_begin(e, EVENT_FLOW, at_ns, f->last_wall_ns + (at_ns - f->last_ns));
	ev->number = 0;
	event_set_flow(e, f);
	event_set_voip(e, f);
	ev->verdict = (struct verdict){
		.action = (enum action)f->action, .reject = (enum reject_target)f->reject,
		.rule = f->rule, .reason = f->rule == NULL ? "" : f->rule->reason,
	};
	ev->enforced = e->conf.enforce;
	ev->end = why;
	ev->first_wall_ns = f->first_wall_ns;
	ev->last_wall_ns = f->last_wall_ns;
	for (int i = 0; i < 2; i++) {
		int dir = i == 0 ? s : !s;

		ev->packets[i] = f->dir[dir].packets;
		ev->bytes[i] = f->dir[dir].bytes;
		ev->n_media[i] = (uint8_t)detect_media(f, dir, ev->media[i]);
	}
	event_emit(e->sink, ev);
}

static void emit_counts(struct engine *e, enum event_type type)
{
	event_begin(e, type, e->mono_ns, e->wall_ns);
	e->event.number = 0;
	e->event.counts = e->counts;
	event_emit(e->sink, &e->event);
}

static void on_signal(void *arg, const struct look *l, const struct call_signal *s)
{
	struct engine *e = arg;

	event_begin(e, EVENT_SIGNAL, e->mono_ns, e->wall_ns);
	event_set_flow(e, l->flow);
	e->event.call = s->call;
	e->event.sender = l->dir == source_dir(l->flow) ? 0 : 1;
	e->event.signal = *s;
	event_emit(e->sink, &e->event);
}

/* --- rules --- */

static void subject_of(const struct engine *e, const struct flow *f, struct subject *s)
{
	const struct watch *w = f->watch;
	int src = source_dir(f);

	*s = (struct subject){
		.ip = { f->key.ip[src], f->key.ip[!src] },
		.port = { f->key.port[src], f->key.port[!src] },
		.proto = f->key.proto, .initiator_known = flow_initiator(f) >= 0,
		.dialed = "", .wall_ns = e->wall_ns,
	};
	if (e->source != NULL && e->source->iface_names != NULL)
		s->iif = e->source->iface_names[f->iface];
	if (w == NULL)
		return;
	s->sos = w->sos;
	s->dialed = w->dialed;
	s->cls = (enum voip_class)w->cls;
	s->app = (enum app)w->app;
	s->bits = w->bits;
	s->category = w->category != CATEGORY_NONE ? w->category : app_category(s->app);
	s->signaller = w->signaller;
	s->signaller_port = w->signaller_port;
}

/* Asks the rules; true when the verdict in force changed. */
static bool apply_rules(struct engine *e, struct flow *f, struct verdict *v)
{
	const struct rule *before = f->rule;
	uint8_t action = f->action;
	struct subject s;

	subject_of(e, f, &s);
	*v = policy_judge(e->policy, &s);
	f->rule = v->rule != NULL ? v->rule : v->n_alerts != 0 ? v->alerts[0] : NULL;
	f->action = (uint8_t)(v->action == ACTION_PASS && v->rule == NULL && v->n_alerts != 0
	    ? ACTION_ALERT : v->action);
	f->reject = (uint8_t)v->reject;
	if (f->action > ACTION_ALERT || s.cls == CLASS_MEDIA || s.cls == CLASS_SIGNALLING)
		flow_set_worth(e->table, f, WORTH_CALL);
	f->flags |= FLOW_JUDGED;
	return f->rule != before || f->action != action;
}

/* A flow nobody knows yet: only rules with `any` can speak. */
static void first_rules(struct engine *e, struct flow *f)
{
	struct verdict v;

	if (apply_rules(e, f, &v) && f->rule != NULL)
		emit_voip(e, f, &v);
}

/* Evidence changed: judge again, and ask the rules when class, application or band did. */
static void rejudge(struct engine *e, struct flow *f)
{
	struct watch *w = f->watch;
	struct judgement j = judge(w->evidence, w->n_evidence, e->conf.report_bits);
	uint8_t band = policy_band(e->policy, j.bits);
	bool news = j.cls != w->cls || (j.app != w->app && j.cls != CLASS_NONE);
	struct verdict v;

	w->dirty = false;
	if (!news && band == w->band && j.app == w->app) {
		w->bits = j.bits;
		return;
	}
	w->cls = (uint8_t)j.cls;
	w->app = (uint8_t)j.app;
	w->band = band;
	w->bits = j.bits;
	news |= apply_rules(e, f, &v);
	if (news || (j.cls != CLASS_NONE && f->flags & FLOW_SPOKEN))
		emit_voip(e, f, &v);
}

static void calendar_turn(void *arg, struct flow *f)
{
	struct engine *e = arg;
	struct verdict v;

	if (f->flags & FLOW_JUDGED && apply_rules(e, f, &v))
		emit_voip(e, f, &v);
}

/* --- flows --- */

static void on_flow_end(void *arg, struct flow *f, enum flow_end why, uint64_t at_ns)
{
	struct engine *e = arg;

	emit_flow(e, f, why, at_ns);
	if (f->watch != NULL) {
		if (f->watch->ndpi != NULL)
			ndpi_view_release(e->ndpi, &f->watch->ndpi);
		detect_release(&e->env, f);
	}
}

/* The watch budget is used up: let the flow watched longest without a decision go. */
static bool reclaim_watch(void *arg)
{
	struct engine *e = arg;
	struct flow *f = flow_table_oldest(e->table, WORTH_WATCHED);

	if (f == NULL)
		return false;
	if (f->watch != NULL && f->watch->ndpi != NULL)
		ndpi_view_release(e->ndpi, &f->watch->ndpi);
	detect_release(&e->env, f);
	flow_set_worth(e->table, f, WORTH_CLEARED);
	count(&e->counts, COUNT_WATCH_EVICTED);
	return true;
}

/* libnDPI's opinion: a name for flows that have evidence but no name of a vendor. */
static void ask_ndpi(struct engine *e, struct flow *f, int dir, const struct packet *pkt)
{
	struct look l = { .env = &e->env, .pkt = pkt, .flow = f, .dir = (uint8_t)dir };
	struct ndpi_opinion says;

	if (e->conf.ndpi == NDPI_EVIDENCE && (f->watch == NULL || f->watch->n_evidence == 0))
		return;
	if (e->ndpi == NULL && (e->ndpi = ndpi_view_new(e->conf.ndpi_bytes)) == NULL) {
		log_warnx("ndpi", "libnDPI does not start: going on without it");
		e->conf.ndpi = NDPI_OFF;
		return;
	}
	if (detect_watch(&l) == NULL ||
	    !ndpi_view_packet(e->ndpi, &f->watch->ndpi, f, pkt, &e->counts, &says))
		return;
	f->flags |= FLOW_NDPI_DONE;
	if (f->watch->category == CATEGORY_NONE && says.category != CATEGORY_NONE) {
		f->watch->category = says.category;
		f->watch->dirty = true;
	}
	l.row = detect_row_ndpi();
	if (says.app != APP_NONE)
		detect_evidence(&l, CLASS_NONE, says.app, 0, "libnDPI names it", 0, 0);
}

static void take_packet(struct engine *e, const struct packet *pkt)
{
	struct flow *f;
	int dir;

	f = flow_table_packet(e->table, pkt, &e->counts, &dir);
	if (f == NULL)
		return;
	if (e->asks_undecided && !(f->flags & FLOW_JUDGED))
		first_rules(e, f);
	detect_packet(&e->env, f, dir, pkt);
	if (e->conf.ndpi != NDPI_OFF && !(f->flags & FLOW_NDPI_DONE))
		ask_ndpi(e, f, dir, pkt);
	if (f->watch == NULL)
		return;
	if (f->worth < WORTH_WATCHED)
		flow_set_worth(e->table, f, WORTH_WATCHED);
	if (f->watch->dirty)
		rejudge(e, f);
}

/* --- time --- */

/* Brings clocks, deadlines and calendars up to the stamps of a frame or tick, which may not step back. */
static void advance(struct engine *e, struct frame *frame)
{
	if (frame->mono_ns < e->mono_ns) {
		count(&e->counts, COUNT_TIME_BACK);
		frame->mono_ns = e->mono_ns;
	}
	if (frame->wall_ns < e->wall_ns)
		frame->wall_ns = e->wall_ns;
	if (frame->mono_ns >= e->next_tick_ns) {
		e->number = 0;
		flow_table_advance(e->table, frame->mono_ns);
		frags_expire(e->frags, frame->mono_ns, &e->counts);
		e->mono_ns = frame->mono_ns;
		e->wall_ns = frame->wall_ns;
		e->next_tick_ns = (frame->mono_ns / TICK_NS + 1) * TICK_NS;
		event_begin(e, EVENT_TICK, e->mono_ns, e->wall_ns);
		event_emit(e->sink, &e->event);
	}
	e->mono_ns = frame->mono_ns;
	e->wall_ns = frame->wall_ns;
	if (e->wall_ns >= e->rules_change_ns) {
		flow_table_each(e->table, calendar_turn, e);
		e->rules_change_ns = policy_next_change(e->policy, e->wall_ns);
	}
}

static void end_epoch(struct engine *e)
{
	if (!e->epoch_open)
		return;
	e->number = 0;
	flow_table_flush(e->table, FLOW_END_SHUTDOWN);
	facts_clear(e->facts);
	event_begin(e, EVENT_EPOCH, e->mono_ns, e->wall_ns);
	event_emit(e->sink, &e->event);
	e->epoch_open = false;
}

static void take_frame(struct engine *e, struct frame *frame)
{
	struct packet pkt;

	if (!e->epoch_open) {
		e->mono_ns = e->next_tick_ns = 0;
		e->wall_ns = 0;
		e->rules_change_ns = policy_next_change(e->policy, frame->wall_ns);
		e->epoch_open = true;
	}
	advance(e, frame);
	e->number = frame->number;
	count(&e->counts, COUNT_PACKETS);
	count_add(&e->counts, COUNT_BYTES, frame->len);
	if (packet_decode(frame, e->frags, &e->counts, &pkt) == DECODE_OK)
		take_packet(e, &pkt);
}

/* --- life --- */

struct engine *engine_new(const struct engine_conf *conf, const struct policy *policy, struct event_sink *sink)
{
	struct engine *e = calloc(1, sizeof *e);

	if (e == NULL)
		return NULL;
	e->conf = *conf;
	e->policy = policy;
	e->sink = sink;
	e->asks_undecided = policy_asks_undecided(policy);
	e->table = flow_table_new(conf->max_flows, on_flow_end, e);
	e->frags = frags_new(conf->fragment_bytes);
	e->facts = facts_new(conf->max_facts, conf->max_facts_per_host);
	e->env.facts = e->facts;
	e->env.counts = &e->counts;
	e->env.watch_budget = budget_new(conf->watch_bytes, conf->watch_bytes_per_host);
	e->env.stream_budget = budget_new(conf->stream_bytes, conf->stream_bytes_per_host);
	e->env.on_signal = on_signal;
	e->env.reclaim = reclaim_watch;
	e->env.arg = e;
	detect_init(&e->env, conf->detectors);
	if (e->table == NULL || e->frags == NULL || e->facts == NULL || e->env.watch_budget == NULL ||
	    e->env.stream_budget == NULL) {
		engine_free(e);
		return NULL;
	}
	return e;
}

void engine_free(struct engine *e)
{
	if (e == NULL)
		return;
	flow_table_free(e->table);
	frags_free(e->frags);
	facts_free(e->facts);
	budget_free(e->env.watch_budget);
	budget_free(e->env.stream_budget);
	ndpi_view_free(e->ndpi);
	free(e);
}

const struct counts *engine_counts(const struct engine *e)
{
	return &e->counts;
}

static void emit_start(struct engine *e)
{
	event_begin(e, EVENT_START, 0, 0); /* nobody told the time yet */
	e->event.rules = policy_count(e->policy);
	event_emit(e->sink, &e->event);
}

unsigned engine_run(struct engine *e, struct source *source, const volatile int *stop)
{
	struct frame frame;
	unsigned errors = 0;

	e->source = source;
	emit_start(e);
	while (stop == NULL || !*stop) {
		switch (source_next(source, &frame)) {
		case SOURCE_FRAME:
			take_frame(e, &frame);
			continue;
		case SOURCE_TICK:
			count(&e->counts, COUNT_TICKS);
			advance(e, &frame);
			continue;
		case SOURCE_EPOCH:
			end_epoch(e);
			continue;
		case SOURCE_ERROR:
			log_warnx("source", "%s", source->error);
			errors++;
			continue;
		case SOURCE_END:
			break;
		}
		break;
	}
	end_epoch(e);
	e->source = NULL;
	emit_counts(e, EVENT_STOP);
	return errors;
}
