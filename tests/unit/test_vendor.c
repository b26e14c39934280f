/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ice_feed.h"

#include "base/clock.h"

#define CLIENT ((struct feed_from){ .server = false })
#define SERVER ((struct feed_from){ .server = true })

static void put32(uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put_rtp(uint8_t *p, uint8_t pt, unsigned seq, uint32_t ts, uint32_t ssrc)
{
	p[0] = 0x80;
	p[1] = pt;
	put16(p + 2, seq);
	put32(p + 4, ts);
	put32(p + 8, ssrc);
}

static void expect(const struct feed *f, enum voip_class cls, enum app app, float bits)
{
	struct judgement j = feed_judge(f);

	assert_string_equal(class_name(j.cls) == NULL ? "none" : class_name(j.cls),
	    class_name(cls) == NULL ? "none" : class_name(cls));
	assert_int_equal(j.app, app);
	assert_true(j.bits >= bits);
}

static void expect_nothing(const struct feed *f)
{
	assert_int_equal(feed_judge(f).cls, CLASS_NONE);
	assert_true(feed_bits(f, GROUP_VENDOR, CLASS_MEDIA) <= UNVERIFIED_BITS);
}

/* --- Zoom --- */

#define SESSION 0x004f8378u

static void zoom_hello(struct feed *f)
{
	uint8_t hello[103] = { 1, 0, 3 }, answer[44] = { 2, 0, 3 };

	memset(hello + 3, 0x5a, 16);
	hello[26] = 2;
	put32(hello + 27, 0x006f613f);
	put32(hello + 31, 0x006f613f);
	put32(hello + 35, 64);
	memcpy(answer + 3, hello + 3, 16);
	put32(answer + 19, SESSION);
	feed(f, CLIENT, hello, sizeof hello);
	expect(f, CLASS_SIGNALLING, APP_ZOOM, ACT_BITS);
	feed(f, SERVER, answer, sizeof answer);
}

/* Filler of the older format; `wrong` is added to the length inside. */
static void zoom_filler(struct feed *f, unsigned seq, unsigned wrong)
{
	uint8_t p[1029] = { 5, 21, 1 };

	p[10] = 0x33;
	put16(p + 14, seq);
	put16(p + 23, 1000 + wrong);
	feed(f, SERVER, p, sizeof p);
}

/* Audio of the newer format, RTP inside. */
static void zoom_audio(struct feed *f, unsigned seq, bool server)
{
	uint8_t p[8 + 19 + 12 + 60] = { 5 };

	put16(p + 1, seq);
	put32(p + 3, SESSION);
	p[7] = server ? 4 : 0;
	p[8] = 15;
	put16(p + 8 + 9, seq);
	put16(p + 8 + 17, 12 + 60);
	put_rtp(p + 8 + 19, 112, 1000 + seq, seq * 640, server ? 0x01000401 : 0x01000802);
	feed(f, server ? SERVER : CLIENT, p, sizeof p);
}

static void zoom_says_hello(void **state)
{
	struct feed *f = *state;

	zoom_hello(f);
	expect(f, CLASS_SIGNALLING, APP_ZOOM, 40);
}

static void zoom_filler_is_media(void **state)
{
	struct feed *f = *state;

	zoom_filler(f, 0, 0);
	expect_nothing(f);
	zoom_filler(f, 1, 0);
	expect(f, CLASS_MEDIA, APP_ZOOM, ACT_BITS);
}

static void zoom_lengths_must_fit(void **state)
{
	struct feed *f = *state;

	for (unsigned i = 0; i < 20; i++)
		zoom_filler(f, i, 1);
	expect_nothing(f);
}

static void zoom_numbers_must_rise(void **state)
{
	struct feed *f = *state;

	for (unsigned i = 0; i < 20; i++)
		zoom_filler(f, i * 7, 0);
	expect_nothing(f);
}

static void zoom_audio_shows_its_rtp(void **state)
{
	struct feed *f = *state;

	for (unsigned i = 0; i < 10; i++) {
		zoom_audio(f, i, false);
		f->frame.mono_ns += 19 * NS_PER_MS;
	}
	expect(f, CLASS_MEDIA, APP_ZOOM, ACT_BITS);
	assert_true(feed_bits(f, GROUP_VENDOR, CLASS_MEDIA) >= ACT_BITS);
	assert_true(feed_bits(f, GROUP_RTP, CLASS_MEDIA) >= ACT_BITS);
}

/* A screen channel in which nothing moves: keep-alives under the channel's header alone. */
static void zoom_channel_without_media(void **state)
{
	struct feed *f = *state;
	uint8_t p[27] = { 5 };

	zoom_hello(f);
	put32(p + 3, SESSION);
	p[8] = 0x0a;
	for (unsigned i = 0; i < 3; i++) {
		put16(p + 1, i);
		feed(f, CLIENT, p, sizeof p);
	}
	expect(f, CLASS_MEDIA, APP_ZOOM, ACT_BITS);
}

static void zoom_session_of_another(void **state)
{
	struct feed *f = *state;
	uint8_t p[27] = { 5 };

	zoom_hello(f);
	put32(p + 3, SESSION + 1);
	p[8] = 0x0a;
	for (unsigned i = 0; i < 10; i++) {
		put16(p + 1, i);
		feed(f, CLIENT, p, sizeof p);
	}
	expect(f, CLASS_SIGNALLING, APP_ZOOM, ACT_BITS);
}

static void zoom_direct_is_named_by_rtp_inside(void **state)
{
	struct feed *f = *state;

	for (unsigned i = 0; i < 40; i++) {
		uint8_t p[19 + 12 + 60] = { 15 };

		put16(p + 17, 12 + 60);
		put_rtp(p + 19, 112, i, i * 320, 0x1f2e3d4c);
		feed(f, i & 1 ? SERVER : CLIENT, p, sizeof p);
		if (i == 0)
			expect_nothing(f);
		f->frame.mono_ns += 9 * NS_PER_MS;
	}
	assert_int_equal(feed_judge(f).app, APP_ZOOM);
	assert_true(feed_bits(f, GROUP_VENDOR, CLASS_MEDIA) <= UNVERIFIED_BITS);
}

/* Joined while nobody talks: pings that count up, and their echoes, of one session. */
static void zoom_ping(struct feed *f, bool server, uint8_t count, uint8_t session)
{
	uint8_t p[81] = { 3, 0, 0, 0, count, 0, 0x6f, 0x72, 0xdf, 0, 0x4f, 0x83, session, 1, server ? 2 : 5, 0x40 };

	feed(f, server ? SERVER : CLIENT, p, sizeof p);
}

static void zoom_pings(void **state)
{
	struct feed *f = *state;

	for (uint8_t i = 0; i < 3; i++)
		zoom_ping(f, false, i, 0x7a);
	expect_nothing(f); /* one way */
	for (uint8_t i = 0; i < 3; i++)
		zoom_ping(f, true, i, 0x7a);
	expect(f, CLASS_SIGNALLING, APP_ZOOM, ACT_BITS);
}

/* A step one way and an echo: too little. */
static void zoom_three_pings(void **state)
{
	struct feed *f = *state;

	zoom_ping(f, false, 0, 0x7a);
	zoom_ping(f, false, 1, 0x7a);
	zoom_ping(f, true, 0, 0x7a);
	expect_nothing(f);
}

static void zoom_pings_of_other_sessions(void **state)
{
	struct feed *f = *state;

	for (uint8_t i = 0; i < 20; i++)
		zoom_ping(f, i & 1, i, i);
	expect_nothing(f);
}

/* --- Discord --- */

static void discord_ask(struct feed *f, bool answered)
{
	uint8_t ask[74] = { 0, 1, 0, 70, 0, 0, 0xac, 0xe3 }, tell[74] = { 0, 2, 0, 70, 0, 0, 0xac, 0xe3, '1', '0', '.', '0' };

	feed(f, CLIENT, ask, sizeof ask);
	if (answered)
		feed(f, SERVER, tell, sizeof tell);
}

static void discord_rtcp(struct feed *f, bool server)
{
	uint8_t p[52] = { 0x81, 201, 0, 7, 0, 0x16, 0x2f, 0xfd };

	memset(p + 8, 0xa7, sizeof p - 8);
	feed(f, server ? SERVER : CLIENT, p, sizeof p);
}

static void discord_keep(struct feed *f, uint8_t number)
{
	uint8_t p[8] = { 0x13, 0x37, 0xca, 0xfe, number, 1 };

	feed(f, CLIENT, p, sizeof p);
	feed(f, SERVER, p, sizeof p);
}

static void discord_asks_for_its_address(void **state)
{
	struct feed *f = *state;

	discord_ask(f, true);
	expect(f, CLASS_SIGNALLING, APP_DISCORD, 40);
}

static void discord_video_one_way_is_a_call(void **state)
{
	struct feed *f = *state;
	uint8_t p[900] = { 0 };

	discord_ask(f, true);
	for (unsigned i = 0; i < 30; i++) {
		put_rtp(p, 103, i, i / 3 * 3000, 0x00023c07);
		feed(f, SERVER, p, sizeof p);
		f->frame.mono_ns += 10 * NS_PER_MS;
	}
	expect(f, CLASS_MEDIA, APP_DISCORD, ACT_BITS);
}

/* Two sources in turn, as a forwarding server sends them: each packet's source differs from the one before. */
static void discord_sources_in_turn(void **state)
{
	struct feed *f = *state;
	uint8_t p[200] = { 0 };

	discord_ask(f, true);
	for (unsigned i = 0; i < 10; i++) {
		put_rtp(p, 120, 100 + i / 2, i / 2 * 960, i & 1 ? 0xa139 : 0xa1f9);
		feed(f, SERVER, p, sizeof p);
		f->frame.mono_ns += 10 * NS_PER_MS;
	}
	expect(f, CLASS_MEDIA, APP_DISCORD, ACT_BITS);
}

static void discord_joined_midway(void **state)
{
	struct feed *f = *state;

	discord_rtcp(f, true);
	discord_keep(f, 0xa9);
	expect(f, CLASS_SIGNALLING, APP_DISCORD, ACT_BITS);
	for (unsigned i = 0; i < 3; i++)
		discord_rtcp(f, true);
	assert_int_not_equal(feed_judge(f).cls, CLASS_MEDIA); /* reports of one end are no talk */
	discord_rtcp(f, false);
	expect(f, CLASS_MEDIA, APP_DISCORD, ACT_BITS);
}

/* The capture has one direction: reports of one sender beside its keep-alive. */
static void discord_one_direction(void **state)
{
	struct feed *f = *state;
	const uint8_t keep[8] = { 0x13, 0x37, 0xca, 0xfe, 7, 1 };

	feed(f, CLIENT, keep, sizeof keep);
	for (unsigned i = 0; i < 3; i++) {
		expect(f, CLASS_SIGNALLING, APP_DISCORD, ACT_BITS);
		discord_rtcp(f, false);
	}
	expect(f, CLASS_MEDIA, APP_DISCORD, ACT_BITS);
}

static void discord_cut_by_the_capture(void **state)
{
	struct feed *f = *state;
	const struct feed_from cut = { .cut = 30 };
	uint8_t ask[74] = { 0, 1, 0, 70, 0, 0, 0xac, 0xe3 };

	feed(f, cut, ask, sizeof ask);
	expect(f, CLASS_SIGNALLING, APP_DISCORD, 28);
}

static void discord_magic_in_other_lengths(void **state)
{
	struct feed *f = *state;
	uint8_t p[9] = { 0x13, 0x37, 0xca, 0xfe };

	feed(f, CLIENT, p, 9);
	feed(f, SERVER, p, 7);
	expect_nothing(f);
}

/* --- Telegram --- */

static void telegram_send(struct feed *f, struct feed_from from, uint8_t call, bool ping, uint8_t fill)
{
	uint8_t p[112];

	memset(p, fill, sizeof p);
	for (unsigned i = 0; i < 16; i++)
		p[i] = (uint8_t)(call + i * 11);
	if (!ping) {
		feed(f, from, p, sizeof p);
		return;
	}
	memset(p + 16, 0xff, 12);
	put32(p + 28, 0xfeffffff);
	feed(f, from, p, 40);
}

static void telegram_reflector(void **state)
{
	struct feed *f = *state;

	telegram_send(f, CLIENT, 3, true, 1);
	expect_nothing(f);
	telegram_send(f, SERVER, 3, true, 2);
	expect(f, CLASS_SIGNALLING, APP_TELEGRAM, ACT_BITS);
	for (unsigned i = 0; i < 7; i++)
		telegram_send(f, CLIENT, 3, false, (uint8_t)(i * 31));
	expect(f, CLASS_SIGNALLING, APP_TELEGRAM, ACT_BITS);
	for (unsigned i = 0; i < 8; i++)
		telegram_send(f, CLIENT, 3, false, (uint8_t)(i * 31));
	expect(f, CLASS_MEDIA, APP_TELEGRAM, ACT_BITS);
}

/* No packet of the reflector's own: the same tag both ways, whole blocks, the pace of speech. */
static void telegram_joined_midway(void **state)
{
	struct feed *f = *state;

	for (unsigned i = 0; i < 40; i++) {
		telegram_send(f, i & 1 ? SERVER : CLIENT, 3, false, (uint8_t)(i * 31));
		f->frame.mono_ns += 30 * NS_PER_MS;
	}
	expect(f, CLASS_MEDIA, APP_TELEGRAM, ACT_BITS);
}

/* A session's number differs by direction; a constant head without whole blocks is any protocol's. */
static void telegram_midway_is_not_any_session(void **state)
{
	struct feed *f = *state;
	uint8_t p[112 + 3] = { 0 };

	for (unsigned i = 0; i < 40; i++) {
		telegram_send(f, i & 1 ? SERVER : CLIENT, i & 1 ? 3 : 4, false, (uint8_t)(i * 31));
		memset(p, 0x5c, 40);
		p[60] = (uint8_t)i;
		feed(f, (struct feed_from){ .server = i & 1, .client_port = 41000 }, p, sizeof p);
		f->frame.mono_ns += 30 * NS_PER_MS;
		expect_nothing(f);
	}
}

static void telegram_tag_must_come_back(void **state)
{
	struct feed *f = *state;

	for (unsigned i = 0; i < 40; i++)
		telegram_send(f, i & 1 ? SERVER : CLIENT, (uint8_t)(i * 5), i % 4 == 0, 9);
	expect_nothing(f);
}

/* The silence of G.711 mu-law is ones, where the reflector has them. */
static void silence_is_not_telegram(void **state)
{
	struct feed *f = *state;
	uint8_t p[172];

	for (unsigned i = 0; i < 40; i++) {
		memset(p, 0xff, sizeof p);
		put_rtp(p, 0, i / 2, i / 2 * 160, i & 1 ? 0x12345678 : 0x9abcdef1);
		feed(f, i & 1 ? SERVER : CLIENT, p, sizeof p);
		f->frame.mono_ns += 9 * NS_PER_MS;
	}
	expect(f, CLASS_MEDIA, APP_RTP, ACT_BITS);
}

/* Between the parties: random bytes from the socket that spoke to a reflector. */
static void telegram_peers(struct feed *f, uint16_t port, unsigned length, unsigned packets)
{
	const struct feed_from out = { .client_port = port, .server_port = 31480 };
	const struct feed_from in = { .server = true, .client_port = port, .server_port = 31480 };
	uint8_t p[256];

	srand(7);
	for (unsigned i = 0; i < packets; i++) {
		for (unsigned j = 0; j < sizeof p; j++)
			p[j] = (uint8_t)rand();
		p[0] &= 0x7f;
		feed(f, i & 1 ? in : out, p, length + i % 4 * 16);
	}
}

static void telegram_call(struct feed *f)
{
	for (unsigned i = 0; i < 3; i++) {
		telegram_send(f, CLIENT, 3, true, 1);
		telegram_send(f, SERVER, 3, true, 2);
	}
}

static void telegram_parties_by_their_socket(void **state)
{
	struct feed *f = *state;

	telegram_call(f);
	telegram_peers(f, 40000, 80, 30);
	expect(f, CLASS_MEDIA, APP_TELEGRAM, ACT_BITS);
}

static void telegram_parties_of_seven_packets(void **state)
{
	struct feed *f = *state;

	telegram_call(f);
	telegram_peers(f, 40000, 80, 7);
	expect_nothing(f);
}

static void telegram_socket_of_another_port(void **state)
{
	struct feed *f = *state;

	telegram_call(f);
	telegram_peers(f, 40002, 80, 30);
	expect_nothing(f);
}

static void telegram_parties_send_whole_blocks(void **state)
{
	struct feed *f = *state;

	telegram_call(f);
	telegram_peers(f, 40000, 83, 30);
	expect_nothing(f);
}

static void telegram_without_a_call(void **state)
{
	struct feed *f = *state;

	telegram_peers(f, 40000, 80, 30);
	expect_nothing(f);
}

/* --- imo --- */

static void imo_ping(struct feed *f, struct feed_from from, uint8_t type, uint8_t clock)
{
	uint8_t p[10] = { 9, type, clock, 0x9a, 2 };

	feed(f, from, p, sizeof p);
}

static void imo_sealed(struct feed *f, unsigned size, unsigned wrong)
{
	uint8_t p[1400] = { 0 };

	p[0] = (uint8_t)(0x80 | (size + wrong) >> 7);
	p[1] = (uint8_t)((size + wrong) & 0x7f);
	p[2] = 0x0a;
	feed(f, SERVER, p, 2 + size);
}

static void imo_call(void **state)
{
	struct feed *f = *state;

	imo_ping(f, CLIENT, 2, 7);
	expect_nothing(f);
	imo_ping(f, SERVER, 3, 7);
	expect(f, CLASS_SIGNALLING, APP_IMO, ACT_BITS);
	for (unsigned i = 0; i < 5; i++) {
		imo_sealed(f, 900 + i, 0);
		assert_int_equal(feed_judge(f).cls, i < 3 ? CLASS_SIGNALLING : CLASS_MEDIA);
	}
	expect(f, CLASS_MEDIA, APP_IMO, ACT_BITS);
}

static void imo_lengths_must_fit(void **state)
{
	struct feed *f = *state;

	imo_ping(f, CLIENT, 2, 7);
	imo_ping(f, SERVER, 3, 7);
	for (unsigned i = 0; i < 20; i++)
		imo_sealed(f, 900 + i, 1);
	expect(f, CLASS_SIGNALLING, APP_IMO, ACT_BITS);
}

static void imo_ping_must_come_back(void **state)
{
	struct feed *f = *state;

	for (uint8_t i = 0; i < 20; i++)
		imo_ping(f, i & 1 ? SERVER : CLIENT, i & 1 ? 3 : 2, i);
	for (unsigned i = 0; i < 20; i++)
		imo_sealed(f, 900 + i, 0);
	expect_nothing(f);
}

/* --- Snapchat --- */

static void google_quic(struct feed *f)
{
	static const uint8_t hello[30] = { 0xc3, 'Q', '0', '4', '6', 0x50 };

	feed(f, CLIENT, hello, sizeof hello);
}

static void sealed_report(struct feed *f, uint32_t index)
{
	uint8_t p[44] = { 0x80, 201, 0, 1, 0x87, 0x28, 0xa6, 0x1e };

	memset(p + 8, 0x3b, 32);
	put32(p + 40, 0x80000000u | index);
	feed(f, CLIENT, p, sizeof p);
}

static void snapchat_reports_beside_quic(void **state)
{
	struct feed *f = *state;

	google_quic(f);
	for (uint32_t i = 1; i < 5; i++)
		sealed_report(f, i);
	expect(f, CLASS_MEDIA, APP_SNAPCHAT, ACT_BITS);
}

static void snapchat_index_must_rise(void **state)
{
	struct feed *f = *state;

	google_quic(f);
	for (uint32_t i = 1; i < 9; i++)
		sealed_report(f, i * i * 3);
	assert_int_not_equal(feed_judge(f).cls, CLASS_MEDIA);
}

static void reports_without_quic_are_not_snapchat(void **state)
{
	struct feed *f = *state;

	for (uint32_t i = 1; i < 9; i++)
		sealed_report(f, i);
	assert_int_not_equal(feed_judge(f).cls, CLASS_MEDIA);
	assert_int_not_equal(feed_judge(f).app, APP_SNAPCHAT);
}

/* --- Teams, Mumble, TeamSpeak, games --- */

static void teams_is_named_only(void **state)
{
	struct feed *f = *state;
	char text[] = "\003" "0f3a9b1c-77aa-4c10-9d3e-0123456789ab";

	text[12] = 'G';
	feed(f, SERVER, text, 37);
	expect_nothing(f);
	text[12] = 'a';
	feed(f, SERVER, text, 37);
	expect_nothing(f);
	assert_int_equal(feed_judge(f).app, APP_TEAMS);
}

static void mumble_list_is_control(void **state)
{
	struct feed *f = *state;
	uint8_t ask[12] = { 0, 0, 0, 0, 3, 0xd7, 0x20, 0, 0xfa, 0x76, 0x28, 0x7e };
	uint8_t tell[24] = { 0, 1, 3, 4 };

	memcpy(tell + 4, ask + 4, 8);
	put32(tell + 16, 100);
	put32(tell + 20, 72000);
	feed(f, CLIENT, ask, sizeof ask);
	expect_nothing(f);
	feed(f, SERVER, tell, sizeof tell);
	expect(f, CLASS_CONTROL, APP_MUMBLE, ACT_BITS);
}

/* A list's question and its answer, then voice from another socket; `step` of the nonce. */
static void mumble_talk(struct feed *f, uint16_t server_port, uint8_t step, unsigned length)
{
	struct feed_from from = { .client_port = 40002, .server_port = server_port };
	uint8_t p[100];

	mumble_list_is_control((void **)&f);
	for (unsigned i = 0; i < 12; i++) {
		memset(p, (int)(0x90 + i * 37), sizeof p);
		p[0] = (uint8_t)(250 + i * step);
		feed(f, from, p, length);
	}
}

static void mumble_voice_to_a_known_server(void **state)
{
	struct feed *f = *state;

	mumble_talk(f, 5000, 1, 90);
	expect(f, CLASS_MEDIA, APP_MUMBLE, ACT_BITS);
}

static void mumble_pings_are_no_voice(void **state)
{
	struct feed *f = *state;

	mumble_talk(f, 5000, 1, 14);
	expect_nothing(f);
}

static void mumble_nonce_must_go_on(void **state)
{
	struct feed *f = *state;

	mumble_talk(f, 5000, 77, 90);
	expect_nothing(f);
}

static void mumble_server_on_another_port(void **state)
{
	struct feed *f = *state;

	mumble_talk(f, 5001, 1, 90);
	expect_nothing(f);
}

static void name_of_server(struct feed *f, enum app app)
{
	struct fact fact = { .kind = FACT_NAME, .app = app, .expires_ns = f->frame.mono_ns + 60 * NS_PER_S };
	static const uint8_t client[4] = { 10, 0, 0, 1 }, server[4] = { 192, 0, 2, 9 };

	addr_from_v4(&fact.host, client);
	addr_from_v4(&fact.remote, server);
	assert_true(facts_add(f->env.facts, &fact, f->frame.mono_ns, &f->counts));
}

/* RTP both ways inside ICE, from a server of an application. */
static void rtp_both_ways(struct feed *f)
{
	static const uint8_t binding[20] = { 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };
	uint8_t p[200] = { 0 };

	feed(f, CLIENT, binding, sizeof binding);
	for (unsigned i = 0; i < 40; i++) {
		put_rtp(p, 96, i / 2, i / 2 * 960, i & 1 ? 0x12345678 : 0x9abcdef1);
		feed(f, i & 1 ? SERVER : CLIENT, p, sizeof p);
		f->frame.mono_ns += 9 * NS_PER_MS;
	}
}

static void a_game_far_away_is_streaming(void **state)
{
	struct feed *f = *state;

	name_of_server(f, APP_GEFORCENOW);
	rtp_both_ways(f);
	expect(f, CLASS_STREAMING, APP_GEFORCENOW, ACT_BITS);
}

static void a_call_with_a_named_server_is_media(void **state)
{
	struct feed *f = *state;

	name_of_server(f, APP_VIBER);
	rtp_both_ways(f);
	expect(f, CLASS_MEDIA, APP_VIBER, ACT_BITS);
}

#define WITH_FEED(test) cmocka_unit_test_setup_teardown(test, feed_setup, feed_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_FEED(zoom_says_hello), WITH_FEED(zoom_filler_is_media), WITH_FEED(zoom_lengths_must_fit),
		WITH_FEED(zoom_numbers_must_rise), WITH_FEED(zoom_audio_shows_its_rtp),
		WITH_FEED(zoom_channel_without_media), WITH_FEED(zoom_session_of_another),
		WITH_FEED(zoom_direct_is_named_by_rtp_inside),
		WITH_FEED(zoom_pings), WITH_FEED(zoom_three_pings), WITH_FEED(zoom_pings_of_other_sessions), WITH_FEED(discord_asks_for_its_address), WITH_FEED(discord_one_direction), WITH_FEED(discord_cut_by_the_capture),
		WITH_FEED(telegram_joined_midway), WITH_FEED(telegram_midway_is_not_any_session), WITH_FEED(discord_video_one_way_is_a_call),
		WITH_FEED(discord_sources_in_turn), WITH_FEED(discord_joined_midway),
		WITH_FEED(discord_magic_in_other_lengths),
		WITH_FEED(telegram_reflector), WITH_FEED(telegram_tag_must_come_back), WITH_FEED(silence_is_not_telegram),
		WITH_FEED(telegram_parties_by_their_socket), WITH_FEED(telegram_parties_of_seven_packets), WITH_FEED(telegram_socket_of_another_port),
		WITH_FEED(telegram_parties_send_whole_blocks), WITH_FEED(telegram_without_a_call),
		WITH_FEED(imo_call), WITH_FEED(imo_lengths_must_fit), WITH_FEED(imo_ping_must_come_back),
		WITH_FEED(snapchat_reports_beside_quic), WITH_FEED(snapchat_index_must_rise),
		WITH_FEED(reports_without_quic_are_not_snapchat),
		WITH_FEED(teams_is_named_only), WITH_FEED(mumble_list_is_control),
		WITH_FEED(mumble_voice_to_a_known_server), WITH_FEED(mumble_pings_are_no_voice),
		WITH_FEED(mumble_nonce_must_go_on), WITH_FEED(mumble_server_on_another_port),
		WITH_FEED(a_game_far_away_is_streaming), WITH_FEED(a_call_with_a_named_server_is_media),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
