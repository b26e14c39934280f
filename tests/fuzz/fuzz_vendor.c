/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Datagrams of two flows of one socket through the rows: formats of single
 * applications, what is found inside, and what one flow tells of another. Each
 * payload stands behind a byte (bit 0 direction, bit 1 which flow, bits 2 and 3
 * bytes cut by the capture, the rest time) and two of length.
 */
#include <netinet/in.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "detect/detect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEP_NS 10000000ull /* of a unit of time */

struct run {
	struct detect_env env;
	struct counts counts;
	struct flow_table *flows;
};

static void on_end(void *arg, struct flow *flow, enum flow_end why, uint64_t at)
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

static void one_payload(struct run *r, const struct frame *frame, uint8_t how, struct cursor bytes)
{
	struct packet p = { .frame = frame, .ip_v = 4, .proto = IPPROTO_UDP };
	int dir = how & 1, got;
	struct flow *flow;

	addr_from_v4(&p.ip[dir], (const uint8_t[]){ 10, 0, 0, 1 });
	addr_from_v4(&p.ip[!dir], (const uint8_t[]){ 192, 0, 2, 9 });
	p.port[dir] = 40000;
	p.port[!dir] = how & 2 ? 5000 : 8801;
	p.payload = bytes.p;
	p.payload_len = (uint32_t)cur_left(&bytes);
	p.payload_wire = p.payload_len + (how >> 2 & 3);
	p.ip_len = p.payload_wire + 28;
	flow = flow_table_packet(r->flows, &p, &r->counts, &got);
	if (flow != NULL)
		detect_packet(&r->env, flow, got, &p);
}

/* Tables are made once: what an input leaves behind is taken out after it. */
static struct run *run_new(void)
{
	struct run *r = calloc(1, sizeof *r);
	uint32_t all;
	char bad[32];

	r->env.counts = &r->counts;
	r->env.facts = facts_new(64, 8);
	r->env.watch_budget = budget_new(1 << 18, 1 << 18);
	r->env.stream_budget = budget_new(1 << 18, 1 << 18);
	r->env.arg = r;
	r->flows = flow_table_new(4, on_end, r);
	detect_select(NULL, &all, bad);
	detect_init(&r->env, all);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run *r;
	struct cursor c = cur_open(data, size);
	struct frame frame = { .mono_ns = 1000000000 };

	if (r == NULL)
		r = run_new();
	while (cur_left(&c) != 0) {
		uint8_t how = cur_u8(&c);
		uint16_t len = cur_u16(&c);
		struct cursor bytes = cur_sub(&c, len);

		frame.mono_ns += (how >> 4) * STEP_NS;
		if (bytes.bad || len == 0)
			break;
		one_payload(r, &frame, how, bytes);
	}
	flow_table_flush(r->flows, FLOW_END_SHUTDOWN);
	facts_clear(r->env.facts);
	if (budget_used(r->env.watch_budget) != 0)
		abort();
	return 0;
}
