/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "judge/judge.h"

static const struct detector rtp_row = { .name = "rtp", .group = GROUP_RTP };
static const struct detector rtcp_row = { .name = "rtp", .group = GROUP_RTP };
static const struct detector ice_row = { .name = "ice", .group = GROUP_ICE };
static const struct detector sdp_row = { .name = "sip", .group = GROUP_ANNOUNCED };
static const struct detector redial_row = { .name = "redial", .group = GROUP_HISTORY };
static const struct detector ndpi_row = { .name = "ndpi", .group = GROUP_NDPI };

static struct evidence says(const struct detector *row, enum voip_class cls, enum app app, float bits)
{
	return (struct evidence){ .row = row, .why = "", .bits = bits, .cls = (uint8_t)cls, .app = (uint8_t)app };
}

static void nothing_is_nothing(void **state)
{
	struct judgement j = judge(NULL, 0, REPORT_BITS);

	assert_int_equal(j.cls, CLASS_NONE);
	assert_int_equal(j.app, APP_NONE);
	(void)state;
}

static void groups_add_and_their_members_do_not(void **state)
{
	struct evidence e[] = { says(&rtp_row, CLASS_MEDIA, APP_RTP, 7), says(&rtcp_row, CLASS_MEDIA, APP_RTP, 6),
		says(&sdp_row, CLASS_MEDIA, APP_NONE, 5) };
	struct judgement j = judge(e, 3, REPORT_BITS);

	assert_int_equal(j.cls, CLASS_MEDIA);
	assert_true(j.bits == 12);
	(void)state;
}

/* What was announced can be forged: a cut teaches nothing about a flow that shows no speech by itself. */
static void history_needs_what_the_flow_shows(void **state)
{
	struct evidence e[] = { says(&redial_row, CLASS_MEDIA, APP_NONE, 6), says(&sdp_row, CLASS_MEDIA, APP_NONE, 12),
		says(&rtp_row, CLASS_MEDIA, APP_RTP, 5.5f) };

	assert_true(judge_bits(e, 2, CLASS_MEDIA) == 12);
	assert_true(judge_bits(e, 3, CLASS_MEDIA) == 17.5f);
	e[2].bits = 6;
	assert_true(judge_bits(e, 3, CLASS_MEDIA) == 24);
	(void)state;
}

static void negative_evidence_takes_away(void **state)
{
	struct evidence e[] = { says(&rtp_row, CLASS_MEDIA, APP_RTP, 12), says(&ice_row, CLASS_MEDIA, APP_NONE, -5) };

	assert_int_equal(judge(e, 2, REPORT_BITS).cls, CLASS_NONE);
	assert_int_equal(judge(e, 1, REPORT_BITS).cls, CLASS_MEDIA);
	(void)state;
}

static void the_strongest_class_with_enough_bits_is_reported(void **state)
{
	struct evidence e[] = { says(&ice_row, CLASS_ICE, APP_STUN, 60), says(&rtp_row, CLASS_MEDIA, APP_RTP, 9.5f) };

	assert_int_equal(judge(e, 2, REPORT_BITS).cls, CLASS_ICE);
	e[1].bits = 10;
	assert_int_equal(judge(e, 2, REPORT_BITS).cls, CLASS_MEDIA);
	assert_int_equal(judge(e, 2, 9).cls, CLASS_MEDIA);
	(void)state;
}

static void a_vendor_names_better_than_a_protocol_and_ndpi_comes_last(void **state)
{
	struct evidence e[] = { says(&rtp_row, CLASS_MEDIA, APP_RTP, 30), says(&ndpi_row, CLASS_NONE, APP_STUN, 0),
		says(&ice_row, CLASS_ICE, APP_WHATSAPP, 20) };

	assert_int_equal(judge(e, 3, REPORT_BITS).app, APP_WHATSAPP);
	assert_int_equal(judge(e, 2, REPORT_BITS).app, APP_RTP);
	e[1].app = APP_DISCORD;
	assert_int_equal(judge(e, 2, REPORT_BITS).app, APP_DISCORD); /* a vendor, though only by nDPI */
	(void)state;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_nothing),
		cmocka_unit_test(groups_add_and_their_members_do_not),
		cmocka_unit_test(history_needs_what_the_flow_shows),
		cmocka_unit_test(negative_evidence_takes_away),
		cmocka_unit_test(the_strongest_class_with_enough_bits_is_reported),
		cmocka_unit_test(a_vendor_names_better_than_a_protocol_and_ndpi_comes_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
