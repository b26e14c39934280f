/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>

#include <cmocka.h>

#include "detect/ndpi.h"
#include "hello_build.h"
#include "look_bench.h"

static uint8_t ip[2000];

/* A whole IPv4 packet from 10.0.0.1 to 192.0.2.1 around the payload; returns its length. */
static size_t wrap(uint8_t proto, uint16_t from, uint16_t to, const void *payload, size_t len)
{
	size_t head = proto == IPPROTO_TCP ? 20 : 8;

	memset(ip, 0, 40);
	ip[0] = 0x45;
	hello_put16(ip + 2, 20 + head + len);
	ip[8] = 64;
	ip[9] = proto;
	memcpy(ip + 12, (const uint8_t[]){ 10, 0, 0, 1, 192, 0, 2, 1 }, 8);
	hello_put16(ip + 20, from);
	hello_put16(ip + 22, to);
	if (proto == IPPROTO_TCP) {
		ip[32] = 5 << 4;
		ip[33] = 0x18;
	} else {
		hello_put16(ip + 24, 8 + len);
	}
	memcpy(ip + 20 + head, payload, len);
	return 20 + head + len;
}

static bool show(struct ndpi_view *v, void **state, struct bench *b, size_t len, struct ndpi_opinion *out)
{
	b->pkt.ip_at = ip;
	b->pkt.ip_caplen = b->pkt.ip_len = (uint32_t)len;
	return ndpi_view_packet(v, state, &b->flow, &b->pkt, &b->counts, out);
}

static void test_names_a_flow_by_its_payload(void **unused)
{
	uint8_t hello[1000], record[1000];
	struct ndpi_view *v = ndpi_view_new(1 << 20);
	struct ndpi_opinion out = { 0 };
	void *state = NULL;
	struct bench b;
	bool done = false;
	size_t n = hello_build(hello, "web.whatsapp.com", 0);

	(void)unused;
	assert_non_null(v);
	bench_open(&b, IPPROTO_TCP, 40000, 443);
	n = hello_records(record, hello, n, 16384);
	n = wrap(IPPROTO_TCP, 40000, 443, record, n);
	for (int i = 0; i < 80 && !done; i++)
		done = show(v, &state, &b, n, &out);
	assert_true(done);
	assert_int_equal(out.app, APP_WHATSAPP);
	assert_int_equal(out.category, CATEGORY_CHAT);
	assert_string_equal(out.name, "whatsapp");
	assert_null(state);
	ndpi_view_free(v);
	bench_close(&b);
}

/* The library would guess a protocol from port 5060: a port is no evidence. */
static void test_ports_are_not_believed(void **unused)
{
	struct ndpi_view *v = ndpi_view_new(1 << 20);
	struct ndpi_opinion out;
	void *state = NULL;
	struct bench b;
	unsigned shown = 0;
	size_t n = wrap(IPPROTO_UDP, 40000, 5060, "\xa5\x5a\x13\x37 nothing that anybody speaks", 32);

	(void)unused;
	bench_open(&b, IPPROTO_UDP, 40000, 5060);
	while (shown++ < 100 && !show(v, &state, &b, n, &out))
		;
	assert_in_range(shown, 1, 24);
	assert_int_equal(out.app, APP_NONE);
	assert_int_equal(out.category, CATEGORY_NONE);
	assert_string_equal(out.name, "");
	ndpi_view_free(v);
	bench_close(&b);
}

static void test_budget_is_kept_and_counted(void **unused)
{
	struct ndpi_view *v = ndpi_view_new(100);
	struct ndpi_opinion out;
	void *state = NULL;
	struct bench b;

	(void)unused;
	bench_open(&b, IPPROTO_UDP, 40000, 5060);
	assert_true(show(v, &state, &b, wrap(IPPROTO_UDP, 40000, 5060, "hello", 5), &out));
	assert_int_equal(b.counts.n[COUNT_NDPI_REFUSED], 1);
	assert_null(state);
	ndpi_view_free(v);
	bench_close(&b);
}

static void test_modes(void **unused)
{
	enum ndpi_mode mode;

	(void)unused;
	assert_true(ndpi_mode_find("off", &mode));
	assert_int_equal(mode, NDPI_OFF);
	assert_true(ndpi_mode_find("ALL", &mode));
	assert_int_equal(mode, NDPI_ALL);
	assert_false(ndpi_mode_find("some", &mode));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_a_flow_by_its_payload),
		cmocka_unit_test(test_ports_are_not_believed),
		cmocka_unit_test(test_budget_is_kept_and_counted),
		cmocka_unit_test(test_modes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
