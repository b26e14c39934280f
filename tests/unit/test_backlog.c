/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the kernel's table of queues says about ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gate/backlog.h"

#define LENGTH 1024

static const struct gate_conf conf = { .udp = { 10, 2 }, .tcp = { 20, 1 }, .queue_length = LENGTH };
static struct backlog_tally tally;
static struct backlog backlog;

static int start(void **state)
{
	(void)state;
	memset(&tally, 0, sizeof tally);
	backlog = (struct backlog){ .conf = &conf, .tally = &tally, .fd = -1 };
	return 0;
}

static void reads(const char *text)
{
	backlog_read(&backlog, text, strlen(text));
}

static void assert_counts(uint64_t full, uint64_t lost)
{
	struct counts c = { 0 };

	backlog_counts(&tally, &c);
	assert_int_equal(c.n[COUNT_QUEUE_FULL], full);
	assert_int_equal(c.n[COUNT_QUEUE_LOST], lost);
}

/* As the kernel prints it: "%5u %6u %5u %1u %5u %5u %5u %8u %2d". */
static void test_full(void **state)
{
	(void)state;
	reads("   10   4711  1023 2 65531     0     0   999999  1\n"
	      "   11   4712  1024 2 65531     0     0       12  1\n"
	      "   20   4713     0 2 65531     0     0        0  1\n");
	assert_counts(1, 0);
	reads("   10   4711  1024 2 65531     0     0   999999  1\n"
	      "   20   4713  1025 2 65531     0     0        0  1\n");
	assert_counts(3, 0);
}

/* Both reasons count, each packet once. */
static void test_lost(void **state)
{
	(void)state;
	reads("   10   4711     3 2 65531     7     2    20 1\n");
	assert_counts(0, 9);
	reads("   10   4711     3 2 65531     7     2    20 1\n   20 1 0 2 65531 1 0 5 1\n");
	assert_counts(0, 10);
	reads("   10   4711     3 2 65531    17     2    20 1\n");
	assert_counts(0, 20);
}

static void test_lost_wraps(void **state)
{
	(void)state;
	reads("10 1 0 2 65531 4294967290 0 5 1\n");
	reads("10 1 0 2 65531 4 0 5 1\n");
	assert_counts(0, 4294967290u + 10ull);
}

static void test_others(void **state)
{
	(void)state;
	reads("    9 1 9999 2 65531 5 5 5 1\n   12 1 9999 2 65531 5 5 5 1\n   19 1 9999 2 65531 5 5 5 1\n"
	      "   21 1 9999 2 65531 5 5 5 1\n    0 1 9999 2 65531 5 5 5 1\n65535 1 9999 2 65531 5 5 5 1\n");
	assert_counts(0, 0);
}

static void test_no_such_line(void **state)
{
	static const char *const text[] = {
		"", "\n", "\n\n\n", "queue\n", "10\n", "10 1 9999 2 65531 5\n", "10 1 9999 2 65531 5 \n", "10 1 9999 2 65531 5 x\n",
		"10 1 9999 2 65531 5 5x\n", "-10 1 9999 2 65531 5 5 5 1\n", "10 1 -9999 2 65531 5 5 5 1\n", "10\t1 9999 2 65531 5 5 5 1\n",
		"4294967306 1 9999 2 65531 5 5 5 1\n",           /* 2^32 + 10 */
		"10 1 99999999999999999999999999 2 65531 5 5 5 1\n",
		"10 1 9999 2 65531 5 4294967296 5 1\n",
		"10 1 9999 2 65531 5 5 5 1",                       /* no end of line: cut */
	};

	(void)state;
	for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
		reads(text[i]);
		assert_counts(0, 0);
	}
	backlog_read(&backlog, "10 1 9999 2\0 65531 5 5 5 1\n", 28);
	assert_counts(0, 0);
}

/* What is cut, or no line, spoils none before it. */
static void test_cut(void **state)
{
	(void)state;
	reads("?\n   10 1  1024 2 65531 0 0 5 1\n   11 1  1024 2 65531 0");
	assert_counts(1, 0);
}

/* Where the table cannot be opened nothing is counted, and nothing breaks. */
static void test_not_open(void **state)
{
	(void)state;
	backlog_look(&backlog, NS_PER_S);
	assert_counts(0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_full, start),
		cmocka_unit_test_setup(test_lost, start),
		cmocka_unit_test_setup(test_lost_wraps, start),
		cmocka_unit_test_setup(test_others, start),
		cmocka_unit_test_setup(test_no_such_line, start),
		cmocka_unit_test_setup(test_cut, start),
		cmocka_unit_test_setup(test_not_open, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
