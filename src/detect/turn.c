/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <netinet/in.h>
#include <string.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "base/hash.h"
#include "detect/rows.h"
#include "detect/stun.h"

/*
 * TURN (RFC 5766, 8656): allocations teach where a relay will speak from; what
 * Send, Data and ChannelData carry is shown to the other rows.
 */
#define BITS_TURN        56.0f /* cookie 32, length 12, method of ten 6, attributes 6: as in ice.c */
#define CHANNEL_HEADER    4
#define CHANNEL_MAX  0x4fffu   /* RFC 8656, 12; RFC 5766 went to 0x7fff */
#define CHANNEL_PAD       3    /* bytes of padding a datagram may end with */
/*
 * Joined mid-flow: no STUN was seen. Each packet repeats the channel (14 bits)
 * and fits its length (14 bits), but other protocols start with a constant and
 * a length too; so little is counted, and several packets of differing length
 * with contents of RFC 7983 are asked for.
 */
#define BITS_CHANNEL      4.0f /* a packet */
#define CHANNEL_RUN       4    /* packets before anything is said */
#define CHANNEL_RUN_MAX   5
#define LIFETIME_DEFAULT  600  /* s; RFC 8656, 3.2 */
#define LIFETIME_MAX      3600 /* s; RFC 8656, 7.2 */
#define ASKED             4    /* Allocate requests remembered */

const struct byte_range turn_bytes[] = { { 0x00, 0x01 }, { 0x40, 0x7f }, { 1, 0 } };

struct turn_flow {
	bool seen;               /* a TURN message was on this flow */
	bool told;               /* evidence was given */
	bool varied;             /* lengths differ */
	uint8_t run;             /* ChannelData in a row without a message seen */
	uint8_t asker;           /* direction of the Allocate requests */
	uint8_t next;
	uint16_t channel[2];     /* last number a direction */
	uint16_t length;
	uint32_t asked[ASKED];   /* transaction ids, hashed; 0 none */
};

static uint32_t id_hash(const struct stun_message *m)
{
	uint32_t h = (uint32_t)hash_bytes(m->id, 4 + STUN_ID_LEN);

	return h == 0 ? 1 : h;
}

static uint64_t lifetime_ns(const struct stun_message *m)
{
	const struct stun_attribute *a = stun_find(m, STUN_LIFETIME);
	struct cursor c = cur_open(a == NULL ? NULL : a->value, a == NULL ? 0 : a->have);
	uint32_t s = cur_u32(&c);

	if (c.bad)
		s = LIFETIME_DEFAULT;
	return (s > LIFETIME_MAX ? LIFETIME_MAX : s) * NS_PER_S;
}

/* The relayed address concerns the client it was told to, and nobody else. */
static void learn_relay(struct look *l, const struct stun_message *m)
{
	struct fact fact;

	memset(&fact, 0, sizeof fact);
	if (!stun_xor_address(m, STUN_RELAYED_ADDRESS, &fact.remote, &fact.port) || fact.port == 0
	    || addr_is_unspecified(&fact.remote) || addr_is_multicast(&fact.remote))
		return;
	fact.kind = FACT_RELAY;
	fact.proto = IPPROTO_UDP;
	fact.host = l->pkt->ip[1];
	fact.signaller = l->pkt->ip[0];
	fact.signaller_port = l->pkt->port[0];
	fact.call = l->flow->watch == NULL ? 0 : l->flow->watch->call;
	fact.expires_ns = l->pkt->frame->mono_ns + lifetime_ns(m);
	if (l->env->facts != NULL)
		facts_add(l->env->facts, &fact, l->pkt->frame->mono_ns, l->env->counts);
}

/* An answer counts only to a request seen the other way: a stranger cannot tell a client of a relay. */
static void allocate(struct look *l, struct turn_flow *f, const struct stun_message *m)
{
	uint32_t id = id_hash(m);

	if (m->cls == STUN_REQUEST) {
		f->asker = l->dir;
		f->asked[f->next++ % ASKED] = id;
		return;
	}
	if (m->cls != STUN_SUCCESS || f->asker == l->dir)
		return;
	for (unsigned i = 0; i < ASKED; i++)
		if (f->asked[i] == id) {
			learn_relay(l, m);
			return;
		}
}

static enum look_result message(struct look *l)
{
	const struct stun_attribute *data;
	struct stun_message m;
	struct turn_flow *f;

	if (!stun_parse(l->data, l->len, l->wire, &m) || !m.cookie || !(m.walked || m.cut))
		return LOOK_MAYBE;
	if (m.method < STUN_ALLOCATE || m.method > STUN_CONNECTION_ATTEMPT)
		return LOOK_MAYBE;
	f = detect_state(l, sizeof *f);
	if (f == NULL)
		return LOOK_MAYBE;
	f->seen = true;
	if (!f->told) {
		f->told = true;
		detect_evidence(l, CLASS_ICE, APP_STUN, BITS_TURN, "TURN message of a relay client or server", 0, 0);
	}
	if (m.method == STUN_ALLOCATE)
		allocate(l, f, &m);
	data = m.cls == STUN_INDICATION ? stun_find(&m, STUN_DATA_VALUE) : NULL;
	if (data != NULL)
		detect_inner(l, data->value, data->have, data->len);
	return LOOK_YES;
}

/* What a relay carries for us to know: STUN, DTLS, RTP or RTCP by first byte (RFC 7983, 7). */
static bool known_inside(uint8_t b)
{
	return b <= 3 || (b >= 20 && b <= 63) || (b >= 128 && b <= 191);
}

/* ChannelData without the messages before it: the same channel, packet after packet. */
static bool guess(struct look *l, struct turn_flow *f, uint16_t channel, uint16_t length)
{
	bool first = f->channel[l->dir] == 0;

	if (channel > CHANNEL_MAX || l->len <= CHANNEL_HEADER || !known_inside(l->data[CHANNEL_HEADER])
	    || (!first && f->channel[l->dir] != channel)) {
		f->run = 0;
		f->channel[0] = f->channel[1] = 0;
		f->varied = false;
		return false;
	}
	f->channel[l->dir] = channel;
	f->varied |= f->run != 0 && f->length != length;
	f->length = length;
	if (f->run >= CHANNEL_RUN_MAX)
		return true;
	if (++f->run < CHANNEL_RUN || !f->varied)
		return false;
	detect_evidence(l, CLASS_ICE, APP_STUN, BITS_CHANNEL * (float)f->run,
	    "{0} ChannelData of one TURN channel in a row", f->run, 0);
	return true;
}

static enum look_result channel_data(struct look *l)
{
	struct cursor c = cur_open(l->data, l->len);
	uint16_t channel = cur_u16(&c), length = cur_u16(&c);
	struct turn_flow *f = detect_state_find(l);
	uint32_t end = (uint32_t)CHANNEL_HEADER + length, have;

	if (c.bad || length == 0 || end > l->wire || l->wire - end > CHANNEL_PAD) {
		if (f != NULL)
			f->run = 0;
		return LOOK_MAYBE;
	}
	if (f == NULL)
		f = detect_state(l, sizeof *f);
	if (f == NULL || (!f->seen && !guess(l, f, channel, length)))
		return LOOK_MAYBE;
	have = l->len < end ? l->len : end;
	if (have > CHANNEL_HEADER)
		detect_inner(l, l->data + CHANNEL_HEADER, have - CHANNEL_HEADER, length);
	return LOOK_YES;
}

enum look_result turn_look(struct look *l)
{
	if (l->len == 0)
		return LOOK_MAYBE;
	return l->data[0] < 0x40 ? message(l) : channel_data(l);
}
