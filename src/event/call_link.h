/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_EVENT_CALL_LINK_H
#define SQUELCH_EVENT_CALL_LINK_H

#include "base/addr.h"
#include "base/app.h"

/* The keys under which calls are found, in one chained hash. Newest first in a chain. */
#define CALL_BUCKETS 16384 /* a call has about four keys */

struct call;
struct call_flow;

struct call_link {
	struct call_link *next, **prev; /* prev NULL: in no chain */
	uint64_t hash;
	struct call *call;
	struct call_flow *flow;         /* NULL for a dialog */
};

struct call_index {
	struct call_link *bucket[CALL_BUCKETS];
};

/* 64 bits of a keyed hash stand for the key itself: two keys meet once in 2^64. */
uint64_t key_flow(uint64_t flow_id);
uint64_t key_dialog(uint64_t dialog);
uint64_t key_hosts(const struct addr ip[static 2]); /* in either order */
uint64_t key_app(const struct addr *host, enum app);

/* Enters a link, which is in no chain, under a hash; call_flow is NULL for links of a call alone. */
void link_add(struct call_index *, struct call_link *, uint64_t hash, struct call *,
    struct call_flow *);
/* Does nothing when the link is in no chain. */
void link_remove(struct call_link *);
/* The newest link of a key; the next one after `l`; NULL none. */
struct call_link *link_find(const struct call_index *, uint64_t hash);
struct call_link *link_next(const struct call_link *l);

#endif
