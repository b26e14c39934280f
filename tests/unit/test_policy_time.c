/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `during` and `until`: the calendar, daylight saving and the next change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "base/clock.h"
#include "policy/policy.h"
#include "policy/zone.h"

/* "2026-03-29 01:00:00" UTC in seconds. */
static int64_t utc(const char *text)
{
	struct tm tm = { 0 };

	assert_non_null(strptime(text, "%Y-%m-%d %H:%M:%S", &tm));
	return timegm(&tm);
}

static struct policy *during(const char *window)
{
	char text[256];
	struct policy *p;

	snprintf(text, sizeof text, "block any during \"%s\"\n", window);
	p = policy_parse(text, "t.rules", stderr);
	assert_non_null(p);
	return p;
}

static bool on(const struct policy *p, int64_t at)
{
	struct subject s = { .dialed = "", .wall_ns = (uint64_t)at * NS_PER_S };

	return policy_judge(p, &s).action == ACTION_DROP;
}

/* Hand-computed: Paris goes from +1 to +2 on 2026-03-29 at 01:00Z and back on 2026-10-25 at 01:00Z. */
static const struct {
	const char *window, *from, *to; /* on from FROM (off the second before) until TO */
} windows[] = {
	/* 02:00 to 03:00 does not exist: the window begins at its end */
	{ "Sun 02:30-03:30 Europe/Paris", "2026-03-29 01:00:00", "2026-03-29 01:30:00" },
	/* 02:00 to 03:00 exists twice: the window too */
	{ "Sun 02:15-02:45 Europe/Paris", "2026-10-25 00:15:00", "2026-10-25 00:45:00" },
	{ "Sun 02:15-02:45 Europe/Paris", "2026-10-25 01:15:00", "2026-10-25 01:45:00" },
	{ "Sun 01:30-03:30 Europe/Paris", "2026-10-24 23:30:00", "2026-10-25 02:30:00" },
	/* across midnight; the window belongs to the day on which it begins */
	{ "Mon-Fri 22:00-06:00 Europe/Paris", "2026-03-27 21:00:00", "2026-03-28 05:00:00" },
	{ "Mon-Fri 22:00-06:00 Europe/Paris", "2026-03-30 20:00:00", "2026-03-31 04:00:00" },
	{ "Sun 22:00-06:00 UTC", "2026-03-29 22:00:00", "2026-03-30 06:00:00" },
	{ "Sat 22:00-06:00 Europe/Paris", "2026-03-28 21:00:00", "2026-03-29 04:00:00" },
	{ "Sat 22:00-06:00 Europe/Paris", "2026-10-24 20:00:00", "2026-10-25 05:00:00" },
	/* lists, wrapping ranges, whole days */
	{ "Fri-Mon Europe/Paris", "2026-03-26 23:00:00", "2026-03-30 22:00:00" },
	{ "Tue,Thu 08:00-12:00,13:00-17:00 UTC", "2026-03-26 13:00:00", "2026-03-26 17:00:00" },
	{ "Mon 10:00-11:00, Wed, thu 00:00-24:00 UTC", "2026-03-25 00:00:00", "2026-03-27 00:00:00" },
	{ "00:00-00:01 Asia/Kathmandu", "2026-03-24 18:15:00", "2026-03-24 18:16:00" },
	/* past the last step in the file: by its footer */
	{ "12:00-13:00 Europe/Paris", "2050-07-01 10:00:00", "2050-07-01 11:00:00" },
	{ "12:00-13:00 Europe/Paris", "2050-12-01 11:00:00", "2050-12-01 12:00:00" },
};

static void test_windows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
		struct policy *p = during(windows[i].window);
		int64_t from = utc(windows[i].from), to = utc(windows[i].to);

		if (on(p, from - 1) || !on(p, from) || !on(p, to - 1) || on(p, to))
			fail_msg("%s: %s to %s", windows[i].window, windows[i].from, windows[i].to);
		assert_int_equal(policy_next_change(p, (uint64_t)(from - 1) * NS_PER_S), (uint64_t)from * NS_PER_S);
		assert_int_equal(policy_next_change(p, (uint64_t)from * NS_PER_S), (uint64_t)to * NS_PER_S);
		assert_int_equal(policy_next_change(p, (uint64_t)to * NS_PER_S - 1), (uint64_t)to * NS_PER_S);
		policy_free(p);
	}
}

static void test_weekend_is_off(void **state)
{
	struct policy *p = during("Mon-Fri 22:00-06:00 Europe/Paris");

	(void)state;
	assert_false(on(p, utc("2026-03-28 22:00:00")));
	assert_false(on(p, utc("2026-03-29 22:00:00")));
	assert_false(on(p, utc("2026-03-30 03:00:00"))); /* Monday 05:00 belongs to Sunday's night */
	policy_free(p);
}

/* policy_next_change against asking every minute, over both changes of the clock. */
static void test_next_change_misses_nothing(void **state)
{
	static const char *const window[] = {
		"Mon-Fri 22:00-06:00 Europe/Paris", "02:15-02:45 Europe/Paris", "Sun Australia/Lord_Howe",
		"01:00-02:00,02:59-03:00 America/New_York", "Sat 23:30-00:30 America/Nuuk",
	};
	static const char *const start[] = { "2026-03-05 00:00:00", "2026-10-20 00:00:00", "2044-03-20 00:00:00" };

	(void)state;
	for (size_t w = 0; w < sizeof window / sizeof *window; w++) {
		struct policy *p = during(window[w]);

		for (size_t i = 0; i < sizeof start / sizeof *start; i++) {
			int64_t at = utc(start[i]), end = at + 28 * 86400;
			int64_t next = (int64_t)(policy_next_change(p, (uint64_t)at * NS_PER_S) / NS_PER_S);

			for (int64_t t = at + 60; t < end; t += 60) {
				if (on(p, t) != on(p, t - 60))
					assert_int_equal(next, t);
				if (t == next)
					next = (int64_t)(policy_next_change(p, (uint64_t)t * NS_PER_S) / NS_PER_S);
				assert_true(next > t);
			}
		}
		policy_free(p);
	}
}

static void test_until(void **state)
{
	struct policy *p = policy_parse("block any until 2027-01-01 during \"00:00-24:00 UTC\"", "t", stderr);
	int64_t end = utc("2027-01-01 00:00:00");

	(void)state;
	assert_non_null(p);
	assert_true(on(p, end - 1));
	assert_false(on(p, end));
	assert_int_equal(policy_next_change(p, 0), (uint64_t)end * NS_PER_S);
	assert_int_equal(policy_next_change(p, (uint64_t)end * NS_PER_S), UINT64_MAX);
	policy_free(p);
}

static const struct {
	const char *until, *utc;
} untils[] = {
	{ "2026-06-01", "2026-06-01 00:00:00" }, { "2026-06-01 09:30", "2026-06-01 09:30:00" },
	{ "2026-06-01 09:30:15", "2026-06-01 09:30:15" },
	{ "\"2026-06-01 Europe/Paris\"", "2026-05-31 22:00:00" },
	{ "\"2026-03-29 02:30 Europe/Paris\"", "2026-03-29 01:30:00" }, /* skipped: counted on from +1 */
	{ "\"2026-10-25 02:30 Europe/Paris\"", "2026-10-25 00:30:00" }, /* doubled: the first */
	{ "\"2026-10-25 03:00 Europe/Paris\"", "2026-10-25 02:00:00" },
	{ "\"2050-07-01 12:00 America/New_York\"", "2050-07-01 16:00:00" },
};

static void test_until_forms(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof untils / sizeof *untils; i++) {
		char text[128];
		struct policy *p;

		snprintf(text, sizeof text, "block any until %s reason \"x\"", untils[i].until);
		p = policy_parse(text, "t", stderr);
		assert_non_null(p);
		assert_int_equal(policy_next_change(p, 0), (uint64_t)utc(untils[i].utc) * NS_PER_S);
		policy_free(p);
	}
}

static void test_next_change_is_the_first(void **state)
{
	struct policy *p = policy_parse("block any until 2026-06-01\nallow any until 2026-05-01\n"
	    "alert media during \"12:00-13:00 UTC\"", "t", stderr);

	(void)state;
	assert_non_null(p);
	assert_int_equal(policy_next_change(p, (uint64_t)utc("2026-04-30 14:00:00") * NS_PER_S),
	    (uint64_t)utc("2026-05-01 00:00:00") * NS_PER_S);
	assert_int_equal(policy_next_change(p, (uint64_t)utc("2026-05-01 00:00:00") * NS_PER_S),
	    (uint64_t)utc("2026-05-01 12:00:00") * NS_PER_S);
	policy_free(p);
	p = policy_parse("block any during \"00:00-24:00 Europe/Paris\"", "t", stderr);
	assert_int_equal(policy_next_change(p, 0), UINT64_MAX);
	policy_free(p);
}

static void test_expired(void **state)
{
	struct policy *p = policy_parse("block any\nblock any until 2026-05-01", "t.rules", stderr);
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	policy_expired(p, (uint64_t)utc("2026-04-30 23:59:59") * NS_PER_S, f);
	fflush(f);
	assert_string_equal(text, "");
	policy_expired(p, (uint64_t)utc("2026-05-01 00:00:00") * NS_PER_S, f);
	fclose(f);
	assert_string_equal(text, "t.rules:2:11: warning: this rule has ended\n");
	free(text);
	policy_free(p);
}

/* Offsets by Python's zoneinfo on the same database (2025b). */
static const struct {
	const char *zone, *utc;
	int offset;
} offsets[] = {
	{ "Europe/Paris", "2026-03-29 00:59:59", 3600 },
	{ "Europe/Paris", "2026-03-29 01:00:00", 7200 },
	{ "Europe/Paris", "2026-10-25 00:59:59", 7200 },
	{ "Europe/Paris", "2026-10-25 01:00:00", 3600 },
	{ "Europe/Paris", "2400-07-01 00:00:00", 7200 },
	{ "Europe/Paris", "2553-12-01 00:00:00", 3600 },
	{ "America/New_York", "2026-03-08 06:59:59", -18000 },
	{ "America/New_York", "2026-03-08 07:00:00", -14400 },
	{ "America/New_York", "2050-11-06 05:59:59", -14400 },
	{ "America/New_York", "2050-11-06 06:00:00", -18000 },
	{ "Australia/Sydney", "2045-01-01 00:00:00", 39600 },
	{ "Australia/Sydney", "2045-07-01 00:00:00", 36000 },
	{ "Australia/Sydney", "2044-12-31 23:59:59", 39600 },
	{ "Asia/Kolkata", "2026-06-01 00:00:00", 19800 },
	{ "Asia/Kathmandu", "1985-12-31 18:29:59", 19800 },
	{ "Asia/Kathmandu", "1985-12-31 18:30:00", 20700 },
	{ "America/Nuuk", "2026-03-29 00:59:59", -7200 },
	{ "America/Nuuk", "2026-03-29 01:00:00", -3600 },
	{ "America/Nuuk", "2040-03-25 00:59:59", -7200 },
	{ "America/Nuuk", "2040-03-25 01:00:00", -3600 },
	{ "Africa/Casablanca", "2026-03-01 00:00:00", 0 },
	{ "Africa/Casablanca", "2026-02-20 00:00:00", 0 },
	{ "Pacific/Apia", "2011-12-30 09:59:59", -36000 },
	{ "Pacific/Apia", "2011-12-30 10:00:00", 50400 },
	{ "Australia/Lord_Howe", "2040-04-01 00:00:00", 37800 },
	{ "Australia/Lord_Howe", "2040-10-10 00:00:00", 39600 },
	{ "UTC", "2026-01-01 00:00:00", 0 },
};

static void test_zone_offsets(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
		struct arena a = { NULL };
		struct zone *z = zone_load(&a, offsets[i].zone);

		assert_non_null(z);
		if (zone_offset(z, utc(offsets[i].utc)) != offsets[i].offset)
			fail_msg("%s at %s: %d", offsets[i].zone, offsets[i].utc,
			    (int)zone_offset(z, utc(offsets[i].utc)));
		arena_free(&a);
	}
}

static void test_zone_names_stay_inside(void **state)
{
	static const char *const bad[] = { "", "../../../etc/passwd", "/etc/passwd", "Europe", "Europe/",
		"Europe/Nowhere", "zone1970.tab", "a b" };
	struct arena a = { NULL };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_null(zone_load(&a, bad[i]));
	arena_free(&a);
}

/* Every cut and every changed byte of a real file is refused or read, without harm. */
static void test_zone_damaged(void **state)
{
	static uint8_t bytes[8192];
	FILE *f = fopen("/usr/share/zoneinfo/Europe/Paris", "re");
	size_t len;

	(void)state;
	if (f == NULL) {
		print_message("no compiled zones in /usr/share/zoneinfo\n");
		skip();
	}
	len = fread(bytes, 1, sizeof bytes, f);
	fclose(f);
	for (size_t i = 0; i < len; i++) {
		struct arena a = { NULL };
		uint8_t was = bytes[i];

		assert_null(zone_parse(&a, bytes, i));
		for (int bit = 0; bit < 8; bit++) {
			struct zone *z;

			bytes[i] = (uint8_t)(was ^ 1u << bit);
			z = zone_parse(&a, bytes, len);
			if (z != NULL)
				(void)zone_next_step(z, 1790000000);
			arena_free(&a);
		}
		bytes[i] = was;
	}
}

static void test_footer_rules(void **state)
{
	static struct zone_step step[2 * (ZONE_LAST_YEAR - 1970 + 1)];
	static const char *const bad[] = { "", "A", "CET", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0",
		"CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,J0,J5", "CET-1CEST,366,5", "CET-25", "<CET-1",
		"CET-1CEST,M3.5.0/168,M10.5.0", "CET-1 " };
	int32_t standard;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(zone_rule_steps(bad[i], 2026, step, &standard), -1);
	assert_int_equal(zone_rule_steps("<+0530>-5:30", 2026, step, &standard), 0);
	assert_int_equal(standard, 19800);
	assert_int_equal(zone_rule_steps("CET-1CEST,M3.5.0,M10.5.0/3", ZONE_LAST_YEAR, step, &standard), 2);
	assert_true(zone_rule_steps("CET-1CEST,J60/0,300", 2028, step, &standard) > 0);
	assert_int_equal(step[0].at, utc("2028-02-29 23:00:00")); /* J60 is 1 March, leap year or not */
	assert_int_equal(step[1].at, utc("2028-10-27 00:00:00")); /* day 300 from 0: 27 October */
	assert_true(zone_rule_steps("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 2026, step, &standard) > 0);
	assert_int_equal(step[0].at, utc("2026-03-29 01:00:00")); /* Saturday 23:00 local */
	assert_int_equal(step[0].offset, -3600);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_windows), cmocka_unit_test(test_weekend_is_off),
		cmocka_unit_test(test_next_change_misses_nothing), cmocka_unit_test(test_until),
		cmocka_unit_test(test_until_forms), cmocka_unit_test(test_next_change_is_the_first),
		cmocka_unit_test(test_expired), cmocka_unit_test(test_zone_offsets),
		cmocka_unit_test(test_zone_names_stay_inside), cmocka_unit_test(test_zone_damaged),
		cmocka_unit_test(test_footer_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
