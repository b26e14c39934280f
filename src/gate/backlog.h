/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_GATE_BACKLOG_H
#define SQUELCH_GATE_BACKLOG_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/count.h"
#include "gate/gate.h"

/*
 * What waits in our queues, and what the kernel lost there. A queue that fails
 * open lets by what does not fit, and counts it nowhere (Linux,
 * net/netfilter/nfnetlink_queue.c: with NFQA_CFG_F_FAIL_OPEN neither
 * queue_dropped, nor queue_user_dropped, nor the packets' number). So it is
 * looked at from time to time whether a queue is at its length. The supervisor
 * does it: it goes on while a worker stands still, which is when queues fill.
 */
#define BACKLOG_LOOK_NS (200 * NS_PER_MS) /* from look to look; one takes some microseconds */

/* In memory that both processes see: the supervisor counts, the other tells. */
struct backlog_tally {
	_Atomic uint64_t full;            /* looks at a queue that was at its length */
	_Atomic uint64_t lost;            /* packets, as the kernel counts them */
};

struct backlog {
	const struct gate_conf *conf;     /* which queues, and their length */
	struct backlog_tally *tally;
	int fd;                           /* of the kernel's table; -1 not open */
	uint64_t look_at_ns;              /* monotonic */
	uint32_t lost[QUEUES_MAX];        /* of each queue, as last read; the kernel's number has 32 bits */
};

/* Our queues are bound, anew: opens the table (needs root) unless it is open, and counts from nothing. Without it nothing is counted, and that is said. */
void backlog_begin(struct backlog *);
/* Looks when it is time. Never waits. */
void backlog_look(struct backlog *, uint64_t now_ns);
/* One look, at the text of the table: lines "queue port waiting mode range dropped dropped-at-the-socket ...". Others' queues and what is no such line count for nothing. */
void backlog_read(struct backlog *, const char *text, size_t len);
/* Adds COUNT_QUEUE_FULL and COUNT_QUEUE_LOST. Any thread. */
void backlog_counts(const struct backlog_tally *, struct counts *);

#endif
