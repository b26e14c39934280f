/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "skype_feed.h"
#include "skype_make.h"

#include "detect/skype_segment.h"

static const struct end client = { { 192, 168, 1, 34 }, 50118 }, server = { { 5, 248, 186, 221 }, 31010 };
static const uint8_t hello[72] =
	"\x80\x46\x01\x03\x01\x00\x2d\x00\x00\x00\x10\x00\x00\x05\x00\x00\x04\x00\x00\x0a\x00\x00\x09\x00\x00\x64\x00\x00"
	"\x62\x00\x00\x08\x00\x00\x03\x00\x00\x06\x01\x00\x80\x07\x00\xc0\x03\x00\x80\x06\x00\x40\x02\x00\x80\x04\x00\x80";
static const uint8_t server_hello[79] =
	"\x16\x03\x01\x00\x4a\x02\x00\x00\x46\x03\x01\x40\x1b\xe4\x86\x02\xad\xe0\x29\xe1\x77\x74\xe5\x44\xb9\xc9\x9c"
	"\xb4\x31\x31\x5e\x02\xdd\x77\x9d\x15\x4a\x96\x09\xba\x5d\xa8\x70\x20\x1c\xa0\xe4\xf6\x4c\x63\x51\xae\x2f\x8e"
	"\x4e\xe1\xe6\x76\x6a\x0a\x88\xd5\xd8\xc5\x5c\xae\x98\xc5\xe4\x81\xf2\x2a\x69\xbf\x90\x58\x00\x05";

static struct skype_make maker(void)
{
	return (struct skype_make){ .x = 0x6b8b4567, .id = 0x166d, .noise = 42 };
}

static int setup_tcp(void **state)
{
	int failed = feed_setup(state);

	((struct feed *)*state)->proto = IPPROTO_TCP;
	return failed;
}

static bool say(struct feed *f, bool by_server, const void *bytes, uint32_t n)
{
	return by_server ? feed(f, server, client, bytes, n) : feed(f, client, server, bytes, n);
}

static void open_connection(struct feed *f)
{
	f->tcp_flags = 0x02;
	(void)feed(f, client, server, (const uint8_t *)"", 0);
	f->tcp_flags = 0x12;
	(void)feed(f, server, client, (const uint8_t *)"", 0);
	f->tcp_flags = 0x18;
}

/* --- T1 --- */

/* First segment of a connection of 2015 (docs/SKYPE.md, worked example). */
static const uint8_t measured[29] =
	"\x71\xf1\xb4\x42\x91\x37\x44\x3b\x21\x27\xba\x68\x0e\x87\x09\x7f\xb5\x55\xa6\xaa\x37\x32\x8d\xd0"
	"\xc8\x61\x54\x7e\x75";

static void first_segment_proves(void **state)
{
	struct feed *f = *state;

	open_connection(f);
	assert_true(say(f, false, measured, sizeof measured));
	assert_true(feed_bits(f) >= 71);
	assert_int_equal(host_of(f, client)->generation, SKYPE_AGE_LATE);
	assert_int_equal(host_of(f, client)->supernodes, 1);
	assert_int_equal(host_of(f, client)->supernode[0].port, server.port);
	assert_null(host_of(f, server)); /* it said nothing yet */
}

/* Every bit of the bytes that are compared matters; those of h0 that are free do not. */
static void one_bit_off_is_not_skype(void **state)
{
	(void)state;
	for (unsigned bit = 0; bit < 24 * 8; bit++) {
		struct feed *f;
		uint8_t b[sizeof measured];

		if (bit < 24 || bit / 8 == 4 || bit / 8 == 14)
			continue; /* high bits of the seed never reach a low byte; versions and lengths are several */
		setup_tcp((void **)&f);
		memcpy(b, measured, sizeof b);
		b[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (say(f, false, b, sizeof b))
			fail_msg("bit %u", bit);
		feed_teardown((void **)&f);
	}
}

static void every_generation_both_ways(void **state)
{
	static const struct { uint8_t version, mark; enum skype_generation g; } row[] = {
		{ 0x00, 0x03, SKYPE_AGE_2006 }, { 0x04, 0x0f, SKYPE_AGE_LATE }, { 0x02, 0x0f, SKYPE_AGE_LATE },
	};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct skype_make m = maker();
		struct feed *f;
		uint8_t b[128];

		setup_tcp((void **)&f);
		open_connection(f);
		assert_true(say(f, true, b, make_header(&m, b, row[i].version, row[i].mark, 8 + i * 20)));
		assert_int_equal(host_of(f, server)->generation, row[i].g);
		assert_int_equal(host_of(f, server)->listening, server.port);
		feed_teardown((void **)&f);
	}
}

/* More than the record in one segment (merged by the receiver): the length no longer helps. */
static void header_with_more_behind(void **state)
{
	struct feed *f = *state;
	struct skype_make m = maker();
	uint8_t b[256];
	uint32_t n = make_header(&m, b, 4, 0x0f, 20);

	make_noise_at(&m, b + n, 100);
	assert_true(say(f, false, b, n + 100));
}

/* --- T2 --- */

static void padding_proves(void **state)
{
	struct feed *f = *state;
	struct skype_make m = maker();
	uint8_t b[128];

	assert_true(say(f, false, b, make_padding(&m, b, 30)));
	assert_true(feed_bits(f) == 232);
}

static void short_paddings_add_up(void **state)
{
	struct feed *f = *state;
	struct skype_make m = maker();
	uint8_t b[128];

	assert_false(say(f, false, b, make_padding(&m, b, 5)));
	assert_true(say(f, true, b, make_padding(&m, b, 4)));
	assert_true(feed_bits(f) == 56);
}

static void padding_with_message_behind(void **state)
{
	struct feed *f = *state;
	struct skype_make m = maker();
	uint8_t b[128];
	uint32_t n = make_padding(&m, b, 20);

	make_noise_at(&m, b + n, 9);
	assert_false(say(f, true, b, n + 9)); /* no message has nine bytes */
	assert_true(say(f, true, b, n + 8));
}

/* Once in 256 times the message's first byte looks like one more of the padding. */
static void message_that_continues_the_padding(void **state)
{
	struct feed *f = *state;
	struct skype_make m = maker();
	uint8_t b[128];
	uint32_t n = make_padding(&m, b, 20);

	make_noise_at(&m, b + n, 8);
	b[n] = skype_lcg_next_byte(b[n - 1]);
	assert_true(say(f, true, b, n + 8));
	assert_true(feed_bits(f) == 152);
}

/* --- T3, T4 --- */

static void imitated_hellos(void **state)
{
	struct feed *f = *state;
	struct skype_make m = maker();
	uint8_t b[256];
	uint32_t n;

	memcpy(b, hello, 56);
	for (unsigned i = 0; i < 16; i++)
		b[56 + i] = (uint8_t)make_step(&m);
	n = 72 + make_header(&m, b + 72, 4, 0x0f, 12);
	open_connection(f);
	assert_true(say(f, false, b, n));
	assert_int_equal(host_of(f, client)->generation, SKYPE_AGE_UNKNOWN); /* of the hello; noted once */
	memcpy(b, server_hello, sizeof server_hello);
	assert_true(say(f, true, b, sizeof server_hello));
}

static void ordinary_ssl2_hello_is_not(void **state)
{
	struct feed *f = *state;
	struct skype_make m = maker();
	uint8_t b[72];

	memcpy(b, hello, 56);
	make_noise_at(&m, b + 56, 16);
	assert_false(say(f, false, b, sizeof b));
}

/* --- T5 --- */

static void client_1_2(void **state)
{
	struct feed *f = *state;
	struct skype_make m = maker(), s = { .x = 5, .noise = 9 };
	uint8_t first[14], second[64], back[14], ack[4];
	uint32_t n = make_old(&m, first, second, 19);

	open_connection(f);
	make_old_answer(&s, back, ack, m.id);
	assert_false(say(f, false, first, 14));
	assert_false(say(f, true, back, 14));
	assert_true(say(f, false, second, n));
	assert_true(say(f, true, ack, 4));
	assert_true(feed_bits(f) == 41 + 16 + 16);
	assert_int_equal(host_of(f, client)->generation, SKYPE_AGE_1_2);
}

/* docs/SKYPE.md, the connection of 2006: segments of 14 and 25 bytes, of the second the first ten. */
static void client_1_2_measured(void **state)
{
	static const uint8_t first[14] = "\x07\x90\xc7\xdd\x5d\xf5\xe3\x9e\x3c\x0c\x55\x41\x41\x44";
	uint8_t second[25] = "\x6d\xe2\xe5\x8d\xce\x0c\x43\x44\x03\x0c";
	struct feed *f = *state;

	assert_false(say(f, false, first, sizeof first));
	assert_true(say(f, false, second, sizeof second));
}

/* Lengths, frame and request number, command, list type: one bit of each off, and it is not. The list type has two values, the command some. */
static void client_1_2_one_bit_off(void **state)
{
	(void)state;
	for (unsigned bit = 0; bit < 9 * 8; bit++) {
		struct skype_make m = maker();
		uint8_t first[14], second[64];
		struct skype_find find;
		uint32_t n = make_old(&m, first, second, 19);
		bool free = bit / 8 == 4 || bit / 8 == 5 || bit == 64 || bit == 65;

		second[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (!free && skype_segment_old(first, second, n, &find))
			fail_msg("bit %u", bit);
	}
}

static void client_1_2_in_one_piece(void **state)
{
	struct feed *f = *state;
	struct skype_make m = maker();
	uint8_t b[128];
	uint32_t n = make_old(&m, b, b + 14, 19);

	assert_true(say(f, false, b, 14 + n));
}

/* T7: the answering side alone has 16 bits; that its seed is the next of its UDP chain gives the rest. */
static void seed_follows_the_chain(void **state)
{
	struct feed *f = *state;
	struct skype_make m = maker();
	struct end udp = { { 5, 248, 186, 221 }, 31010 };
	uint8_t b[64], back[14], ack[4], first[14], second[64];
	struct skype_make c = { .x = 77, .noise = 9 };

	f->proto = IPPROTO_UDP;
	(void)feed(f, udp, client, b, make_payload(&m, b, 20));
	(void)feed(f, udp, client, b, make_payload(&m, b, 20));
	f->proto = IPPROTO_TCP;
	make_old(&c, first, second, 19);
	make_old_answer(&m, back, ack, c.id);
	assert_false(say(f, true, back, 14));
	assert_true(say(f, true, ack, 4));
	assert_true(feed_bits(f) == 16 + 30);
}

static void answer_without_a_chain_is_weak(void **state)
{
	struct feed *f = *state;
	struct skype_make m = maker();
	uint8_t back[14], ack[4];

	make_old_answer(&m, back, ack, 0x1606);
	assert_false(say(f, true, back, 14));
	assert_false(say(f, true, ack, 4));
}

/* --- T6, H1 --- */

static void log_in(void **state)
{
	struct feed *f = *state;

	open_connection(f);
	assert_true(say(f, false, "\x16\x03\x01\x00\x00", 5));
	assert_true(feed_bits(f) == 40);
	assert_true(say(f, true, "\x17\x03\x01\x00\x00", 5));
	assert_true(feed_bits(f) == 80);
	assert_int_equal(host_of(f, client)->logins, 1);
	assert_null(host_of(f, server));
}

static void tls_is_not_a_log_in(void **state)
{
	struct feed *f = *state;

	assert_false(say(f, false, "\x16\x03\x01\x00\x00\x01", 6));
	assert_false(say(f, false, "\x16\x03\x01\x00\x01", 5));
	assert_false(say(f, true, "\x15\x03\x01\x00\x00", 5));
}

static void version_request(void **state)
{
	static const char ask[] = "GET http://ui.skype.com/ui/0/1.2.0.18/en/getlatestversion?ver=1.2.0.18&uhash=0 HTTP/1.1\r\n\r\n";
	static const char name[] = "GET /x?u=http://ui.skype.com/ui/ HTTP/1.1\r\nHost: example.org, and it is long enough\r\n\r\n";
	struct feed *f = *state;

	assert_false(say(f, false, name, sizeof name - 1));
	assert_true(say(f, false, ask, sizeof ask - 1));
}

/* --- behind proxies --- */

struct line { bool by_server; const char *bytes; uint32_t n; };
#define C(text) { false, text, sizeof text - 1 }
#define S(text) { true, text, sizeof text - 1 }

static const struct line http_connect[] = {
	C("CONNECT 5.248.186.221:443 HTTP/1.0\r\nUser-Agent: x\r\n\r\n"), S("HTTP/1.0 200 Connection established\r\n\r\n"), { 0 } };
static const struct line http_log_in[] = {
	C("CONNECT 5.248.186.221:443 HTTP/1.0\r\n\r\n"), S("HTTP/1.0 407 Proxy Authentication Required\r\n\r\n"),
	C("CONNECT 5.248.186.221:443 HTTP/1.0\r\nProxy-Authorization: Basic x\r\n\r\n"), S("HTTP/1.0 200 OK\r\n\r\n"), { 0 } };
static const struct line socks4[] = { C("\x04\x01\x79\x22\x05\xf8\xba\xddme\0"), S("\x00\x5a\0\0\0\0\0\0"), { 0 } };
static const struct line socks4a[] = { C("\x04\x01\x79\x22\0\0\0\x01\0host.example\0"), S("\x00\x5a\0\0\0\0\0\0"), { 0 } };
static const struct line socks5[] = {
	C("\x05\x01\x00"), S("\x05\x00"), C("\x05\x01\x00\x01\x05\xf8\xba\xdd\x79\x22"),
	S("\x05\x00\x00\x01\0\0\0\0\0\0"), { 0 } };
static const struct line socks5_name[] = {
	C("\x05\x02\x00\x02"), S("\x05\x02"), C("\x01\x02me\x04pass"), S("\x01\x00"),
	C("\x05\x01\x00\x03\x04host\x79\x22"), S("\x05\x00\x00\x01\0\0\0\0\0\0"), { 0 } };

static const struct line *const proxies[] = { http_connect, http_log_in, socks4, socks4a, socks5, socks5_name };

static void handshake(struct feed *f, const struct line *l)
{
	open_connection(f);
	for (; l->n != 0; l++)
		assert_false(say(f, l->by_server, l->bytes, l->n));
}

/* After each handshake, from either side, each kind of beginning. */
static void behind_proxies(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof proxies / sizeof *proxies; i++)
		for (unsigned kind = 0; kind < 4; kind++) {
			struct skype_make m = maker();
			struct feed *f;
			uint8_t b[256], c[64];
			bool by_server = kind & 1, got;

			setup_tcp((void **)&f);
			handshake(f, proxies[i]);
			got = say(f, by_server, b, kind < 2 ? make_header(&m, b, 4, 0x0f, 12) : make_padding(&m, b, 20));
			if (!got)
				fail_msg("proxy %u, kind %u", i, kind);
			assert_true(host_of(f, by_server ? server : client) == NULL); /* the other end is the proxy */
			(void)c;
			feed_teardown((void **)&f);
		}
}

static void old_client_behind_socks(void **state)
{
	struct feed *f = *state;
	struct skype_make m = maker();
	uint8_t first[14], second[64];
	uint32_t n = make_old(&m, first, second, 19);

	handshake(f, socks5);
	assert_false(say(f, false, first, 14));
	assert_true(say(f, false, second, n));
}

static void any_prefix(void **state)
{
	struct feed *f = *state;

	for (unsigned i = 0; i < sizeof proxies / sizeof *proxies; i++)
		for (const struct line *l = proxies[i]; l->n != 0; l++)
			for (uint32_t n = 1; n < l->n; n++) {
				struct end from = client;

				from.port = (uint16_t)(n + 100 * i);
				assert_false(feed(f, from, server, (const uint8_t *)l->bytes, n));
			}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_tcp, feed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(first_segment_proves), cmocka_unit_test(one_bit_off_is_not_skype), cmocka_unit_test(every_generation_both_ways),
		TEST(header_with_more_behind), TEST(padding_proves), TEST(short_paddings_add_up), TEST(padding_with_message_behind), TEST(message_that_continues_the_padding),
		TEST(imitated_hellos), TEST(ordinary_ssl2_hello_is_not), TEST(client_1_2), TEST(client_1_2_measured),
		cmocka_unit_test(client_1_2_one_bit_off), TEST(client_1_2_in_one_piece), TEST(seed_follows_the_chain), TEST(answer_without_a_chain_is_weak),
		TEST(log_in), TEST(tls_is_not_a_log_in),
		TEST(version_request), cmocka_unit_test(behind_proxies), TEST(old_client_behind_socks), TEST(any_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
