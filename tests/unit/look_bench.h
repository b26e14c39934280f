/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TEST_LOOK_BENCH_H
#define TEST_LOOK_BENCH_H

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "detect/detect.h"
#include "detect/rows.h"

/* A world with one flow in it, for detectors that are shown single payloads. */
struct bench {
	struct counts counts;
	struct facts *facts;
	struct budget *watch, *stream;
	struct detect_env env;
	struct flow flow;
	struct frame frame;
	struct packet pkt;
};

/* Client 10.0.0.1 (direction 0) and server 192.0.2.1. */
static inline void bench_open(struct bench *b, uint8_t proto, uint16_t client, uint16_t server)
{
	static const uint8_t ip[2][4] = { { 10, 0, 0, 1 }, { 192, 0, 2, 1 } };

	memset(b, 0, sizeof *b);
	b->facts = facts_new(64, 16);
	b->watch = budget_new(1 << 20, 1 << 20);
	b->stream = budget_new(1 << 20, 1 << 20);
	b->env = (struct detect_env){
		.facts = b->facts, .counts = &b->counts, .watch_budget = b->watch, .stream_budget = b->stream,
	};
	detect_init(&b->env, row_bit(n_detectors) - 1);
	b->flow.key.proto = b->pkt.proto = proto;
	b->flow.key.ip_v = b->pkt.ip_v = 4;
	for (int i = 0; i < 2; i++)
		addr_from_v4(&b->flow.key.ip[i], ip[i]);
	b->flow.key.port[0] = client;
	b->flow.key.port[1] = server;
	b->flow.flags = FLOW_INITIATOR_0;
	b->flow.alive = UINT64_MAX;
	b->frame.mono_ns = NS_PER_S;
	b->pkt.frame = &b->frame;
}

static inline void bench_close(struct bench *b)
{
	detect_release(&b->env, &b->flow);
	facts_free(b->facts);
	budget_free(b->watch);
	budget_free(b->stream);
}

/* A payload shown to the row that has this look or stream function. */
static inline struct look bench_look(struct bench *b, int dir, const void *data, size_t len,
    enum look_result (*look)(struct look *), struct stream_result (*stream)(struct look *))
{
	unsigned row = 0;

	while (row < n_detectors
	    && !(look != NULL ? detectors[row].look == look : detectors[row].stream == stream))
		row++;
	if (row == n_detectors)
		abort();
	b->flow.dir[dir].payloads++;
	b->pkt.payload = data;
	b->pkt.payload_len = b->pkt.payload_wire = (uint32_t)len;
	return (struct look){
		.env = &b->env, .pkt = &b->pkt, .flow = &b->flow, .data = data,
		.len = (uint32_t)len, .wire = (uint32_t)len, .dir = (uint8_t)dir, .row = (uint8_t)row,
	};
}

static inline const struct evidence *bench_evidence(const struct bench *b)
{
	return b->flow.watch == NULL || b->flow.watch->n_evidence == 0 ? NULL : b->flow.watch->evidence;
}

#endif
