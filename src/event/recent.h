/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_EVENT_RECENT_H
#define SQUELCH_EVENT_RECENT_H

#include "event/event.h"

/* Hosts that called lately, or ran Skype: a recording that leaves one of them is news. */
#define RECENT_HOSTS 4096 /* the one heard longest ago is forgotten first */

struct recent;

/* NULL without memory. */
struct recent *recent_new(void);
void recent_free(struct recent *);
/* VOIP events. */
void recent_take(struct recent *, const struct event *);
enum recent_did { RECENT_NOTHING, RECENT_SKYPE, RECENT_CALLED };
/* What the host did within the last day; its application in *app. */
enum recent_did recent_find(struct recent *, const struct addr *host, uint64_t wall_ns, enum app *app);

#endif
