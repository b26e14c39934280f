/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Command lines: several tables at once, lists, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "cmd/options.c" /* commands are no library */

struct own { bool flag; struct option_list list; };
struct shared { const char *text; uint32_t number; float bits; };

static const struct option_row own_rows[] = {
	{ "flag", 'f', OPTION_FLAG, NULL, offsetof(struct own, flag), "a flag" },
	{ "list", 'l', OPTION_LIST, "ITEM", offsetof(struct own, list), "a list" },
	{ 0 },
};
static const struct option_row shared_rows[] = {
	{ "text", 0, OPTION_TEXT, "TEXT", offsetof(struct shared, text), "a text" },
	{ "number", 'n', OPTION_UINT, "N", offsetof(struct shared, number), "a number" },
	{ "bits", 0, OPTION_BITS, "BITS", offsetof(struct shared, bits), "bits" },
	{ 0 },
};

static struct own own;
static struct shared shared;

/* Words of a command line as main gets them: writable. */
static int parse(const char *line)
{
	static const struct option_table tables[] = { { own_rows, &own }, { shared_rows, &shared }, { 0 } };
	static char words[1024];
	char *argv[40], *rest = words;
	int argc = 0;

	own = (struct own){ 0 };
	shared = (struct shared){ 0 };
	snprintf(words, sizeof words, "command %s", line);
	while ((argv[argc] = strtok_r(rest, " ", &rest)) != NULL)
		argc++;
	return options_parse(tables, argc, argv, "command");
}

static void both_tables_are_filled(void **state)
{
	(void)state;
	assert_int_equal(parse("-f --text word --bits 3.5 -n 7 operand"), 7 + 1);
	assert_true(own.flag);
	assert_string_equal(shared.text, "word");
	assert_int_equal(shared.number, 7);
	assert_true(shared.bits > 3.4f && shared.bits < 3.6f);
	assert_int_equal(parse(""), 1);
	assert_false(own.flag);
	assert_null(shared.text);
}

static void lists_grow(void **state)
{
	static const char *const want[] = { "a", "b", "c", "d" };

	(void)state;
	assert_int_equal(parse("-l a,b --list c -ld"), 6);
	assert_int_equal(own.list.n, 4);
	for (unsigned i = 0; i < 4; i++)
		assert_string_equal(own.list.item[i], want[i]);
	assert_int_equal(parse("-l 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16"), 3);
	assert_int_equal(own.list.n, OPTION_LIST_MAX);
}

static void what_is_wrong_is_refused(void **state)
{
	static const char *const wrong[] = {
		"--nosuch", "-x", "-l", "-l a,,b", "-l ,", "-l a,", "-l 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17",
		"-n 0", "-n -1", "-n 1x", "-n 4294967296", "--bits -1", "--bits nan", "--bits 1001", "--bits x", "--flag=1",
	};

	(void)state;
	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(parse(wrong[i]), OPTIONS_WRONG);
	assert_int_equal(parse("-n 4294967295 --bits 1000"), 5);
	assert_int_equal(parse("--help"), OPTIONS_HELP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_tables_are_filled),
		cmocka_unit_test(lists_grow),
		cmocka_unit_test(what_is_wrong_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
