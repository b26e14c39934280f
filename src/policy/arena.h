/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_POLICY_ARENA_H
#define SQUELCH_POLICY_ARENA_H

#include <stddef.h>

/* Memory of one rule set: taken piece by piece while it is built, given back at once. */
struct arena_block;
struct arena {
	struct arena_block *newest;
};

/* Zeroed, aligned for any type; NULL without memory. */
void *arena_alloc(struct arena *, size_t size);
/* A copy of `len` bytes with a terminator. */
char *arena_text(struct arena *, const char *text, size_t len);
void arena_free(struct arena *);

#endif
