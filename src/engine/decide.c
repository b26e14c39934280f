/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/state.h"

#include <string.h>

#include "base/clock.h"
#include "judge/judge.h"

/* How long the redial of a pair just cut is remembered: callers try again within a minute. */
#define CUT_NS   (60 * NS_PER_S)
/* And that of its inside host with anybody: clients try relays, TCP and port 443 within seconds. */
#define CHASE_NS (30 * NS_PER_S)

/* Of the application we found in the flow itself; else what names and libnDPI say. RTP of a call is no streaming, whatever its payload type. */
static enum category category_of(const struct watch *w)
{
	enum category own = app_category((enum app)w->app);

	if (w->cls != CLASS_NONE && own != CATEGORY_NONE && own != CATEGORY_OTHER)
		return own;
	return w->category != CATEGORY_NONE ? w->category : own;
}

static void subject_of(const struct engine *e, const struct flow *f, struct subject *s)
{
	const struct watch *w = f->watch;
	int src = engine_source_dir(f);

	*s = (struct subject){
		.ip = { f->key.ip[src], f->key.ip[!src] },
		.port = { f->key.port[src], f->key.port[!src] },
		.proto = f->key.proto, .initiator_known = flow_initiator(f) >= 0,
		.dialed = "", .wall_ns = e->wall_ns, .tunnelled = f->flags & FLOW_TUNNEL,
	};
	if (e->source != NULL && e->source->iface_names != NULL) {
		s->iif = e->source->iface_names[f->iface];
		s->oif = e->source->iface_names[f->oface];
	}
	if (w == NULL)
		return;
	s->sos = w->sos;
	s->dialed = w->dialed;
	s->cls = (enum voip_class)w->cls;
	s->app = (enum app)w->app;
	s->call_app = (enum app)w->call_app;
	s->bits = w->bits;
	s->category = category_of(w);
	s->role = engine_role(e, f);
	s->signaller = w->signaller;
	s->signaller_port = w->signaller_port;
}

/* What comes next between the two, or from the inside one (host is remote then), needs less evidence for a while. */
static void remember_cut_of(struct engine *e, const struct flow *f, int host, int remote, uint64_t for_ns)
{
	struct fact cut = { .kind = FACT_CUT, .host = f->key.ip[host], .remote = f->key.ip[remote],
		.app = (enum app)f->watch->app, .expires_ns = e->mono_ns + for_ns };

	(void)facts_add(e->facts, &cut, e->mono_ns, &e->counts);
}

/*
 * A call was cut. Both ends must have spoken: what a stranger sends to a host, under whatever address, teaches
 * nothing about it. Of inside hosts alone is remembered that they called at all: others talk to the whole world.
 */
static void remember_cut(struct engine *e, const struct flow *f)
{
	if (f->dir[0].payloads == 0 || f->dir[1].payloads == 0)
		return;
	for (int dir = 0; dir < 2; dir++) {
		remember_cut_of(e, f, dir, !dir, CUT_NS);
		if (policy_inside(e->policy, &f->key.ip[dir]))
			remember_cut_of(e, f, dir, dir, CHASE_NS);
	}
}

/* A flow cut by hand stays cut, unless it turns out to be an emergency. */
static void override(const struct flow *f, struct verdict *v)
{
	static const struct rule by_hand = { .file = "ctl", .reason = "cut by hand" };

	if (f->flags & FLOW_KILLED && !v->emergency)
		*v = (struct verdict){ .action = ACTION_DROP, .rule = &by_hand, .reason = by_hand.reason };
}

/*
 * A class that is not sure yet does not hide a weaker one that is: while media is
 * only suspected the flow is signalling all the same, and what a rule says of
 * that stays in force.
 */
static struct verdict ask_rules(const struct engine *e, const struct flow *f, const struct subject *s)
{
	struct verdict v = policy_judge(e->policy, s);
	struct subject weaker = *s;

	if (s->bits >= e->conf.act_bits || f->watch == NULL)
		return v;
	while (v.rule == NULL && v.n_alerts == 0 && weaker.cls > CLASS_NONE) {
		weaker.cls--;
		weaker.bits = judge_bits(f->watch->evidence, f->watch->n_evidence, weaker.cls);
		if (weaker.bits >= e->conf.act_bits)
			v = policy_judge(e->policy, &weaker);
	}
	return v;
}

/* After a reload the same line of the same file is another struct, but no news. */
static bool same_rule(const struct rule *a, const struct rule *b)
{
	if (a == b || a == NULL || b == NULL)
		return a == b;
	return a->line == b->line && strcmp(a->file, b->file) == 0 && strcmp(a->reason, b->reason) == 0;
}

/* Asks the rules; true when the verdict in force changed. */
static bool apply_rules(struct engine *e, struct flow *f, struct verdict *v)
{
	const struct rule *before = f->rule;
	uint8_t action = f->action;
	struct subject s;

	subject_of(e, f, &s);
	*v = ask_rules(e, f, &s);
	override(f, v);
	f->rule = v->rule != NULL ? v->rule : v->n_alerts != 0 ? v->alerts[0] : NULL;
	f->action = (uint8_t)(v->action == ACTION_PASS && v->rule == NULL && v->n_alerts != 0
	    ? ACTION_ALERT : v->action);
	f->reject = (uint8_t)v->reject;
	f->flags = (f->flags & ~(uint32_t)FLOW_EMERGENCY) | FLOW_JUDGED | (v->emergency ? FLOW_EMERGENCY : 0);
	if (s.cls == CLASS_MEDIA && v->action == ACTION_DROP && action != ACTION_DROP)
		remember_cut(e, f);
	return !same_rule(f->rule, before) || f->action != action;
}

void decide_first(struct engine *e, struct flow *f)
{
	struct verdict v;

	if (apply_rules(e, f, &v) && f->rule != NULL)
		emit_voip(e, f, &v);
}

void decide_again(struct engine *e, struct flow *f)
{
	struct watch *w = f->watch;
	struct judgement j = judge(w->evidence, w->n_evidence, e->conf.report_bits);
	uint8_t band = policy_band(e->policy, j.bits), before = w->band;
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
	if (news || (before != BAND_ASK && j.cls != CLASS_NONE && f->flags & FLOW_SPOKEN))
		emit_voip(e, f, &v);
}

void decide_last(struct engine *e, struct flow *f)
{
	struct watch *w = f->watch;
	struct judgement j = judge(w->evidence, w->n_evidence, e->conf.report_bits);

	w->dirty = false;
	w->cls = (uint8_t)j.cls;
	w->app = (uint8_t)j.app;
	w->bits = j.bits;
}

static void ask_again(void *arg, struct flow *f)
{
	struct engine *e = arg;
	struct verdict v;

	if (!(f->flags & FLOW_JUDGED) && !e->asks_undecided)
		return;
	if (!apply_rules(e, f, &v))
		return;
	if (f->flags & FLOW_FINAL && e->conf.on_unmark != NULL)
		e->conf.on_unmark(e->conf.arg, &f->key);
	f->flags &= ~(uint32_t)FLOW_FINAL;
	emit_voip(e, f, &v);
}

void decide_all(struct engine *e)
{
	flow_table_each(e->table, ask_again, e);
}

static void ask_skype(void *arg, struct flow *f)
{
	if (f->watch != NULL && f->watch->app == APP_SKYPE)
		ask_again(arg, f);
}

void decide_roles(struct engine *e)
{
	e->roles_seen = roles_changes(e->roles);
	flow_table_each(e->table, ask_skype, e);
}

void decide_kill(struct engine *e, struct flow *f)
{
	f->flags |= FLOW_KILLED | FLOW_JUDGED;
	ask_again(e, f);
}
