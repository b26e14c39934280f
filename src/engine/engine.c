/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/state.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "detect/ndpi.h"
#include "detect/skype_host.h"
#include "judge/judge.h"

/* A call of which nothing was heard for so long may lose its watch to a newcomer. */
#define SILENT_CALL_NS (10 * NS_PER_S)

struct engine_conf engine_conf_default(void)
{
	return (struct engine_conf){
		.max_flows = 1u << 20,
		.watch_bytes = 256u << 20, .watch_bytes_per_host = 32u << 20,
		.stream_bytes = 64u << 20, .stream_bytes_per_host = 4u << 20,
		.fragment_bytes = 4u << 20,
		.max_facts = 65536, .max_facts_per_host = 512,
		.report_bits = REPORT_BITS, .act_bits = ACT_BITS,
		.detectors = UINT32_MAX,
		.ndpi = NDPI_EVIDENCE, .ndpi_bytes = 64u << 20,
	};
}

/* --- flows --- */

static void on_flow_end(void *arg, struct flow *f, enum flow_end why, uint64_t at_ns)
{
	struct engine *e = arg;

	detect_finish(&e->env, f);
	if (f->watch != NULL && f->watch->dirty)
		decide_last(e, f);
	emit_flow(e, f, why, at_ns);
	if (e->conf.on_look != NULL)
		e->conf.on_look(e->conf.arg, f, 0, NULL);
	if (f->watch != NULL) {
		if (f->watch->ndpi != NULL)
			ndpi_view_release(e->ndpi, &f->watch->ndpi);
		detect_release(&e->env, f);
	}
}

static bool is_inside(void *arg, const struct addr *a)
{
	const struct engine *e = arg;

	return policy_inside(e->policy, a);
}

/*
 * What a flow is worth under pressure. Signalling counts once both ends spoke: a
 * forged INVITE has no answer, and many of them must not crowd out calls.
 */
static enum flow_worth worth_of(const struct flow *f)
{
	bool both = f->dir[0].packets != 0 && f->dir[1].packets != 0;
	const struct watch *w = f->watch;

	if (f->action > ACTION_ALERT || (w != NULL && (w->cls == CLASS_MEDIA || (w->cls == CLASS_SIGNALLING && both))))
		return WORTH_CALL;
	return w != NULL ? WORTH_WATCHED : (enum flow_worth)f->worth;
}

/* A watch to take away: of the flow watched longest without a decision, else of a call long silent. */
static struct flow *least_watched(struct engine *e)
{
	struct flow *f = flow_table_oldest(e->table, WORTH_WATCHED);

	if (f != NULL)
		return f;
	f = flow_table_oldest(e->table, WORTH_CALL);
	return f != NULL && f->watch != NULL && f->last_ns + SILENT_CALL_NS < e->mono_ns ? f : NULL;
}

/* The watch budget is used up. */
static bool reclaim_watch(void *arg)
{
	struct engine *e = arg;
	struct flow *f = least_watched(e);

	if (f == NULL)
		return false;
	if (f->watch != NULL && f->watch->ndpi != NULL)
		ndpi_view_release(e->ndpi, &f->watch->ndpi);
	detect_release(&e->env, f);
	flow_set_worth(e->table, f, WORTH_CLEARED);
	count(&e->counts, COUNT_WATCH_EVICTED);
	return true;
}

static const struct fate pass = { 0 };

/* What a sample of a cleared flow may change. */
struct glimpse { struct flow_probe probe; uint32_t media_packets; };

static struct glimpse glimpse_of(const struct flow *f, int dir)
{
	return (struct glimpse){ f->probe[dir], f->watch == NULL ? 0 : f->watch->media_packets };
}

/*
 * Samples see no two packets in a row. But two of one RTP source have 32 bits in
 * common that do not come by chance, with different numbers; when the numbers
 * are close, the RTP row took them for its own. A flow known as media is not news.
 */
static bool is_news(const struct flow *f, int dir, const struct glimpse *before)
{
	const struct flow_probe *now = &f->probe[dir];

	if (f->watch != NULL && f->watch->dirty)
		return true;
	if (f->watch != NULL && f->watch->cls == CLASS_MEDIA)
		return false;
	return (f->watch != NULL && f->watch->media_packets != before->media_packets) ||
	    (now->ssrc != 0 && now->ssrc == before->probe.ssrc && now->seq != before->probe.seq);
}

/* A cleared flow that looks at a sample as if something began on it is watched again. */
static void look_closer(struct flow *f)
{
	f->looked_at = f->dir[0].payloads + f->dir[1].payloads;
	f->flags &= ~(uint32_t)FLOW_FINAL;
}

static struct fate take_packet(struct engine *e, const struct packet *pkt)
{
	struct fate fate = pass;
	struct glimpse before;
	struct flow *f;
	int dir;

	f = flow_table_packet(e->table, pkt, &e->counts, &dir);
	if (f == NULL)
		return pass;
	if (e->asks_undecided && !(f->flags & FLOW_JUDGED))
		decide_first(e, f);
	before = glimpse_of(f, dir);
	detect_packet(&e->env, f, dir, pkt);
	if (e->conf.ndpi != NDPI_OFF && !(f->flags & FLOW_NDPI_DONE))
		opinion_ask(e, f, dir, pkt);
	if (f->flags & FLOW_FINAL && f->action <= ACTION_ALERT && is_news(f, dir, &before)) {
		look_closer(f);
		fate.watch = true;
	}
	if (f->watch != NULL && f->watch->dirty)
		decide_again(e, f);
	if (f->watch != NULL && f->watch->app == APP_SKYPE)
		roles_look(e, f, dir, pkt);
	if (f->watch != NULL || f->action > ACTION_ALERT)
		flow_set_worth(e->table, f, worth_of(f));
	if (e->conf.enforce)
		enforce(e, f, dir, pkt, &fate);
	if (e->conf.on_look != NULL)
		e->conf.on_look(e->conf.arg, f, dir, pkt);
	return fate;
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
		emit_plain(e, EVENT_TICK);
		if (e->roles_seen != roles_changes(e->roles))
			decide_roles(e);
	}
	e->mono_ns = frame->mono_ns;
	e->wall_ns = frame->wall_ns;
	if (e->wall_ns >= e->rules_change_ns) {
		decide_all(e);
		e->rules_change_ns = policy_next_change(e->policy, e->wall_ns);
	}
}

static void end_epoch(struct engine *e)
{
	if (!e->epoch_open)
		return;
	e->number = 0;
	flow_table_flush(e->table, FLOW_END_SHUTDOWN);
	if (e->conf.facts == NULL)
		facts_clear(e->facts);
	if (e->conf.skype == NULL) {
		emit_hosts(e);
		skype_hosts_clear(e->env.skype);
	}
	if (e->conf.roles == NULL)
		roles_clear(e->roles);
	emit_plain(e, EVENT_EPOCH);
	e->epoch_open = false;
}

static void start(struct engine *e)
{
	if (!e->started)
		emit_plain(e, EVENT_START);
	e->started = true;
}

static void begin_epoch(struct engine *e, const struct frame *frame)
{
	if (e->epoch_open)
		return;
	e->mono_ns = frame->mono_ns;
	e->wall_ns = frame->wall_ns;
	e->next_tick_ns = 0;
	e->rules_change_ns = policy_next_change(e->policy, frame->wall_ns);
	e->file_name = e->source == NULL ? NULL : e->source->file_name;
	e->epoch_open = true;
	start(e);
}

struct fate engine_packet(struct engine *e, struct frame *frame)
{
	struct packet pkt;

	begin_epoch(e, frame);
	advance(e, frame);
	e->number = frame->number;
	count(&e->counts, COUNT_PACKETS);
	count_add(&e->counts, COUNT_BYTES, frame->len);
	if (packet_decode(frame, e->frags, &e->counts, &pkt) != DECODE_OK)
		return pass; /* undecodable: pass, counted */
	return take_packet(e, &pkt);
}

void engine_tick(struct engine *e, struct frame *frame)
{
	begin_epoch(e, frame);
	count(&e->counts, COUNT_TICKS);
	advance(e, frame);
}

void engine_set_policy(struct engine *e, const struct policy *policy)
{
	e->policy = policy;
	e->asks_undecided = policy_asks_undecided(policy);
	e->rules_change_ns = policy_next_change(policy, e->wall_ns);
	decide_all(e);
}

void engine_begin(struct engine *e, struct source *source)
{
	e->source = source;
	e->started = false;
}

void engine_end(struct engine *e)
{
	start(e);
	end_epoch(e);
	emit_plain(e, EVENT_STOP);
	e->source = NULL;
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
	e->facts = conf->facts != NULL ? conf->facts : facts_new(conf->max_facts, conf->max_facts_per_host);
	e->limits = conf->limits != NULL ? conf->limits : limits_new();
	e->env.facts = e->facts;
	e->env.counts = &e->counts;
	e->env.watch_budget = budget_new(conf->watch_bytes, conf->watch_bytes_per_host);
	e->env.stream_budget = budget_new(conf->stream_bytes, conf->stream_bytes_per_host);
	e->env.on_signal = emit_signal;
	e->env.on_audit = emit_audit;
	e->env.reclaim = reclaim_watch;
	e->env.inside = is_inside;
	e->env.skype = conf->skype != NULL ? conf->skype : skype_hosts_new(SKYPE_ENDPOINTS, SKYPE_HOSTS);
	e->env.arg = e;
	e->roles = conf->roles != NULL ? conf->roles : roles_new(ROLE_HOSTS);
	detect_init(&e->env, conf->detectors);
	e->hears = detect_has(&e->env, GROUP_CADENCE);
	if (e->table == NULL || e->limits == NULL || e->frags == NULL || e->facts == NULL || e->env.watch_budget == NULL ||
	    e->env.stream_budget == NULL || e->env.skype == NULL || e->roles == NULL) {
		engine_free(e);
		return NULL;
	}
	if (conf->enforce && conf->ndpi != NDPI_OFF)
		(void)opinion_start(e); /* now: later packets would wait for it */
	return e;
}

void engine_free(struct engine *e)
{
	if (e == NULL)
		return;
	flow_table_free(e->table);
	frags_free(e->frags);
	if (e->conf.facts == NULL)
		facts_free(e->facts);
	if (e->conf.skype == NULL)
		skype_hosts_free(e->env.skype);
	if (e->conf.roles == NULL)
		roles_free(e->roles);
	if (e->conf.limits == NULL)
		limits_free(e->limits);
	budget_free(e->env.watch_budget);
	budget_free(e->env.stream_budget);
	ndpi_view_free(e->ndpi);
	free(e);
}

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

unsigned engine_run(struct engine *e, struct source *source, const volatile int *stop)
{
	struct frame frame;
	unsigned errors = 0;

	engine_begin(e, source);
	while (stop == NULL || !*stop) {
		switch (source_next(source, &frame)) {
		case SOURCE_FRAME:
			(void)engine_packet(e, &frame);
			continue;
		case SOURCE_TICK:
			engine_tick(e, &frame);
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
	engine_end(e);
	return errors;
}
