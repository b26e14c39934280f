/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What Skinny says about calls: who calls whom, how far it is, and where the media will be. */
#include "detect/skinny_call.h"

#include <stdio.h>
#include <string.h>

#define VERSION_IPV6 17 /* from here on addresses are 16 bytes and say their family */

enum message {
	MSG_REGISTER = 0x01, MSG_KEYPAD = 0x03, MSG_ENBLOC = 0x04, MSG_RECEIVE_ACK = 0x22,
	MSG_START_MEDIA = 0x8a, MSG_CALL_INFO = 0x8f, MSG_CALL_STATE = 0x111,
	MSG_DIALED = 0x11d, MSG_CALL_INFO_V2 = 0x14a, MSG_START_MEDIA_ACK = 0x154,
};

/* Bytes before the port of an address, as they were before version 17 and after. */
enum { OLD_ADDR = 4, NEW_ADDR = 20 };

static struct skinny_call *call_get(const struct look *l, struct skinny_state *s, uint32_t reference)
{
	struct skinny_call *c = NULL;

	if (reference == 0)
		return NULL;
	for (unsigned i = 0; i < SKINNY_CALLS; i++)
		if (s->call[i].reference == reference)
			return &s->call[i];
	c = &s->call[s->next_call];
	s->next_call = (uint8_t)((s->next_call + 1) % SKINNY_CALLS);
	*c = (struct skinny_call){ .reference = reference };
	c->call = call_hash_flow(l, "skinny", reference, 0, c->id);
	return c;
}

static void signal_send(struct look *l, struct skinny_state *s, struct skinny_call *c, enum call_phase phase,
    const struct call_endpoint *media)
{
	struct call_signal sig = { .call = c->call, .phase = phase, .app = APP_SKINNY, .from_caller = !c->inbound };

	if (phase != CALL_MEDIA && c->phase == phase + 1)
		return;
	if (phase != CALL_MEDIA)
		c->phase = (uint8_t)(phase + 1);
	snprintf(sig.id, sizeof sig.id, "%s", c->id);
	snprintf(sig.from, sizeof sig.from, "%s", c->from);
	snprintf(sig.to, sizeof sig.to, "%s", c->to);
	if (s->number.call == c->call)
		snprintf(sig.dialed, sizeof sig.dialed, "%s", s->number.dialed);
	if (media != NULL)
		call_signal_media(&sig, media);
	detect_signal(l, &sig);
}

static void dialed_take(struct look *l, struct skinny_state *s, struct skinny_call *c, struct span text)
{
	char dialed[DIALED_LEN];

	call_digits(text, dialed);
	call_dialed(l, &s->number, c == NULL ? s->number.call : c->call, dialed);
	if (c != NULL)
		snprintf(c->to, sizeof c->to, "%s", dialed);
}

/* Text up to its zero, in a field of n bytes. */
static struct span text_cut(struct cursor *c, size_t n)
{
	struct span s = { cur_take(c, n), n };

	if (s.p == NULL)
		return (struct span){ NULL, 0 };
	return span_first(s, span_find(s, 0));
}

static struct span text_next(struct cursor *c)
{
	struct span s = { c->p, cur_left(c) };

	s = span_first(s, span_find(s, 0));
	cur_skip(c, s.len + 1);
	return s;
}

/* Address and port; the position of both depends on the version. */
static struct call_endpoint endpoint_cut(struct cursor *c, bool wide)
{
	struct call_endpoint e = { .port = 0 };
	uint32_t family = wide ? skinny_u32(c) : 0, port;
	struct cursor ip = cur_sub(c, wide ? NEW_ADDR - 4 : OLD_ADDR);
	uint8_t b[16];

	cur_copy(&ip, b, family == 1 ? 16 : 4);
	port = skinny_u32(c);
	if (c->bad || family > 1 || port > UINT16_MAX)
		return e;
	if (family == 1)
		addr_from_v6(&e.ip, b);
	else
		addr_from_v4(&e.ip, b);
	e.port = (uint16_t)port;
	return e;
}

/* --- messages --- */

static void take_register(struct look *l, struct skinny_state *s, struct message_view *m)
{
	struct span name = text_cut(&m->body, 16);

	(void)l;
	for (size_t i = 0; i < name.len; i++)
		if (name.p[i] <= ' ' || name.p[i] >= 0x7f)
			return;
	s->registered = name.len >= 3;
}

/* Keys 0 to 9, and 14 and 15 for the star and the hash. */
static void take_key(struct look *l, struct skinny_state *s, struct message_view *m)
{
	uint32_t key = skinny_u32(&m->body);
	size_t n = strlen(s->keys);

	if (m->body.bad || key > 9 || n == DIALED_LEN - 1)
		return;
	s->keys[n] = (char)('0' + key);
	cur_skip(&m->body, 4);
	dialed_take(l, s, call_get(l, s, skinny_u32(&m->body)), (struct span){ (const uint8_t *)s->keys, n + 1 });
}

static void take_enbloc(struct look *l, struct skinny_state *s, struct message_view *m)
{
	dialed_take(l, s, NULL, text_cut(&m->body, 24));
}

/* The number is 24 or 25 bytes and padding; line and reference are the last eight bytes. */
static void take_dialed(struct look *l, struct skinny_state *s, struct message_view *m)
{
	struct cursor tail = m->body;
	struct span text = text_cut(&m->body, 24);

	if (cur_left(&tail) < 32)
		return;
	cur_skip(&tail, cur_left(&tail) - 4);
	dialed_take(l, s, call_get(l, s, skinny_u32(&tail)), text);
}

enum { STATE_OFF_HOOK = 1, STATE_ON_HOOK, STATE_RING_OUT, STATE_RING_IN, STATE_CONNECTED, STATE_BUSY, STATE_CONGESTION };

static void take_state(struct look *l, struct skinny_state *s, struct message_view *m)
{
	static const uint8_t phases[] = { [STATE_OFF_HOOK] = CALL_PHASES, [STATE_ON_HOOK] = CALL_ENDED,
		[STATE_RING_OUT] = CALL_RINGING, [STATE_RING_IN] = CALL_SETUP, [STATE_CONNECTED] = CALL_ANSWERED,
		[STATE_BUSY] = CALL_FAILED, [STATE_CONGESTION] = CALL_FAILED };
	uint32_t state = skinny_u32(&m->body);
	struct skinny_call *c;

	cur_skip(&m->body, 4);
	c = call_get(l, s, skinny_u32(&m->body));
	if (m->body.bad || c == NULL || state == 0 || state >= sizeof phases)
		return;
	if (state == STATE_OFF_HOOK)
		memset(s->keys, 0, sizeof s->keys);
	if (state == STATE_RING_IN)
		c->inbound = true;
	if (state == STATE_RING_OUT || (state == STATE_CONNECTED && c->phase == 0))
		signal_send(l, s, c, CALL_SETUP, NULL);
	if (phases[state] != CALL_PHASES)
		signal_send(l, s, c, phases[state], NULL);
	if (state == STATE_ON_HOOK) {
		call_over(l, &s->number, c->call);
		*c = (struct skinny_call){ .reference = 0 };
	}
}

static void parties_set(struct look *l, struct skinny_call *c, struct span from, struct span to)
{
	call_text(l, c->from, sizeof c->from, from);
	call_text(l, c->to, sizeof c->to, to);
}

enum { TYPE_OUTBOUND = 2, FIELD_NAME = 40, FIELD_NUMBER = 24 };

static void info_done(struct look *l, struct skinny_state *s, struct skinny_call *c, uint32_t type,
    struct span from, struct span to)
{
	parties_set(l, c, from, to);
	c->inbound = type != TYPE_OUTBOUND;
	if (type == TYPE_OUTBOUND)
		dialed_take(l, s, c, to);
	if (c->phase == 0)
		signal_send(l, s, c, CALL_SETUP, NULL);
}

static void take_info(struct look *l, struct skinny_state *s, struct message_view *m)
{
	struct span from, to;
	uint32_t reference, type;
	struct skinny_call *c;

	cur_skip(&m->body, FIELD_NAME);
	from = text_cut(&m->body, FIELD_NUMBER);
	cur_skip(&m->body, FIELD_NAME);
	to = text_cut(&m->body, FIELD_NUMBER);
	cur_skip(&m->body, 4);
	reference = skinny_u32(&m->body);
	type = skinny_u32(&m->body);
	if (!m->body.bad && (c = call_get(l, s, reference)) != NULL)
		info_done(l, s, c, type, from, to);
}

/* Line, reference, type, five more numbers, then text with zeros between: caller, caller again, callee. */
static void take_info_v2(struct look *l, struct skinny_state *s, struct message_view *m)
{
	struct span from, to;
	uint32_t reference, type;
	struct skinny_call *c;

	cur_skip(&m->body, 4);
	reference = skinny_u32(&m->body);
	type = skinny_u32(&m->body);
	cur_skip(&m->body, 5 * 4);
	from = text_next(&m->body);
	(void)text_next(&m->body);
	to = text_next(&m->body);
	if (!m->body.bad && (c = call_get(l, s, reference)) != NULL)
		info_done(l, s, c, type, from, to);
}

/* The call that lives: the one whose number was dialled, else the newest. */
static struct skinny_call *call_current(struct skinny_state *s)
{
	for (unsigned i = 0; i < SKINNY_CALLS; i++)
		if (s->call[i].reference != 0 && s->call[i].call == s->number.call)
			return &s->call[i];
	return &s->call[(s->next_call + SKINNY_CALLS - 1) % SKINNY_CALLS];
}

static struct fact fact_of(const struct look *l, struct skinny_state *s)
{
	struct skinny_call *c = call_current(s);

	return call_fact(l, APP_SKINNY, c->reference == 0 ? 0 : c->call, s->number.dialed);
}

static void local_set(struct look *l, struct skinny_state *s, const struct call_endpoint *e)
{
	struct skinny_call *c = call_current(s);
	struct fact f = fact_of(l, s);

	if (e->port == 0)
		return;
	s->local = *e;
	call_announce_rtp(l, &f, e);
	if (c->reference != 0)
		signal_send(l, s, c, CALL_MEDIA, e);
}

/* The phone says where it receives. */
static void take_receive_ack(struct look *l, struct skinny_state *s, struct message_view *m)
{
	bool wide = m->version >= VERSION_IPV6 && m->len >= 36;
	uint32_t status = skinny_u32(&m->body);
	struct call_endpoint e = endpoint_cut(&m->body, wide);

	if (status == 0)
		local_set(l, s, &e);
}

/* The phone says where it sends from. */
static void take_start_ack(struct look *l, struct skinny_state *s, struct message_view *m)
{
	struct call_endpoint e;

	cur_skip(&m->body, 12);
	e = endpoint_cut(&m->body, m->version >= VERSION_IPV6);
	local_set(l, s, &e);
}

/* The manager tells the phone where to send to. */
static void take_start(struct look *l, struct skinny_state *s, struct message_view *m)
{
	struct fact f = fact_of(l, s);
	struct call_endpoint e;

	cur_skip(&m->body, 8);
	e = endpoint_cut(&m->body, m->version >= VERSION_IPV6);
	if (e.port != 0)
		call_announce_rtp(l, &f, &e);
}

static const struct {
	uint16_t id;
	void (*take)(struct look *, struct skinny_state *, struct message_view *);
} takes[] = {
	{ MSG_REGISTER, take_register }, { MSG_KEYPAD, take_key }, { MSG_ENBLOC, take_enbloc },
	{ MSG_DIALED, take_dialed }, { MSG_CALL_STATE, take_state }, { MSG_CALL_INFO, take_info },
	{ MSG_CALL_INFO_V2, take_info_v2 }, { MSG_RECEIVE_ACK, take_receive_ack },
	{ MSG_START_MEDIA, take_start }, { MSG_START_MEDIA_ACK, take_start_ack },
};

void skinny_call_take(struct look *l, struct skinny_state *s, struct message_view *m)
{
	for (size_t i = 0; i < sizeof takes / sizeof *takes; i++)
		if (takes[i].id == m->id)
			takes[i].take(l, s, m);
}
