/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "call_feed.h"

#define AGENT false
#define GATEWAY true

#define RQNT "RQNT 1 *@gateway44.example.com MGCP 0.1\r\nR: l/hd(n)\r\nX: 2\r\n"
#define CRCX "CRCX 204 aaln/1@rgw.example.net MGCP 1.0\r\nC: A3C47F21456789F0\r\nL: p:10, a:PCMU\r\nM: recvonly\r\n"
#define OK_SDP "200 204 OK\r\nI: FDE234C8\r\n\r\nv=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\n" \
	"t=0 0\r\nm=audio 3456 RTP/AVP 0\r\n"
#define MDCX "MDCX 205 aaln/1@rgw.example.net MGCP 1.0\r\nC: A3C47F21456789F0\r\nI: FDE234C8\r\nM: sendrecv\r\n\r\n" \
	"v=0\r\nc=IN IP4 198.51.100.7\r\nm=audio 1296 RTP/AVP 0\r\n"
#define DLCX "DLCX 206 aaln/1@rgw.example.net MGCP 1.0\r\nC: A3C47F21456789F0\r\n"

static void one_command_is_enough(void **state)
{
	struct feed *f = *state;

	feed_text(f, AGENT, RQNT);
	assert_float_equal(feed_bits(f, GROUP_SIGNALLING, CLASS_SIGNALLING), 20, 0.01);
	assert_int_equal(feed_judge(f).app, APP_MGCP);
	feed_text(f, GATEWAY, "510 2 of another transaction\r\n");
	assert_float_equal(feed_bits(f, GROUP_SIGNALLING, CLASS_SIGNALLING), 20, 0.01);
	feed_text(f, GATEWAY, "510 1 Protocol Error\r\n");
	assert_float_equal(feed_bits(f, GROUP_SIGNALLING, CLASS_SIGNALLING), 28, 0.01);
}

static void other_text_is_not_mgcp(void **state)
{
	static const char *const other[] = {
		"200 31656860 ok\r\n", "RQNT 1 *@gw HTTP/1.0\r\n", "RQNT x *@gw MGCP 1.0\r\n", "RQNT 1 MGCP 1.0\r\n",
		"SRCX 1 *@gw MGCP 1.0\r\n", "RQNT 1 *@gw MGCP x\r\n", "RQNT 1234567890 *@gw MGCP 1.0\r\n",
		"NOTIFY * HTTP/1.1\r\n\r\n", "GET / MGCP 1.0\r\n", "220 smtp.example.com ESMTP\r\n", "RQNT 1", "M",
	};

	(void)state;
	for (size_t i = 0; i < sizeof other / sizeof *other; i++)
		assert_float_equal(feed_bits_alone(other[i], strlen(other[i]), IPPROTO_UDP, CLASS_SIGNALLING), 0, 0.01);
}

static void a_call_from_set_up_to_end(void **state)
{
	struct feed *f = *state;
	struct fact fact;

	feed_text(f, AGENT, CRCX);
	assert_int_equal(f->signal.phase, CALL_SETUP);
	assert_string_equal(f->signal.id, "A3C47F21456789F0");
	assert_string_equal(f->signal.from, "aaln/1@rgw.example.net");
	feed_text(f, GATEWAY, OK_SDP);
	assert_int_equal(f->signal.phase, CALL_MEDIA);
	assert_int_equal(f->signal.media[0].port, 3456);
	assert_false(feed_announced(f, "192.0.2.9", "198.51.100.7", 1296, &fact));
	feed_text(f, AGENT, MDCX);
	assert_int_equal(f->signal.phase, CALL_ANSWERED);
	assert_true(feed_announced(f, "192.0.2.9", "198.51.100.7", 1296, &fact));
	assert_int_equal(fact.call, f->signal.call);
	assert_true(feed_announced(f, "198.51.100.7", "192.0.2.9", 3456, &fact));
	assert_true(feed_announced(f, "198.51.100.7", "192.0.2.9", 3457, &fact));
	assert_int_equal(fact.app, APP_RTCP);
	feed_text(f, AGENT, DLCX);
	assert_int_equal(f->signal.phase, CALL_ENDED);
	assert_int_equal(f->signals, 4);
}

static void sent_again_is_said_once(void **state)
{
	struct feed *f = *state;

	feed_text(f, AGENT, CRCX);
	feed_text(f, AGENT, CRCX);
	assert_int_equal(f->signals, 1);
}

static void digits_reach_the_watch_and_the_facts(void **state)
{
	struct feed *f = *state;
	struct fact fact;

	feed_text(f, GATEWAY, "NTFY 1 aaln/1@rgw MGCP 1.0\r\nX: 0\r\nO: L/hd\r\n");
	feed_text(f, GATEWAY, "NTFY 2 aaln/1@rgw MGCP 1.0\r\nX: 0\r\nO: D/1\r\n");
	feed_text(f, GATEWAY, "NTFY 3 aaln/1@rgw MGCP 1.0\r\nX: 0\r\nO: D/1,D/2\r\n");
	assert_string_equal(f->flow->watch->dialed, "112");
	feed_text(f, AGENT, CRCX "\r\nv=0\r\nc=IN IP4 198.51.100.7\r\nm=audio 1296 RTP/AVP 0\r\n");
	assert_string_equal(f->signal.dialed, "112");
	assert_true(feed_announced(f, "192.0.2.9", "198.51.100.7", 1296, &fact));
	assert_string_equal(fact.dialed, "112");
	feed_text(f, AGENT, DLCX);
	assert_string_equal(f->flow->watch->dialed, "");
}

static void several_messages_in_one_datagram(void **state)
{
	struct feed *f = *state;

	feed_text(f, AGENT, RQNT);
	feed_text(f, GATEWAY, "200 1 OK\r\n.\r\n" "NTFY 9 aaln/1@rgw MGCP 1.0\r\nX: 0\r\nO: 9,1,1\r\n");
	assert_string_equal(f->flow->watch->dialed, "911");
	assert_float_equal(feed_bits(f, GROUP_SIGNALLING, CLASS_SIGNALLING), 28, 0.01);
}

/* Facts concern the end that was told, and never this flow, port 53, 80 or 443. */
static void announcements_are_bounded(void **state)
{
	struct feed *f = *state;
	struct fact fact;

	feed_text(f, AGENT, "MDCX 1 a@b MGCP 1.0\r\nC: 1\r\n\r\nv=0\r\nc=IN IP4 198.51.100.7\r\nm=audio 53 RTP/AVP 0\r\n");
	feed_text(f, AGENT, "MDCX 2 a@b MGCP 1.0\r\nC: 1\r\n\r\nv=0\r\nc=IN IP4 10.0.0.1\r\nm=audio 40000 RTP/AVP 0\r\n");
	feed_text(f, AGENT, "MDCX 3 a@b MGCP 1.0\r\nC: 1\r\n\r\nv=0\r\nc=IN IP4 198.51.100.7\r\nm=audio 7000 RTP/AVP 0\r\n");
	assert_false(feed_announced(f, "192.0.2.9", "198.51.100.7", 53, &fact));
	assert_false(feed_announced(f, "192.0.2.9", "10.0.0.1", 40000, &fact));
	assert_true(feed_announced(f, "192.0.2.9", "198.51.100.7", 7000, &fact));
	assert_false(feed_announced(f, "10.0.0.1", "198.51.100.7", 7000, &fact));
}

static void damaged_messages(void **state)
{
	(void)state;
	feed_damaged(MDCX, strlen(MDCX), IPPROTO_UDP);
	feed_damaged(OK_SDP, strlen(OK_SDP), IPPROTO_UDP);
}

#define test(name) cmocka_unit_test_setup_teardown(name, feed_setup, feed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(one_command_is_enough), cmocka_unit_test(other_text_is_not_mgcp), test(a_call_from_set_up_to_end),
		test(sent_again_is_said_once), test(digits_reach_the_watch_and_the_facts),
		test(several_messages_in_one_datagram), test(announcements_are_bounded), cmocka_unit_test(damaged_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
