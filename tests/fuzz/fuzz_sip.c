/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SIP through the detector, with facts and state. The first byte says how:
 * lowest bit 0: datagrams, 1: a stream; the rest: where to cut, as often as it
 * goes. The sender changes with every piece of a datagram flow.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "detect/rows.h"
#include "detect/signal.h"

#define BUDGET (1 << 20) /* bytes */

static void on_signal(void *arg, const struct look *l, const struct call_signal *s)
{
	(void)arg;
	(void)l;
	if (s->call == 0 || s->phase >= CALL_PHASES || s->n_media > CALL_MEDIA_MAX)
		abort();
	if (memchr(s->id, '\0', sizeof s->id) == NULL || memchr(s->from, '\0', sizeof s->from) == NULL ||
	    memchr(s->to, '\0', sizeof s->to) == NULL || memchr(s->dialed, '\0', sizeof s->dialed) == NULL)
		abort();
}

static uint64_t rows(void)
{
	uint64_t found = 0;

	for (unsigned i = 0; i < n_detectors; i++)
		if (detectors[i].look == sip_look || detectors[i].look == announced_look)
			found |= row_bit(i);
	return found;
}

static void pieces(struct detect_env *env, struct flow *f, const uint8_t *data, size_t size, size_t step)
{
	struct frame frame = { .number = 1, .mono_ns = NS_PER_S };
	uint32_t seq = 1;

	for (size_t at = 0; at < size; at += step) {
		size_t n = size - at < step ? size - at : step;
		int dir = f->key.proto == IPPROTO_UDP ? (int)(at / step) % 2 : 0;
		uint8_t *block = malloc(n);
		struct packet p = { .frame = &frame, .ip = { f->key.ip[dir], f->key.ip[!dir] },
			.port = { f->key.port[dir], f->key.port[!dir] }, .ip_v = 4, .proto = f->key.proto,
			.tcp_seq = seq, .payload = block, .payload_len = (uint32_t)n, .payload_wire = (uint32_t)n };

		if (block == NULL)
			return;
		memcpy(block, data + at, n);
		f->dir[dir].payloads++;
		detect_packet(env, f, dir, &p);
		free(block);
		seq += (uint32_t)n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t ends[2][4] = { { 10, 0, 0, 1 }, { 203, 0, 113, 10 } };
	struct counts counts = { 0 };
	struct detect_env env = { .counts = &counts, .on_signal = on_signal };
	struct flow f = { .key = { .port = { 5060, 5060 }, .ip_v = 4 }, .alive = UINT64_MAX };

	if (size < 2)
		return 0;
	env.facts = facts_new(64, 32);
	env.watch_budget = budget_new(BUDGET, BUDGET);
	env.stream_budget = budget_new(BUDGET, BUDGET);
	detect_init(&env, rows());
	addr_from_v4(&f.key.ip[0], ends[0]);
	addr_from_v4(&f.key.ip[1], ends[1]);
	f.key.proto = data[0] & 1 ? IPPROTO_TCP : IPPROTO_UDP;
	f.flags = data[0] & 2 ? FLOW_INITIATOR_0 : 0;
	pieces(&env, &f, data + 1, size - 1, data[0] < 4 ? size : (size_t)(data[0] >> 2) * 16);
	detect_release(&env, &f);
	if (budget_used(env.watch_budget) != 0 || budget_used(env.stream_budget) != 0)
		abort();
	facts_free(env.facts);
	budget_free(env.watch_budget);
	budget_free(env.stream_budget);
	return 0;
}
