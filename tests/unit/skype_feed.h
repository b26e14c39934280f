/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_TESTS_SKYPE_FEED_H
#define SQUELCH_TESTS_SKYPE_FEED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <netinet/in.h>

#include "base/hash.h"
#include "detect/detect.h"
#include "detect/skype_host.h"
#include "judge/judge.h"

/* Payloads between any endpoints through the Skype rows; flows end when `feed_end` says so. */
struct feed {
	struct detect_env env;
	struct counts counts;
	struct flow_table *flows;
	struct frame frame;
	struct flow *flow;        /* of the last payload */
	unsigned ended, ended_skype; /* flows that ended, and how many were Skype then */
	uint8_t proto;
	uint8_t tcp_flags;
	uint32_t cut;             /* bytes of each payload that the capture left out */
};

struct end { uint8_t ip[4]; uint16_t port; };

static inline enum app flow_app(const struct flow *f)
{
	return f->watch == NULL ? APP_NONE : judge(f->watch->evidence, f->watch->n_evidence, REPORT_BITS).app;
}

static inline void on_end(void *arg, struct flow *flow, enum flow_end why, uint64_t at)
{
	struct feed *f = arg;

	(void)why;
	(void)at;
	detect_finish(&f->env, flow);
	f->ended++;
	f->ended_skype += flow_app(flow) == APP_SKYPE;
	detect_release(&f->env, flow);
}

static inline int feed_setup_hosts(void **state, uint32_t endpoints, uint32_t hosts)
{
	struct feed *f = calloc(1, sizeof *f);
	uint64_t rows;
	char bad[32];

	hash_init();
	f->env.counts = &f->counts;
	f->env.facts = facts_new(100, 10);
	f->env.watch_budget = budget_new(8 << 20, 8 << 20);
	f->env.stream_budget = budget_new(1 << 20, 1 << 20);
	f->env.skype = skype_hosts_new(endpoints, hosts);
	f->env.arg = f;
	f->flows = flow_table_new(4096, on_end, f);
	f->frame.mono_ns = 1000000000;
	f->proto = IPPROTO_UDP;
	assert_true(detect_select("skype", &rows, bad));
	detect_init(&f->env, rows);
	*state = f;
	return 0;
}

static inline int feed_setup(void **state)
{
	return feed_setup_hosts(state, 1024, 64);
}

static inline void feed_flush(struct feed *f)
{
	flow_table_flush(f->flows, FLOW_END_SHUTDOWN);
}

static inline int feed_teardown(void **state)
{
	struct feed *f = *state;

	feed_flush(f);
	flow_table_free(f->flows);
	facts_free(f->env.facts);
	budget_free(f->env.watch_budget);
	budget_free(f->env.stream_budget);
	skype_hosts_free(f->env.skype);
	free(f);
	return 0;
}

/* The payload is copied to memory of its own size, so that a read past it is seen. */
static inline bool feed(struct feed *f, struct end from, struct end to, const uint8_t *bytes, uint32_t n)
{
	struct packet p = { .frame = &f->frame, .ip_v = 4, .proto = f->proto };
	uint32_t len = n - (f->cut < n ? f->cut : n);
	uint8_t *copy = malloc(len == 0 ? 1 : len);
	int dir;

	memcpy(copy, bytes, len);
	addr_from_v4(&p.ip[0], from.ip);
	addr_from_v4(&p.ip[1], to.ip);
	p.port[0] = from.port;
	p.port[1] = to.port;
	p.payload = copy;
	p.payload_len = len;
	p.payload_wire = n;
	p.ip_len = n + 40;
	p.tcp_flags = f->tcp_flags == 0 ? 0x18 : f->tcp_flags;
	f->frame.number++;
	f->frame.mono_ns += 1000000;
	f->flow = flow_table_packet(f->flows, &p, &f->counts, &dir);
	assert_non_null(f->flow);
	p.tcp_seq = (uint32_t)f->flow->dir[dir].bytes - 40 * f->flow->dir[dir].packets - n;
	detect_packet(&f->env, f->flow, dir, &p);
	free(copy);
	return flow_app(f->flow) == APP_SKYPE;
}

static inline float feed_bits(const struct feed *f)
{
	return f->flow->watch == NULL ? 0 : judge(f->flow->watch->evidence, f->flow->watch->n_evidence, REPORT_BITS).bits;
}

static inline struct skype_where where_of(struct end e, uint16_t proto)
{
	struct skype_where w = { .port = e.port, .proto = proto };

	addr_from_v4(&w.ip, e.ip);
	return w;
}

static inline struct skype_endpoint *endpoint_of(struct feed *f, struct end e)
{
	struct skype_where w = where_of(e, IPPROTO_UDP);

	return skype_endpoint_find(f->env.skype, &w);
}

static inline struct skype_host *host_of(struct feed *f, struct end e)
{
	struct skype_where w = where_of((struct end){ { e.ip[0], e.ip[1], e.ip[2], e.ip[3] }, 0 }, 0);

	return skype_host_find(f->env.skype, &w);
}

#endif
