/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_GATE_MAILBOX_H
#define SQUELCH_GATE_MAILBOX_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/*
 * Work for a thread that owns its data alone: it is done between two packets
 * (or events) by the owner, so that nothing of the owner's needs a lock.
 */
typedef void task_fn(void *owner, void *arg);

enum task_state { TASK_WAITS, TASK_RUNS, TASK_DONE };

struct task {
	task_fn *run;
	void *arg;
	enum task_state state;
	struct task *next;
};

struct mailbox {
	pthread_mutex_t lock;
	pthread_cond_t finished;
	atomic_bool filled;        /* looked at without the lock */
	bool closed;
	struct task *first, **last;
};

void mailbox_init(struct mailbox *);
void mailbox_destroy(struct mailbox *);

/* The owner does what is asked; cheap when nothing is. */
void mailbox_serve_all(struct mailbox *, void *owner);
static inline void mailbox_serve(struct mailbox *box, void *owner)
{
	if (atomic_load_explicit(&box->filled, memory_order_acquire))
		mailbox_serve_all(box, owner);
}
/* The owner leaves: what was not done will not be. */
void mailbox_close(struct mailbox *);

/* Another thread asks, and waits later. The task must live until mailbox_wait returned. */
void mailbox_post(struct mailbox *, struct task *);
/*
 * False when the owner left first, or did not come to it within MAILBOX_WAIT_S:
 * it hangs in something, as the writer of events when its file is a pipe that
 * nobody reads. Then it will not be done either.
 */
#define MAILBOX_WAIT_S 3
bool mailbox_wait(struct mailbox *, struct task *);
/* mailbox_post and mailbox_wait in one. */
bool mailbox_ask(struct mailbox *, task_fn *run, void *arg);
/* The same for as long as it takes, for what must not be left half done. False only when the owner left. */
bool mailbox_insist(struct mailbox *, struct task *);

#endif
