/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_FUZZ_CALL_PIECES_H
#define SQUELCH_FUZZ_CALL_PIECES_H

/*
 * An input as packets of one flow. The first byte says how: lowest bit 0:
 * datagrams, 1: a stream; next bit: who opened it is known; the rest: bytes a
 * packet in sixteens, 0: records, each behind its length in two bytes, whose
 * highest bit is the sender. Without records the sender changes with each packet.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "detect/audit.h"
#include "detect/detect.h"
#include "detect/signal.h"

#define BUDGET  (1 << 20) /* bytes */
#define STEP_NS (20 * NS_PER_MS)

struct pieces {
	struct detect_env env;
	struct counts counts;
	struct flow flow;
	struct frame frame;
	uint32_t seq[2];
};

static inline void pieces_signal(void *arg, const struct look *l, const struct call_signal *s)
{
	(void)arg;
	(void)l;
	if (s->call == 0 || s->phase >= CALL_PHASES || s->n_media > CALL_MEDIA_MAX)
		abort();
	if (memchr(s->id, '\0', sizeof s->id) == NULL || memchr(s->from, '\0', sizeof s->from) == NULL ||
	    memchr(s->to, '\0', sizeof s->to) == NULL || memchr(s->dialed, '\0', sizeof s->dialed) == NULL)
		abort();
}

/* Host names in audit notes are text that fits a line. */
static inline void pieces_audit(void *arg, const struct look *l, const struct audit_note *n)
{
	(void)arg;
	(void)l;
	if (n->kind == AUDIT_HOST || n->kind >= AUDIT_KINDS || n->what == NULL || memchr(n->name, '\0', sizeof n->name) == NULL)
		abort();
	for (const char *p = n->name; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~')
			abort();
}

static inline void piece_send(struct pieces *w, int dir, const uint8_t *data, size_t n)
{
	const struct flow_key *k = &w->flow.key;
	uint8_t *block = malloc(n);
	struct packet p = { .frame = &w->frame, .ip = { k->ip[dir], k->ip[!dir] }, .port = { k->port[dir], k->port[!dir] },
		.ip_v = 4, .proto = k->proto, .tcp_seq = w->seq[dir], .payload = block,
		.payload_len = (uint32_t)n, .payload_wire = (uint32_t)n };

	if (block == NULL)
		return;
	memcpy(block, data, n);
	w->flow.dir[dir].payloads++;
	w->frame.mono_ns += STEP_NS;
	detect_packet(&w->env, &w->flow, dir, &p);
	w->seq[dir] += (uint32_t)n;
	free(block);
}

static inline void pieces_send(struct pieces *w, const uint8_t *data, size_t size, size_t step)
{
	int dir = 0;

	while (size > 0) {
		size_t n = step, head = 0;

		if (step == 0) {
			if (size < 3)
				return;
			n = (size_t)(data[0] & 0x7f) << 8 | data[1];
			dir = data[0] >> 7;
			head = 2;
		}
		data += head;
		size -= head;
		n = n < size ? n : size;
		if (n > 0)
			piece_send(w, dir, data, n);
		data += n;
		size -= n;
		dir = !dir;
	}
}

/* `rows`: those that look, as for --detect. */
static inline int pieces_run(const char *rows, const uint8_t *data, size_t size)
{
	static const uint8_t ends[2][4] = { { 10, 0, 0, 1 }, { 192, 0, 2, 9 } };
	struct pieces w = { .env = { .on_signal = pieces_signal, .on_audit = pieces_audit }, .frame = { .number = 1, .mono_ns = NS_PER_S },
		.flow = { .key = { .port = { 40000, 5000 }, .ip_v = 4 }, .alive = UINT64_MAX } };
	uint64_t enabled;
	char bad[32];

	if (size < 2)
		return 0;
	if (!detect_select(rows, &enabled, bad))
		abort();
	w.env.counts = &w.counts;
	w.env.facts = facts_new(64, 32);
	w.env.watch_budget = budget_new(BUDGET, BUDGET);
	w.env.stream_budget = budget_new(BUDGET, BUDGET);
	detect_init(&w.env, enabled);
	addr_from_v4(&w.flow.key.ip[0], ends[0]);
	addr_from_v4(&w.flow.key.ip[1], ends[1]);
	w.flow.key.proto = data[0] & 1 ? IPPROTO_TCP : IPPROTO_UDP;
	w.flow.flags = data[0] & 2 ? FLOW_INITIATOR_0 : 0;
	pieces_send(&w, data + 1, size - 1, (size_t)(data[0] >> 2) * 16);
	detect_release(&w.env, &w.flow);
	if (budget_used(w.env.watch_budget) != 0 || budget_used(w.env.stream_budget) != 0)
		abort();
	facts_free(w.env.facts);
	budget_free(w.env.watch_budget);
	budget_free(w.env.stream_budget);
	return 0;
}

#endif
