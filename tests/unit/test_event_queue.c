/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "event/queue.h"

#define SIZE 16

static struct event event_of(enum event_type type, uint64_t number)
{
	struct event ev;

	memset(&ev, 0, sizeof ev);
	ev.type = type;
	ev.number = number;
	return ev;
}

static void put(struct event_queue *q, enum event_type type, uint64_t number)
{
	struct event ev = event_of(type, number);

	event_queue_put(q, &ev);
}

static void test_order_and_copy(void **state)
{
	struct event_queue *q = event_queue_new(SIZE);
	struct event ev;

	(void)state;
	assert_false(event_queue_take(q, &ev, 0));
	for (uint64_t i = 1; i <= 100; i++) { /* around the ring several times */
		put(q, EVENT_VOIP, i);
		put(q, EVENT_FLOW, i);
		assert_true(event_queue_take(q, &ev, 0));
		assert_int_equal(ev.type, EVENT_VOIP);
		assert_int_equal(ev.number, i);
		assert_true(event_queue_take(q, &ev, 0));
		assert_int_equal(ev.type, EVENT_FLOW);
	}
	assert_int_equal(event_queue_lost(q), 0);
	event_queue_free(q);
}

/* The last quarter is for decisions; what is full loses the new one and counts it. */
static void test_full(void **state)
{
	struct event_queue *q = event_queue_new(SIZE);
	struct event ev;
	unsigned flows = 0, voips = 0;

	(void)state;
	for (uint64_t i = 0; i < 2 * SIZE; i++)
		put(q, EVENT_FLOW, i);
	assert_int_equal(event_queue_lost(q), 2 * SIZE - (SIZE - SIZE / 4));
	put(q, EVENT_TICK, 0); /* refused, but nothing is lost with it */
	assert_int_equal(event_queue_lost(q), 2 * SIZE - (SIZE - SIZE / 4));
	for (uint64_t i = 0; i < SIZE; i++)
		put(q, EVENT_VOIP, i);
	while (event_queue_take(q, &ev, 0)) {
		flows += ev.type == EVENT_FLOW;
		voips += ev.type == EVENT_VOIP;
	}
	assert_int_equal(flows, SIZE - SIZE / 4);
	assert_int_equal(voips, SIZE / 4);
	assert_int_equal(event_queue_lost(q), 2 * SIZE - (SIZE - SIZE / 4) + SIZE - SIZE / 4);
	event_queue_free(q);
}

/* A record is dealt with when its reader comes back, not when it took it. */
static void test_drain(void **state)
{
	struct event_queue *q = event_queue_new(SIZE);
	struct event ev;

	(void)state;
	assert_true(event_queue_drain(q, 0));
	put(q, EVENT_VOIP, 1);
	assert_false(event_queue_drain(q, 1));
	assert_true(event_queue_take(q, &ev, 0));
	assert_false(event_queue_drain(q, 1));
	assert_false(event_queue_take(q, &ev, 0));
	assert_true(event_queue_drain(q, 1));
	event_queue_free(q);
}

#define WRITERS 3
#define EACH    20000

struct crowd { struct event_queue *q; atomic_uint left; };

static void *write_many(void *arg)
{
	struct crowd *c = arg;

	for (uint64_t i = 1; i <= EACH; i++)
		put(c->q, i % 2 ? EVENT_VOIP : EVENT_FLOW, i);
	atomic_fetch_sub(&c->left, 1);
	return NULL;
}

static void test_threads(void **state)
{
	struct crowd c = { event_queue_new(64), WRITERS };
	pthread_t thread[WRITERS];
	struct event ev;
	uint64_t got = 0;
	bool over;

	(void)state;
	for (unsigned i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, write_many, &c), 0);
	do {
		over = atomic_load(&c.left) == 0;
		while (event_queue_take(c.q, &ev, over ? 0 : 1)) {
			assert_true(ev.number >= 1 && ev.number <= EACH);
			assert_int_equal(ev.type, ev.number % 2 ? EVENT_VOIP : EVENT_FLOW);
			got++;
		}
	} while (!over);
	for (unsigned i = 0; i < WRITERS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(got + event_queue_lost(c.q), WRITERS * EACH);
	assert_true(got > 0);
	event_queue_free(c.q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_and_copy),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
