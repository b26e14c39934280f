/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_GATE_WORKER_H
#define SQUELCH_GATE_WORKER_H

#include <pthread.h>
#include <stdatomic.h>

#include "event/queue.h"
#include "gate/conntrack.h"
#include "gate/mailbox.h"
#include "source/nfqueue.h"

/* One queue, one engine, one thread. */

/* Monotonic ns of the last sign of life, in memory the supervisor sees too. */
typedef _Atomic uint64_t beat;
#define BEAT_NONE 0            /* not begun */
#define BEAT_OVER UINT64_MAX   /* ended on purpose: the queue is unbound */

struct worker {
	struct mailbox box;        /* owner: the worker */
	struct source *source;
	struct engine *engine;
	struct event_queue *events;
	struct conntrack *conntrack;
	beat *beat;
	atomic_bool *stop;
	atomic_bool failed;        /* the queue broke */
	uint32_t mark_mask;
	uint64_t errors;           /* the source reported */
	pthread_t thread;
};

/* The thread; `worker` is the argument. Ends by *stop, or when the queue breaks. */
void *worker_main(void *worker);
/* Callbacks for the engine; their argument is the worker. */
void worker_on_event(void *worker, const struct event *);
void worker_on_unmark(void *worker, const struct flow_key *);
/* Counters of the engine and of the queue together. By the worker's thread, or after its end. */
struct counts worker_counts(const struct worker *);

#endif
