/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/clock.h"
#include "event/audit.h"
#include "event/eve.h"

/* `audit` events: something found, or (audit.kind "host") what a host did when the run ends. */

static const char *const kinds[] = {
#define X(id, name) [AUDIT_##id] = name,
	AUDITS(X)
#undef X
};
static_assert(sizeof kinds / sizeof *kinds == AUDIT_KINDS, "name every kind");

static void put_cap(struct json *j, const struct role_cap *cap, float bytes_s)
{
	json_object(j, "rate");
	json_word(j, "cap", cap->name);
	json_fixed(j, "bytes_s", bytes_s, 0);
	json_u64(j, "cap_bytes_s", cap->bytes_s);
	json_object_end(j);
}

void eve_audit(struct eve *e, const struct event *ev)
{
	const struct audit_note *n = &ev->audit;
	struct json *j = &e->json;

	eve_begin(e, "audit", ev->wall_ns);
	eve_flow_head(e, ev, 0, ev->number);
	json_object(j, "audit");
	json_word(j, "kind", kinds[n->kind]);
	json_addr(j, "host", &n->host);
	json_word(j, "app", app_name(n->app));
	json_word(j, "role", role_name(n->role));
	json_text(j, "what", n->what);
	json_text(j, "name", n->name[0] == '\0' ? NULL : n->name);
	if (n->kind == AUDIT_SUPERNODE)
		json_u64(j, "peers", n->value);
	if (n->bytes_s > 0)
		put_cap(j, &role_caps[n->cap], n->bytes_s);
	json_object_end(j);
	json_line_end(j, true);
}

/* --- hosts --- */

static void put_proof(struct json *j, const struct audit_row *r)
{
	char why[WHY_LEN];

	if (!r->proved) {
		json_null(j, "proof");
		return;
	}
	json_object(j, "proof");
	json_word(j, "detector", r->proof.row->name);
	json_fixed(j, "bits", r->proof.bits, 1);
	json_text(j, "why", evidence_why(&r->proof, why));
	json_object_end(j);
}

static void put_public(struct json *j, const struct skype_host *s)
{
	struct addr ip;

	addr_from_v4(&ip, s->public_ip);
	if (addr_is_unspecified(&ip))
		json_null(j, "public_ip");
	else
		json_addr(j, "public_ip", &ip);
}

static void put_places(struct json *j, const char *key, const struct skype_place *place)
{
	char text[PLACE_TEXT_LEN];

	json_array(j, key);
	for (unsigned i = 0; i < SKYPE_PLACES; i++)
		if (place[i].port != 0)
			json_text(j, NULL, place_text(&place[i].ip, place[i].port, text));
	json_array_end(j);
}

static void put_rates(struct json *j, const struct audit_row *r)
{
	json_array(j, "rates");
	for (unsigned i = 0; i < ROLE_CAPS; i++) {
		if (r->rates.bytes_s[i] == 0)
			continue;
		json_object(j, NULL);
		json_word(j, "cap", role_caps[i].name);
		json_fixed(j, "bytes_s", r->rates.bytes_s[i], 0);
		json_u64(j, "cap_bytes_s", role_caps[i].bytes_s);
		json_object_end(j);
	}
	json_array_end(j);
}

static void put_skype(struct json *j, const struct audit_row *r)
{
	const struct skype_host *s = &r->skype;

	json_object(j, "skype");
	json_word(j, "version", skype_generation_name((enum skype_generation)s->generation));
	put_public(j, s);
	json_u64(j, "processes", s->n_udp_ports);
	json_u64(j, "restarts", s->restarts);
	if (s->listening != 0)
		json_u64(j, "listening", s->listening);
	else
		json_null(j, "listening");
	json_u64(j, "login_servers", s->logins);
	json_u64(j, "supernodes", s->supernodes);
	json_u64(j, "hole_punching", s->punched);
	put_places(j, "login", s->login);
	put_places(j, "supernode", s->supernode);
	put_rates(j, r);
	json_object_end(j);
}

void eve_audit_host(struct eve *e, const struct audit_row *r, uint64_t wall_ns)
{
	struct json *j = &e->json;

	eve_begin(e, "audit", wall_ns);
	json_object(j, "audit");
	json_word(j, "kind", kinds[AUDIT_HOST]);
	json_addr(j, "host", &r->host);
	json_word(j, "app", app_name(r->app));
	json_word(j, "category", category_name(r->category));
	json_word(j, "role", role_name(r->role));
	json_fixed(j, "bits", r->bits, 1);
	put_proof(j, r);
	json_time(j, "first", r->first_ns);
	json_time(j, "last", r->last_ns);
	json_u64(j, "flows", r->flows);
	json_u64(j, "peers", r->peers);
	json_u64(j, "bytes_sent", r->bytes[0]);
	json_u64(j, "bytes_received", r->bytes[1]);
	json_u64(j, "calls", r->calls);
	json_fixed(j, "call_s", (double)r->call_ns / (double)NS_PER_S, 3);
	json_u64(j, "accepted", r->accepted);
	if (r->app == APP_SKYPE)
		put_skype(j, r);
	json_object_end(j);
	json_line_end(j, false);
}
