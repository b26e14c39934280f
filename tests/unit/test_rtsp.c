/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "call_feed.h"

#include "base/clock.h"

#define CLIENT false
#define SERVER true

#define SETUP "SETUP rtsp://192.0.2.9/live/streamid=0 RTSP/1.0\r\nCSeq: 3\r\n" \
	"Transport: RTP/AVP/UDP;unicast;client_port=28876-28877\r\n\r\n"
#define ANSWER "RTSP/1.0 200 OK\r\nCSeq: 3\r\n" \
	"Transport: RTP/AVP/UDP;unicast;client_port=28876-28877;server_port=6970-6971\r\n\r\n"

static void say(struct feed *f, bool server, const char *text)
{
	feed_tcp(f, server, text, strlen(text));
}

static void requests_and_answers(void **state)
{
	struct feed *f = *state;

	say(f, CLIENT, SETUP);
	assert_int_equal(feed_judge(f).cls, CLASS_STREAMING);
	assert_int_equal(feed_judge(f).app, APP_RTSP);
	assert_float_equal(feed_judge(f).bits, 20, 0.01);
	assert_int_equal(f->signals, 0);
}

static void other_text_is_not_rtsp(void **state)
{
	static const char *const other[] = {
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "OPTIONS sip:a@b SIP/2.0\r\nCSeq: 1 OPTIONS\r\n\r\n", "RTSP\r\n\r\n",
		"SETUP rtsp://x RTSP\r\n\r\n", "RTSP/x 200 OK\r\n\r\n", "HELO RTSP/1.0x\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof other / sizeof *other; i++)
		assert_float_equal(feed_bits_alone(other[i], strlen(other[i]), IPPROTO_TCP, CLASS_STREAMING), 0, 0.01);
}

static void ports_are_announced_as_streaming(void **state)
{
	struct feed *f = *state;
	struct fact fact;

	say(f, CLIENT, SETUP);
	assert_false(feed_announced(f, "10.0.0.1", "192.0.2.9", 6970, &fact));
	say(f, SERVER, ANSWER);
	for (uint16_t i = 0; i < 2; i++) {
		assert_true(feed_announced(f, "10.0.0.1", "192.0.2.9", (uint16_t)(6970 + i), &fact));
		assert_int_equal(fact.app, APP_RTSP);
		assert_true(feed_announced(f, "192.0.2.9", "10.0.0.1", (uint16_t)(28876 + i), &fact));
	}
}

/* The voice of a camera in a telephone codec, to the port announced: no call. */
static void announced_rtp_is_streaming(void **state)
{
	struct feed *f = *state;
	uint8_t b[172] = { 0x80, 0, 0, 0, 0, 0, 0, 0, 0x3b, 0x78, 0x2d, 3 };

	say(f, CLIENT, SETUP);
	say(f, SERVER, "RTSP/1.0 200 OK\r\nCSeq: 3\r\nTransport: RTP/AVP;client_port=28876\r\n\r\n");
	for (uint8_t i = 0; i < 60; i++) {
		b[3] = i;
		b[6] = (uint8_t)(i * 160 >> 8);
		b[7] = (uint8_t)(i * 160);
		f->frame.mono_ns += 19 * NS_PER_MS;
		feed(f, (struct feed_from){ .server = SERVER, .client_port = 28876 }, b, sizeof b);
	}
	assert_int_equal(feed_judge(f).cls, CLASS_STREAMING);
	assert_true(feed_judge(f).bits >= 20);
	assert_int_equal(f->flow->watch->call, 0);
}

static void bodies_and_pieces(void **state)
{
	static const char text[] = "RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 42\r\n\r\n"
	    "v=0\r\nm=audio 0 RTP/AVP 0\r\na=control:xxxxx\r" ANSWER;
	struct feed *f = *state;
	struct fact fact;

	say(f, CLIENT, SETUP);
	for (size_t i = 0; i < sizeof text - 1; i += 31)
		feed_tcp(f, SERVER, text + i, sizeof text - 1 - i < 31 ? sizeof text - 1 - i : 31);
	assert_true(feed_announced(f, "10.0.0.1", "192.0.2.9", 6970, &fact));
}

static void damaged_messages(void **state)
{
	(void)state;
	feed_damaged(ANSWER, strlen(ANSWER), IPPROTO_TCP);
}

#define test(name) cmocka_unit_test_setup_teardown(name, feed_setup, feed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(requests_and_answers), cmocka_unit_test(other_text_is_not_rtsp), test(ports_are_announced_as_streaming),
		test(announced_rtp_is_streaming), test(bodies_and_pieces), cmocka_unit_test(damaged_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
