/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a frame of classic Skype over UDP proves about its endpoints: docs/SKYPE.md, U1 to U8. */
#include "detect/skype_frame.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "detect/skype_lcg.h"

/* --- bits: docs/SKYPE.md has the table, measured beside predicted --- */

#define NEAR_STEPS     64     /* between datagrams sent one after the other; late ones are as far behind */
#define FAR_STEPS      65536  /* with what was lost or sent elsewhere in between: 50 steps a second were seen */
#define BITS_NEAR      26     /* 2^32 / NEAR_STEPS */
#define BITS_FAR       16
#define BITS_TYPE      8      /* the third byte is 0x02 */
#define BITS_BACKWARD  1      /* less, when the later one is behind: both ways were tried */
#define BITS_RESEND    13     /* of type and marker; what else agrees is added */
#define BITS_IPV4      32
#define BITS_NONCE     32
#define BITS_ID        16
#define BITS_ADDRESS   36
#define BITS_ANSWER    24     /* the frame number, and whom it came from; the type counts in BITS_ADDRESS */
#define BITS_AGREE     40
#define BITS_FRAGMENT  63     /* message and request number, three type bits, the distance; 16 places are tried */
#define BITS_RETRY     64
#define BITS_COUNTER   8      /* 60 by chance, but counters are common */

#define MISSES_FEW     2      /* a restart and one stray: above, 0x02 there is a habit of another protocol */
#define COUNTER_RISE   16     /* most between frame numbers sent one after the other */
#define COUNTER_RISES  5
#define COUNTER_PEERS  4
#define FRAGMENTS_APART 8     /* numbers of fragments that are compared when some were lost */
#define ADDRESS_BYTES  4
#define LAST_FRAGMENT  0x80   /* marks the last number */

/* --- places --- */

uint32_t skype_peer(const struct skype_where *w)
{
	return (uint32_t)hash_bytes(w, sizeof *w) | 1;
}

static struct skype_endpoint *endpoint_get(const struct skype_sight *s, const struct skype_where *at)
{
	return skype_port_common(at->port) ? NULL : skype_endpoint_get(s->hosts, at, s->l->env->counts);
}

static void credit(const struct skype_sight *s, const struct skype_where *at, struct skype_endpoint *e,
    enum skype_test test, unsigned bits, uint32_t arg)
{
	skype_endpoint_credit(s->hosts, at, e, test, bits, arg, s->now, s->l->env->counts);
}

static void heard(struct skype_endpoint *e, uint64_t now)
{
	if (e->frames == 0 && e->last_ns == 0)
		e->first_ns = now;
	e->last_ns = now;
}

/* --- U1: the chain of initial values --- */

static unsigned log2_up(unsigned n)
{
	return n <= 1 ? 0 : 32 - (unsigned)__builtin_clz(n - 1);
}

/* The type byte is rare by chance only while datagrams that have it mostly follow the generator. */
static unsigned link_bits(const struct skype_endpoint *e, unsigned steps_bits)
{
	unsigned types = e->misses > MISSES_FEW ? 0 : e->bits[SKYPE_CHAIN] == 0 ? 2 * BITS_TYPE : BITS_TYPE;
	unsigned tried = log2_up(e->misses > MISSES_FEW ? e->misses : 0);

	return steps_bits + types > tried ? steps_bits + types - tried : 0;
}

static void restarted(const struct skype_sight *s, struct skype_endpoint *e)
{
	struct skype_where at = skype_where_host(&s->from);
	struct skype_host *host = skype_host_find(s->hosts, &at);

	e->restarts++;
	if (host != NULL)
		host->restarts++;
}

/* Bits for the way from a chain's value to `iv`, 0 when it is none of its outputs. */
static unsigned step_bits(const struct skype_chain *c, uint32_t iv, uint32_t *steps)
{
	uint32_t ahead = skype_lcg_distance(c->iv, iv), behind = 0 - ahead;

	*steps = ahead;
	if (ahead <= FAR_STEPS)
		return ahead <= NEAR_STEPS ? BITS_NEAR : BITS_FAR;
	*steps = behind;
	return behind <= NEAR_STEPS ? BITS_NEAR - BITS_BACKWARD : 0;
}

/* A value of chain `i`: moves the chain on, to the front, and credits the endpoint. */
static void chain_grow(const struct skype_sight *s, struct skype_endpoint *e, unsigned i, uint32_t iv)
{
	struct skype_chain *c = &e->chain[i], moved;
	uint32_t steps;
	unsigned bits = step_bits(c, iv, &steps);

	if (skype_lcg_distance(c->iv, iv) == steps)
		c->iv = iv;
	c->links++;
	if (i != 0) {
		if (e->chain[0].links != 0 && c->links == 1 && e->proved)
			restarted(s, e);
		moved = e->chain[0];
		e->chain[0] = *c;
		e->chain[i] = moved;
	}
	credit(s, &s->from, e, SKYPE_CHAIN, e->bits[SKYPE_CHAIN] + link_bits(e, bits), steps);
}

/* A value that no chain explains begins one; what was confirmed keeps its place. */
static void chain_begin(struct skype_endpoint *e, uint32_t iv)
{
	if (e->chain[0].used && e->misses != UINT16_MAX)
		e->misses++;
	if (e->chain[0].links == 0) {
		e->chain[1] = e->chain[0];
		e->chain[0] = (struct skype_chain){ iv, 0, true };
	} else {
		e->chain[1] = (struct skype_chain){ iv, 0, true };
	}
}

static void chain_look(const struct skype_sight *s, struct skype_endpoint *e, uint32_t iv)
{
	uint32_t steps;

	for (unsigned i = 0; i < SKYPE_CHAINS; i++) {
		if (!e->chain[i].used)
			continue;
		if (e->chain[i].iv == iv)
			return; /* the same datagram again */
		if (step_bits(&e->chain[i], iv, &steps) != 0) {
			chain_grow(s, e, i, iv);
			return;
		}
	}
	chain_begin(e, iv);
}

/* --- U7', U8: what the last frames tell --- */

static bool is_retry(const struct skype_frame *a, const struct skype_frame *b)
{
	uint32_t ahead = skype_lcg_distance(a->iv, b->iv);

	return a->peer == b->peer && a->id == b->id && a->crc == b->crc && a->len == b->len &&
	    ahead != 0 && (ahead <= FAR_STEPS || 0 - ahead <= FAR_STEPS);
}

static unsigned peers_of(const struct skype_endpoint *e)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SKYPE_FRAMES; i++) {
		unsigned j = 0;

		while (j < i && e->frame[j].peer != e->frame[i].peer)
			j++;
		n += j == i && e->frame[i].peer != 0;
	}
	return n;
}

static void counter_look(const struct skype_sight *s, struct skype_endpoint *e)
{
	uint16_t rise = (uint16_t)(s->id - e->last_id);

	if (rise == 0)
		return; /* sent once more */
	if (e->frames == 0 || rise > COUNTER_RISE)
		e->rises = 0;
	else if (e->rises < COUNTER_RISES)
		e->rises++;
	e->last_id = s->id;
	if (e->rises == COUNTER_RISES && peers_of(e) >= COUNTER_PEERS)
		credit(s, &s->from, e, SKYPE_COUNTER, BITS_COUNTER, 0);
}

/* Type 2: initial value, CRC-32 of the plaintext, cipher text. */
void skype_take_payload(struct skype_sight *s)
{
	struct skype_endpoint *e = endpoint_get(s, &s->from);
	struct skype_frame f = { .peer = s->peer, .id = s->id, .len = (uint16_t)s->l->wire };

	if (e == NULL)
		return;
	f.iv = cur_u32(&s->rest);
	f.crc = cur_u32(&s->rest);
	heard(e, s->now);
	for (unsigned i = 0; i < SKYPE_FRAMES; i++) {
		if (e->frame[i].peer == f.peer && e->frame[i].iv == f.iv)
			return; /* captured twice */
		if (e->frame[i].peer != 0 && is_retry(&e->frame[i], &f))
			credit(s, &s->from, e, SKYPE_RETRY, BITS_RETRY, 0);
	}
	chain_look(s, e, f.iv);
	counter_look(s, e);
	e->frame[e->frames++ % SKYPE_FRAMES] = f;
}

/* --- U6: fragments of one message --- */

static bool fragment_follows(const struct skype_endpoint *e, uint16_t id, uint16_t request,
    uint8_t number, uint32_t iv)
{
	int apart = (number & ~LAST_FRAGMENT) - (e->fragment_number & ~LAST_FRAGMENT);

	return e->fragmented && e->fragment_id == id && e->fragment_request == request &&
	    apart != 0 && abs(apart) <= FRAGMENTS_APART &&
	    skype_lcg_distance(e->fragment_iv, iv) == (uint32_t)(2 * apart);
}

/* Type f: request number, fragment number, inner type, then as type 2. */
void skype_take_fragment(struct skype_sight *s)
{
	struct skype_endpoint *e = endpoint_get(s, &s->from);
	uint16_t request = cur_u16(&s->rest);
	uint8_t number = cur_u8(&s->rest);
	uint32_t iv;

	cur_skip(&s->rest, 1);
	iv = cur_u32(&s->rest);
	if (e == NULL)
		return;
	heard(e, s->now);
	if (skype_lcg_previous(iv) >> 29 != (s->type >> 4 & 7))
		return; /* the type's random bits are the output before */
	if (fragment_follows(e, s->id, request, number, iv))
		credit(s, &s->from, e, SKYPE_FRAGMENT, BITS_FRAGMENT, (uint32_t)(number & ~LAST_FRAGMENT));
	chain_look(s, e, iv);
	e->fragmented = true;
	e->fragment_id = s->id;
	e->fragment_request = request;
	e->fragment_number = number;
	e->fragment_iv = iv;
}

/* --- U3, U4, U5: answers --- */

static bool sent_frame(const struct skype_endpoint *e, uint32_t peer, uint16_t id)
{
	for (unsigned i = 0; i < SKYPE_FRAMES; i++)
		if (e->frame[i].peer == peer && e->frame[i].id == id)
			return true;
	return false;
}

static bool names_host(const uint8_t named[ADDRESS_BYTES], const struct addr *ip)
{
	return addr_is_v4(ip) && memcmp(named, ip->b + 12, ADDRESS_BYTES) == 0;
}

/* Addresses that no host on the Internet has: RFC 6890, and multicast. */
static bool is_public(const uint8_t a[ADDRESS_BYTES])
{
	return a[0] != 0 && a[0] != 10 && a[0] != 127 && a[0] < 224 &&
	    !(a[0] == 100 && (a[1] & 0xc0) == 64) && !(a[0] == 169 && a[1] == 254) &&
	    !(a[0] == 172 && (a[1] & 0xf0) == 16) && !(a[0] == 192 && a[1] == 168);
}

static void learn_public(const struct skype_sight *s, const uint8_t named[ADDRESS_BYTES])
{
	struct skype_where at = skype_where_host(&s->to);
	struct skype_host *host = skype_host_find(s->hosts, &at);

	if (host != NULL)
		memcpy(host->public_ip, named, ADDRESS_BYTES);
}

static void named_public(const struct skype_sight *s, struct skype_endpoint *to, const uint8_t named[ADDRESS_BYTES])
{
	uint32_t by = skype_peer(&s->from);

	if (!is_public(named))
		return;
	if (memcmp(to->said, named, ADDRESS_BYTES) != 0) {
		memcpy(to->said, named, ADDRESS_BYTES);
		to->agree_peer = by;
		to->agreed = false;
	} else if (to->agree_peer != by) {
		to->agreed = true;
		credit(s, &s->to, to, SKYPE_AGREE, BITS_AGREE, 0);
	}
	if (to->proved)
		learn_public(s, named);
}

/* Types 5 and 7: "received" and "cannot decrypt", the receiver's public address, a nonce. */
void skype_take_answer(struct skype_sight *s)
{
	struct skype_endpoint *to = endpoint_get(s, &s->to), *from = endpoint_get(s, &s->from);
	uint8_t named[ADDRESS_BYTES];
	uint32_t nonce;

	cur_copy(&s->rest, named, sizeof named);
	nonce = cur_u32(&s->rest);
	if (to == NULL || from == NULL)
		return;
	heard(from, s->now);
	if (sent_frame(to, skype_peer(&s->from), s->id)) {
		credit(s, &s->from, from, SKYPE_ANSWER, BITS_ANSWER, s->id);
		credit(s, &s->to, to, SKYPE_ANSWER, BITS_ANSWER, s->id);
	}
	if (names_host(named, &s->to.ip)) {
		credit(s, &s->from, from, SKYPE_ADDRESS, BITS_ADDRESS, 0);
		credit(s, &s->to, to, SKYPE_ADDRESS, BITS_ADDRESS, 0);
	}
	named_public(s, to, named);
	if ((s->type & 0x0f) == 7) {
		from->nacked = true;
		from->nack_id = s->id;
		from->nack_nonce = nonce;
	}
}

/* --- U2: resend after a NACK --- */

/* Type 3: marker, the NACK's nonce, the destination's public address, CRC-32. */
void skype_take_resend(struct skype_sight *s)
{
	struct skype_endpoint *e = endpoint_get(s, &s->from), *to = skype_endpoint_find(s->hosts, &s->to);
	uint8_t named[ADDRESS_BYTES];
	unsigned bits = BITS_RESEND;
	uint32_t nonce;

	cur_skip(&s->rest, 1);
	nonce = cur_u32(&s->rest);
	cur_copy(&s->rest, named, sizeof named);
	if (e == NULL)
		return;
	heard(e, s->now);
	if (names_host(named, &s->to.ip) ||
	    (to != NULL && to->agreed && memcmp(named, to->said, ADDRESS_BYTES) == 0))
		bits += BITS_IPV4;
	if (to != NULL && to->nacked && to->nack_nonce == nonce)
		bits += BITS_NONCE + (to->nack_id == s->id ? BITS_ID : 0);
	if (bits >= BITS_RESEND + BITS_IPV4)
		credit(s, &s->from, e, SKYPE_RESEND, bits, 0);
}
