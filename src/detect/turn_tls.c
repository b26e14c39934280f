/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/turn_tls.h"

#include <stddef.h>

#include "detect/framing.h"
#include "detect/stun.h"

/* Payloads of a connection in which it is looked for: TLS takes four to eight, TURN six, a certificate or two the rest. */
#define SEGMENTS_LOOKED 24

#define HANDSHAKE        22 /* RFC 8446, 5.1 */
#define APPLICATION_DATA 23

/* --- messages, bytes: RFC 8489 (STUN), RFC 8656 (TURN) --- */

#define WORD          4   /* all are a multiple of it (RFC 8489, 5) */
#define ATTRIBUTE     4   /* type and length; values are padded to a word */
#define TRANSPORT     8   /* REQUESTED-TRANSPORT, */
#define CHANNEL       8   /* CHANNEL-NUMBER, */
#define LIFETIME      8   /* and LIFETIME */
#define ADDRESS4      12  /* XOR-PEER-ADDRESS and its like, IPv4; */
#define ADDRESS6      24
#define INTEGRITY     24  /* MESSAGE-INTEGRITY */

#define ALLOCATE_MIN  (STUN_HEADER + TRANSPORT)
#define ALLOCATE_MAX  (ALLOCATE_MIN + 64) /* with the options of RFC 8656, 7.1, a fingerprint and a name of software */
#define REFUSED_MIN   (STUN_HEADER + ATTRIBUTE + 4 + 2 * (ATTRIBUTE + WORD)) /* ERROR-CODE, REALM and NONCE */
#define GIVEN_MIN     (STUN_HEADER + 2 * ADDRESS4 + LIFETIME + INTEGRITY)
#define DONE_MIN      (STUN_HEADER + INTEGRITY)
#define SIGNING_MIN   (INTEGRITY + 3 * (ATTRIBUTE + WORD)) /* with USERNAME, REALM and NONCE */
#define SIGNING_MAX   512 /* names have at most 508 bytes, but no relay has such */

/* CreatePermission and ChannelBind, before credentials. */
static const uint8_t let_in[] = {
	STUN_HEADER + ADDRESS4, STUN_HEADER + ADDRESS6, STUN_HEADER + CHANNEL + ADDRESS4, STUN_HEADER + CHANNEL + ADDRESS6,
};

/* What the answer to Allocate holds and the next does not: relayed address, address seen, lifetime. */
static const uint8_t gift[] = { 2 * ADDRESS4 + LIFETIME, ADDRESS4 + ADDRESS6 + LIFETIME, 2 * ADDRESS6 + LIFETIME };

/*
 * What encryption adds to a record: 1.3 a type and a tag (RFC 8446, 5.2); 1.2 a nonce and a tag (RFC 5288, 3), or with
 * ChaCha20-Poly1305 a tag (RFC 7905). Which one, the remainder tells by half.
 */
static const uint8_t encryption[] = { 17, 24, 16 };

static bool among(const uint8_t *list, size_t n, uint32_t value)
{
	for (size_t i = 0; i < n; i++)
		if (value == list[i])
			return true;
	return false;
}

/* Whether some encryption makes a message of a length between these so long a record. */
static bool may_be(uint32_t body, uint32_t least, uint32_t most)
{
	for (size_t i = 0; i < sizeof encryption; i++)
		if (body % WORD == encryption[i] % WORD && body >= encryption[i] + least && body <= encryption[i] + most)
			return true;
	return false;
}

/* Differs from the first request by whole words. */
static bool in_words(const struct flow_opening *o, uint32_t body)
{
	return body % WORD == o->asked % WORD;
}

/*
 * A request to let a peer in, as long as the credentials make it; with what else stands in all requests of this client
 * (SOFTWARE, FINGERPRINT), which is at most what the first one held beside the transport.
 */
static bool lets_in(const struct flow_opening *o, uint32_t body)
{
	for (size_t i = 0; i < sizeof encryption; i++) {
		uint32_t known = o->signing + (uint32_t)encryption[i], more = o->asked - (uint32_t)encryption[i] - ALLOCATE_MIN;

		if (o->asked < encryption[i] + ALLOCATE_MIN || o->asked % WORD != encryption[i] % WORD || body < known)
			continue;
		if (among(let_in, sizeof let_in, body - known) || (body >= known + more && among(let_in, sizeof let_in, body - known - more)))
			return true;
	}
	return false;
}

/* --- one after the other --- */

enum step { START, HELLO, ASKED, REFUSED, SIGNED, GIVEN, LET_IN };

static void ask(struct flow_opening *o, uint32_t body)
{
	bool fits = may_be(body, ALLOCATE_MIN, ALLOCATE_MAX);

	*o = (struct flow_opening){ .asked = fits ? (uint16_t)body : 0, .step = fits ? ASKED : HELLO };
}

static void from_client(struct flow_opening *o, uint32_t body)
{
	if (o->step == REFUSED && in_words(o, body) && body >= (uint32_t)o->asked + SIGNING_MIN && body <= (uint32_t)o->asked + SIGNING_MAX) {
		o->signing = (uint16_t)(body - o->asked);
		o->step = SIGNED;
	} else if (o->step < GIVEN) {
		ask(o, body); /* the end of a handshake looks like it too, and the request comes after that */
	} else if (o->step == GIVEN && lets_in(o, body)) {
		o->step = LET_IN;
	}
}

/* True when it is the answer that ends the opening of TURN. */
static bool from_server(struct flow_opening *o, uint32_t body)
{
	if (!in_words(o, body))
		return false; /* a session ticket */
	if (o->step == ASKED && may_be(body, REFUSED_MIN, UINT16_MAX)) {
		o->step = REFUSED;
	} else if (o->step == SIGNED && may_be(body, GIVEN_MIN, UINT16_MAX)) {
		o->given = (uint16_t)body;
		o->step = GIVEN;
	}
	return o->step == LET_IN && may_be(body, DONE_MIN, UINT16_MAX) && among(gift, sizeof gift, o->given - body);
}

enum turn_tls turn_tls_record(struct flow_opening *o, bool client, uint32_t body)
{
	if (body > FLOW_SMALL)
		return o->step >= ASKED ? TURN_TLS_NO : TURN_TLS_MAYBE; /* certificates come before */
	if (!client)
		return from_server(o, body) ? TURN_TLS_YES : TURN_TLS_MAYBE;
	from_client(o, body);
	return TURN_TLS_MAYBE;
}

/* The first payload is a ClientHello, and these are the first ones. */
static bool is_opening(const struct look *l)
{
	struct flow *f = l->flow;

	if (f->opening.step == START && l->dir == flow_initiator(f) && l->data[0] == HANDSHAKE)
		f->opening.step = HELLO;
	return f->opening.step != START && f->dir[0].payloads + f->dir[1].payloads <= SEGMENTS_LOOKED;
}

enum turn_tls turn_tls_segment(const struct look *l)
{
	struct flow_opening *o = &l->flow->opening;
	bool client = l->dir == flow_initiator(l->flow);
	enum turn_tls is = TURN_TLS_MAYBE;
	uint32_t at = 0;

	if (!is_opening(l))
		return TURN_TLS_NO;
	while (is == TURN_TLS_MAYBE && at < l->len) {
		uint32_t left = l->len - at;
		struct framing_header h = framing_read(FRAMING_TLS, l->data + at, left < FRAMING_HEADER_MAX ? left : FRAMING_HEADER_MAX);

		if (h.head <= 0) /* the middle of a large record */
			break;
		if (l->data[at] == APPLICATION_DATA)
			is = turn_tls_record(o, client, h.body);
		at += (uint32_t)h.head + h.body;
	}
	return is;
}
