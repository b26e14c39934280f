/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Telegram's calls before ICE: each party sends to a few reflectors, packets
 * that begin with the tag of the call (16 bytes, the same in every packet); the
 * reflector's own messages fill bytes 16 to 27 with ones. Sound is encrypted
 * behind the tag. Between the parties the tag is missing and nothing is left
 * to read but lengths: there the socket that spoke to reflectors is the proof.
 *
 * Sources: core.telegram.org (calls: reflector, peer tag); offsets, the all
 * ones and the lengths measured in a labelled capture of two calls.
 */
#include "detect/vendor.h"

#include <netinet/in.h>
#include <string.h>

#include "base/clock.h"
#include "base/cursor.h"

#define TAG_LEN      16
#define ONES_LEN     12     /* behind the tag */
#define BLOCK        16     /* bytes; AES, so are all lengths behind the tag, and without one */
#define REFLECTOR_MIN 32    /* bytes: tag, ones, what is meant */
#define SELF_PING    0xfeffffffu /* behind the ones: the client asks for its own address */
#define PLAIN_PING   0xffffffffu /* or only opens the way */

/*
 * Twelve bytes of ones are 96 bits, but padding and the silence of G.711 are
 * ones too: alone they are nothing. In the next packet the tag comes back, 128
 * bits, where RTP would count.
 */
#define BITS_TAGGED  32.0f
/* Sound: packets with the tag, at the pace of speech. Pings and state come thrice a second, frames of 60 ms 16 times. */
#define BITS_SOUND   16.0f
#define SOUND_RATE   8      /* packets of one direction in a second */
/* Between the parties: the socket (the judge's most for what another flow told), then lengths. */
#define BITS_SOCKET  12.0f  /* ANNOUNCED_BITS */
/* Joined midway: the tag alone. 16 bytes that stay are a session's name in other protocols too, but theirs differ by direction. */
#define BITS_MIDWAY  12.0f
#define MIDWAY_MIN   48     /* bytes: the tag, and two blocks */
#define MIDWAY_LOOKS 64     /* payloads of a flow in which it is looked for */
#define BITS_BLOCK    1.0f  /* a length that is a multiple of 16: 4 bits, of a protocol in blocks anyway */
#define BLOCKS_COUNTED 12
#define BLOCKS_MIN    8
#define LOOK_DENSE    4     /* payloads of a flow at which the socket is asked for, */
#define LOOK_UP_TO   64     /* then at powers of two up to this */
#define SOCKET_NS    (120 * NS_PER_S) /* a call's socket closes with it; its pings renew this */

struct telegram_flow {
	uint8_t tag[TAG_LEN];
	uint64_t second;        /* whole seconds of the clock */
	uint16_t rate[2];       /* packets with the tag in it */
	uint16_t tagged;
	bool ones, sound;       /* opened; media was said */
	bool midway;            /* opened by the tag alone */
	uint8_t others;         /* of those, packets without the tag or not in whole blocks */
};
static_assert(sizeof(struct telegram_flow) <= VENDOR_STATE, "fits the state of a vendor's flow");

static bool has_ones(const struct look *l)
{
	static const uint8_t ones[ONES_LEN] = { 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255 };

	return l->len >= REFLECTOR_MIN && memcmp(l->data + TAG_LEN, ones, ONES_LEN) == 0
	    && memcmp(l->data, ones, ONES_LEN) != 0 /* not ones from the first byte on */
	    && (l->wire == REFLECTOR_MIN || memcmp(l->data + TAG_LEN + ONES_LEN, ones, 4) != 0);
}

static bool socket_known(const struct look *l)
{
	const struct flow_key *k = &l->flow->key;
	struct fact f;

	for (unsigned i = 0; l->env->facts != NULL && i < 2; i++)
		if (facts_find(l->env->facts, FACT_ENDPOINT, &k->ip[i], &k->ip[i], k->port[i], IPPROTO_UDP,
		    l->pkt->frame->mono_ns, &f) && f.app == APP_TELEGRAM)
			return true;
	return false;
}

/* What stands in bytes 2 to 11, as the probe of RTP keeps it. */
static struct flow_probe middle(const struct look *l)
{
	struct cursor c = cur_open(l->data, l->len);
	struct flow_probe p = { .ms = (uint16_t)(l->pkt->frame->mono_ns / NS_PER_MS) };

	cur_skip(&c, 2);
	p.seq = cur_u16(&c);
	p.ts = cur_u32(&c);
	p.ssrc = cur_u32(&c);
	return p;
}

static bool probe_same(const struct flow_probe *a, const struct flow_probe *b)
{
	return a->ssrc == b->ssrc && a->ts == b->ts && a->seq == b->seq;
}

/*
 * The same tag as in the last packets of both directions; or of one, when the
 * socket spoke to another reflector: voice goes out by one and comes in by
 * another. The flow's probes remember them.
 */
static bool tag_again(const struct look *l)
{
	struct flow_probe *probe = l->flow->probe, now;
	bool again;

	if (l->wire % BLOCK != 0 || l->wire < MIDWAY_MIN || l->len < TAG_LEN
	    || l->flow->dir[0].payloads + l->flow->dir[1].payloads > MIDWAY_LOOKS)
		return false;
	now = middle(l);
	again = probe_same(&now, &probe[l->dir]) && (now.ssrc & now.ts) != UINT32_MAX && now.ssrc != now.ts
	    && (probe_same(&now, &probe[!l->dir]) || socket_known(l));
	if (l->data[0] >> 6 != 2) /* else RTP does, after us */
		probe[l->dir] = now;
	return again;
}

static bool telegram_opens(const struct look *l)
{
	return has_ones(l) || tag_again(l);
}

/* Pings come from the client, and were answered: its socket is now known as Telegram's, to flows of that host alone. */
static void learn_socket(const struct look *l)
{
	struct cursor c = cur_open(l->data + TAG_LEN + ONES_LEN, l->len - TAG_LEN - ONES_LEN);
	uint32_t what = cur_u32(&c);
	uint64_t now = l->pkt->frame->mono_ns;
	struct fact f = {
		.kind = FACT_ENDPOINT, .proto = IPPROTO_UDP, .port = l->pkt->port[0], .host = l->pkt->ip[0],
		.remote = l->pkt->ip[0], .app = APP_TELEGRAM, .expires_ns = now + SOCKET_NS,
	};

	if (l->env->facts != NULL && l->flow->dir[!l->dir].payloads != 0 && (what == SELF_PING || what == PLAIN_PING))
		(void)facts_add(l->env->facts, &f, now, l->env->counts);
}

static void sound(struct look *l, struct telegram_flow *t, float bits)
{
	uint64_t second = l->pkt->frame->mono_ns / NS_PER_S;

	if (second != t->second) {
		t->second = second;
		t->rate[0] = t->rate[1] = 0;
	}
	detect_media_packet(l, l->pkt->frame->mono_ns);
	if (++t->rate[l->dir] != SOUND_RATE || t->sound)
		return;
	t->sound = true;
	detect_evidence(l, CLASS_MEDIA, APP_TELEGRAM, bits,
	    "Telegram reflector, {0} packets a second with the call's tag", SOUND_RATE, 0);
}

/* No packet of the reflector's own was seen: the tag, whole blocks and the pace of speech. */
static enum look_result midway(struct look *l, struct telegram_flow *t)
{
	uint16_t counted = t->tagged < BLOCKS_COUNTED ? t->tagged : BLOCKS_COUNTED;
	bool said = t->sound;

	if (l->wire % BLOCK != 0 || l->len < TAG_LEN || memcmp(l->data, t->tag, TAG_LEN) != 0)
		return ++t->others > t->tagged / 8 ? LOOK_NO : LOOK_MAYBE;
	t->tagged += t->tagged < UINT16_MAX;
	if (t->tagged < BLOCKS_MIN)
		return LOOK_MAYBE;
	sound(l, t, BITS_MIDWAY + BITS_BLOCK * (float)counted);
	return t->sound || said ? LOOK_YES : LOOK_MAYBE;
}

static enum look_result telegram_look(struct look *l, void *state)
{
	struct telegram_flow *t = state;
	bool ones = has_ones(l);

	if (!t->ones && !ones && !t->midway)
		memcpy(t->tag, l->data, TAG_LEN);
	t->midway |= !t->ones && !ones;
	if (t->midway && !ones)
		return midway(l, t);
	t->midway = false;
	if (!t->ones)
		memcpy(t->tag, l->data, TAG_LEN); /* the first one: that opened it */
	else if (l->len < TAG_LEN || memcmp(l->data, t->tag, TAG_LEN) != 0)
		return LOOK_MAYBE;
	t->ones = true;
	t->tagged += t->tagged < UINT16_MAX;
	if (t->tagged == 1)
		return LOOK_MAYBE;
	if (ones)
		learn_socket(l);
	if (t->tagged == 2)
		detect_evidence(l, CLASS_SIGNALLING, APP_TELEGRAM, BITS_TAGGED,
		    "Telegram reflector, the call's tag in each packet", 0, 0);
	if (!ones && l->len > TAG_LEN)
		sound(l, t, BITS_TAGGED + BITS_SOUND);
	return LOOK_YES;
}

const struct vendor_app vendor_telegram = { APP_TELEGRAM, telegram_opens, telegram_look, NULL };

/* --- between the parties --- */

struct peer_flow {
	uint16_t blocks, others; /* payloads of whole blocks, and not */
	bool both[2];
};
static_assert(sizeof(struct peer_flow) <= VENDOR_STATE, "fits the state of a vendor's flow");

static bool peer_opens(const struct look *l)
{
	uint32_t n = l->flow->dir[0].payloads + l->flow->dir[1].payloads;

	return (n <= LOOK_DENSE || (n <= LOOK_UP_TO && (n & (n - 1)) == 0)) && !fact_port_common(l->pkt->port[0]) && !fact_port_common(l->pkt->port[1]) && socket_known(l);
}

static enum look_result peer_look(struct look *l, void *state)
{
	struct peer_flow *p = state;

	if (l->wire % BLOCK != 0 || l->wire < 2 * BLOCK) {
		p->others += p->others < UINT16_MAX;
		return LOOK_MAYBE;
	}
	p->blocks += p->blocks < UINT16_MAX;
	p->both[l->dir] = true;
	detect_media_packet(l, l->pkt->frame->mono_ns);
	if (p->others != 0 || !p->both[0] || !p->both[1] || p->blocks < BLOCKS_MIN || p->blocks > BLOCKS_COUNTED)
		return LOOK_MAYBE;
	detect_evidence(l, CLASS_MEDIA, APP_TELEGRAM, BITS_SOCKET + BITS_BLOCK * (float)p->blocks,
	    "socket of a Telegram call, {0} packets both ways in blocks of 16", p->blocks, 0);
	return LOOK_YES;
}

const struct vendor_app vendor_telegram_peer = { APP_TELEGRAM, peer_opens, peer_look, NULL };
