/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "call_feed.h"

#include "base/clock.h"

#define CALLER false
#define LISTENER true

enum { LIVE = 0xbf, STREAM = 0x40 | 0xbc, NO_EXTENSION = 0 }; /* flags of libsrt 1.5 */
enum { SOLO = 3, FIRST = 2 };
enum { HERE = 0x11002e7a, THERE = 0x3d578692 }; /* sockets of the listener and of the caller */

static void put(uint8_t **p, uint32_t v)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		*(*p)++ = (uint8_t)(v >> shift);
}

static void header(uint8_t **p, uint32_t first, uint32_t second, uint32_t to)
{
	put(p, first);
	put(p, second);
	put(p, 1000);
	put(p, to);
}

struct shake { uint32_t to, version, extension, type, socket, flags; };

static void shake(struct feed *f, bool server, struct shake h)
{
	uint8_t b[128] = { 0 }, *p = b;

	header(&p, 0x80000000u, 0, h.to);
	put(&p, h.version);
	put(&p, h.extension);
	put(&p, 0x1234567);
	put(&p, 1500);
	put(&p, 8192);
	put(&p, h.type);
	put(&p, h.socket);
	p += 20;
	if (h.flags != NO_EXTENSION) {
		put(&p, (server ? 2u : 1u) << 16 | 3);
		put(&p, 0x00010501);
		put(&p, h.flags);
		put(&p, 0x00780078);
	}
	feed(f, (struct feed_from){ .server = server }, b, (size_t)(p - b));
}

static void introduce(struct feed *f, uint32_t flags)
{
	shake(f, CALLER, (struct shake){ 0, 4, 2, 1, THERE, NO_EXTENSION });
	shake(f, LISTENER, (struct shake){ THERE, 5, 0x4a17, 1, HERE, NO_EXTENSION });
	shake(f, CALLER, (struct shake){ 0, 5, 1, 0xffffffff, THERE, flags });
	shake(f, LISTENER, (struct shake){ THERE, 5, 1, 0xffffffff, HERE, flags });
}

enum { AGAIN = 1, EVEN_KEY = 2, ODD_KEY = 4 };
struct data { uint32_t position, flags; bool rtp; };

/* Packet n of an end: a message of 172 bytes, RTP or not. */
static void data(struct feed *f, bool server, uint32_t n, struct data d)
{
	uint8_t b[16 + 172] = { 0 }, *p = b;

	f->frame.mono_ns += 9 * NS_PER_MS; /* and 1 by feed */
	header(&p, 0x1234567 + n, d.position << 30 | d.flags << 26 | (n + 1), server ? THERE : HERE);
	memset(p, 0x47, 172);
	if (d.rtp) {
		put(&p, 0x80080000u | (100 + n));
		put(&p, 8000 + 160 * n);
		put(&p, 0xcafe0000u + server);
	}
	feed(f, (struct feed_from){ .server = server }, b, sizeof b);
}

/* What `server` wants next is packet n. */
static void ack(struct feed *f, bool server, uint32_t number, uint32_t n, size_t words)
{
	uint8_t b[16 + 28] = { 0 }, *p = b;

	header(&p, 0x80020000u, number, server ? THERE : HERE);
	put(&p, 0x1234567 + n);
	feed(f, (struct feed_from){ .server = server }, b, 16 + 4 * words);
}

static void talk(struct feed *f, uint32_t packets, struct data d)
{
	for (uint32_t n = 0; n < packets; n++) {
		data(f, CALLER, n, d);
		data(f, LISTENER, n, d);
	}
}

static void live_one_way_is_streaming(void **state)
{
	struct feed *f = *state;

	introduce(f, LIVE);
	for (uint32_t n = 0; n < 100; n++) {
		data(f, CALLER, n, (struct data){ .position = SOLO });
		ack(f, LISTENER, n + 1, n + 1, 7);
	}
	assert_int_equal(feed_judge(f).cls, CLASS_STREAMING);
	assert_int_equal(feed_judge(f).app, APP_SRT);
	assert_float_equal(feed_judge(f).bits, 44, 0.01);
}

static void live_both_ways_is_reported(void **state)
{
	struct feed *f = *state;

	introduce(f, LIVE);
	talk(f, 11, (struct data){ .position = SOLO, .flags = EVEN_KEY });
	assert_int_equal(feed_judge(f).cls, CLASS_STREAMING);
	talk(f, 1, (struct data){ .position = SOLO, .flags = EVEN_KEY });
	assert_int_equal(feed_judge(f).cls, CLASS_MEDIA);
	assert_int_equal(feed_judge(f).app, APP_SRT);
	assert_float_equal(feed_bits(f, GROUP_VENDOR, CLASS_MEDIA), 12, 0.01);
}

/* A receiver that says something now and then does not talk; what is sent again counts once. */
static void little_is_not_live(void **state)
{
	struct feed *f = *state;

	introduce(f, LIVE);
	for (uint32_t n = 0; n < 400; n++) {
		data(f, CALLER, n, (struct data){ .position = SOLO });
		data(f, LISTENER, n, (struct data){ .position = SOLO, .flags = n % 40 == 0 ? 0 : AGAIN });
	}
	assert_float_equal(feed_bits(f, GROUP_VENDOR, CLASS_STREAMING), 44, 0.01);
}

static void rtp_inside_is_rtp(void **state)
{
	struct feed *f = *state;

	introduce(f, LIVE);
	talk(f, 40, (struct data){ .position = SOLO, .rtp = true });
	assert_float_equal(feed_bits(f, GROUP_RTP, CLASS_MEDIA), 24, 4.01);
	assert_int_equal(feed_judge(f).app, APP_SRT);
}

static void encrypted_is_not_looked_into(void **state)
{
	struct feed *f = *state;

	introduce(f, LIVE);
	talk(f, 40, (struct data){ .position = SOLO, .rtp = true, .flags = ODD_KEY });
	assert_float_equal(feed_bits(f, GROUP_RTP, CLASS_MEDIA), 0, 0.01);
	assert_float_equal(feed_bits(f, GROUP_VENDOR, CLASS_MEDIA), 12, 0.01);
}

/* An acknowledgement begins as RTP does; of the RTP inside none is counted twice for it. */
static void control_packets_are_not_rtp(void **state)
{
	struct feed *f = *state;
	struct media_stats m[MEDIA_STATS_MAX];

	introduce(f, LIVE);
	for (uint32_t n = 0; n < 60; n++) {
		data(f, CALLER, n, (struct data){ .position = SOLO, .rtp = true });
		ack(f, CALLER, n + 1, n, 7);
		data(f, LISTENER, n, (struct data){ .position = SOLO, .rtp = true });
	}
	assert_int_equal(detect_media(f->flow, 0, m), 1);
	assert_int_equal(m[0].ssrc, 0xcafe0000);
	assert_in_range(m[0].packets, 58, 60); /* the first ones come before SRT is proved */
}

/* Four packets of a handshake do not hide a call that does without SRT. */
static void a_handshake_hides_no_rtp(void **state)
{
	struct feed *f = *state;

	introduce(f, LIVE);
	for (uint32_t n = 0; n < 40; n++) {
		uint8_t b[172], *p = b;

		put(&p, 0x80080000u | (100 + n));
		put(&p, 8000 + 160 * n);
		put(&p, 0xcafe0001);
		memset(p, (int)(0x55 + n), 160);
		f->frame.mono_ns += 19 * NS_PER_MS; /* and 1 by feed */
		feed(f, (struct feed_from){ .server = false }, b, sizeof b);
	}
	assert_true(feed_bits(f, GROUP_RTP, CLASS_MEDIA) >= 16);
}

static void files_are_not_live(void **state)
{
	struct feed *f = *state;

	introduce(f, STREAM);
	talk(f, 40, (struct data){ .position = SOLO });
	assert_int_equal(feed_judge(f).cls, CLASS_CONTROL);
	assert_int_equal(feed_judge(f).app, APP_SRT);
}

static void joined_midway(void **state)
{
	struct feed *f = *state;

	for (uint32_t n = 0; n < 10; n++) {
		data(f, CALLER, 100 + n, (struct data){ .position = SOLO });
		ack(f, LISTENER, 50 + n, 101 + n, 7);
	}
	assert_int_equal(feed_judge(f).cls, CLASS_STREAMING);
	assert_float_equal(feed_judge(f).bits, 24, 0.01);
	talk(f, 20, (struct data){ .position = SOLO, .flags = EVEN_KEY });
	assert_int_equal(feed_judge(f).cls, CLASS_MEDIA);
}

static void a_file_joined_midway(void **state)
{
	struct feed *f = *state;

	for (uint32_t n = 0; n < 10; n++) {
		data(f, CALLER, 100 + n, (struct data){ .position = n == 0 ? FIRST : SOLO });
		ack(f, LISTENER, 50 + n, 101 + n, 7);
		data(f, CALLER, 200 + n, (struct data){ .position = n % 2 == 0 ? FIRST : SOLO });
	}
	assert_int_equal(feed_judge(f).cls, CLASS_CONTROL);
}

/* UDT, of which SRT was made: the same handshake without magic and extension, acknowledgements of six words. */
static void udt_is_not_srt(void **state)
{
	struct feed *f = *state;

	shake(f, CALLER, (struct shake){ 0, 4, 1, 1, THERE, NO_EXTENSION });
	shake(f, LISTENER, (struct shake){ THERE, 4, 1, 1, HERE, NO_EXTENSION });
	shake(f, CALLER, (struct shake){ 0, 4, 1, 0xffffffff, THERE, NO_EXTENSION });
	shake(f, LISTENER, (struct shake){ THERE, 4, 1, 0xffffffff, HERE, NO_EXTENSION });
	for (uint32_t n = 0; n < 40; n++) {
		data(f, CALLER, n, (struct data){ .position = SOLO });
		ack(f, LISTENER, n + 1, n + 1, 6);
	}
	assert_int_equal(feed_judge(f).app, APP_NONE);
}

static void answers_to_others_prove_nothing(void **state)
{
	struct feed *f = *state;

	shake(f, CALLER, (struct shake){ 0, 4, 2, 1, THERE, NO_EXTENSION });
	shake(f, LISTENER, (struct shake){ THERE + 1, 5, 0x4a17, 1, HERE, NO_EXTENSION });
	shake(f, CALLER, (struct shake){ 0, 5, 1, 0xffffffff, THERE, LIVE });
	for (uint32_t n = 0; n < 40; n++) {
		data(f, CALLER, n, (struct data){ .position = SOLO });
		ack(f, LISTENER, n + 1, 0x40000000u + n * 77777, 7);
	}
	assert_int_equal(feed_judge(f).app, APP_NONE);
}

static void damaged_packets(void **state)
{
	uint8_t b[80] = { 0 }, *p = b;

	(void)state;
	header(&p, 0x80000000u, 0, THERE);
	put(&p, 5);
	put(&p, 1);
	p += 12;
	put(&p, 0xffffffff);
	put(&p, HERE);
	p += 20;
	put(&p, 1u << 16 | 3);
	put(&p, 0x00010501);
	put(&p, LIVE);
	put(&p, 0x00780078);
	assert_int_equal(p - b, sizeof b);
	feed_damaged(b, sizeof b, IPPROTO_UDP);
}

#define test(name) cmocka_unit_test_setup_teardown(name, feed_setup, feed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(live_one_way_is_streaming), test(live_both_ways_is_reported), test(little_is_not_live), test(rtp_inside_is_rtp),
		test(encrypted_is_not_looked_into), test(control_packets_are_not_rtp), test(a_handshake_hides_no_rtp), test(files_are_not_live), test(joined_midway),
		test(a_file_joined_midway), test(udt_is_not_srt), test(answers_to_others_prove_nothing), cmocka_unit_test(damaged_packets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
