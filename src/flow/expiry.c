/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When flows end by silence: a wheel of deadlines. */
#include <netinet/in.h>

#include "base/clock.h"
#include "flow/table.h"

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

void expiry_take(struct flow_table *t, struct flow *f)
{
	if (is_slot_mark(f->wheel_prev))
		t->wheel[NONE - 1 - f->wheel_prev] = f->wheel_next;
	else
		flow_at(t, f->wheel_prev)->wheel_next = f->wheel_next;
	if (f->wheel_next != NONE)
		flow_at(t, f->wheel_next)->wheel_prev = f->wheel_prev;
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

void expiry_add(struct flow_table *t, uint32_t n, struct flow *f)
{
	wheel_add(t, n, f, deadline_tick(t, f));
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
		expiry_take(t, f);
		expiry_add(t, n, f);
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
