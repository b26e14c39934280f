/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "event/queue.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cond.h"
#include "base/now.h"

struct event_queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;    /* the writer waits here */
	pthread_cond_t drained;
	uint64_t put, taken;      /* records since the start */
	uint64_t done;            /* records the writer is done with */
	uint64_t lost;
	uint32_t size;
	bool waiting;
	struct event *record;
};

struct event_queue *event_queue_new(uint32_t records)
{
	struct event_queue *q = calloc(1, sizeof *q);

	if (q == NULL)
		return NULL;
	q->size = records;
	q->record = malloc(records * sizeof *q->record);
	pthread_mutex_init(&q->lock, NULL);
	cond_init(&q->filled);
	cond_init(&q->drained);
	if (q->record == NULL) {
		event_queue_free(q);
		return NULL;
	}
	return q;
}

void event_queue_free(struct event_queue *q)
{
	if (q == NULL)
		return;
	pthread_cond_destroy(&q->filled);
	pthread_cond_destroy(&q->drained);
	pthread_mutex_destroy(&q->lock);
	free(q->record);
	free(q);
}

static bool can_wait(enum event_type type)
{
	return type == EVENT_FLOW || type == EVENT_TICK;
}

void event_queue_put(struct event_queue *q, const struct event *ev)
{
	uint64_t room;
	bool wake = false;

	pthread_mutex_lock(&q->lock);
	room = q->size - (q->put - q->done);
	if (room == 0 || (can_wait(ev->type) && room <= q->size / 4)) {
		q->lost += ev->type != EVENT_TICK;
	} else {
		memcpy(&q->record[q->put++ % q->size], ev, sizeof *ev);
		wake = q->waiting;
		q->waiting = false;
	}
	pthread_mutex_unlock(&q->lock);
	if (wake)
		pthread_cond_signal(&q->filled);
}

bool event_queue_take(struct event_queue *q, struct event *ev, unsigned wait_ms)
{
	const uint64_t until_ns = now_ns(CLOCK_MONOTONIC) + wait_ms * NS_PER_MS;
	bool got, early = true;

	pthread_mutex_lock(&q->lock);
	q->done = q->taken; /* the caller is back: what it took before is dealt with */
	pthread_cond_broadcast(&q->drained);
	while (q->taken == q->put && early) {
		q->waiting = true;
		early = cond_wait_until(&q->filled, &q->lock, until_ns);
	}
	q->waiting = false;
	got = q->taken != q->put;
	if (got)
		memcpy(ev, &q->record[q->taken++ % q->size], sizeof *ev);
	pthread_mutex_unlock(&q->lock);
	return got;
}

bool event_queue_drain(struct event_queue *q, unsigned wait_ms)
{
	const uint64_t until_ns = now_ns(CLOCK_MONOTONIC) + wait_ms * NS_PER_MS;
	uint64_t target;
	bool done, early = true;

	pthread_mutex_lock(&q->lock);
	target = q->put;
	while (q->done < target && early)
		early = cond_wait_until(&q->drained, &q->lock, until_ns);
	done = q->done >= target;
	pthread_mutex_unlock(&q->lock);
	return done;
}

uint64_t event_queue_lost(struct event_queue *q)
{
	uint64_t lost;

	pthread_mutex_lock(&q->lock);
	lost = q->lost;
	pthread_mutex_unlock(&q->lock);
	return lost;
}
