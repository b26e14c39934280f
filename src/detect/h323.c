/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * H.323 over TCP: records of TPKT (RFC 1006) with call signalling (H.225.0: a
 * message of Q.931 whose user-user element holds PER) or with control (H.245),
 * which may also travel inside the signalling. RDP and ISO transport use TPKT
 * as well: a record alone says nothing.
 */
#include "detect/rows.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "detect/call_facts.h"
#include "detect/h245.h"
#include "flow/stream.h"

const struct byte_range h323_bytes[] = { { 3, 3 }, { 1, 0 } };

#define TPKT_HEADER    4      /* bytes; RFC 1006, 6 */
#define ELEMENTS_MAX  32      /* information elements of a message that are walked: a bound for what strangers send */
#define SEARCH_MAX  4096      /* bytes of a user-user element searched for channels */
#define FOUND_MAX      8      /* channels taken of one message */

/*
 * A record and the header of Q.931 are 2^-40 against random bytes, but other
 * transports share the record; the object identifiers of H.225.0 and H.245 are
 * 48 bits that nobody else writes.
 */
#define BITS_Q931      6.0f   /* discriminator, call reference of two octets, a type of the list */
#define BITS_ELEMENTS  4.0f   /* its elements end where the record does */
#define BITS_OBJECT   14.0f   /* {itu-t recommendation h 2250} in the user-user element, or {... h 245} in capabilities */
#define BITS_CONTROL   6.0f   /* a determination of H.245 whose length agrees with itself */

/* Message types, Q.931 table 4-2. */
enum q931 { Q931_ALERTING = 0x01, Q931_PROCEEDING = 0x02, Q931_PROGRESS = 0x03, Q931_SETUP = 0x05, Q931_CONNECT = 0x07,
	Q931_SETUP_ACK = 0x0d, Q931_CONNECT_ACK = 0x0f, Q931_RELEASE = 0x4d, Q931_RELEASE_COMPLETE = 0x5a,
	Q931_FACILITY = 0x62, Q931_NOTIFY = 0x6e, Q931_STATUS_ENQUIRY = 0x75, Q931_INFORMATION = 0x7b, Q931_STATUS = 0x7d };
enum { Q931_DISCRIMINATOR = 8, ELEMENT_DISPLAY = 0x28, ELEMENT_KEYPAD = 0x2c, ELEMENT_CALLING = 0x6c,
	ELEMENT_CALLED = 0x70, ELEMENT_USER = 0x7e, USER_X208 = 5 };

static const struct { uint8_t type; uint8_t phase; } types[] = {
	{ Q931_ALERTING, CALL_RINGING }, { Q931_PROCEEDING, CALL_PHASES }, { Q931_PROGRESS, CALL_PHASES },
	{ Q931_SETUP, CALL_SETUP }, { Q931_CONNECT, CALL_ANSWERED }, { Q931_SETUP_ACK, CALL_PHASES },
	{ Q931_CONNECT_ACK, CALL_PHASES }, { Q931_RELEASE, CALL_ENDED }, { Q931_RELEASE_COMPLETE, CALL_ENDED },
	{ Q931_FACILITY, CALL_PHASES }, { Q931_NOTIFY, CALL_PHASES }, { Q931_STATUS_ENQUIRY, CALL_PHASES },
	{ Q931_INFORMATION, CALL_PHASES }, { Q931_STATUS, CALL_PHASES },
};

/* {itu-t(0) recommendation(0) h(8) 2250 version(0) n} behind its length. */
static const uint8_t object_id[] = { 6, 0, 8, 0x91, 0x4a, 0 };

struct h323_state {
	struct call_number number;
	uint64_t call;            /* 0: not seen to begin */
	float bits, q931, elements, object, control;
	uint16_t reference;       /* of the call; the flag of its side left out */
	uint16_t turns;
	uint8_t caller;           /* direction */
	bool answered;
	char from[CALL_PARTY_LEN], to[CALL_PARTY_LEN];
	char id[CALL_ID_LEN];
};

struct q931_view {
	uint8_t type, phase;
	uint16_t reference;
	bool whole, object;
	struct span called, calling, display, keypad, user;
};

/* --- reading --- */

static void element_take(struct q931_view *q, uint8_t id, struct span v)
{
	/* Numbers stand behind one octet, or two when the first one lacks its high bit (Q.931, 4.5.8 and 4.5.10). */
	struct span number = v.len > 0 ? span_from(v, v.p[0] & 0x80 ? 1 : 2) : v;

	while (id == ELEMENT_DISPLAY && v.len > 0 && v.p[v.len - 1] == 0)
		v.len--; /* Asterisk ends it as C does */
	if (id == ELEMENT_CALLED)
		q->called = number;
	else if (id == ELEMENT_CALLING)
		q->calling = number;
	else if (id == ELEMENT_DISPLAY)
		q->display = v;
	else if (id == ELEMENT_KEYPAD)
		q->keypad = v;
	else if (id == ELEMENT_USER && v.len > 1 && v.p[0] == USER_X208)
		q->user = span_from(v, 1);
}

static void elements_read(struct cursor c, struct q931_view *q)
{
	for (unsigned i = 0; i < ELEMENTS_MAX && cur_left(&c) > 0; i++) {
		uint8_t id = cur_u8(&c);
		const uint8_t *p;
		uint16_t len;

		if (!(id & 0x80)) { /* else one octet alone */
			len = id == ELEMENT_USER ? cur_u16(&c) : cur_u8(&c); /* H.225.0, 7.2.2.31 */
			p = cur_take(&c, len);
			if (c.bad)
				return;
			element_take(q, id, (struct span){ p, len });
		}
		q->whole = cur_left(&c) == 0;
	}
}

static bool q931_read(const uint8_t *data, size_t len, struct q931_view *q)
{
	struct cursor c = cur_open(data, len);
	uint8_t discriminator = cur_u8(&c), reference_len = cur_u8(&c);
	bool known = false;

	*q = (struct q931_view){ .phase = CALL_PHASES };
	q->reference = cur_u16(&c) & 0x7fff;
	q->type = cur_u8(&c);
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (types[i].type == q->type) {
			q->phase = types[i].phase;
			known = true;
		}
	if (c.bad || discriminator != Q931_DISCRIMINATOR || reference_len != 2 || !known)
		return false;
	elements_read(c, q);
	/* Stands at the beginning of every body, behind the bits of choice and presence. */
	q->object = q->user.len > sizeof object_id &&
	    memmem(q->user.p, q->user.len < 16 ? q->user.len : 16, object_id, sizeof object_id) != NULL;
	return true;
}

/* --- calls --- */

static void signal_send(struct look *l, const struct h323_state *s, enum call_phase phase, const struct call_endpoint *media)
{
	struct call_signal sig = { .call = s->call, .phase = phase, .app = APP_H323, .from_caller = l->dir == s->caller };

	if (s->call == 0)
		return;
	snprintf(sig.id, sizeof sig.id, "%s", s->id);
	snprintf(sig.from, sizeof sig.from, "%s", s->from);
	snprintf(sig.to, sizeof sig.to, "%s", s->to);
	snprintf(sig.dialed, sizeof sig.dialed, "%s", s->number.dialed);
	if (media != NULL)
		call_signal_media(&sig, media);
	detect_signal(l, &sig);
}

static void take_setup(struct look *l, struct h323_state *s, const struct q931_view *q)
{
	struct span called = q->called.len > 0 ? q->called : q->keypad;
	char dialed[DIALED_LEN];

	s->caller = l->dir;
	s->reference = q->reference;
	s->answered = false;
	s->call = call_hash_flow(l, "h323", q->reference, s->turns++, s->id);
	call_text(l, s->to, sizeof s->to, called);
	call_text(l, s->from, sizeof s->from, q->calling.len > 0 ? q->calling : q->display);
	call_digits(called, dialed);
	call_dialed(l, &s->number, s->call, dialed);
}

static void take_phase(struct look *l, struct h323_state *s, const struct q931_view *q)
{
	enum call_phase phase = q->phase;

	if (q->type == Q931_SETUP && (s->call == 0 || s->reference != q->reference))
		take_setup(l, s, q);
	if (phase == CALL_PHASES || q->reference != s->reference)
		return;
	if (phase == CALL_ENDED && !s->answered && l->dir != s->caller)
		phase = CALL_FAILED;
	s->answered |= phase == CALL_ANSWERED;
	signal_send(l, s, phase, NULL);
	if (phase == CALL_ENDED || phase == CALL_FAILED) {
		call_over(l, &s->number, s->call);
		s->call = 0;
	}
}

/* What is said of the media, to the end it is said to; the port of RTP is one below that of RTCP when not said. */
static void channel_take(struct look *l, struct h323_state *s, const struct h245 *h)
{
	struct fact f = call_fact(l, APP_H323, s->call, s->number.dialed);

	call_announce(l, &f, &l->pkt->ip[1], &h->media, APP_NONE);
	call_announce(l, &f, &l->pkt->ip[1], &h->control, APP_RTCP);
	if (h->media.port != 0)
		signal_send(l, s, CALL_MEDIA, &h->media);
}

/*
 * Channels opened with the call (fastStart) and tunnelled messages: strings of
 * octets behind their length, at most 16,383 of them (X.691, 10.9).
 */
static void user_search(struct look *l, struct h323_state *s, struct span user)
{
	unsigned found = 0;

	user = span_first(user, SEARCH_MAX);
	for (size_t i = sizeof object_id; i + 2 < user.len && found < FOUND_MAX; i++) {
		size_t head = user.p[i] & 0x80 ? 2 : 1;
		size_t len = head == 1 ? user.p[i] : (size_t)(user.p[i] & 0x3f) << 8 | user.p[i + 1];
		struct h245 h;

		if (len < 8 || len > user.len - i - head || (head == 2 && user.p[i] & 0x40))
			continue;
		h = h245_read(user.p + i + head, len);
		if (h.kind != H245_OPEN && h.kind != H245_OPEN_ACK)
			h = h245_read_channel(user.p + i + head, len);
		if (h.kind != H245_OPEN && h.kind != H245_OPEN_ACK)
			continue;
		channel_take(l, s, &h);
		found++;
		i += head + len - 1;
	}
}

/*
 * Where the sender takes the connection for H.245: its own address and a port,
 * somewhere in the element. The connection there belongs to the same call.
 */
static void control_search(struct look *l, struct h323_state *s, struct span user)
{
	struct fact f = call_fact(l, APP_H323, s->call, s->number.dialed);
	struct cursor c = cur_open(user.p, user.len < SEARCH_MAX ? user.len : SEARCH_MAX);
	const struct addr *own = &l->pkt->ip[0];
	size_t width = addr_is_v4(own) ? 4 : sizeof own->b;

	f.proto = IPPROTO_TCP;
	if (s->call == 0)
		return;
	for (unsigned found = 0; cur_left(&c) >= width + 2 && found < FOUND_MAX; cur_skip(&c, 1)) {
		struct cursor at = c;
		const uint8_t *ip = cur_take(&at, width);
		struct call_endpoint e = { *own, cur_u16(&at) };

		if (memcmp(ip, own->b + sizeof own->b - width, width) != 0)
			continue;
		call_announce(l, &f, &l->pkt->ip[1], &e, APP_NONE);
		found++;
	}
}

/* A connection of H.245 is of the call that named its address. */
static void call_adopt(struct look *l, struct h323_state *s)
{
	const struct packet *p = l->pkt;
	struct fact f;

	for (int to = 0; to < 2 && s->call == 0; to++) {
		if (!facts_find(l->env->facts, FACT_ANNOUNCED, &p->ip[!to], &p->ip[to], p->port[to], IPPROTO_TCP,
		    p->frame->mono_ns, &f))
			continue;
		s->call = f.call;
		call_dialed(l, &s->number, f.call, f.dialed);
	}
}

/* --- weighing --- */

static void evidence_set(struct look *l, struct h323_state *s, const char *why)
{
	float bits = s->q931 + s->elements + s->object + s->control;

	if (bits <= s->bits)
		return;
	s->bits = bits;
	detect_evidence(l, CLASS_SIGNALLING, APP_H323, bits, why, 0, 0);
}

static bool take_q931(struct look *l, const uint8_t *data, size_t len)
{
	struct q931_view q;
	struct h323_state *s;

	if (!q931_read(data, len, &q) || !q.whole || (s = detect_state(l, sizeof *s)) == NULL)
		return false;
	s->q931 = BITS_Q931;
	s->elements = BITS_ELEMENTS;
	if (q.object)
		s->object = BITS_OBJECT;
	evidence_set(l, s, q.object ? "H.225.0 call signalling" : "Q.931 in TPKT");
	if (s->object == 0)
		return true;
	take_phase(l, s, &q);
	user_search(l, s, q.user);
	control_search(l, s, q.user);
	return true;
}

static bool take_h245(struct look *l, const uint8_t *data, size_t len)
{
	struct h323_state *s = detect_state_find(l);
	struct h245 h = h245_read(data, len);

	if (h.kind == H245_NO)
		return s != NULL && s->bits > 0; /* other messages of a stream that is known */
	if (h.kind != H245_DETERMINATION && h.kind != H245_CAPABILITIES && (s == NULL || s->bits == 0))
		return false;
	if ((s = detect_state(l, sizeof *s)) == NULL)
		return false;
	if (h.kind == H245_DETERMINATION)
		s->control = BITS_CONTROL;
	else if (h.kind == H245_CAPABILITIES)
		s->object = BITS_OBJECT;
	else if (s->object > 0)
		channel_take(l, s, &h);
	call_adopt(l, s);
	evidence_set(l, s, "H.245 control");
	return true;
}

struct stream_result h323_stream(struct look *l)
{
	const struct stream_result stop = { STREAM_STOP, 0, 0 };
	struct cursor c = cur_open(l->data, l->len);
	uint8_t version = cur_u8(&c), reserved = cur_u8(&c);
	uint32_t len = cur_u16(&c);
	const uint8_t *body;

	if (l->len < TPKT_HEADER + 1)
		return detect_state_find(l) != NULL || l->len == TPKT_HEADER
		    ? (struct stream_result){ STREAM_MORE, 0, TPKT_HEADER + 1 } : stop;
	if (version != 3 || reserved != 0 || len > STREAM_BYTES_MAX || len < TPKT_HEADER)
		return stop;
	if (len == TPKT_HEADER)
		return detect_state_find(l) == NULL ? stop : (struct stream_result){ STREAM_USED, len, 0 }; /* keep-alive of H.323 */
	body = l->data + TPKT_HEADER;
	if (body[0] != Q931_DISCRIMINATOR && body[0] != 1 && body[0] != 2 && detect_state_find(l) == NULL)
		return stop; /* RDP, ISO transport, Megaco */
	if (l->len < len)
		return (struct stream_result){ STREAM_MORE, 0, len };
	if (!(body[0] == Q931_DISCRIMINATOR ? take_q931(l, body, len - TPKT_HEADER) : take_h245(l, body, len - TPKT_HEADER)))
		return stop;
	return (struct stream_result){ STREAM_USED, len, 0 };
}
