/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "event/tell.h"

#include <inttypes.h>
#include <netinet/in.h>

#include "base/clock.h"
#include "base/text.h"
#include "event/verdict.h"

#define LINE      "%-8s  %-10s  %-10s  %-12s  %5s  %-7s  "
#define REASON_MAX 200 /* bytes; squelch.rules(5) */

struct told {
	uint64_t wall_ns;
	uint32_t call_id;
	const char *what, *app;
	float bits;
	enum action action;
};

void tell_head(FILE *out)
{
	fprintf(out, LINE "%s\n", "UTC", "CALL", "WHAT", "APP", "BITS", "VERDICT", "WHO");
}

static void put_begin(FILE *out, const struct told *t)
{
	char at[TEXT_LEN], id[16] = "-", bits[16];

	if (t->call_id != 0)
		snprintf(id, sizeof id, "c-%08" PRIx32, t->call_id);
	snprintf(bits, sizeof bits, "%.1f", (double)t->bits);
	fprintf(out, LINE, text_time(t->wall_ns, "%H:%M:%S", at), id, t->what, t->app, bits, action_name(t->action));
}

static void put_end(FILE *out, const char *reason)
{
	char text[REASON_MAX + 1];

	if (reason != NULL && reason[0] != '\0')
		fprintf(out, "  # %s", text_tame(reason, REASON_MAX, text));
	putc('\n', out);
}

static const char *proto_name(uint8_t proto)
{
	return proto == IPPROTO_TCP ? "tcp " : proto == IPPROTO_UDP ? "udp " : "";
}

void tell_voip(FILE *out, const struct event *ev, uint32_t call_id)
{
	const struct said said = verdict_said(&ev->verdict);
	const struct event_flow *f = &ev->flow;
	char from[PLACE_TEXT_LEN], to[PLACE_TEXT_LEN];

	put_begin(out, &(struct told){ ev->wall_ns, call_id, ev->voip.cls == CLASS_NONE ? "-" : class_name(ev->voip.cls),
		ev->voip.app == APP_NONE ? "-" : app_name(ev->voip.app), ev->voip.bits, said.action });
	fprintf(out, "%s%s %s %s", proto_name(f->proto), place_text(&f->ip[0], f->port[0], from),
	    f->initiator < 0 ? "<>" : "->", place_text(&f->ip[1], f->port[1], to));
	put_end(out, said.reason);
}

void tell_call(FILE *out, const struct call *c, uint64_t wall_ns)
{
	const double seconds = c->end_wall_ns > c->start_wall_ns ? (double)(c->end_wall_ns - c->start_wall_ns) / NS_PER_S : 0;
	struct call_party ends[CALL_ROLES];
	const bool known = call_ends(c, ends);
	char what[CALL_WHAT_LEN], name[CALL_PARTY_LEN], who[CALL_ROLES][CALL_PARTY_LEN];

	for (int i = 0; i < CALL_ROLES; i++)
		text_tame(call_party_text(&ends[i], name), CALL_PARTY_LEN - 1, who[i]);
	put_begin(out, &(struct told){ wall_ns, c->id, c->failed && !c->answered ? "failed" : "ended", call_what_text(c, what),
		c->bits, c->judged ? c->action : ACTION_PASS });
	fprintf(out, "%s %s %s, %.1f s", who[CALL_CALLER], known ? "->" : "<>", who[CALL_CALLEE], seconds);
	put_end(out, c->reason);
}
