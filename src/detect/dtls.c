/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "base/cursor.h"
#include "detect/rows.h"

/*
 * DTLS hellos (RFC 6347, 9147). A client that offers use_srtp (RFC 5764) sets
 * up media or a data channel of a browser; one that does not is a VPN or
 * something else. What is said about media is left to who sees it flow.
 */
#define RECORD_HANDSHAKE     22
#define RECORD_HEADER        13   /* RFC 6347, 4.1 */
#define CLIENT_HELLO          1
#define SERVER_HELLO          2
#define VERSION_1_0      0xfeff
#define VERSION_1_2      0xfefd
#define VERSION_CISCO    0x0100   /* AnyConnect before DTLS was an RFC */
#define EXTENSION_SRTP       14   /* RFC 5764, 4.1.1 */
#define EXTENSION_ALPN       16
#define EXTENSION_VERSIONS   43   /* in a ServerHello: DTLS 1.3, whose other extensions are hidden */
#define PROFILE_MAX      0x0010   /* IANA, DTLS-SRTP Protection Profiles */
#define HELLO_MAX          2048   /* bytes of a hello in fragments; a post-quantum key share makes 1.5 KiB */
#define RECORDS_MAX           8   /* looked at in a datagram */

/*
 * That these bytes are a hello with use_srtp is sure (version 15 bits, epoch 16,
 * lengths 3 x 12, a known profile 12). That a call follows is not: Chromium
 * offers and accepts SRTP for a data channel alone (pcaps/webrtc-data.pcap.gz).
 * So both are reported, and neither is acted on until media flows.
 */
#define BITS_OFFER   12.0f
#define BITS_ACCEPT  14.0f
#define BITS_NAME     8.0f        /* DTLS that is no call */

const struct byte_range dtls_bytes[] = { { RECORD_HANDSHAKE, RECORD_HANDSHAKE }, { 1, 0 } };

/* A hello that came in pieces; in order, one at a time. */
struct dtls_flow {
	uint16_t total, have;     /* bytes of the message; 0 none is being put together */
	uint16_t number;          /* message_seq */
	uint8_t type;
	uint8_t dir;
	uint8_t bytes[HELLO_MAX];
};

struct hello {
	bool srtp;                /* use_srtp with a known profile */
	bool hidden;              /* DTLS 1.3: the rest is encrypted */
	bool browser;             /* ALPN webrtc or c-webrtc, RFC 8833 */
	bool cut;                 /* the capture ends first */
};

/* --- hello --- */

/* UseSRTPData: a list of profiles, and an identifier nobody uses. */
static bool srtp_profiles(struct cursor c)
{
	uint32_t list = cur_u16(&c);
	struct cursor profiles = cur_sub(&c, list);
	bool known = false;

	if (list == 0 || list % 2 != 0)
		return false;
	while (cur_left(&profiles) >= 2) {
		uint16_t p = cur_u16(&profiles);

		known |= p != 0 && p <= PROFILE_MAX;
	}
	cur_skip(&c, cur_u8(&c));
	return known && !c.bad && cur_left(&c) == 0;
}

static bool alpn_webrtc(struct cursor c)
{
	cur_skip(&c, 2);
	while (cur_left(&c) > 0) {
		uint8_t n = cur_u8(&c);
		const uint8_t *name = cur_take(&c, n);

		if (name == NULL)
			return false;
		if ((n == 6 && memcmp(name, "webrtc", 6) == 0) || (n == 8 && memcmp(name, "c-webrtc", 8) == 0))
			return true;
	}
	return false;
}

/* False when the extensions do not fit into each other. */
static bool extensions(struct cursor c, bool server, struct hello *h)
{
	uint16_t len = cur_u16(&c);

	if (c.bad)
		return true; /* none at all: RFC 5246, 7.4.1.2 */
	if (len != cur_left(&c) && !(h->cut && len > cur_left(&c)))
		return false;
	while (cur_left(&c) >= 4) {
		uint16_t type = cur_u16(&c), n = cur_u16(&c);
		struct cursor value = cur_sub(&c, n);

		if (value.bad)
			return h->cut;
		h->srtp |= type == EXTENSION_SRTP && srtp_profiles(value);
		h->browser |= type == EXTENSION_ALPN && alpn_webrtc(value);
		h->hidden |= type == EXTENSION_VERSIONS && server;
	}
	return h->cut || cur_left(&c) == 0;
}

static bool known_version(uint16_t v)
{
	return v == VERSION_1_0 || v == VERSION_1_2 || v == VERSION_CISCO;
}

/* RFC 6347, 4.2.1 and RFC 5246, 7.4.1. */
static bool hello_parse(struct cursor c, uint8_t type, struct hello *h)
{
	uint16_t n;

	if (!known_version(cur_u16(&c)))
		return false;
	cur_skip(&c, 32);             /* random */
	if ((n = cur_u8(&c)) > 32)    /* session id */
		return false;
	cur_skip(&c, n);
	if (type == CLIENT_HELLO) {
		cur_skip(&c, cur_u8(&c)); /* cookie */
		n = cur_u16(&c);
		if (n == 0 || n % 2 != 0)
			return false;
		cur_skip(&c, n);          /* cipher suites */
		cur_skip(&c, cur_u8(&c)); /* compression methods */
	} else {
		cur_skip(&c, 3);          /* suite and compression */
	}
	return c.bad ? h->cut : extensions(c, type == SERVER_HELLO, h);
}

/* --- evidence --- */

static bool has_ice(const struct flow *f)
{
	const struct watch *w = f->watch;

	for (unsigned i = 0; w != NULL && i < w->n_evidence; i++)
		if (w->evidence[i].cls == CLASS_ICE)
			return true;
	return false;
}

static enum look_result hello_weigh(struct look *l, uint8_t type, const struct hello *h)
{
	enum app app = h->browser || has_ice(l->flow) ? APP_WEBRTC : APP_DTLS;

	if (h->srtp && type == CLIENT_HELLO)
		detect_evidence(l, CLASS_SIGNALLING, app, BITS_OFFER, "DTLS client offers SRTP", 0, 0);
	else if (h->srtp)
		detect_evidence(l, CLASS_SIGNALLING, app, BITS_ACCEPT, "DTLS server accepts SRTP", 0, 0);
	else if (!h->hidden && !h->cut)
		detect_evidence(l, CLASS_NONE, APP_DTLS, BITS_NAME, type == CLIENT_HELLO
		    ? "DTLS client does not offer SRTP" : "DTLS server does not accept SRTP", 0, 0);
	return LOOK_YES;
}

static enum look_result hello_look(struct look *l, uint8_t type, struct cursor body, bool cut)
{
	struct hello h = { .cut = cut };

	return hello_parse(body, type, &h) ? hello_weigh(l, type, &h) : LOOK_MAYBE;
}

/* --- records and fragments --- */

/* Adds a fragment of a hello; weighs it when it is the last. */
static enum look_result fragment(struct look *l, uint8_t type, uint32_t total, uint16_t number,
    uint32_t offset, const uint8_t *bytes, uint32_t n)
{
	struct dtls_flow *f;

	if (total > HELLO_MAX || offset + n > total)
		return LOOK_MAYBE;
	f = detect_state(l, sizeof *f);
	if (f == NULL)
		return LOOK_MAYBE;
	if (offset == 0) {
		f->total = (uint16_t)total;
		f->have = 0;
		f->number = number;
		f->type = type;
		f->dir = l->dir;
	}
	if (f->total != total || f->number != number || f->type != type || f->dir != l->dir || f->have != offset)
		return LOOK_MAYBE;
	memcpy(f->bytes + offset, bytes, n);
	f->have = (uint16_t)(offset + n);
	if (f->have < f->total)
		return LOOK_YES;
	f->total = 0;
	return hello_look(l, type, cur_open(f->bytes, f->have), false);
}

/* One handshake message of a record; MAYBE for what is no hello. */
static enum look_result handshake(struct look *l, struct cursor c, bool cut)
{
	uint8_t type = cur_u8(&c);
	uint32_t total = cur_u24(&c);
	uint16_t number = cur_u16(&c);
	uint32_t offset = cur_u24(&c), n = cur_u24(&c);
	uint32_t have = (uint32_t)cur_left(&c);

	if (c.bad || (type != CLIENT_HELLO && type != SERVER_HELLO) || offset > total || n > total - offset)
		return LOOK_MAYBE;
	if (n > have && !cut)
		return LOOK_MAYBE;
	if (n > have)
		return offset == 0 ? hello_look(l, type, cur_sub(&c, have), true) : LOOK_MAYBE;
	if (n != total)
		return fragment(l, type, total, number, offset, c.p, n);
	return hello_look(l, type, cur_sub(&c, n), false);
}

/* Plain records of epoch 0; the first that is encrypted or cut ends the walk. */
enum look_result dtls_look(struct look *l)
{
	struct cursor c = cur_open(l->data, l->len);
	enum look_result result = LOOK_MAYBE;

	for (unsigned i = 0; i < RECORDS_MAX && cur_left(&c) >= RECORD_HEADER; i++) {
		uint8_t type = cur_u8(&c);
		uint16_t version = cur_u16(&c), epoch = cur_u16(&c), len;
		uint32_t have;
		bool cut;

		cur_skip(&c, 6);          /* sequence number */
		len = cur_u16(&c);
		have = (uint32_t)cur_left(&c);
		cut = len > have && l->len < l->wire;
		if (!known_version(version) || epoch != 0 || (len > have && !cut))
			break;
		if (type == RECORD_HANDSHAKE && handshake(l, cur_sub(&c, cut ? have : len), cut) == LOOK_YES)
			result = LOOK_YES;
		else if (type != RECORD_HANDSHAKE)
			cur_skip(&c, len);
	}
	return result;
}
