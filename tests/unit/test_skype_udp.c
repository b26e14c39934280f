/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pthread.h>

#include "skype_feed.h"
#include "skype_make.h"

static const struct end me = { { 192, 168, 1, 2 }, 35990 };
static const uint8_t outside[4] = { 86, 128, 245, 115 };

static struct end peer(unsigned n)
{
	return (struct end){ { 81, 2, (uint8_t)(n >> 8), (uint8_t)n }, (uint16_t)(20000 + n) };
}

static struct skype_make maker(void)
{
	return (struct skype_make){ .x = 0x6b8b4567, .id = 0x166d, .noise = 42 };
}

/* --- the generator --- */

static void distance_is_what_was_walked(void **state)
{
	uint32_t x = 0x71f1b442, y = x;

	(void)state;
	assert_int_equal(skype_lcg_next(0x71f1b442), 0x38f6f54b); /* docs/SKYPE.md: measured in 2015 */
	for (uint32_t k = 0; k < 3000; k++) {
		assert_int_equal(skype_lcg_distance(x, y), k);
		assert_int_equal(skype_lcg_jump(x, k), y);
		assert_int_equal(skype_lcg_previous(skype_lcg_next(y)), y);
		assert_int_equal((uint8_t)skype_lcg_next(y), skype_lcg_next_byte((uint8_t)y));
		y = skype_lcg_next(y);
	}
	for (uint32_t k = 1; k != 0; k <<= 1)
		assert_int_equal(skype_lcg_distance(x, skype_lcg_jump(x, 0 - k)), 0 - k);
}

/* --- U1 --- */

static void second_datagram_proves(void **state)
{
	struct feed *f = *state;
	struct skype_make m = maker();
	uint8_t b[64];

	assert_false(feed(f, me, peer(1), b, make_payload(&m, b, 18)));
	assert_true(feed(f, me, peer(2), b, make_payload(&m, b, 28)));
	assert_true(feed_bits(f) >= 42);
	assert_int_equal(judge(f->flow->watch->evidence, f->flow->watch->n_evidence, REPORT_BITS).cls, CLASS_CONTROL);
}

/* Flows of one datagram each, the first of them before the proof. */
static void every_flow_of_the_endpoint_says_so(void **state)
{
	struct feed *f = *state;
	struct skype_make m = maker();
	uint8_t b[64];

	for (unsigned i = 0; i < 50; i++)
		(void)feed(f, me, peer(i), b, make_payload(&m, b, 30));
	feed_flush(f);
	assert_int_equal(f->ended, 50);
	assert_int_equal(f->ended_skype, 50);
}

static void nothing_beyond_the_endpoint(void **state)
{
	struct feed *f = *state;
	struct skype_make m = maker();
	struct end other = me, stranger = peer(900);
	uint8_t b[64], c[64];
	struct skype_make n = { .noise = 7 };

	for (unsigned i = 0; i < 4; i++)
		(void)feed(f, me, peer(i), b, make_payload(&m, b, 30));
	other.port = 4000; /* another program on that host: shaped alike, no generator */
	make_noise_at(&n, c, sizeof c);
	c[2] = 2;
	assert_false(feed(f, other, stranger, c, 30));
	assert_false(feed(f, peer(1), stranger, c, 30)); /* and whom it wrote to */
	c[2] = 0x81; /* not a frame at all, from the proved endpoint */
	assert_false(feed(f, me, stranger, c, 30));
	feed_flush(f);
	assert_int_equal(f->ended_skype, 4);
}

/* Ports of the web and DNS: a forged pair of frames from there must not make all its traffic Skype. */
static void common_ports_are_never_raised(void **state)
{
	static const uint16_t ports[] = { 53, 80, 443 };
	struct feed *f = *state;

	for (unsigned p = 0; p < 3; p++) {
		struct end server = { { 8, 8, 8, 8 }, ports[p] };
		struct skype_make m = maker();
		uint8_t b[64];

		for (unsigned i = 0; i < 6; i++)
			assert_false(feed(f, server, peer(i), b, make_payload(&m, b, 30)));
	}
}

static void loss_and_reordering(void **state)
{
	struct feed *f = *state;
	struct skype_make m = maker();
	uint8_t a[64], b[64], c[64];

	make_payload(&m, a, 20);
	make_payload(&m, b, 20);
	for (unsigned i = 0; i < 30; i++)
		make_payload(&m, c, 20); /* lost */
	assert_false(feed(f, me, peer(2), b, 20));
	assert_true(feed(f, me, peer(1), a, 20)); /* late: behind */
	assert_true(feed(f, me, peer(3), c, 20));
}

static void far_steps_alone_are_not_enough(void **state)
{
	struct feed *f = *state;
	struct skype_make m = maker();
	uint8_t b[64];

	assert_false(feed(f, me, peer(1), b, make_payload(&m, b, 20)));
	m.x = skype_lcg_jump(m.x, 5000);
	assert_false(feed(f, me, peer(2), b, make_payload(&m, b, 20)));
	assert_int_equal(skype_endpoint_bits(endpoint_of(f, me)), 32);
	m.x = skype_lcg_jump(m.x, 5000);
	assert_true(feed(f, me, peer(3), b, make_payload(&m, b, 20)));
	assert_int_equal(skype_endpoint_bits(endpoint_of(f, me)), 56);
}

static void the_same_datagram_twice_is_nothing(void **state)
{
	struct feed *f = *state;
	struct skype_make m = maker();
	uint8_t b[64];

	make_payload(&m, b, 20);
	for (unsigned i = 0; i < 20; i++)
		assert_false(feed(f, me, peer(i & 1), b, 20));
	assert_int_equal(skype_endpoint_bits(endpoint_of(f, me)), 0);
}

static void restart_begins_a_new_chain(void **state)
{
	struct feed *f = *state;
	struct skype_make m = maker(), n = { .x = 0xdeadbeef, .id = 0xb065, .noise = 5 };
	uint8_t b[64];

	for (unsigned i = 0; i < 5; i++)
		(void)feed(f, me, peer(i), b, make_payload(&m, b, 20));
	assert_int_equal(endpoint_of(f, me)->restarts, 0);
	for (unsigned i = 0; i < 5; i++)
		assert_true(feed(f, me, peer(i), b, make_payload(&n, b, 20)));
	assert_int_equal(endpoint_of(f, me)->restarts, 1);
	assert_int_equal(host_of(f, me)->restarts, 1);
	assert_int_equal(endpoint_of(f, me)->chain[0].iv, n.x);
}

static void hosts_behind_one_address_are_told_apart(void **state)
{
	struct feed *f = *state;
	struct skype_make m[3];
	struct end at[3];
	uint8_t b[64];

	for (unsigned i = 0; i < 3; i++) {
		m[i] = (struct skype_make){ .x = 77777 * i + 1, .id = (uint16_t)(i * 999), .noise = i };
		at[i] = (struct end){ { 203, 0, 113, 1 }, (uint16_t)(40000 + i) };
	}
	for (unsigned i = 0; i < 3; i++)
		assert_false(feed(f, at[i], peer(i), b, make_payload(&m[i], b, 20)));
	for (unsigned i = 0; i < 3; i++)
		assert_true(feed(f, at[i], peer(i + 10), b, make_payload(&m[i], b, 20)));
	assert_int_equal(host_of(f, at[0])->n_udp_ports, 3);
}

static void a_proof_does_not_last_for_ever(void **state)
{
	struct feed *f = *state;
	struct skype_make m = maker();
	uint8_t b[64], d[20] = { 1, 2, 0x0d };

	(void)feed(f, me, peer(1), b, make_payload(&m, b, 20));
	(void)feed(f, me, peer(2), b, make_payload(&m, b, 20));
	assert_true(feed(f, me, peer(3), d, sizeof d));
	f->frame.mono_ns += 2 * 3600 * 1000000000ull;
	flow_table_advance(f->flows, f->frame.mono_ns);
	assert_false(feed(f, me, peer(4), d, sizeof d));
}

/* A protocol whose third byte is always 2 gets no bits for that: chance has had its tries. */
static void misses_cost_bits(void **state)
{
	struct feed *f = *state;
	struct skype_make m = maker();
	uint8_t b[64];

	for (unsigned i = 0; i < 40; i++) {
		make_noise_at(&m, b, 20);
		b[2] = 2;
		(void)feed(f, me, peer(i), b, 20);
	}
	assert_false(feed(f, me, peer(100), b, make_payload(&m, b, 20)));
	assert_false(feed(f, me, peer(101), b, make_payload(&m, b, 20)));
	assert_true(skype_endpoint_bits(endpoint_of(f, me)) < 26);
}

/* --- U2 to U8 --- */

static void resend_names_its_receiver(void **state)
{
	struct feed *f = *state;
	struct skype_make m = maker();
	uint8_t b[64];

	assert_true(feed(f, me, peer(5), b, make_resend(&m, b, 0x7f48, 0x83b08656, peer(5).ip, 23)));
	assert_true(feed_bits(f) >= 45);
	assert_false(feed(f, peer(9), peer(8), b, make_resend(&m, b, 0x7f48, 0x83b08656, peer(5).ip, 23)));
}

/* The first contact is refused with a NACK, the resend copies its nonce; seen inside, the address is not the packet's. */
static void resend_copies_the_nonce(void **state)
{
	static const uint8_t named[4] = { 198, 51, 100, 7 };
	struct feed *f = *state;
	struct skype_make m = maker(), other = { .x = 9, .noise = 1 };
	uint8_t b[64];

	assert_false(feed(f, peer(1), me, b, make_answer(&other, b, 7, 0x2222, outside, 0xcafe0102)));
	assert_false(feed(f, me, peer(2), b, make_resend(&m, b, 0x2222, 0xcafe0103, named, 23)));
	assert_true(feed(f, me, peer(1), b, make_resend(&m, b, 0x2222, 0xcafe0102, named, 23)));
}

/* One datagram and its answer: neither proves, together they do. */
static void answer_with_address_and_number(void **state)
{
	struct feed *f = *state;
	struct skype_make m = maker(), other = { .x = 9, .noise = 1 };
	struct end open = { { 86, 128, 245, 115 }, 35990 };
	uint8_t b[64];

	assert_false(feed(f, open, peer(1), b, make_payload(&m, b, 20)));
	assert_true(feed(f, peer(1), open, b, make_answer(&other, b, 5, m.id, open.ip, 77)));
	assert_int_equal(skype_endpoint_bits(endpoint_of(f, open)), 60);
}

static void answer_to_nothing_is_weak(void **state)
{
	struct feed *f = *state;
	struct skype_make other = { .x = 9, .noise = 1 };
	struct end open = { { 86, 128, 245, 115 }, 35990 };
	uint8_t b[64];

	assert_false(feed(f, peer(1), open, b, make_answer(&other, b, 5, 1234, open.ip, 77)));
	assert_false(feed(f, peer(2), open, b, make_answer(&other, b, 5, 1235, open.ip, 78)));
}

/* Behind NAT: two peers name one public address, and number what they answer. */
static void public_address_is_learned(void **state)
{
	struct feed *f = *state;
	struct skype_make m = maker(), a = { .x = 9, .noise = 1 }, b2 = { .x = 100, .noise = 2 };
	uint8_t b[64];

	(void)feed(f, me, peer(1), b, make_payload(&m, b, 20));
	assert_false(feed(f, peer(1), me, b, make_answer(&a, b, 5, m.id, outside, 77)));
	assert_true(feed(f, peer(2), me, b, make_answer(&b2, b, 5, 4711, outside, 78)));
	assert_memory_equal(host_of(f, me)->public_ip, outside, 4);
}

/* Milliseconds between what `me` says last and the first word of peer `n`, a frame of `type`; how many holes are known then. */
static unsigned holes_after(struct feed *f, struct skype_make *m, unsigned n, unsigned tries, unsigned ms, uint8_t type)
{
	struct skype_make other = { .x = n, .noise = n };
	uint8_t b[64];

	for (unsigned i = 0; i < tries; i++) {
		f->frame.mono_ns += 2000000000ull;
		(void)feed(f, me, peer(n), b, make_payload(m, b, 20));
	}
	f->frame.mono_ns += ms * 1000000ull;
	if (type == 2)
		(void)feed(f, peer(n), me, b, make_payload(&other, b, 20));
	else
		(void)feed(f, peer(n), me, b, make_answer(&other, b, type, m->id, outside, 5));
	return host_of(f, me)->punched;
}

static void holes_in_a_nat_are_noticed(void **state)
{
	struct feed *f = *state;
	struct skype_make m = maker();
	uint8_t b[64];

	(void)feed(f, me, peer(1), b, make_payload(&m, b, 20));
	assert_true(feed(f, me, peer(2), b, make_payload(&m, b, 20)));
	assert_int_equal(holes_after(f, &m, 10, 1, 490, 2), 0);     /* an answer */
	assert_int_equal(holes_after(f, &m, 11, 2, 490, 2), 0);     /* to the second try */
	assert_int_equal(holes_after(f, &m, 12, 1, 3000, 5), 0);    /* an answer, late */
	assert_int_equal(holes_after(f, &m, 13, 1, 130000, 2), 0);  /* the hole had closed */
	assert_int_equal(holes_after(f, &m, 14, 0, 3000, 2), 0);    /* a stranger */
	assert_int_equal(holes_after(f, &m, 15, 1, 3000, 2), 1);
	(void)feed(f, peer(15), me, b, make_payload(&m, b, 20));    /* once a peer */
	assert_int_equal(holes_after(f, &m, 16, 3, 1500, 2), 2);
}

static void fragments_prove(void **state)
{
	struct feed *f = *state;
	struct skype_make m = maker();
	uint8_t a[64], b[64], c[64];

	make_fragment(&m, a, 0x1234, 0, 64);
	make_fragment(&m, b, 0x1234, 1, 64);
	make_fragment(&m, c, 0x1234, 0x82, 64);
	assert_false(feed(f, peer(1), me, c, 64));
	assert_true(feed(f, peer(1), me, a, 64)); /* the middle one lost, the last first */
	assert_true(feed_bits(f) >= 63);
	a[2] ^= 0x10; /* a type that is not the output before: ignored */
	assert_false(feed(f, peer(2), me, a, 64));
	assert_false(feed(f, peer(2), me, b, 64));
}

static void retry_proves(void **state)
{
	struct feed *f = *state;
	struct skype_make m = maker();
	uint8_t b[64], again[64];

	make_payload(&m, b, 40);
	assert_false(feed(f, me, peer(1), b, 40));
	memcpy(again, b, 40);
	m.x = skype_lcg_jump(m.x, 3000); /* far: 32 bits without the retry */
	put32(again + 3, m.x);
	make_noise_at(&m, again + 11, 29);
	assert_true(feed(f, me, peer(1), again, 40));
	assert_true(feed_bits(f) >= 64);
}

/* --- hostile --- */

static void tables_stay_bounded(void **state)
{
	struct feed *f;
	struct skype_make m = maker();
	uint8_t b[64];

	(void)state;
	feed_setup_hosts((void **)&f, 64, 8);
	for (unsigned i = 0; i < 4000; i++) { /* strangers, then proved ones, each on a host of its own */
		struct end e = { { 10, 1, (uint8_t)(i >> 8), (uint8_t)i }, 7000 };

		(void)feed(f, e, peer(1), b, make_payload(&m, b, 20));
		if (i & 1)
			(void)feed(f, e, peer(2), b, make_payload(&m, b, 20));
		if (i % 256 == 255)
			feed_flush(f);
	}
	assert_true(f->counts.n[COUNT_SKYPE_EVICTED] > 1000);
	assert_int_equal(f->counts.n[COUNT_SKYPE_ENDPOINTS], 2000);
	feed_teardown((void **)&f);
}

/* Flows of one endpoint are spread over workers: each says what any of them found. */
static void workers_share_what_is_proved(void **state)
{
	struct feed *f = *state, *g = NULL;
	struct skype_make m = maker();
	uint8_t b[64];

	feed_setup((void **)&g);
	skype_hosts_free(g->env.skype);
	g->env.skype = f->env.skype;
	assert_false(feed(f, me, peer(1), b, make_payload(&m, b, 18)));
	assert_true(feed(g, me, peer(2), b, make_payload(&m, b, 28)));
	assert_true(feed(f, me, peer(3), b, make_payload(&m, b, 28)));
	feed_flush(f);
	assert_int_equal(f->ended_skype, 2); /* that of peer 1 too */
	feed_flush(g);
	g->env.skype = NULL;
	feed_teardown((void **)&g);
}

struct share { struct feed *feed; unsigned first, skype; };

static void *work(void *arg)
{
	struct share *s = arg;
	struct skype_make m = maker();
	uint8_t b[64];

	for (unsigned i = 0; i < 5000; i++) {
		const uint32_t n = make_payload(&m, b, 30);

		if (i % 2 == s->first)
			s->skype += feed(s->feed, me, peer(i), b, n);
	}
	return NULL;
}

static void threads_share_hosts(void **state)
{
	struct feed *f = *state, *g = NULL;
	struct share a = { f, 0, 0 }, b = { NULL, 1, 0 };
	pthread_t one, two;

	feed_setup((void **)&g);
	skype_hosts_free(g->env.skype);
	g->env.skype = f->env.skype;
	b.feed = g;
	assert_int_equal(pthread_create(&one, NULL, work, &a), 0);
	assert_int_equal(pthread_create(&two, NULL, work, &b), 0);
	pthread_join(one, NULL);
	pthread_join(two, NULL);
	assert_true(a.skype > 2400 && b.skype > 2400);
	feed_flush(g);
	g->env.skype = NULL;
	feed_teardown((void **)&g);
}

/* The last few of many places are kept, and one that turns out to be something else goes. */
static void places_are_remembered(void **state)
{
	struct skype_place places[SKYPE_PLACES] = { 0 };
	struct addr ip;
	uint32_t n = 0;

	(void)state;
	addr_from_v4(&ip, outside);
	for (uint16_t port = 1; port <= 11; port++)
		skype_place_add(places, &n, &ip, port);
	skype_place_add(places, &n, &ip, 11);
	assert_int_equal(n, 11);
	assert_false(skype_place_find(places, &ip, 3)); /* pushed out by the eleventh */
	skype_place_remove(places, &n, &ip, 3);
	assert_int_equal(n, 11);
	skype_place_remove(places, &n, &ip, 5);
	assert_int_equal(n, 10);
	assert_false(skype_place_find(places, &ip, 5));
	for (uint16_t port = 6; port <= 11; port++)
		assert_true(skype_place_find(places, &ip, port));
	skype_place_add(places, &n, &ip, 12);
	assert_int_equal(n, 11);
	assert_true(skype_place_find(places, &ip, 12) && skype_place_find(places, &ip, 4));
}

static void proved_ones_outlast_strangers(void **state)
{
	struct feed *f;
	struct skype_make m = maker(), n = { .noise = 3 };
	uint8_t b[64];

	(void)state;
	feed_setup_hosts((void **)&f, 64, 8);
	(void)feed(f, me, peer(1), b, make_payload(&m, b, 20));
	(void)feed(f, me, peer(2), b, make_payload(&m, b, 20));
	for (unsigned i = 0; i < 1000; i++) {
		struct end e = { { 10, 1, (uint8_t)(i >> 8), (uint8_t)i }, 7000 };

		make_noise_at(&n, b, 20);
		b[2] = 2;
		assert_false(feed(f, e, peer(1), b, 20));
	}
	assert_true(endpoint_of(f, me)->proved);
	feed_teardown((void **)&f);
}

static void any_prefix_of_any_frame(void **state)
{
	struct feed *f = *state;
	struct skype_make m = maker();
	uint8_t b[5][64];

	make_payload(&m, b[0], 64);
	make_answer(&m, b[1], 5, 1, outside, 2);
	make_resend(&m, b[2], 1, 2, outside, 64);
	make_fragment(&m, b[3], 1, 0, 64);
	make_noise_at(&m, b[4], 64);
	b[4][2] = 0x0d;
	for (unsigned i = 0; i < 5; i++)
		for (f->cut = 0; f->cut <= 64; f->cut++)
			(void)feed(f, me, peer(i), b[i], i == 1 ? 11 : 64);
	feed_flush(f);
	assert_true(f->ended == 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, feed_setup, feed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distance_is_what_was_walked),
		TEST(second_datagram_proves), TEST(every_flow_of_the_endpoint_says_so), TEST(nothing_beyond_the_endpoint),
		TEST(common_ports_are_never_raised), TEST(loss_and_reordering), TEST(far_steps_alone_are_not_enough),
		TEST(the_same_datagram_twice_is_nothing), TEST(restart_begins_a_new_chain),
		TEST(hosts_behind_one_address_are_told_apart), TEST(a_proof_does_not_last_for_ever), TEST(misses_cost_bits),
		TEST(resend_names_its_receiver), TEST(resend_copies_the_nonce), TEST(answer_with_address_and_number),
		TEST(answer_to_nothing_is_weak), TEST(public_address_is_learned), TEST(holes_in_a_nat_are_noticed), TEST(fragments_prove), TEST(retry_proves),
		cmocka_unit_test(tables_stay_bounded), cmocka_unit_test(places_are_remembered), TEST(workers_share_what_is_proved), TEST(threads_share_hosts), cmocka_unit_test(proved_ones_outlast_strangers),
		TEST(any_prefix_of_any_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
