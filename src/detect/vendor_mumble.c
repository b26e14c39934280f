/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Mumble. In its list of servers the client asks each of them, unencrypted: 12
 * bytes, four of them zero, then its mark; the answer is 24 bytes with the
 * server's version, the mark, users, most users and bandwidth (Mumble's
 * protocol documentation, "ping"; measured in a labelled capture). That is no
 * call: class control.
 *
 * Voice is encrypted whole (OCB2); in front stands the low byte of the nonce,
 * one higher in each packet of a direction, and three bytes of the tag
 * (documentation, "voice data"; measured with client and server 1.3.4). A
 * counter in the first byte is little: it counts only towards a server that
 * answered this host as above.
 */
#include "detect/vendor.h"

#include <netinet/in.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "base/saturate.h"

#define ASK_LEN  12 /* bytes of a ping to a server in a list of servers, */
#define TELL_LEN 24 /* and of its answer */
#define BANDWIDTH_MAX 1000000u /* bit/s that a server may set */

/* Length and zero word (common), the mark of 64 bits back (echo), a version 1.x (16), users within their most (24). */
#define BITS_TOLD 32.0f

#define SERVER_NS (600 * NS_PER_S) /* from a look at the list to the first word */

#define BITS_SERVER   12.0f /* ANNOUNCED_BITS: what another flow told */
#define BITS_NONCE     1.5f /* of 8: counters of other protocols stand there too */
#define NONCES_COUNTED 8    /* then the call is told, and no more are looked at */
#define NONCE_SKIP     4    /* packets that may be lost between two */
#define VOICE_MIN     24    /* bytes; the pings of a silent client have at most 14 */
#define LOOK_UP_TO     2    /* payloads of a flow at which the server is asked for */

struct mumble_flow {
	uint64_t mark;
	bool asked;
};
static_assert(sizeof(struct mumble_flow) <= VENDOR_STATE, "fits the state of a vendor's flow");

static bool mumble_opens(const struct look *l)
{
	struct cursor c = cur_open(l->data, l->len);
	uint32_t zero = cur_u32(&c);
	uint64_t mark = cur_u64(&c);

	return l->len == ASK_LEN && l->wire == ASK_LEN && zero == 0 && mark != 0;
}

static bool told(const struct look *l, uint64_t mark)
{
	struct cursor c = cur_open(l->data, l->len);
	uint16_t major = cur_u16(&c);
	uint32_t users, most, bandwidth;
	bool same;

	cur_skip(&c, 2);
	same = cur_u64(&c) == mark;
	users = cur_u32(&c);
	most = cur_u32(&c);
	bandwidth = cur_u32(&c);
	return l->len == TELL_LEN && major == 1 && same && users <= most && most <= UINT16_MAX
	    && bandwidth != 0 && bandwidth <= BANDWIDTH_MAX;
}

/* Told to the one who asked, and true for it alone. */
static void learn_server(const struct look *l)
{
	const struct packet *p = l->pkt;
	uint64_t now = p->frame->mono_ns;
	struct fact f = {
		.kind = FACT_ENDPOINT, .proto = IPPROTO_UDP, .port = p->port[0], .host = p->ip[1], .remote = p->ip[0],
		.app = APP_MUMBLE, .expires_ns = now + SERVER_NS,
	};

	if (l->env->facts != NULL)
		(void)facts_add(l->env->facts, &f, now, l->env->counts);
}

static enum look_result mumble_look(struct look *l, void *state)
{
	struct mumble_flow *m = state;

	if (mumble_opens(l)) {
		struct cursor c = cur_open(l->data + 4, l->len - 4);

		m->mark = cur_u64(&c);
		m->asked = true;
		return LOOK_MAYBE;
	}
	if (!m->asked || !told(l, m->mark))
		return LOOK_MAYBE;
	learn_server(l);
	detect_evidence(l, CLASS_CONTROL, APP_MUMBLE, BITS_TOLD, "Mumble server answers with its users", 0, 0);
	return LOOK_YES;
}

static const struct byte_range first_bytes[] = { { 0x00, 0x00 }, { 1, 0 } };
const struct vendor_app vendor_mumble = { APP_MUMBLE, mumble_opens, mumble_look, first_bytes };

/* --- voice --- */

struct voice_flow {
	uint8_t nonce[2];   /* last a direction */
	bool begun[2];
	uint8_t wrong;      /* packets that did not go on */
	uint8_t said;       /* packets of voice, as far as they count */
};
static_assert(sizeof(struct voice_flow) <= VENDOR_STATE, "fits the state of a vendor's flow");

static bool voice_opens(const struct look *l)
{
	const struct packet *p = l->pkt;
	struct fact f;

	if (l->env->facts == NULL || l->flow->dir[0].payloads + l->flow->dir[1].payloads > LOOK_UP_TO)
		return false;
	for (unsigned to = 0; to < 2; to++)
		if (facts_find(l->env->facts, FACT_ENDPOINT, &p->ip[!to], &p->ip[to], p->port[to], IPPROTO_UDP,
		    p->frame->mono_ns, &f) && f.app == APP_MUMBLE)
			return !fact_port_common(p->port[to]);
	return false;
}

/* True for a packet whose first byte goes on from the one before. */
static bool goes_on(struct voice_flow *v, int dir, uint8_t nonce)
{
	uint8_t ahead = (uint8_t)(nonce - v->nonce[dir]);
	bool first = !v->begun[dir];

	v->begun[dir] = true;
	v->nonce[dir] = nonce;
	if (!first && (ahead == 0 || ahead > NONCE_SKIP))
		saturate_up(&v->wrong);
	return !first && ahead != 0 && ahead <= NONCE_SKIP;
}

static enum look_result voice_look(struct look *l, void *state)
{
	struct voice_flow *v = state;

	if (l->len < 4 || !goes_on(v, l->dir, l->data[0]))
		return LOOK_MAYBE;
	if (l->wire < VOICE_MIN)
		return LOOK_MAYBE;
	detect_media_packet(l, l->pkt->frame->mono_ns);
	if (v->said == NONCES_COUNTED || v->wrong != 0)
		return LOOK_MAYBE;
	if (++v->said < NONCES_COUNTED)
		return LOOK_MAYBE;
	detect_evidence(l, CLASS_MEDIA, APP_MUMBLE, BITS_SERVER + BITS_NONCE * NONCES_COUNTED,
	    "voice to a Mumble server, {0} packets whose nonce goes on", v->said, 0);
	return LOOK_YES;
}

const struct vendor_app vendor_mumble_voice = { APP_MUMBLE, voice_opens, voice_look, NULL };
