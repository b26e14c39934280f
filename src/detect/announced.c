/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Media that signalling on another flow has announced, and traffic of relays handed out by TURN. */
#include <netinet/in.h>
#include <string.h>

#include "detect/rows.h"

const struct byte_range announced_bytes[] = { { 0, 255 }, { 1, 0 } };

#define RELAY_BITS    6.0f /* a relayed address was asked for: a call, or any other use of ICE */
#define TRIES_LAST    1024 /* payloads after which we stop asking: 20 s of speech in one direction */

/* A fact told to either end about the other. */
static bool fact_of(const struct look *l, enum fact_kind kind, struct fact *f)
{
	const struct packet *p = l->pkt;

	for (int to = 1; to >= 0; to--)
		if (facts_find(l->env->facts, kind, &p->ip[!to], &p->ip[to], p->port[to],
		    IPPROTO_UDP, p->frame->mono_ns, f))
			return true;
	return false;
}

static void link_flow(struct look *l, const struct fact *f)
{
	struct watch *w = detect_watch(l);

	if (w == NULL)
		return;
	w->call = f->call;
	w->call_app = (uint8_t)f->call_app;
	w->signaller = f->signaller;
	w->signaller_port = f->signaller_port;
	w->sos = f->sos;
	memcpy(w->dialed, f->dialed, sizeof w->dialed);
	w->payload_type = f->payload_type;
	w->clock_hz = f->clock_hz;
	l->flow->flags |= FLOW_LINKED;
	watch_ask_rules(w);
}

/* Evidence from an announcement alone: none on a common port, where the flow is media only when it looks so. */
static void weigh(struct look *l, const struct fact *f)
{
	if (fact_port_common(l->pkt->port[0]) || fact_port_common(l->pkt->port[1]))
		return;
	if (f->app == APP_RTCP)
		detect_evidence(l, CLASS_SIGNALLING, APP_RTCP, ANNOUNCED_BITS, "RTCP announced by signalling", 0, 0);
	else if (f->app == APP_RTSP)
		detect_evidence(l, CLASS_STREAMING, APP_RTSP, ANNOUNCED_BITS, "announced by RTSP", 0, 0);
	else
		detect_evidence(l, CLASS_MEDIA, APP_NONE, ANNOUNCED_BITS,
		    f->call_app == APP_SIP ? "announced by SIP" : "announced by call signalling", 0, 0);
}

enum look_result announced_look(struct look *l)
{
	uint32_t n = l->flow->dir[0].payloads + l->flow->dir[1].payloads;
	struct fact f;

	if (l->depth > 0)
		return LOOK_MAYBE; /* facts are about the addresses of the flow itself */
	if (n > TRIES_LAST || (l->flow->flags & FLOW_LINKED) != 0)
		return LOOK_NO;
	if (fact_of(l, FACT_ANNOUNCED, &f)) {
		weigh(l, &f);
		if (f.app != APP_RTSP) /* what is streamed belongs to no call */
			link_flow(l, &f);
		return LOOK_NO;
	}
	if (fact_of(l, FACT_RELAY, &f))
		detect_evidence(l, CLASS_ICE, f.app, RELAY_BITS, "relayed address of TURN", 0, 0);
	return LOOK_MAYBE;
}
