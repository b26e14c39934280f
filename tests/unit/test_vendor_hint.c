/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Formats that name an application and make no class: the right one, and none for what only resembles it. */
#include "ice_feed.h"

struct said { bool server; uint8_t n; const char *bytes; };

static const struct {
	enum app app;             /* that is named, APP_NONE none */
	uint16_t client_port, server_port;
	struct said said[2];
} talks[] = {
	{ APP_TEAMSPEAK, 0, 0, { { false, 17, "TS3INIT1\0\145\0\0\210\017\014\012" }, { true, 17, "TS3INIT1\0\145\0\0\210\017\014\012" } } },
	{ APP_NONE, 0, 0, { { false, 17, "TS3INIT2\0\145\0\0\210\017\014\012" } } },
	/* LINE: mark, type, length of the rest */
	{ APP_LINE, 0, 0, { { false, 8, "\xb6\x07\x00\x04" "abcd" } } },
	{ APP_LINE, 0, 0, { { true, 16, "\xb6\x09\x00\x0c" "abcdefghijkl" } } },
	{ APP_NONE, 0, 0, { { false, 8, "\xb6\x07\x00\x05" "abcd" } } },
	{ APP_NONE, 0, 0, { { false, 8, "\xb5\x07\x00\x04" "abcd" } } },
	{ APP_NONE, 0, 0, { { false, 4, "\xb6\x07\x00\x00" } } },
	/* Viber: a question one way and its answer the other */
	{ APP_VIBER, 0, 0, { { false, 12, "\x12\x34\x03\x00" "abcdefgh" }, { true, 12, "\x12\x34\x04\x00" "abcdefgh" } } },
	{ APP_VIBER, 0, 0, { { true, 12, "\x12\x34\x03\x00" "abcdefgh" }, { false, 12, "\x12\x34\x04\x00" "abcdefgh" } } },
	{ APP_NONE, 0, 0, { { false, 12, "\x12\x34\x03\x00" "abcdefgh" }, { false, 12, "\x12\x34\x04\x00" "abcdefgh" } } },
	{ APP_NONE, 0, 0, { { false, 12, "\x12\x34\x03\x00" "abcdefgh" }, { true, 12, "\x12\x34\x03\x00" "abcdefgh" } } },
	{ APP_NONE, 0, 0, { { false, 13, "\x12\x34\x03\x00" "abcdefghi" }, { true, 13, "\x12\x34\x04\x00" "abcdefghi" } } },
	/* FaceTime: 16 bytes on its ports */
	{ APP_FACETIME, 16402, 16384, { { false, 16, "\0\1\0\2" "abcdefghijkl" }, { true, 16, "\0\1\0\1" "abcdefghijkl" } } },
	{ APP_FACETIME, 16403, 16387, { { false, 16, "\0\0\0\2" "abcdefghijkl" } } },
	{ APP_NONE, 16402, 16384, { { false, 16, "\0\1\0\3" "abcdefghijkl" } } },
	{ APP_NONE, 16402, 16384, { { false, 16, "\0\1\0\0" "abcdefghijkl" } } },
	{ APP_NONE, 16402, 5000, { { false, 16, "\0\1\0\2" "abcdefghijkl" } } },
	{ APP_NONE, 16402, 16384, { { false, 15, "\0\1\0\2" "abcdefghijk" } } },
};

static void hear(struct feed *f, unsigned talk)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct said *s = &talks[talk].said[i];
		struct feed_from from = { .server = s->server, .client_port = talks[talk].client_port, .server_port = talks[talk].server_port };

		if (s->bytes != NULL)
			feed(f, from, s->bytes, s->n);
	}
}

static void names_and_no_class(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof talks / sizeof *talks; i++) {
		struct judgement j;
		void *f;

		feed_setup(&f);
		hear(f, i);
		j = feed_judge(f);
		if (j.app != talks[i].app)
			fail_msg("talk %u is called %s", i, app_name(j.app));
		assert_int_equal(j.cls, CLASS_NONE);
		assert_true(j.bits <= UNVERIFIED_BITS);
		feed_teardown(&f);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(names_and_no_class) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
