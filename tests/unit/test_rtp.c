/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ice_feed.h"

#include <math.h>

#include "base/clock.h"
#include "detect/rtp.h"

/* A talker: G.711 unless told otherwise. */
struct talker {
	bool server;
	uint8_t pt;
	uint16_t seq;
	uint32_t ts, ssrc, step, size;
};

static const struct talker g711 = { false, 0, 100, 5000, 0x1f2e3d4c, 160, 160 };
static const struct talker opus = { false, 111, 100, 5000, 0x1f2e3d4c, 960, 80 };

static void put_header(uint8_t *p, const struct talker *t)
{
	p[0] = 0x80;
	p[1] = t->pt;
	p[2] = (uint8_t)(t->seq >> 8);
	p[3] = (uint8_t)t->seq;
	for (unsigned i = 0; i < 4; i++) {
		p[4 + i] = (uint8_t)(t->ts >> (24 - 8 * i));
		p[8 + i] = (uint8_t)(t->ssrc >> (24 - 8 * i));
	}
}

static void talk(struct feed *f, struct talker *t)
{
	uint8_t packet[1500] = { 0 };

	put_header(packet, t);
	memset(packet + RTP_HEADER_LEN, 0xd5, t->size);
	feed(f, (struct feed_from){ .server = t->server }, packet, RTP_HEADER_LEN + t->size);
	t->seq++;
	t->ts += t->step;
}

static void wait_ms(struct feed *f, unsigned ms)
{
	f->frame.mono_ns += ms * NS_PER_MS - NS_PER_MS; /* feed() adds one */
}

static void headers_that_cannot_be(void **state)
{
	static const struct { uint8_t first, second; uint32_t len; bool ok; } cases[] = {
		{ 0x80, 0, 12, true }, { 0x80, 0, 11, false }, { 0x40, 0, 12, false }, { 0xc0, 0, 12, false },
		{ 0x80, 0xc8, 28, false }, /* RTCP sender report */
		{ 0x82, 0, 19, false }, { 0x82, 0, 20, true }, /* two contributors */
		{ 0x90, 111, 15, false }, { 0x90, 111, 16, true }, /* an empty extension */
	};

	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t packet[64] = { cases[i].first, cases[i].second };
		struct rtp_header h;

		assert_int_equal(rtp_parse(packet, cases[i].len, cases[i].len, &h), cases[i].ok);
	}
	(void)state;
}

static void one_packet_proves_nothing(void **state)
{
	struct feed *f = *state;
	struct talker t = g711;

	talk(f, &t);
	assert_null(f->flow->watch);
}

static void a_call_both_ways_is_media_within_twelve_packets(void **state)
{
	struct feed *f = *state;
	struct talker a = opus, b = opus;
	unsigned packets = 0;

	b.server = true;
	b.ssrc = 0x99887766;
	while (packets < 12 && !(feed_judge(f).cls == CLASS_MEDIA && feed_judge(f).bits >= ACT_BITS)) {
		talk(f, &a);
		talk(f, &b);
		packets += 2;
		wait_ms(f, 20);
	}
	assert_int_equal(feed_judge(f).cls, CLASS_MEDIA);
	assert_true(feed_judge(f).bits >= ACT_BITS);
	assert_int_equal(feed_judge(f).app, APP_RTP);
}

/* Steps of a frame of G.711 every 33 ms: a clock of 4.8 kHz, which nobody has. */
static void a_clock_nobody_has_counts_against(void **state)
{
	struct feed *f = *state;
	struct talker a = g711, b = g711;
	float before = 0;

	b.server = true;
	b.ssrc = 0x99887766;
	for (unsigned i = 0; i < 60; i++) {
		talk(f, &a);
		talk(f, &b);
		wait_ms(f, 32);
		if (i == 25) /* 0.8 s: too soon to hold it against anybody */
			before = feed_bits(f, GROUP_RTP, CLASS_MEDIA);
	}
	assert_float_equal(before, 24, 0.01);
	assert_float_equal(feed_bits(f, GROUP_RTP, CLASS_MEDIA), before - 4, 0.01);
}

static int begin(void **state)
{
	int r = feed_setup(state);
	struct feed *f = *state;
	static const uint8_t hello[] = "x";

	feed(f, (struct feed_from){ 0 }, hello, 1); /* so that feed_judge has a flow */
	return r;
}

static void talk_for(struct feed *f, struct talker *t, unsigned packets, unsigned gap_ms)
{
	for (unsigned i = 0; i < packets; i++) {
		talk(f, t);
		wait_ms(f, gap_ms);
	}
}

static void one_way_telephone_codec_is_media(void **state)
{
	struct feed *f = *state;
	struct talker t = g711;

	talk_for(f, &t, 40, 20);
	assert_int_equal(feed_judge(f).cls, CLASS_MEDIA);
	assert_true(feed_judge(f).bits >= ACT_BITS);
}

static void one_way_wideband_is_not_acted_on_and_becomes_a_stream(void **state)
{
	struct feed *f = *state;
	struct talker t = opus;

	talk_for(f, &t, 100, 20);
	assert_int_equal(feed_judge(f).cls, CLASS_MEDIA);
	assert_true(feed_judge(f).bits < ACT_BITS);
	talk_for(f, &t, 2000, 20); /* nobody talks for 40 s without a pause */
	assert_int_equal(feed_judge(f).cls, CLASS_STREAMING);
}

static void pauses_tell_a_talker(void **state)
{
	struct feed *f = *state;
	struct talker t = opus;

	for (unsigned spurt = 0; spurt < 4; spurt++) {
		talk_for(f, &t, 50, 20);
		if (spurt == 1) /* one pause may be anything */
			assert_true(feed_judge(f).bits < ACT_BITS);
		t.ts += 960 * 50; /* a second of silence, no number missing */
		wait_ms(f, 1000);
	}
	talk_for(f, &t, 50, 20);
	assert_int_equal(feed_judge(f).cls, CLASS_MEDIA);
	assert_true(feed_judge(f).bits >= ACT_BITS);
}

static void mpeg_one_way_is_streaming(void **state)
{
	struct feed *f = *state;
	struct talker t = { false, 33, 1, 90000, 0x1f2e3d4c, 900, 1316 };

	talk_for(f, &t, 50, 10);
	assert_int_equal(feed_judge(f).cls, CLASS_STREAMING);
}

static void stereo_sound_one_way_is_streaming(void **state)
{
	struct feed *f = *state;
	struct talker t = { false, 10, 1, 44100, 0x1f2e3d4c, 900, 1268 };

	talk_for(f, &t, 50, 7);
	assert_int_equal(feed_judge(f).cls, CLASS_STREAMING);
}

static void a_mixer_of_a_conference_is_media(void **state)
{
	struct feed *f = *state;
	uint8_t packet[100] = { 0 };
	struct talker t = opus;

	for (unsigned i = 0; i < 40; i++, t.seq++, t.ts += t.step) {
		put_header(packet, &t);
		packet[0] = 0x81;
		feed(f, (struct feed_from){ 0 }, packet, sizeof packet);
		wait_ms(f, 20);
	}
	assert_int_equal(feed_judge(f).cls, CLASS_MEDIA);
	assert_true(feed_judge(f).bits >= ACT_BITS);
}

static void a_wrong_clock_counts_against(void **state)
{
	struct feed *f = *state;
	struct talker t = g711;

	t.pt = 96;
	t.step = 7; /* a counter where a media clock would be */
	talk_for(f, &t, 200, 20);
	assert_true(feed_bits(f, GROUP_RTP, CLASS_MEDIA) < ACT_BITS);
}

static void random_payloads_are_nothing(void **state)
{
	struct feed *f = *state;
	uint8_t packet[172];

	srand(1);
	for (unsigned i = 0; i < 20000; i++) {
		for (unsigned j = 0; j < sizeof packet; j++)
			packet[j] = (uint8_t)rand();
		packet[0] = 0x80;
		feed(f, (struct feed_from){ .server = i & 1 }, packet, sizeof packet);
	}
	assert_int_equal(feed_judge(f).cls, CLASS_NONE);
}

static void loss_jitter_and_order_are_measured(void **state)
{
	struct feed *f = *state;
	struct media_stats m[MEDIA_STATS_MAX];
	struct talker t = g711;
	int dir = f->flow->key.port[1] == 40000; /* the client's */

	for (unsigned i = 0; i < 200; i++) {
		if (i % 20 == 19) { /* one in twenty is lost */
			t.seq++;
			t.ts += t.step;
		} else {
			talk(f, &t);
		}
		wait_ms(f, i % 20 == 19 ? 21 : 20);
	}
	assert_int_equal(detect_media(f->flow, !dir, m), 0);
	assert_int_equal(detect_media(f->flow, dir, m), 1);
	assert_int_equal(m[0].packets, 190);
	assert_int_equal(m[0].expected, 199); /* the last one was lost after the end */
	assert_int_equal(m[0].lost, 9);
	assert_int_equal(m[0].clock_hz, 8000);
	assert_true(m[0].jitter_ms < 0.2f);
	assert_true(fabsf(m[0].rate_bps - 64000 * 0.95f) < 2000);
}

/* 8 % apart, so the rate alone, measured over jitter, takes one for the other. */
static void clocks_of_one_rate_are_told_by_their_step(void **state)
{
	static const struct { uint32_t step, hz; } cases[] = { { 960, 48000 }, { 882, 44100 }, { 480, 24000 } };
	struct feed *f = *state;

	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct media_stats m[MEDIA_STATS_MAX] = { 0 };
		struct talker t = g711;

		t.pt = 111;
		t.ssrc += i + 1;
		t.step = cases[i].step;
		talk_for(f, &t, 60 + 40 * i, 20); /* the stream with most packets is told first */
		assert_true(detect_media(f->flow, f->flow->key.port[1] == 40000, m) >= 1);
		assert_int_equal(m[0].clock_hz, cases[i].hz);
	}
}

static void jitter_follows_rfc_3550(void **state)
{
	struct feed *f = *state;
	struct media_stats m[MEDIA_STATS_MAX] = { 0 };
	struct talker t = g711;
	double jitter = 0, sum = 0, worst = 0;
	unsigned n = 0;

	for (unsigned i = 0; i < 300; i++) {
		unsigned gap = i % 2 == 0 ? 15 : 25; /* transit differs by 5 ms, in turn */

		talk(f, &t);
		wait_ms(f, gap);
		if (i < 2)
			continue; /* the second packet sets the reference, the third is the first difference */
		jitter += (5.0 - jitter) / 16;
		sum += jitter;
		worst = jitter > worst ? jitter : worst;
		n++;
	}
	(void)(detect_media(f->flow, 0, m) || detect_media(f->flow, 1, m));
	assert_true(fabs(m[0].jitter_ms - sum / n) < 0.05);
	assert_true(fabs(m[0].jitter_max_ms - worst) < 0.05);
}

/* A span port that mirrors both ways in: each packet comes again, some after the next one. */
static void packets_seen_twice_count_once(void **state)
{
	struct feed *f = *state;
	struct media_stats m[MEDIA_STATS_MAX] = { 0 };
	struct talker t = g711, again;

	for (unsigned i = 0; i < 200; i++) {
		if (i % 20 == 19) { /* one in twenty is lost */
			t.seq++;
			t.ts += t.step;
		}
		again = t;
		talk(f, &t);
		if (i % 3 == 0)
			talk(f, &t);
		talk(f, &again);
		wait_ms(f, i % 3 == 0 ? 39 : 20);
	}
	assert_int_equal(detect_media(f->flow, f->flow->key.port[1] == 40000, m), 1);
	assert_int_equal(m[0].lost, 10);
	assert_int_equal(m[0].packets, m[0].expected - 10);
	assert_true(m[0].jitter_ms < 12);
	assert_int_equal(f->counts.n[COUNT_SEEN_TWICE], 200);
	assert_true(feed_judge(f).bits >= ACT_BITS);
}

/* Each second packet overtakes the one before it: no two come in order. */
static void order_does_not_matter(void **state)
{
	struct feed *f = *state;
	struct talker t = opus, late;

	t.server = true;
	for (unsigned i = 0; i < 20; i++) {
		late = t;
		t.seq++;
		t.ts += t.step;
		talk(f, &t);
		talk(f, &late);
		wait_ms(f, 40);
	}
	assert_true(feed_bits(f, GROUP_RTP, CLASS_MEDIA) >= 4 * 3);
}

/* A key is pressed: events of their own type keep the time at which it went down, between the packets of speech. */
static void telephone_events_are_no_clock(void **state)
{
	struct feed *f = *state;
	struct talker t = g711, event = { false, 101, 0, 0, 0x1f2e3d4c, 0, 4 };

	for (unsigned i = 0; i < 300; i++) {
		talk(f, &t);
		if (i % 50 < 10) {
			if (i % 50 == 0)
				event.ts = t.ts;
			event.seq = t.seq++;
			talk(f, &event);
		}
		wait_ms(f, i % 50 < 10 ? 19 : 20);
	}
	assert_float_equal(feed_bits(f, GROUP_RTP, CLASS_MEDIA), 25, 0.01);
}

/* After a transfer another source speaks under the same SSRC, with a clock of its own. */
static void a_clock_set_anew_is_no_wrong_clock(void **state)
{
	struct feed *f = *state;
	struct talker t = g711;

	t.ts = 400000;
	talk_for(f, &t, 100, 20);
	t.ts = 0;
	talk_for(f, &t, 100, 20);
	assert_float_equal(feed_bits(f, GROUP_RTP, CLASS_MEDIA), 25, 0.01);
}

static void rtp_in_rfc_4571_frames_over_tcp(void **state)
{
	struct feed *f = *state;
	struct talker a = opus, b = opus;

	b.server = true;
	b.ssrc = 0x99887766;
	for (unsigned i = 0; i < 20; i++) {
		struct talker *t = i & 1 ? &b : &a;
		uint8_t frame[2 + RTP_HEADER_LEN + 80] = { 0, RTP_HEADER_LEN + 80 };

		put_header(frame + 2, t);
		feed(f, (struct feed_from){ .server = t->server, .proto = IPPROTO_TCP }, frame, sizeof frame);
		t->seq++;
		t->ts += t->step;
		wait_ms(f, 10);
	}
	assert_int_equal(feed_judge(f).cls, CLASS_MEDIA);
	assert_true(feed_judge(f).bits >= ACT_BITS);
}

static const uint8_t sender_report[] = {
	0x80, 0xc8, 0, 6, 0x1f, 0x2e, 0x3d, 0x4c, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0x13, 0x88, 0, 0, 0, 50, 0, 0, 0x1f, 0x40,
	0x81, 0xca, 0, 3, 0x1f, 0x2e, 0x3d, 0x4c, 1, 3, 'a', '@', 'b', 0, 0, 0,
};

static void rtcp_alone_is_signalling(void **state)
{
	struct feed *f = *state;

	feed(f, (struct feed_from){ 0 }, sender_report, sizeof sender_report);
	assert_int_equal(feed_judge(f).cls, CLASS_SIGNALLING);
	assert_int_equal(feed_judge(f).app, APP_RTCP);
	for (unsigned i = 0; i < 8; i++)
		feed(f, (struct feed_from){ 0 }, sender_report, sizeof sender_report);
	assert_float_equal(feed_judge(f).bits, 12 + 2 * 5, 0.01); /* a sender that stays counts twice */
}

static void rtcp_whose_lengths_do_not_fit_is_nothing(void **state)
{
	struct feed *f = *state;
	uint8_t bad[sizeof sender_report];

	memcpy(bad, sender_report, sizeof bad);
	bad[3] = 200; /* longer than the datagram */
	feed(f, (struct feed_from){ 0 }, bad, sizeof bad);
	feed(f, (struct feed_from){ 0 }, bad, sizeof bad);
	assert_int_equal(feed_judge(f).cls, CLASS_NONE);
}

#define WITH_FLOW(test) cmocka_unit_test_setup_teardown(test, begin, feed_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_that_cannot_be),
		cmocka_unit_test_setup_teardown(one_packet_proves_nothing, feed_setup, feed_teardown),
		WITH_FLOW(a_call_both_ways_is_media_within_twelve_packets),
		WITH_FLOW(a_clock_nobody_has_counts_against),
		WITH_FLOW(one_way_telephone_codec_is_media),
		WITH_FLOW(one_way_wideband_is_not_acted_on_and_becomes_a_stream),
		WITH_FLOW(pauses_tell_a_talker),
		WITH_FLOW(mpeg_one_way_is_streaming), WITH_FLOW(stereo_sound_one_way_is_streaming),
		WITH_FLOW(a_mixer_of_a_conference_is_media),
		WITH_FLOW(a_wrong_clock_counts_against),
		WITH_FLOW(clocks_of_one_rate_are_told_by_their_step),
		WITH_FLOW(random_payloads_are_nothing),
		WITH_FLOW(loss_jitter_and_order_are_measured),
		WITH_FLOW(jitter_follows_rfc_3550),
		WITH_FLOW(packets_seen_twice_count_once),
		WITH_FLOW(order_does_not_matter),
		WITH_FLOW(telephone_events_are_no_clock),
		WITH_FLOW(a_clock_set_anew_is_no_wrong_clock),
		WITH_FLOW(rtp_in_rfc_4571_frames_over_tcp),
		WITH_FLOW(rtcp_alone_is_signalling),
		WITH_FLOW(rtcp_whose_lengths_do_not_fit_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
