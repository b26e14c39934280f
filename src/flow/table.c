/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/table.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "flow/key.h"

#define TUNNEL_SLOTS 4096u /* distinct tunnels remembered for events */
#define FLOW_ID_MASK ((1ULL << 53) - 1) /* exact in a JSON number */

static const char *const end_names[] = {
	[FLOW_END_TIMEOUT] = "timeout", [FLOW_END_TCP] = "closed", [FLOW_END_EVICTED] = "evicted",
	[FLOW_END_SHUTDOWN] = "shutdown", [FLOW_END_REUSED] = "reused",
};
static_assert(sizeof end_names / sizeof *end_names == FLOW_ENDS, "name every reason");

const char *flow_end_name(enum flow_end end)
{
	return end_names[end];
}

/* A random start that no other table of this process has, and number 1 (flow_ordinal). */
static uint64_t first_id(uint32_t table)
{
	static const char what[] = "flow_id";

	return (((hash_bytes(what, sizeof what) + table) << 32) & FLOW_ID_MASK) + 1;
}

struct flow_table *flow_table_new(uint32_t max_flows, flow_end_fn *on_end, void *arg)
{
	static _Atomic uint32_t tables; /* engines of one process must not give one number twice */
	struct flow_table *t = calloc(1, sizeof *t);

	if (t == NULL)
		return NULL;
	t->max_flows = max_flows;
	t->max_chunks = (max_flows + CHUNK_FLOWS - 1) / CHUNK_FLOWS;
	t->free_head = NONE;
	t->on_end = on_end;
	t->arg = arg;
	for (unsigned w = 0; w < WORTHS; w++)
		t->worth[w] = (struct list){ NONE, NONE };
	memset(t->wheel, 0xff, sizeof t->wheel);
	t->next_id = first_id(tables++);
	t->chunks = calloc(t->max_chunks, sizeof *t->chunks);
	t->paths = calloc(TUNNEL_SLOTS, sizeof *t->paths);
	if (!index_open(t, max_flows) || t->chunks == NULL || t->paths == NULL) {
		flow_table_free(t);
		return NULL;
	}
	return t;
}

void flow_table_free(struct flow_table *t)
{
	if (t == NULL)
		return;
	room_close(t);
	index_close(t);
	free(t->paths);
	free(t);
}

uint32_t flow_table_count(const struct flow_table *t)
{
	return t->n;
}

/* --- life and death --- */

void flow_end(struct flow_table *t, struct flow *f, enum flow_end why, uint64_t at_ns)
{
	uint32_t i = index_find(t, f->hash, &f->key);
	uint32_t n = t->index[i].flow - 1;

	t->on_end(t->arg, f, why, at_ns);
	expiry_take(t, f);
	worth_take(t, f);
	index_remove(t, i);
	f->used = 0;
	room_give(t, n);
	t->n--;
}

/* --- tunnels, for events --- */

static void tunnel_remember(struct flow_table *t, const struct packet *pkt)
{
	struct tunnel_path *p = &t->paths[pkt->tunnel_hash % TUNNEL_SLOTS];

	if (p->n != 0)
		return; /* ours already, or another's: then this one's events lack tunnel[] */
	t->has_paths = true;
	p->hash = pkt->tunnel_hash;
	p->n = pkt->n_tunnel;
	memcpy(p->tunnel, pkt->tunnel, p->n * sizeof *p->tunnel);
}

unsigned flow_tunnels(const struct flow_table *t, const struct flow *f, struct tunnel out[TUNNEL_MAX])
{
	const struct tunnel_path *p = &t->paths[f->key.tunnel % TUNNEL_SLOTS];

	if (f->key.tunnel == 0 || p->n == 0 || p->hash != f->key.tunnel)
		return 0;
	memcpy(out, p->tunnel, p->n * sizeof *p->tunnel);
	return p->n;
}

/* --- packets --- */

/* Who opened a flow: the sender of a SYN, the receiver of a SYN+ACK, the first sender of what has no connections. */
static uint32_t initiator_flags(const struct packet *pkt, int dir)
{
	uint32_t first = dir == 1 ? FLOW_FIRST_1 : 0;
	int by = dir;

	if (pkt->proto == IPPROTO_TCP) {
		if (!(pkt->tcp_flags & TCP_SYN))
			return first;
		if (pkt->tcp_flags & TCP_ACK)
			by = !dir;
	}
	return first | (by == 0 ? FLOW_INITIATOR_0 : FLOW_INITIATOR_1);
}

static struct flow *flow_new(struct flow_table *t, const struct flow_seek *seek, const struct packet *pkt,
    struct counts *counts)
{
	uint32_t n = index_has_room(t) ? room_take(t, pkt->frame->mono_ns, counts) : NONE;
	struct flow *f;

	if (n == NONE) {
		count(counts, COUNT_FLOWS_REFUSED);
		return NULL;
	}
	f = flow_at(t, n);
	*f = (struct flow){
		.key = seek->key, .hash = seek->hash, .used = 1,
		.id = t->next_id, .last_ns = pkt->frame->mono_ns, .first_ns = pkt->frame->mono_ns,
		.first_wall_ns = pkt->frame->wall_ns, .first_number = pkt->frame->number,
		.iface = pkt->frame->iface, .oface = pkt->frame->oface, .alive = UINT64_MAX,
		.flags = initiator_flags(pkt, seek->dir), .worth = WORTH_ONE_PACKET,
	};
	t->next_id = (t->next_id + 1) & FLOW_ID_MASK;
	t->index[index_find(t, seek->hash, &seek->key)] = (struct slot){ seek->hash, n + 1 };
	worth_add(t, n, f);
	expiry_add(t, n, f);
	t->n++;
	count(counts, COUNT_FLOWS);
	if (pkt->n_tunnel != 0)
		tunnel_remember(t, pkt);
	return f;
}

static void tcp_follow(struct flow_table *t, struct flow *f, const struct packet *pkt, int dir)
{
	bool was_closed = tcp_closed(f);

	if (pkt->tcp_flags & TCP_SYN)
		f->flags |= FLOW_TCP_SYN;
	if (pkt->tcp_flags & TCP_FIN)
		f->flags |= dir == 0 ? FLOW_TCP_FIN_0 : FLOW_TCP_FIN_1;
	if (pkt->tcp_flags & TCP_RST)
		f->flags |= FLOW_TCP_RST;
	if (was_closed || !tcp_closed(f))
		return;
	expiry_take(t, f); /* the deadline is nearer now */
	expiry_add(t, flow_number(t, f), f);
}

void flow_seek(const struct flow_table *t, const struct packet *pkt, struct flow_seek *seek)
{
	seek->dir = flow_key_of(pkt, &seek->key);
	seek->hash = (uint32_t)hash_bytes(&seek->key, sizeof seek->key);
	seek->guess = 0;
	__builtin_prefetch(&t->index[seek->hash & t->mask]);
}

/* The first entry of this hash is the flow almost always; what matters is that most guesses are right. */
const struct flow *flow_prefetch(const struct flow_table *t, struct flow_seek *seek)
{
	uint32_t i = seek->hash & t->mask;
	const struct flow *f;

	while (t->index[i].flow != 0 && t->index[i].hash != seek->hash)
		i = (i + 1) & t->mask;
	if (t->index[i].flow == 0)
		return NULL;
	seek->guess = t->index[i].flow;
	f = flow_at(t, seek->guess - 1);
	prefetch_flow(f, HOT_LINES);
	return f;
}

/* The live flow of this key; NULL there is none. A guess is right unless its flow has ended since: the index is in no cache by now. */
static struct flow *flow_find(const struct flow_table *t, const struct flow_seek *seek)
{
	struct flow *f = seek->guess == 0 ? NULL : flow_at(t, seek->guess - 1);
	uint32_t i;

	if (f != NULL && f->used && f->hash == seek->hash && flow_key_equal(&f->key, &seek->key))
		return f;
	i = index_find(t, seek->hash, &seek->key);
	return t->index[i].flow == 0 ? NULL : flow_at(t, t->index[i].flow - 1);
}

struct flow *flow_take(struct flow_table *t, const struct packet *pkt, const struct flow_seek *seek,
    struct counts *counts)
{
	struct flow *f = flow_find(t, seek);

	if (f != NULL && pkt->proto == IPPROTO_TCP && tcp_closed(f) &&
	    (pkt->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN) {
		flow_end(t, f, FLOW_END_REUSED, pkt->frame->mono_ns);
		f = NULL;
	}
	if (f == NULL) {
		f = flow_new(t, seek, pkt, counts);
		if (f == NULL)
			return NULL;
	} else if (f->worth == WORTH_ONE_PACKET) {
		flow_set_worth(t, f, WORTH_CLEARED);
	}
	flow_count(f, pkt, seek->dir);
	if (pkt->proto == IPPROTO_TCP)
		tcp_follow(t, f, pkt, seek->dir);
	return f;
}

struct flow *flow_table_packet(struct flow_table *t, const struct packet *pkt, struct counts *counts, int *dir)
{
	struct flow_seek seek;

	flow_seek(t, pkt, &seek);
	*dir = seek.dir;
	return flow_take(t, pkt, &seek, counts);
}

void flow_set_worth(struct flow_table *t, struct flow *f, enum flow_worth worth)
{
	if (f->worth == worth)
		return;
	worth_take(t, f);
	f->worth = (uint8_t)worth;
	worth_add(t, flow_number(t, f), f);
}

struct flow *flow_table_oldest(struct flow_table *t, enum flow_worth worth)
{
	return t->worth[worth].head == NONE ? NULL : flow_at(t, t->worth[worth].head);
}

void flow_table_flush(struct flow_table *t, enum flow_end why)
{
	/* by age within each class of worth: the same order for the same packets */
	for (unsigned w = 0; w < WORTHS; w++)
		while (t->worth[w].head != NONE) {
			struct flow *f = flow_at(t, t->worth[w].head);

			flow_end(t, f, why, f->last_ns);
		}
	t->running = false;
	if (t->has_paths) /* else leave the pages untouched */
		memset(t->paths, 0, TUNNEL_SLOTS * sizeof *t->paths);
	t->has_paths = false;
}

void flow_table_each(struct flow_table *t, void (*fn)(void *, struct flow *), void *arg)
{
	for (uint32_t i = 0; i < t->n_chunks * CHUNK_FLOWS; i++) {
		struct flow *f = flow_at(t, i);

		if (f->used)
			fn(arg, f);
	}
}
