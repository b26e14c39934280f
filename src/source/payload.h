/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_SOURCE_PAYLOAD_H
#define SQUELCH_SOURCE_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "source/words.h"

#define PAYLOAD_MAX    65535 /* bytes */
#define PAYLOAD_FIELDS 32    /* parts that differ from one repetition to the next */

/* Part of a payload: a counter, or bytes drawn anew each time. */
struct field {
	size_t at, len;
	uint64_t value, step;
	bool random;
};

struct payload {
	size_t len;
	unsigned n_fields;
	struct field fields[PAYLOAD_FIELDS];
	uint8_t bytes[PAYLOAD_MAX];
};

/*
 * Reads one item whose first word is `name` from the words that follow. Returns
 * PAYLOAD_NOT_MINE when `name` begins none; on PAYLOAD_BAD, *what tells why.
 */
enum payload_read { PAYLOAD_READ, PAYLOAD_NOT_MINE, PAYLOAD_BAD };
enum payload_read payload_read(struct payload *, const struct word *name, struct words *,
    const char **what);

/* False when there is no room. */
bool payload_add_bytes(struct payload *, const void *, size_t n);
/* A big-endian number of `width` bytes, to which `step` is added with each repetition. */
bool payload_add_counter(struct payload *, size_t width, uint64_t value, uint64_t step);
bool payload_add_random(struct payload *, size_t n);
/* Sets what differs for repetition `i`. *seed is the state of the generator, never 0. */
void payload_fill(struct payload *, uint64_t i, uint64_t *seed);

/* xorshift64* (Vigna 2014): the same scenario gives the same bytes everywhere. */
uint64_t payload_draw(uint64_t *seed);

#endif
