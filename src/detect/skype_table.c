/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/skype_table.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define NONE UINT32_MAX
#define MAX_MIN 4 /* entries: one that must stay in each rank, and one to go */
static_assert(sizeof(struct skype_where) == 28, "the key is hashed and compared as bytes");

enum rank { PASSING, KEPT, RANKS };

struct head {
	_Alignas(max_align_t) struct skype_where where; /* the user's bytes lie behind the head */
	uint32_t prev, next;      /* by use; of the free list through next */
	uint32_t hash;
	uint32_t rank;            /* enum rank */
};

struct slot { uint32_t hash, entry; };  /* entry: number + 1, 0 free */

struct chain { uint32_t oldest, newest, n; };

struct skype_table {
	uint8_t *entries;         /* a head and the user's bytes each */
	struct slot *index;       /* open addressing, at most half full */
	size_t stride;
	uint32_t max, mask, free_head;
	uint32_t fresh;           /* entries from here on were never used */
	struct chain by_use[RANKS];
};

static struct head *head_at(const struct skype_table *t, uint32_t n)
{
	return (struct head *)(void *)(t->entries + n * t->stride);
}

static uint32_t number_of(const struct skype_table *t, const void *entry)
{
	return (uint32_t)(((const uint8_t *)entry - sizeof(struct head) - t->entries) / (ptrdiff_t)t->stride);
}

static void empty(struct skype_table *t)
{
	for (unsigned r = 0; r < RANKS; r++)
		t->by_use[r] = (struct chain){ NONE, NONE, 0 };
	t->free_head = NONE;
	t->fresh = 0;
}

struct skype_table *skype_table_new(uint32_t max, size_t size)
{
	struct skype_table *t = calloc(1, sizeof *t);
	uint32_t slots = 64;

	if (t == NULL)
		return NULL;
	t->max = max < MAX_MIN ? MAX_MIN : max;
	while (slots < t->max * 2)
		slots *= 2;
	t->mask = slots - 1;
	t->stride = (sizeof(struct head) + size + 15) & ~(size_t)15;
	t->entries = calloc(t->max, t->stride);
	t->index = calloc(slots, sizeof *t->index);
	if (t->entries == NULL || t->index == NULL) {
		skype_table_free(t);
		return NULL;
	}
	empty(t);
	return t;
}

void skype_table_free(struct skype_table *t)
{
	if (t == NULL)
		return;
	free(t->entries);
	free(t->index);
	free(t);
}

static bool is_empty(const struct skype_table *t)
{
	return t->by_use[PASSING].n + t->by_use[KEPT].n == 0;
}

void skype_table_clear(struct skype_table *t)
{
	if (t->fresh == 0)
		return; /* nothing to do: most captures have no Skype */
	memset(t->index, 0, (t->mask + 1) * sizeof *t->index);
	empty(t);
}

static void chain_add(struct skype_table *t, uint32_t n)
{
	struct head *h = head_at(t, n);
	struct chain *c = &t->by_use[h->rank];

	h->prev = c->newest;
	h->next = NONE;
	if (c->newest == NONE)
		c->oldest = n;
	else
		head_at(t, c->newest)->next = n;
	c->newest = n;
	c->n++;
}

static void chain_take(struct skype_table *t, uint32_t n)
{
	struct head *h = head_at(t, n);
	struct chain *c = &t->by_use[h->rank];

	if (h->prev == NONE)
		c->oldest = h->next;
	else
		head_at(t, h->prev)->next = h->next;
	if (h->next == NONE)
		c->newest = h->prev;
	else
		head_at(t, h->next)->prev = h->prev;
	c->n--;
}

/* Slot of the place, or the free one where it would go. */
static uint32_t slot_find(const struct skype_table *t, const struct skype_where *where, uint32_t hash)
{
	uint32_t i = hash & t->mask;

	while (t->index[i].entry != 0 && (t->index[i].hash != hash ||
	    memcmp(&head_at(t, t->index[i].entry - 1)->where, where, sizeof *where) != 0))
		i = (i + 1) & t->mask;
	return i;
}

static void slot_remove(struct skype_table *t, uint32_t gap)
{
	for (uint32_t j = (gap + 1) & t->mask; t->index[j].entry != 0; j = (j + 1) & t->mask) {
		if (((j - t->index[j].hash) & t->mask) < ((j - gap) & t->mask))
			continue;
		t->index[gap] = t->index[j];
		gap = j;
	}
	t->index[gap] = (struct slot){ 0, 0 };
}

/*
 * Forgets one entry: a passing one, unless the kept ones have more than three
 * quarters of the room. Never the one used last: the caller may still hold it.
 */
static void evict(struct skype_table *t)
{
	enum rank from = t->by_use[PASSING].n <= 1 || t->by_use[KEPT].n > t->max / 4 * 3 ? KEPT : PASSING;
	uint32_t n = t->by_use[from].oldest;
	struct head *h = head_at(t, n);

	slot_remove(t, slot_find(t, &h->where, h->hash));
	chain_take(t, n);
	h->next = t->free_head;
	t->free_head = n;
}

static void *used(struct skype_table *t, uint32_t n)
{
	if (t->by_use[head_at(t, n)->rank].newest != n) {
		chain_take(t, n);
		chain_add(t, n);
	}
	return head_at(t, n) + 1;
}

void *skype_table_find(struct skype_table *t, const struct skype_where *where)
{
	uint32_t i;

	if (is_empty(t))
		return NULL;
	i = slot_find(t, where, (uint32_t)hash_bytes(where, sizeof *where));
	return t->index[i].entry == 0 ? NULL : used(t, t->index[i].entry - 1);
}

void *skype_table_get(struct skype_table *t, const struct skype_where *where, bool *evicted)
{
	uint32_t hash = (uint32_t)hash_bytes(where, sizeof *where);
	uint32_t i = slot_find(t, where, hash), n;
	struct head *h;

	*evicted = false;
	if (t->index[i].entry != 0)
		return used(t, t->index[i].entry - 1);
	if (t->free_head == NONE && t->fresh == t->max) {
		evict(t);
		*evicted = true;
		i = slot_find(t, where, hash);
	}
	n = t->free_head != NONE ? t->free_head : t->fresh++;
	h = head_at(t, n);
	if (n == t->free_head)
		t->free_head = h->next;
	memset(h, 0, t->stride);
	h->where = *where;
	h->hash = hash;
	t->index[i] = (struct slot){ hash, n + 1 };
	chain_add(t, n);
	return h + 1;
}

void skype_table_keep(struct skype_table *t, void *entry)
{
	uint32_t n = number_of(t, entry);

	chain_take(t, n);
	head_at(t, n)->rank = KEPT;
	chain_add(t, n);
}

void skype_table_each_kept(const struct skype_table *t,
    void (*fn)(void *arg, const struct skype_where *, const void *entry), void *arg)
{
	for (uint32_t n = t->by_use[KEPT].oldest; n != NONE; n = head_at(t, n)->next)
		fn(arg, &head_at(t, n)->where, head_at(t, n) + 1);
}
