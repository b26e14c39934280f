/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Places for flows, and whom to let go when there is none left. */
#include <stdlib.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "flow/table.h"

/* A flow heard this recently is given another chance before eviction; so many are tried. */
#define EVICT_RECENT_NS (5 * NS_PER_S)
#define EVICT_TRIES     8

static_assert(CHUNK_FLOWS * sizeof(struct flow) == HUGE_PAGE, "a chunk fills a huge page");

/*
 * Big tables are mapped, not allocated: untouched pages cost nothing. They begin
 * on a huge page, since random looks at 4 KiB pages would miss the TLB each time.
 */
void *map_zeroed(size_t size)
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

/* --- worth --- */

void worth_add(struct flow_table *t, uint32_t n, struct flow *f)
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

void worth_take(struct flow_table *t, struct flow *f)
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

/* --- places --- */

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

/* The oldest flow of a worth that was not heard for a while; up to `tries` that were are put behind the others. */
static struct flow *silent(struct flow_table *t, enum flow_worth w, uint64_t now, unsigned tries)
{
	for (uint32_t n; (n = t->worth[w].head) != NONE; tries--) {
		struct flow *f = flow_at(t, n);

		if (f->last_ns + EVICT_RECENT_NS < now)
			return f;
		if (tries == 0)
			return NULL;
		worth_take(t, f);
		worth_add(t, n, f);
	}
	return NULL;
}

/*
 * Whom to let go first, second and so on; a call that is going on never ends for a newcomer.
 * Of a flow whose one packet came just now a second may follow, and a call begins
 * so: cleared ones that are silent go before it. (Of a million flows a minute half
 * had two packets: they filled the table, and no new flow lived to its second.)
 */
static const struct { enum flow_worth worth; bool silent; unsigned tries; } first_to_go[] = {
	{ WORTH_ONE_PACKET, true, 0 },
	{ WORTH_CLEARED, true, EVICT_TRIES },
	{ WORTH_ONE_PACKET, false, 0 },
	{ WORTH_CLEARED, false, 0 },
	{ WORTH_WATCHED, true, EVICT_TRIES },
	{ WORTH_WATCHED, false, 0 },
	{ WORTH_CALL, true, EVICT_TRIES },
};

static struct flow *least(struct flow_table *t, uint64_t now)
{
	struct flow *f = NULL;

	for (unsigned i = 0; i < sizeof first_to_go / sizeof *first_to_go && f == NULL; i++)
		f = first_to_go[i].silent ? silent(t, first_to_go[i].worth, now, first_to_go[i].tries)
		    : flow_table_oldest(t, first_to_go[i].worth);
	return f;
}

static bool evict(struct flow_table *t, uint64_t now)
{
	struct flow *f = least(t, now);

	if (f == NULL)
		return false;
	flow_end(t, f, FLOW_END_EVICTED, now);
	return true;
}

uint32_t room_take(struct flow_table *t, uint64_t now, struct counts *counts)
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

void room_give(struct flow_table *t, uint32_t n)
{
	flow_at(t, n)->wheel_next = t->free_head;
	t->free_head = n;
}

void room_close(struct flow_table *t)
{
	for (uint32_t i = 0; i < t->n_chunks; i++)
		munmap(t->chunks[i], CHUNK_FLOWS * sizeof(struct flow));
	free(t->chunks);
}
