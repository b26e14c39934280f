/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "heap.h"

#include <err.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 1024

static bool before(const struct parcel *a, const struct parcel *b)
{
	return a->at < b->at || (a->at == b->at && a->number < b->number);
}

static void swap(struct heap *h, size_t i, size_t k)
{
	struct parcel *p = h->items[i];

	h->items[i] = h->items[k];
	h->items[k] = p;
}

void heap_put(struct heap *h, int64_t at, int way, const void *data, unsigned caplen, unsigned len)
{
	struct parcel *p = malloc(sizeof(*p) + caplen);

	if (h->n == h->room) {
		h->room = h->room == 0 ? FIRST_ROOM : 2 * h->room;
		h->items = realloc(h->items, h->room * sizeof(struct parcel *));
	}
	if (p == NULL || h->items == NULL)
		err(1, "memory");
	*p = (struct parcel){ .at = at, .number = h->number++, .way = way, .len = len, .caplen = caplen };
	memcpy(p->data, data, caplen);
	h->items[h->n] = p;
	for (size_t i = h->n++; i > 0 && before(h->items[i], h->items[(i - 1) / 2]); i = (i - 1) / 2)
		swap(h, i, (i - 1) / 2);
}

const struct parcel *heap_first(const struct heap *h)
{
	return h->n == 0 ? NULL : h->items[0];
}

struct parcel *heap_take(struct heap *h)
{
	struct parcel *first = h->items[0];
	size_t i = 0, child;

	h->items[0] = h->items[--h->n];
	while ((child = 2 * i + 1) < h->n) {
		if (child + 1 < h->n && before(h->items[child + 1], h->items[child]))
			child++;
		if (!before(h->items[child], h->items[i]))
			break;
		swap(h, i, child);
		i = child;
	}
	return first;
}
