/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ice_feed.h"

static const struct feed_from client = { .server = false }, server = { .server = true };

enum { CLIENT_HELLO = 1, SERVER_HELLO = 2 };

/* use_srtp with profile 1 (RFC 5764, 4.1.2), with one that does not exist, and others around. */
#define SRTP    "\x00\x0e\x00\x05\x00\x02\x00\x01\x00"
#define NO_SRTP "\x00\x0e\x00\x05\x00\x02\x77\x77\x00"
#define GROUPS_ "\x00\x0a\x00\x04\x00\x02\x00\x1d"
#define VERSIONS "\x00\x2b\x00\x02\xfe\xfc"
#define ALPN    "\x00\x10\x00\x09\x00\x07\x06webrtc"

static size_t put(uint8_t *to, const void *bytes, size_t n)
{
	memcpy(to, bytes, n);
	return n;
}

/* The body of a hello with these extensions. */
static size_t body(uint8_t *to, int type, const char *extensions, size_t n)
{
	size_t at = put(to, "\xfe\xfd", 2);

	memset(to + at, 0x5a, 32);
	at += 32;
	to[at++] = 0;
	at += type == CLIENT_HELLO ? put(to + at, "\x00\x00\x02\xc0\x2b\x01\x00", 7) : put(to + at, "\xc0\x2b\x00", 3);
	to[at++] = (uint8_t)(n >> 8);
	to[at++] = (uint8_t)n;
	return at + put(to + at, extensions, n);
}

/* A record with one fragment of a handshake message. */
static size_t record(uint8_t *to, int type, const uint8_t *bytes, size_t total, size_t from, size_t n)
{
	size_t at = put(to, "\x16\xfe\xff\x00\x00\x00\x00\x00\x00\x00\x00", 11);

	to[at++] = (uint8_t)((n + 12) >> 8);
	to[at++] = (uint8_t)(n + 12);
	to[at++] = (uint8_t)type;
	at += put(to + at, (uint8_t[]){ 0, (uint8_t)(total >> 8), (uint8_t)total, 0, 0 }, 5);
	at += put(to + at, (uint8_t[]){ 0, (uint8_t)(from >> 8), (uint8_t)from }, 3);
	at += put(to + at, (uint8_t[]){ 0, (uint8_t)(n >> 8), (uint8_t)n }, 3);
	return at + put(to + at, bytes + from, n);
}

static size_t hello(uint8_t *to, int type, const char *extensions, size_t n)
{
	uint8_t bytes[512];
	size_t len = body(bytes, type, extensions, n);

	return record(to, type, bytes, len, 0, len);
}

static void feed_hello(struct feed *f, struct feed_from from, int type, const char *extensions, size_t n)
{
	uint8_t bytes[512];
	size_t len = hello(bytes, type, extensions, n);

	feed(f, from, bytes, len);
}

#define FEED_HELLO(f, from, type, ext) feed_hello(f, from, type, ext, sizeof(ext) - 1)

/* A browser offers SRTP for a data channel alone too: reported, not acted on. */
static void offer_is_signalling(void **state)
{
	struct feed *f = *state;

	FEED_HELLO(f, client, CLIENT_HELLO, GROUPS_ SRTP);
	assert_int_equal(feed_judge(f).cls, CLASS_SIGNALLING);
	assert_int_equal(feed_judge(f).app, APP_DTLS);
	assert_true(feed_judge(f).bits >= REPORT_BITS && feed_judge(f).bits < ACT_BITS);
}

static void never_media(void **state)
{
	struct feed *f = *state;

	FEED_HELLO(f, client, CLIENT_HELLO, SRTP);
	FEED_HELLO(f, server, SERVER_HELLO, SRTP);
	assert_null(feed_evidence(f, GROUP_DTLS, CLASS_MEDIA));
}

static void without_srtp_is_nothing(void **state)
{
	struct feed *f = *state;

	FEED_HELLO(f, client, CLIENT_HELLO, GROUPS_);
	assert_int_equal(feed_judge(f).cls, CLASS_NONE);
	assert_int_equal(feed_judge(f).app, APP_DTLS);
}

static void unknown_profiles_are_no_offer(void **state)
{
	struct feed *f = *state;

	FEED_HELLO(f, client, CLIENT_HELLO, NO_SRTP);
	assert_int_equal(feed_judge(f).cls, CLASS_NONE);
}

static void accepted_offer_is_stronger(void **state)
{
	struct feed *f = *state;
	float offered;

	FEED_HELLO(f, client, CLIENT_HELLO, SRTP);
	offered = feed_judge(f).bits;
	FEED_HELLO(f, server, SERVER_HELLO, SRTP);
	assert_true(feed_judge(f).bits > offered && feed_judge(f).bits < ACT_BITS);
}

static void declined_offer_is_withdrawn(void **state)
{
	struct feed *f = *state;

	FEED_HELLO(f, client, CLIENT_HELLO, SRTP);
	FEED_HELLO(f, server, SERVER_HELLO, GROUPS_);
	assert_int_equal(feed_judge(f).cls, CLASS_NONE);
}

/* DTLS 1.3 answers inside the encryption: what was offered stays. */
static void hidden_answer_leaves_the_offer(void **state)
{
	struct feed *f = *state;

	FEED_HELLO(f, client, CLIENT_HELLO, SRTP);
	FEED_HELLO(f, server, SERVER_HELLO, VERSIONS);
	assert_int_equal(feed_judge(f).cls, CLASS_SIGNALLING);
}

static void browser_is_named(void **state)
{
	struct feed *f = *state;

	FEED_HELLO(f, client, CLIENT_HELLO, SRTP ALPN);
	assert_int_equal(feed_judge(f).app, APP_WEBRTC);
}

static void after_ice_it_is_webrtc(void **state)
{
	static const uint8_t binding[20] = "\x00\x01\x00\x00\x21\x12\xa4\x42" "abcdefghijkl";
	struct feed *f = *state;

	feed(f, client, binding, sizeof binding);
	FEED_HELLO(f, client, CLIENT_HELLO, SRTP);
	assert_int_equal(feed_judge(f).app, APP_WEBRTC);
}

/* A hello in two datagrams; `cut` is where the first ends. */
static void feed_halves(struct feed *f, size_t cut, bool swapped)
{
	uint8_t bytes[512], first[512], second[512];
	size_t len = body(bytes, CLIENT_HELLO, GROUPS_ SRTP, sizeof(GROUPS_ SRTP) - 1);
	size_t a = record(first, CLIENT_HELLO, bytes, len, 0, cut);
	size_t b = record(second, CLIENT_HELLO, bytes, len, cut, len - cut);

	if (swapped)
		feed(f, client, second, b);
	feed(f, client, first, a);
	if (!swapped)
		feed(f, client, second, b);
}

static void fragments_are_joined(void **state)
{
	struct feed *f = *state;

	feed_halves(f, 20, false);
	assert_int_equal(feed_judge(f).cls, CLASS_SIGNALLING);
}

static void fragments_out_of_order_are_not(void **state)
{
	struct feed *f = *state;

	feed_halves(f, 20, true);
	assert_null(feed_evidence(f, GROUP_DTLS, CLASS_SIGNALLING));
}

/* Fragments that claim more than is kept, or lie about where they belong. */
static void hostile_fragments_are_left(void **state)
{
	uint8_t bytes[512] = { 0 }, out[600];
	struct feed *f = *state;

	feed(f, client, out, record(out, CLIENT_HELLO, bytes, 65000, 0, 400));
	feed(f, client, out, record(out, CLIENT_HELLO, bytes, 2048, 0, 400));
	feed(f, client, out, record(out, CLIENT_HELLO, bytes, 2048, 1900, 148));
	feed(f, client, out, record(out, CLIENT_HELLO, bytes, 100, 90, 60));
	assert_null(feed_evidence(f, GROUP_DTLS, CLASS_SIGNALLING));
}

/* In order and complete, but more than is kept of a hello, HELLO_MAX (dtls.c). */
static void large_hello_is_not_joined(void **state)
{
	enum { TOTAL = 3000, PIECE = 400 };
	static uint8_t bytes[TOTAL];
	uint8_t out[PIECE + 32];
	struct feed *f = *state;
	size_t n = body(bytes, CLIENT_HELLO, SRTP, sizeof(SRTP) - 1);

	assert_true(n < TOTAL);
	for (size_t at = 0; at < TOTAL; at += PIECE)
		feed(f, client, out, record(out, CLIENT_HELLO, bytes, TOTAL, at, TOTAL - at < PIECE ? TOTAL - at : PIECE));
	assert_null(feed_evidence(f, GROUP_DTLS, CLASS_SIGNALLING));
	assert_null(f->flow->watch); /* nothing was kept for it */
}

static void two_records_in_one_datagram(void **state)
{
	struct feed *f = *state;
	uint8_t bytes[512], out[1024];
	size_t len = body(bytes, CLIENT_HELLO, SRTP, sizeof(SRTP) - 1);
	size_t n = record(out, CLIENT_HELLO, bytes, len, 0, 30);

	n += record(out + n, CLIENT_HELLO, bytes, len, 30, len - 30);
	feed(f, client, out, n);
	assert_int_equal(feed_judge(f).cls, CLASS_SIGNALLING);
}

/* Every cut: an offer may only be seen once the extension is there whole. */
static void cut_hello_is_read_as_far_as_it_goes(void **state)
{
	uint8_t bytes[512];
	size_t len = hello(bytes, CLIENT_HELLO, SRTP GROUPS_, sizeof(SRTP GROUPS_) - 1);
	size_t srtp_end = len - (sizeof(GROUPS_) - 1);
	struct feed *f = *state;

	for (size_t cut = 0; cut < len; cut++) {
		feed(f, (struct feed_from){ .client_port = (uint16_t)(45000 + cut), .cut = (uint32_t)cut }, bytes, len);
		assert_int_equal(feed_evidence(f, GROUP_DTLS, CLASS_SIGNALLING) != NULL, len - cut >= srtp_end);
	}
}

/* One byte changed in a length, a version or the epoch. */
static void damaged_hello_is_no_offer(void **state)
{
	static const size_t at[] = { 1, 2, 3, 4, 11, 12, 15, 16, 21, 22, 24, 25, 26, 59, 62, 69 };
	uint8_t bytes[512];
	size_t len = hello(bytes, CLIENT_HELLO, SRTP, sizeof(SRTP) - 1);
	struct feed *f = *state;

	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		bytes[at[i]] ^= 0x41;
		feed(f, (struct feed_from){ .client_port = (uint16_t)(46000 + i) }, bytes, len);
		assert_null(feed_evidence(f, GROUP_DTLS, CLASS_SIGNALLING));
		bytes[at[i]] ^= 0x41;
	}
}

#define WITH_FEED(t) cmocka_unit_test_setup_teardown(t, feed_setup, feed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FEED(offer_is_signalling),
		WITH_FEED(never_media),
		WITH_FEED(without_srtp_is_nothing),
		WITH_FEED(unknown_profiles_are_no_offer),
		WITH_FEED(accepted_offer_is_stronger),
		WITH_FEED(declined_offer_is_withdrawn),
		WITH_FEED(hidden_answer_leaves_the_offer),
		WITH_FEED(browser_is_named),
		WITH_FEED(after_ice_it_is_webrtc),
		WITH_FEED(fragments_are_joined),
		WITH_FEED(fragments_out_of_order_are_not),
		WITH_FEED(hostile_fragments_are_left),
		WITH_FEED(large_hello_is_not_joined),
		WITH_FEED(two_records_in_one_datagram),
		WITH_FEED(cut_hello_is_read_as_far_as_it_goes),
		WITH_FEED(damaged_hello_is_no_offer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
