/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_EVENT_CALL_TABLE_H
#define SQUELCH_EVENT_CALL_TABLE_H

#include "event/calls.h"

/* The calls that are alive, for calls.c alone, which finds out what belongs to which. */

struct calls {
	const struct redact *redact;
	calls_done_fn *done;
	void *arg;
	struct call *oldest, *newest;
	unsigned n;
	uint64_t refused;
	uint64_t next_due_ns;         /* nothing is due before */
	/* When each call is due, side by side: calls are large, and to walk them would touch a cold cache line for each. */
	struct call_slot { uint64_t due_ns; struct call *call; } slot[CALLS_MAX];
	struct call *due[CALLS_MAX];
	struct call_index index;
};

/* Whether the call exists at all, or there are only checks that nothing came of. */
bool call_is_one(const struct call *);
/* A call with nothing in it yet but its id and when it began; NULL (counted) when there is no room. */
struct call *call_new(struct calls *, const struct event *, uint32_t id);
/* Forgets it, without a record. */
void call_free(struct calls *, struct call *);
/* Makes it to be found under a key (call_link.h) of its own; no more than CALL_LINKS_MAX of them. */
void call_link_key(struct calls *, struct call *, uint64_t hash);
/* Something was heard of it: sets when it is due from what it is now. */
void call_touch(struct calls *, struct call *, const struct event *);

#endif
