/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/compiled.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"

static const char *const action_names[] = {
	[ACTION_PASS] = "pass", [ACTION_ALERT] = "alert", [ACTION_DROP] = "drop",
	[ACTION_DEGRADE] = "degrade", [ACTION_LIMIT] = "limit",
};
static_assert(sizeof action_names / sizeof *action_names == ACTIONS, "name every action");

const char *action_name(enum action a)
{
	return action_names[a];
}

/* Selectors that ask nothing of the flow, or (bits) are asked anyway. */
#define NO_QUESTION (1u << SEL_REASON | 1u << SEL_TARGET | 1u << SEL_BITS)

static bool end_matches(const struct end *e, const struct addr *ip, uint16_t port)
{
	return port >= e->port_lo && port <= e->port_hi && (e->in == NULL || ranges_hold(e->in, ip));
}

/* from and to with end `i` as the initiator. */
static bool order_matches(const struct compiled *r, const struct subject *s, int i)
{
	return (!has(r, SEL_FROM) || end_matches(&r->from, &s->ip[i], s->port[i])) &&
	    (!has(r, SEL_TO) || end_matches(&r->to, &s->ip[!i], s->port[!i]));
}

static bool ends_match(const struct compiled *r, const struct subject *s)
{
	if (has(r, SEL_HOST) && !end_matches(&r->host, &s->ip[0], s->port[0]) &&
	    !end_matches(&r->host, &s->ip[1], s->port[1]))
		return false;
	if (!(r->selectors & (1u << SEL_FROM | 1u << SEL_TO)))
		return true;
	return order_matches(r, s, 0) || (!s->initiator_known && order_matches(r, s, 1));
}

static bool signaller_matches(const struct compiled *r, const struct subject *s)
{
	return !addr_is_unspecified(&s->signaller) &&
	    end_matches(&r->signaller, &s->signaller, s->signaller_port);
}

static bool names_hold(const struct names *names, const char *name)
{
	for (size_t i = 0; name != NULL && i < names->n; i++)
		if (strcmp(names->name[i], name) == 0)
			return true;
	return false;
}

static bool time_matches(const struct compiled *r, uint64_t wall_ns)
{
	return (!has(r, SEL_UNTIL) || wall_ns < r->until_ns) &&
	    (!has(r, SEL_DURING) || schedule_holds(r->during, (int64_t)(wall_ns / NS_PER_S)));
}

/* What a class rule asks before its selectors; `any` asks nothing. */
static bool class_matches(const struct compiled *r, const struct subject *s)
{
	return r->any || ((r->classes >> s->cls & 1) && s->tunnelled == has(r, SEL_TUNNELLED));
}

/* What the packets are, or what set them up: the RTP of a SIP call is of both. */
static bool app_matches(const struct compiled *r, const struct subject *s)
{
	return (r->apps >> s->app & 1) || (s->call_app != APP_NONE && (r->apps >> s->call_app & 1));
}

static bool names_match(const struct compiled *r, const struct subject *s)
{
	return (!has(r, SEL_APP) || app_matches(r, s)) &&
	    (!has(r, SEL_CATEGORY) || (r->categories >> s->category & 1)) &&
	    (!has(r, SEL_ROLE) || (r->roles >> s->role & 1));
}

static bool link_matches(const struct compiled *r, const struct subject *s)
{
	return (!has(r, SEL_PROTO) || (r->protos[s->proto / 32] >> (s->proto % 32) & 1)) &&
	    (!has(r, SEL_IIF) || names_hold(&r->iif, s->iif)) &&
	    (!has(r, SEL_OIF) || names_hold(&r->oif, s->oif));
}

static bool selectors_match(const struct compiled *r, const struct subject *s)
{
	return (!has(r, SEL_TUNNELLED) || s->tunnelled) && names_match(r, s) && link_matches(r, s) &&
	    (!has(r, SEL_SIGNALLED) || signaller_matches(r, s)) && ends_match(r, s) &&
	    time_matches(r, s->wall_ns);
}

/* Cheap questions first; the calendar last. */
static bool rule_matches(const struct compiled *r, const struct subject *s)
{
	return class_matches(r, s) && s->bits >= r->bits_lo && s->bits < r->bits_hi &&
	    ((r->selectors & ~NO_QUESTION) == 0 || selectors_match(r, s));
}

bool policy_emergency(const struct policy *p, const char *dialed)
{
	return dialed != NULL && dialed[0] != '\0' && names_hold(&p->emergency, dialed);
}

/* An empty list switches this off for the service URN too. */
static bool emergency(const struct policy *p, const struct subject *s)
{
	return p->emergency.n != 0 && (s->sos || policy_emergency(p, s->dialed));
}

/* The inside end; the client when both or neither are. */
static enum reject_target inside_end(const struct policy *p, const struct subject *s)
{
	return !policy_inside(p, &s->ip[0]) && policy_inside(p, &s->ip[1]) ? REJECT_SERVER : REJECT_CLIENT;
}

struct verdict policy_judge(const struct policy *p, const struct subject *s)
{
	struct verdict v = { .action = ACTION_PASS, .reject = REJECT_NONE, .reason = "" };

	if (emergency(p, s)) {
		v.emergency = true;
		v.reason = REASON_EMERGENCY;
		return v;
	}
	for (size_t i = 0; i < p->n; i++) {
		const struct compiled *r = &p->rule[i];

		if (!rule_matches(r, s))
			continue;
		if (r->action == ACTION_ALERT) {
			if (v.n_alerts < ALERTS_MAX)
				v.alerts[v.n_alerts++] = &r->rule;
			continue;
		}
		v.action = r->action;
		v.reject = r->reject_inside ? inside_end(p, s) : r->reject;
		v.rule = &r->rule;
		v.reason = r->rule.reason;
		break;
	}
	return v;
}

bool policy_asks_undecided(const struct policy *p)
{
	return p->asks_undecided;
}

bool policy_asks_category(const struct policy *p)
{
	return p->asks_category;
}

uint8_t policy_band(const struct policy *p, float bits)
{
	uint8_t band = 0;

	while (band < p->n_thresholds && bits >= p->threshold[band])
		band++;
	return band;
}

static uint64_t ns_of(int64_t s)
{
	return s < 0 || (uint64_t)s > UINT64_MAX / NS_PER_S ? UINT64_MAX : (uint64_t)s * NS_PER_S;
}

uint64_t policy_next_change(const struct policy *p, uint64_t wall_ns)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < p->n; i++) {
		const struct compiled *r = &p->rule[i];
		uint64_t at;

		if (has(r, SEL_UNTIL) && wall_ns >= r->until_ns)
			continue; /* over for good */
		if (has(r, SEL_UNTIL) && r->until_ns < next)
			next = r->until_ns;
		if (!has(r, SEL_DURING))
			continue;
		at = ns_of(schedule_next(r->during, (int64_t)(wall_ns / NS_PER_S)));
		if (at < next)
			next = at;
	}
	return next;
}

unsigned policy_count(const struct policy *p)
{
	return (unsigned)p->n;
}

bool policy_inside(const struct policy *p, const struct addr *a)
{
	return ranges_hold(&p->inside, a);
}

void policy_expired(const struct policy *p, uint64_t wall_ns, FILE *out)
{
	for (size_t i = 0; i < p->n; i++)
		if (has(&p->rule[i], SEL_UNTIL) && p->rule[i].until_ns <= wall_ns)
			fprintf(out, "%s:%d:%d: warning: this rule has ended\n", p->rule[i].rule.file,
			    p->rule[i].rule.line, p->rule[i].until_column);
}
