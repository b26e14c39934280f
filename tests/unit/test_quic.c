/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>

#include <cmocka.h>

#include "detect/name_evidence.h"
#include "hello_build.h"
#include "look_bench.h"
#include "quic_seal.h"

/* The identifier of the examples in RFC 9001, appendix A, and RFC 9369, appendix A. */
static const uint8_t cid[8] = { 0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08 };

#define V1 0x00000001
#define V2 0x6b3343cf

static void test_keys_of_the_rfcs(void **state)
{
	static const struct { uint32_t version; struct quic_keys keys; } rfc[] = {
		{ V1, {
		  { 0x1f, 0x36, 0x96, 0x13, 0xdd, 0x76, 0xd5, 0x46, 0x77, 0x30, 0xef, 0xcb, 0xe3, 0xb1, 0xa2, 0x2d },
		  { 0xfa, 0x04, 0x4b, 0x2f, 0x42, 0xa3, 0xfd, 0x3b, 0x46, 0xfb, 0x25, 0x5c },
		  { 0x9f, 0x50, 0x44, 0x9e, 0x04, 0xa0, 0xe8, 0x10, 0x28, 0x3a, 0x1e, 0x99, 0x33, 0xad, 0xed, 0xd2 } } },
		{ V2, {
		  { 0x8b, 0x1a, 0x0b, 0xc1, 0x21, 0x28, 0x42, 0x90, 0xa2, 0x9e, 0x09, 0x71, 0xb5, 0xcd, 0x04, 0x5d },
		  { 0x91, 0xf7, 0x3e, 0x23, 0x51, 0xd8, 0xfa, 0x91, 0x66, 0x0e, 0x90, 0x9f },
		  { 0x45, 0xb9, 0x5e, 0x15, 0x23, 0x5d, 0x6f, 0x45, 0xa6, 0xb1, 0x9c, 0xbc, 0xb0, 0x29, 0x4b, 0xa9 } } },
	};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct quic_keys k;

		assert_true(quic_client_keys(quic_version_find(rfc[i].version), cid, sizeof cid, &k));
		assert_memory_equal(k.key, rfc[i].keys.key, 16);
		assert_memory_equal(k.iv, rfc[i].keys.iv, 12);
		assert_memory_equal(k.hp, rfc[i].keys.hp, 16);
	}
}

/* A CRYPTO frame (RFC 9000, 19.6) with bytes [from, to) of a message. */
static size_t crypto(uint8_t *out, const uint8_t *message, size_t from, size_t to)
{
	size_t n = 0;

	out[n++] = 6;
	out[n++] = (uint8_t)(0x40 | from >> 8);
	out[n++] = (uint8_t)from;
	out[n++] = (uint8_t)(0x40 | (to - from) >> 8);
	out[n++] = (uint8_t)(to - from);
	memcpy(out + n, message + from, to - from);
	return n + to - from;
}

#define FRAMES 1200 /* frames and padding of each packet */

static uint8_t hello[4000], frames[FRAMES], datagram[1500];

/* With the first `frames_len` bytes of the frames. */
static enum look_result transmit_part(struct bench *b, int dir, uint32_t version, uint16_t number, size_t frames_len)
{
	const struct quic_version *v = quic_version_find(version);
	struct quic_keys k;
	struct look l;
	size_t n;

	assert_true(quic_client_keys(v, cid, sizeof cid, &k));
	n = quic_seal(datagram, (uint8_t)(0xc0 | v->initial << 4), version, &k, cid, sizeof cid,
	    number, frames, frames_len);
	l = bench_look(b, dir, datagram, n, quic_look, NULL);
	return quic_look(&l);
}

static enum look_result transmit(struct bench *b, int dir, uint32_t version, uint16_t number)
{
	return transmit_part(b, dir, version, number, sizeof frames);
}

static void test_every_version_gives_the_name(void **state)
{
	static const uint32_t versions[] = {
		V1, V2, 0xff00001d, 0xff000020, 0xff000022, 0xff00001b, 0xff000017, 0xfaceb001, 0xfaceb002,
	};
	size_t n = hello_build(hello, "media.fmct2-1.fna.whatsapp.net", 0);

	(void)state;
	for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
		struct bench b;

		bench_open(&b, IPPROTO_UDP, 40000, 443);
		memset(frames, 0, sizeof frames);
		crypto(frames, hello, 0, n);
		assert_int_equal(transmit(&b, 0, versions[i], 1), LOOK_NO);
		assert_non_null(bench_evidence(&b));
		assert_int_equal(bench_evidence(&b)->cls, CLASS_CONTROL);
		assert_int_equal(bench_evidence(&b)->app, APP_WHATSAPP);
		assert_true(bench_evidence(&b)->bits == NAME_BITS);
		bench_close(&b);
	}
}

/* The end of the hello comes first, in two frames out of order; its begin in the next datagram. */
static void test_frames_out_of_order_over_datagrams(void **state)
{
	struct bench b;
	size_t n = hello_build(hello, "zoom.us", 1000), at;

	(void)state;
	bench_open(&b, IPPROTO_UDP, 40000, 443);
	memset(frames, 0, sizeof frames);
	frames[0] = 1; /* PING */
	at = 1 + crypto(frames + 1, hello, n - 100, n);
	crypto(frames + at + 7, hello, n - 300, n - 100);
	assert_int_equal(transmit(&b, 0, V1, 1), LOOK_YES);
	assert_null(bench_evidence(&b));
	memset(frames, 0, sizeof frames);
	crypto(frames, hello, 0, n - 300);
	assert_int_equal(transmit(&b, 0, V1, 2), LOOK_NO);
	assert_non_null(bench_evidence(&b));
	assert_int_equal(bench_evidence(&b)->app, APP_ZOOM);
	bench_close(&b);
}

static void test_tries_are_bounded(void **state)
{
	struct bench b;
	enum look_result r = LOOK_YES;
	unsigned sent = 0;

	(void)state;
	hello_build(hello, "zoom.us", 0);
	bench_open(&b, IPPROTO_UDP, 40000, 443);
	memset(frames, 0, sizeof frames);
	crypto(frames, hello, 0, 10);
	while (r == LOOK_YES && sent < 100)
		r = transmit(&b, 0, V1, (uint16_t)++sent);
	assert_int_equal(sent, 4);
	assert_null(bench_evidence(&b));
	bench_close(&b);
}

static void test_one_changed_bit_is_not_authentic(void **state)
{
	struct bench b;
	size_t n = hello_build(hello, "zoom.us", 0), len;
	struct quic_keys k;

	(void)state;
	bench_open(&b, IPPROTO_UDP, 40000, 443);
	memset(frames, 0, sizeof frames);
	crypto(frames, hello, 0, n);
	assert_true(quic_client_keys(quic_version_find(V1), cid, sizeof cid, &k));
	len = quic_seal(datagram, 0xc0, V1, &k, cid, sizeof cid, 1, frames, sizeof frames);
	for (size_t i = 0; i < len; i += 97) {
		struct look l;

		datagram[i] ^= 0x08;
		l = bench_look(&b, 0, datagram, len, quic_look, NULL);
		assert_int_equal(quic_look(&l), LOOK_MAYBE);
		datagram[i] ^= 0x08;
	}
	assert_null(b.flow.watch); /* costs no memory */
	bench_close(&b);
}

/* RFC 9000, 14.1: a client fills its Initial packets up; what is shorter costs no decryption. */
static void test_a_hello_in_a_small_datagram_is_left(void **state)
{
	size_t n = hello_build(hello, "zoom.us", 0);
	struct bench b;

	(void)state;
	bench_open(&b, IPPROTO_UDP, 40000, 443);
	memset(frames, 0, sizeof frames);
	crypto(frames, hello, 0, n);
	(void)transmit_part(&b, 0, V1, 1, 1000);
	assert_null(bench_evidence(&b));
	(void)transmit(&b, 0, V1, 1);
	assert_non_null(bench_evidence(&b));
	bench_close(&b);
}

static void test_short_and_cut_datagrams_are_left(void **state)
{
	static const uint8_t start[] = { 0xc0, 0, 0, 0, 1 };
	struct bench b;

	(void)state;
	bench_open(&b, IPPROTO_UDP, 40000, 443);
	for (uint32_t n = 1; n <= sizeof start; n++) {
		struct look l = bench_look(&b, 0, start, n, quic_look, NULL);

		l.wire = 1300; /* the capture kept n bytes */
		assert_int_equal(quic_look(&l), LOOK_MAYBE);
	}
	assert_null(b.flow.watch);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_of_the_rfcs),
		cmocka_unit_test(test_every_version_gives_the_name),
		cmocka_unit_test(test_frames_out_of_order_over_datagrams),
		cmocka_unit_test(test_tries_are_bounded),
		cmocka_unit_test(test_one_changed_bit_is_not_authentic),
		cmocka_unit_test(test_a_hello_in_a_small_datagram_is_left),
		cmocka_unit_test(test_short_and_cut_datagrams_are_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
