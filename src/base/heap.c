/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/heap.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define SMALL_PAGE 4096u
#define GROW       (100u * 1024u) /* bytes that malloc takes from its heap and not from mmap (mallopt(3): M_MMAP_THRESHOLD) */
#define GROW_TIMES 2              /* more than the heap is ever ahead (mallopt(3): M_TOP_PAD, 128 KiB) */

/*
 * glibc grows its heap by what is asked for and M_TOP_PAD, all at once; what it
 * gave back and took again would be on small pages (mallopt(3)).
 */
void heap_prepare(size_t bytes)
{
	void *volatile grown[GROW_TIMES]; /* volatile: or the compiler leaves both calls out */
	char *from, *to;

	if (mallopt(M_TOP_PAD, (int)bytes) == 0 || mallopt(M_TRIM_THRESHOLD, INT32_MAX) == 0)
		return;
	from = sbrk(0);
	for (int i = 0; i < GROW_TIMES; i++)
		grown[i] = malloc(GROW);
	to = sbrk(0);
	for (int i = 0; i < GROW_TIMES; i++)
		free(grown[i]);
	from = (char *)((uintptr_t)from & ~(uintptr_t)(SMALL_PAGE - 1));
	if (to > from)
		(void)madvise(from, (size_t)(to - from), MADV_HUGEPAGE); /* a hint */
}
