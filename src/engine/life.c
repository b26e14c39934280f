/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An engine made and freed, and what the flow table and the detectors ask of it meanwhile. */
#include "engine/state.h"

#include <stdlib.h>

#include "base/clock.h"
#include "detect/ndpi.h"
#include "detect/skype_host.h"

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

/* --- what others ask --- */

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

/* A watch to take away: of the flow watched longest without a decision, else of a call long silent. */
static struct flow *least_watched(struct engine *e)
{
	struct flow *f = flow_table_oldest(e->table, WORTH_WATCHED);

	if (f != NULL)
		return f;
	f = flow_table_oldest(e->table, WORTH_CALL);
	return f != NULL && f->watch != NULL && f->last_ns + SILENT_CALL_NS < e->mono_ns ? f : NULL;
}

/* The watch budget is used up: `asker` needs memory, and keeps what it has. */
static bool reclaim_watch(void *arg, const struct flow *asker)
{
	struct engine *e = arg;
	struct flow *f = least_watched(e);

	if (f == NULL || f == asker)
		return false;
	if (f->watch != NULL && f->watch->ndpi != NULL)
		ndpi_view_release(e->ndpi, &f->watch->ndpi);
	detect_release(&e->env, f);
	flow_set_worth(e->table, f, WORTH_CLEARED);
	count(&e->counts, COUNT_WATCH_EVICTED);
	return true;
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
	engine_ask(e);
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
