/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gate/writer.h"

#include <fcntl.h>
#include <unistd.h>

#define IDLE_MS 100 /* wait for an event; what is asked for waits so long at most */

/* Every engine starts and stops; to a reader there is one. False: this one is not said. */
static bool is_said(struct writer *w, struct event *ev)
{
	switch (ev->type) {
	case EVENT_START:
		return w->started++ == 0;
	case EVENT_STOP:
		for (unsigned i = 0; i < COUNT_END; i++)
			w->total.n[i] += ev->counts.n[i];
		ev->counts = w->total;
		return ++w->stopped == w->n_workers;
	case EVENT_EPOCH: /* engines keep their calls to the end: STOP tells */
		return false;
	default:
		return true;
	}
}

void writer_counts(const struct writer *w, struct counts *counts)
{
	count_add(counts, COUNT_EVENTS_LOST, event_queue_lost(w->events));
	count_add(counts, COUNT_UNMARKED, conntrack_cleared(w->conntrack));
	sampler_counts(w->sampler, counts);
	backlog_counts(w->backlog, counts);
}

static void take(struct writer *w, struct event *ev)
{
	if (ev->mono_ns < w->mono_ns)
		ev->mono_ns = w->mono_ns;
	w->mono_ns = ev->mono_ns;
	if (!is_said(w, ev))
		return;
	if (ev->type == EVENT_STOP || ev->type == EVENT_STATS)
		writer_counts(w, &ev->counts);
	event_emit(w->sink, ev);
	if (ev->type == EVENT_TICK)
		event_flush(w->sink); /* what many workers say leaves no pause: ends of flows would wait for a full buffer */
}

void *writer_main(void *arg)
{
	struct writer *w = arg;

	for (;;) {
		bool over = atomic_load(&w->over);

		if (event_queue_take(w->events, &w->event, over ? 0 : IDLE_MS)) {
			take(w, &w->event);
		} else {
			event_flush(w->sink);
			if (over)
				break;
		}
		mailbox_serve(&w->box, w);
	}
	mailbox_close(&w->box);
	return NULL;
}

static void reopen(void *owner, void *arg)
{
	struct writer *w = owner;
	const int *fd = arg;

	event_flush(w->sink);
	fflush(w->eve);
	(void)dup3(*fd, fileno(w->eve), O_CLOEXEC);
}

bool writer_reopen(struct writer *w, int fd)
{
	return w->eve != NULL && mailbox_ask(&w->box, reopen, &fd);
}
