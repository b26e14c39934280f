/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>

#include <cmocka.h>

#include "detect/name_evidence.h"
#include "detect/tls.h"
#include "hello_build.h"
#include "look_bench.h"

static uint8_t hello[20000], records[20000];

static struct stream_result show(struct bench *b, const uint8_t *data, size_t len)
{
	struct look l = bench_look(b, 0, data, len, NULL, tls_stream);

	return tls_stream(&l);
}

static void test_name_in_one_segment(void **state)
{
	struct bench b;
	size_t n = hello_build(hello, "g.WhatsApp.net", 100);

	(void)state;
	bench_open(&b, IPPROTO_TCP, 40000, 443);
	n = hello_records(records, hello, n, 16384);
	assert_int_equal(show(&b, records, n).code, STREAM_STOP);
	assert_non_null(bench_evidence(&b));
	assert_int_equal(bench_evidence(&b)->cls, CLASS_CONTROL);
	assert_int_equal(bench_evidence(&b)->app, APP_WHATSAPP);
	assert_true(bench_evidence(&b)->bits == NAME_BITS);
	assert_string_equal(bench_evidence(&b)->why, "TLS server name under whatsapp.net");
	bench_close(&b);
}

/* However the bytes are cut: asks for more, always forward, and then knows. */
static void test_any_cut_of_stream_and_records(void **state)
{
	static const size_t cuts[] = { 30, 100, 333, 16384 };
	size_t hello_len = hello_build(hello, "zoom.us", 300);

	(void)state;
	for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
		size_t n = hello_records(records, hello, hello_len, cuts[i]), have = 1;
		struct stream_result r = { STREAM_MORE, 0, 0 };
		struct bench b;

		bench_open(&b, IPPROTO_TCP, 40000, 443);
		while (have <= n && (r = show(&b, records, have)).code == STREAM_MORE) {
			assert_true(r.need > have);
			assert_true(r.need <= n);
			have++;
		}
		assert_int_equal(r.code, STREAM_STOP);
		assert_non_null(bench_evidence(&b));
		assert_int_equal(bench_evidence(&b)->app, APP_ZOOM);
		bench_close(&b);
	}
}

/* A byte a record: nobody who calls writes so. */
static void test_a_hello_in_crumbs_is_left(void **state)
{
	struct bench b;
	size_t n = hello_build(hello, "zoom.us", 0);

	(void)state;
	bench_open(&b, IPPROTO_TCP, 40000, 443);
	n = hello_records(records, hello, n, 1);
	assert_int_equal(show(&b, records, n).code, STREAM_STOP);
	assert_null(bench_evidence(&b));
	bench_close(&b);
}

static void test_name_is_taken_before_the_hello_is_whole(void **state)
{
	struct tls_name name;
	size_t n = hello_build(hello, "zoom.us", 0);

	(void)state;
	hello_put16(hello + 2, n - 4 + 1000); /* says that 1000 more bytes come */
	assert_int_equal(tls_hello_parse(hello, n, &name), TLS_NAME);
	assert_int_equal(name.len, 7);
	assert_memory_equal(name.at, "zoom.us", 7);
	assert_int_equal(tls_hello_parse(hello, n - 1, &name), TLS_MORE);
}

static void test_other_names_and_no_names_are_no_evidence(void **state)
{
	static const char *const names[] = { "example.org", NULL };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct bench b;
		size_t n = hello_build(hello, names[i], 10);

		bench_open(&b, IPPROTO_TCP, 40000, 443);
		n = hello_records(records, hello, n, 16384);
		assert_int_equal(show(&b, records, n).code, STREAM_STOP);
		assert_null(bench_evidence(&b));
		bench_close(&b);
	}
}

static void test_server_hello_and_strangers_stop(void **state)
{
	static const uint8_t server[] = { 0x16, 3, 3, 0, 4, 2, 0, 0, 60 };
	static const uint8_t version[] = { 0x16, 9, 1, 0, 4, 1, 0, 0, 60 };
	static const uint8_t empty[] = { 0x16, 3, 1, 0, 0, 1, 0, 0, 60 };
	static const uint8_t huge[] = { 0x16, 3, 1, 0x40, 0, 1, 0x7f, 0, 60 };
	struct bench b;

	(void)state;
	bench_open(&b, IPPROTO_TCP, 40000, 443);
	assert_int_equal(show(&b, server, sizeof server).code, STREAM_STOP);
	assert_int_equal(show(&b, version, sizeof version).code, STREAM_STOP);
	assert_int_equal(show(&b, empty, sizeof empty).code, STREAM_STOP);
	assert_int_equal(show(&b, huge, sizeof huge).code, STREAM_STOP);
	assert_null(bench_evidence(&b));
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_name_in_one_segment),
		cmocka_unit_test(test_any_cut_of_stream_and_records),
		cmocka_unit_test(test_a_hello_in_crumbs_is_left),
		cmocka_unit_test(test_name_is_taken_before_the_hello_is_whole),
		cmocka_unit_test(test_other_names_and_no_names_are_no_evidence),
		cmocka_unit_test(test_server_hello_and_strangers_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
