/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `squelch check`: exit codes and what it prints. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cmd/check.c"

#define PATH "/tmp/squelch-check-XXXXXX"

static char out[4096], err[4096];

/* Runs fd through a file while a command runs. */
static int redirect(int fd, int *saved)
{
	char path[] = PATH;
	int to = mkstemp(path);

	assert_true(to >= 0);
	unlink(path);
	*saved = dup(fd);
	dup2(to, fd);
	return to;
}

static void restore(int fd, int saved, int to, char *text, size_t size)
{
	ssize_t n = pread(to, text, size - 1, 0);

	text[n < 0 ? 0 : n] = '\0';
	dup2(saved, fd);
	close(saved);
	close(to);
}

static int check(const char *a, const char *b)
{
	char *argv[] = { (char *)"check", (char *)a, (char *)b, NULL };
	int saved[2], to[2], rc;

	fflush(NULL);
	to[0] = redirect(1, &saved[0]);
	to[1] = redirect(2, &saved[1]);
	rc = cmd_check(a == NULL ? 1 : b == NULL ? 2 : 3, argv);
	fflush(NULL);
	restore(1, saved[0], to[0], out, sizeof out);
	restore(2, saved[1], to[1], err, sizeof err);
	return rc;
}

static int check_text(const char *text, char path[static sizeof PATH])
{
	int fd, rc;

	strcpy(path, PATH);
	fd = mkstemp(path);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	rc = check(path, NULL);
	unlink(path);
	return rc;
}

static void test_built_in(void **state)
{
	(void)state;
	assert_int_equal(check(NULL, NULL), EXIT_OK);
	assert_string_equal(out, "built-in rules: 2 rules, ok\n");
	assert_string_equal(err, "");
}

static void test_good(void **state)
{
	char path[sizeof PATH], want[128];

	(void)state;
	assert_int_equal(check_text("a = { ::1 }\nblock media\nallow any host $a\nalert any\n", path), EXIT_OK);
	snprintf(want, sizeof want, "%s: 3 rules, ok\n", path);
	assert_string_equal(out, want);
	assert_string_equal(err, "");
}

static void test_bad(void **state)
{
	char path[sizeof PATH], want[256];

	(void)state;
	assert_int_equal(check_text("blok media\nblock media app x\n", path), EXIT_USAGE);
	snprintf(want, sizeof want, "%s:1:1: \"blok\" is not an action; did you mean \"block\"?\n"
	    "%s:2:17: \"x\" is not an application\n", path, path);
	assert_string_equal(err, want);
	assert_string_equal(out, "");
}

static void test_past(void **state)
{
	char path[sizeof PATH], want[256];

	(void)state;
	assert_int_equal(check_text("alert any until 2001-01-01\n", path), EXIT_OK);
	snprintf(want, sizeof want, "%s:1:11: warning: this rule has ended\n", path);
	assert_string_equal(err, want);
}

static void test_usage(void **state)
{
	(void)state;
	assert_int_equal(check("-h", NULL), EXIT_OK);
	assert_string_equal(out, usage);
	assert_int_equal(check("a", "b"), EXIT_USAGE);
	assert_int_equal(check("/nowhere/x", NULL), EXIT_USAGE);
	assert_string_equal(err, "/nowhere/x: No such file or directory\n");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_built_in), cmocka_unit_test(test_good), cmocka_unit_test(test_bad),
		cmocka_unit_test(test_past), cmocka_unit_test(test_usage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
