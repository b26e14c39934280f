/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "detect/sdp.h"

static struct sdp parse(const char *text)
{
	struct sdp s;

	(void)sdp_parse((const uint8_t *)text, strlen(text), &s);
	return s;
}

static void is_at(const struct addr *a, const char *want)
{
	char text[ADDR_TEXT_LEN];

	assert_string_equal(addr_text(a, text), want);
}

static void audio_and_video(void **state)
{
	struct sdp s = parse("v=0\r\no=- 1 1 IN IP4 10.0.0.9\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
	    "m=audio 4000 RTP/AVP 111 0\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:0 PCMU/8000\r\n"
	    "m=video 4002 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP6 2001:db8::5\r\na=rtpmap:96 VP8/90000\r\na=sendonly\r\n"
	    "a=rtcp:4010 IN IP4 192.0.2.7\r\n");

	(void)state;
	assert_int_equal(s.n_media, 2);
	is_at(&s.media[0].ip, "192.0.2.1");
	assert_int_equal(s.media[0].port, 4000);
	assert_int_equal(s.media[0].rtcp_port, 4001);
	assert_int_equal(s.media[0].kind, SDP_AUDIO);
	assert_int_equal(s.media[0].way, SDP_SENDRECV);
	assert_int_equal(s.media[0].payload_type, 111);
	assert_string_equal(s.media[0].codec, "opus/48000/2");
	assert_int_equal(s.media[0].clock_hz, 48000);
	is_at(&s.media[1].ip, "2001:db8::5");
	assert_int_equal(s.media[1].kind, SDP_VIDEO);
	assert_int_equal(s.media[1].transport, SDP_RTP);
	assert_int_equal(s.media[1].way, SDP_SENDONLY);
	assert_int_equal(s.media[1].rtcp_port, 4010);
	is_at(&s.media[1].rtcp_ip, "192.0.2.7");
	assert_string_equal(s.media[1].codec, "VP8/90000");
}

static void static_payload_type(void **state)
{
	struct sdp s = parse("c=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 8\n");

	(void)state;
	assert_string_equal(s.media[0].codec, "PCMA/8000");
	assert_int_equal(s.media[0].clock_hz, 8000);
}

static void fax_over_udptl(void **state)
{
	struct sdp s = parse("c=IN IP4 192.0.2.1\nm=image 4000 udptl t38\n");

	(void)state;
	assert_int_equal(s.media[0].kind, SDP_IMAGE);
	assert_int_equal(s.media[0].transport, SDP_UDPTL);
	assert_int_equal(s.media[0].rtcp_port, 0);
	assert_string_equal(s.media[0].codec, "t38");
}

static void not_media_over_udp(void **state)
{
	struct sdp s = parse("c=IN IP4 192.0.2.1\nm=audio 9 TCP/RTP/AVP 0\n"
	    "m=application 5000 UDP/DTLS/SCTP webrtc-datachannel\nm=message 5002 TCP/MSRP *\n");

	(void)state;
	assert_int_equal(s.n_media, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(s.media[i].transport, SDP_NOT_UDP);
}

static void refused_and_held(void **state)
{
	struct sdp s = parse("c=IN IP4 192.0.2.1\nm=video 0 RTP/AVP 31\na=rtcp:99\n"
	    "m=audio 4000 RTP/AVP 0\nc=IN IP4 0.0.0.0\na=inactive\n");

	(void)state;
	assert_int_equal(s.media[0].port, 0);
	assert_int_equal(s.media[0].rtcp_port, 0);
	assert_true(addr_is_unspecified(&s.media[1].ip));
	assert_int_equal(s.media[1].way, SDP_INACTIVE);
}

static void unusable_addresses(void **state)
{
	static const char *const bad[] = { "127.0.0.1", "0.1.2.3", "host.example", "300.1.1.1", "" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char text[128];
		struct sdp s;

		snprintf(text, sizeof text, "c=IN IP4 %s\nm=audio 4000 RTP/AVP 0\n", bad[i]);
		s = parse(text);
		assert_true(addr_is_unspecified(&s.media[0].ip));
	}
}

static void multicast_with_ttl(void **state)
{
	struct sdp s = parse("c=IN IP4 224.2.1.1/127/3\nm=audio 49170/2 RTP/AVP 0\n");

	(void)state;
	is_at(&s.media[0].ip, "224.2.1.1");
	assert_int_equal(s.media[0].port, 49170);
}

static void candidates(void **state)
{
	struct sdp s = parse("m=audio 9 UDP/TLS/RTP/SAVPF 111\n"
	    "a=candidate:1 1 UDP 2130706431 192.0.2.5 5000 typ host\n"
	    "a=candidate:2 2 udp 2130706430 2001:db8::1 5001 typ host\n"
	    "a=candidate:3 1 TCP 1 192.0.2.5 9 typ host tcptype active\n"
	    "a=candidate:4 1 UDP 1 ab12.local 5002 typ host\n"
	    "a=candidate:5 1 UDP 1 192.0.2.5 70000 typ host\n");

	(void)state;
	assert_int_equal(s.n_candidate, 2);
	is_at(&s.candidate[0].ip, "192.0.2.5");
	assert_int_equal(s.candidate[0].port, 5000);
	assert_int_equal(s.candidate[1].component, 2);
}

static void bounds_hold(void **state)
{
	static char text[100 * 64];
	size_t n = 0;
	struct sdp s;

	(void)state;
	for (int i = 0; i < 100; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, i % 2 ? "m=audio %d RTP/AVP 0\n"
		    : "a=candidate:1 1 UDP 1 192.0.2.5 %d typ host\n", 4000 + i);
	s = parse(text);
	assert_int_equal(s.n_media, SDP_MEDIA_MAX);
	assert_int_equal(s.n_candidate, SDP_CANDIDATE_MAX);
	assert_true(s.more);
	assert_int_equal(s.media[SDP_MEDIA_MAX - 1].port, 4000 + 2 * SDP_MEDIA_MAX - 1);
}

static void long_codec_is_cut(void **state)
{
	struct sdp s = parse("m=audio 4000 RTP/AVP 97\n"
	    "a=rtpmap:97 abcdefghijklmnopqrstuvwxyzabcdefghijklmnop\x01/8000\n");

	(void)state;
	assert_int_equal(strlen(s.media[0].codec), CALL_CODEC_LEN - 1);
}

/* Every prefix in a block of its own: the sanitizer sees any read past its end. */
static void every_prefix(void **state)
{
	static const char text[] = "c=IN IP4 224.2.1.1/127\r\nm=audio 4000/2 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\n"
	    "a=rtcp:53020 IN IP6 2001:db8::1\r\na=candidate:1 1 UDP 1 192.0.2.5 5000 typ host\r\n";

	(void)state;
	for (size_t n = 0; n < sizeof text; n++) {
		uint8_t *block = malloc(n == 0 ? 1 : n);
		struct sdp s;

		memcpy(block, text, n);
		assert_int_equal(sdp_parse(block, n, &s), n >= 27); /* from "m=a" on */
		free(block);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(audio_and_video), cmocka_unit_test(static_payload_type),
		cmocka_unit_test(fax_over_udptl), cmocka_unit_test(not_media_over_udp),
		cmocka_unit_test(refused_and_held), cmocka_unit_test(unusable_addresses),
		cmocka_unit_test(multicast_with_ttl), cmocka_unit_test(candidates),
		cmocka_unit_test(bounds_hold), cmocka_unit_test(long_codec_is_cut),
		cmocka_unit_test(every_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
