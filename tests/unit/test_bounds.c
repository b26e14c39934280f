/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Budgets, facts and reassembly: what strangers can make us keep. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <netinet/in.h>

#include "base/clock.h"
#include "base/hash.h"
#include "flow/budget.h"
#include "flow/facts.h"
#include "flow/stream.h"

static struct addr host(uint32_t n)
{
	struct addr a;
	uint8_t b[4] = { 10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n };

	addr_from_v4(&a, b);
	return a;
}

static void a_budget_is_bounded_in_all_and_for_one_host(void **state)
{
	struct budget *b = budget_new(1000, 300);
	struct addr one = host(1), two = host(2);
	void *p = budget_alloc(b, &one, 200);

	assert_non_null(p);
	assert_null(budget_alloc(b, &one, 200)); /* over what one host may have */
	assert_non_null(memset(p, 0, 200));
	void *q = budget_alloc(b, &two, 200);

	assert_non_null(q);
	assert_int_equal(budget_used(b), 400);
	budget_release(b, &one, p, 200);
	p = budget_alloc(b, &one, 300);
	assert_non_null(p);
	budget_release(b, &one, p, 300);
	budget_release(b, &two, q, 200);
	assert_int_equal(budget_used(b), 0);
	budget_free(b);
	(void)state;
}

static void what_is_given_back_comes_again_as_zeroes(void **state)
{
	static const size_t sizes[] = { 1, 64, 1024, 2048, 2049, 16384 };
	static const uint8_t zero[16384];
	struct budget *b = budget_new(1u << 20, 1u << 20);
	struct addr one = host(1);

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		for (int again = 0; again < 3; again++) {
			void *p = budget_alloc(b, &one, sizes[i]);

			assert_memory_equal(p, zero, sizes[i]);
			memset(p, 0xa5, sizes[i]);
			budget_release(b, &one, p, sizes[i]);
		}
	assert_int_equal(budget_used(b), 0);
	budget_free(b);
	(void)state;
}

static void a_budget_keeps_account_of_many_hosts(void **state)
{
	enum { HOSTS = 5000 };
	struct budget *b = budget_new(HOSTS * 16, 32);
	void **p = calloc(HOSTS, sizeof *p);

	for (uint32_t i = 0; i < HOSTS; i++) {
		struct addr a = host(i);

		p[i] = budget_alloc(b, &a, 16);
		assert_non_null(p[i]);
	}
	struct addr more = host(HOSTS);

	assert_null(budget_alloc(b, &more, 16));
	for (uint32_t i = 0; i < HOSTS; i += 2) {
		struct addr a = host(i);

		budget_release(b, &a, p[i], 16);
	}
	for (uint32_t i = 1; i < HOSTS; i += 2) { /* each still has its own account */
		struct addr a = host(i);

		assert_null(budget_alloc(b, &a, 17));
		budget_release(b, &a, p[i], 16);
	}
	assert_int_equal(budget_used(b), 0);
	free(p);
	budget_free(b);
	(void)state;
}

static struct fact announced(uint32_t to, uint32_t of, uint16_t port, uint64_t expires)
{
	return (struct fact){ .kind = FACT_ANNOUNCED, .proto = IPPROTO_UDP, .host = host(to),
		.remote = host(of), .port = port, .expires_ns = expires };
}

static bool knows(const struct facts *f, uint32_t to, uint32_t of, uint16_t port, uint64_t now)
{
	struct addr a = host(to), b = host(of);
	struct fact out;

	return facts_find(f, FACT_ANNOUNCED, &a, &b, port, IPPROTO_UDP, now, &out);
}

static void a_fact_concerns_only_what_it_names(void **state)
{
	struct facts *f = facts_new(100, 10);
	struct counts c = { 0 };
	struct fact fact = announced(1, 2, 4000, 100);

	assert_true(facts_add(f, &fact, 0, &c));
	assert_true(knows(f, 1, 2, 4000, 99));
	assert_false(knows(f, 1, 2, 4000, 100)); /* expired */
	assert_false(knows(f, 3, 2, 4000, 0));   /* another host */
	assert_false(knows(f, 1, 3, 4000, 0));   /* another remote */
	assert_false(knows(f, 1, 2, 4001, 0));   /* another port */
	facts_clear(f);
	assert_false(knows(f, 1, 2, 4000, 0));
	facts_free(f);
	(void)state;
}

static void a_host_that_floods_facts_loses_only_its_own(void **state)
{
	struct facts *f = facts_new(100, 10);
	struct counts c = { 0 };
	struct fact other = announced(2, 9, 1, 1000);

	assert_true(facts_add(f, &other, 0, &c));
	for (uint16_t port = 1; port <= 500; port++) {
		struct fact fact = announced(1, 9, port, 1000);

		assert_true(facts_add(f, &fact, 0, &c));
	}
	assert_true(knows(f, 2, 9, 1, 0));
	assert_true(knows(f, 1, 9, 500, 0));
	assert_true(knows(f, 1, 9, 491, 0));
	assert_false(knows(f, 1, 9, 490, 0)); /* the oldest of the same host went first */
	facts_free(f);
	(void)state;
}

static void a_full_table_refuses_strangers_and_forgets_what_expired(void **state)
{
	struct facts *f = facts_new(20, 10);
	struct counts c = { 0 };
	struct fact fact;

	for (uint32_t h = 0; h < 20; h++) {
		fact = announced(h, 99, 1, 1000);
		assert_true(facts_add(f, &fact, 0, &c));
	}
	fact = announced(50, 99, 1, 5000);
	assert_false(facts_add(f, &fact, 500, &c));
	assert_int_equal(c.n[COUNT_FACTS_REFUSED], 1);
	assert_true(facts_add(f, &fact, 1000, &c));
	assert_true(knows(f, 50, 99, 1, 1001));
	facts_free(f);
	(void)state;
}

static void facts_survive_churn(void **state)
{
	struct facts *f = facts_new(300, 40);
	struct counts c = { 0 };

	srand(3);
	for (unsigned i = 0; i < 50000; i++) {
		struct fact fact = announced((uint32_t)rand() % 30, (uint32_t)rand() % 50, (uint16_t)(rand() % 20), i + 100);

		(void)facts_add(f, &fact, i, &c);
		assert_true(c.n[COUNT_FACTS] + c.n[COUNT_FACTS_REFUSED] == i + 1);
	}
	facts_free(f);
	(void)state;
}

/* --- streams --- */

/* One direction of a stream, and who pays for it. */
struct one_way {
	struct budget *budget;
	struct addr payer;
	struct counts counts;
	struct stream_memory memory;
	struct stream_dir stream;
};

static void one_way_open(struct one_way *w, uint32_t next_seq)
{
	*w = (struct one_way){ .budget = budget_new(1 << 20, 1 << 20), .payer = host(1),
		.stream = { .synced = true, .next_seq = next_seq } };
	w->memory = (struct stream_memory){ w->budget, &w->payer, &w->counts };
}

static void one_way_close(struct one_way *w)
{
	stream_close(&w->stream, &w->memory);
	assert_int_equal(budget_used(w->budget), 0);
	budget_free(w->budget);
}

/* The bytes that are in order now, NULL none. */
static const uint8_t *one_way_add(struct one_way *w, uint32_t seq, const void *bytes, uint32_t len, uint32_t *ready, bool *hole)
{
	return stream_add(&w->stream, &w->memory, seq, bytes, len, ready, hole);
}

struct piece { uint32_t at, len; };

/* Sends pieces of "abcdefghij..." and returns what came out in order, as a parser that takes all. */
static void replay(const struct piece *pieces, unsigned n, char *out, unsigned *holes)
{
	static const char text[] = "abcdefghijklmnopqrstuvwxyz";
	struct one_way w;
	size_t got = 0;

	one_way_open(&w, 1000);
	for (unsigned i = 0; i < n; i++) {
		uint32_t ready;
		bool hole;
		const uint8_t *p = one_way_add(&w, 1000 + pieces[i].at,
		    text + pieces[i].at, pieces[i].len, &ready, &hole);

		if (p == NULL)
			continue;
		memcpy(out + got, p, ready);
		got += ready;
		assert_true(stream_keep(&w.stream, &w.memory, p, ready, ready));
	}
	out[got] = '\0';
	*holes = (unsigned)w.counts.n[COUNT_STREAM_HOLES];
	one_way_close(&w);
}

static void streams_come_out_in_order(void **state)
{
	static const struct { struct piece p[6]; unsigned n; const char *want; } cases[] = {
		{ { { 0, 3 }, { 3, 3 } }, 2, "abcdef" },
		{ { { 3, 3 }, { 0, 3 } }, 2, "abcdef" },                    /* swapped */
		{ { { 0, 3 }, { 0, 3 }, { 3, 1 } }, 3, "abcd" },            /* twice */
		{ { { 0, 4 }, { 2, 4 } }, 2, "abcdef" },                    /* overlapping */
		{ { { 6, 2 }, { 3, 3 }, { 0, 3 } }, 3, "abcdefgh" },        /* two early */
		{ { { 2, 1 }, { 1, 1 }, { 3, 1 }, { 0, 1 } }, 4, "abcd" },  /* single bytes */
		{ { { 4, 4 }, { 2, 4 }, { 0, 4 } }, 3, "abcdefgh" },        /* early and overlapping */
	};

	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		char out[64];
		unsigned holes;

		replay(cases[i].p, cases[i].n, out, &holes);
		assert_string_equal(out, cases[i].want);
		assert_int_equal(holes, 0);
	}
	(void)state;
}

static void of_overlapping_bytes_the_first_wins(void **state)
{
	struct one_way w;
	uint32_t n;
	bool hole;

	one_way_open(&w, 0);
	assert_null(one_way_add(&w, 4, "good", 4, &n, &hole));
	const uint8_t *p = one_way_add(&w, 0, "1234evil", 8, &n, &hole);

	assert_int_equal(n, 8);
	assert_memory_equal(p, "1234good", 8);
	one_way_close(&w);
	(void)state;
}

static void a_hole_moves_the_stream_on(void **state)
{
	struct one_way w;
	uint32_t n;
	bool hole;

	one_way_open(&w, 0);
	const uint8_t *p = one_way_add(&w, 3 * STREAM_BYTES_MAX, "later", 5, &n, &hole);

	assert_true(hole);
	assert_int_equal(n, 5);
	assert_memory_equal(p, "later", 5);
	assert_int_equal(w.counts.n[COUNT_STREAM_HOLES], 1);
	one_way_close(&w);
	(void)state;
}

/* Half of all sequence numbers away is neither before nor behind; it is taken for what came before. */
static void a_stream_survives_the_far_end_of_its_numbers(void **state)
{
	struct one_way w;
	uint32_t ready;
	bool hole;

	(void)state;
	one_way_open(&w, 1000);
	assert_non_null(one_way_add(&w, 1000, "abc", 3, &ready, &hole));
	assert_null(one_way_add(&w, 1003 + (1u << 31), "xyz", 3, &ready, &hole));
	assert_false(hole);
	assert_non_null(one_way_add(&w, 1003, "def", 3, &ready, &hole));
	one_way_close(&w);
}

static void a_stream_never_keeps_more_than_its_bound(void **state)
{
	struct one_way w;
	static uint8_t block[1000];
	uint32_t seq = 0, n;
	bool hole;

	one_way_open(&w, 0);
	for (unsigned i = 0; i < 40; i++, seq += sizeof block) { /* a parser that wants ever more */
		const uint8_t *p = one_way_add(&w, seq, block, sizeof block, &n, &hole);

		assert_non_null(p);
		if (!stream_keep(&w.stream, &w.memory, p, n, 0))
			break;
		assert_true(budget_used(w.budget) <= STREAM_BYTES_MAX);
	}
	assert_true(w.counts.n[COUNT_STREAM_HOLES] > 0);
	one_way_close(&w);
	(void)state;
}

/* Every other byte: what came too early is kept for so many gaps, then the stream moves on. */
static void a_stream_waits_for_so_many_gaps(void **state)
{
	struct one_way w;
	uint32_t n;
	bool hole = false;
	unsigned gaps = 0;

	one_way_open(&w, 0);
	for (uint32_t seq = 1; !hole && gaps < 100; seq += 2, gaps++)
		(void)one_way_add(&w, seq, "x", 1, &n, &hole);
	assert_int_equal(gaps, STREAM_RANGES + 1);
	assert_int_equal(w.counts.n[COUNT_STREAM_HOLES], 1);
	one_way_close(&w);
	(void)state;
}

static int setup(void **state)
{
	(void)state;
	hash_init();
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_budget_is_bounded_in_all_and_for_one_host),
		cmocka_unit_test(what_is_given_back_comes_again_as_zeroes),
		cmocka_unit_test(a_budget_keeps_account_of_many_hosts),
		cmocka_unit_test(a_fact_concerns_only_what_it_names),
		cmocka_unit_test(a_host_that_floods_facts_loses_only_its_own),
		cmocka_unit_test(a_full_table_refuses_strangers_and_forgets_what_expired),
		cmocka_unit_test(facts_survive_churn),
		cmocka_unit_test(streams_come_out_in_order),
		cmocka_unit_test(of_overlapping_bytes_the_first_wins),
		cmocka_unit_test(a_hole_moves_the_stream_on),
		cmocka_unit_test(a_stream_survives_the_far_end_of_its_numbers),
		cmocka_unit_test(a_stream_never_keeps_more_than_its_bound),
		cmocka_unit_test(a_stream_waits_for_so_many_gaps),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
