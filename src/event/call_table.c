/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Life of calls: when each is due, who goes when there is no room, and how they end. */
#include "event/call_table.h"

#include <stdlib.h>

#include "base/clock.h"

/* What a call waits for before it is written. */
#define LINGER_NS (10 * NS_PER_S)   /* late flows of the same call */
#define RING_NS   (180 * NS_PER_S)  /* RFC 3261, 16.6: timer C, an INVITE may ring for 3 minutes */
#define HOLD_NS   (300 * NS_PER_S)  /* on hold, no media: for as long as its signalling lives */
#define EVICT_WALK_MAX 256 /* calls looked at for one to let go */

/* --- when --- */

bool call_is_one(const struct call *c)
{
	return c->tried || c->n_media > 0;
}

static uint64_t call_due(const struct call *c)
{
	if (c->live > c->live_signalling)
		return UINT64_MAX;
	if (c->tried && !c->ended && !c->failed && c->live_signalling > 0)
		return c->changed_ns + (c->answered ? HOLD_NS : RING_NS);
	return c->changed_ns + LINGER_NS;
}

void call_touch(struct calls *cs, struct call *c, const struct event *ev)
{
	uint64_t due;

	c->changed_ns = ev->mono_ns;
	c->changed_wall_ns = ev->wall_ns;
	due = cs->slot[c->slot].due_ns = call_due(c);
	if (due < cs->next_due_ns)
		cs->next_due_ns = due;
}

/* --- making and ending --- */

void call_free(struct calls *cs, struct call *c)
{
	unsigned i;

	for (i = 0; i < c->n_flow; i++) {
		link_remove(&c->flow[i]->by_id);
		link_remove(&c->flow[i]->by_hosts);
		link_remove(&c->flow[i]->by_app);
		free(c->flow[i]);
	}
	for (i = 0; i < c->n_links; i++)
		link_remove(&c->link[i]);
	*(c->older != NULL ? &c->older->newer : &cs->oldest) = c->newer;
	*(c->newer != NULL ? &c->newer->older : &cs->newest) = c->older;
	cs->slot[c->slot] = cs->slot[--cs->n];
	cs->slot[c->slot].call->slot = c->slot;
	free(c);
}

static enum call_end call_why(const struct call *c, enum call_end otherwise)
{
	return c->ended ? CALL_END_SIGNALLING : c->failed ? CALL_END_FAILED : otherwise;
}

static void call_done(struct calls *cs, struct call *c, enum call_end end, uint64_t wall_ns)
{
	c->end = call_why(c, end);
	if (c->end_wall_ns < c->start_wall_ns)
		c->end_wall_ns = c->start_wall_ns;
	if (call_is_one(c)) /* the end that signalling told may be later than the last that was heard of a flow */
		cs->done(cs->arg, c, wall_ns < c->end_wall_ns ? c->end_wall_ns : wall_ns);
	call_free(cs, c);
}

/* Room for one more: what is no call yet goes first, then what has no media. */
static bool make_room(struct calls *cs, uint64_t wall_ns)
{
	struct call *c = cs->oldest, *silent = NULL;
	int i;

	for (i = 0; i < EVICT_WALK_MAX && c != NULL; i++, c = c->newer) {
		if (!call_is_one(c))
			break;
		if (silent == NULL && c->live == c->live_signalling)
			silent = c;
	}
	if (i == EVICT_WALK_MAX || c == NULL)
		c = silent;
	if (c != NULL)
		call_done(cs, c, CALL_END_EVICTED, wall_ns);
	cs->refused++; /* the one let go, or the one that finds no room */
	return c != NULL;
}

void call_link_key(struct calls *cs, struct call *c, uint64_t hash)
{
	if (c->n_links < CALL_LINKS_MAX)
		link_add(&cs->index, &c->link[c->n_links++], hash, c, NULL);
}

struct call *call_new(struct calls *cs, const struct event *ev, uint32_t id)
{
	struct call *c;

	if (cs->n == CALLS_MAX && !make_room(cs, ev->wall_ns))
		return NULL;
	c = calloc(1, sizeof *c);
	if (c == NULL) {
		cs->refused++;
		return NULL;
	}
	c->id = id != 0 ? id : 1;
	c->start_wall_ns = c->end_wall_ns = ev->wall_ns;
	if (ev->file_name != NULL)
		snprintf(c->file_name, sizeof c->file_name, "%s", ev->file_name);
	c->older = cs->newest;
	*(c->older != NULL ? &c->older->newer : &cs->oldest) = c;
	cs->newest = c;
	c->slot = cs->n;
	cs->slot[cs->n++] = (struct call_slot){ UINT64_MAX, c };
	return c;
}

/* --- the table --- */

struct calls *calls_new(const struct redact *redact, calls_done_fn *done, void *arg)
{
	struct calls *cs = calloc(1, sizeof *cs);

	if (cs == NULL)
		return NULL;
	cs->redact = redact;
	cs->done = done;
	cs->arg = arg;
	cs->next_due_ns = UINT64_MAX;
	return cs;
}

void calls_free(struct calls *cs)
{
	while (cs != NULL && cs->oldest != NULL)
		call_free(cs, cs->oldest);
	free(cs);
}

static int due_order(const void *a, const void *b)
{
	const struct call *const *x = a, *const *y = b;
	const uint64_t p = call_due(*x), q = call_due(*y);

	return p != q ? (p > q) - (p < q) : ((*x)->id > (*y)->id) - ((*x)->id < (*y)->id);
}

/* In the order of their time, and stamped with it: the same whether ticks came in between or not. */
void calls_advance(struct calls *cs, uint64_t mono_ns)
{
	unsigned n = 0, i;

	if (mono_ns < cs->next_due_ns)
		return;
	cs->next_due_ns = UINT64_MAX;
	for (i = 0; i < cs->n; i++) {
		if (cs->slot[i].due_ns <= mono_ns)
			cs->due[n++] = cs->slot[i].call;
		else if (cs->slot[i].due_ns < cs->next_due_ns)
			cs->next_due_ns = cs->slot[i].due_ns;
	}
	qsort(cs->due, n, sizeof *cs->due, due_order);
	for (i = 0; i < n; i++) {
		struct call *c = cs->due[i];

		call_done(cs, c, CALL_END_SILENCE,
		    c->changed_wall_ns + (call_due(c) - c->changed_ns));
	}
}

void calls_flush(struct calls *cs)
{
	while (cs->oldest != NULL)
		call_done(cs, cs->oldest, CALL_END_SHUTDOWN, cs->oldest->changed_wall_ns);
	cs->next_due_ns = UINT64_MAX;
}

void calls_each(const struct calls *cs, void (*fn)(void *, const struct call *), void *arg)
{
	const struct call *c;

	for (c = cs->oldest; c != NULL; c = c->newer)
		if (call_is_one(c))
			fn(arg, c);
}

uint64_t calls_refused(const struct calls *cs)
{
	return cs->refused;
}
