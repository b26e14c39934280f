/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef IMPAIR_HEAP_H
#define IMPAIR_HEAP_H

#include <stddef.h>
#include <stdint.h>

/* A packet under way. Ties leave in the order they came. */
struct parcel {
	int64_t at;         /* ns, when it leaves */
	uint64_t number;
	int way;            /* 0: up, 1: down */
	unsigned len;       /* bytes on the wire */
	unsigned caplen;    /* bytes in data */
	uint8_t data[];
};

struct heap {
	struct parcel **items;
	size_t n, room;
	uint64_t number;
};

/* Copies the packet in; ends the program when memory does. */
void heap_put(struct heap *h, int64_t at, int way, const void *data, unsigned caplen, unsigned len);

/* The one that leaves first, or NULL. heap_take: the caller frees it. */
const struct parcel *heap_first(const struct heap *h);
struct parcel *heap_take(struct heap *h);

#endif
