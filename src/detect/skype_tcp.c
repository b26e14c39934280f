/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Classic Skype over TCP, proved without keys (docs/SKYPE.md, T1 to T7 and H1),
 * mostly by the first segment of either side. Segments are looked at where they
 * lie, in whatever order they come: all of these messages begin one, and Skype
 * puts each into one. Only behind SOCKS, whose first bytes other rows would
 * take for their own, is the stream held until the real one begins.
 */
#include "detect/rows.h"

#include <netinet/in.h>
#include <string.h>

#include "detect/skype_host.h"
#include "detect/skype_lcg.h"
#include "detect/skype_proxy.h"
#include "detect/skype_segment.h"

const struct byte_range skype_stream_bytes[] = { { 0, 255 }, { 1, 0 } }; /* a random seed comes first */

#define BITS_MAX       250    /* more than that tells nobody anything */
#define SEED_FAR       65536  /* T7: steps from the last initial value of the same process */
#define BITS_SEED      16     /* 2^32 / SEED_FAR; several processes are tried, each with a proof of its own */
#define BITS_SERVER    16     /* other connections to the same server were Skype's */
#define BITS_FRAME     16     /* the acknowledged number is the one the other side sent */
#define MESSAGES_MAX   8      /* one after the other in one segment: proxy, imitated hello, header */
#define LENGTH_OLD     SKYPE_OLD_HEADER

/* What a direction showed. */
struct side {
	uint8_t old[LENGTH_OLD];  /* first segment, as long as that of client 1.2 */
	bool has_old;
	uint8_t phase;            /* enum proxy_phase */
	uint8_t test, bits;       /* the one that gave most */
	uint16_t frame;           /* number that was sent or acknowledged (T5); 0 none */
	uint16_t arg;
};

struct conn { struct side side[2]; };

static const char *const texts[] = {
	[SKYPE_SEGMENT_NONE]        = "Skype",
	[SKYPE_SEGMENT_HEADER]      = "Skype stream: keystream starts again, padding of its generator",
	[SKYPE_SEGMENT_PADDING]     = "Skype key exchange: {0} padding bytes of its generator",
	[SKYPE_SEGMENT_FAKE_CLIENT] = "Skype: imitated SSL hello, challenge of its generator",
	[SKYPE_SEGMENT_FAKE_SERVER] = "Skype: imitated ServerHello of 2004",
	[SKYPE_SEGMENT_OLD]         = "Skype 1.2 stream: lengths and numbers agree where the keystream starts again",
	[SKYPE_SEGMENT_OLD_ANSWER]  = "Skype 1.2 stream: frame {0} acknowledged",
	[SKYPE_SEGMENT_LOGIN]       = "Skype log-in: begins with an empty TLS record",
	[SKYPE_SEGMENT_HTTP]        = "Skype asks for its latest version",
};
static_assert(sizeof texts / sizeof *texts == SKYPE_SEGMENT_TESTS, "a text for each test");

/* --- what is learned about the hosts --- */

static struct skype_where end_of(const struct look *l, int end)
{
	return skype_where_endpoint(&l->flow->key, end);
}

/* Our own side of the flow is unknown, so both ends are noted: who opened it, and where it was accepted. */
static void learn(struct look *l, const struct skype_find *f)
{
	int opener = flow_initiator(l->flow);
	uint64_t now = l->pkt->frame->mono_ns;
	struct skype_where from, to;
	struct skype_host *host;

	if (opener < 0 || l->env->skype == NULL)
		return;
	from = end_of(l, opener);
	to = end_of(l, !opener);
	from = skype_where_host(&from);
	host = skype_host_get(l->env->skype, &from, now, l->env->counts);
	if (f->test == SKYPE_SEGMENT_LOGIN)
		skype_place_add(host->login, &host->logins, &to.ip, to.port);
	else if (f->test != SKYPE_SEGMENT_HTTP)
		skype_place_add(host->supernode, &host->supernodes, &to.ip, to.port);
	if (f->generation != SKYPE_AGE_UNKNOWN && l->dir == opener)
		host->generation = f->generation;
	if (f->test == SKYPE_SEGMENT_HTTP || l->dir == opener)
		return;
	to = skype_where_host(&to); /* it answered, so it listens there */
	host = skype_host_get(l->env->skype, &to, now, l->env->counts);
	host->listening = l->flow->key.port[!opener];
	host->accepted++;
	if (f->generation != SKYPE_AGE_UNKNOWN)
		host->generation = f->generation;
}

/* --- T7: the seed lies in the chain of the same process --- */

static bool seed_follows(struct look *l, uint32_t seed)
{
	struct skype_where at = end_of(l, l->dir), where = skype_where_host(&at);
	const struct skype_host *host = l->env->skype == NULL ? NULL : skype_host_find(l->env->skype, &where);

	for (unsigned i = 0; host != NULL && i < SKYPE_PORTS; i++) {
		const struct skype_endpoint *e;
		uint32_t ahead;

		at.port = host->udp_port[i];
		at.proto = IPPROTO_UDP;
		e = at.port == 0 ? NULL : skype_endpoint_find(l->env->skype, &at);
		if (e == NULL || !e->chain[0].used)
			continue;
		ahead = skype_lcg_distance(e->chain[0].iv, seed);
		if (ahead <= SEED_FAR || 0 - ahead <= SEED_FAR)
			return true;
	}
	return false;
}

/* --- evidence --- */

static unsigned capped(unsigned bits)
{
	return bits < BITS_MAX ? bits : BITS_MAX;
}

static unsigned conn_bits(const struct conn *c)
{
	unsigned bits = c->side[0].bits + c->side[1].bits;
	const struct side *a = &c->side[0], *b = &c->side[1];

	if (a->frame != 0 && a->frame == b->frame)
		bits += BITS_FRAME;
	return capped(bits);
}

static void note(struct look *l, struct conn *c, const struct skype_find *f)
{
	struct side *s = &c->side[l->dir];
	unsigned bits = f->bits;

	if ((f->test == SKYPE_SEGMENT_OLD || f->test == SKYPE_SEGMENT_OLD_ANSWER)) {
		s->frame = (uint16_t)f->arg;
		bits += seed_follows(l, f->seed) ? BITS_SEED : 0;
	}
	bits = capped(bits);
	if (bits > s->bits) {
		s->bits = (uint8_t)bits;
		s->test = (uint8_t)f->test;
		s->arg = (uint16_t)f->arg;
	}
}

static void tell(struct look *l, const struct conn *c, const struct skype_find *f)
{
	const struct side *best = c->side[0].bits >= c->side[1].bits ? &c->side[0] : &c->side[1];
	unsigned bits = conn_bits(c);

	if (bits < SKYPE_DECLARE_BITS)
		return;
	detect_evidence(l, CLASS_CONTROL, APP_SKYPE, (float)bits, texts[best->test], best->arg, 0);
	learn(l, f);
}

static struct conn *found(struct look *l, const struct skype_find *f)
{
	struct conn *c = detect_state(l, sizeof *c);

	if (c == NULL)
		return NULL;
	note(l, c, f);
	tell(l, c, f);
	return c;
}

/* --- segments --- */

/* Tests one message after the other; true when a test passed. */
static bool messages(struct look *l, const uint8_t *at, uint32_t n)
{
	struct skype_find f;
	bool any = false;

	for (unsigned i = 0; i < MESSAGES_MAX && n != 0 && skype_segment(at, n, &f); i++) {
		if (found(l, &f) == NULL)
			break;
		any = true;
		at += f.used;
		n -= f.used;
	}
	return any;
}

/* A segment as long as the header of client 1.2 is kept; what comes next is held against it. */
static void old_client(struct look *l)
{
	struct conn *c = detect_state_find(l);
	struct side *s = c == NULL ? NULL : &c->side[l->dir];
	struct skype_find f;

	if (s != NULL && s->has_old) {
		if (skype_segment_old(s->old, l->data, l->len, &f))
			(void)found(l, &f);
		return;
	}
	if (l->len != LENGTH_OLD || (c = detect_state(l, sizeof *c)) == NULL)
		return;
	s = &c->side[l->dir];
	memcpy(s->old, l->data, LENGTH_OLD);
	s->has_old = true;
}

static enum proxy_side proxy_side(const struct look *l)
{
	int opener = flow_initiator(l->flow);

	if (opener >= 0)
		return l->dir == opener ? PROXY_ASKS : PROXY_ANSWERS;
	return l->dir == (l->flow->flags & FLOW_FIRST_1 ? 1 : 0) ? PROXY_ASKS : PROXY_ANSWERS;
}

/*
 * Past what is said to a proxy. HTTP is left to others when its segment ends:
 * what follows begins a segment of its own, and all rows look at that.
 */
struct stream_result skype_stream(struct look *l)
{
	static const struct stream_result stop = { STREAM_STOP, 0, 0 };
	struct conn *c = detect_state_find(l);
	enum proxy_phase phase = c == NULL ? PROXY_NONE : (enum proxy_phase)c->side[l->dir].phase;
	bool http = l->data[0] == 'C' || l->data[0] == 'H';
	uint32_t used = proxy_message(l->data, l->len, proxy_side(l), &phase);

	if (used == 0) {
		if (!messages(l, l->data, l->len))
			old_client(l);
		return stop;
	}
	if (http && used < l->len)
		(void)messages(l, l->data + used, l->len - used);
	if (http || (c = detect_state(l, sizeof *c)) == NULL)
		return stop;
	c->side[l->dir].phase = (uint8_t)phase;
	return (struct stream_result){ STREAM_USED, used, 0 };
}
