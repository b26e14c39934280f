/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_TESTS_ICE_FEED_H
#define SQUELCH_TESTS_ICE_FEED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <netinet/in.h>

#include "base/hash.h"
#include "detect/detect.h"
#include "detect/signal.h"
#include "judge/judge.h"

/* Payloads through the real rows, between a client 10.0.0.1 and a server 192.0.2.9. */
struct feed {
	struct detect_env env;
	struct counts counts;
	struct flow_table *flows;
	struct frame frame;
	struct flow *flow;        /* of the last payload */
	uint32_t seq[2];
	unsigned signals;
	struct call_signal signal; /* the last one */
};

struct feed_from { bool server; uint8_t proto; uint16_t client_port; uint32_t cut; uint16_t server_port; };

static inline void feed_signal(void *arg, const struct look *l, const struct call_signal *s)
{
	struct feed *f = arg;

	(void)l;
	f->signals++;
	f->signal = *s;
}

static inline void feed_end(void *arg, struct flow *flow, enum flow_end why, uint64_t at)
{
	struct feed *f = arg;

	(void)why;
	(void)at;
	detect_release(&f->env, flow);
}

static inline int feed_setup(void **state)
{
	struct feed *f = calloc(1, sizeof *f);
	uint64_t all;
	char bad[32];

	hash_init();
	f->env.counts = &f->counts;
	f->env.facts = facts_new(100, 10);
	f->env.watch_budget = budget_new(1 << 20, 1 << 20);
	f->env.stream_budget = budget_new(1 << 20, 1 << 20);
	f->env.on_signal = feed_signal;
	f->env.arg = f;
	f->flows = flow_table_new(64, feed_end, f);
	f->frame.mono_ns = 1000000000;
	detect_select(NULL, &all, bad);
	detect_init(&f->env, all);
	*state = f;
	return 0;
}

static inline int feed_teardown(void **state)
{
	struct feed *f = *state;

	flow_table_flush(f->flows, FLOW_END_SHUTDOWN);
	flow_table_free(f->flows);
	facts_free(f->env.facts);
	budget_free(f->env.watch_budget);
	budget_free(f->env.stream_budget);
	free(f);
	return 0;
}

static inline void feed_addresses(struct packet *p, struct feed_from from)
{
	static const uint8_t client[4] = { 10, 0, 0, 1 }, server[4] = { 192, 0, 2, 9 };

	addr_from_v4(&p->ip[from.server], client);
	addr_from_v4(&p->ip[!from.server], server);
	p->port[from.server] = from.client_port == 0 ? 40000 : from.client_port;
	p->port[!from.server] = from.server_port == 0 ? 5000 : from.server_port;
}

/* The payload is copied to memory of its own size, so that a read past it is seen. */
static inline void feed(struct feed *f, struct feed_from from, const void *bytes, size_t n)
{
	struct packet p = { .frame = &f->frame, .ip_v = 4, .proto = from.proto == 0 ? IPPROTO_UDP : from.proto };
	uint8_t *copy = malloc(n - from.cut);
	int dir;

	memcpy(copy, bytes, n - from.cut);
	feed_addresses(&p, from);
	p.payload = copy;
	p.payload_len = (uint32_t)(n - from.cut);
	p.payload_wire = (uint32_t)n;
	p.ip_len = (uint32_t)n + 40;
	p.tcp_flags = 0x18;
	p.tcp_seq = f->seq[from.server];
	f->seq[from.server] += (uint32_t)n;
	f->frame.number++;
	f->frame.mono_ns += 1000000;
	f->flow = flow_table_packet(f->flows, &p, &f->counts, &dir);
	assert_non_null(f->flow);
	detect_packet(&f->env, f->flow, dir, &p);
	free(copy);
}

static inline struct judgement feed_judge(const struct feed *f)
{
	const struct watch *w = f->flow->watch;

	return judge(w == NULL ? NULL : w->evidence, w == NULL ? 0 : w->n_evidence, REPORT_BITS);
}

/* Evidence of a class, the best of a group; NULL when there is none. */
static inline const struct evidence *feed_evidence(const struct feed *f, enum group g, enum voip_class cls)
{
	const struct watch *w = f->flow->watch;
	const struct evidence *best = NULL;

	for (unsigned i = 0; w != NULL && i < w->n_evidence; i++)
		if (w->evidence[i].row->group == g && w->evidence[i].cls == cls
		    && (best == NULL || w->evidence[i].bits > best->bits))
			best = &w->evidence[i];
	return best;
}

static inline float feed_bits(const struct feed *f, enum group g, enum voip_class cls)
{
	const struct evidence *e = feed_evidence(f, g, cls);

	return e == NULL ? 0 : e->bits;
}

#endif
