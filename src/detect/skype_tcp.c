/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Classic Skype over TCP, proved without keys (docs/SKYPE.md, T1 to T7 and H1),
 * mostly by the first segment of either side. Segments are looked at where they
 * lie, in whatever order they come: all of these messages begin one, and Skype
 * puts each into one. Only behind SOCKS, whose first bytes other rows would
 * take for their own, and after the header of client 1.2 is the stream held.
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
#define BITS_SEED      31     /* less the bits of the number of steps: either way, of 2^32 */
#define BITS_FRAME     16     /* the acknowledged number is the one the other side sent */
#define MESSAGES_MAX   8      /* one after the other in one segment: proxy, imitated hello, header */

/* What a direction showed. */
struct side {
	uint8_t old[SKYPE_OLD_HEADER]; /* first segment, as long as that of client 1.2 */
	bool has_old;
	bool learned;             /* its host was noted */
	uint8_t phase;            /* enum proxy_phase */
	uint8_t test, bits;       /* the one that gave most */
	uint16_t frame;           /* number that was sent or acknowledged (T5); 0 none */
	uint16_t arg;
};

struct conn {
	struct side side[2];
	bool proxied;
};

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

static struct skype_host *host_of(struct look *l, int end)
{
	struct skype_where at = end_of(l, end);

	at = skype_where_host(&at);
	return skype_host_get(l->env->skype, &at, l->pkt->frame->mono_ns, l->env->counts);
}

/* Who opened a connection knows the other end as a server or super node; log-in servers speak the language of super nodes too. */
static void learn_opener(struct look *l, int opener, const struct skype_find *f)
{
	struct skype_host *host = host_of(l, opener);
	const struct addr *ip = &l->flow->key.ip[!opener];
	uint16_t port = l->flow->key.port[!opener];

	if (f->test == SKYPE_SEGMENT_LOGIN) {
		skype_place_add(host->login, &host->logins, ip, port);
		skype_place_remove(host->supernode, &host->supernodes, ip, port);
	} else if (f->test != SKYPE_SEGMENT_HTTP && !skype_place_find(host->login, ip, port))
		skype_place_add(host->supernode, &host->supernodes, ip, port);
	if (f->generation != SKYPE_AGE_UNKNOWN)
		host->generation = f->generation;
}

/* Who answers in the stream's own language is a client too, and listens there; log-in servers are none. */
static void learn_listener(struct look *l, int end, const struct skype_find *f)
{
	struct skype_host *host;

	if (f->test == SKYPE_SEGMENT_LOGIN || f->test == SKYPE_SEGMENT_HTTP)
		return;
	host = host_of(l, end);
	host->listening = l->flow->key.port[end];
	host->accepted++;
	if (f->generation != SKYPE_AGE_UNKNOWN)
		host->generation = f->generation;
}

/* Behind a proxy the other end is the proxy: that is no super node. */
static void learn(struct look *l, struct conn *c, const struct skype_find *f)
{
	int opener = flow_initiator(l->flow);
	struct side *s = &c->side[l->dir];

	if (opener < 0 || l->env->skype == NULL || s->learned || c->proxied)
		return;
	s->learned = true;
	if (l->dir == opener)
		learn_opener(l, opener, f);
	else
		learn_listener(l, l->dir, f);
}

/* --- T7: the seed lies in the chain of the same process --- */

/* Bits of so few steps, either way. */
static unsigned steps_bits(uint32_t from, uint32_t to)
{
	uint32_t ahead = skype_lcg_distance(from, to);
	uint32_t steps = ahead < 0 - ahead ? ahead : 0 - ahead;

	return steps > SEED_FAR ? 0 : BITS_SEED - (steps == 0 ? 0 : 32 - (unsigned)__builtin_clz(steps));
}

static unsigned seed_bits(struct look *l, uint32_t seed)
{
	struct skype_where at = end_of(l, l->dir), where = skype_where_host(&at);
	const struct skype_host *host = l->env->skype == NULL ? NULL : skype_host_find(l->env->skype, &where);
	unsigned best = 0;

	at.proto = IPPROTO_UDP;
	for (unsigned i = 0; host != NULL && i < SKYPE_PORTS; i++) {
		const struct skype_endpoint *e;
		unsigned bits;

		at.port = host->udp_port[i];
		e = at.port == 0 ? NULL : skype_endpoint_find(l->env->skype, &at);
		bits = e == NULL || !e->chain[0].used ? 0 : steps_bits(e->chain[0].iv, seed);
		best = bits > best ? bits : best;
	}
	return best;
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

	if (f->test == SKYPE_SEGMENT_OLD || f->test == SKYPE_SEGMENT_OLD_ANSWER) {
		s->frame = (uint16_t)f->arg;
		bits += seed_bits(l, f->seed);
	}
	bits = capped(bits);
	if (bits > s->bits) {
		s->bits = (uint8_t)bits;
		s->test = (uint8_t)f->test;
		s->arg = (uint16_t)f->arg;
	}
}

static void tell(struct look *l, struct conn *c, const struct skype_find *f)
{
	const struct side *best = c->side[0].bits >= c->side[1].bits ? &c->side[0] : &c->side[1];
	unsigned bits = conn_bits(c);

	if (bits < SKYPE_DECLARE_BITS)
		return;
	detect_evidence(l, CLASS_CONTROL, APP_SKYPE, (float)bits, texts[best->test], best->arg, 0);
	learn(l, c, f);
}

static struct conn *found(struct look *l, const struct skype_find *f)
{
	struct conn *c = detect_state(l, sizeof *c);

	if (c == NULL)
		return NULL;
	skype_hosts_lock(l->env->skype);
	note(l, c, f);
	tell(l, c, f);
	skype_hosts_unlock(l->env->skype);
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

/* Text, or a frame of RFC 4571 with its length in front: others know better. */
static bool is_readable(const uint8_t first[static SKYPE_OLD_HEADER])
{
	unsigned i = 0;

	if (first[0] == 0 && first[1] == SKYPE_OLD_HEADER - 2)
		return true;
	while (i < SKYPE_OLD_HEADER && (first[i] >= ' ' || first[i] == '\r' || first[i] == '\n') && first[i] < 0x7f)
		i++;
	return i == SKYPE_OLD_HEADER;
}

static bool keep_header(struct look *l)
{
	struct conn *c;

	if (l->len != SKYPE_OLD_HEADER || is_readable(l->data) || (c = detect_state(l, sizeof *c)) == NULL)
		return false;
	memcpy(c->side[l->dir].old, l->data, SKYPE_OLD_HEADER);
	c->side[l->dir].has_old = true;
	return true;
}

/*
 * A segment as long as the header of client 1.2 is kept, and what comes next
 * held against it. True when there is a next one to wait for.
 */
static bool old_client(struct look *l)
{
	struct conn *c = detect_state_find(l);
	const uint8_t *header = c != NULL && c->side[l->dir].has_old ? c->side[l->dir].old : NULL;
	struct skype_find f;

	if (header != NULL) {
		if (skype_segment_old(header, l->data, l->len, &f))
			(void)found(l, &f);
		return false;
	}
	if (l->len > SKYPE_OLD_HEADER && skype_segment_old(l->data, l->data + SKYPE_OLD_HEADER, l->len - SKYPE_OLD_HEADER, &f) &&
	    f.test == SKYPE_SEGMENT_OLD) { /* both in one piece */
		(void)found(l, &f);
		return false;
	}
	return keep_header(l);
}

static enum proxy_side proxy_side(const struct look *l)
{
	int opener = flow_initiator(l->flow);

	if (opener >= 0)
		return l->dir == opener ? PROXY_ASKS : PROXY_ANSWERS;
	return l->dir == (l->flow->flags & FLOW_FIRST_1 ? 1 : 0) ? PROXY_ASKS : PROXY_ANSWERS;
}

static struct stream_result segment(struct look *l, const uint8_t *at, uint32_t n)
{
	struct look inner = *l;

	inner.data = at;
	inner.len = n;
	if (messages(&inner, at, n) || !old_client(&inner))
		return (struct stream_result){ STREAM_STOP, 0, 0 };
	return (struct stream_result){ STREAM_USED, l->len, 0 };
}

/* HTTP's answer to somebody who did not ask for a tunnel. */
static bool is_plain_answer(const struct look *l, const struct conn *c)
{
	return l->data[0] == 'H' && l->flow->dir[!l->dir].payloads != 0 && (c == NULL || !c->proxied);
}

static struct conn *behind_proxy(struct look *l)
{
	struct conn *c = detect_state(l, sizeof *c);

	if (c != NULL)
		c->proxied = true;
	return c;
}

/*
 * What is said to a proxy is passed over. Behind HTTP the stream is left to
 * all rows: what follows begins a segment of its own.
 */
struct stream_result skype_stream(struct look *l)
{
	struct conn *c = detect_state_find(l);
	enum proxy_phase phase = c == NULL ? PROXY_NONE : (enum proxy_phase)c->side[l->dir].phase;
	uint32_t used = is_plain_answer(l, c) ? 0 : proxy_message(l->data, l->len, proxy_side(l), &phase);

	if (used == 0)
		return segment(l, l->data, l->len);
	if (l->data[0] == 'H') /* a proxy's answer or any other */
		return segment(l, l->data + used, l->len - used);
	c = behind_proxy(l);
	if (c == NULL)
		return (struct stream_result){ STREAM_STOP, 0, 0 };
	if (l->data[0] == 'C')
		return segment(l, l->data + used, l->len - used);
	c->side[l->dir].phase = (uint8_t)phase;
	return (struct stream_result){ STREAM_USED, used, 0 };
}
