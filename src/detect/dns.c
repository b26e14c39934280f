/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "base/hash.h"
#include "detect/names.h"
#include "detect/rows.h"

/*
 * Learns which addresses the names of calling applications have, for the host
 * that asked (FACT_NAME). An answer is believed when the same flow carried its
 * question, with the same identifier, towards the side that answers: whoever
 * forges answers from elsewhere has to guess what the resolver checks too.
 * DNS traffic itself is nobody's application. Where it is as fast as speech, one
 * question and its answer after the other at a rate of their own, it is told from
 * a call: what asks for names of ordinary length carries no voice.
 */

#define DNS_PORT         53      /* multicast DNS (5353) names neighbours, not services */
#define HEADER_LEN       12      /* RFC 1035, 4.1.1 */
#define FLAG_RESPONSE    0x8000  /* flags: the same */
#define MASK_OPCODE      0x7800  /* 0 is a standard query */
#define FLAG_CUT         0x0200
#define MASK_RCODE       0x000f
#define TYPE_A           1       /* RFC 1035, 3.2.2, 3.2.4 */
#define TYPE_CNAME       5
#define TYPE_AAAA        28      /* RFC 3596 */
#define CLASS_IN         1
#define POINTER          0xc0    /* RFC 1035, 4.1.4 */
#define POINTERS_MAX     16      /* jumps in one name; each must lead backwards */
#define ANSWERS_MAX      32      /* records read of one answer */
#define TTL_MIN_S        60      /* clients keep connections and caches longer than the TTL says */
#define TTL_MAX_S        3600    /* a fact must not outlive the name's move to another host */
#define QUESTIONS_MAX    4       /* open at a time in one flow: A and AAAA, asked twice */
#define FAST_PACKETS     16      /* of a flow, before all its questions are kept: most have two */
#define NAME_ORDINARY    64      /* bytes: five bits each (a tunnel's base32) are 40 bytes, less than IP, UDP and a frame of speech */
#define PAIRS_SURE       8       /* answered questions in a row; */
#define BITS_PAIRS     (-12.0f)  /* each has its identifier, 16 bits, and its name: it is DNS. Less than a certainty: who answers may be one's own */

/* A question we wait to see answered. */
struct question {
	uint64_t name;    /* hash of the name in lower case; 0 free */
	uint16_t id;
	uint8_t asker;    /* direction */
	uint8_t app;
};

struct dns_state {
	struct question open[QUESTIONS_MAX];
	uint8_t pairs;    /* questions of ordinary length in a row that were answered, at most PAIRS_SURE */
};

struct dns_name {
	char text[NAME_MAX_LEN + 1];  /* lower case, no final dot */
	size_t len;
};

struct dns_message {
	const uint8_t *start;
	size_t len;
	uint16_t id, flags, answers;
	struct dns_name question;
};

const struct byte_range dns_bytes[] = { { 0x00, 0xff }, { 1, 0 } }; /* the identifier is random */

/* Adds one label; false when the name gets too long. */
static bool add_label(struct dns_name *name, const uint8_t *label, size_t len)
{
	if (label == NULL || name->len + len + 1 > NAME_MAX_LEN)
		return false;
	if (name->len != 0)
		name->text[name->len++] = '.';
	for (size_t i = 0; i < len; i++) {
		uint8_t b = label[i];

		name->text[name->len++] = (char)(b >= 'A' && b <= 'Z' ? b + 32 : b);
	}
	return true;
}

/*
 * Reads the name at `c`, which moves behind it. Every pointer must lead to a
 * place before the one it is read from, and there are few: no loops.
 */
static bool read_name(const struct dns_message *m, struct cursor *c, struct dns_name *name)
{
	struct cursor at = *c;
	size_t before = (size_t)(c->p - m->start);
	unsigned jumps = 0;

	name->len = 0;
	for (;;) {
		uint8_t len = cur_u8(&at);
		size_t to;

		if (at.bad)
			return false;
		if (len == 0)
			break;
		if (len < POINTER) {
			if (len > 63 || !add_label(name, cur_take(&at, len), len))
				return false;
			continue;
		}
		to = (size_t)(len & 0x3f) << 8 | cur_u8(&at);
		if (at.bad || to >= before || ++jumps > POINTERS_MAX)
			return false;
		if (jumps == 1)
			*c = at;
		before = to;
		at = cur_open(m->start, m->len);
		cur_skip(&at, to);
	}
	if (jumps == 0)
		*c = at;
	name->text[name->len] = '\0';
	return true;
}

static bool same_name(const struct dns_name *a, const struct dns_name *b)
{
	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

/* Header and the one question; `c` is left at the answers. */
static bool read_message(const struct look *l, struct dns_message *m, struct cursor *c)
{
	uint16_t questions;

	*c = cur_open(l->data, l->len);
	m->start = l->data;
	m->len = l->len;
	m->id = cur_u16(c);
	m->flags = cur_u16(c);
	questions = cur_u16(c);
	m->answers = cur_u16(c);
	cur_skip(c, 4); /* authority, additional */
	if (c->bad || questions != 1 || (m->flags & MASK_OPCODE) != 0)
		return false;
	if (!read_name(m, c, &m->question))
		return false;
	cur_skip(c, 4); /* type, class */
	return !c->bad;
}

/* --- questions --- */

static uint64_t name_hash(const struct dns_name *n)
{
	uint64_t h = hash_bytes(n->text, n->len);

	return h != 0 ? h : 1;
}

static void ask(struct look *l, const struct dns_message *m)
{
	const struct name_row *row = name_find(m->question.text, m->question.len);
	bool telling = row != NULL && row->front != NAME_SHARED;
	struct dns_state *s;

	if (!telling && l->flow->dir[0].packets + l->flow->dir[1].packets < FAST_PACKETS)
		return;
	s = detect_state(l, sizeof *s);
	if (s == NULL)
		return;
	/* The newest in front; the oldest is forgotten. */
	memmove(s->open + 1, s->open, sizeof s->open - sizeof *s->open);
	s->open[0] = (struct question){ name_hash(&m->question), m->id, l->dir, (uint8_t)(telling ? row->app : APP_NONE) };
}

/* Takes the question an answer belongs to; false when nobody asked it here. */
static bool answered(struct look *l, const struct dns_message *m, struct question *out)
{
	struct dns_state *s = detect_state_find(l);
	uint64_t name = s == NULL ? 0 : name_hash(&m->question);

	for (unsigned i = 0; s != NULL && i < QUESTIONS_MAX; i++) {
		struct question *q = &s->open[i];

		if (q->name != name || q->id != m->id || q->asker == l->dir)
			continue;
		*out = *q;
		q->name = 0;
		return true;
	}
	return false;
}

/* Names of ordinary length were asked for and answered: no call, nor one in a tunnel. */
static void count_pair(struct look *l, const struct dns_message *m)
{
	struct dns_state *s = detect_state_find(l);
	uint8_t before = s->pairs;

	if (m->question.len > NAME_ORDINARY) {
		s->pairs = 0;
		if (before == PAIRS_SURE)
			detect_evidence(l, CLASS_MEDIA, APP_NONE, 0, "DNS, with names long enough to carry something", 0, 0);
		return;
	}
	s->pairs += before != PAIRS_SURE;
	if (before == PAIRS_SURE - 1)
		detect_evidence(l, CLASS_MEDIA, APP_NONE, BITS_PAIRS, "DNS, {0} questions in a row answered", PAIRS_SURE, 0);
}

/* --- answers --- */

struct record {
	struct dns_name owner;
	uint16_t type, class;
	uint32_t ttl;
	struct cursor data;
};

static bool read_record(const struct dns_message *m, struct cursor *c, struct record *r)
{
	if (!read_name(m, c, &r->owner))
		return false;
	r->type = cur_u16(c);
	r->class = cur_u16(c);
	r->ttl = cur_u32(c);
	r->data = cur_sub(c, cur_u16(c));
	return !c->bad;
}

static bool record_address(struct record *r, struct addr *out)
{
	size_t len = r->type == TYPE_A ? 4 : 16;
	const uint8_t *b;

	if (r->type != TYPE_A && r->type != TYPE_AAAA)
		return false;
	if (cur_left(&r->data) != len)
		return false;
	b = cur_take(&r->data, len);
	if (r->type == TYPE_A)
		addr_from_v4(out, b);
	else
		addr_from_v6(out, b);
	return !addr_is_unspecified(out) && !addr_is_multicast(out);
}

static void learn(struct look *l, const struct question *q, const struct addr *remote, uint32_t ttl)
{
	uint64_t now = l->pkt->frame->mono_ns;
	uint64_t seconds = ttl < TTL_MIN_S ? TTL_MIN_S : ttl > TTL_MAX_S ? TTL_MAX_S : ttl;
	struct fact fact = {
		.kind = FACT_NAME, .host = l->flow->key.ip[q->asker], .remote = *remote,
		.app = (enum app)q->app, .expires_ns = now + seconds * NS_PER_S,
	};

	(void)facts_add(l->env->facts, &fact, now, l->env->counts);
}

/* Where a chain of aliases may end: see name_tenant. */
static bool alias_keeps(const struct dns_name *target, const struct question *q)
{
	const struct name_row *row = name_find(target->text, target->len);

	if (row != NULL)
		return row->app == q->app && row->front == NAME_OWN;
	return name_tenant(target->text, target->len);
}

/* Follows the aliases from the question in the order of the records, as resolvers write them. */
static void read_answers(struct look *l, const struct dns_message *m, struct cursor *c,
    const struct question *q)
{
	struct dns_name current = m->question;
	struct record r;

	for (unsigned i = 0; i < m->answers && i < ANSWERS_MAX; i++) {
		struct addr remote;

		if (!read_record(m, c, &r))
			return;
		if (r.class != CLASS_IN || !same_name(&r.owner, &current))
			continue;
		if (r.type == TYPE_CNAME) {
			if (!read_name(m, &r.data, &current) || r.data.bad)
				return;
		} else if (record_address(&r, &remote)
		    && (same_name(&current, &m->question) || alias_keeps(&current, q))) {
			learn(l, q, &remote, r.ttl);
		}
	}
}

enum look_result dns_look(struct look *l)
{
	const struct flow_key *k = &l->flow->key;
	struct dns_message m;
	struct question q;
	struct cursor c;

	if (l->depth != 0 || (k->port[0] != DNS_PORT && k->port[1] != DNS_PORT))
		return LOOK_NO;
	if (l->len < HEADER_LEN || !read_message(l, &m, &c))
		return LOOK_MAYBE;
	if (!(m.flags & FLAG_RESPONSE)) {
		if (k->port[1 - l->dir] == DNS_PORT)
			ask(l, &m);
	} else if (k->port[l->dir] == DNS_PORT && answered(l, &m, &q)) {
		count_pair(l, &m);
		if (q.app != APP_NONE && (m.flags & (FLAG_CUT | MASK_RCODE)) == 0)
			read_answers(l, &m, &c, &q);
	}
	return LOOK_YES;
}
