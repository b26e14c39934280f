/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <netinet/in.h>

#include "base/clock.h"
#include "base/hash.h"
#include "explain/pick.h"
#include "explain/plot.h"
#include "explain/trace.h"

/* --- which flow --- */

static struct addr addr_of(const char *text)
{
	struct addr a;

	assert_true(addr_parse(text, strlen(text), &a));
	return a;
}

static void flows_are_named(void **state)
{
	struct pick_want w;

	(void)state;
	assert_true(pick_parse("7", &w) && w.number == 7 && w.n_end == 0);
	assert_true(pick_parse("9007194959773697", &w) && w.number == (uint32_t)9007194959773697ull); /* a flow_id */
	assert_true(pick_parse("udp 10.0.0.5:4000 198.51.100.7", &w));
	assert_true(w.proto == IPPROTO_UDP && w.n_end == 2 && w.end[0].port == 4000 && w.end[1].port == 0);
	assert_true(pick_parse("[2001:db8::1]:5060,TCP", &w) && w.proto == IPPROTO_TCP && w.end[0].port == 5060);
	assert_true(pick_parse("2001:db8::1", &w) && w.n_end == 1 && w.end[0].port == 0);
	assert_true(pick_parse("sctp", &w) && w.proto == IPPROTO_SCTP && w.n_end == 0);
}

static void names_that_are_none(void **state)
{
	static const char *const wrong[] = { "", " ", "0", "-1", "7x", "10.0.0.5:0", "10.0.0.5:65536", "10.0.0.5:1x", "udp tcp",
		"1.2.3.4 1.2.3.5 1.2.3.6", "[1.2.3.4:5", "[]:5", "10.0.0", "18446744073709551616", "4294967296" };
	struct pick_want w;

	(void)state;
	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
		if (pick_parse(wrong[i], &w))
			fail_msg("\"%s\" was taken for a flow", wrong[i]);
}

static struct event flow_event(uint32_t number, enum voip_class cls, float bits, uint32_t packets)
{
	struct event ev = { .type = EVENT_FLOW };

	ev.flow = (struct event_flow){ .id = (1ull << 40) + number, .ip = { addr_of("10.0.0.5"), addr_of("198.51.100.7") },
		.port = { (uint16_t)(1000 + number), 53 }, .proto = IPPROTO_UDP };
	ev.voip.cls = cls;
	ev.voip.bits = bits;
	ev.packets[0] = packets;
	return ev;
}

static void the_most_interesting_comes_first(void **state)
{
	struct picks *p = calloc(1, sizeof *p);

	(void)state;
	for (uint32_t i = 1; i <= 2 * PICK_CARDS; i++) {
		const struct event ev = flow_event(i, i == 13 ? CLASS_MEDIA : CLASS_NONE, i == 15 ? 8 : 0, i);

		picks_event(p, &ev);
	}
	assert_int_equal(p->n_card, PICK_CARDS);
	assert_int_equal(p->wanted, 2 * PICK_CARDS);
	assert_int_equal(flow_ordinal(p->card[0].flow.id), 13); /* by class */
	assert_int_equal(flow_ordinal(p->card[1].flow.id), 15); /* by bits */
	assert_int_equal(flow_ordinal(p->card[2].flow.id), 20); /* by packets */
	assert_int_equal(flow_ordinal(p->card[PICK_CARDS - 1].flow.id), 11);
	free(p);
}

static void only_what_is_wanted(void **state)
{
	static const struct { const char *want; unsigned found; } cases[] = {
		{ "3", 1 }, { "10.0.0.5", 4 }, { "198.51.100.7:53", 4 }, { "198.51.100.7:54", 0 }, { "udp", 4 }, { "tcp", 0 },
		{ "198.51.100.7 10.0.0.5:1002", 1 }, { "10.0.0.5 10.0.0.5", 0 }, { "tcp 10.0.0.5", 0 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct picks *p = calloc(1, sizeof *p);

		assert_true(pick_parse(cases[i].want, &p->want));
		for (uint32_t n = 1; n <= 4; n++) {
			const struct event ev = flow_event(n, CLASS_NONE, 0, 1);

			picks_event(p, &ev);
		}
		if (p->n_card != cases[i].found)
			fail_msg("%s: %u flows", cases[i].want, p->n_card);
		free(p);
	}
}

/* --- clocks --- */

#define TICKS 500

static float grid_of(const uint64_t *ns, double ms)
{
	uint32_t used;

	return plot_on_grid(ns, TICKS, (uint64_t)(ms * 1e6), &used);
}

static void a_clock_lies_on_its_own_grid(void **state)
{
	uint64_t ns[TICKS];

	(void)state;
	for (unsigned i = 0; i < TICKS; i++)
		ns[i] = i * 20 * NS_PER_MS + hash_bytes(&i, sizeof i) % (3 * NS_PER_MS);
	assert_true(grid_of(ns, 20) > 0.9f);
	assert_true(grid_of(ns, 30) < 0.2f);
	assert_true(grid_of(ns, 40) < 0.2f);
	assert_true(grid_of(ns, 1000 / 60.) < 0.2f);
}

/* Two sound cards differ by some 100 ppm: over minutes the phase wanders all around. */
static void drift_does_not_hide_a_clock(void **state)
{
	uint64_t ns[TICKS];

	(void)state;
	for (unsigned i = 0; i < TICKS; i++)
		ns[i] = i * 20002000ull;
	assert_true(grid_of(ns, 20) > 0.95f);
}

static void chance_has_no_clock(void **state)
{
	uint64_t ns[TICKS], now = 0;

	(void)state;
	for (unsigned i = 0; i < TICKS; i++)
		ns[i] = now += hash_bytes(&i, sizeof i) % (40 * NS_PER_MS);
	for (unsigned ms = 10; ms <= 60; ms += 10)
		assert_true(grid_of(ns, ms) < 0.25f);
}

static void few_packets_have_none(void **state)
{
	uint64_t ns[9] = { 0 };
	uint32_t used;

	(void)state;
	assert_true(plot_on_grid(ns, 9, 20 * NS_PER_MS, &used) == 0);
	assert_int_equal(used, 0);
	assert_true(plot_on_grid(ns, 0, 20 * NS_PER_MS, &used) == 0);
}

/* --- the time line is bounded, and so are samples --- */

static void changes_past_the_last_line_are_counted(void **state)
{
	struct trace *t = trace_new(1);
	struct event ev = flow_event(1, CLASS_MEDIA, 20, 1);

	(void)state;
	ev.type = EVENT_VOIP;
	for (unsigned i = 0; i < TRACE_STEPS + 5; i++)
		trace_event(t, &ev);
	assert_int_equal(t->n_step, TRACE_STEPS);
	assert_int_equal(t->steps_left, 5);
	ev.flow.id++;
	trace_event(t, &ev); /* another flow's */
	assert_int_equal(t->steps_left, 5);
	trace_free(t);
}

static void plots_stay_narrow(void **state)
{
	struct trace *t = trace_new(1);
	char *page = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&page, &len);

	(void)state;
	t->sample = calloc(1000, sizeof *t->sample);
	t->n_sample = 1000;
	for (uint32_t i = 0; i < 1000; i++)
		t->sample[i] = (struct trace_sample){ .ns = i * (uint64_t)i * 1000000, .size = (uint16_t)(i * 65), .dir = i & 1 };
	plot_rate(t, out);
	plot_sizes(t, out);
	plot_gaps(t, out);
	plot_clock(t, out);
	fclose(out);
	for (char *line = strtok(page, "\n"); line != NULL; line = strtok(NULL, "\n"))
		if (strlen(line) > PLOT_WIDTH)
			fail_msg("%zu columns: %s", strlen(line), line);
	free(page);
	trace_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flows_are_named), cmocka_unit_test(names_that_are_none),
		cmocka_unit_test(the_most_interesting_comes_first), cmocka_unit_test(only_what_is_wanted),
		cmocka_unit_test(a_clock_lies_on_its_own_grid), cmocka_unit_test(drift_does_not_hide_a_clock),
		cmocka_unit_test(chance_has_no_clock), cmocka_unit_test(few_packets_have_none),
		cmocka_unit_test(changes_past_the_last_line_are_counted), cmocka_unit_test(plots_stay_narrow),
	};

	hash_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
