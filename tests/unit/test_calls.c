/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "event/calls.h"
#include "event_make.h"

/* Calls as the sink writes them; times are milliseconds after T0. */
static struct event ev;

static void voip(uint64_t ms, uint64_t id, int host, uint16_t port, int peer, uint16_t peer_port,
    enum voip_class cls, enum app app, uint64_t dialog)
{
	make_flow(&ev, EVENT_VOIP, ms, id, host, port, peer, peer_port);
	ev.voip.cls = cls;
	ev.voip.app = app;
	ev.voip.bits = 20;
	ev.call = dialog;
	event_emit(sink, &ev);
}

static void flow_begin(uint64_t ms, uint64_t id, int host, uint16_t port, int peer,
    uint16_t peer_port, enum voip_class cls, enum app app, uint64_t dialog)
{
	make_flow(&ev, EVENT_FLOW, ms, id, host, port, peer, peer_port);
	ev.voip.cls = cls;
	ev.voip.app = app;
	ev.voip.bits = 20;
	ev.call = dialog;
}

static void flow_end(uint64_t ms, uint64_t id, int host, uint16_t port, int peer,
    uint16_t peer_port, enum voip_class cls, enum app app, uint64_t dialog)
{
	flow_begin(ms, id, host, port, peer, peer_port, cls, app, dialog);
	event_emit(sink, &ev);
}

static void tick(uint64_t ms)
{
	ev = (struct event){ .type = EVENT_TICK, .mono_ns = NS_PER_S + ms * NS_PER_MS,
		.wall_ns = T0_WALL + ms * NS_PER_MS };
	event_emit(sink, &ev);
}

/* A SIP message on flow 1 (host 5 port 5060 to the proxy at peer 1); sent by the caller, or by the callee. */
static void sip(uint64_t ms, enum call_phase phase, uint64_t dialog, bool by_caller)
{
	make_flow(&ev, EVENT_SIGNAL, ms, 1, 5, 5060, 1, 5060);
	ev.sender = by_caller ? 0 : 1;
	ev.signal = (struct call_signal){ .call = dialog, .phase = phase, .app = APP_SIP,
		.from_caller = by_caller, .from = "sip:ann@example.org", .to = "sip:bob@example.org" };
	snprintf(ev.signal.id, sizeof ev.signal.id, "id-%llu@ann", (unsigned long long)dialog);
	event_emit(sink, &ev);
}

static unsigned calls_written(void)
{
	return times_in(sink_text, "\"event_type\":\"call\"");
}

static void stop(void)
{
	ev = (struct event){ .type = EVENT_STOP, .mono_ns = 3600 * NS_PER_S, .wall_ns = T0_WALL };
	event_emit(sink, &ev);
	sink_close();
}

static int open_sink(void **state)
{
	(void)state;
	sink_open((struct event_conf){ 0 });
	return 0;
}

/* --- dialogs --- */

static void a_whole_call(void **state)
{
	(void)state;
	sip(0, CALL_SETUP, 77, true);
	sip(500, CALL_RINGING, 77, false);
	sip(2000, CALL_ANSWERED, 77, false);
	voip(2300, 2, 5, 40000, 9, 30000, CLASS_MEDIA, APP_RTP, 77);
	voip(7000, 3, 5, 40001, 9, 30001, CLASS_SIGNALLING, APP_RTCP, 0);
	sip(60000, CALL_ENDED, 77, true);
	flow_begin(95000, 2, 5, 40000, 9, 30000, CLASS_MEDIA, APP_RTP, 77);
	ev.first_wall_ns = T0_WALL + 2010 * NS_PER_MS;
	ev.last_wall_ns = T0_WALL + 60100 * NS_PER_MS;
	ev.n_media[1] = 1;
	ev.media[1][0] = (struct media_stats){ .ssrc = 0xdeadbeef, .payload_type = 8, .packets = 990,
		.expected = 1000, .lost = 10, .clock_hz = 8000, .jitter_ms = 1.25f, .jitter_max_ms = 4,
		.rate_bps = 64000, .first_ns = NS_PER_S, .last_ns = 21 * NS_PER_S };
	event_emit(sink, &ev);
	flow_end(96000, 3, 5, 40001, 9, 30001, CLASS_SIGNALLING, APP_RTCP, 0);
	tick(105999);
	assert_int_equal(calls_written(), 0);
	tick(106000); /* 10 s after the last flow, though the signalling flow lives on */
	assert_int_equal(calls_written(), 1);
	assert_int_equal(event_calls(sink), 1);
	assert_in(sink_text, "\"app\":\"sip\",\"bits\":20.0,\"emergency\":false,"
	    "\"start\":\"2026-11-21T21:07:00.123456+0000\",\"answered\":\"2026-11-21T21:07:02.123456+0000\","
	    "\"end\":\"2026-11-21T21:08:00.123456+0000\",\"duration_s\":60.000,"
	    "\"end_reason\":\"signalling\",\"signalling\":\"ended\",");
	assert_in(sink_text, "\"parties\":[{\"ip\":\"10.8.1.5\",\"identity\":\"sip:ann@example.org\","
	    "\"role\":\"caller\"},{\"ip\":\"198.51.100.9\",\"identity\":\"sip:bob@example.org\","
	    "\"role\":\"callee\"}],\"flows\":[1,2,3],");
	assert_in(sink_text, "\"media\":[{\"flow_id\":2,\"src_ip\":\"198.51.100.9\",\"src_port\":30000,"
	    "\"dest_ip\":\"10.8.1.5\",\"dest_port\":40000,\"ssrc\":3735928559,\"payload_type\":8,"
	    "\"kind\":\"audio\",\"codec\":\"PCMA/8000\",\"packets\":990,\"lost\":10,\"loss_pct\":1.00,"
	    "\"jitter_ms\":1.250,\"jitter_max_ms\":4.000,\"rate_bps\":64000,\"duration_s\":20.000}],"
	    "\"codec\":\"PCMA/8000\",");
	assert_int_equal(times_in(sink_text, "\"call_id\":\"c-"), 5); /* 2 voip, 2 flow, 1 call */
	stop();
}

static const struct rule set_up = { .file = "r", .line = 2, .reason = "a call is being set up" },
    spoken = { .file = "r", .line = 1, .reason = "a call" };

static void judged(const struct rule *rule, enum event_type type, uint64_t ms, uint64_t id, uint16_t port, enum voip_class cls, enum app app)
{
	make_flow(&ev, type, ms, id, 5, port, 9, port);
	ev.voip.cls = cls;
	ev.voip.app = app;
	ev.voip.bits = 20;
	ev.call = 77;
	ev.verdict = (struct verdict){ .action = ACTION_PASS, .reason = "", .n_alerts = 1, .alerts = { rule } };
	event_emit(sink, &ev);
}

/* Both flows were alerted on: the record gives the reason of what was spoken, whichever was first and last. */
static void media_gives_the_reason(void **state)
{
	(void)state;
	sip(0, CALL_SETUP, 77, true);
	judged(&set_up, EVENT_VOIP, 1, 1, 5060, CLASS_SIGNALLING, APP_SIP);
	judged(&spoken, EVENT_VOIP, 100, 2, 30000, CLASS_MEDIA, APP_RTP);
	sip(2000, CALL_ENDED, 77, true);
	judged(&spoken, EVENT_FLOW, 3000, 2, 30000, CLASS_MEDIA, APP_RTP);
	judged(&set_up, EVENT_FLOW, 4000, 1, 5060, CLASS_SIGNALLING, APP_SIP);
	stop();
	assert_int_equal(calls_written(), 1);
	assert_in(strstr(sink_text, "\"event_type\":\"call\""), "\"rule\":\"r:1\",\"reason\":\"a call\"");
}

/* The same record comes out whether a silent source ticked in between or not. */
static void ticks_change_nothing(void **state)
{
	char *first;
	int with;

	(void)state;
	for (with = 0; with < 2; with++) {
		uint64_t ms;

		if (with)
			sink_open((struct event_conf){ 0 });
		flow_end(0, 2, 5, 40000, 9, 30000, CLASS_MEDIA, APP_RTP, 0);
		flow_end(5000, 3, 6, 40000, 8, 30000, CLASS_MEDIA, APP_RTP, 0);
		for (ms = 5100; with && ms < 30000; ms += 100)
			tick(ms);
		flow_end(30000, 4, 7, 1, 7, 1, CLASS_NONE, APP_NONE, 0);
		stop();
		if (!with)
			first = strdup(sink_text);
	}
	assert_string_equal(first, sink_text);
	assert_int_equal(calls_written(), 2);
	free(first);
}

static void refused(void **state)
{
	(void)state;
	sip(0, CALL_SETUP, 5, true);
	sip(3000, CALL_FAILED, 5, false);
	tick(13000);
	assert_in(sink_text, "\"end_reason\":\"failed\",\"signalling\":\"failed\"");
	assert_in(sink_text, "\"media\":[],\"media_reason\":\"no media seen\",\"codec\":null,"
	    "\"codec_reason\":\"no media seen\",\"verdict\":null");
	stop();
}

/* Asked for a password, then answered; a failed re-INVITE does not end the call. */
static void failure_is_not_final(void **state)
{
	(void)state;
	sip(0, CALL_SETUP, 5, true);
	sip(10, CALL_FAILED, 5, false);
	sip(20, CALL_SETUP, 5, true);
	sip(1000, CALL_ANSWERED, 5, false);
	sip(2000, CALL_FAILED, 5, false);
	tick(60000);
	assert_int_equal(calls_written(), 0);
	ev = (struct event){ .type = EVENT_EPOCH };
	event_emit(sink, &ev);
	stop();
	assert_in(sink_text, "\"end_reason\":\"shutdown\",\"signalling\":\"answered\"");
}

static void many_dialogs_on_one_flow(void **state)
{
	uint64_t d;

	(void)state;
	for (d = 1; d <= 3; d++)
		sip(d, CALL_SETUP, d, true);
	for (d = 1; d <= 3; d++)
		sip(100 * d, CALL_ANSWERED, d, false);
	sip(1000, CALL_ENDED, 2, true);
	tick(12000);
	assert_int_equal(calls_written(), 1);
	flow_end(20000, 1, 5, 5060, 1, 5060, CLASS_SIGNALLING, APP_SIP, 0);
	tick(31000); /* the signalling flow went: nothing more can follow */
	assert_int_equal(calls_written(), 3);
	stop();
}

static void signalling_alone_is_no_call(void **state)
{
	(void)state;
	voip(0, 1, 5, 5060, 1, 5060, CLASS_SIGNALLING, APP_SIP, 0);
	voip(10, 2, 5, 40001, 9, 30001, CLASS_SIGNALLING, APP_RTCP, 0);
	voip(20, 3, 5, 41000, 9, 3478, CLASS_ICE, APP_STUN, 0);
	flow_end(100, 1, 5, 5060, 1, 5060, CLASS_SIGNALLING, APP_SIP, 0);
	flow_end(100, 2, 5, 40001, 9, 30001, CLASS_SIGNALLING, APP_RTCP, 0);
	flow_end(100, 3, 5, 41000, 9, 3478, CLASS_ICE, APP_STUN, 0);
	sip(200, CALL_ENDED, 9, true);
	stop();
	assert_int_equal(calls_written(), 0);
	assert_not_in(sink_text, "call_id");
}

static void emergency(void **state)
{
	(void)state;
	make_flow(&ev, EVENT_SIGNAL, 0, 1, 5, 5060, 1, 5060);
	ev.signal = (struct call_signal){ .call = 1, .phase = CALL_SETUP, .app = APP_SIP,
		.from_caller = true, .sos = true, .id = "x" };
	event_emit(sink, &ev);
	stop();
	assert_in(sink_text, "\"emergency\":true");
	assert_in(sink_text, "\"identity\":null,\"identity_reason\":\"not said\",\"role\":\"caller\"");
}

/* --- codecs --- */

static void offer(uint64_t ms, bool by_caller, uint16_t port, uint8_t type, const char *codec)
{
	make_flow(&ev, EVENT_SIGNAL, ms, 1, 5, 5060, 1, 5060);
	ev.sender = by_caller ? 0 : 1;
	ev.signal = (struct call_signal){ .call = 4, .app = APP_SIP, .from_caller = by_caller,
		.phase = by_caller ? CALL_SETUP : CALL_ANSWERED, .id = "y", .n_media = 1 };
	ev.signal.media[0] = (struct call_media){ .ip = ip4(203, 0, 113, by_caller ? 1 : 2),
		.port = port, .payload_type = type };
	snprintf(ev.signal.media[0].codec, CALL_CODEC_LEN, "%s", codec);
	event_emit(sink, &ev);
}

static void codec_is_what_the_receiver_asked_for(void **state)
{
	(void)state;
	offer(0, true, 40000, 96, "opus/48000/2");
	offer(100, false, 30000, 96, "speex/16000");
	flow_begin(5000, 2, 5, 40000, 9, 30000, CLASS_MEDIA, APP_RTP, 4);
	ev.n_media[0] = ev.n_media[1] = 1;
	ev.media[0][0] = (struct media_stats){ .payload_type = 96, .packets = 10 };
	ev.media[1][0] = (struct media_stats){ .payload_type = 96, .packets = 20 };
	event_emit(sink, &ev);
	stop();
	assert_in(sink_text, "\"src_port\":40000,\"dest_ip\":\"198.51.100.9\",\"dest_port\":30000,"
	    "\"ssrc\":0,\"payload_type\":96,\"kind\":\"audio\",\"codec\":\"speex/16000\"");
	assert_in(sink_text, "\"dest_port\":40000,\"ssrc\":0,\"payload_type\":96,\"kind\":\"audio\","
	    "\"codec\":\"opus/48000/2\"");
	assert_in(sink_text, "\"jitter_ms\":null,\"jitter_reason\":\"clock rate unknown\"");
	assert_in(sink_text, "],\"codec\":\"opus/48000/2\""); /* of the stream with most packets */
}

static void unknown_codec_says_why(void **state)
{
	(void)state;
	flow_begin(5000, 2, 5, 40000, 9, 30000, CLASS_MEDIA, APP_RTP, 0);
	ev.n_media[0] = 1;
	ev.media[0][0] = (struct media_stats){ .payload_type = 111, .packets = 10, .video = true };
	event_emit(sink, &ev);
	flow_end(5000, 3, 6, 40000, 8, 30000, CLASS_MEDIA, APP_SKYPE, 0);
	stop();
	assert_in(sink_text, "\"kind\":\"video\",\"codec\":null,\"codec_reason\":\"payload type not announced\"");
	assert_in(sink_text, "\"media\":[],\"media_reason\":\"encrypted or not RTP\",\"codec\":null,"
	    "\"codec_reason\":\"encrypted or not RTP\"");
}

/* --- grouping without signalling --- */

static void same_hosts_are_one_call(void **state)
{
	(void)state;
	voip(0, 2, 5, 40000, 9, 30000, CLASS_MEDIA, APP_RTP, 0);
	voip(3000, 3, 5, 40002, 9, 30002, CLASS_MEDIA, APP_RTP, 0); /* video */
	voip(3000, 4, 6, 40002, 9, 30002, CLASS_MEDIA, APP_RTP, 0); /* another host */
	stop();
	assert_int_equal(calls_written(), 2);
	assert_in(sink_text, "\"flows\":[2,3]");
	assert_in(sink_text, "\"role\":null");
}

static void after_ten_seconds_it_is_another(void **state)
{
	(void)state;
	flow_end(0, 2, 5, 40000, 9, 30000, CLASS_MEDIA, APP_RTP, 0);
	voip(9000, 3, 5, 40002, 9, 30002, CLASS_MEDIA, APP_RTP, 0);
	flow_end(9500, 3, 5, 40002, 9, 30002, CLASS_MEDIA, APP_RTP, 0);
	voip(19600, 4, 5, 40004, 9, 30004, CLASS_MEDIA, APP_RTP, 0);
	stop();
	assert_int_equal(calls_written(), 2);
	assert_in(sink_text, "\"flows\":[2,3]");
	assert_in(sink_text, "\"end_reason\":\"silence\"");
}

/* Relayed legs of one application from one host; another host of the relay's is another call. */
static void one_application_from_one_host(void **state)
{
	(void)state;
	voip(0, 2, 5, 40000, 1, 3478, CLASS_ICE, APP_WHATSAPP, 0);
	voip(10, 3, 5, 40000, 2, 3478, CLASS_ICE, APP_WHATSAPP, 0);
	voip(20, 4, 6, 40000, 2, 3478, CLASS_MEDIA, APP_WHATSAPP, 0);
	voip(500, 3, 5, 40000, 2, 3478, CLASS_MEDIA, APP_WHATSAPP, 0);
	stop();
	assert_int_equal(calls_written(), 2);
	assert_in(sink_text, "\"flows\":[2,3]");
	assert_in(sink_text, "\"flows\":[4]");
}

/* A PBX runs many calls of plain RTP at once: the protocol's name alone joins nothing. */
static void rtp_from_one_host_stays_apart(void **state)
{
	(void)state;
	voip(0, 2, 5, 40000, 1, 30000, CLASS_MEDIA, APP_RTP, 0);
	voip(0, 3, 5, 40002, 2, 30000, CLASS_MEDIA, APP_RTP, 0);
	stop();
	assert_int_equal(calls_written(), 2);
}

static void rtcp_goes_to_the_port_beside_it(void **state)
{
	(void)state;
	sip(0, CALL_SETUP, 1, true);
	sip(0, CALL_SETUP, 2, true);
	voip(1000, 2, 5, 40000, 9, 30000, CLASS_MEDIA, APP_RTP, 1);
	voip(1000, 3, 5, 40002, 9, 30002, CLASS_MEDIA, APP_RTP, 2);
	voip(5000, 4, 5, 40001, 9, 30001, CLASS_SIGNALLING, APP_RTCP, 0);
	stop();
	assert_int_equal(calls_written(), 2);
	assert_in(sink_text, "\"flows\":[1,2,4]");
	assert_in(sink_text, "\"flows\":[1,3]");
}

static void agents_tie_flows(void **state)
{
	(void)state;
	make_flow(&ev, EVENT_SIGNAL, 0, 2, 5, 40000, 1, 1000);
	ev.signal = (struct call_signal){ .call = 99, .phase = CALL_ICE, .app = APP_STUN };
	event_emit(sink, &ev);
	make_flow(&ev, EVENT_SIGNAL, 0, 3, 5, 40000, 2, 2000);
	ev.signal = (struct call_signal){ .call = 99, .phase = CALL_ICE, .app = APP_STUN };
	event_emit(sink, &ev);
	voip(100, 3, 5, 40000, 2, 2000, CLASS_MEDIA, APP_WEBRTC, 0);
	stop();
	assert_int_equal(calls_written(), 1);
	assert_in(sink_text, "\"flows\":[2,3]");
	assert_in(sink_text, "\"signalling\":null,\"signalling_reason\":\"no readable signalling\"");
}

/* One flow, more pairs of agents than a call keeps: the call stays one, of that flow. */
static void pairs_of_agents_are_bounded(void **state)
{
	(void)state;
	for (uint64_t pair = 1; pair <= CALL_LINKS_MAX + 3; pair++) {
		make_flow(&ev, EVENT_SIGNAL, pair, 2, 5, 40000, 1, 1000);
		ev.signal = (struct call_signal){ .call = 98 + pair, .phase = CALL_ICE, .app = APP_STUN };
		event_emit(sink, &ev);
	}
	voip(100, 2, 5, 40000, 1, 1000, CLASS_MEDIA, APP_WEBRTC, 0);
	stop();
	assert_int_equal(calls_written(), 1);
	assert_in(sink_text, "\"flows\":[2]");
}

/* Checks came before anybody knew of the dialog. */
static void checks_move_to_their_dialog(void **state)
{
	(void)state;
	voip(0, 2, 5, 40000, 9, 30000, CLASS_ICE, APP_STUN, 0);
	sip(100, CALL_SETUP, 8, true);
	voip(500, 2, 5, 40000, 9, 30000, CLASS_MEDIA, APP_RTP, 8);
	stop();
	assert_int_equal(calls_written(), 1);
	assert_in(sink_text, "\"flows\":[1,2]");
}

static void media_that_was_none(void **state)
{
	(void)state;
	voip(0, 2, 5, 40000, 9, 30000, CLASS_MEDIA, APP_RTP, 0);
	flow_begin(5000, 2, 5, 40000, 9, 30000, CLASS_STREAMING, APP_RTP, 0);
	ev.spoken = true;
	event_emit(sink, &ev);
	stop();
	assert_int_equal(calls_written(), 0);
	assert_in(sink_text, "\"calls\":0,");
}

/* --- bounds --- */

static void the_table_is_bounded(void **state)
{
	unsigned i;

	(void)state;
	voip(0, 1000000, 5, 40000, 9, 30000, CLASS_MEDIA, APP_RTP, 0);
	for (i = 1; i < 4096 + 100; i++)
		sip(i, CALL_SETUP, i, true);
	assert_int_equal(calls_written(), 100); /* the oldest without media, written as it goes */
	assert_in(sink_text, "\"end_reason\":\"evicted\"");
	stop();
	assert_int_equal(calls_written(), 4096 + 100);
	assert_in(sink_text, "\"calls\":4196,\"calls_refused\":100,");
	assert_in(sink_text, "\"flows\":[1000000]");
}

static void flows_of_a_call_are_bounded(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < 70; i++) {
		voip(i, 100 + i, 5, (uint16_t)(40000 + 2 * i), 9, 30000, CLASS_MEDIA, APP_RTP, 0);
		flow_end(i, 100 + i, 5, (uint16_t)(40000 + 2 * i), 9, 30000, CLASS_MEDIA, APP_RTP, 0);
	}
	stop();
	assert_int_equal(calls_written(), 1);
	assert_in(sink_text, ",163],\"flows_more\":6,");
}

static void a_file_ends_its_calls(void **state)
{
	(void)state;
	voip(0, 2, 5, 40000, 9, 30000, CLASS_MEDIA, APP_RTP, 0);
	ev = (struct event){ .type = EVENT_EPOCH };
	event_emit(sink, &ev);
	voip(0, 3, 5, 40000, 9, 30000, CLASS_MEDIA, APP_RTP, 0);
	stop();
	assert_int_equal(calls_written(), 2);
}

static void identities_are_hashed(void **state)
{
	const char *first, *second;

	(void)state;
	event_sink_free(sink);
	fclose(sink_file);
	sink_open((struct event_conf){ .redact = true });
	sip(0, CALL_SETUP, 1, true);
	sip(0, CALL_SETUP, 2, true);
	stop();
	assert_not_in(sink_text, "ann");
	assert_not_in(sink_text, "bob");
	assert_int_equal(times_in(sink_text, "\"identity\":\"h:"), 4);
	first = strstr(sink_text, "\"identity\":\"h:");
	second = strstr(first + 1, "\"identity\":\"h:");
	assert_memory_not_equal(first, second, 31);
	second = strstr(second + 1, "\"identity\":\"h:");
	assert_memory_equal(first, second, 31); /* the same person, the same hash */
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, open_sink)
	const struct CMUnitTest tests[] = {
		T(a_whole_call), T(media_gives_the_reason), T(ticks_change_nothing), T(refused), T(failure_is_not_final),
		T(many_dialogs_on_one_flow), T(signalling_alone_is_no_call), T(emergency),
		T(codec_is_what_the_receiver_asked_for), T(unknown_codec_says_why),
		T(same_hosts_are_one_call), T(after_ten_seconds_it_is_another),
		T(one_application_from_one_host), T(rtp_from_one_host_stays_apart),
		T(rtcp_goes_to_the_port_beside_it), T(agents_tie_flows), T(pairs_of_agents_are_bounded), T(checks_move_to_their_dialog),
		T(media_that_was_none), T(the_table_is_bounded), T(flows_of_a_call_are_bounded),
		T(a_file_ends_its_calls), T(identities_are_hashed),
		cmocka_unit_test(lines_satisfy_the_schema),
	};

	hash_init();
	return cmocka_run_group_tests(tests, NULL, sink_forget);
}
