/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "base/cursor.h"
#include "base/hash.h"
#include "detect/rows.h"
#include "detect/signal.h"
#include "detect/stun.h"

/*
 * STUN and ICE. The bits are those of the fields that other bytes cannot
 * satisfy; a message that says more replaces one that said less. A name comes
 * from what applications put into their messages (stun_vendor.c).
 */

/* Fields of a message with the cookie. */
#define BITS_COOKIE      32.0f /* RFC 8489, 5 */
#define BITS_LENGTH      12.0f /* of 16: small numbers are likelier than others */
#define BITS_METHOD       6.0f /* one of 12 registered among 4096, less what small numbers are likelier */
#define BITS_WALK         6.0f /* attributes that end where the message does */
#define BITS_FINGERPRINT 32.0f
#define BITS_MAX         64.0f /* further decimals mean nothing */
/* Classic messages have no cookie, and their fields are small numbers as everywhere. */
#define BITS_CLASSIC_TYPE   6.0f
#define BITS_CLASSIC_LENGTH 8.0f
#define BITS_CLASSIC_KNOWN  6.0f /* an attribute of RFC 3489 with its own length */
#define CLASSIC_KNOWN_MAX   3
#define BITS_ANSWER        24.0f /* 16 bytes of transaction id come back; echoes of other protocols taken off */

#define ASKED        4  /* transaction ids remembered a direction: clients ask in bursts */
#define NAME_TRIES  16  /* messages of a flow in which a name is looked for */
#define USERNAME_MAX 513 /* bytes; RFC 8489, 14.3 */

const struct byte_range stun_bytes[] = { { 0x00, 0x3f }, { 1, 0 } };
/* Plain: a STUN type; RFC 4571: high byte of the length of one packet. */
const struct byte_range stun_stream_bytes[] = { { 0x00, 0x07 }, { 1, 0 } };
const struct byte_range stun_hint_bytes[] = { { 0x00, 0x01 }, { 1, 0 } };

enum framing { FRAMING_UNKNOWN, FRAMING_PLAIN, FRAMING_4571 };

struct stun_flow {
	float bits;
	uint8_t app;
	uint8_t framing[2];      /* enum framing, a direction */
	uint8_t next[2];
	uint8_t tries;           /* messages looked at for a name */
	bool answered;           /* a response repeated a request's transaction id */
	bool fingerprint;
	bool paired;             /* CALL_ICE was handed on */
	uint32_t asked[2][ASKED]; /* transaction ids of requests, hashed; 0 none */
	const char *why;
};

/* --- bits --- */

/* RFC 3489, 11.2: attributes and the lengths they have. */
static bool classic_known(const struct stun_attribute *a)
{
	switch (a->type) {
	case STUN_CHANGE_REQUEST:
		return a->len == 4;
	case STUN_MESSAGE_INTEGRITY:
		return a->len == 20;
	default:
		return a->type >= STUN_MAPPED_ADDRESS && a->type <= STUN_REFLECTED_FROM && a->len == 8
		    && a->have > 1 && a->value[1] == 1;
	}
}

static float classic_bits(const struct stun_message *m, bool answered)
{
	float bits = BITS_CLASSIC_TYPE;
	unsigned known = 0;

	if (m->length != 0)
		bits += BITS_CLASSIC_LENGTH;
	for (unsigned i = 0; i < m->n; i++)
		known += classic_known(&m->at[i]);
	bits += BITS_CLASSIC_KNOWN * (float)(known > CLASSIC_KNOWN_MAX ? CLASSIC_KNOWN_MAX : known);
	return answered ? bits + BITS_ANSWER : bits;
}

static float message_bits(const struct stun_message *m, const struct stun_flow *f)
{
	float bits = BITS_COOKIE + BITS_LENGTH;

	if (!m->cookie)
		return classic_bits(m, f->answered);
	if (m->method >= STUN_BINDING && m->method <= STUN_CONNECTION_ATTEMPT)
		bits += BITS_METHOD;
	if (m->walked && m->n != 0)
		bits += BITS_WALK;
	if (f->fingerprint)
		bits += BITS_FINGERPRINT;
	if (f->answered)
		bits += BITS_ANSWER;
	return bits > BITS_MAX ? BITS_MAX : bits;
}

/* --- requests and answers --- */

static uint32_t id_hash(const struct stun_message *m)
{
	uint32_t h = (uint32_t)hash_bytes(m->id, 4 + STUN_ID_LEN);

	return h == 0 ? 1 : h;
}

/* Zoom answers a classic Binding request with type 2 and the same transaction id. */
static bool is_request(const struct stun_message *m)
{
	return m->cls == STUN_REQUEST && (m->cookie || m->method == STUN_BINDING);
}

static void match(struct stun_flow *f, const struct stun_message *m, int dir)
{
	uint32_t id = id_hash(m);

	if (is_request(m)) {
		f->asked[dir][f->next[dir]++ % ASKED] = id;
		return;
	}
	if (m->cls == STUN_INDICATION)
		return;
	for (unsigned i = 0; i < ASKED; i++)
		f->answered |= f->asked[!dir][i] == id;
}

/* --- evidence --- */

static const char *message_why(const struct stun_message *m, const struct stun_flow *f)
{
	if (stun_find(m, STUN_PRIORITY) != NULL && stun_find(m, STUN_USERNAME) != NULL)
		return f->fingerprint ? "ICE connectivity check, fingerprint right" : "ICE connectivity check";
	if (!m->cookie)
		return f->answered ? "classic STUN request and its answer" : "classic STUN message";
	return f->answered ? "STUN request and its answer" : "STUN message";
}

/* Port of who is asked, or answers; 0 inside a relay. */
static uint16_t peer_port(const struct look *l, const struct stun_message *m)
{
	if (l->depth != 0)
		return 0;
	return l->pkt->port[m->cls == STUN_REQUEST || m->cls == STUN_INDICATION ? 1 : 0];
}

/* True when the flow has a new name: a vendor's is never given up for another. */
static bool name(struct stun_flow *f, const struct look *l, const struct stun_message *m)
{
	const struct stun_vendor *v;

	if (app_kind((enum app)f->app) == APP_KIND_VENDOR || f->tries >= NAME_TRIES)
		return false;
	f->tries++;
	v = stun_vendor_find(m, peer_port(l, m), true);
	if (v == NULL || v->app == f->app)
		return false;
	f->app = (uint8_t)v->app;
	f->why = v->why;
	return true;
}

static void weigh(struct look *l, struct stun_flow *f, const struct stun_message *m)
{
	bool named;
	float bits;

	if (!f->fingerprint && m->cookie)
		f->fingerprint = stun_fingerprint(l->data, l->len, m);
	if (f->app == APP_NONE)
		f->app = APP_STUN;
	named = name(f, l, m);
	bits = message_bits(m, f);
	if (bits <= f->bits && !named)
		return;
	if (bits > f->bits)
		f->bits = bits;
	if (f->app == APP_STUN)
		f->why = message_why(m, f);
	detect_evidence(l, CLASS_ICE, (enum app)f->app, f->bits, f->why, 0, 0);
}

/* --- agent pairs --- */

/* The same for a:b and b:a, so that checks of both agents and of all their flows meet; 0 for other user names. */
static uint64_t pair_hash(const struct stun_attribute *user)
{
	const uint8_t *colon;
	uint64_t half[2];
	size_t left;

	if (user == NULL || user->have != user->len || user->len > USERNAME_MAX)
		return 0;
	colon = user->len == 0 ? NULL : memchr(user->value, ':', user->len);
	if (colon == NULL || colon == user->value || colon == user->value + user->len - 1)
		return 0;
	left = (size_t)(colon - user->value);
	half[0] = hash_bytes(user->value, left);
	half[1] = hash_bytes(colon + 1, user->len - left - 1);
	half[0] += half[1];
	return half[0] == 0 ? 1 : half[0];
}

/* Flows between the same two agents belong to one call (RFC 8445, 7.2.2: USERNAME is both fragments). */
static void pair(struct look *l, struct stun_flow *f, const struct stun_message *m)
{
	struct call_signal s;
	struct watch *w;
	uint64_t call;

	if (f->paired || m->method != STUN_BINDING || m->cls != STUN_REQUEST || !m->cookie)
		return;
	if (stun_find(m, STUN_REALM) != NULL) /* TURN's long-term user name */
		return;
	call = pair_hash(stun_find(m, STUN_USERNAME));
	w = call == 0 ? NULL : detect_watch(l);
	if (w == NULL)
		return;
	f->paired = true;
	if (w->call == 0)
		w->call = call;
	memset(&s, 0, sizeof s);
	s.call = call;
	s.phase = CALL_ICE;
	s.app = (enum app)f->app;
	s.from_caller = stun_find(m, STUN_CONTROLLING) != NULL; /* who offered controls: RFC 8445, 6.1.1 */
	detect_signal(l, &s);
}

enum look_result stun_look(struct look *l)
{
	struct stun_message m;
	struct stun_flow *f;

	if (!stun_parse(l->data, l->len, l->wire, &m))
		return LOOK_MAYBE;
	if (m.refused)
		count(l->env->counts, COUNT_ATTRIBUTES_REFUSED);
	f = detect_state(l, sizeof *f);
	if (f == NULL)
		return LOOK_MAYBE;
	match(f, &m, l->dir);
	weigh(l, f, &m);
	pair(l, f, &m);
	return m.cookie || f->answered ? LOOK_YES : LOOK_MAYBE;
}

enum look_result stun_hint_look(struct look *l)
{
	const struct stun_vendor *v;
	struct stun_message m;

	if (!stun_parse(l->data, l->len, l->wire, &m) || !m.cookie)
		return LOOK_MAYBE;
	v = stun_vendor_find(&m, peer_port(l, &m), false);
	if (v == NULL)
		return LOOK_MAYBE;
	detect_evidence(l, CLASS_ICE, v->app, UNVERIFIED_BITS, v->why, 0, 0);
	return LOOK_NO;
}

/* --- streams: every frame is shown as the datagram it would have been --- */

#define FRAME_MAX (16u << 10) /* bytes that a stream may keep (STREAM_BYTES_MAX) */
#define FRAME_4571 2          /* bytes of length before a packet: RFC 4571, 2 */
#define CHANNEL_HEADER 4      /* RFC 8656, 12.4 */

static struct stream_result stream_more(uint32_t need)
{
	return (struct stream_result){ need > FRAME_MAX ? STREAM_STOP : STREAM_MORE, 0, need };
}

static struct stream_result stream_frame(struct look *l, uint32_t skip, uint32_t len, uint32_t used)
{
	if (l->len < used)
		return stream_more(used);
	detect_inner(l, l->data + skip, len, len);
	return (struct stream_result){ STREAM_USED, used, 0 };
}

static struct stream_result stream_4571(struct look *l)
{
	struct cursor c = cur_open(l->data, l->len);
	uint32_t len = cur_u16(&c);

	if (c.bad)
		return stream_more(FRAME_4571);
	return stream_frame(l, FRAME_4571, len, FRAME_4571 + len);
}

/* TURN over TCP: STUN messages, and ChannelData padded to four bytes (RFC 8656, 12.5). */
static struct stream_result stream_plain(struct look *l)
{
	struct cursor c = cur_open(l->data, l->len);
	uint16_t type = cur_u16(&c);
	uint32_t len = cur_u16(&c);
	uint32_t cookie;

	if (c.bad)
		return stream_more(CHANNEL_HEADER);
	if (type >> 14 == 1) {
		len += CHANNEL_HEADER;
		return stream_frame(l, 0, len, (len + 3) & ~3u);
	}
	cookie = cur_u32(&c);
	if (c.bad)
		return stream_more(STUN_HEADER);
	if (type >> 14 != 0 || cookie != STUN_COOKIE)
		return (struct stream_result){ STREAM_STOP, 0, 0 };
	return stream_frame(l, 0, STUN_HEADER + len, STUN_HEADER + len);
}

/* A stream that starts with a STUN message, framed or not. */
static enum framing framing_find(const uint8_t *data, uint32_t len)
{
	struct cursor c = cur_open(data, len);
	uint32_t first = cur_u32(&c), second = cur_u32(&c), third = cur_u16(&c);

	if (c.bad)
		return FRAMING_UNKNOWN;
	if (second == STUN_COOKIE && first >> 30 == 0)
		return FRAMING_PLAIN;
	/* second: STUN's length and half of the cookie; the frame holds exactly the message */
	if ((second & 0xffff) == STUN_COOKIE >> 16 && third == (STUN_COOKIE & 0xffff)
	    && first >> 16 == (second >> 16) + STUN_HEADER)
		return FRAMING_4571;
	return FRAMING_UNKNOWN;
}

struct stream_result stun_stream(struct look *l)
{
	struct stun_flow *f = detect_state_find(l);
	enum framing framing = f == NULL ? FRAMING_UNKNOWN : (enum framing)f->framing[l->dir];

	if (framing == FRAMING_UNKNOWN) {
		if (l->len < STUN_HEADER + FRAME_4571)
			return stream_more(STUN_HEADER + FRAME_4571);
		framing = framing_find(l->data, l->len);
		f = framing == FRAMING_UNKNOWN ? NULL : detect_state(l, sizeof *f);
		if (f == NULL)
			return (struct stream_result){ STREAM_STOP, 0, 0 };
		f->framing[l->dir] = (uint8_t)framing;
	}
	return framing == FRAMING_4571 ? stream_4571(l) : stream_plain(l);
}
