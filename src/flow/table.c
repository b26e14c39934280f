/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/flow.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/hash.h"
#include "flow/key.h"

/*
 * Flows live in chunks that never move and are found through an open-addressed
 * index of (hash, number) pairs, probed linearly and closed up on deletion. Two
 * lists run through each flow: the wheel slot of its deadline, and its class of worth.
 */
#define CHUNK_FLOWS   8192u    /* 2 MiB: one huge page, where the kernel gives them */
#define HUGE_PAGE     (2u << 20)
#define CACHE_LINE    64
#define LINES         4        /* of a flow */
#define HOT_LINES     3        /* of a flow, that each packet needs: see struct flow */
#define NONE          UINT32_MAX
#define INDEX_MIN     (1u << 16) /* slots: a small index stays in the cache */
#define INDEX_MAX     (1u << 31)
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

/*
 * A flow is over after this much silence. NAT gateways keep UDP bindings for at
 * least 2 minutes (RFC 4787, REQ-5); a held call sends something far more often.
 * TCP keeps longer: chat and SIP over TCP are silent for minutes (RFC 5626
 * suggests keep-alives of 95 to 120 s).
 */
#define TIMEOUT_NEW_NS    (60 * NS_PER_S)  /* one packet, or one direction of TCP */
#define TIMEOUT_UDP_NS    (180 * NS_PER_S)
#define TIMEOUT_TCP_NS    (900 * NS_PER_S)
#define TIMEOUT_CLOSED_NS (10 * NS_PER_S)  /* after FIN both ways or RST: late segments */
#define TIMEOUT_OTHER_NS  (30 * NS_PER_S)

/* Slots of TICK_NS; a deadline further away is looked at again when the wheel comes round. */
#define WHEEL_SLOTS   4096u

/* A flow heard this recently is given another chance before eviction; so many are tried. */
#define EVICT_RECENT_NS (5 * NS_PER_S)
#define EVICT_TRIES     8

#define TUNNEL_SLOTS  4096u /* distinct tunnels remembered for events */

struct slot { uint32_t hash, flow; };  /* flow: number + 1, 0 free */

struct list { uint32_t head, tail; };

struct tunnel_path {
	uint32_t hash;
	uint32_t n;
	struct tunnel tunnel[TUNNEL_MAX];
};

struct flow_table {
	struct slot *index;
	uint32_t mask, max_mask;   /* the index doubles when it is half full, up to max_mask */
	struct flow **chunks;
	uint32_t n_chunks, max_chunks, max_flows;
	uint32_t free_head;        /* chain through wheel_next */
	uint32_t n;
	uint64_t next_id;
	uint64_t tick;             /* all deadlines up to here were looked at */
	bool running;              /* tick is set */
	struct list worth[WORTHS];
	uint32_t wheel[WHEEL_SLOTS];
	struct tunnel_path *paths;
	flow_end_fn *on_end;
	void *arg;
};

#define FLOW_ID_MASK ((1ULL << 53) - 1) /* exact in a JSON number */

static const char *const end_names[] = {
	[FLOW_END_TIMEOUT] = "timeout", [FLOW_END_TCP] = "closed", [FLOW_END_EVICTED] = "evicted",
	[FLOW_END_SHUTDOWN] = "shutdown", [FLOW_END_REUSED] = "reused",
};
static_assert(CHUNK_FLOWS * sizeof(struct flow) == HUGE_PAGE, "a chunk fills a huge page");
static_assert(sizeof end_names / sizeof *end_names == FLOW_ENDS, "name every reason");

const char *flow_end_name(enum flow_end end)
{
	return end_names[end];
}

static struct flow *flow_at(const struct flow_table *t, uint32_t n)
{
	return &t->chunks[n / CHUNK_FLOWS][n % CHUNK_FLOWS];
}

static void prefetch_flow(const struct flow *f, unsigned lines)
{
	for (unsigned line = 0; line < lines; line++)
		__builtin_prefetch((const char *)f + line * CACHE_LINE, 1);
}

/*
 * Big tables are mapped, not allocated: untouched pages cost nothing. They begin
 * on a huge page, since random looks at 4 KiB pages would miss the TLB each time.
 */
static void *map_zeroed(size_t size)
{
	size_t room = size + HUGE_PAGE;
	char *p = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t before;

	if (p == MAP_FAILED)
		return NULL;
	before = (HUGE_PAGE - ((uintptr_t)p & (HUGE_PAGE - 1))) & (HUGE_PAGE - 1);
	if (before != 0)
		munmap(p, before);
	if (room - before > size)
		munmap(p + before + size, room - before - size);
	(void)madvise(p + before, size, MADV_HUGEPAGE); /* a hint */
	return p + before;
}

/* Slots for so many flows: at most half of them used. */
static uint32_t index_size(uint32_t flows)
{
	uint32_t n = INDEX_MIN;

	while (n < 2 * (uint64_t)flows && n < INDEX_MAX)
		n *= 2;
	return n;
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
	uint32_t size = INDEX_MIN;

	if (t == NULL)
		return NULL;
	t->max_flows = max_flows;
	t->max_chunks = (max_flows + CHUNK_FLOWS - 1) / CHUNK_FLOWS;
	t->mask = size - 1;
	t->max_mask = index_size(max_flows) - 1;
	t->free_head = NONE;
	t->on_end = on_end;
	t->arg = arg;
	for (unsigned w = 0; w < WORTHS; w++)
		t->worth[w] = (struct list){ NONE, NONE };
	memset(t->wheel, 0xff, sizeof t->wheel);
	t->next_id = first_id(tables++);
	t->index = map_zeroed((size_t)size * sizeof *t->index);
	t->chunks = calloc(t->max_chunks, sizeof *t->chunks);
	t->paths = calloc(TUNNEL_SLOTS, sizeof *t->paths);
	if (t->index == NULL || t->chunks == NULL || t->paths == NULL) {
		flow_table_free(t);
		return NULL;
	}
	return t;
}

void flow_table_free(struct flow_table *t)
{
	if (t == NULL)
		return;
	for (uint32_t i = 0; i < t->n_chunks; i++)
		munmap(t->chunks[i], CHUNK_FLOWS * sizeof(struct flow));
	if (t->index != NULL)
		munmap(t->index, ((size_t)t->mask + 1) * sizeof *t->index);
	free(t->chunks);
	free(t->paths);
	free(t);
}

uint32_t flow_table_count(const struct flow_table *t)
{
	return t->n;
}

/* --- the two lists --- */

static void worth_add(struct flow_table *t, uint32_t n, struct flow *f)
{
	struct list *l = &t->worth[f->worth];

	f->worth_next = NONE;
	f->worth_prev = l->tail;
	if (l->tail == NONE)
		l->head = n;
	else
		flow_at(t, l->tail)->worth_next = n;
	l->tail = n;
}

static void worth_take(struct flow_table *t, struct flow *f)
{
	struct list *l = &t->worth[f->worth];

	if (f->worth_prev == NONE)
		l->head = f->worth_next;
	else
		flow_at(t, f->worth_prev)->worth_next = f->worth_next;
	if (f->worth_next == NONE)
		l->tail = f->worth_prev;
	else
		flow_at(t, f->worth_next)->worth_prev = f->worth_prev;
}

/* Which slot's chain a flow is in is told by the chain itself: the head's `prev` is NONE - 1 - slot. */
static uint32_t slot_mark(uint32_t slot)
{
	return NONE - 1 - slot;
}

static bool is_slot_mark(uint32_t prev)
{
	return prev >= slot_mark(WHEEL_SLOTS - 1);
}

static void wheel_add(struct flow_table *t, uint32_t n, struct flow *f, uint64_t tick)
{
	uint32_t slot = (uint32_t)(tick % WHEEL_SLOTS);

	f->wheel_prev = slot_mark(slot);
	f->wheel_next = t->wheel[slot];
	if (f->wheel_next != NONE)
		flow_at(t, f->wheel_next)->wheel_prev = n;
	t->wheel[slot] = n;
}

static void wheel_take(struct flow_table *t, struct flow *f)
{
	if (is_slot_mark(f->wheel_prev))
		t->wheel[NONE - 1 - f->wheel_prev] = f->wheel_next;
	else
		flow_at(t, f->wheel_prev)->wheel_next = f->wheel_next;
	if (f->wheel_next != NONE)
		flow_at(t, f->wheel_next)->wheel_prev = f->wheel_prev;
}

static bool tcp_closed(const struct flow *f)
{
	const uint32_t both = FLOW_TCP_FIN_0 | FLOW_TCP_FIN_1;

	return (f->flags & both) == both || f->flags & FLOW_TCP_RST;
}

static uint64_t flow_timeout(const struct flow *f)
{
	bool both = f->dir[0].packets != 0 && f->dir[1].packets != 0;

	if (f->key.proto == IPPROTO_TCP) {
		if (tcp_closed(f))
			return TIMEOUT_CLOSED_NS;
		return both || f->dir[0].payloads + f->dir[1].payloads > 1 ? TIMEOUT_TCP_NS : TIMEOUT_NEW_NS;
	}
	if (f->key.proto != IPPROTO_UDP)
		return TIMEOUT_OTHER_NS;
	return f->worth == WORTH_ONE_PACKET ? TIMEOUT_NEW_NS : TIMEOUT_UDP_NS;
}

/* First tick at or after the flow's deadline, but at least the next one and within the wheel. */
static uint64_t deadline_tick(const struct flow_table *t, const struct flow *f)
{
	uint64_t due = (f->last_ns + flow_timeout(f) + TICK_NS - 1) / TICK_NS;

	if (due <= t->tick)
		return t->tick + 1;
	return due - t->tick < WHEEL_SLOTS ? due : t->tick + WHEEL_SLOTS - 1;
}

/* --- index --- */

static uint32_t index_find(const struct flow_table *t, uint32_t hash, const struct flow_key *key)
{
	uint32_t i = hash & t->mask;

	for (; t->index[i].flow != 0; i = (i + 1) & t->mask) {
		if (t->index[i].hash == hash && flow_key_equal(&flow_at(t, t->index[i].flow - 1)->key, key))
			break;
	}
	return i;
}

static void index_remove(struct flow_table *t, uint32_t gap)
{
	for (uint32_t j = (gap + 1) & t->mask; t->index[j].flow != 0; j = (j + 1) & t->mask) {
		uint32_t home = t->index[j].hash & t->mask;

		if (((j - home) & t->mask) < ((j - gap) & t->mask))
			continue;
		t->index[gap] = t->index[j];
		gap = j;
	}
	t->index[gap] = (struct slot){ 0, 0 };
}

/* Doubles the index; entries carry their hashes, so that no flow is touched. It takes 10 ms for a million flows, once. */
static void index_grow(struct flow_table *t)
{
	uint32_t n = t->mask + 1;
	struct slot *old = t->index, *fresh = map_zeroed(2 * (size_t)n * sizeof *fresh);

	if (fresh == NULL)
		return;
	t->index = fresh;
	t->mask = 2 * n - 1;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t to = old[i].hash & t->mask;

		if (old[i].flow == 0)
			continue;
		while (fresh[to].flow != 0)
			to = (to + 1) & t->mask;
		fresh[to] = old[i];
	}
	munmap(old, (size_t)n * sizeof *old);
}

/* Room for one more entry; without memory to grow, until three quarters are used. */
static bool index_has_room(struct flow_table *t)
{
	if (t->n * 2 <= t->mask || t->mask == t->max_mask)
		return true;
	index_grow(t);
	return t->n < t->mask / 4 * 3;
}

/* --- life and death --- */

static void flow_end(struct flow_table *t, struct flow *f, enum flow_end why, uint64_t at_ns)
{
	uint32_t i = index_find(t, f->hash, &f->key);
	uint32_t n = t->index[i].flow - 1;

	t->on_end(t->arg, f, why, at_ns);
	wheel_take(t, f);
	worth_take(t, f);
	index_remove(t, i);
	f->used = 0;
	f->wheel_next = t->free_head;
	t->free_head = n;
	t->n--;
}

static uint32_t chunk_add(struct flow_table *t)
{
	struct flow *chunk;
	uint32_t first = t->n_chunks * CHUNK_FLOWS;

	if (t->n_chunks == t->max_chunks || (chunk = map_zeroed(CHUNK_FLOWS * sizeof *chunk)) == NULL)
		return NONE;
	t->chunks[t->n_chunks++] = chunk;
	for (uint32_t i = CHUNK_FLOWS; i-- > 0; ) {
		chunk[i].wheel_next = t->free_head;
		t->free_head = first + i;
	}
	return t->free_head;
}

/*
 * Makes room by ending the flow worth least. One that was heard a moment ago is
 * put behind the others; a call that is going on is never ended for a newcomer.
 */
static bool evict(struct flow_table *t, uint64_t now)
{
	for (unsigned w = 0; w < WORTHS; w++) {
		for (unsigned tries = 0; t->worth[w].head != NONE; tries++) {
			uint32_t n = t->worth[w].head;
			struct flow *f = flow_at(t, n);
			bool recent = f->last_ns + EVICT_RECENT_NS >= now;

			if (!recent || w == WORTH_ONE_PACKET || (tries == EVICT_TRIES && w != WORTH_CALL)) {
				flow_end(t, f, FLOW_END_EVICTED, now);
				return true;
			}
			if (tries == EVICT_TRIES)
				break;
			worth_take(t, f);
			worth_add(t, n, f);
		}
	}
	return false;
}

static uint32_t slab_take(struct flow_table *t, uint64_t now, struct counts *counts)
{
	uint32_t n;

	if (t->n >= t->max_flows) {
		if (!evict(t, now))
			return NONE;
		count(counts, COUNT_FLOWS_EVICTED);
	}
	n = t->free_head;
	if (n == NONE && (n = chunk_add(t)) == NONE)
		return NONE;
	t->free_head = flow_at(t, n)->wheel_next;
	if (t->free_head != NONE)
		prefetch_flow(flow_at(t, t->free_head), LINES); /* for the next new flow */
	return n;
}

/* --- tunnels, for events --- */

static void tunnel_remember(struct flow_table *t, const struct packet *pkt)
{
	struct tunnel_path *p = &t->paths[pkt->tunnel_hash % TUNNEL_SLOTS];

	if (p->n != 0)
		return; /* ours already, or another's: then this one's events lack tunnel[] */
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
	uint32_t n = index_has_room(t) ? slab_take(t, pkt->frame->mono_ns, counts) : NONE;
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
		.iface = pkt->frame->iface, .oface = pkt->frame->oface, .alive = UINT32_MAX,
		.flags = initiator_flags(pkt, seek->dir), .worth = WORTH_ONE_PACKET,
	};
	t->next_id = (t->next_id + 1) & FLOW_ID_MASK;
	t->index[index_find(t, seek->hash, &seek->key)] = (struct slot){ seek->hash, n + 1 };
	worth_add(t, n, f);
	wheel_add(t, n, f, deadline_tick(t, f));
	t->n++;
	count(counts, COUNT_FLOWS);
	if (pkt->n_tunnel != 0)
		tunnel_remember(t, pkt);
	return f;
}

static uint32_t flow_number(const struct flow_table *t, const struct flow *f)
{
	return t->index[index_find(t, f->hash, &f->key)].flow - 1;
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
	wheel_take(t, f); /* the deadline is nearer now */
	wheel_add(t, flow_number(t, f), f, deadline_tick(t, f));
}

static void window_add(struct flow *f, int dir, uint32_t second, uint32_t bytes)
{
	struct flow_dir *d = &f->dir[dir];

	if (second != f->window) {
		bool next = second == f->window + 1;

		for (unsigned i = 0; i < 2; i++) {
			f->dir[i].window_packets[1] = next ? f->dir[i].window_packets[0] : 0;
			f->dir[i].window_bytes[1] = next ? f->dir[i].window_bytes[0] : 0;
			f->dir[i].window_packets[0] = 0;
			f->dir[i].window_bytes[0] = 0;
			f->small[i][1] = next ? f->small[i][0] : 0;
			f->small[i][0] = 0;
		}
		f->window = second;
	}
	if (d->window_packets[0] != UINT16_MAX)
		d->window_packets[0]++;
	d->window_bytes[0] += bytes;
	if (bytes <= FLOW_SMALL && f->small[dir][0] != UINT8_MAX)
		f->small[dir][0]++;
}

static void flow_count(struct flow *f, const struct packet *pkt, int dir)
{
	struct flow_dir *d = &f->dir[dir];
	uint16_t size = pkt->payload_wire < UINT16_MAX ? (uint16_t)pkt->payload_wire : UINT16_MAX;

	f->last_ns = pkt->frame->mono_ns;
	d->packets++;
	d->bytes += pkt->ip_len;
	if (pkt->flags & PACKET_MERGED)
		f->flags |= FLOW_MERGED;
	if (size == 0)
		return;
	if (d->payloads++ == 0 || size < d->size_min)
		d->size_min = size;
	if (size > d->size_max)
		d->size_max = size;
	window_add(f, dir, (uint32_t)(pkt->frame->mono_ns / NS_PER_S), size);
}

void flow_seek(const struct flow_table *t, const struct packet *pkt, struct flow_seek *seek)
{
	seek->dir = flow_key_of(pkt, &seek->key);
	seek->hash = (uint32_t)hash_bytes(&seek->key, sizeof seek->key);
	__builtin_prefetch(&t->index[seek->hash & t->mask]);
}

/* The first entry of this hash is the flow almost always; what matters is that most guesses are right. */
const struct flow *flow_prefetch(const struct flow_table *t, const struct flow_seek *seek)
{
	uint32_t i = seek->hash & t->mask;
	const struct flow *f;

	while (t->index[i].flow != 0 && t->index[i].hash != seek->hash)
		i = (i + 1) & t->mask;
	if (t->index[i].flow == 0)
		return NULL;
	f = flow_at(t, t->index[i].flow - 1);
	prefetch_flow(f, HOT_LINES);
	return f;
}

struct flow *flow_take(struct flow_table *t, const struct packet *pkt, const struct flow_seek *seek,
    struct counts *counts)
{
	uint32_t i = index_find(t, seek->hash, &seek->key);
	struct flow *f = NULL;

	if (t->index[i].flow != 0)
		f = flow_at(t, t->index[i].flow - 1);
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
		worth_take(t, f);
		f->worth = WORTH_CLEARED;
		worth_add(t, t->index[i].flow - 1, f);
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

/*
 * Flows that end are cold, and to end one touches its index entry and its
 * neighbours in two lists: all are asked for some flows ahead.
 */
static void prefetch_end(const struct flow_table *t, const struct flow *f)
{
	const uint32_t beside[] = { f->worth_next, f->worth_prev };

	__builtin_prefetch(&t->index[f->hash & t->mask], 1);
	for (unsigned i = 0; i < sizeof beside / sizeof *beside; i++)
		if (beside[i] != NONE)
			__builtin_prefetch(&flow_at(t, beside[i])->rule, 1); /* the line of the lists */
}

/* Up to `max` flows from *n on, in the order of the wheel, brought into the cache; *n: who follows. */
static unsigned wheel_gather(const struct flow_table *t, uint32_t *n, uint32_t out[], unsigned max)
{
	unsigned got = 0;

	for (; got < max && *n != NONE; got++) {
		const struct flow *f = flow_at(t, *n);

		out[got] = *n;
		prefetch_flow(f, HOT_LINES);
		*n = f->wheel_next;
	}
	for (unsigned i = 0; i < got; i++)
		prefetch_end(t, flow_at(t, out[i]));
	return got;
}

static void deadline_look(struct flow_table *t, uint32_t n, uint64_t at_ns)
{
	struct flow *f = flow_at(t, n);

	if (f->last_ns + flow_timeout(f) <= at_ns) {
		flow_end(t, f, tcp_closed(f) ? FLOW_END_TCP : FLOW_END_TIMEOUT, at_ns);
	} else {
		wheel_take(t, f);
		wheel_add(t, n, f, deadline_tick(t, f));
	}
}

/* Looks at every flow whose deadline may have come at tick t->tick. */
static void wheel_turn(struct flow_table *t)
{
	enum { TOGETHER = 16 };
	uint32_t n = t->wheel[t->tick % WHEEL_SLOTS], some[TOGETHER];

	while (n != NONE) {
		unsigned got = wheel_gather(t, &n, some, TOGETHER);

		for (unsigned i = 0; i < got; i++)
			deadline_look(t, some[i], t->tick * TICK_NS);
	}
}

void flow_table_advance(struct flow_table *t, uint64_t mono_ns)
{
	uint64_t target = mono_ns / TICK_NS;

	if (!t->running || t->n == 0)
		t->tick = target;
	t->running = true;
	while (t->tick < target && t->n != 0) {
		t->tick++;
		wheel_turn(t);
	}
	t->tick = target;
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
	memset(t->paths, 0, TUNNEL_SLOTS * sizeof *t->paths);
}

void flow_table_each(struct flow_table *t, void (*fn)(void *, struct flow *), void *arg)
{
	for (uint32_t i = 0; i < t->n_chunks * CHUNK_FLOWS; i++) {
		struct flow *f = flow_at(t, i);

		if (f->used)
			fn(arg, f);
	}
}
