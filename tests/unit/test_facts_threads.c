/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One table of facts, several engines' threads: what one learns another finds, whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "flow/facts.h"

#define FACTS    512
#define PER_HOST 64
#define WRITERS  2
#define READERS  2
#define ROUNDS   20000
#define HOSTS    16
#define PORTS    128

static struct addr addr_of(unsigned n)
{
	const uint8_t b[4] = { 192, 0, 2, (uint8_t)n };
	struct addr a;

	addr_from_v4(&a, b);
	return a;
}

/* Every field of a fact follows from its port, so that a torn one shows. */
static struct fact fact_of(unsigned host, uint16_t port)
{
	return (struct fact){ .kind = FACT_ANNOUNCED, .proto = IPPROTO_UDP, .port = port,
		.host = addr_of(host), .remote = addr_of(200), .call = port * 3ull,
		.signaller = addr_of(port % 200), .signaller_port = (uint16_t)(port + 1), .expires_ns = 60 * NS_PER_S };
}

struct shared { struct facts *facts; atomic_uint writing; atomic_uint torn, found; };

static void *write_facts(void *arg)
{
	struct shared *s = arg;
	struct counts counts = { 0 };

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct fact f = fact_of(i % HOSTS, (uint16_t)(1000 + i * 7 % PORTS));

		(void)facts_add(s->facts, &f, 1, &counts);
	}
	atomic_fetch_sub(&s->writing, 1);
	return NULL;
}

static void *read_facts(void *arg)
{
	struct shared *s = arg;
	unsigned i = 0;

	while (atomic_load(&s->writing) != 0) {
		struct fact want = fact_of(i % HOSTS, (uint16_t)(1000 + i % PORTS)), got;

		if (facts_find(s->facts, FACT_ANNOUNCED, &want.host, &want.remote, want.port, IPPROTO_UDP, 1, &got)) {
			atomic_fetch_add(&s->found, 1);
			if (got.call != want.call || got.signaller_port != want.signaller_port ||
			    !addr_equal(&got.signaller, &want.signaller) || !addr_equal(&got.host, &want.host))
				atomic_fetch_add(&s->torn, 1);
		}
		i++;
	}
	return NULL;
}

static void test_many_threads(void **state)
{
	struct shared s = { .facts = facts_new(FACTS, PER_HOST), .writing = WRITERS };
	pthread_t thread[WRITERS + READERS];

	(void)state;
	for (unsigned i = 0; i < WRITERS + READERS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, i < WRITERS ? write_facts : read_facts, &s), 0);
	for (unsigned i = 0; i < WRITERS + READERS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(atomic_load(&s.torn), 0);
	assert_true(atomic_load(&s.found) > 0);
	facts_free(s.facts);
}

/* What a thread has learned is there for another as soon as it is asked. */
static void *learn(void *arg)
{
	struct counts counts = { 0 };
	struct fact f = fact_of(3, 4000);

	assert_true(facts_add(arg, &f, 1, &counts));
	return NULL;
}

static void test_seen_by_others(void **state)
{
	struct facts *facts = facts_new(FACTS, PER_HOST);
	struct fact want = fact_of(3, 4000), got;
	pthread_t thread;

	(void)state;
	assert_false(facts_find(facts, FACT_ANNOUNCED, &want.host, &want.remote, 4000, IPPROTO_UDP, 1, &got));
	assert_int_equal(pthread_create(&thread, NULL, learn, facts), 0);
	pthread_join(thread, NULL);
	assert_true(facts_find(facts, FACT_ANNOUNCED, &want.host, &want.remote, 4000, IPPROTO_UDP, 1, &got));
	assert_int_equal(got.call, 12000);
	facts_clear(facts);
	assert_false(facts_find(facts, FACT_ANNOUNCED, &want.host, &want.remote, 4000, IPPROTO_UDP, 1, &got));
	facts_free(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_threads),
		cmocka_unit_test(test_seen_by_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
