/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_EVENT_QUEUE_H
#define SQUELCH_EVENT_QUEUE_H

#include "event/event.h"

/*
 * Events on their way from several engines to the one thread that writes them.
 * Bounded: what does not fit is lost and counted, for an engine never waits.
 * The last quarter is kept for what a reader must not miss: decisions and
 * signalling go there, ends of flows and ticks do not.
 */
#define EVENT_QUEUE_DEFAULT 16384 /* records; about 1 KiB each, touched as they are used */

struct event_queue;

/* NULL without memory. */
struct event_queue *event_queue_new(uint32_t records);
void event_queue_free(struct event_queue *);
/* Keeps a copy, or counts it as lost. Any thread. */
void event_queue_put(struct event_queue *, const struct event *);
/* The oldest record; false when none came within the time. One thread only. */
bool event_queue_take(struct event_queue *, struct event *, unsigned wait_ms);
/* Waits until what is in the queue now was taken and asked past; false when that took longer. */
bool event_queue_drain(struct event_queue *, unsigned wait_ms);
uint64_t event_queue_lost(struct event_queue *);

#endif
