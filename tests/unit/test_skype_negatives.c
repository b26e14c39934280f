/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is not Skype but looks ordered: counters, clocks, other generators, TLS,
 * QUIC, RTP, cipher text; half of it under a third byte that is Skype's. Counts
 * what passes beside what chance predicts. SQUELCH_NEGATIVES=1000000 sets how
 * many datagrams and segments are tried.
 */
#include "skype_feed.h"
#include "skype_make.h"

#include <math.h>
#include <stdio.h>

#include "detect/skype_segment.h"

#define TRIED_DEFAULT 60000
#define PER_ENDPOINT  16
#define PEERS         4

static struct skype_make noise = { .noise = 2006 };

static uint32_t tried(void)
{
	const char *text = getenv("SQUELCH_NEGATIVES");

	return text == NULL ? TRIED_DEFAULT : (uint32_t)strtoul(text, NULL, 10);
}

static uint32_t any32(void)
{
	uint8_t b[4];

	make_noise_at(&noise, b, 4);
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* --- datagrams: `x` is the state of the sender, at 3 lies what Skype would call the initial value --- */

static uint32_t lcg(uint32_t *x, uint32_t mul, uint32_t add)
{
	return *x = mul * *x + add;
}

static uint32_t counter(uint32_t *x) { return ++*x; }
static uint32_t counter_low(uint32_t *x) { return *x = (*x & 0xffff0000) | (*x + 1) % 0x10000; }
static uint32_t counter_swapped(uint32_t *x) { return __builtin_bswap32(++*x); }
static uint32_t clock_20ms(uint32_t *x) { return *x += 160; }
static uint32_t clock_90k(uint32_t *x) { return *x += 3000 + any32() % 8; }
static uint32_t clock_ms(uint32_t *x) { return *x += any32() % 200; }
static uint32_t constant(uint32_t *x) { return *x; }
static uint32_t vax(uint32_t *x) { return lcg(x, 69069, 1); }
static uint32_t vax_other(uint32_t *x) { return lcg(x, 69069, 12345); }
static uint32_t ansi_c(uint32_t *x) { return lcg(x, 1103515245, 12345); }
static uint32_t msvc(uint32_t *x) { return lcg(x, 214013, 2531011); }
static uint32_t recipes(uint32_t *x) { return lcg(x, 1664525, 1013904223); }
static uint32_t xorshift(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	return *x ^= *x << 5;
}
static uint32_t cipher(uint32_t *x) { return *x = any32(); }
static uint32_t session(uint32_t *x) { return *x ^ (any32() & 0xff); }

static const struct { const char *name; uint32_t (*next)(uint32_t *); } fields[] = {
	{ "counter", counter }, { "16-bit counter", counter_low }, { "swapped counter", counter_swapped },
	{ "audio clock", clock_20ms }, { "video clock", clock_90k }, { "milliseconds", clock_ms }, { "constant", constant },
	{ "69069 x + 1", vax }, { "69069 x + 12345", vax_other }, { "1103515245 x + 12345", ansi_c },
	{ "214013 x + 2531011", msvc }, { "1664525 x + 1013904223", recipes }, { "xorshift", xorshift },
	{ "cipher text", cipher }, { "session with a low byte", session },
};
#define FIELDS (sizeof fields / sizeof *fields)

struct sender { uint32_t x, last; uint16_t id; bool skype_type; };

/* A datagram of 24 bytes; one in four has bytes damaged. */
static void datagram(struct sender *s, unsigned field, uint8_t b[24])
{
	make_noise_at(&noise, b, 24);
	put16(b, field & 1 ? s->id++ : 0x8000 + s->id);
	if (s->skype_type)
		b[2] = 2;
	put32(b + 3, fields[field].next(&s->x));
	if (b[23] < 64)
		b[b[22] % 24] = b[21];
}

struct tally { uint64_t pairs, near, far; };

static void tally_pair(struct tally *t, uint32_t from, uint32_t to)
{
	uint32_t ahead = skype_lcg_distance(from, to), behind = 0 - ahead;

	if (ahead == 0)
		return;
	t->pairs++;
	t->near += ahead <= 64 || behind <= 64;
	t->far += ahead <= 65536;
}

static void one_sender(struct feed *f, unsigned n, struct tally *t)
{
	struct end from = { { 10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n }, 5060 };
	struct sender s = { .x = any32(), .id = (uint16_t)any32(), .skype_type = n & 1 };
	unsigned field = n / 2 % FIELDS;
	uint8_t b[24];

	for (unsigned i = 0; i < PER_ENDPOINT; i++) {
		struct end to = { { 192, 0, 2, (uint8_t)(i % PEERS) }, 4000 };
		uint32_t iv;

		datagram(&s, field, b);
		iv = (uint32_t)b[3] << 24 | (uint32_t)b[4] << 16 | (uint32_t)b[5] << 8 | b[6];
		if (i != 0)
			tally_pair(t, s.last, iv);
		s.last = iv;
		(void)feed(f, from, to, b, sizeof b);
	}
}

static void datagrams(void **state)
{
	struct feed *f = *state;
	struct tally t = { 0 };
	unsigned senders = tried() / PER_ENDPOINT;

	for (unsigned n = 0; n < senders; n++) {
		one_sender(f, n, &t);
		if (n % 256 == 255)
			feed_flush(f);
	}
	feed_flush(f);
	printf("UDP: %llu pairs; within 64 steps %llu, predicted %.2g; within 65536 ahead %llu, predicted %.3g; endpoints called Skype %llu of %u\n",
	    (unsigned long long)t.pairs, (unsigned long long)t.near, (double)t.pairs * 128 / 0x1p32,
	    (unsigned long long)t.far, (double)t.pairs * 0x1p-16,
	    (unsigned long long)f->counts.n[COUNT_SKYPE_ENDPOINTS], senders);
	assert_int_equal(f->counts.n[COUNT_SKYPE_ENDPOINTS], 0);
	assert_int_equal(f->ended_skype, 0);
	/* five deviations: the distance of ordered numbers is as good as random */
	assert_true((double)t.far < (double)t.pairs * 0x1p-16 + 5 * sqrt((double)t.pairs * 0x1p-16) + 5);
}

/* --- segments --- */

static uint32_t random_bytes(uint8_t *b)
{
	uint32_t n = 1 + any32() % 200;

	make_noise_at(&noise, b, n);
	return n;
}

/* A key and what other protocols pad with. */
static uint32_t padded(uint8_t *b, uint8_t mul, uint8_t add)
{
	uint32_t n = 48 + any32() % 64;

	make_noise_at(&noise, b, n);
	for (uint32_t i = 49; i < n; i++)
		b[i] = (uint8_t)(mul * b[i - 1] + add);
	return n;
}

static uint32_t pad_constant(uint8_t *b) { return padded(b, 1, 0); }
static uint32_t pad_counter(uint8_t *b) { return padded(b, 1, 1); }
static uint32_t pad_ansi(uint8_t *b) { return padded(b, 1103515245 & 0xff, 12345 & 0xff); }
static uint32_t pad_vax(uint8_t *b) { return padded(b, 69069 & 0xff, 1); }

static uint32_t tls_hello(uint8_t *b)
{
	static const uint8_t head[] = "\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03";

	make_noise_at(&noise, b, 205);
	memcpy(b, head, sizeof head - 1);
	return 205;
}

/* Never empty: RFC 8446, 5.1 forbids it for handshake records. */
static uint32_t tls_record(uint8_t *b)
{
	uint32_t n = 6 + any32() % 190;

	make_noise_at(&noise, b, n);
	b[0] = (uint8_t)(0x14 + b[0] % 4);
	b[1] = 3;
	b[2] = (uint8_t)(b[2] % 4);
	put16(b + 3, n - 5);
	return n;
}

/* Ten bytes twice under one keystream, as Skype's, but other ones. */
static uint32_t restarted(uint8_t *b)
{
	uint32_t n = 24 + any32() % 60;

	make_noise_at(&noise, b, n);
	memcpy(b + 14, b + 4, 10);
	return n;
}

static uint32_t http(uint8_t *b)
{
	static const char text[] = "GET /ui/0/getlatestversion?ver=5.1 HTTP/1.1\r\nHost: www.example.org\r\nAccept: */*\r\n\r\n";

	memcpy(b, text, sizeof text - 1);
	return sizeof text - 1;
}

static uint32_t zeros(uint8_t *b)
{
	uint32_t n = 1 + any32() % 200;

	memset(b, 0, n);
	return n;
}

static uint32_t (*const segments[])(uint8_t *) = {
	random_bytes, pad_constant, pad_counter, pad_ansi, pad_vax, tls_hello, tls_record, restarted, http, zeros,
};
#define SEGMENTS (sizeof segments / sizeof *segments)

static void streams(void **state)
{
	uint64_t weak = 0, strong = 0, old = 0;
	uint8_t first[256], b[256];
	uint32_t count = tried();

	(void)state;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t n = segments[i % SEGMENTS](b);
		struct skype_find f;

		for (unsigned damage = any32() % 4; damage != 0; damage--)
			b[any32() % n] = (uint8_t)any32();
		if (skype_segment(b, n, &f)) {
			weak += f.bits < SKYPE_DECLARE_BITS;
			strong += f.bits >= SKYPE_DECLARE_BITS;
		}
		if (i != 0)
			old += skype_segment_old(first, b, n, &f) && f.bits >= SKYPE_DECLARE_BITS;
		memcpy(first, b, sizeof first);
	}
	printf("TCP: %u segments; weak %llu, predicted < %.2g; called Skype %llu, predicted < %.2g\n", count,
	    (unsigned long long)weak, count * 0x1p-24, (unsigned long long)(strong + old), count * 0x1p-39);
	assert_int_equal(strong, 0);
	assert_int_equal(old, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(datagrams, feed_setup, feed_teardown),
		cmocka_unit_test(streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
