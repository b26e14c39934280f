/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "event_make.h"

static const struct rule rule_block = { .file = "rules/inflight.rules", .line = 9,
	.reason = "no calls on board" };
static const struct rule rule_alert = { .file = "a.rules", .line = 2, .reason = "audit 17" };
static const struct rule rule_mute = { .file = "a \"b\".rules", .line = 3, .reason = "" };
static const struct detector row_ice = { .name = "ice" }, row_rtp = { .name = "rtp" };

static void as_in_the_design(void **state)
{
	static const char *const ifaces[] = { "eth0", "eth1" };
	struct event ev;

	(void)state;
	sink_open((struct event_conf){ .sensor = "gw1", .ifaces = ifaces });
	make_flow(&ev, EVENT_VOIP, 0, 5318008921, 5, 40001, 7, 3478);
	ev.flow.iface = 1;
	ev.voip = (struct event_voip){ .cls = CLASS_ICE, .app = APP_WHATSAPP, .bits = 41.5f,
		.packets = 12, .after_ms = 260, .n_evidence = 2, .evidence = {
			{ .row = &row_ice, .why = "STUN attribute 0x4000 of WhatsApp", .bits = 20 },
			{ .row = &row_rtp, .why = "{0} consecutive sequence numbers, one SSRC", .arg = { 9 },
			  .bits = 21.46f },
		} };
	ev.verdict = (struct verdict){ .action = ACTION_DROP, .rule = &rule_block,
		.reason = rule_block.reason };
	event_emit(sink, &ev);
	assert_string_equal(sink_text,
	    "{\"timestamp\":\"2026-11-21T21:07:00.123456+0000\",\"event_type\":\"voip\",\"schema_version\":1,"
	    "\"sensor\":\"gw1\",\"flow_id\":5318008921,\"in_iface\":\"eth1\",\"src_ip\":\"10.8.1.5\","
	    "\"src_port\":40001,\"dest_ip\":\"198.51.100.7\",\"dest_port\":3478,\"ip_v\":4,\"proto\":\"UDP\","
	    "\"initiator\":\"src\",\"voip\":{\"class\":\"ice\",\"app\":\"whatsapp\",\"bits\":41.5,"
	    "\"tunnelled\":false,\"packets\":12,\"after_ms\":260,\"evidence\":[{\"detector\":\"ice\","
	    "\"bits\":20.0,\"why\":\"STUN attribute 0x4000 of WhatsApp\"},{\"detector\":\"rtp\",\"bits\":21.5,"
	    "\"why\":\"9 consecutive sequence numbers, one SSRC\"}]},\"verdict\":{\"action\":\"drop\","
	    "\"enforced\":false,\"rule\":\"rules/inflight.rules:9\",\"reason\":\"no calls on board\"}}\n");
	sink_close();
}

static void flow_of_no_class(void **state)
{
	struct event ev;

	(void)state;
	sink_open((struct event_conf){ 0 });
	make_flow(&ev, EVENT_FLOW, 5000, 7, 5, 40001, 7, 443);
	ev.file_name = "a b.pcap";
	ev.number = 99;
	ev.flow.first_number = 12;
	ev.flow.proto = 6;
	ev.flow.initiator = -1;
	ev.end = FLOW_END_TCP;
	ev.packets[0] = 3;
	ev.packets[1] = 2;
	ev.bytes[0] = 1500;
	ev.bytes[1] = 70000000000ULL;
	ev.first_wall_ns = T0_WALL;
	ev.last_wall_ns = T0_WALL + 2999 * NS_PER_MS;
	ev.voip.bits = 4;
	event_emit(sink, &ev);
	sink_close();
	assert_in(sink_text, "\"event_type\":\"flow\"");
	assert_in(sink_text, "\"pcap_filename\":\"a b.pcap\",\"pcap_cnt\":12,");
	assert_in(sink_text, "\"proto\":\"TCP\",\"initiator\":null,\"flow\":{\"pkts_toserver\":3,"
	    "\"pkts_toclient\":2,\"bytes_toserver\":1500,\"bytes_toclient\":70000000000,"
	    "\"start\":\"2026-11-21T21:07:00.123456+0000\",\"end\":\"2026-11-21T21:07:03.122456+0000\","
	    "\"age\":2,\"state\":\"closed\"");
	assert_in(sink_text, "\"voip\":{\"class\":null,\"app\":null,\"bits\":4.0},\"verdict\":"
	    "{\"action\":\"pass\",\"enforced\":false,\"rule\":null,\"reason\":null}}\n");
	assert_not_in(sink_text, "call_id");
	assert_not_in(sink_text, "in_iface");
}

static void emit_flow(struct event *ev)
{
	sink_open((struct event_conf){ 0 });
	event_emit(sink, ev);
	sink_close();
}

static void protocols(void **state)
{
	static const struct { uint8_t proto; const char *name; bool ports; } cases[] = {
		{ 1, "ICMP", false }, { 58, "IPv6-ICMP", false }, { 132, "SCTP", true }, { 50, "ESP", false },
		{ 47, "GRE", false }, { 253, "253", false }, { 17, "UDP", true },
	};
	struct event ev;
	char want[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		make_flow(&ev, EVENT_FLOW, 0, 1, 1, 2, 3, 4);
		ev.flow.proto = cases[i].proto;
		emit_flow(&ev);
		snprintf(want, sizeof want, "\"proto\":\"%s\"", cases[i].name);
		assert_in(sink_text, want);
		assert_int_equal(strstr(sink_text, "src_port") != NULL, cases[i].ports);
		assert_int_equal(strstr(sink_text, "dest_port") != NULL, cases[i].ports);
	}
}

static void the_way_is_shown(void **state)
{
	struct event ev;

	(void)state;
	make_flow(&ev, EVENT_FLOW, 0, 1, 1, 2, 3, 4);
	ev.flow.n_vlan = 2;
	ev.flow.vlan[0] = 100;
	ev.flow.vlan[1] = 4095;
	ev.flow.n_tunnel = 1;
	ev.flow.tunnel[0] = (struct tunnel){ .kind = TUNNEL_GTPU, .id = 0xffffffff,
		.ip = { ip4(192, 0, 2, 1), ip4(192, 0, 2, 2) } };
	addr_from_v6(&ev.flow.ip[0], (const uint8_t[16]){ 0x20, 0x01, 0x0d, 0xb8, [15] = 1 });
	ev.flow.ip_v = 6;
	emit_flow(&ev);
	assert_in(sink_text, "\"vlan\":[100,4095],\"tunnel\":[{\"kind\":\"");
	assert_in(sink_text, "\"src_ip\":\"192.0.2.1\",\"dest_ip\":\"192.0.2.2\",\"id\":4294967295}]");
	assert_in(sink_text, "\"src_ip\":\"2001:db8::1\"");
}

static void verdict_is(struct verdict v, const char *want)
{
	struct event ev;

	make_flow(&ev, EVENT_FLOW, 0, 1, 1, 2, 3, 4);
	if (v.reason == NULL)
		v.reason = v.rule != NULL ? v.rule->reason : "";
	ev.verdict = v;
	emit_flow(&ev);
	assert_in(sink_text, want);
}

static void verdicts(void **state)
{
	(void)state;
	verdict_is((struct verdict){ .n_alerts = 1, .alerts = { &rule_alert } },
	    "\"verdict\":{\"action\":\"alert\",\"enforced\":false,\"rule\":\"a.rules:2\","
	    "\"reason\":\"audit 17\"}}");
	verdict_is((struct verdict){ .n_alerts = 2, .alerts = { &rule_alert, &rule_mute } },
	    "\"action\":\"alert\",\"enforced\":false,\"rule\":\"a.rules:2\",\"reason\":\"audit 17\","
	    "\"alerts\":[{\"rule\":\"a.rules:2\",\"reason\":\"audit 17\"},"
	    "{\"rule\":\"a \\\"b\\\".rules:3\",\"reason\":null}]}}");
	verdict_is((struct verdict){ .action = ACTION_DROP, .rule = &rule_block, .n_alerts = 1,
	    .alerts = { &rule_alert } },
	    "\"action\":\"drop\",\"enforced\":false,\"rule\":\"rules/inflight.rules:9\","
	    "\"reason\":\"no calls on board\",\"alerts\":[{\"rule\":\"a.rules:2\",");
	verdict_is((struct verdict){ .reason = "emergency call", .n_alerts = 1, .alerts = { &rule_alert } },
	    "\"action\":\"pass\",\"enforced\":false,\"rule\":null,\"reason\":\"emergency call\",\"alerts\":[");
	verdict_is((struct verdict){ .action = ACTION_DROP, .rule = &rule_mute,
	    .reject = REJECT_SERVER }, "\"rule\":\"a \\\"b\\\".rules:3\",\"reason\":null,"
	    "\"reject\":[\"icmp-prohib\"],\"reject_target\":\"to_server\"}}");
}

static void status_events(void **state)
{
	static struct event ev;

	(void)state;
	sink_open((struct event_conf){ .sensor = "s\"1" });
	ev = (struct event){ .type = EVENT_START, .rules = 3 };
	event_emit(sink, &ev);
	assert_in(sink_text, "\"sensor\":\"s\\\"1\",\"start\":{\"version\":\"" SQUELCH_VERSION "\",\"rules\":3}");
	ev = (struct event){ .type = EVENT_STOP, .wall_ns = T0_WALL, .counts.n[COUNT_PACKETS] = 77 };
	event_emit(sink, &ev);
	assert_in(sink_text, "\"event_type\":\"stop\"");
	assert_in(sink_text, "\"stats\":{\"squelch\":{\"packets\":77,");
	assert_in(sink_text, "\"calls\":0,");
	sink_close();
}

/* The writer may be on a full disk: the program must learn of it. */
static void a_failed_write_is_told(void **state)
{
	FILE *full = fopen("/dev/full", "w");
	struct event ev;
	int error;

	(void)state;
	if (full == NULL)
		skip();
	sink = event_sink_new(&(struct event_conf){ .eve = full });
	assert_true(event_ok(sink, &error));
	make_flow(&ev, EVENT_VOIP, 0, 1, 1, 2, 3, 4);
	event_emit(sink, &ev);
	assert_false(event_ok(sink, &error));
	assert_int_not_equal(error, 0);
	event_sink_free(sink);
	fclose(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_in_the_design), cmocka_unit_test(flow_of_no_class),
		cmocka_unit_test(protocols), cmocka_unit_test(the_way_is_shown), cmocka_unit_test(verdicts),
		cmocka_unit_test(status_events), cmocka_unit_test(a_failed_write_is_told),
		cmocka_unit_test(lines_satisfy_the_schema),
	};

	hash_init();
	return cmocka_run_group_tests(tests, NULL, sink_forget);
}
