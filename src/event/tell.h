/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_EVENT_TELL_H
#define SQUELCH_EVENT_TELL_H

#include "event/calls.h"

/*
 * What `watch` tells people while it happens: a line for each decision about a
 * flow and one for each call that ended. Text of strangers is made harmless.
 * Nothing is flushed.
 */
void tell_head(FILE *);
/* A VOIP event; `call_id` 0: it is in no call. */
void tell_voip(FILE *, const struct event *, uint32_t call_id);
/* `wall_ns`: when the call was known to have ended. */
void tell_call(FILE *, const struct call *, uint64_t wall_ns);

#endif
