/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_BASE_HASH_H
#define SQUELCH_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/*
 * Keyed hash for every table that holds what strangers send. The key is drawn
 * once at start (hash_init), so that nobody outside can aim at one bucket.
 * It never decides an event: tables give the same results under any key.
 */
extern uint64_t hash_key;

/* Draws the key from the kernel. Call once, before any table is made. */
void hash_init(void);

static inline uint64_t hash_bytes(const void *data, size_t len)
{
	return XXH3_64bits_withSeed(data, len, hash_key);
}

#endif
