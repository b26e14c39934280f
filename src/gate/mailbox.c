/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gate/mailbox.h"

#include <stddef.h>
#include <time.h>

#include "base/cond.h"
#include "base/now.h"

void mailbox_init(struct mailbox *box)
{
	pthread_mutex_init(&box->lock, NULL);
	cond_init(&box->finished);
	atomic_init(&box->filled, false);
	box->closed = false;
	box->first = NULL;
	box->last = &box->first;
}

void mailbox_destroy(struct mailbox *box)
{
	pthread_cond_destroy(&box->finished);
	pthread_mutex_destroy(&box->lock);
}

static struct task *pop(struct mailbox *box)
{
	struct task *t = box->first;

	if (t == NULL) {
		atomic_store_explicit(&box->filled, false, memory_order_relaxed);
		return NULL;
	}
	box->first = t->next;
	if (box->first == NULL)
		box->last = &box->first;
	return t;
}

void mailbox_serve_all(struct mailbox *box, void *owner)
{
	struct task *t;

	pthread_mutex_lock(&box->lock);
	while ((t = pop(box)) != NULL) {
		t->state = TASK_RUNS;
		pthread_mutex_unlock(&box->lock);
		t->run(owner, t->arg);
		pthread_mutex_lock(&box->lock);
		t->state = TASK_DONE;
		pthread_cond_broadcast(&box->finished);
	}
	pthread_mutex_unlock(&box->lock);
}

void mailbox_close(struct mailbox *box)
{
	pthread_mutex_lock(&box->lock);
	box->closed = true;
	pthread_cond_broadcast(&box->finished);
	pthread_mutex_unlock(&box->lock);
}

void mailbox_post(struct mailbox *box, struct task *t)
{
	t->state = TASK_WAITS;
	t->next = NULL;
	pthread_mutex_lock(&box->lock);
	*box->last = t;
	box->last = &t->next;
	atomic_store_explicit(&box->filled, true, memory_order_release);
	pthread_mutex_unlock(&box->lock);
}

/* Takes a task back that the owner has not begun. */
static void withdraw(struct mailbox *box, struct task *t)
{
	struct task **at = &box->first;

	while (*at != NULL && *at != t)
		at = &(*at)->next;
	if (*at == NULL)
		return;
	*at = t->next;
	if (box->last == &t->next)
		box->last = at;
}

bool mailbox_wait(struct mailbox *box, struct task *t)
{
	const uint64_t until_ns = now_ns(CLOCK_MONOTONIC) + MAILBOX_WAIT_S * NS_PER_S;
	bool done, early = true;

	pthread_mutex_lock(&box->lock);
	while (t->state == TASK_RUNS || (t->state == TASK_WAITS && !box->closed && early))
		early = cond_wait_until(&box->finished, &box->lock, until_ns);
	done = t->state == TASK_DONE;
	if (!done)
		withdraw(box, t);
	pthread_mutex_unlock(&box->lock);
	return done;
}

bool mailbox_insist(struct mailbox *box, struct task *t)
{
	bool done;

	pthread_mutex_lock(&box->lock);
	while (t->state == TASK_RUNS || (t->state == TASK_WAITS && !box->closed))
		pthread_cond_wait(&box->finished, &box->lock);
	done = t->state == TASK_DONE;
	if (!done)
		withdraw(box, t);
	pthread_mutex_unlock(&box->lock);
	return done;
}

bool mailbox_ask(struct mailbox *box, task_fn *run, void *arg)
{
	struct task t = { .run = run, .arg = arg };

	mailbox_post(box, &t);
	return mailbox_wait(box, &t);
}
