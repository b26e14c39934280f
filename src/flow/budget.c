/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/budget.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* Bytes charged to one host. A slot with used == 0 is free. */
struct payer {
	struct addr host;
	size_t used;
};

/*
 * Blocks given back are kept for the next of their size, some of each: flows come
 * and go all the time, and malloc is slow for blocks of a KiB. They begin on a
 * cache line, so that what is looked at first takes one. Under AddressSanitizer
 * none is kept, or it would not see who uses one that was given back.
 */
#define BLOCK_UNIT    64u     /* bytes, a cache line; a size is rounded up to whole ones */
#define BLOCK_CLASSES 32u     /* up to 2 KiB; what is larger is kept by nobody */
#ifdef SQUELCH_SANITIZE
#define BLOCKS_KEPT   0u
#else
#define BLOCKS_KEPT   128u    /* of each size: some 4 MiB at most, beside the budget */
#endif

struct block { struct block *next; };

struct budget {
	size_t total, per_host, used;
	struct block *kept[BLOCK_CLASSES + 1]; /* by size in units */
	uint32_t n_kept[BLOCK_CLASSES + 1];
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

static void *block_new(struct budget *b, size_t size)
{
	size_t units = (size + BLOCK_UNIT - 1) / BLOCK_UNIT;
	struct block *block;

	if (units > BLOCK_CLASSES)
		return calloc(1, size);
	block = b->kept[units];
	if (block != NULL) {
		b->kept[units] = block->next;
		b->n_kept[units]--;
	} else if ((block = aligned_alloc(BLOCK_UNIT, units * BLOCK_UNIT)) == NULL) {
		return NULL;
	}
	return memset(block, 0, size);
}

static void block_give(struct budget *b, void *memory, size_t size)
{
	size_t units = (size + BLOCK_UNIT - 1) / BLOCK_UNIT;
	struct block *block = memory;

	if (units > BLOCK_CLASSES || b->n_kept[units] == BLOCKS_KEPT) {
		free(memory);
		return;
	}
	block->next = b->kept[units];
	b->kept[units] = block;
	b->n_kept[units]++;
}

static void blocks_free(struct budget *b)
{
	for (unsigned units = 0; units <= BLOCK_CLASSES; units++)
		while (b->kept[units] != NULL) {
			struct block *next = b->kept[units]->next;

			free(b->kept[units]);
			b->kept[units] = next;
		}
}

void budget_free(struct budget *b)
{
	if (b == NULL)
		return;
	blocks_free(b);
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

bool budget_full(const struct budget *b, size_t size)
{
	return b->used + size > b->total;
}

void *budget_alloc(struct budget *b, const struct addr *host, size_t size)
{
	struct payer *p;
	void *memory;
	uint32_t slot;

	if (budget_full(b, size))
		return NULL;
	if ((b->n + 1) * 2 > b->mask && !payers_grow(b))
		return NULL;
	slot = payer_slot(b, host);
	p = &b->payers[slot];
	if (p->used + size > b->per_host || (memory = block_new(b, size)) == NULL)
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
	block_give(b, memory, size);
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
