/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records padded to four bytes, as TURN over a stream pads them (detect/padded.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "detect/padded.h"

static uint32_t seed = 1;

static uint32_t draw(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)seed * below >> 32);
}

typedef uint32_t size_fn(unsigned record);

/* Frames of 60 to 139 bytes in ChannelData, and a report between every three. */
static uint32_t relayed(unsigned i)
{
	return i % 4 == 3 ? 48 : (60 + draw(80) + 3) / 4 * 4;
}

static uint32_t bare(unsigned i)
{
	return i % 4 == 3 ? 48 : 60 + draw(80);
}

/* AES in CBC mode pads to 16 (RFC 5246, 6.2.3.2), DES and secure shell to 8. */
static uint32_t blocks(unsigned i)
{
	(void)i;
	return 16 * (2 + draw(8));
}

/* A message of one size on a timer, and a ping of another now and then. */
static uint32_t timer(unsigned i)
{
	return i % 60 == 0 ? 12 : i % 60 == 30 ? 40 : 80;
}

/* Words of four bytes, but for one in ten. */
static uint32_t nearly(unsigned i)
{
	return 40 + 4 * draw(20) + (i % 10 == 0);
}

static bool after(struct padded both[2], unsigned n, size_fn *there, size_fn *back)
{
	for (unsigned i = 0; i < n; i++) {
		padded_feed(&both[0], there(i));
		padded_feed(&both[1], back(i));
	}
	return are_padded(both);
}

static bool run(unsigned n, size_fn *there, size_fn *back)
{
	struct padded both[2] = { { 0 } };

	return after(both, n, there, back);
}

static void relays_are_padded(void **state)
{
	(void)state;
	assert_true(run(50, relayed, relayed)); /* a second of speech */
	assert_false(run(10, relayed, relayed));
	assert_false(run(50, relayed, bare));
}

static void others_are_not(void **state)
{
	(void)state;
	assert_false(run(5000, bare, bare));
	assert_false(run(5000, blocks, blocks));
	assert_false(run(20000, timer, timer));
	assert_false(run(5000, nearly, nearly));
}

/* A hole in the stream or a nonce that jumps gives a wrong length, once; a stream that is something else by now stays so. */
static void a_fault_is_forgiven(void **state)
{
	struct padded both[2] = { { 0 } };

	(void)state;
	assert_true(after(both, 200, relayed, relayed));
	padded_feed(&both[0], 61);
	assert_true(are_padded(both));
	assert_false(after(both, 50, bare, relayed));
}

static void worth(void **state)
{
	struct speech_opinion clock = { .both_ways = true }, one_way = { 0 };
	struct padded both[2] = { { 0 } };

	(void)state;
	assert_true(padded_bits(both, true, &clock) == 0); /* it opened as TURN does, and goes on as something else */
	assert_true(after(both, 200, relayed, relayed));
	assert_true(padded_bits(both, false, &clock) > 0);
	assert_true(padded_bits(both, true, &clock) > padded_bits(both, false, &clock));
	assert_true(padded_bits(both, true, &one_way) == 0);
}

static void worth_of_sizes(void **state)
{
	struct speech_opinion follows = { .both_ways = true, .shape = { SHAPE_SYLLABLE, SHAPE_STEADY }, .sizes = { .bits = 7 } };
	struct speech_opinion steady = { .both_ways = true, .shape = { SHAPE_STEADY, SHAPE_STEADY }, .sizes = { .bits = 6 } };
	struct speech_opinion nothing = { .both_ways = true, .shape = { SHAPE_SYLLABLE, SHAPE_OTHER } };
	struct padded both[2] = { { 0 } };

	(void)state;
	assert_true(after(both, 200, relayed, relayed));
	assert_true(padded_size_bits(both, true, &follows) > 0);
	assert_true(padded_size_bits(both, false, &follows) == 0);
	assert_true(padded_size_bits(both, true, &steady) == 0);
	assert_true(padded_size_bits(both, true, &nothing) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(relays_are_padded),
		cmocka_unit_test(others_are_not),
		cmocka_unit_test(a_fault_is_forgiven),
		cmocka_unit_test(worth),
		cmocka_unit_test(worth_of_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
