/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TURN inside of TLS by the lengths of its first messages (detect/turn_tls.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <netinet/in.h>

#include "detect/tunnel_adds.h"
#include "detect/turn_tls.h"
#include "look_bench.h"

enum { TLS12 = 24, TLS13 = 17, CHACHA12 = 16 }; /* what encryption adds to a record */

/* A message: who sends it, and how long it is. */
struct message { bool client; uint16_t bytes; };
#define C(n) { true, n }
#define S(n) { false, n }
enum { MESSAGES = 8 };

static bool opens(unsigned adds, const struct message m[static MESSAGES])
{
	struct flow_opening o = { 0 };
	enum turn_tls is = TURN_TLS_MAYBE;

	for (unsigned i = 0; i < MESSAGES && m[i].bytes != 0 && is == TURN_TLS_MAYBE; i++)
		is = turn_tls_record(&o, m[i].client, m[i].bytes + adds);
	return is == TURN_TLS_YES;
}

/*
 * Allocate, refused, with credentials (16 + 12 + 20 and 24 to sign), given, CreatePermission, done: RFC 8656, 7 and 9;
 * the relay's answers name its software (24).
 */
static const struct message permission[MESSAGES] = { C(28), S(100), C(100), S(100), C(104), S(68) };

static void any_encryption(void **state)
{
	(void)state;
	assert_true(opens(TLS12, permission));
	assert_true(opens(TLS13, permission));
	assert_true(opens(CHACHA12, permission));
}

static void its_variants(void **state)
{
	static const struct message variants[][MESSAGES] = {
		{ C(28), S(100), C(100), S(100), C(112), S(68) },        /* ChannelBind */
		{ C(28), S(100), C(100), S(112), C(116), S(68) },        /* a peer of IPv6, relayed by IPv6 and seen by IPv4 */
		{ C(28), S(100), C(100), S(124), C(124), S(68) },        /* ChannelBind to it, all IPv6 */
		{ C(36), S(76), C(120), S(84), C(124), S(52) },          /* FINGERPRINT in each */
		{ C(36), S(76), C(120), S(76), C(116), S(44) },          /* LIFETIME in Allocate */
		{ C(60), S(100), C(132), S(100), C(136), S(68) },        /* SOFTWARE, 32 bytes, in each request */
		{ C(36), S(230), C(28), S(100), C(100), S(100), C(104), S(68) }, /* the end of TLS 1.3's handshake, and a session ticket */
		{ C(28), S(100), C(100), S(100), C(104), C(104), S(68) }, /* two peers */
	};

	(void)state;
	for (size_t i = 0; i < sizeof variants / sizeof *variants; i++)
		assert_true(opens(TLS13, variants[i]));
}

/* Each length follows from the others: none may be another. (In TLS 1.2 some may, for nobody can tell its ciphers apart.) */
static void nothing_else(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 6; i++)
		for (int off = -3; off <= 4; off++) {
			struct message m[MESSAGES];
			bool free_length = off % 4 == 0 && i < 2; /* the refusal may have any; who asks shorter signs longer */

			memcpy(m, permission, sizeof m);
			m[i].bytes = (uint16_t)(m[i].bytes + off);
			if (off != 0 && !free_length)
				assert_false(opens(TLS13, m));
		}
}

/* They would agree with each other, but no client asks or signs at such a length. */
static void lengths_nobody_has(void **state)
{
	static const struct message asks[MESSAGES] = { C(128), S(100), C(200), S(100), C(104), S(68) };
	static const struct message signs[MESSAGES] = { C(28), S(100), C(628), S(100), C(632), S(68) };

	(void)state;
	assert_false(opens(TLS13, asks));
	assert_false(opens(TLS13, signs));
}

static void in_that_order(void **state)
{
	static const struct message others[][MESSAGES] = {
		{ C(28), C(100), C(104), S(100), S(100), S(68) },
		{ S(28), C(100), S(100), C(100), S(104), C(68) },
		{ C(28), S(100), C(100), S(100), S(68), C(104) },
		{ C(28), S(100), C(100), S(1000), C(104), S(68) }, /* data among it */
		{ C(44), S(44), C(44), S(44), C(44), S(44) },      /* a ticker */
		{ C(64), S(40), C(9), S(9), C(120), S(300) },      /* HTTP/2: settings, and a page */
	};

	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		assert_false(opens(TLS12, others[i]));
}

/* Programs that write whole words, 28 to 152 bytes, by turns: 1 in 650; the longer they may be the fewer. */
static void whole_words_by_chance(void **state)
{
	enum { RUNS = 200000, MOST = RUNS / 500 };
	uint64_t seed = 1;
	unsigned n = 0;

	(void)state;
	for (unsigned run = 0; run < RUNS; run++) {
		struct message m[MESSAGES] = { { 0 } };

		for (unsigned i = 0; i < 6; i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			m[i] = (struct message){ i % 2 == 0, (uint16_t)(28 + 4 * (seed >> 59)) };
		}
		n += opens(TLS13, m);
	}
	assert_true(n < MOST);
}

/* --- in segments --- */

static const uint8_t hello[] = { 22, 3, 1, 0, 5, 1, 0, 0, 1, 3 };

static size_t record(uint8_t *at, uint8_t type, unsigned body)
{
	at[0] = type;
	at[1] = at[2] = 3;
	at[3] = (uint8_t)(body >> 8);
	at[4] = (uint8_t)body;
	memset(at + 5, 0x5a, body);
	return 5 + body;
}

static enum look_result segment(struct bench *b, int dir, const uint8_t *data, size_t len)
{
	struct look l = bench_look(b, dir, data, len, tunnel_look, NULL);

	return tunnel_segment(&l);
}

static void opening_in_segments(struct bench *b, int client, const struct message *m)
{
	uint8_t data[1024];

	(void)segment(b, client, hello, sizeof hello);
	for (; m->bytes != 0; m++) {
		size_t n = m->client ? 0 : record(data, 22, 40); /* a record of the handshake, and ours behind it in one segment */

		n += record(data + n, 23, m->bytes + TLS12);
		(void)segment(b, m->client ? client : !client, data, n);
	}
}

static void told_as_ice(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, IPPROTO_TCP, 40000, 443);
	opening_in_segments(&b, 0, permission);
	assert_non_null(bench_evidence(&b));
	assert_int_equal(bench_evidence(&b)->cls, CLASS_ICE);
	assert_int_equal(tunnel_adds(b.flow.watch), ADDS_TURN);
	assert_int_equal(b.flow.flags & FLOW_TUNNEL, 0);
	bench_close(&b);
}

/* Without its beginning, or asked by the wrong end, it is nothing, and nothing is kept of it. */
static void joined_midway(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, IPPROTO_TCP, 40000, 443);
	b.flow.flags = 0;
	opening_in_segments(&b, 0, permission);
	assert_null(b.flow.watch);
	bench_close(&b);
	bench_open(&b, IPPROTO_TCP, 40000, 443);
	opening_in_segments(&b, 1, permission);
	assert_null(b.flow.watch);
	bench_close(&b);
}

/* Other connections are left alone after as many payloads as before, those that begin with TLS after some more. */
static void it_ends(void **state)
{
	uint8_t data[512];
	size_t n = record(data, 23, 300);
	enum look_result r = LOOK_MAYBE;
	struct bench b;
	unsigned i;

	(void)state;
	bench_open(&b, IPPROTO_TCP, 40000, 443);
	for (i = 0; i < 100 && r == LOOK_MAYBE; i++)
		r = segment(&b, 0, data, n);
	assert_int_equal(i, 9);
	bench_close(&b);
	bench_open(&b, IPPROTO_TCP, 40000, 443);
	r = segment(&b, 0, hello, sizeof hello);
	for (i = 1; i < 100 && r == LOOK_MAYBE; i++)
		r = segment(&b, i % 2, data, n);
	assert_int_equal(i, 25);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_encryption),
		cmocka_unit_test(its_variants),
		cmocka_unit_test(nothing_else),
		cmocka_unit_test(lengths_nobody_has),
		cmocka_unit_test(in_that_order),
		cmocka_unit_test(whole_words_by_chance),
		cmocka_unit_test(told_as_ice),
		cmocka_unit_test(joined_midway),
		cmocka_unit_test(it_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
