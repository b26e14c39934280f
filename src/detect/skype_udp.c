/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Classic Skype over UDP, proved without keys (docs/SKYPE.md, U1 to U8). The
 * initial values of all datagrams a process sends are outputs of one generator,
 * so two of them prove it, whoever they went to: what is known is kept with the
 * sender's address and port, and a proof holds for every flow of that endpoint
 * whose datagrams have the frames' shape, and for no other.
 */
#include "detect/rows.h"

#include "base/clock.h"
#include "detect/skype_frame.h"

const struct byte_range skype_bytes[] = { { 0, 255 }, { 1, 0 } }; /* the frame number comes first: any byte */

#define FRAMES_IN_VAIN 64     /* frames of an endpoint without proof after which a flow is looked at no more */

/* --- what a datagram must look like --- */

static void take_media(struct skype_sight *s)
{
	(void)s; /* type d, voice and files: nothing in it is known, it only belongs to what is proved */
}

/* By the low half of the type byte, whose top bit is 0. `at` holds `value` under `mask`. */
static const struct shape {
	uint16_t min, max;        /* bytes of the datagram */
	uint8_t at, mask, value;
	bool alone;               /* enough to remember the endpoint for */
	void (*take)(struct skype_sight *);
} shapes[16] = {
	[0x2] = { 12, UINT16_MAX, 2, 0xff, 0x02, true, skype_take_payload },
	[0x3] = { 17, UINT16_MAX, 3, 0xff, 0x01, true, skype_take_resend },
	[0x5] = { 11, 11, 2, 0x8f, 0x05, true, skype_take_answer },
	[0x7] = { 11, 11, 2, 0x8f, 0x07, true, skype_take_answer },
	[0xd] = { 12, UINT16_MAX, 2, 0x8f, 0x0d, false, take_media },
	[0xf] = { 16, UINT16_MAX, 6, 0xff, 0x02, true, skype_take_fragment },
};

static const struct shape *shape_of(const struct look *l, uint16_t *id, uint8_t *type)
{
	struct cursor c = cur_open(l->data, l->len), at = c;
	const struct shape *shape;

	*id = cur_u16(&c);
	*type = cur_u8(&c);
	if (c.bad || *type & 0x80)
		return NULL;
	shape = &shapes[*type & 0x0f];
	if (shape->take == NULL || l->wire < shape->min || l->wire > shape->max)
		return NULL;
	cur_skip(&at, shape->at);
	return (cur_u8(&at) & shape->mask) == shape->value && !at.bad ? shape : NULL;
}

/* --- evidence --- */

static const char *const proofs[] = {
	[SKYPE_CHAIN]    = "Skype endpoint: initial values {0} steps of its generator apart",
	[SKYPE_RESEND]   = "Skype endpoint: resent after a NACK, naming the receiver's address",
	[SKYPE_ADDRESS]  = "Skype endpoint: answers name the address they go to",
	[SKYPE_ANSWER]   = "Skype endpoint: frame {0} was answered",
	[SKYPE_AGREE]    = "Skype endpoint: peers name the same public address",
	[SKYPE_FRAGMENT] = "Skype endpoint: fragment {0} follows on the one before",
	[SKYPE_RETRY]    = "Skype endpoint: sent again under a later initial value",
	[SKYPE_COUNTER]  = "Skype endpoint: frame numbers rise across peers",
};
static_assert(sizeof proofs / sizeof *proofs == SKYPE_TESTS, "a text for each test");

/* The proved end of the flow; NULL when neither is. */
static const struct skype_endpoint *proved_end(const struct look *l, uint64_t now)
{
	for (int end = 0; end < 2; end++) {
		struct skype_where at = skype_where_endpoint(&l->flow->key, end);
		const struct skype_endpoint *e = skype_endpoint_find(l->env->skype, &at);

		if (skype_endpoint_proved(e, now))
			return e;
	}
	return NULL;
}

static bool tell(struct look *l, uint64_t now)
{
	const struct skype_endpoint *e;

	if (detect_has_evidence(l))
		return true;
	e = proved_end(l, now);
	if (e == NULL)
		return false;
	detect_evidence(l, CLASS_CONTROL, APP_SKYPE, (float)skype_endpoint_bits(e), proofs[e->proof], e->arg, 0);
	return true;
}

static void look_closely(struct look *l, const struct shape *shape, uint16_t id, uint8_t type)
{
	struct skype_sight s = {
		.l = l, .hosts = l->env->skype, .now = l->pkt->frame->mono_ns, .id = id, .type = type,
		.from = skype_where_endpoint(&l->flow->key, l->dir),
		.to = skype_where_endpoint(&l->flow->key, !l->dir),
		.rest = cur_open(l->data, l->len),
	};

	s.peer = skype_peer(&s.to);
	cur_skip(&s.rest, 3);
	shape->take(&s);
}

/* --- hole punching --- */

#define ANSWER_NS  NS_PER_S          /* answers come sooner: of 61 first ones measured the slowest took 0.49 s */
#define MAPPING_NS (120 * NS_PER_S)  /* a NAT keeps a hole open at least so long (RFC 4787, REQ-5) */

/* Of a flow in which one end has spoken and not the other. */
struct approach { uint64_t said_ns; };

/* Noted with the host that spoke first, when it is proved. */
static void punched(struct look *l)
{
	struct skype_where at = skype_where_endpoint(&l->flow->key, !l->dir), host_at = skype_where_host(&at);
	const struct skype_endpoint *e = skype_endpoint_find(l->env->skype, &at);
	struct skype_host *host = skype_host_find(l->env->skype, &host_at);

	if (skype_endpoint_proved(e, l->pkt->frame->mono_ns) && host != NULL)
		host->punched++;
}

/*
 * One end speaks and hears nothing: its NAT has a hole now, the other one's
 * dropped what came. Then the other end speaks for itself, later than any
 * answer would come, and gets through.
 */
static void approach_look(struct look *l, const struct shape *shape)
{
	const struct flow_dir *mine = &l->flow->dir[l->dir], *theirs = &l->flow->dir[!l->dir];
	uint64_t now = l->pkt->frame->mono_ns;
	struct approach *a;

	if (theirs->payloads == 0) {
		if ((a = detect_state(l, sizeof *a)) != NULL)
			a->said_ns = now;
		return;
	}
	a = detect_state_find(l);
	if (mine->payloads == 1 && a != NULL && shape->take == skype_take_payload &&
	    now - a->said_ns >= ANSWER_NS && now - a->said_ns <= MAPPING_NS)
		punched(l);
}

static bool in_vain(const struct look *l)
{
	struct skype_where at = skype_where_endpoint(&l->flow->key, l->dir);
	const struct skype_endpoint *e = skype_endpoint_find(l->env->skype, &at);

	return e == NULL || e->frames > FRAMES_IN_VAIN;
}

/* With the hosts locked. */
static enum look_result look_frame(struct look *l, const struct shape *shape, uint16_t id, uint8_t type)
{
	look_closely(l, shape, id, type);
	if (tell(l, l->pkt->frame->mono_ns)) {
		approach_look(l, shape);
		return LOOK_YES;
	}
	if (!shape->alone)
		return LOOK_MAYBE;
	return in_vain(l) ? LOOK_NO : LOOK_YES;
}

enum look_result skype_look(struct look *l)
{
	const struct shape *shape;
	enum look_result result;
	uint16_t id;
	uint8_t type;

	if (l->depth > 0 || l->env->skype == NULL)
		return LOOK_MAYBE;
	shape = shape_of(l, &id, &type);
	if (shape == NULL)
		return LOOK_MAYBE;
	skype_hosts_lock(l->env->skype);
	result = look_frame(l, shape, id, type);
	skype_hosts_unlock(l->env->skype);
	return result;
}

/* The proof may have come after this flow's last datagram. */
void skype_finish(struct look *l)
{
	if (l->env->skype == NULL || !(l->flow->claimed & row_bit(l->row)))
		return;
	skype_hosts_lock(l->env->skype);
	(void)tell(l, l->flow->first_ns);
	skype_hosts_unlock(l->env->skype);
}
