/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <string.h>

#include <cmocka.h>

#include "detect/name_evidence.h"
#include "look_bench.h"

static enum app app_of(const char *name)
{
	const struct name_row *row = name_find(name, strlen(name));

	return row == NULL ? APP_NONE : row->app;
}

static void test_table_is_sorted_and_lower_case(void **state)
{
	(void)state;
	for (unsigned i = 0; i < n_name_rows; i++) {
		assert_ptr_equal(name_find(name_rows[i].suffix, strlen(name_rows[i].suffix)), &name_rows[i]);
		assert_true(i == 0 || strcmp(name_rows[i - 1].suffix, name_rows[i].suffix) < 0);
		for (const char *p = name_rows[i].suffix; *p != '\0'; p++)
			assert_false(*p >= 'A' && *p <= 'Z');
	}
}

static void test_whole_labels_only(void **state)
{
	(void)state;
	assert_int_equal(app_of("e12.whatsapp.net"), APP_WHATSAPP);
	assert_int_equal(app_of("WhatsApp.NET."), APP_WHATSAPP);
	assert_int_equal(app_of("notwhatsapp.net"), APP_NONE);
	assert_int_equal(app_of("whatsapp.net.example.org"), APP_NONE);
	assert_int_equal(app_of("net"), APP_NONE);
	assert_int_equal(app_of(""), APP_NONE);
	assert_int_equal(app_of("."), APP_NONE);
	assert_null(name_find("zoom.us\0", 8));
	assert_null(name_find("a b.zoom.us", 11));
}

static void test_longest_suffix_wins(void **state)
{
	(void)state;
	assert_int_equal(app_of("api.skype.com"), APP_TEAMS);
	assert_int_equal(app_of("ui.skype.com"), APP_SKYPE);
	assert_int_equal(app_of("dsn13.d.skype.net"), APP_SKYPE);
}

static void test_companies_are_not_applications(void **state)
{
	static const char *const others[] = {
		"www.google.com", "mail.google.com", "www.facebook.com", "www.microsoft.com",
		"outlook.office.com", "www.kakao.com", "www.qq.com", "www.apple.com", "naver.jp",
		"stun.l.google.com", "video.fmct2-3.fna.fbcdn.net", "a1408.akamaihd.net",
	};

	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		assert_int_equal(app_of(others[i]), APP_NONE);
	assert_int_equal(app_of("meet.google.com"), APP_GOOGLEMEET);
	assert_int_equal(app_of("teams.microsoft.com"), APP_TEAMS);
	assert_int_equal(app_of("instagram.faae1-1.fna.fbcdn.net"), APP_INSTAGRAM);
}

static void test_long_names_are_refused(void **state)
{
	char name[400];

	(void)state;
	memset(name, 'a', sizeof name);
	memcpy(name + 253 - 8, ".zoom.us", 8);
	assert_non_null(name_find(name, 253));
	memcpy(name + 254 - 8, ".zoom.us", 8);
	assert_null(name_find(name, 254));
}

static void tell(struct bench *b, enum app app)
{
	struct fact f = {
		.kind = FACT_NAME, .host = b->flow.key.ip[0], .remote = b->flow.key.ip[1],
		.app = app, .expires_ns = 2 * NS_PER_S,
	};

	assert_true(facts_add(b->facts, &f, NS_PER_S, &b->counts));
}

static void test_fact_names_the_flow_and_never_more(void **state)
{
	struct bench b;
	struct look l;

	(void)state;
	bench_open(&b, IPPROTO_UDP, 40000, 8801);
	tell(&b, APP_ZOOM);
	l = bench_look(&b, 0, "\x05zoom", 5, name_look, NULL);
	assert_int_equal(name_look(&l), LOOK_NO);
	assert_non_null(bench_evidence(&b));
	assert_int_equal(bench_evidence(&b)->cls, CLASS_CONTROL);
	assert_int_equal(bench_evidence(&b)->app, APP_ZOOM);
	assert_true(bench_evidence(&b)->bits == NAME_DNS_BITS);
	assert_int_equal(b.flow.watch->category, CATEGORY_VOIP);
	bench_close(&b);
}

static void test_fact_of_another_host_says_nothing(void **state)
{
	struct bench b;
	struct look l;

	(void)state;
	bench_open(&b, IPPROTO_UDP, 40000, 8801);
	tell(&b, APP_ZOOM);
	b.flow.key.ip[0].b[15] = 2;
	l = bench_look(&b, 0, "\x05zoom", 5, name_look, NULL);
	assert_int_equal(name_look(&l), LOOK_NO);
	assert_null(b.flow.watch);
	bench_close(&b);
}

static void test_expired_fact_says_nothing(void **state)
{
	struct bench b;
	struct look l;

	(void)state;
	bench_open(&b, IPPROTO_TCP, 40000, 5222);
	tell(&b, APP_WHATSAPP);
	b.frame.mono_ns = 3 * NS_PER_S;
	l = bench_look(&b, 0, "WA", 2, NULL, name_stream);
	assert_int_equal(name_stream(&l).code, STREAM_STOP);
	assert_null(b.flow.watch);
	bench_close(&b);
}

static void test_tls_speaks_for_itself(void **state)
{
	struct bench b;
	struct look l;

	(void)state;
	bench_open(&b, IPPROTO_TCP, 40000, 443);
	tell(&b, APP_WHATSAPP);
	l = bench_look(&b, 0, "\x16\x03\x01", 3, NULL, name_stream);
	assert_int_equal(name_stream(&l).code, STREAM_STOP);
	assert_null(b.flow.watch);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_is_sorted_and_lower_case),
		cmocka_unit_test(test_whole_labels_only),
		cmocka_unit_test(test_longest_suffix_wins),
		cmocka_unit_test(test_companies_are_not_applications),
		cmocka_unit_test(test_long_names_are_refused),
		cmocka_unit_test(test_fact_names_the_flow_and_never_more),
		cmocka_unit_test(test_fact_of_another_host_says_nothing),
		cmocka_unit_test(test_expired_fact_says_nothing),
		cmocka_unit_test(test_tls_speaks_for_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
