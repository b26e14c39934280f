/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every error of the rules language, at its line and column. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "policy/policy.h"

/* What policy_parse says about a text; to be freed. */
static char *errors_of(const char *text)
{
	char *said = NULL;
	size_t len;
	FILE *f = open_memstream(&said, &len);
	struct policy *p = policy_parse(text, "r", f);

	fclose(f);
	if ((p == NULL) != (len > 0))
		fail_msg("%s: errors and result differ: %s", text, said);
	policy_free(p);
	return said;
}

static const struct {
	const char *text, *error;
} cases[] = {
	/* lines */
	{ "blokc media", "r:1:1: \"blokc\" is not an action; did you mean \"block\"?" },
	{ "xyzzy media", "r:1:1: \"xyzzy\" is not an action" },
	{ "\n  10.0.0.1", "r:2:3: expected an action or a set, found \"10.0.0.1\"" },
	{ "block", "r:1:6: expected \"any\" or a class, found the end of the line" },
	{ "block host 10.0.0.1", "r:1:7: expected \"any\" or a class, found \"host\"" },
	{ "block media ; x", "r:1:13: unexpected character \";\"" },
	{ "block media \x01", "r:1:13: unexpected character 0x01" },
	{ "block media }", "r:1:13: \"}\" is not a selector" },
	{ "block media frm 10.0.0.1", "r:1:13: \"frm\" is not a selector; did you mean \"from\"?" },
	{ "block media \\\n\\\n   ap sip", "r:3:4: \"ap\" is not a selector; did you mean \"app\"?" },
	{ "block media\tapp\tsjp", "r:1:17: \"sjp\" is not an application; did you mean \"sip\"?" },
	/* names */
	{ "block medai", "r:1:7: \"medai\" is not a class; did you mean \"media\"?" },
	{ "block media, sreaming", "r:1:14: \"sreaming\" is not a class; did you mean \"streaming\"?" },
	{ "block {}", "r:1:7: an empty list matches nothing" },
	{ "block any app skipe", "r:1:15: \"skipe\" is not an application; did you mean \"skype\"?" },
	{ "block any app { sip, nosuchapp }", "r:1:22: \"nosuchapp\" is not an application" },
	{ "block any app { }", "r:1:11: an empty list matches nothing" },
	{ "block any category chta", "r:1:20: \"chta\" is not a category; did you mean \"chat\"?" },
	{ "block any role supernod", "r:1:16: \"supernod\" is not a role; did you mean \"supernode\"?" },
	{ "block any proto fcp", "r:1:17: \"fcp\" is not a protocol; did you mean \"tcp\"?" },
	{ "block any proto 256", "r:1:17: \"256\" is not a protocol" },
	{ "block any iif \"\"", "r:1:15: \"\" cannot be an interface (1 to 15 letters)" },
	{ "block any oif abcdefghijklmnop", "r:1:15: \"abcdefghijklmnop\" cannot be an interface (1 to 15 letters)" },
	/* addresses, sets, ports */
	{ "block any host", "r:1:15: expected \"any\", an address, a set ($name) or \"{\", found the end of the line" },
	{ "block any host 10.0.0.256", "r:1:16: \"10.0.0.256\" is not an address" },
	{ "block any host 10.8.0.1/24", "r:1:16: \"10.8.0.1/24\" has bits set after the prefix; write the network's own address" },
	{ "block any host 10.0.0.0/33", "r:1:16: \"10.0.0.0/33\": a prefix that long cannot be" },
	{ "block any host fd00::/129", "r:1:16: \"fd00::/129\": a prefix that long cannot be" },
	{ "block any host 1:2:3", "r:1:16: \"1:2:3\" is not an address" },
	{ "crew = { ::1 }\nblock any host $crw", "r:2:16: no set \"crw\" above this line; did you mean \"crew\"?" },
	{ "block any host $emergency", "r:1:16: \"emergency\" holds numbers, not addresses" },
	{ "block any host { 10.0.0.1, foo }", "r:1:28: expected an address, a network or a set ($name), found \"foo\"" },
	{ "a = { }", "r:1:1: an empty set matches nothing" },
	{ "inside = {}", "r:1:1: an empty set matches nothing" },
	{ "block any host {}", "r:1:16: an empty set matches nothing" },
	{ "a = { ::1 }\n\na = { ::2 }", "r:3:1: \"a\" is set twice, first on line 1" },
	{ "block any host $inside\ninside = { ::1 }", "r:2:1: \"inside\" is used above; set it before" },
	{ "emergency = {}\nemergency = { 112 }", "r:2:1: \"emergency\" is set twice" },
	{ "emergency = { police }", "r:1:15: expected a number to dial (up to 15 digits), found \"police\"" },
	{ "emergency = { 1.5 }", "r:1:15: expected a number to dial (up to 15 digits), found \"1.5\"" },
	{ "a = 10.0.0.1", "r:1:5: expected \"{\", found \"10.0.0.1\"" },
	{ "a = { 10.0.0.1 10.0.0.2 }", "r:1:16: expected \"}\" or \",\", found \"10.0.0.2\"" },
	{ "a = { 10.0.0.1", "r:1:5: this \"{\" is not closed" },
	{ "a = { 10.0.0.1,\nblock any\n", "r:1:5: this \"{\" is not closed" },
	{ "a = {\nb = { ::1 }\n", "r:1:5: this \"{\" is not closed" },
	{ "block any host ::1 port 0", "r:1:25: \"0\" is not a port (1 to 65535)" },
	{ "block any host ::1 port 65536", "r:1:25: \"65536\" is not a port (1 to 65535)" },
	{ "block any host ::1 port 80-70", "r:1:25: \"80-70\": a range goes from the lower port to the higher" },
	{ "block any host ::1 port sip", "r:1:25: expected a number or a range (N-M), found \"sip\"" },
	{ "block any proto icmp host any port 5", "r:1:11: \"port\" in a rule for a protocol without ports never matches" },
	/* actions and the rest */
	{ "limit any", "r:1:7: expected a rate, found \"any\"" },
	{ "limit 0B/s any", "r:1:7: a limit of 0B/s cannot be kept; use \"block\" to pass nothing" },
	{ "limit 5kB any", "r:1:7: \"5kB\" is not a rate; as 5kB/s: B, kB, MB, bit, kbit or Mbit a second" },
	{ "block media server", "r:1:13: only \"reject\" answers; the other actions have no client or server" },
	{ "reject client media both", "r:1:21: \"target of reject\" stands twice in this rule" },
	{ "block media bits 12..12", "r:1:13: bits 12..12 is empty: it goes from the first up to below the second" },
	{ "block media bits 12", "r:1:20: expected \"..\", found the end of the line" },
	{ "block media bits 1001..", "r:1:13: more than 1000 bits cannot be" },
	{ "block media reason \"a\" reason \"b\"", "r:1:24: \"reason\" stands twice in this rule" },
	{ "block media from ::1 to ::1 from ::2", "r:1:29: \"from\" stands twice in this rule" },
	{ "block media reason \"open", "r:1:20: this text is not closed on its line" },
	{ "block media reason open", "r:1:20: expected a quoted text, found \"open\"" },
	{ "block media reason \"a\xff\"", "r:1:22: this byte is neither printable nor UTF-8 (0xff)" },
	{ "block media reason \"a\xc0\x80\"", "r:1:22: this byte is neither printable nor UTF-8 (0xc0)" },
	{ "block media reason \"\x1b[m\"", "r:1:21: this byte is neither printable nor UTF-8 (0x1b)" },
	/* calendar */
	{ "block any during \"Mon-Fri 22:00-06:00\"", "r:1:38: no time zone; name one, as Europe/Paris or UTC" },
	{ "block any during \"22:00-06:00 Europe/Pari\"", "r:1:31: \"Europe/Pari\" is no time zone of this system" },
	{ "block any during \"22:00-06:00 ../UTC\"", "r:1:31: \"../UTC\" is no time zone of this system" },
	{ "block any during \"UTC\"", "r:1:19: expected a day (Mon to Sun) or a time (HH:MM)" },
	{ "block any during \"Mon-Fry UTC\"", "r:1:23: expected a day (Mon to Sun)" },
	{ "block any during \"24:00-06:00 UTC\"", "r:1:19: expected a time (00:00 to 23:59)" },
	{ "block any during \"22:60-06:00 UTC\"", "r:1:19: expected a time (00:00 to 23:59)" },
	{ "block any during \"22:00 UTC\"", "r:1:24: expected \"-\" and the time at which it ends" },
	{ "block any during \"22:00-24:01 UTC\"", "r:1:25: expected a time (00:00 to 24:00)" },
	{ "block any during \"22:00-22:00 UTC\"", "r:1:25: begins and ends at the same time; the whole day is 00:00-24:00" },
	{ "block any until 2027-02-29", "r:1:17: \"2027-02-29\" is not a date (YYYY-MM-DD)" },
	{ "block any until 1969-12-31", "r:1:17: \"1969-12-31\" is not a date (YYYY-MM-DD)" },
	{ "block any until 2027-01-01 24:00", "r:1:17: \"24:00\" is not a time (HH:MM)" },
	{ "block any until \"2027-01-01 12:00 Mars/X\"", "r:1:35: \"Mars/X\" is no time zone of this system" },
	{ "block any until tomorrow", "r:1:17: expected a quoted text or a date, found \"tomorrow\"" },
};

static void test_each_error(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char want[256], *said = errors_of(cases[i].text);

		snprintf(want, sizeof want, "%s\n", cases[i].error);
		if (strcmp(said, want) != 0)
			fail_msg("%s\nwant: %ssaid: %s", cases[i].text, want, said);
		free(said);
	}
}

static void test_all_errors_in_one_run(void **state)
{
	char *said = errors_of(
	    "blok media\n"
	    "block media            # fine\n"
	    "a = { 10.0.0.1,\n"
	    "      x y\n"
	    "    }\n"
	    "block media app sipp category voop\n"
	    "b = { 10.0.0.2\n"
	    "block media host $a\n"
	    "limit 1kB/s media bits 5..4 reason 5\n");

	(void)state;
	assert_string_equal(said,
	    "r:1:1: \"blok\" is not an action; did you mean \"block\"?\n"
	    "r:4:9: expected \"}\" or \",\", found \"y\"\n"
	    "r:6:17: \"sipp\" is not an application; did you mean \"sip\"?\n"
	    "r:6:31: \"voop\" is not a category; did you mean \"voip\"?\n"
	    "r:7:5: this \"{\" is not closed\n"
	    "r:8:18: no set \"a\" above this line\n"
	    "r:9:19: bits 5..4 is empty: it goes from the first up to below the second\n"
	    "r:9:36: expected a quoted text, found \"5\"\n");
	free(said);
}

static void test_errors_are_bounded(void **state)
{
	char *text = calloc(1, 4002), *said, *tail;

	(void)state;
	for (int i = 0; i < 2000; i++)
		strcpy(text + 2 * i, "x\n");
	said = errors_of(text);
	tail = strstr(said, "r: 1000 more errors\n");
	assert_non_null(tail);
	free(said);
	free(text);
}

/* ITEMS_MAX (parse.h) */
static void test_sets_are_bounded(void **state)
{
	enum { MOST = 100000, EACH = sizeof "10.000.000.000," };
	char *text = malloc((MOST + 2) * EACH), *said;
	size_t n = (size_t)sprintf(text, "a = { ");

	(void)state;
	for (unsigned i = 0; i <= MOST; i++)
		n += (size_t)sprintf(text + n, "%s10.%u.%u.%u", i == 0 ? "" : ",", i >> 16, i >> 8 & 255, i & 255);
	strcpy(text + n, " }\n");
	said = errors_of(text);
	assert_non_null(strstr(said, "more than 100000 networks"));
	free(said);
	free(text);
}

static void test_thresholds_are_bounded(void **state)
{
	char text[20000] = "", *said;
	size_t len = 0;

	(void)state;
	for (int i = 0; i < 260; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "block media bits %d..\n", 20 + i);
	said = errors_of(text);
	assert_memory_equal(said, "r:249:13: more than 250 different bounds of bits\n", 49);
	free(said);
}

/* Forms that are no errors. */
static void test_accepted(void **state)
{
	static const char *const fine[] = {
		"", "\n\n# only a comment", "block any # comment", "block any\r\nallow media\r\n",
		"a = {\n 10.0.0.1, # one\n ::1,\n}\nblock any host $a", "block any reason \"# no comment\"",
		"block any reason \"\xc3\xa9\"", "block any \\\n  app sip",
		"block any until 2001-01-01", "inside = { $inside, 192.0.2.0/24 }",
	};

	(void)state;
	for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
		char *said = errors_of(fine[i]);

		assert_string_equal(said, "");
		free(said);
	}
}

static void test_load(void **state)
{
	char path[] = "/tmp/squelch-rules-XXXXXX", want[128], *said = NULL;
	int fd = mkstemp(path);
	size_t len;
	FILE *f = open_memstream(&said, &len);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "block media\nblock \0 media\n", 26), 26);
	close(fd);
	assert_null(policy_load(path, f));
	assert_null(policy_load("/nowhere/x.rules", f));
	assert_null(policy_load("/tmp", f));
	fclose(f);
	unlink(path);
	snprintf(want, sizeof want, "%s:2:7: unexpected character 0x00\n", path);
	assert_memory_equal(said, want, strlen(want));
	assert_non_null(strstr(said, "/nowhere/x.rules: No such file or directory\n"));
	assert_non_null(strstr(said, "/tmp: Is a directory\n"));
	free(said);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_error), cmocka_unit_test(test_all_errors_in_one_run),
		cmocka_unit_test(test_errors_are_bounded), cmocka_unit_test(test_thresholds_are_bounded), cmocka_unit_test(test_sets_are_bounded),
		cmocka_unit_test(test_accepted), cmocka_unit_test(test_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
