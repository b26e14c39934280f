/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of hosts and applications, its three forms, and audit events. */
#include "event_make.h"

#include "event/audit.h"

static const struct detector row_skype = { .name = "skype", .group = GROUP_VENDOR };
static const struct detector row_ndpi = { .name = "ndpi", .group = GROUP_NDPI };

#define INSIDE_SOURCE 1
#define INSIDE_BOTH   3

static struct event ev;

/* A flow with evidence, 100 bytes sent and 900 received. */
static void flow(uint64_t ms, int host, int peer, enum voip_class cls, enum app app, float bits)
{
	make_flow(&ev, EVENT_FLOW, ms, 1000 + ms, host, 40000, peer, 33033);
	ev.flow.inside = INSIDE_SOURCE;
	ev.voip.cls = cls;
	ev.voip.app = app;
	ev.voip.bits = bits;
	ev.voip.n_evidence = bits > 0;
	ev.voip.evidence[0] = (struct evidence){ .row = &row_skype, .why = "steps: {0}", .arg = { 3 },
		.bits = bits, .cls = (uint8_t)cls, .app = (uint8_t)app };
	ev.packets[0] = ev.packets[1] = 3;
	ev.bytes[0] = 100;
	ev.bytes[1] = 900;
	ev.last_wall_ns = ev.first_wall_ns + 2 * NS_PER_S;
}

static void emit(void)
{
	event_emit(sink, &ev);
}

static void stop(uint64_t ms)
{
	make_flow(&ev, EVENT_STOP, ms, 0, 1, 0, 1, 0);
	memset(&ev.counts, 0, sizeof ev.counts);
	emit();
}

static unsigned width = 100;

/* The report in a string that lives until the next one. */
static const char *report(enum audit_format format)
{
	static char *text;
	size_t n;
	FILE *out;

	free(text);
	text = NULL;
	out = open_memstream(&text, &n);
	event_audit(sink, format, width, out);
	fclose(out);
	return text;
}

static void note(enum audit_kind kind, uint64_t ms, int host)
{
	make_flow(&ev, EVENT_AUDIT, ms, 77, host, 40000, 9, 80);
	memset(&ev.audit, 0, sizeof ev.audit);
	ev.audit.kind = kind;
	ev.audit.host = ip4(10, 8, 1, host);
	ev.audit.what = "what was found";
}

static void a_host_and_application_a_line(void **state)
{
	const char *csv;

	(void)state;
	sink_open((struct event_conf){ .audit = true });
	flow(0, 5, 1, CLASS_CONTROL, APP_SKYPE, 42);
	emit();
	flow(10, 5, 2, CLASS_CONTROL, APP_SKYPE, 60);
	emit();
	flow(20, 5, 2, CLASS_CONTROL, APP_SKYPE, 50);
	ev.flow.initiator = 0;
	emit();
	flow(30, 4, 3, CLASS_MEDIA, APP_WHATSAPP, 40);
	emit();
	csv = report(AUDIT_CSV);
	assert_in(csv, "\r\n10.8.1.4,whatsapp,chat,,,,2026-11-21T21:07:00Z,2026-11-21T21:07:02Z,1,1,100,900,");
	assert_in(csv, "\r\n10.8.1.5,skype,voip,,,,2026-11-21T21:07:00Z,2026-11-21T21:07:02Z,3,2,300,2700,0,0.000,0,,,,60.0,skype: steps: 3,0,,0,0,0\r\n");
	assert_int_equal(times_in(csv, "\r\n"), 3);
	stop(100);
	sink_close();
	assert_int_equal(times_in(sink_text, "\"kind\":\"host\""), 2);
	assert_in(sink_text, "\"host\":\"10.8.1.5\",\"app\":\"skype\",\"category\":\"voip\",\"role\":null,\"bits\":60");
	assert_in(sink_text, "\"flows\":3,\"peers\":2,\"bytes_sent\":300,\"bytes_received\":2700");
	assert_not_in(sink_text, "\"event_type\":\"flow\"");
}

/* What mostly streams has a line when it is a conversation, with its traffic; else none. */
static void calls_over_what_streams(void **state)
{
	const char *csv;

	(void)state;
	sink_open((struct event_conf){ .audit = true });
	flow(0, 5, 1, CLASS_MEDIA, APP_SRT, 40);
	emit();
	flow(10, 6, 1, CLASS_STREAMING, APP_SRT, 44);
	emit();
	csv = report(AUDIT_CSV);
	assert_in(csv, "\r\n10.8.1.5,srt,streaming,,,,2026-11-21T21:07:00Z,2026-11-21T21:07:02Z,1,1,100,900,");
	assert_int_equal(times_in(csv, "\r\n"), 2);
	sink_close();
}

/* The server of a chat is no user of it, nor are hosts of the outside, look-ups, hints, or what is not restricted. */
static void who_gets_no_line(void **state)
{
	(void)state;
	sink_open((struct event_conf){ .audit = true });
	flow(0, 5, 1, CLASS_CONTROL, APP_TELEGRAM, 12);
	ev.flow.inside = INSIDE_BOTH;
	emit();
	flow(10, 6, 2, CLASS_CONTROL, APP_GEFORCENOW, 42);
	emit();
	flow(20, 7, 3, CLASS_NONE, APP_ZOOM, 8);
	emit();
	flow(30, 8, 3, CLASS_NONE, APP_TEAMS, 0);
	ev.voip.n_evidence = 1;
	ev.voip.evidence[0].row = &row_ndpi;
	ev.voip.evidence[0].app = APP_TEAMS;
	ev.flow.port[1] = 53;
	emit();
	flow(40, 9, 4, CLASS_STREAMING, APP_RTP, 40);
	emit();
	assert_in(report(AUDIT_CSV), "\r\n10.8.1.5,telegram,chat,");
	assert_int_equal(times_in(report(AUDIT_CSV), "\r\n"), 2);
	sink_close();
}

static void restricted_services(void **state)
{
	(void)state;
	sink_open((struct event_conf){ .audit = true });
	flow(0, 5, 1, CLASS_NONE, APP_NONE, 0);
	ev.voip.category = CATEGORY_P2P;
	emit();
	flow(0, 5, 1, CLASS_NONE, APP_NONE, 0);
	ev.voip.category = CATEGORY_TUNNEL;
	emit();
	flow(0, 5, 1, CLASS_NONE, APP_NONE, 0);
	ev.voip.category = CATEGORY_WEB;
	emit();
	assert_int_equal(times_in(report(AUDIT_CSV), "\r\n"), 3);
	assert_in(report(AUDIT_CSV), "\r\n10.8.1.5,,p2p,");
	assert_in(report(AUDIT_CSV), "\r\n10.8.1.5,,tunnel,");
	assert_in(report(AUDIT_TEXT), "10.8.1.5 (p2p)");
	stop(10);
	sink_close();
}

static void accepted_from_outside(void **state)
{
	(void)state;
	sink_open((struct event_conf){ .audit = true });
	flow(0, 5, 1, CLASS_CONTROL, APP_SKYPE, 42);
	ev.flow.inside = 2; /* the destination */
	emit();
	ev.packets[1] = 0; /* it did not answer */
	emit();
	ev.packets[1] = 3;
	ev.flow.initiator = -1;
	emit();
	assert_in(report(AUDIT_CSV), "\r\n198.51.100.1,skype,voip,,,,");
	assert_in(report(AUDIT_CSV), ",3,1,2700,300,0,0.000,1,,,,42.0,");
	sink_close();
}

static void calls_are_counted(void **state)
{
	(void)state;
	sink_open((struct event_conf){ .audit = true });
	flow(0, 5, 1, CLASS_MEDIA, APP_WHATSAPP, 40);
	ev.type = EVENT_VOIP;
	emit();
	flow(0, 5, 1, CLASS_MEDIA, APP_WHATSAPP, 40);
	ev.mono_ns += 10 * NS_PER_S;
	ev.last_wall_ns = ev.first_wall_ns + 10 * NS_PER_S;
	emit();
	stop(60000);
	assert_in(report(AUDIT_CSV), ",100,900,1,10.000,0,");
	assert_in(report(AUDIT_TEXT), " 1/10s ");
	sink_close();
	assert_in(sink_text, "\"calls\":1,\"call_s\":10");
	assert_not_in(sink_text, "\"event_type\":\"call\"");
}

static void facts_of_skype(void **state)
{
	(void)state;
	sink_open((struct event_conf){ .audit = true });
	flow(0, 5, 1, CLASS_CONTROL, APP_SKYPE, 42);
	emit();
	note(AUDIT_HOST, 10, 5);
	ev.flow.id = 0;
	ev.audit.role = ROLE_SUPERNODE;
	ev.audit.rates.bytes_s[CAP_SUPERNODE] = 6000;
	ev.audit.skype.generation = SKYPE_AGE_LATE;
	memcpy(ev.audit.skype.public_ip, (const uint8_t[]){ 203, 0, 113, 7 }, 4);
	ev.audit.skype.listening = 35990;
	ev.audit.skype.punched = 3;
	skype_place_add(ev.audit.skype.login, &ev.audit.skype.logins, &(struct addr[]){ ip4(192, 0, 2, 3) }[0], 33033);
	emit();
	note(AUDIT_HOST, 10, 99); /* a stranger */
	ev.audit.role = ROLE_CLIENT;
	emit();
	assert_in(report(AUDIT_CSV), "\r\n10.8.1.5,skype,voip,supernode,2015,203.0.113.7,");
	assert_in(report(AUDIT_CSV), ",supernode,6000,5000,42.0,");
	assert_in(report(AUDIT_TEXT), " 6.0/5! ");
	assert_in(report(AUDIT_TEXT), "Skype on 10.8.1.5, client of generation 2015, public address 203.0.113.7\n");
	assert_in(report(AUDIT_TEXT), "TCP port 35990 answers, 0 connections accepted; UDP hole punching with 3 peers\n");
	assert_in(report(AUDIT_TEXT), "log-in servers, 1: 192.0.2.3:33033\n");
	assert_in(report(AUDIT_TEXT), "supernode: at most 6.0 kB/s, documented cap 5.0: exceeded\n");
	assert_not_in(report(AUDIT_CSV), "10.8.1.99");
	stop(20);
	sink_close();
	assert_in(sink_text, "\"skype\":{\"version\":\"2015\",\"public_ip\":\"203.0.113.7\",\"processes\":0,\"restarts\":0,"
	    "\"listening\":35990,\"login_servers\":1,\"supernodes\":0,\"hole_punching\":3,\"login\":[\"192.0.2.3:33033\"],\"supernode\":[],"
	    "\"rates\":[{\"cap\":\"supernode\",\"bytes_s\":6000,\"cap_bytes_s\":5000}]}");
}

static void findings(void **state)
{
	(void)state;
	sink_open((struct event_conf){ .audit = true });
	note(AUDIT_CREDENTIALS, 0, 5);
	ev.audit.app = APP_SIP;
	strcpy(ev.audit.name, "pbx.example");
	emit();
	note(AUDIT_CAP, 0, 6);
	ev.audit.app = APP_SKYPE;
	ev.audit.role = ROLE_RELAY;
	ev.audit.cap = CAP_RELAY_FILE;
	ev.audit.bytes_s = 3500;
	emit();
	assert_in(report(AUDIT_TEXT), "Findings: 2\n");
	assert_in(report(AUDIT_TEXT), "10.8.1.5        what was found, pbx.example\n");
	assert_in(report(AUDIT_TEXT), "10.8.1.6        what was found (relay-file, 3.5 kB/s of 3.0)\n");
	sink_close();
	assert_in(sink_text, "\"audit\":{\"kind\":\"credentials\",\"host\":\"10.8.1.5\",\"app\":\"sip\",\"role\":null,"
	    "\"what\":\"what was found\",\"name\":\"pbx.example\"}");
	assert_in(sink_text, "\"kind\":\"cap_exceeded\",\"host\":\"10.8.1.6\",\"app\":\"skype\",\"role\":\"relay\","
	    "\"what\":\"what was found\",\"name\":null,\"rate\":{\"cap\":\"relay-file\",\"bytes_s\":3500,\"cap_bytes_s\":3000}}");
}

/* An MP3 is nothing by itself: it is after a call, and where Skype runs. A day later it is nothing again. */
static void recordings(void **state)
{
	(void)state;
	sink_open((struct event_conf){ 0 });
	note(AUDIT_RECORDING, 0, 5);
	emit();
	flow(0, 5, 1, CLASS_CONTROL, APP_SKYPE, 42);
	ev.type = EVENT_VOIP;
	emit();
	note(AUDIT_RECORDING, 10, 5);
	emit();
	note(AUDIT_RECORDING, 10, 6);
	emit();
	flow(20, 5, 1, CLASS_MEDIA, APP_TEAMS, 42);
	ev.type = EVENT_VOIP;
	emit();
	flow(25, 5, 1, CLASS_CONTROL, APP_SKYPE, 42);
	ev.type = EVENT_VOIP;
	emit();
	note(AUDIT_RECORDING, 30, 5);
	emit();
	note(AUDIT_RECORDING, 86400000 + 31, 5);
	emit();
	sink_close();
	assert_int_equal(times_in(sink_text, "\"event_type\":\"audit\""), 2);
	assert_int_equal(times_in(sink_text, "\"app\":\"skype\",\"role\":null,\"what\":\"MP3 sent in clear by a host that runs Skype\""), 1);
	assert_int_equal(times_in(sink_text, "\"app\":\"teams\",\"role\":null,\"what\":\"MP3 sent in clear after a call\""), 1);
}

static size_t longest_line(const char *text)
{
	size_t longest = 0;

	for (; *text != '\0'; text += strcspn(text, "\n") + 1)
		longest = strcspn(text, "\n") > longest ? strcspn(text, "\n") : longest;
	return longest;
}

static void the_text_stays_narrow(void **state)
{
	(void)state;
	sink_open((struct event_conf){ .audit = true });
	flow(0, 5, 1, CLASS_CONTROL, APP_SKYPE, 42);
	emit();
	note(AUDIT_HOST, 10, 5);
	ev.audit.role = ROLE_SUPERNODE;
	ev.audit.rates.bytes_s[CAP_SUPERNODE] = 4000;
	ev.audit.skype.generation = SKYPE_AGE_LATE;
	memset(ev.audit.skype.public_ip, 222, 4);
	emit();
	flow(0, 6, 1, CLASS_MEDIA, APP_GOOGLEMEET, 420);
	memset(ev.flow.ip[0].b, 0xab, sizeof ev.flow.ip[0].b); /* IPv6 */
	ev.bytes[0] = 123456789;
	emit();
	assert_in_range(longest_line(report(AUDIT_TEXT)), 60, 100);
	assert_in(report(AUDIT_TEXT), "abab:abab:abab:abab:abab:abab:abab:abab ");
	assert_in(report(AUDIT_TEXT), " supernode ");
	width = 80; /* the long address leaves no room for times */
	assert_in_range(longest_line(report(AUDIT_TEXT)), 60, 90);
	assert_in(report(AUDIT_TEXT), " supernode ");
	assert_in(report(AUDIT_TEXT), "supernode: at most 4.0 kB/s, documented cap 5.0\n");
	width = 100;
	stop(10);
	sink_close();
}

static void nothing_found(void **state)
{
	(void)state;
	sink_open((struct event_conf){ .audit = true });
	assert_string_equal(report(AUDIT_TEXT), "No calling application or restricted service found.\n");
	assert_int_equal(times_in(report(AUDIT_CSV), "\r\n"), 1);
	sink_close();
}

/* More hosts than lines: the first ones stay whole, the rest is counted. */
static void the_table_is_bounded(void **state)
{
	struct audit *a = audit_new();
	struct audit_lists l;

	(void)state;
	for (unsigned i = 0; i < AUDIT_ROWS_MAX + 5; i++) {
		flow(0, 5, 1, CLASS_MEDIA, APP_ZOOM, 40);
		ev.flow.ip[0] = ip4(10, (int)(i >> 16), (int)(i >> 8 & 255), (int)(i & 255));
		audit_flow(a, &ev);
	}
	l = audit_lists(a);
	assert_int_equal(l.n_row, AUDIT_ROWS_MAX);
	assert_int_equal(l.rows_refused, 5);
	for (unsigned i = 1; i < l.n_row; i++)
		assert_true(memcmp(&l.row[i - 1]->host, &l.row[i]->host, sizeof l.row[i]->host) < 0);
	audit_free(a);
}

/* One host with more peers than are kept, and more findings: all are counted, the first are kept. */
static void peers_and_findings_are_bounded(void **state)
{
	struct audit *a = audit_new();
	struct audit_lists l;

	(void)state;
	for (unsigned i = 0; i < AUDIT_PEERS_MAX + 7; i++) {
		flow(0, 5, 1, CLASS_MEDIA, APP_ZOOM, 40);
		ev.flow.ip[1] = ip4(203, (int)(i >> 16), (int)(i >> 8 & 255), (int)(i & 255));
		audit_flow(a, &ev);
	}
	for (unsigned i = 0; i < AUDIT_FINDS_MAX + 3; i++) {
		note(AUDIT_CREDENTIALS, i, 5);
		audit_take(a, &ev);
	}
	l = audit_lists(a);
	assert_int_equal(l.peers_refused, 7);
	assert_int_equal(l.n_find, AUDIT_FINDS_MAX);
	assert_int_equal(l.finds, AUDIT_FINDS_MAX + 3);
	audit_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_and_application_a_line), cmocka_unit_test(calls_over_what_streams), cmocka_unit_test(who_gets_no_line),
		cmocka_unit_test(restricted_services), cmocka_unit_test(accepted_from_outside),
		cmocka_unit_test(calls_are_counted), cmocka_unit_test(facts_of_skype), cmocka_unit_test(findings),
		cmocka_unit_test(recordings), cmocka_unit_test(the_text_stays_narrow), cmocka_unit_test(nothing_found),
		cmocka_unit_test(the_table_is_bounded), cmocka_unit_test(peers_and_findings_are_bounded),
		cmocka_unit_test(lines_satisfy_the_schema),
	};

	hash_init();
	return cmocka_run_group_tests(tests, NULL, sink_forget);
}
