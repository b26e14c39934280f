/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables of ctl: columns of fixed width where what stands in them allows, in the order people look for them. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "event/calls.h"
#include "gate/ctl.h"

#define TIME_FORMAT "%Y-%m-%dT%H:%M:%SZ"
#define PARTY_LEN (CALL_PARTY_LEN + ADDR_TEXT_LEN + 2)

/* --- calls --- */

#define CALL_LINE "%-10s  %-20s  %-8s  %-10s  %-12s  %5s  %-8s  %5s  %s -> %s%s%s"

void ctl_say_calls_head(struct ctl_reply *r)
{
	ctl_say(r, CALL_LINE, "CALL", "SINCE", "STATE", "CLASS", "APP", "BITS", "VERDICT", "FLOWS", "FROM", "TO", "", "");
}

/* "alice@example.org/192.0.2.1": who as signalling says, and where. */
static const char *party_text(const struct call_party *p, char out[static PARTY_LEN])
{
	char ip[ADDR_TEXT_LEN] = "?";

	if (!addr_is_unspecified(&p->ip))
		addr_text(&p->ip, ip);
	snprintf(out, PARTY_LEN, "%s%s%s", p->identity, p->identity[0] == '\0' ? "" : "/", ip);
	return out;
}

bool ctl_say_call(struct ctl_reply *r, const struct call *c)
{
	char id[16], since[TEXT_LEN], bits[16], flows[16], from[PARTY_LEN], to[PARTY_LEN];
	const char *state = call_signalling(c);
	struct call_party party[CALL_ROLES];

	(void)call_ends(c, party);
	snprintf(id, sizeof id, "c-%08" PRIx32, c->id);
	snprintf(bits, sizeof bits, "%.1f", (double)c->bits);
	snprintf(flows, sizeof flows, "%u", c->live);
	return ctl_say(r, CALL_LINE, id, text_time(c->start_wall_ns, TIME_FORMAT, since),
	    state == NULL ? "-" : state, class_name(c->n_media > 0 ? CLASS_MEDIA : CLASS_SIGNALLING),
	    c->app == APP_NONE ? "-" : app_name(c->app), bits,
	    c->judged ? action_name(c->action) : "pass", flows,
	    party_text(&party[CALL_CALLER], from), party_text(&party[CALL_CALLEE], to),
	    c->reason[0] == '\0' ? "" : "  # ", c->reason);
}

/* --- flows --- */

#define FLOW_LINE "%-16s  %-20s  %-10s  %-12s  %5s  %-8s  %10s  %-5s  %s -> %s"

void ctl_say_flows_head(struct ctl_reply *r)
{
	ctl_say(r, FLOW_LINE, "FLOW", "SINCE", "CLASS", "APP", "BITS", "VERDICT", "PACKETS", "PROTO", "FROM", "TO");
}

bool ctl_say_flow(struct ctl_reply *r, const struct engine_flow *f)
{
	char id[24], since[TEXT_LEN], bits[16], packets[24], proto[8], from[PLACE_TEXT_LEN], to[PLACE_TEXT_LEN];

	snprintf(id, sizeof id, "%" PRIu64, f->flow.id);
	snprintf(bits, sizeof bits, "%.1f", (double)f->bits);
	snprintf(packets, sizeof packets, "%" PRIu64, (uint64_t)f->packets[0] + f->packets[1]);
	snprintf(proto, sizeof proto, "%u", f->flow.proto);
	return ctl_say(r, FLOW_LINE, id, text_time(f->first_wall_ns, TIME_FORMAT, since),
	    f->cls == CLASS_NONE ? "-" : class_name(f->cls), f->app == APP_NONE ? "-" : app_name(f->app), bits,
	    action_name(f->action), packets,
	    f->flow.proto == IPPROTO_TCP ? "tcp" : f->flow.proto == IPPROTO_UDP ? "udp" : proto,
	    place_text(&f->flow.ip[0], f->flow.port[0], from), place_text(&f->flow.ip[1], f->flow.port[1], to));
}

/* --- counters --- */

void ctl_say_counts(struct ctl_reply *r, const struct counts *counts)
{
	for (enum counter i = 0; i < COUNT_END; i++)
		ctl_say(r, "%-20s %12" PRIu64 "  %s", count_key(i), counts->n[i], count_help(i));
}

/* --- what to kill --- */

static bool number(const char *text, int base, uint64_t max, uint64_t *out)
{
	char *end;
	unsigned long long v;

	if (!isxdigit((unsigned char)*text))
		return false;
	errno = 0;
	v = strtoull(text, &end, base);
	*out = v;
	return *end == '\0' && errno == 0 && v <= max && v != 0;
}

bool ctl_target(const char *text, struct ctl_target *t)
{
	uint64_t v;

	t->is_call = strncmp(text, "c-", 2) == 0;
	if (!number(t->is_call ? text + 2 : text, t->is_call ? 16 : 10, t->is_call ? UINT32_MAX : UINT64_MAX, &v))
		return false;
	t->call = (uint32_t)v;
	t->flow = v;
	return true;
}

unsigned ctl_call_flows(const struct call *c, uint64_t ids[], unsigned room)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->n_flow && n < room; i++)
		if (c->flow[i]->live && c->flow[i]->part != PART_SIGNALLING)
			ids[n++] = c->flow[i]->id;
	return n;
}
