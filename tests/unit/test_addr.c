/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/addr.h"
#include "base/count.h"

static struct addr parsed(const char *text)
{
	struct addr a;

	assert_true(addr_parse(text, strlen(text), &a));
	return a;
}

static void text_is_canonical(void **state)
{
	static const char *const rows[][2] = {
		{ "10.0.0.1", "10.0.0.1" },
		{ "::ffff:10.0.0.1", "10.0.0.1" },
		{ "2001:DB8:0:0:0:0:0:1", "2001:db8::1" },
		{ "2001:0db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
		{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" }, /* RFC 5952, 4.2.2 */
		{ "::", "::" },
		{ "0.0.0.0", "0.0.0.0" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	};
	char text[ADDR_TEXT_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct addr a = parsed(rows[i][0]);

		assert_string_equal(addr_text(&a, text), rows[i][1]);
	}
}

static void parse_takes_exactly_len(void **state)
{
	struct addr a, b = parsed("10.0.0.1");

	(void)state;
	assert_true(addr_parse("10.0.0.12", 8, &a));
	assert_true(addr_equal(&a, &b));
	assert_true(addr_is_v4(&a));
	assert_false(addr_parse("10.0.0.1", 6, &a));
	assert_false(addr_parse("10.0.0.1\0", 9, &a));
	assert_false(addr_parse("", 0, &a));
	assert_false(addr_parse("10.0.0.256", 10, &a));
	assert_false(addr_parse("::g", 3, &a));
	assert_false(addr_parse("2001:db8:1111:2222:3333:4444:5555:6666:7777:8888", 48, &a));
}

static void kinds(void **state)
{
	struct addr zero = { { 0 } };
	struct addr a;

	(void)state;
	assert_true(addr_is_unspecified(&zero));
	a = parsed("0.0.0.0");
	assert_true(addr_is_unspecified(&a));
	a = parsed("::1");
	assert_false(addr_is_unspecified(&a));
	a = parsed("0.0.0.1");
	assert_false(addr_is_unspecified(&a));
	a = parsed("223.255.255.255");
	assert_false(addr_is_multicast(&a));
	a = parsed("224.0.0.1");
	assert_true(addr_is_multicast(&a));
	a = parsed("239.255.255.255");
	assert_true(addr_is_multicast(&a));
	a = parsed("240.0.0.1");
	assert_false(addr_is_multicast(&a));
	a = parsed("255.255.255.255");
	assert_true(addr_is_multicast(&a));
	a = parsed("ff02::1");
	assert_true(addr_is_multicast(&a));
	a = parsed("fe80::1");
	assert_false(addr_is_multicast(&a));
}

static void nets(void **state)
{
	static const struct {
		const char *text;
		int bits; /* -1: refused */
	} rows[] = {
		{ "10.0.0.0/8", 104 }, { "10.1.2.3", 128 }, { "10.1.2.3/32", 128 },
		{ "0.0.0.0/0", 96 }, { "10.128.0.0/9", 105 }, { "::/0", 0 }, { "fd00::/8", 8 },
		{ "2001:db8::1/128", 128 }, { "::ffff:10.0.0.0/104", 104 }, { "fc00::/7", 7 },
		{ "10.0.0.1/8", -1 }, { "10.64.0.0/9", -1 }, { "10.0.0.0/33", -1 },
		{ "10.0.0.0/", -1 }, { "10.0.0.0/-1", -1 }, { "10.0.0.0/08", -1 },
		{ "10.0.0.0/8x", -1 }, { "10.0.0.0/1000", -1 }, { "fd00::1/8", -1 },
		{ "fd00::/129", -1 }, { "/8", -1 }, { "", -1 }, { "10.0.0/8", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct net n;
		bool ok = net_parse(rows[i].text, &n);

		assert_int_equal(ok ? n.bits : -1, rows[i].bits);
	}
}

static bool holds(const char *net, const char *addr)
{
	struct net n;
	struct addr a = parsed(addr);

	assert_true(net_parse(net, &n));
	return net_holds(&n, &a);
}

static void nets_hold(void **state)
{
	(void)state;
	assert_true(holds("10.0.0.0/8", "10.255.255.255"));
	assert_false(holds("10.0.0.0/8", "11.0.0.0"));
	assert_true(holds("100.64.0.0/10", "100.127.255.255"));
	assert_false(holds("100.64.0.0/10", "100.128.0.0"));
	assert_true(holds("10.0.0.1", "10.0.0.1"));
	assert_false(holds("10.0.0.1", "10.0.0.0"));
	assert_true(holds("0.0.0.0/0", "198.51.100.1"));
	assert_false(holds("0.0.0.0/0", "2001:db8::1"));
	assert_true(holds("::/0", "2001:db8::1"));
	assert_false(holds("::/0", "198.51.100.1"));
	assert_true(holds("fc00::/7", "fdff::1"));
	assert_false(holds("fc00::/7", "fe00::1"));
}

static void counters_are_named(void **state)
{
	(void)state;
	assert_string_equal(count_key(COUNT_PACKETS), "packets");
	assert_string_equal(count_key(COUNT_EVENTS_LOST), "events_lost");
	for (int i = 0; i < COUNT_END; i++) {
		assert_non_null(count_key(i));
		assert_true(strlen(count_help(i)) > 0);
		for (int k = 0; k < i; k++)
			assert_string_not_equal(count_key(i), count_key(k));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_canonical),
		cmocka_unit_test(parse_takes_exactly_len),
		cmocka_unit_test(kinds),
		cmocka_unit_test(nets),
		cmocka_unit_test(nets_hold),
		cmocka_unit_test(counters_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
