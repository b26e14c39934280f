/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Payloads of one flow through the rows: STUN, TURN, DTLS and whatever is found
 * inside. The first byte chooses UDP or TCP; then come payloads, each behind a
 * byte of direction (bit 0) and of bytes cut by the capture (the rest), and two
 * of length.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "detect/detect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
	struct detect_env env;
	struct counts counts;
	struct flow_table *flows;
	uint32_t seq[2];
};

static void on_end(void *arg, struct flow *flow, enum flow_end why, uint64_t at)
{
	struct run *r = arg;
	char text[WHY_LEN];

	(void)why;
	(void)at;
	for (unsigned i = 0; flow->watch != NULL && i < flow->watch->n_evidence; i++)
		if (!(flow->watch->evidence[i].bits < 1000) || evidence_why(&flow->watch->evidence[i], text) != text)
			abort();
	detect_release(&r->env, flow);
}

static void one_payload(struct run *r, const struct frame *frame, uint8_t proto, uint8_t how, struct cursor bytes)
{
	struct packet p = { .frame = frame, .ip_v = 4, .proto = proto, .tcp_flags = 0x18 };
	int dir = how & 1, got;
	struct flow *flow;

	addr_from_v4(&p.ip[dir], (const uint8_t[]){ 10, 0, 0, 1 });
	addr_from_v4(&p.ip[!dir], (const uint8_t[]){ 192, 0, 2, 9 });
	p.port[dir] = 40000;
	p.port[!dir] = 3478;
	p.payload = bytes.p;
	p.payload_len = (uint32_t)cur_left(&bytes);
	p.payload_wire = p.payload_len + (proto == IPPROTO_UDP ? how >> 1 : 0);
	p.ip_len = p.payload_wire + 40;
	p.tcp_seq = r->seq[dir];
	r->seq[dir] += p.payload_len;
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
	uint8_t proto = cur_u8(&c) & 1 ? IPPROTO_TCP : IPPROTO_UDP;

	if (r == NULL)
		r = run_new();
	while (cur_left(&c) > 3) {
		uint8_t how = cur_u8(&c);
		size_t n = cur_u16(&c);

		n = n > cur_left(&c) ? cur_left(&c) : n;
		frame.number++;
		frame.mono_ns += 20000000;
		one_payload(r, &frame, proto, how, cur_sub(&c, n));
	}
	flow_table_flush(r->flows, FLOW_END_SHUTDOWN);
	facts_clear(r->env.facts);
	if (budget_used(r->env.watch_budget) != 0 || budget_used(r->env.stream_budget) != 0)
		abort();
	memset(r->seq, 0, sizeof r->seq);
	return 0;
}
