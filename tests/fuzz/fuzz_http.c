/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Clear HTTP through its detector. The first byte says how: lowest bit: which
 * side speaks first, the next: whether sides take turns; the rest: where to cut.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "detect/audit.h"
#include "detect/http_parse.h"
#include "detect/rows.h"

#define BUDGET (1 << 20) /* bytes */

static void on_audit(void *arg, const struct look *l, const struct audit_note *n)
{
	(void)arg;
	(void)l;
	if (n->kind == AUDIT_HOST || n->kind >= AUDIT_KINDS || n->what == NULL ||
	    memchr(n->name, '\0', sizeof n->name) == NULL)
		abort();
	for (const char *p = n->name; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~')
			abort();
}

static uint64_t rows(void)
{
	uint64_t found = 0;

	for (unsigned i = 0; i < n_detectors; i++)
		if (detectors[i].stream == http_stream)
			found |= row_bit(i);
	return found;
}

static void piece(struct detect_env *env, struct flow *f, int dir, uint32_t seq, const uint8_t *data, size_t n)
{
	struct frame frame = { .number = 1, .mono_ns = NS_PER_S };
	uint8_t *block = malloc(n);
	struct packet p = { .frame = &frame, .ip = { f->key.ip[dir], f->key.ip[!dir] },
		.port = { f->key.port[dir], f->key.port[!dir] }, .ip_v = 4, .proto = IPPROTO_TCP,
		.tcp_seq = seq, .payload = block, .payload_len = (uint32_t)n, .payload_wire = (uint32_t)n };

	if (block == NULL)
		return;
	memcpy(block, data, n);
	f->dir[dir].payloads++;
	detect_packet(env, f, dir, &p);
	free(block);
}

/* The scanner alone must say the same in one piece and in two. */
static void links(const uint8_t *data, size_t size, size_t cut)
{
	struct http_links one = { 0 }, two = { 0 };
	bool whole = http_links_scan(&one, data, size);
	bool parts = http_links_scan(&two, data, cut);

	if (!parts)
		parts = http_links_scan(&two, data + cut, size - cut);
	if (whole != parts)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct counts counts = { 0 };
	struct detect_env env = { .counts = &counts, .on_audit = on_audit };
	struct flow f = { .key = { .ip = { { { 1 } }, { { 2 } } }, .port = { 50000, 80 }, .proto = IPPROTO_TCP, .ip_v = 4 },
		.flags = FLOW_INITIATOR_0, .alive = UINT64_MAX };
	uint32_t seq[2] = { 1, 1 };
	size_t step;
	int dir;

	if (size < 2)
		return 0;
	env.facts = facts_new(64, 32);
	env.watch_budget = budget_new(BUDGET, BUDGET);
	env.stream_budget = budget_new(BUDGET, BUDGET);
	detect_init(&env, rows());
	dir = data[0] & 1;
	step = data[0] < 4 ? size : (size_t)(data[0] >> 2) * 16;
	for (size_t at = 1; at < size; at += step) {
		size_t n = size - at < step ? size - at : step;

		piece(&env, &f, dir, seq[dir], data + at, n);
		seq[dir] += (uint32_t)n;
		dir ^= data[0] >> 1 & 1;
	}
	detect_release(&env, &f);
	if (budget_used(env.watch_budget) != 0 || budget_used(env.stream_budget) != 0)
		abort();
	links(data + 1, size - 1, data[0] < size - 1 ? data[0] : size - 1);
	facts_free(env.facts);
	budget_free(env.watch_budget);
	budget_free(env.stream_budget);
	return 0;
}
