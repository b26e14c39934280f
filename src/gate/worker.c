/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gate/worker.h"

#include "gate/mark.h"

void worker_on_event(void *arg, const struct event *ev)
{
	struct worker *w = arg;

	event_queue_put(w->events, ev);
}

void worker_on_unmark(void *arg, const struct flow_key *key)
{
	struct worker *w = arg;

	conntrack_clear(w->conntrack, key);
}

struct counts worker_counts(const struct worker *w)
{
	struct counts c = *engine_counts(w->engine);
	struct nfqueue_stats s = nfqueue_stats(w->source);

	count_add(&c, COUNT_QUEUE_OVERRUNS, s.overruns);
	count_add(&c, COUNT_QUEUE_CUT, s.cut);
	count_add(&c, COUNT_VERDICTS_REFUSED, s.refused);
	return c;
}

/* True while the queue can be read. */
static bool step(struct worker *w)
{
	struct frame frame;
	struct fate fate;

	switch (source_next(w->source, &frame)) {
	case SOURCE_FRAME:
		fate = engine_packet(w->engine, &frame);
		nfqueue_verdict(w->source, &frame, mark_put(frame.mark, w->mark_mask, mark_code_of(&fate)));
		break;
	case SOURCE_TICK:
		engine_tick(w->engine, &frame);
		break;
	case SOURCE_ERROR: /* counted by the source */
	case SOURCE_EPOCH:
		return true;
	case SOURCE_END:
		atomic_store(&w->failed, true);
		return false;
	}
	atomic_store_explicit(w->beat, frame.mono_ns, memory_order_relaxed);
	return true;
}

void *worker_main(void *arg)
{
	struct worker *w = arg;

	engine_begin(w->engine, w->source);
	while (!atomic_load_explicit(w->stop, memory_order_relaxed) && step(w))
		if (atomic_load_explicit(&w->box.filled, memory_order_acquire)) {
			nfqueue_flush(w->source); /* what was decided is decided: marks are cleared after us */
			mailbox_serve_all(&w->box, w);
		}
	nfqueue_unbind(w->source);
	atomic_store(w->beat, BEAT_OVER);
	mailbox_close(&w->box);
	engine_end(w->engine);
	return NULL;
}
