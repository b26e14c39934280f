/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_FLOW_BUDGET_H
#define SQUELCH_FLOW_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

/*
 * Bytes that strangers can make us keep. One budget for watching flows, one for
 * reassembling streams; each in all and for one host, so that one host cannot
 * use up what belongs to everybody.
 */
struct budget;

/* Bytes. NULL without memory. */
struct budget *budget_new(size_t total, size_t per_host);
void budget_free(struct budget *);
/* Zeroed memory charged to `host`, or NULL when a bound is reached. */
void *budget_alloc(struct budget *, const struct addr *host, size_t size);
/* Gives back what budget_alloc gave; accepts NULL. */
void budget_release(struct budget *, const struct addr *host, void *, size_t size);
size_t budget_used(const struct budget *);
/* True when so many bytes more do not fit for anybody. */
bool budget_full(const struct budget *, size_t size);

#endif
