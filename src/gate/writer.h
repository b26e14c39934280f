/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_GATE_WRITER_H
#define SQUELCH_GATE_WRITER_H

#include "event/queue.h"
#include "gate/backlog.h"
#include "gate/conntrack.h"
#include "gate/mailbox.h"
#include "gate/sampler.h"

/* The thread that owns the event sink: groups calls and writes what all engines say. */
struct writer {
	struct mailbox box;        /* owner: the writer */
	struct event_queue *events;
	struct event_sink *sink;
	FILE *eve;                 /* NULL none */
	struct conntrack *conntrack; /* for its counter, */
	struct sampler *sampler;     /* for its, */
	const struct backlog_tally *backlog; /* and for its */
	unsigned n_workers;
	atomic_bool over;          /* no engine is left: write what is there, then end */
	pthread_t thread;
	/* of the thread */
	unsigned started, stopped;
	uint64_t mono_ns;          /* engines are not quite of one time; the sink wants it to rise */
	struct counts total;       /* of the engines that stopped */
	struct event event;
};

/* The thread; `writer` is the argument. */
void *writer_main(void *writer);
/* Adds what is counted beside the engines and the sink. */
void writer_counts(const struct writer *, struct counts *);
/* Any thread: write to the file of this descriptor from now on, under the number of the old one. */
bool writer_reopen(struct writer *, int fd);

#endif
