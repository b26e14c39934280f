/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 16384 /* a rule file of usual size fits one block */

struct arena_block {
	struct arena_block *older;
	size_t used, size;
	alignas(max_align_t) unsigned char bytes[];
};

static struct arena_block *block_new(struct arena *a, size_t least)
{
	size_t size = least > BLOCK_BYTES ? least : BLOCK_BYTES;
	struct arena_block *block = calloc(1, sizeof *block + size);

	if (block == NULL)
		return NULL;
	block->size = size;
	block->older = a->newest;
	a->newest = block;
	return block;
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct arena_block *block = a->newest;
	void *at;

	size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if (block == NULL || block->size - block->used < size)
		block = block_new(a, size);
	if (block == NULL)
		return NULL;
	at = block->bytes + block->used;
	block->used += size;
	return at;
}

char *arena_text(struct arena *a, const char *text, size_t len)
{
	char *copy = arena_alloc(a, len + 1);

	if (copy != NULL)
		memcpy(copy, text, len);
	return copy;
}

void arena_free(struct arena *a)
{
	struct arena_block *older;

	for (; a->newest != NULL; a->newest = older) {
		older = a->newest->older;
		free(a->newest);
	}
}
