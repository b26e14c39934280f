/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "event_make.h"

#define COLUMNS 100

static const struct rule rule_block = { .file = "r", .line = 1, .reason = "no calls on board" };
static struct event ev;
static char *page;

static int begin(void **state)
{
	(void)state;
	sink = event_sink_new(&(struct event_conf){ .summary = true });
	assert_non_null(sink);
	return 0;
}

static int end(void **state)
{
	(void)state;
	event_sink_free(sink);
	free(page);
	page = NULL;
	return 0;
}

/* Ends the run and prints; no line may be wider than a terminal or hold what a terminal obeys. */
static void print(uint64_t packets)
{
	const char *line, *next;
	size_t len, i;
	FILE *out;

	ev = (struct event){ .type = EVENT_STOP, .mono_ns = 3600 * NS_PER_S, .wall_ns = T0_WALL };
	ev.counts.n[COUNT_PACKETS] = packets;
	ev.counts.n[COUNT_TRUNCATED] = packets / 2;
	event_emit(sink, &ev);
	out = open_memstream(&page, &len);
	event_summary(sink, out);
	fclose(out);
	for (line = page; (next = strchr(line, '\n')) != NULL; line = next + 1)
		if (next - line > COLUMNS)
			fail_msg("too wide: %.*s", (int)(next - line), line);
	for (i = 0; i < len; i++)
		assert_true(page[i] == '\n' || (page[i] >= ' ' && page[i] < 0x7f));
}

static void flow(uint64_t id, int host, int peer, enum voip_class cls, enum app app, uint64_t bytes)
{
	make_flow(&ev, EVENT_FLOW, id * 1000, id, host, 40000, peer, 30000);
	ev.voip.cls = cls;
	ev.voip.app = app;
	ev.voip.bits = 33.3f;
	ev.packets[0] = 10;
	ev.bytes[1] = bytes;
}

static void nothing_at_all(void **state)
{
	(void)state;
	print(0);
	assert_string_equal(page, "0 packets, 0 flows, 0 B\n\nNo calls found.\n");
}

static void no_calls(void **state)
{
	(void)state;
	flow(1, 5, 9, CLASS_NONE, APP_NONE, 1500);
	event_emit(sink, &ev);
	flow(2, 5, 8, CLASS_CONTROL, APP_WHATSAPP, 2500000);
	event_emit(sink, &ev);
	print(20);
	assert_in(page, "20 packets, 2 flows, 2.5 MB, 2026-11-21 21:07:01 to 2026-11-21 21:07:02 UTC\n\n"
	    "No calls found.\n");
	assert_in(page, "whatsapp                  1           10     2.5 MB\n"
	    "(other)                   1           10     1.5 kB\n");
	assert_in(page, "10.8.1.5                                      0          2     2.5 MB\n");
	assert_in(page, "          10  headers cut short");
	assert_not_in(page, "20  frames"); /* only what was refused or lost */
}

static void a_call(void **state)
{
	(void)state;
	make_flow(&ev, EVENT_SIGNAL, 0, 1, 5, 5060, 1, 5060);
	ev.signal = (struct call_signal){ .call = 4, .phase = CALL_SETUP, .app = APP_SIP,
		.from_caller = true, .sos = true, .id = "z", .from = "sip:\x1b[31mann@a.very.long.example.org",
		.to = "sip:bob@x" };
	event_emit(sink, &ev);
	flow(2, 5, 9, CLASS_MEDIA, APP_RTP, 100);
	ev.call = 4;
	ev.verdict = (struct verdict){ .action = ACTION_DEGRADE, .rule = &rule_block,
		.reason = rule_block.reason };
	ev.n_media[0] = 1;
	ev.media[0][0] = (struct media_stats){ .payload_type = 0, .packets = 50, .expected = 100,
		.lost = 50, .clock_hz = 8000, .jitter_ms = 123456 };
	event_emit(sink, &ev);
	print(1);
	assert_in(page, "Calls: 1\n");
	assert_in(page, "11-21 21:07:00    2.0 ?[31mann@a.ve.. -> bob@x           sip/PCMU ");
	assert_in(page, " 33.3 50.0%  >9999 degrade sos\n");
	assert_in(page, "  degrade        1  no calls on board\n");
	assert_in(page, "10.8.1.5                                      1 ");
}

static void in_order_of_time(void **state)
{
	const char *a, *b;

	(void)state;
	flow(9, 7, 9, CLASS_MEDIA, APP_RTP, 100);
	event_emit(sink, &ev);
	flow(3, 6, 8, CLASS_MEDIA, APP_RTP, 100);
	event_emit(sink, &ev);
	print(1);
	a = strstr(page, "10.8.1.6        <> 198.51.100.8");
	b = strstr(page, "10.8.1.7        <> 198.51.100.9");
	assert_true(a != NULL && b != NULL && a < b);
}

/* More hosts and calls than are kept: counted, and the busiest of those kept are shown. */
static void bounds(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < 10000; i++) {
		flow(i + 1, 0, 9, CLASS_MEDIA, APP_RTP, i);
		ev.flow.ip[0] = ip4(10, 9, (int)(i >> 8), (int)(i & 255));
		ev.mono_ns += i * 60 * NS_PER_S; /* each call ends before the next */
		event_emit(sink, &ev);
	}
	print(1);
	assert_in(page, "Calls: 10000\n");
	assert_in(page, "... and 9000 more\n");
	assert_in(page, "Hosts");
	assert_in(page, "... and 8182 more\n");
	assert_in(page, "past the 8192 kept was left out");
}

/* REASONS_MAX (summary_kept.h): the calls of further reasons are counted as calls alone. */
static void reasons_are_bounded(void **state)
{
	static struct rule rules[20];

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		static char why[20][8];

		sprintf(why[i], "why %02u", i);
		rules[i] = (struct rule){ .file = "r", .line = 1, .reason = why[i] };
		flow(i + 1, 0, 9, CLASS_MEDIA, APP_RTP, i);
		ev.flow.ip[0] = ip4(10, 9, 0, (int)i);
		ev.mono_ns += i * 60 * NS_PER_S;
		ev.verdict = (struct verdict){ .action = ACTION_DROP, .rule = &rules[i], .reason = rules[i].reason };
		event_emit(sink, &ev);
	}
	print(1);
	assert_in(page, "Calls: 20\n");
	assert_in(page, "why 15\n");
	assert_null(strstr(page, "why 16\n"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		T(nothing_at_all), T(no_calls), T(a_call), T(in_order_of_time), T(bounds), T(reasons_are_bounded),
	};

	hash_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
