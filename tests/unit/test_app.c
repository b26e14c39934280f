/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "base/app.h"

static void assert_no_twins(const char *(*name)(unsigned), unsigned n)
{
	for (unsigned i = 1; i < n; i++) {
		assert_non_null(name(i));
		for (unsigned j = 1; j < i; j++)
			assert_int_not_equal(strcasecmp(name(i), name(j)), 0);
	}
}

static const char *class_at(unsigned i) { return class_name((enum voip_class)i); }
static const char *app_at(unsigned i) { return app_name((enum app)i); }
static const char *category_at(unsigned i) { return category_name((enum category)i); }
static const char *role_at(unsigned i) { return role_name((enum role)i); }

/* Rules and those who read events know them by it. */
static void test_every_name_is_there_once(void **state)
{
	(void)state;
	assert_no_twins(class_at, CLASS_COUNT);
	assert_no_twins(app_at, APP_COUNT);
	assert_no_twins(category_at, CATEGORY_COUNT);
	assert_no_twins(role_at, ROLE_COUNT);
}

static void test_an_application_says_what_it_is(void **state)
{
	(void)state;
	for (unsigned i = 1; i < APP_COUNT; i++) {
		assert_non_null(app_what((enum app)i));
		assert_int_not_equal(app_category((enum app)i), CATEGORY_NONE);
	}
	assert_string_equal(app_name(APP_WHATSAPP), "whatsapp");
	assert_int_equal(app_kind(APP_WHATSAPP), APP_KIND_VENDOR);
	assert_int_equal(app_category(APP_WHATSAPP), CATEGORY_CHAT);
}

static void test_none_and_strangers_have_no_name(void **state)
{
	(void)state;
	assert_null(app_name(APP_NONE));
	assert_null(class_name(CLASS_NONE));
	assert_null(category_name(CATEGORY_NONE));
	assert_null(role_name(ROLE_NONE));
	assert_null(app_name((enum app)APP_COUNT));
	assert_null(class_name((enum voip_class)200));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_name_is_there_once),
		cmocka_unit_test(test_an_application_says_what_it_is),
		cmocka_unit_test(test_none_and_strangers_have_no_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
