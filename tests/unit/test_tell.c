/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The lines for people: a decision, a call that ended, and strangers who would steer a terminal. */
#include "event_make.h"

static char *page;
static size_t page_len;
static FILE *out;
static struct event ev;
static const struct rule rule = { .file = "r", .line = 1, .reason = "no calls on board" };

static int begin(void **state)
{
	(void)state;
	out = open_memstream(&page, &page_len);
	sink = event_sink_new(&(struct event_conf){ .tell = out });
	assert_non_null(sink);
	return 0;
}

static int end(void **state)
{
	(void)state;
	event_sink_free(sink);
	fclose(out);
	free(page);
	return 0;
}

static const char *said(void)
{
	event_flush(sink);
	for (size_t i = 0; i < page_len; i++)
		assert_true(page[i] == '\n' || (page[i] >= ' ' && page[i] < 0x7f));
	return page;
}

static void sip(uint64_t ms, enum call_phase phase, const char *from)
{
	make_flow(&ev, EVENT_SIGNAL, ms, 1, 5, 5060, 1, 5060);
	ev.signal = (struct call_signal){ .call = 7, .phase = phase, .app = APP_SIP, .from_caller = true, .to = "sip:bob@example.org" };
	snprintf(ev.signal.from, sizeof ev.signal.from, "%s", from);
	strcpy(ev.signal.id, "id-7");
	event_emit(sink, &ev);
}

static void a_call_from_begin_to_end(void **state)
{
	(void)state;
	event_emit(sink, &(struct event){ .type = EVENT_START, .mono_ns = NS_PER_S, .wall_ns = T0_WALL });
	sip(0, CALL_SETUP, "sip:a\x1b[2Jnn@example.org");
	make_flow(&ev, EVENT_VOIP, 100, 2, 5, 40000, 9, 30000);
	ev.voip.cls = CLASS_MEDIA;
	ev.voip.app = APP_RTP;
	ev.voip.bits = 36;
	ev.call = 7;
	ev.verdict = (struct verdict){ .action = ACTION_DROP, .rule = &rule, .reason = rule.reason };
	event_emit(sink, &ev);
	assert_non_null(strstr(said(), "UTC "));
	assert_non_null(strstr(said(), "media       rtp            36.0  drop     udp 10.8.1.5:40000 -> 198.51.100.9:30000  # no calls on board\n"));
	assert_null(strstr(said(), "ended"));
	sip(2100, CALL_ENDED, "sip:ann@example.org");
	make_flow(&ev, EVENT_FLOW, 2200, 2, 5, 40000, 9, 30000);
	ev.voip.cls = CLASS_MEDIA;
	ev.voip.app = APP_RTP;
	ev.call = 7;
	ev.verdict = (struct verdict){ .action = ACTION_DROP, .rule = &rule, .reason = rule.reason };
	event_emit(sink, &ev);
	event_emit(sink, &(struct event){ .type = EVENT_STOP, .mono_ns = 60 * NS_PER_S, .wall_ns = T0_WALL });
	assert_non_null(strstr(said(), "  ended       sip"));
	assert_non_null(strstr(said(), "a?[2Jnn@example.org -> bob@example.org, 2.1 s  # no calls on board\n"));
}

static void addresses_have_their_ports(void **state)
{
	char text[PLACE_TEXT_LEN];
	struct addr v4 = ip4(192, 0, 2, 1), v6;

	(void)state;
	assert_true(addr_parse("2001:db8::1", 11, &v6));
	assert_string_equal(place_text(&v4, 5060, text), "192.0.2.1:5060");
	assert_string_equal(place_text(&v6, 65535, text), "[2001:db8::1]:65535");
	assert_string_equal(place_text(&v4, 0, text), "192.0.2.1");
	assert_string_equal(place_text(&v6, 0, text), "2001:db8::1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_call_from_begin_to_end, begin, end),
		cmocka_unit_test(addresses_have_their_ports),
	};

	hash_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
