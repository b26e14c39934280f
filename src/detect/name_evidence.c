/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/name_evidence.h"

#include "base/clock.h"
#include "detect/quic_crypto.h"
#include "detect/rows.h"

#define SERVER_NS (600 * NS_PER_S) /* a name in a hello stays true of its server for a session; the next hello renews it */

static void name_say(struct look *l, enum app app, float bits, const char *why)
{
	detect_evidence(l, CLASS_CONTROL, app, bits, why, 0, 0);
	if (l->flow->watch != NULL)
		l->flow->watch->category = app_category(app);
}

/* The server that a client called by the application's own name: its other flows to it, media too, are the application's. */
static void learn_server(struct look *l, enum app app)
{
	uint64_t now = l->pkt->frame->mono_ns;
	struct fact fact = {
		.kind = FACT_NAME, .host = l->pkt->ip[0], .remote = l->pkt->ip[1], .app = app,
		.expires_ns = now + SERVER_NS,
	};

	if (l->env->facts != NULL)
		(void)facts_add(l->env->facts, &fact, now, l->env->counts);
}

bool name_evidence(struct look *l, const char *name, size_t len, enum name_source source)
{
	const struct name_row *row = name_find(name, len);

	if (row == NULL)
		return false;
	name_say(l, row->app, NAME_BITS, row->why[source]);
	if (row->front == NAME_OWN)
		learn_server(l, row->app);
	return true;
}

bool name_evidence_dns(struct look *l)
{
	static const char why[] = "a DNS answer gave this address for a name of the application";
	int from = flow_initiator(l->flow) >= 0 ? flow_initiator(l->flow) : l->dir;
	const struct addr *ip = l->flow->key.ip;
	struct fact fact;

	if (!facts_find(l->env->facts, FACT_NAME, &ip[from], &ip[1 - from], 0, 0,
	    l->pkt->frame->mono_ns, &fact))
		return false;
	if (fact_port_common(l->flow->key.port[1 - from]))
		detect_evidence(l, CLASS_NONE, fact.app, 0, why, 0, 0);
	else
		name_say(l, fact.app, NAME_DNS_BITS, why);
	return true;
}

/* --- the row: what DNS said of this address --- */

const struct byte_range name_bytes[] = { { 0x00, 0xff }, { 1, 0 } };

static bool first_payload(const struct look *l)
{
	return l->depth == 0 && l->flow->dir[0].payloads + l->flow->dir[1].payloads == 1;
}

/*
 * TLS and QUIC say their own name: where it is somebody else's, the address was
 * shared and the fact misleads. Their rows ask for the fact when a hello has no name.
 */
enum look_result name_look(struct look *l)
{
	bool quic = l->len >= 5 && l->data[0] >= QUIC_LONG_HEADER && quic_version_known(l->data + 1);

	if (first_payload(l) && !quic)
		(void)name_evidence_dns(l);
	return LOOK_NO;
}

struct stream_result name_stream(struct look *l)
{
	const uint8_t tls_handshake = 0x16; /* RFC 8446, 5.1 */

	if (first_payload(l) && l->data[0] != tls_handshake)
		(void)name_evidence_dns(l);
	return (struct stream_result){ STREAM_STOP, 0, 0 };
}
