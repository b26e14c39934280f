/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/app.h"

static void test_every_name_is_found_again(void **state)
{
	enum voip_class cls;
	enum category category;
	enum role role;
	enum app app;

	(void)state;
	for (unsigned i = 1; i < APP_COUNT; i++) {
		assert_true(app_find(app_name((enum app)i), &app));
		assert_int_equal(app, i);
		assert_non_null(app_what((enum app)i));
		assert_int_not_equal(app_category((enum app)i), CATEGORY_NONE);
	}
	for (unsigned i = 1; i < CLASS_COUNT; i++) {
		assert_true(class_find(class_name((enum voip_class)i), &cls));
		assert_int_equal(cls, i);
	}
	for (unsigned i = 1; i < CATEGORY_COUNT; i++) {
		assert_true(category_find(category_name((enum category)i), &category));
		assert_int_equal(category, i);
	}
	for (unsigned i = 1; i < ROLE_COUNT; i++) {
		assert_true(role_find(role_name((enum role)i), &role));
		assert_int_equal(role, i);
	}
}

static void test_none_and_strangers_have_no_name(void **state)
{
	enum app app = APP_ZOOM;

	(void)state;
	assert_null(app_name(APP_NONE));
	assert_null(class_name(CLASS_NONE));
	assert_null(category_name(CATEGORY_NONE));
	assert_null(role_name(ROLE_NONE));
	assert_null(app_name((enum app)APP_COUNT));
	assert_null(class_name((enum voip_class)200));
	assert_false(app_find("nonesuch", &app));
	assert_false(app_find("", &app));
	assert_int_equal(app, APP_ZOOM);
}

static void test_capitals_do_not_matter(void **state)
{
	enum voip_class cls;
	enum app app;

	(void)state;
	assert_true(app_find("WhatsApp", &app));
	assert_int_equal(app, APP_WHATSAPP);
	assert_int_equal(app_kind(app), APP_KIND_VENDOR);
	assert_int_equal(app_category(app), CATEGORY_CHAT);
	assert_true(class_find("Media", &cls));
	assert_int_equal(cls, CLASS_MEDIA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_name_is_found_again),
		cmocka_unit_test(test_none_and_strangers_have_no_name),
		cmocka_unit_test(test_capitals_do_not_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
