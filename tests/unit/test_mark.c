/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gate/mark.h"

static void test_mask_parse(void **state)
{
	static const struct { const char *text; uint32_t mask; } good[] = {
		{ "0x7f000000", 0x7f000000 }, { "f", 0xf }, { "0xF0", 0xf0 }, { "0xffffffff", 0xffffffff },
	};
	static const char *const bad[] = {
		"", "0", "0x0", "0x7", "0xf0f", "0x70000000000", "-0xf", "0xf0 ", "mask", "0x55000000",
	};
	uint32_t mask;

	(void)state;
	for (unsigned i = 0; i < sizeof good / sizeof *good; i++) {
		assert_true(mark_mask_parse(good[i].text, &mask));
		assert_int_equal(mask, good[i].mask);
	}
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(mark_mask_parse(bad[i], &mask));
}

static void test_foreign_bits_stay(void **state)
{
	(void)state;
	assert_int_equal(mark_put(0x80abcdef, MARK_MASK_DEFAULT, MARK_DROP), 0x82abcdef);
	assert_int_equal(mark_put(0xffffffff, MARK_MASK_DEFAULT, MARK_NONE), 0x80ffffff);
	assert_int_equal(mark_put(0x12345678, 0x000000f0, MARK_WATCH), 0x12345698);
	/* the values that firewalls are set up with */
	assert_int_equal(mark_put(0, MARK_MASK_DEFAULT, MARK_PASS), 0x01000000);
	assert_int_equal(mark_put(0, MARK_MASK_DEFAULT, MARK_REJECT_BOTH), 0x07000000);
}

static void test_codes_of_fates(void **state)
{
	static const struct { struct fate fate; enum mark_code code; } rows[] = {
		{ { .drop = false }, MARK_NONE },
		{ { .final = true }, MARK_PASS },
		{ { .final = true, .watch = true }, MARK_PASS },
		{ { .watch = true }, MARK_WATCH },
		{ { .drop = true }, MARK_DROP_ONCE },
		{ { .drop = true, .watch = true }, MARK_DROP_ONCE },
		{ { .drop = true, .reject = REJECT_BOTH }, MARK_DROP_ONCE },
		{ { .drop = true, .final = true }, MARK_DROP },
		{ { .drop = true, .final = true, .reject = REJECT_BOTH }, MARK_REJECT_BOTH },
		{ { .drop = true, .final = true, .reject = REJECT_CLIENT, .from_source = true }, MARK_REJECT_BACK },
		{ { .drop = true, .final = true, .reject = REJECT_CLIENT }, MARK_REJECT_AHEAD },
		{ { .drop = true, .final = true, .reject = REJECT_SERVER, .from_source = true }, MARK_REJECT_AHEAD },
		{ { .drop = true, .final = true, .reject = REJECT_SERVER }, MARK_REJECT_BACK },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(mark_code_of(&rows[i].fate), rows[i].code);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mask_parse),
		cmocka_unit_test(test_foreign_bits_stay),
		cmocka_unit_test(test_codes_of_fates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
