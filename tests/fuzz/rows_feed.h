/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_FUZZ_ROWS_FEED_H
#define SQUELCH_FUZZ_ROWS_FEED_H

#include <netinet/in.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "detect/detect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* All rows over a few flows of 10.0.0.1:40000 with 192.0.2.9. */
struct run {
	struct detect_env env;
	struct counts counts;
	struct flow_table *flows;
};

static void run_flow_end(void *arg, struct flow *flow, enum flow_end why, uint64_t at)
{
	struct run *r = arg;
	char text[WHY_LEN];

	(void)why;
	(void)at;
	for (unsigned i = 0; flow->watch != NULL && i < flow->watch->n_evidence; i++) {
		const struct evidence *e = &flow->watch->evidence[i];

		if (!(e->bits < 1000) || evidence_why(e, text) != text || (!e->row->verified && e->bits > UNVERIFIED_BITS))
			abort();
	}
	detect_release(&r->env, flow);
}

/* Tables are made once: run_end takes out what an input leaves behind. */
static struct run *run_new(void)
{
	struct run *r = calloc(1, sizeof *r);
	uint64_t all;
	char bad[32];

	r->env.counts = &r->counts;
	r->env.facts = facts_new(64, 8);
	r->env.watch_budget = budget_new(1 << 18, 1 << 18);
	r->env.stream_budget = budget_new(1 << 18, 1 << 18);
	r->env.arg = r;
	r->flows = flow_table_new(4, run_flow_end, r);
	detect_select(NULL, &all, bad);
	detect_init(&r->env, all);
	return r;
}

/* What the payload is in, but for frame, proto and tcp_seq; `cut` bytes of it the capture left out. dir 0: of the client. */
static struct packet run_packet(int dir, uint16_t server_port, struct cursor bytes, uint32_t cut)
{
	struct packet p = { .ip_v = 4, .tcp_flags = 0x18, .payload = bytes.p, .payload_len = (uint32_t)cur_left(&bytes) };

	addr_from_v4(&p.ip[dir], (const uint8_t[]){ 10, 0, 0, 1 });
	addr_from_v4(&p.ip[!dir], (const uint8_t[]){ 192, 0, 2, 9 });
	p.port[dir] = 40000;
	p.port[!dir] = server_port;
	p.payload_wire = p.payload_len + cut;
	p.ip_len = p.payload_wire + 40;
	return p;
}

static void run_take(struct run *r, const struct packet *p)
{
	int dir;
	struct flow *flow = flow_table_packet(r->flows, p, &r->counts, &dir);

	if (flow != NULL)
		detect_packet(&r->env, flow, dir, p);
}

static void run_end(struct run *r)
{
	flow_table_flush(r->flows, FLOW_END_SHUTDOWN);
	facts_clear(r->env.facts);
	if (budget_used(r->env.watch_budget) != 0 || budget_used(r->env.stream_budget) != 0)
		abort();
}

#endif
