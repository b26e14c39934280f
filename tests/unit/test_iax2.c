/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "call_feed.h"

#include "base/clock.h"

#define CALLER false
#define CALLEE true

enum { VOICE = 2, CONTROL = 4, IAX = 6 };
enum { NEW = 1, ACK = 4, HANGUP = 5, REJECT = 6, ACCEPT = 7, CALLTOKEN = 40 };

/* A full frame; elements or media behind it. */
struct full { uint16_t src, dst; uint32_t stamp; uint8_t oseq, iseq, type, sub; const void *tail; size_t n; };

static void say(struct feed *f, bool server, struct full v)
{
	uint8_t b[600] = { (uint8_t)(0x80 | v.src >> 8), (uint8_t)v.src, (uint8_t)(v.dst >> 8), (uint8_t)v.dst,
		(uint8_t)(v.stamp >> 24), (uint8_t)(v.stamp >> 16), (uint8_t)(v.stamp >> 8), (uint8_t)v.stamp,
		v.oseq, v.iseq, v.type, v.sub };

	if (v.n > 0)
		memcpy(b + 12, v.tail, v.n);
	feed(f, (struct feed_from){ .server = server }, b, 12 + v.n);
}

static void mini(struct feed *f, bool server, uint16_t src, uint16_t stamp)
{
	uint8_t b[164] = { (uint8_t)(src >> 8), (uint8_t)src, (uint8_t)(stamp >> 8), (uint8_t)stamp };

	f->frame.mono_ns += 19 * NS_PER_MS; /* and 1 by feed */
	feed(f, (struct feed_from){ .server = server }, b, sizeof b);
}

#define ELEMENTS "\x0b\x02\x00\x02\x01\x03" "112\x02\x04" "1001\x04\x03" "Bob"

static void set_up(struct feed *f)
{
	say(f, CALLER, (struct full){ 0x1234, 0, 3, 0, 0, IAX, NEW, ELEMENTS, sizeof ELEMENTS - 1 });
	say(f, CALLEE, (struct full){ 0x0777, 0x1234, 3, 0, 1, IAX, ACK, NULL, 0 });
	say(f, CALLEE, (struct full){ 0x0777, 0x1234, 6, 0, 1, IAX, ACCEPT, "\x09\x04\0\0\0\x04", 6 });
	say(f, CALLER, (struct full){ 0x1234, 0x0777, 6, 1, 1, IAX, ACK, NULL, 0 });
}

static void a_new_call(void **state)
{
	struct feed *f = *state;

	say(f, CALLER, (struct full){ 0x1234, 0, 3, 0, 0, IAX, NEW, ELEMENTS, sizeof ELEMENTS - 1 });
	assert_float_equal(feed_bits(f, GROUP_SIGNALLING, CLASS_SIGNALLING), 16, 0.01);
	assert_int_equal(feed_judge(f).app, APP_IAX2);
	assert_int_equal(f->signal.phase, CALL_SETUP);
	assert_true(f->signal.from_caller);
	assert_string_equal(f->signal.to, "112");
	assert_string_equal(f->signal.from, "1001");
	assert_string_equal(f->signal.dialed, "112");
	assert_string_equal(f->flow->watch->dialed, "112");
}

static void a_call_from_set_up_to_end(void **state)
{
	struct feed *f = *state;

	set_up(f);
	assert_true(feed_bits(f, GROUP_SIGNALLING, CLASS_SIGNALLING) >= 30);
	say(f, CALLEE, (struct full){ 0x0777, 0x1234, 9, 1, 1, CONTROL, 3, NULL, 0 });
	assert_int_equal(f->signal.phase, CALL_RINGING);
	assert_false(f->signal.from_caller);
	say(f, CALLEE, (struct full){ 0x0777, 0x1234, 12, 2, 1, CONTROL, 4, NULL, 0 });
	assert_int_equal(f->signal.phase, CALL_ANSWERED);
	say(f, CALLER, (struct full){ 0x1234, 0x0777, 900, 1, 3, IAX, HANGUP, NULL, 0 });
	assert_int_equal(f->signal.phase, CALL_ENDED);
	assert_string_equal(f->flow->watch->dialed, "");
	assert_int_equal(f->signals, 4);
}

static void a_call_refused(void **state)
{
	struct feed *f = *state;

	set_up(f);
	say(f, CALLEE, (struct full){ 0x0777, 0x1234, 9, 1, 1, IAX, REJECT, "\x16\x01x", 3 });
	assert_int_equal(f->signal.phase, CALL_FAILED);
}

/* Asterisk asks for a token first, under a number that stands for no call: the NEW that brings it begins no other call. */
static void a_call_that_needs_a_token_is_one(void **state)
{
	static const char token[] = ELEMENTS "\x36\x04" "1234";
	struct feed *f = *state;
	uint64_t call;

	say(f, CALLER, (struct full){ 0x1234, 0, 3, 0, 0, IAX, NEW, ELEMENTS, sizeof ELEMENTS - 1 });
	call = f->signal.call;
	say(f, CALLEE, (struct full){ 1, 0x1234, 3, 0, 1, IAX, CALLTOKEN, "\x36\x04" "1234", 6 });
	say(f, CALLER, (struct full){ 0x1234, 0, 5, 0, 0, IAX, NEW, token, sizeof token - 1 });
	assert_int_equal(f->signals, 1);
	say(f, CALLEE, (struct full){ 0x0777, 0x1234, 6, 0, 1, IAX, ACCEPT, "\x09\x04\0\0\0\x04", 6 });
	say(f, CALLEE, (struct full){ 0x0777, 0x1234, 9, 1, 1, CONTROL, 4, NULL, 0 });
	assert_int_equal(f->signal.phase, CALL_ANSWERED);
	assert_true(f->signal.call == call);
}

static void mini_frames_are_media(void **state)
{
	struct feed *f = *state;

	set_up(f);
	say(f, CALLER, (struct full){ 0x1234, 0x0777, 20, 1, 1, VOICE, 4, "speech", 6 });
	for (uint16_t i = 2; i < 6; i++)
		mini(f, CALLER, 0x1234, (uint16_t)(20 * i));
	assert_int_equal(feed_judge(f).cls, CLASS_MEDIA);
	assert_float_equal(feed_judge(f).bits, 26, 0.01);
	for (uint16_t i = 6; i < 30; i++)
		mini(f, CALLER, 0x1234, (uint16_t)(20 * i));
	assert_float_equal(feed_judge(f).bits, 30, 0.01);
	assert_true(f->flow->watch->media_packets >= 20);
}

/* Frames of 20 ms that come every 30: order, and no clock. */
static void stamps_at_another_pace_have_no_clock(void **state)
{
	struct feed *f = *state;

	set_up(f);
	say(f, CALLER, (struct full){ 0x1234, 0x0777, 20, 1, 1, VOICE, 4, "speech", 6 });
	for (uint16_t i = 2; i < 30; i++) {
		mini(f, CALLER, 0x1234, (uint16_t)(20 * i));
		f->frame.mono_ns += 10 * NS_PER_MS;
	}
	assert_float_equal(feed_judge(f).bits, 26, 0.01);
}

/* The stamp of a mini frame has 16 bits and comes around every 65 seconds. */
static void the_stamp_comes_around(void **state)
{
	struct feed *f = *state;

	set_up(f);
	for (uint32_t i = 0; i < 8; i++)
		mini(f, CALLER, 0x1234, (uint16_t)(65480 + 20 * i));
	assert_int_equal(feed_judge(f).cls, CLASS_MEDIA);
}

/* No full frame for up to a minute: a run at the pace of speech, one way too. */
static void mini_frames_joined_midway(void **state)
{
	struct feed *f = *state;

	for (uint16_t i = 0; i < 8; i++)
		mini(f, CALLEE, 0x1234, (uint16_t)(65500 + 20 * i));
	assert_null(f->flow->watch);
	for (uint16_t i = 8; i < 40; i++)
		mini(f, CALLEE, 0x1234, (uint16_t)(65500 + 20 * i));
	assert_int_equal(feed_judge(f).cls, CLASS_MEDIA);
	assert_float_equal(feed_judge(f).bits, 20, 0.01);
}

/* Clocks and counters of other protocols: at another pace, under numbers that change, in other steps, or in sizes that are no speech. */
static void other_clocks_are_not_iax2(void **state)
{
	static const struct { uint16_t number, number_step, step, gap_ms, size; } t[] = {
		{ 0x1234, 0, 1, 20, 164 }, { 0x1234, 0, 40, 200, 324 }, { 0x1234, 1, 20, 20, 164 }, { 0x1234, 0, 33, 33, 164 },
		{ 0x1234, 0, 0, 20, 164 }, { 0x1234, 0, 20, 20, 84 + 7 }, { 0x1234, 0, 50, 50, 100 },
	};
	struct feed *f = *state;

	for (size_t k = 0; k < sizeof t / sizeof *t; k++)
		for (uint16_t i = 0; i < 60; i++) {
			uint16_t n = (uint16_t)(t[k].number + t[k].number_step * i), at = (uint16_t)(t[k].step * i);
			uint8_t b[400] = { (uint8_t)(n >> 8), (uint8_t)n, (uint8_t)(at >> 8), (uint8_t)at };

			f->frame.mono_ns += (t[k].gap_ms - 1) * NS_PER_MS;
			feed(f, (struct feed_from){ .client_port = (uint16_t)(2000 + k) }, b, t[k].size);
			assert_null(feed_evidence(f, GROUP_SIGNALLING, CLASS_MEDIA));
		}
}

static void mini_frames_of_another_number_are_nothing(void **state)
{
	struct feed *f = *state;

	set_up(f);
	for (uint16_t i = 0; i < 50; i++)
		mini(f, CALLER, 0x1235, (uint16_t)(20 * i)); /* another number */
	assert_int_equal(feed_judge(f).cls, CLASS_SIGNALLING);
}

/* Command 1, stamps of their own or one for all. */
static void trunk(struct feed *f, uint16_t n)
{
	uint8_t b[8 + 6 + 20 + 6 + 20];

	for (uint16_t i = 1; i < n; i++) {
		const uint16_t at = (uint16_t)(20 * i);

		memset(b, 0, sizeof b);
		memcpy(b, (uint8_t[]){ 0, 0, 1, 1, 0, 0, (uint8_t)(at >> 8), (uint8_t)at, 0, 20, 0x12, 0x34,
			(uint8_t)(at >> 8), (uint8_t)at }, 14);
		memcpy(b + 34, (uint8_t[]){ 0, 20, 0x22, 0x22, (uint8_t)(at >> 8), (uint8_t)at }, 6);
		f->frame.mono_ns += 19 * NS_PER_MS;
		feed(f, (struct feed_from){ .server = CALLER }, b, sizeof b);
	}
}

static void trunk_frames(void **state)
{
	struct feed *f = *state;

	set_up(f);
	trunk(f, 8);
	assert_int_equal(feed_judge(f).cls, CLASS_MEDIA);
}

static void trunk_joined_midway(void **state)
{
	struct feed *f = *state;

	trunk(f, 30);
	assert_int_equal(feed_judge(f).cls, CLASS_MEDIA);
	assert_float_equal(feed_judge(f).bits, 20, 0.01);
}

/* Joined in the middle: nothing begins, but both ends name each other and echo stamps. */
static void joined_in_the_middle(void **state)
{
	struct feed *f = *state;

	for (uint8_t i = 0; i < 3; i++) {
		say(f, CALLER, (struct full){ 0x1234, 0x0777, 10000u * (i + 1u), i, i, IAX, 11, NULL, 0 });
		say(f, CALLEE, (struct full){ 0x0777, 0x1234, 10000u * (i + 1u), i, (uint8_t)(i + 1), IAX, 12, NULL, 0 });
	}
	assert_int_equal(feed_judge(f).cls, CLASS_SIGNALLING);
	for (uint16_t i = 0; i < 8; i++)
		mini(f, CALLEE, 0x0777, (uint16_t)(20 * i));
	assert_int_equal(feed_judge(f).cls, CLASS_MEDIA);
}

/* RTP whose source looks like a type and subclass: its sequence number is not a call number that stays. */
static void rtp_is_not_iax2(void **state)
{
	struct feed *f = *state;
	uint8_t b[172] = { 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 1, VOICE, 4 };

	for (uint8_t i = 0; i < 100; i++) {
		b[3] = i;
		b[6] = (uint8_t)(i * 160 >> 8);
		b[7] = (uint8_t)(i * 160);
		f->frame.mono_ns += 19 * NS_PER_MS;
		feed(f, (struct feed_from){ .server = false }, b, sizeof b);
	}
	assert_null(feed_evidence(f, GROUP_SIGNALLING, CLASS_SIGNALLING));
	assert_null(feed_evidence(f, GROUP_SIGNALLING, CLASS_MEDIA));
	assert_int_equal(feed_judge(f).app, APP_RTP);
}

static void random_payloads_are_not_iax2(void **state)
{
	struct feed *f = *state;
	uint64_t r = 88172645463325252ull;
	uint8_t b[64];

	for (unsigned i = 0; i < 200000; i++) {
		for (size_t k = 0; k < sizeof b; k++) {
			r ^= r << 13;
			r ^= r >> 7;
			r ^= r << 17;
			b[k] = (uint8_t)r;
		}
		feed(f, (struct feed_from){ .server = i & 1, .client_port = (uint16_t)(1024 + i / 50) }, b, sizeof b);
		assert_true(feed_bits(f, GROUP_SIGNALLING, CLASS_SIGNALLING) < 10);
	}
}

static void calls_side_by_side(void **state)
{
	struct feed *f = *state;
	uint64_t first;

	set_up(f);
	first = f->signal.call;
	say(f, CALLER, (struct full){ 0x1300, 0, 3, 0, 0, IAX, NEW, ELEMENTS, sizeof ELEMENTS - 1 });
	assert_int_not_equal(f->signal.call, first);
	say(f, CALLER, (struct full){ 0x1234, 0x0777, 900, 2, 1, IAX, HANGUP, NULL, 0 });
	assert_int_equal(f->signal.call, first);
	assert_int_equal(f->signal.phase, CALL_ENDED);
}

static void damaged_frames(void **state)
{
	static const uint8_t begin[] = "\x92\x34\0\0\0\0\0\x03\0\0\x06\x01" ELEMENTS;

	(void)state;
	feed_damaged(begin, sizeof begin - 1, IPPROTO_UDP);
}

#define test(name) cmocka_unit_test_setup_teardown(name, feed_setup, feed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_new_call), test(a_call_from_set_up_to_end), test(a_call_refused), test(a_call_that_needs_a_token_is_one), test(mini_frames_are_media),
		test(stamps_at_another_pace_have_no_clock),
		test(the_stamp_comes_around), test(mini_frames_joined_midway), test(other_clocks_are_not_iax2),
		test(mini_frames_of_another_number_are_nothing), test(trunk_joined_midway), test(trunk_frames),
		test(joined_in_the_middle), test(rtp_is_not_iax2), test(random_payloads_are_not_iax2),
		test(calls_side_by_side), cmocka_unit_test(damaged_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
