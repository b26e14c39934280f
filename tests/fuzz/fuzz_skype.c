/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Payloads between up to eight endpoints through the Skype rows, with tables so
 * small that they overflow. Each payload comes behind a byte of sender (bits
 * 0 to 2), receiver (3 to 5) and protocol (bit 6: TCP), one of bytes cut by the
 * capture (UDP) or lost before it (TCP), and two of length.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "detect/detect.h"
#include "detect/skype_host.h"

#define ENDS 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
	struct detect_env env;
	struct counts counts;
	struct flow_table *flows;
	uint32_t seq[ENDS];
	struct frame frame;
};

static void on_end(void *arg, struct flow *flow, enum flow_end why, uint64_t at)
{
	struct run *r = arg;
	char text[WHY_LEN];

	(void)why;
	(void)at;
	detect_finish(&r->env, flow);
	for (unsigned i = 0; flow->watch != NULL && i < flow->watch->n_evidence; i++) {
		const struct evidence *e = &flow->watch->evidence[i];

		if (!(e->bits >= SKYPE_DECLARE_BITS && e->bits < 1000) || evidence_why(e, text) != text)
			abort();
	}
	detect_release(&r->env, flow);
}

static void set_end(struct packet *p, int which, unsigned n)
{
	static const uint16_t ports[ENDS] = { 35990, 35991, 443, 53, 33033, 40001, 35990, 0 };
	const uint8_t ip[4] = { 10, 0, 0, (uint8_t)(n & 6) };

	addr_from_v4(&p->ip[which], ip);
	p->port[which] = ports[n];
}

static void one_payload(struct run *r, uint8_t ends, uint8_t how, struct cursor bytes)
{
	struct packet p = { .frame = &r->frame, .ip_v = 4, .proto = ends & 0x40 ? IPPROTO_TCP : IPPROTO_UDP, .tcp_flags = 0x18 };
	unsigned from = ends & 7, to = ends >> 3 & 7;
	struct flow *flow;
	int dir;

	set_end(&p, 0, from);
	set_end(&p, 1, to);
	p.payload = bytes.p;
	p.payload_len = (uint32_t)cur_left(&bytes);
	p.payload_wire = p.payload_len + (p.proto == IPPROTO_UDP ? how : 0);
	p.ip_len = p.payload_wire + 40;
	p.tcp_seq = r->seq[from] + (how & 0x80 ? how & 0x7f : 0);
	r->seq[from] += p.payload_len;
	flow = flow_table_packet(r->flows, &p, &r->counts, &dir);
	if (flow != NULL)
		detect_packet(&r->env, flow, dir, &p);
}

/* Tables are made once: what an input leaves behind is taken out after it. */
static struct run *run_new(void)
{
	struct run *r = calloc(1, sizeof *r);
	uint64_t rows;
	char bad[32];

	r->env.counts = &r->counts;
	r->env.facts = facts_new(64, 8);
	r->env.watch_budget = budget_new(1 << 14, 1 << 14);
	r->env.stream_budget = budget_new(1 << 16, 1 << 16);
	r->env.skype = skype_hosts_new(4, 2);
	r->env.arg = r;
	r->flows = flow_table_new(16, on_end, r);
	detect_select("skype", &rows, bad);
	detect_init(&r->env, rows);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run *r;
	struct cursor c = cur_open(data, size);

	if (r == NULL)
		r = run_new();
	memset(r->seq, 0, sizeof r->seq);
	r->frame = (struct frame){ .mono_ns = 1000000000 };
	while (cur_left(&c) > 4) {
		uint8_t ends = cur_u8(&c), how = cur_u8(&c);
		size_t n = cur_u16(&c);

		n = n > cur_left(&c) ? cur_left(&c) : n;
		r->frame.number++;
		r->frame.mono_ns += 20000000;
		one_payload(r, ends, how, cur_sub(&c, n));
	}
	flow_table_flush(r->flows, FLOW_END_SHUTDOWN);
	facts_clear(r->env.facts);
	skype_hosts_clear(r->env.skype);
	if (budget_used(r->env.watch_budget) != 0 || budget_used(r->env.stream_budget) != 0)
		abort();
	return 0;
}
