/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "call_feed.h"

#define PHONE false
#define MANAGER true

/* A message being put together: little-endian numbers. */
struct message { uint8_t b[512]; size_t n; };

static void put32(struct message *m, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		m->b[m->n++] = (uint8_t)(v >> 8 * i);
}

static struct message begin(uint32_t version, uint32_t id)
{
	struct message m = { .n = 0 };

	put32(&m, 0);
	put32(&m, version);
	put32(&m, id);
	return m;
}

static void put(struct message *m, const void *bytes, size_t n, size_t field)
{
	memset(m->b + m->n, 0, field);
	memcpy(m->b + m->n, bytes, n);
	m->n += field;
}

static void say(struct feed *f, bool server, struct message *m)
{
	m->b[0] = (uint8_t)(m->n - 8);
	m->b[1] = (uint8_t)((m->n - 8) >> 8);
	feed_tcp(f, server, m->b, m->n);
}

static struct message registration(void)
{
	struct message m = begin(0, 0x01);

	put(&m, "SEP001122334455", 15, 16);
	for (int i = 0; i < 6; i++)
		put32(&m, 0);
	return m;
}

static struct message numbers(uint32_t version, uint32_t id, unsigned n, const uint32_t *v)
{
	struct message m = begin(version, id);

	for (unsigned i = 0; i < n; i++)
		put32(&m, v[i]);
	return m;
}

#define NUMBERS(version, id, ...) \
	numbers(version, id, sizeof (uint32_t[]){ __VA_ARGS__ } / 4, (uint32_t[]){ __VA_ARGS__ })

static void kinds_of_messages_add_up(void **state)
{
	struct feed *f = *state;
	struct message m = registration();

	say(f, PHONE, &m);
	assert_float_equal(feed_bits(f, GROUP_SIGNALLING, CLASS_SIGNALLING), 12, 0.01);
	m = NUMBERS(0, 0x81, 30, 0, 0, 0, 0);
	say(f, MANAGER, &m);
	assert_float_equal(feed_bits(f, GROUP_SIGNALLING, CLASS_SIGNALLING), 22, 0.01);
	m = NUMBERS(0, 0x81, 30, 0, 0, 0, 0);
	say(f, MANAGER, &m);
	assert_float_equal(feed_bits(f, GROUP_SIGNALLING, CLASS_SIGNALLING), 22, 0.01);
	assert_int_equal(feed_judge(f).app, APP_SKINNY);
}

static void one_small_message_is_nothing(void **state)
{
	struct feed *f = *state;
	struct message m = NUMBERS(0, 0x00, 0);

	say(f, PHONE, &m);
	assert_int_equal(feed_judge(f).cls, CLASS_NONE);
}

/* Headers of other protocols that are little-endian too. */
static void other_streams_are_not_skinny(void **state)
{
	static const struct { uint8_t b[16]; } t[] = {
		{ { 12, 0, 0, 0, 0x21, 0, 0, 0, 0x81 } },         /* version */
		{ { 12, 0, 0, 0, 0, 0, 0, 0, 0x80 } },            /* number nobody sends */
		{ { 12, 0, 0, 0, 0, 0, 0, 0, 0x81, 1, 1 } },      /* high bytes of the number */
		{ { 3, 0, 0, 0, 0, 0, 0, 0, 0x81 } },             /* length */
		{ { 12, 0, 1, 0, 0, 0, 0, 0, 0x81 } },
		{ { 4, 0, 0, 0, 0, 0, 0, 0, 0x81 } },             /* too short for its number */
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		assert_float_equal(feed_bits_alone(t[i].b, sizeof t[i].b, IPPROTO_TCP, CLASS_SIGNALLING), 0, 0.01);
}

static void an_end_keeps_its_side(void **state)
{
	struct feed *f = *state;
	struct message m = registration(), state_of = NUMBERS(0, 0x111, 4, 1, 99);

	say(f, PHONE, &m);
	say(f, PHONE, &state_of); /* only managers say this */
	assert_int_equal(f->signals, 0);
	say(f, MANAGER, &m);      /* and only phones this */
	assert_float_equal(feed_bits(f, GROUP_SIGNALLING, CLASS_SIGNALLING), 12, 0.01);
}

static void a_call_with_its_media(void **state)
{
	static const uint8_t phone[16] = { 10, 0, 0, 1 }, far[16] = { 198, 51, 100, 7 };
	struct feed *f = *state;
	struct message m = NUMBERS(0x14, 0x11d, 0, 0, 0, 0, 0, 0, 0, 1, 99);
	struct fact fact;

	memcpy(m.b + 12, "112", 3);
	say(f, MANAGER, &m);
	assert_string_equal(f->flow->watch->dialed, "112");
	m = NUMBERS(0x14, 0x111, 3, 1, 99);
	say(f, MANAGER, &m);
	assert_int_equal(f->signal.phase, CALL_RINGING);
	assert_true(f->signal.from_caller);
	m = NUMBERS(0x14, 0x22, 0, 0);
	put(&m, phone, 4, 16);
	put32(&m, 32144);
	put32(&m, 7);
	put32(&m, 99);
	say(f, PHONE, &m);
	assert_int_equal(f->signal.phase, CALL_MEDIA);
	assert_int_equal(f->signal.media[0].port, 32144);
	m = NUMBERS(0x14, 0x8a, 1, 2, 0);
	put(&m, far, 4, 16);
	put32(&m, 9395);
	put32(&m, 20);
	say(f, MANAGER, &m);
	assert_true(feed_announced(f, "10.0.0.1", "198.51.100.7", 9395, &fact));
	assert_string_equal(fact.dialed, "112");
	assert_int_equal(fact.call, f->signal.call);
	assert_true(feed_announced(f, "10.0.0.1", "198.51.100.7", 9396, &fact));
	assert_true(feed_announced(f, "192.0.2.9", "10.0.0.1", 32144, &fact));
	m = NUMBERS(0x14, 0x111, 5, 1, 99);
	say(f, MANAGER, &m);
	assert_int_equal(f->signal.phase, CALL_ANSWERED);
	m = NUMBERS(0x14, 0x111, 2, 1, 99);
	say(f, MANAGER, &m);
	assert_int_equal(f->signal.phase, CALL_ENDED);
	assert_string_equal(f->flow->watch->dialed, "");
}

/* Before version 17 an address was four bytes. */
static void old_addresses(void **state)
{
	struct feed *f = *state;
	struct message m = NUMBERS(0, 0x8a, 1, 2);
	struct fact fact;

	put(&m, (uint8_t[]){ 198, 51, 100, 7 }, 4, 4);
	put32(&m, 16400);
	put32(&m, 20);
	put32(&m, 4);
	say(f, MANAGER, &m);
	assert_true(feed_announced(f, "10.0.0.1", "198.51.100.7", 16400, &fact));
}

static void parties_of_both_forms(void **state)
{
	struct feed *f = *state;
	struct message m = NUMBERS(0x14, 0x14a, 1, 99, 2, 0, 0, 1, 0, 0);

	put(&m, "321\0" "321\0" "307\0", 12, 16);
	say(f, MANAGER, &m);
	assert_int_equal(f->signal.phase, CALL_SETUP);
	assert_string_equal(f->signal.from, "321");
	assert_string_equal(f->signal.to, "307");
	assert_string_equal(f->signal.dialed, "307");
	m = begin(0, 0x8f);
	put(&m, "Alice", 5, 40);
	put(&m, "100", 3, 24);
	put(&m, "", 0, 40);
	put(&m, "911", 3, 24);
	put32(&m, 1);
	put32(&m, 100);
	put32(&m, 2);
	say(f, MANAGER, &m);
	assert_string_equal(f->signal.from, "100");
	assert_string_equal(f->signal.dialed, "911");
}

static void keys_pressed(void **state)
{
	struct feed *f = *state;

	for (uint32_t i = 0; i < 3; i++) {
		struct message m = NUMBERS(0, 0x03, i < 2 ? 1 : 2, 1, 99);

		say(f, PHONE, &m);
	}
	assert_string_equal(f->flow->watch->dialed, "112");
}

static void in_pieces(void **state)
{
	struct feed *f = *state;
	struct message m = registration();

	m.b[0] = (uint8_t)(m.n - 8);
	for (size_t i = 0; i < m.n; i += 13)
		feed_tcp(f, PHONE, m.b + i, m.n - i < 13 ? m.n - i : 13);
	assert_float_equal(feed_bits(f, GROUP_SIGNALLING, CLASS_SIGNALLING), 12, 0.01);
}

static void damaged_messages(void **state)
{
	struct message m = registration();

	(void)state;
	m.b[0] = (uint8_t)(m.n - 8);
	feed_damaged(m.b, m.n, IPPROTO_TCP);
}

#define test(name) cmocka_unit_test_setup_teardown(name, feed_setup, feed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(kinds_of_messages_add_up), test(one_small_message_is_nothing), cmocka_unit_test(other_streams_are_not_skinny),
		test(an_end_keeps_its_side), test(a_call_with_its_media), test(old_addresses), test(parties_of_both_forms),
		test(keys_pressed), test(in_pieces), cmocka_unit_test(damaged_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
