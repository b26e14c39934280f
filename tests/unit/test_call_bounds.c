/* SPDX-License-Identifier: GPL-3.0-or-later */
/* More calls, and more flows of a call, than are kept. */
#include "event_make.h"

#include "event/calls.h"

/* Hosts of their own, so that nothing but the dialog makes two flows one call. */
static void emit_media(enum event_type type, uint64_t ms, uint64_t id, uint16_t port, uint64_t dialog)
{
	struct event ev;

	make_flow(&ev, type, ms, id, (int)(id % 250), port, 7, (uint16_t)(1024 + id % 60000));
	ev.flow.ip[0] = ip4(10, 9, (int)(id >> 8), (int)(id & 255));
	ev.packets[0] = ev.packets[1] = 500;
	ev.call = dialog;
	ev.voip.cls = CLASS_MEDIA;
	ev.voip.app = APP_RTP;
	ev.voip.bits = 20;
	event_emit(sink, &ev);
}

static void emit_stop(uint64_t ms)
{
	struct event ev;

	make_flow(&ev, EVENT_STOP, ms, 0, 1, 1, 1, 1);
	memset(&ev.counts, 0, sizeof ev.counts);
	event_emit(sink, &ev);
}

static void calls_are_bounded(void **state)
{
	enum { MORE = 100 };

	(void)state;
	sink_open((struct event_conf){ 0 });
	for (uint64_t i = 0; i < CALLS_MAX + MORE; i++)
		emit_media(EVENT_VOIP, i, i + 1, (uint16_t)(2000 + i), 0);
	emit_stop(CALLS_MAX + MORE);
	sink_close();
	assert_in(sink_text, "\"calls_refused\":100"); /* let go or not taken: counted */
}

static void flows_of_a_call_are_bounded(void **state)
{
	(void)state;
	sink_open((struct event_conf){ 0 });
	for (uint64_t i = 0; i < CALL_FLOWS_MAX + 9; i++)
		emit_media(EVENT_VOIP, i, i + 1, (uint16_t)(2000 + i), 77);
	for (uint64_t i = 0; i < CALL_FLOWS_MAX + 9; i++)
		emit_media(EVENT_FLOW, 1000 + i, i + 1, (uint16_t)(2000 + i), 77);
	emit_stop(2000);
	sink_close();
	assert_int_equal(times_in(sink_text, "\"event_type\":\"call\""), 1);
	assert_in(sink_text, "\"flows_more\":9");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_are_bounded),
		cmocka_unit_test(flows_of_a_call_are_bounded),
		cmocka_unit_test(lines_satisfy_the_schema),
	};

	return cmocka_run_group_tests(tests, NULL, sink_forget);
}
