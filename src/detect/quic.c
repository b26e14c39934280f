/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "base/cursor.h"
#include "detect/name_evidence.h"
#include "detect/quic_crypto.h"
#include "detect/rows.h"
#include "detect/tls.h"

/*
 * The server name in the ClientHello of a QUIC connection (RFC 9000, RFC 9001).
 * It comes in CRYPTO frames of the client's Initial packets, which browsers
 * cut up, shuffle and spread over two datagrams, so they are put together here.
 */

#define DATAGRAM_MIN     1200   /* of a client's Initial packets, RFC 9000, 14.1 */
#define TRIES_MAX        4      /* datagrams opened in one flow: a hello fits two */
#define COALESCED_MAX    4      /* packets read of one datagram */
#define FRAMES_MAX       1500   /* bytes of frames in one packet: it fits a datagram */
#define HELLO_BYTES      4096   /* of the handshake; browsers send up to 2 KB */
#define FRAME_PADDING    0x00   /* RFC 9000, 19 */
#define FRAME_PING       0x01
#define FRAME_ACK        0x02
#define FRAME_ACK_ECN    0x03
#define FRAME_CRYPTO     0x06
#define ACK_RANGES_MAX   64     /* of an ACK that are walked: a client that begins has got hardly anything */

/* 0xc0 to 0xff: every long header with the fixed bit. */
const struct byte_range quic_bytes[] = { { QUIC_LONG_HEADER, 0xff }, { 1, 0 } };

/* The handshake bytes seen so far. */
struct hello {
	uint8_t at[HELLO_BYTES];
	uint8_t have[HELLO_BYTES / 8];
};

/* Kept between datagrams; a flow whose first datagram is enough never has one. */
struct quic_state {
	struct quic_keys keys;
	struct hello hello;
	uint8_t tries;
	uint8_t client;            /* direction */
};

/* A packet with a long header inside its datagram. */
struct quic_packet {
	const struct quic_version *version;
	const uint8_t *start, *cid;
	size_t cid_len, pn_at, len;
	uint8_t type;
};

/* Variable-length integer, RFC 9000, 16. */
static uint64_t cur_varint(struct cursor *c)
{
	uint8_t first = cur_u8(c);
	uint64_t v = first & 0x3f;

	for (unsigned more = (1u << (first >> 6)) - 1; more != 0; more--)
		v = v << 8 | cur_u8(c);
	return v;
}

/* --- handshake bytes --- */

static void hello_add(struct hello *h, uint64_t offset, const uint8_t *data, size_t len)
{
	if (offset >= HELLO_BYTES)
		return;
	if (len > HELLO_BYTES - offset)
		len = HELLO_BYTES - (size_t)offset;
	memcpy(h->at + offset, data, len);
	for (size_t i = (size_t)offset; i < offset + len; i++)
		h->have[i / 8] |= (uint8_t)(1u << i % 8);
}

/* Bytes without a hole from the start. */
static size_t hello_len(const struct hello *h)
{
	size_t n = 0;

	while (n < HELLO_BYTES && h->have[n / 8] >> n % 8 & 1)
		n++;
	return n;
}

static void skip_ack(struct cursor *c, bool ecn)
{
	uint64_t ranges;

	(void)cur_varint(c); /* largest acknowledged */
	(void)cur_varint(c); /* delay */
	ranges = cur_varint(c);
	if (ranges > ACK_RANGES_MAX)
		c->bad = true;
	(void)cur_varint(c); /* first range */
	for (uint64_t i = 0; !c->bad && i < 2 * ranges; i++)
		(void)cur_varint(c);
	for (unsigned i = 0; ecn && i < 3; i++)
		(void)cur_varint(c);
}

static void take_crypto(struct cursor *c, struct hello *h)
{
	uint64_t offset = cur_varint(c);
	uint64_t len = cur_varint(c);
	const uint8_t *data = len > cur_left(c) ? NULL : cur_take(c, (size_t)len);

	if (data == NULL)
		c->bad = true;
	else
		hello_add(h, offset, data, (size_t)len);
}

/* Frames an Initial packet may carry (RFC 9000, 12.4); any other ends the walk. */
static void take_frames(const uint8_t *frames, size_t len, struct hello *h)
{
	struct cursor c = cur_open(frames, len);

	while (cur_left(&c) != 0) {
		uint8_t type = cur_u8(&c);

		if (type == FRAME_CRYPTO)
			take_crypto(&c, h);
		else if (type == FRAME_ACK || type == FRAME_ACK_ECN)
			skip_ack(&c, type == FRAME_ACK_ECN);
		else if (type != FRAME_PADDING && type != FRAME_PING)
			return;
	}
}

/* --- packets --- */

/* Takes the next packet of a datagram; false when no further one can be read. */
static bool take_packet(struct cursor *c, struct quic_packet *p)
{
	uint64_t token, rest;
	uint8_t first;

	p->start = c->p;
	first = cur_u8(c);
	p->version = quic_version_find(cur_u32(c));
	if (c->bad || (first & QUIC_LONG_HEADER) != QUIC_LONG_HEADER || p->version == NULL)
		return false;
	p->type = first >> 4 & 3;
	p->cid_len = cur_u8(c);
	p->cid = cur_take(c, p->cid_len);
	cur_skip(c, cur_u8(c)); /* source connection identifier */
	if (c->bad || p->cid_len > QUIC_CID_MAX || p->type == p->version->retry)
		return false;
	if (p->type == p->version->initial) {
		token = cur_varint(c);
		if (token > cur_left(c))
			return false;
		cur_skip(c, (size_t)token);
	}
	rest = cur_varint(c);
	p->pn_at = (size_t)(c->p - p->start);
	if (c->bad || rest > cur_left(c))
		return false;
	cur_skip(c, (size_t)rest);
	p->len = p->pn_at + (size_t)rest;
	return true;
}

/*
 * Opens a packet with the keys of the connection, or else with those of its own
 * identifier: after a Retry the client begins anew with another one.
 */
static bool open_packet(const struct quic_packet *p, struct quic_keys *keys, bool known,
    struct hello *h)
{
	uint8_t frames[FRAMES_MAX];
	size_t n = known ? quic_open(keys, p->start, p->pn_at, p->len, frames, sizeof frames) : 0;
	struct quic_keys own;

	if (n == 0 && quic_client_keys(p->version, p->cid, p->cid_len, &own)) {
		n = quic_open(&own, p->start, p->pn_at, p->len, frames, sizeof frames);
		if (n != 0)
			*keys = own;
	}
	take_frames(frames, n, h);
	return n != 0;
}

/* Opens the Initial packets of a datagram; false when there was none that is authentic. */
static bool open_datagram(const struct look *l, struct quic_keys *keys, bool known, struct hello *h)
{
	struct cursor c = cur_open(l->data, l->len);
	struct quic_packet p;
	bool opened = false;

	for (unsigned i = 0; i < COALESCED_MAX && take_packet(&c, &p); i++)
		if (p.type == p.version->initial && open_packet(&p, keys, known || opened, h))
			opened = true;
	return opened;
}

/* Leaves evidence when the name is there; false while it may still come. */
static bool hello_decide(struct look *l, const struct hello *h)
{
	size_t n = hello_len(h);
	struct tls_name name;

	switch (n == 0 ? TLS_MORE : tls_hello_parse(h->at, n, &name)) {
	case TLS_NAME:
		(void)name_evidence(l, name.at, name.len, NAME_QUIC);
		return true;
	case TLS_NAMELESS:
		(void)name_evidence_dns(l);
		return true;
	case TLS_NOT:
		return true;
	case TLS_MORE:
		break;
	}
	return false;
}

/* Keeps what the first datagram told for the next one. */
static enum look_result keep(struct look *l, const struct quic_keys *keys, const struct hello *h)
{
	struct quic_state *s = detect_state(l, sizeof *s);

	if (s == NULL)
		return LOOK_NO;
	s->keys = *keys;
	s->hello = *h;
	s->client = l->dir;
	s->tries = 1;
	return LOOK_YES;
}

static enum look_result look_first(struct look *l)
{
	struct quic_keys keys = { 0 };
	struct hello h = { 0 };

	/*
	 * Not a client's Initial: the server's, an unknown version that the server
	 * will refuse, or no QUIC at all; give_up_after bounds how often we come here.
	 */
	if (!open_datagram(l, &keys, false, &h))
		return LOOK_MAYBE;
	return hello_decide(l, &h) ? LOOK_NO : keep(l, &keys, &h);
}

enum look_result quic_look(struct look *l)
{
	struct quic_state *s = detect_state_find(l);

	if (l->depth != 0)
		return LOOK_NO;
	if (s != NULL && l->dir != s->client)
		return LOOK_MAYBE;
	/* A datagram cut by the capture cannot be proved authentic. */
	if (l->wire < DATAGRAM_MIN || l->len != l->wire || !quic_version_known(l->data + 1))
		return LOOK_MAYBE;
	if (s == NULL)
		return look_first(l);
	(void)open_datagram(l, &s->keys, true, &s->hello);
	if (hello_decide(l, &s->hello) || ++s->tries >= TRIES_MAX)
		return LOOK_NO;
	return LOOK_YES;
}
