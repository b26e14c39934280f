/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an administrator must know: roles inside Skype, and the notes of detectors. */
#include "engine/state.h"

#include "detect/skype_role.h"

/* --- records --- */

static struct event *audit_begin(struct engine *e)
{
	struct event *ev = &e->event;

	ev->type = EVENT_AUDIT;
	ev->mono_ns = e->mono_ns;
	ev->wall_ns = e->wall_ns;
	ev->number = e->number;
	ev->file_name = e->file_name;
	ev->call = 0;
	ev->flow.id = 0;
	return ev;
}

void emit_audit(void *arg, const struct look *l, const struct audit_note *note)
{
	struct engine *e = arg;
	struct event *ev = audit_begin(e);

	engine_describe(e, l->flow, &ev->flow);
	ev->audit = *note;
	engine_give(e, ev);
}

/* --- roles --- */

static struct skype_where host_at(const struct flow *f, int end)
{
	struct skype_where at = skype_where_endpoint(&f->key, end);

	return skype_where_host(&at);
}

enum role engine_role(const struct engine *e, const struct flow *f)
{
	enum role role = ROLE_NONE;

	if (f->watch == NULL || f->watch->app != APP_SKYPE)
		return ROLE_NONE;
	for (int end = 0; end < 2; end++) {
		struct skype_where at = host_at(f, end);
		enum role its;

		if (!policy_inside(e->policy, &at.ip))
			continue;
		its = roles_of(e->roles, &at, e->mono_ns);
		role = its > role ? its : role;
	}
	return role;
}

static const char *role_text(const struct role_news *news)
{
	if (news->exceeded)
		return "lends Skype more than the documented cap";
	return news->became == ROLE_RELAY ? "Skype relay: forwards between two remote peers" : "Skype super node: strangers open connections to it";
}

static void tell_role(struct engine *e, const struct flow *f, const struct role_packet *p, const struct role_news *news)
{
	struct event *ev;

	if (news->became <= ROLE_CLIENT && !news->exceeded)
		return;
	ev = audit_begin(e);
	engine_describe(e, f, &ev->flow);
	ev->audit = (struct audit_note){
		.kind = news->exceeded ? AUDIT_CAP : news->became == ROLE_RELAY ? AUDIT_RELAY : AUDIT_SUPERNODE,
		.app = APP_SKYPE, .role = roles_of(e->roles, &p->host, p->now), .host = p->host.ip,
		.what = role_text(news), .value = news->peers, .cap = news->cap, .bytes_s = news->bytes_s,
	};
	engine_give(e, ev);
}

void roles_look(struct engine *e, const struct flow *f, int dir, const struct packet *pkt)
{
	for (int end = 0; end < 2; end++) {
		struct role_packet p = { .host = host_at(f, end), .peer = f->key.ip[!end], .port = f->key.port[end],
			.out = end == dir, .inbound = flow_initiator(f) == !end, .bytes = pkt->payload_wire, .now = e->mono_ns };
		struct role_news news;

		if (p.bytes != 0 && policy_inside(e->policy, &p.host.ip) &&
		    roles_packet(e->roles, &p, &news, &e->counts))
			tell_role(e, f, &p, &news);
	}
}

/* --- the end of the run --- */

static void tell_host(void *arg, const struct skype_where *at, const struct skype_host *host)
{
	struct engine *e = arg;
	struct event *ev = audit_begin(e);
	uint64_t started = e->wall_ns - e->mono_ns; /* of the monotonic clock; wraps like the subtraction */

	ev->audit = (struct audit_note){ .kind = AUDIT_HOST, .app = APP_SKYPE, .host = at->ip, .what = "", .skype = *host,
		.first_wall_ns = started + host->first_ns, .last_wall_ns = started + host->last_ns };
	ev->audit.role = roles_summary(e->roles, at, &ev->audit.rates);
	engine_give(e, ev);
}

void emit_hosts(struct engine *e)
{
	skype_hosts_each(e->env.skype, tell_host, e);
}
