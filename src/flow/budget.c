/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/budget.h"

#include <stdlib.h>

#include "base/hash.h"

/* Bytes charged to one host. A slot with used == 0 is free. */
struct payer {
	struct addr host;
	size_t used;
};

struct budget {
	size_t total, per_host, used;
	struct payer *payers;     /* open addressing, linear probing */
	uint32_t mask, n;
};

#define PAYERS_MIN 1024       /* slots; a power of two */

struct budget *budget_new(size_t total, size_t per_host)
{
	struct budget *b = calloc(1, sizeof *b);

	if (b == NULL)
		return NULL;
	b->total = total;
	b->per_host = per_host;
	b->mask = PAYERS_MIN - 1;
	b->payers = calloc(PAYERS_MIN, sizeof *b->payers);
	if (b->payers == NULL) {
		free(b);
		return NULL;
	}
	return b;
}

void budget_free(struct budget *b)
{
	if (b == NULL)
		return;
	free(b->payers);
	free(b);
}

/* The host's slot, or the free one where it would go. */
static uint32_t payer_slot(const struct budget *b, const struct addr *host)
{
	uint32_t i = (uint32_t)hash_bytes(host, sizeof *host) & b->mask;

	while (b->payers[i].used != 0 && !addr_equal(&b->payers[i].host, host))
		i = (i + 1) & b->mask;
	return i;
}

static bool payers_grow(struct budget *b)
{
	struct payer *old = b->payers;
	uint32_t n_old = b->mask + 1;
	struct payer *fresh = calloc((size_t)n_old * 2, sizeof *fresh);

	if (fresh == NULL)
		return false;
	b->payers = fresh;
	b->mask = n_old * 2 - 1;
	for (uint32_t i = 0; i < n_old; i++)
		if (old[i].used != 0)
			b->payers[payer_slot(b, &old[i].host)] = old[i];
	free(old);
	return true;
}

/* Frees slot i and closes the gap, so that probing needs no tombstones. */
static void payer_remove(struct budget *b, uint32_t i)
{
	uint32_t gap = i;

	b->n--;
	b->payers[gap].used = 0;
	for (uint32_t j = (gap + 1) & b->mask; b->payers[j].used != 0; j = (j + 1) & b->mask) {
		uint32_t home = (uint32_t)hash_bytes(&b->payers[j].host, sizeof(struct addr)) & b->mask;

		if (((j - home) & b->mask) < ((j - gap) & b->mask))
			continue;
		b->payers[gap] = b->payers[j];
		b->payers[j].used = 0;
		gap = j;
	}
}

void *budget_alloc(struct budget *b, const struct addr *host, size_t size)
{
	struct payer *p;
	void *memory;
	uint32_t slot;

	if (b->used + size > b->total)
		return NULL;
	if ((b->n + 1) * 2 > b->mask && !payers_grow(b))
		return NULL;
	slot = payer_slot(b, host);
	p = &b->payers[slot];
	if (p->used + size > b->per_host || (memory = calloc(1, size)) == NULL)
		return NULL;
	if (p->used == 0) {
		p->host = *host;
		b->n++;
	}
	p->used += size;
	b->used += size;
	return memory;
}

void budget_release(struct budget *b, const struct addr *host, void *memory, size_t size)
{
	uint32_t slot;

	if (memory == NULL)
		return;
	free(memory);
	b->used -= size;
	slot = payer_slot(b, host);
	b->payers[slot].used -= size;
	if (b->payers[slot].used == 0)
		payer_remove(b, slot);
}

size_t budget_used(const struct budget *b)
{
	return b->used;
}
