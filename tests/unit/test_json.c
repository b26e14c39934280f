/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>

#include "base/clock.h"
#include "event/json.h"

static char *text;
static size_t text_len;
static FILE *file;
static struct json json;

static int setup(void **state)
{
	(void)state;
	file = open_memstream(&text, &text_len);
	return file == NULL || !json_open(&json, file);
}

static int teardown(void **state)
{
	(void)state;
	json_close(&json);
	fclose(file);
	free(text);
	return 0;
}

static const char *line_end(void)
{
	json_line_end(&json, true);
	return text;
}

static void structure(void **state)
{
	(void)state;
	json_line_begin(&json);
	json_u64(&json, "a", 0);
	json_object(&json, "b");
	json_object_end(&json);
	json_array(&json, "c");
	json_object(&json, NULL);
	json_bool(&json, "d", true);
	json_object_end(&json);
	json_u64(&json, NULL, UINT64_MAX);
	json_null(&json, NULL);
	json_array_end(&json);
	json_text(&json, "e", NULL);
	json_text(&json, "f", "ends in {");
	json_word(&json, "g", "[");
	assert_string_equal(line_end(), "{\"a\":0,\"b\":{},\"c\":[{\"d\":true},18446744073709551615,null],"
	    "\"e\":null,\"f\":\"ends in {\",\"g\":\"[\"}\n");
}

static void numbers(void **state)
{
	static const uint64_t n[] = { 0, 9, 10, 99, 100, 101, 999, 1000, 9007199254740991ULL };
	static const char *const want = "{\"n\":[0,9,10,99,100,101,999,1000,9007199254740991]}\n";
	size_t i;

	(void)state;
	json_line_begin(&json);
	json_array(&json, "n");
	for (i = 0; i < sizeof n / sizeof *n; i++)
		json_u64(&json, NULL, n[i]);
	json_array_end(&json);
	assert_string_equal(line_end(), want);
}

static void fixed_point(void **state)
{
	(void)state;
	json_line_begin(&json);
	json_array(&json, "n");
	json_fixed(&json, NULL, 41.46, 1);
	json_fixed(&json, NULL, -0.04, 1);   /* no "-0.0" */
	json_fixed(&json, NULL, -3.25, 1);
	json_fixed(&json, NULL, 9.999, 2);
	json_fixed(&json, NULL, 0.0015, 3);
	json_fixed(&json, NULL, 1e300, 0);   /* clamped, not undefined */
	json_fixed(&json, NULL, 0.0 / 0.0, 1);
	json_fixed(&json, NULL, 1.0 / 0.0, 1);
	json_array_end(&json);
	assert_string_equal(line_end(),
	    "{\"n\":[41.5,0.0,-3.3,10.00,0.002,1000000000000000,null,null]}\n");
}

static void text_is_escaped(void **state)
{
	(void)state;
	json_line_begin(&json);
	json_text(&json, "s", "q\" b\\ n\n r\r t\t z\x01 d\x7f \xc3\xa9 \xe2\x82\xac \xf0\x9f\x93\x9e");
	assert_string_equal(line_end(), "{\"s\":\"q\\\" b\\\\ n\\n r\\r t\\t z\\u0001 d\\u007f"
	    " \xc3\xa9 \xe2\x82\xac \xf0\x9f\x93\x9e\"}\n");
}

#define FFFD "\xef\xbf\xbd"

/* Overlong, surrogate, above U+10FFFF, lone continuation, cut at the end. */
static void bad_utf8_is_replaced(void **state)
{
	static const struct { const char *in, *out; } cases[] = {
		{ "\xc0\xaf", FFFD FFFD }, { "\xe0\x80\xaf", FFFD FFFD FFFD },
		{ "\xed\xa0\x80", FFFD FFFD FFFD }, { "\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD },
		{ "\x80x", FFFD "x" }, { "\xe2\x82", FFFD FFFD }, { "\xff\"", FFFD "\\\"" },
		{ "\xe2\x82\"", FFFD FFFD "\\\"" }, { "\xf0\x9f\x93", FFFD FFFD FFFD },
	};
	char want[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		rewind(file);
		json_line_begin(&json);
		json_text(&json, "s", cases[i].in);
		snprintf(want, sizeof want, "{\"s\":\"%s\"}\n", cases[i].out);
		line_end();
		assert_memory_equal(text, want, strlen(want));
	}
}

static void dates_as_the_library_says(void **state)
{
	uint64_t day;
	char want[64];
	struct tm tm;
	time_t t;

	(void)state;
	for (day = 0; day < 84000; day += 1 + day % 3) { /* to the year 2199 */
		t = (time_t)(day * 86400 + day % 86400);
		gmtime_r(&t, &tm);
		strftime(want, sizeof want, "{\"t\":\"%Y-%m-%dT%H:%M:%S.000045+0000\"}\n", &tm);
		rewind(file);
		json_line_begin(&json);
		json_time(&json, "t", (uint64_t)t * NS_PER_S + 45999);
		line_end();
		assert_memory_equal(text, want, strlen(want));
	}
}

static void leap_days(void **state)
{
	(void)state;
	json_line_begin(&json);
	json_time(&json, "a", 951782400ULL * NS_PER_S);        /* 2000 had one */
	json_time(&json, "b", 4107542400ULL * NS_PER_S - 1);   /* 2100 has none */
	json_time(&json, "c", 0);
	json_time(&json, "d", UINT64_MAX);
	assert_string_equal(line_end(), "{\"a\":\"2000-02-29T00:00:00.000000+0000\","
	    "\"b\":\"2100-02-28T23:59:59.999999+0000\",\"c\":\"1970-01-01T00:00:00.000000+0000\","
	    "\"d\":\"2554-07-21T23:34:33.709551+0000\"}\n");
}

static void check_addr(const char *in, const char *out)
{
	char want[80];
	struct addr a;

	assert_true(addr_parse(in, strlen(in), &a));
	rewind(file);
	json_line_begin(&json);
	json_addr(&json, "a", &a);
	line_end();
	snprintf(want, sizeof want, "{\"a\":\"%s\"}\n", out);
	assert_memory_equal(text, want, strlen(want));
}

/* RFC 5952, 4: no leading zeros, the longest run, the first of two, not a single group, lower case. */
static void addresses(void **state)
{
	(void)state;
	check_addr("0.0.0.0", "0.0.0.0");
	check_addr("255.10.1.99", "255.10.1.99");
	check_addr("::", "::");
	check_addr("::1", "::1");
	check_addr("1::", "1::");
	check_addr("2001:0DB8:0:0:0:0:2:1", "2001:db8::2:1");
	check_addr("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1");
	check_addr("2001:0:0:1:0:0:0:1", "2001:0:0:1::1");
	check_addr("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1");
	check_addr("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8");
	check_addr("0:2:3:4:5:6:7:0", "0:2:3:4:5:6:7:0");
	check_addr("ffff:100:10:f00::", "ffff:100:10:f00::");
}

static void too_long_is_dropped_whole(void **state)
{
	char *big = malloc(JSON_LINE_MAX + 1);

	(void)state;
	memset(big, 'x', JSON_LINE_MAX);
	big[JSON_LINE_MAX] = '\0';
	json_line_begin(&json);
	json_text(&json, "s", big);
	json_u64(&json, "after", 1);
	json_line_end(&json, true);
	json_line_begin(&json);
	json_u64(&json, "n", 1);
	assert_string_equal(line_end(), "{\"n\":1}\n");
	assert_int_equal(json.lost, 1);
	free(big);
}

/* Lines are kept and leave in pieces: none is lost or torn. */
static void many_lines(void **state)
{
	size_t i, n = 0;

	(void)state;
	for (i = 0; i < 20000; i++) {
		json_line_begin(&json);
		json_u64(&json, "n", i);
		json_line_end(&json, false);
	}
	json_flush(&json);
	for (i = 0; i < text_len; i++)
		n += text[i] == '\n' && (i == 0 || text[i - 1] == '}');
	assert_int_equal(n, 20000);
	assert_int_equal(json.lost, 0);
}

static void a_full_disk_is_told(void **state)
{
	struct json j;
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	if (full == NULL)
		skip();
	assert_true(json_open(&j, full));
	json_line_begin(&j);
	json_line_end(&j, true);
	assert_int_equal(j.error, ENOSPC);
	json_line_begin(&j);
	json_line_end(&j, true);
	assert_int_equal(j.lost, 1);
	json_close(&j);
	fclose(full);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(structure), T(numbers), T(fixed_point), T(text_is_escaped), T(bad_utf8_is_replaced),
		T(dates_as_the_library_says), T(leap_days), T(addresses), T(too_long_is_dropped_whole),
		T(many_lines), T(a_full_disk_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
