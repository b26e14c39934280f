/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When the kernel is told to pass a flow without asking: late for what may be speech, soon for all else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/hash.h"
#include "enforce_bench.h"

#define NEVER 25000u  /* ms: longer than anything is looked at */

struct sender { uint8_t proto; uint16_t payload; unsigned gap_us; };

static struct enforced start(const char *detect)
{
	return enforced_start("block media\n", detect);
}

static struct fate take(struct enforced *e, const struct sender *s, uint64_t us)
{
	return enforced_packet(e, s->proto, s->payload, us);
}

/* Milliseconds from `from_ms` until the flow is passed for good; NEVER when it is not. */
static unsigned cleared_from(struct enforced *e, const struct sender *s, unsigned from_ms)
{
	for (uint64_t us = from_ms * 1000ull; us < (from_ms + NEVER) * 1000ull; us += s->gap_us)
		if (take(e, s, us).final)
			return (unsigned)(us / 1000) - from_ms;
	return NEVER;
}

static unsigned cleared_after(const struct sender *s, const char *detect)
{
	struct enforced e = start(detect);
	unsigned after = cleared_from(&e, s, 0);

	enforced_stop(&e);
	return after;
}

static void what_may_be_speech_is_looked_at_for_longer(void **state)
{
	static const struct sender slow[] = { { IPPROTO_UDP, 150, 20000 }, { IPPROTO_TCP, 150, 20000 }, { IPPROTO_TCP, 90, 60000 } };

	(void)state;
	for (unsigned i = 0; i < sizeof slow / sizeof *slow; i++)
		assert_in_range(cleared_after(&slow[i], NULL), 20000, 21000);
}

static void bulk_is_cleared_soon(void **state)
{
	static const struct sender bulk[] = { { IPPROTO_UDP, 1200, 500 }, { IPPROTO_TCP, 1400, 1000 }, { IPPROTO_TCP, 1400, 20000 } };

	(void)state;
	for (unsigned i = 0; i < sizeof bulk / sizeof *bulk; i++)
		assert_in_range(cleared_after(&bulk[i], NULL), 1, 2500);
}

/* Its pace of now counts, not that of its life. */
static void slow_that_turns_to_bulk_is_cleared_soon(void **state)
{
	static const struct sender slow = { IPPROTO_UDP, 150, 50000 }, bulk = { IPPROTO_UDP, 150, 500 };
	struct enforced e = start(NULL);

	(void)state;
	for (unsigned ms = 0; ms < 8000; ms += slow.gap_us / 1000)
		assert_false(take(&e, &slow, ms * 1000ull).final);
	assert_in_range(cleared_from(&e, &bulk, 8000), 1, 1000);
	enforced_stop(&e);
}

/* One packet in 64 has a pace too, which is not the flow's: nobody may take it for a clock. */
static void samples_make_no_clock(void **state)
{
	static const struct sender bulk = { IPPROTO_UDP, 150, 500 };
	struct enforced e = start("cadence");
	unsigned from = cleared_from(&e, &bulk, 0);

	(void)state;
	assert_in_range(from, 1, 2500);
	for (uint64_t us = from * 1000ull; us < 60000000; us += 20000)
		assert_false(take(&e, &bulk, us).watch);
	enforced_stop(&e);
}

/* --- samples: the packets that come after the kernel was told to forget that the flow is cleared --- */

#define RTP_BYTES 172

/* A flow of zeros, cleared; the time it then is. */
static uint64_t clear_now(struct enforced *e)
{
	static const struct sender bulk = { IPPROTO_UDP, 150, 500 };

	return (cleared_from(e, &bulk, 0) + 2000) * 1000ull;
}

/* An RTP packet (RFC 3550, 5.1), payload type 0. */
static struct fate take_rtp(struct enforced *e, uint32_t ssrc, uint16_t number, uint64_t us)
{
	uint8_t bytes[RTP_BYTES] = { 0x80, 0, (uint8_t)(number >> 8), (uint8_t)number, 0, 0, (uint8_t)((number * 160) >> 8), (uint8_t)(number * 160),
		(uint8_t)(ssrc >> 24), (uint8_t)(ssrc >> 16), (uint8_t)(ssrc >> 8), (uint8_t)ssrc };

	return enforced_payload(e, IPPROTO_UDP, bytes, sizeof bytes, us);
}

static void a_sample_that_is_nothing_is_passed_at_once(void **state)
{
	static const struct sender dull = { IPPROTO_UDP, 150, 2000000 };
	struct enforced e = start(NULL);
	uint64_t us = clear_now(&e);

	(void)state;
	for (int i = 0; i < 100; i++, us += dull.gap_us)
		assert_true(take(&e, &dull, us).final);
	enforced_stop(&e);
}

/* Every sample might be RTP, and never the same: after a few more the flow is passed again. */
static void a_doubtful_sample_is_followed_by_a_few(void **state)
{
	struct enforced e = start("rtp");
	uint64_t us = clear_now(&e);
	unsigned passed = 0;

	(void)state;
	for (uint32_t i = 1; i <= 90; i++, us += 20000) {
		struct fate fate = take_rtp(&e, i * 0x9e3779b9u, (uint16_t)(i * 7919), us);

		assert_false(fate.watch);
		passed += fate.final;
	}
	assert_int_equal(passed, 90 / 9); /* one sample, eight after it */
	enforced_stop(&e);
}

/* Two packets of one source, side by side, and the flow is watched again; then it is cut. */
static void a_call_shows_in_two_packets(void **state)
{
	struct enforced e = start("rtp");
	uint64_t us = clear_now(&e);
	struct fate fate;
	unsigned n = 2;

	(void)state;
	assert_false(take_rtp(&e, 0x12345678, 1, us).final);
	assert_true(take_rtp(&e, 0x12345678, 2, us += 20000).watch);
	do
		fate = take_rtp(&e, 0x12345678, (uint16_t)++n, us += 20000);
	while (!fate.drop && n < 200);
	assert_in_range(n, 3, 60); /* 50 a second: a second */
	enforced_stop(&e);
}

static void nobody_listens_nobody_waits(void **state)
{
	static const struct sender voice[] = { { IPPROTO_UDP, 150, 20000 }, { IPPROTO_TCP, 150, 20000 } };

	(void)state;
	for (unsigned i = 0; i < sizeof voice / sizeof *voice; i++)
		assert_in_range(cleared_after(&voice[i], "-cadence,-tcp-audio"), 1, 2500);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_may_be_speech_is_looked_at_for_longer),
		cmocka_unit_test(bulk_is_cleared_soon),
		cmocka_unit_test(slow_that_turns_to_bulk_is_cleared_soon),
		cmocka_unit_test(samples_make_no_clock),
		cmocka_unit_test(a_sample_that_is_nothing_is_passed_at_once),
		cmocka_unit_test(a_doubtful_sample_is_followed_by_a_few),
		cmocka_unit_test(a_call_shows_in_two_packets),
		cmocka_unit_test(nobody_listens_nobody_waits),
	};

	hash_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
