/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bounds that hold for every detector, with a table of detectors made for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "detect/detect.c"
#include "detect/streams.c"

#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"

static unsigned looks;   /* calls of the row under test */

static enum look_result say(struct look *l)
{
	looks++;
	detect_evidence(l, CLASS_MEDIA, APP_RTP, 20, "said", 0, 0);
	return LOOK_MAYBE;
}

static enum look_result unwrap(struct look *l)
{
	looks++;
	detect_inner(l, l->data, l->len, l->wire);
	return LOOK_YES;
}

static struct stream_result one_byte(struct look *l)
{
	(void)l;
	looks++;
	return (struct stream_result){ STREAM_USED, 1, 0 };
}

static struct stream_result too_much(struct look *l)
{
	(void)l;
	looks++;
	return (struct stream_result){ STREAM_MORE, 0, STREAM_BYTES_MAX + 1 };
}

#define STATE_BYTES 700u

static enum look_result keep(struct look *l)
{
	looks++;
	return detect_state(l, STATE_BYTES) != NULL ? LOOK_YES : LOOK_MAYBE;
}

static const struct byte_range any[] = { { 0, 255 }, { 1, 0 } }, x_only[] = { { 'x', 'x' }, { 1, 0 } };

enum { ROW_SAY, ROW_UNVERIFIED = 10, ROW_CAPPED, ROW_UNWRAP, ROW_GIVES_UP, ROW_STREAM, ROW_GREEDY, ROW_KEEPS, ROWS };

#define SAY { .name = "say", .group = GROUP_RTP, .verified = true, .udp = any, .look = say }
const struct detector detectors[] = {
	SAY, SAY, SAY, SAY, SAY, SAY, SAY, SAY, SAY, SAY,
	[ROW_UNVERIFIED] = { .name = "unverified", .group = GROUP_VENDOR, .udp = any, .look = say },
	[ROW_CAPPED] = { .name = "capped", .group = GROUP_CADENCE, .verified = true, .cap_bits = 7, .udp = any, .look = say },
	[ROW_UNWRAP] = { .name = "unwrap", .verified = true, .udp = any, .look = unwrap },
	[ROW_GIVES_UP] = { .name = "gives", .verified = true, .udp = any, .look = say, .give_up_after = 3 },
	[ROW_STREAM] = { .name = "stream", .verified = true, .tcp = x_only, .stream = one_byte },
	[ROW_GREEDY] = { .name = "greedy", .verified = true, .tcp = x_only, .stream = too_much },
	[ROW_KEEPS] = { .name = "keeps", .verified = true, .udp = any, .look = keep },
};
const unsigned n_detectors = ROWS;

uint8_t detect_row_ndpi(void)
{
	return 0;
}

/* --- a flow, and packets on it --- */

struct world {
	struct counts counts;
	struct detect_env env;
	struct flow flow;
	struct frame frame;
};

static int world_open(void **state)
{
	struct world *w = calloc(1, sizeof *w);

	hash_init();
	w->env.counts = &w->counts;
	w->env.watch_budget = budget_new(1 << 20, 1 << 20);
	w->env.stream_budget = budget_new(1 << 20, 1 << 20);
	w->flow.alive = UINT64_MAX;
	w->frame.mono_ns = NS_PER_S;
	*state = w;
	looks = 0;
	return 0;
}

static int world_close(void **state)
{
	struct world *w = *state;

	detect_release(&w->env, &w->flow);
	budget_free(w->env.watch_budget);
	budget_free(w->env.stream_budget);
	free(w);
	return 0;
}

static void packet(struct world *w, uint8_t proto, const void *bytes, uint32_t n)
{
	struct packet pkt = { .frame = &w->frame, .proto = proto, .payload = bytes, .payload_len = n, .payload_wire = n };

	w->flow.key.proto = proto;
	w->flow.dir[0].payloads++;
	detect_packet(&w->env, &w->flow, 0, &pkt);
}

/* Another flow's watch, that goes when asked to. */
struct older {
	struct budget *budget;
	struct addr host;
	void *memory;
	const struct flow *asker;
};

static bool older_goes(void *arg, const struct flow *asker)
{
	struct older *o = arg;

	if (o->memory == NULL)
		return false;
	budget_release(o->budget, &o->host, o->memory, STATE_BYTES);
	o->memory = NULL;
	o->asker = asker;
	return true;
}

/* A flow that only has its watch is deaf. */
static void a_full_budget_makes_room_for_states_too(void **state)
{
	struct world *w = *state;
	struct older o = { .host = { .b = { 9 } } };
	const size_t all = sizeof(struct watch) + STATE_BYTES;

	budget_free(w->env.watch_budget);
	w->env.watch_budget = o.budget = budget_new(all, all);
	o.memory = budget_alloc(o.budget, &o.host, STATE_BYTES);
	detect_init(&w->env, row_bit(ROW_KEEPS));
	packet(w, IPPROTO_UDP, "x", 1);
	assert_null(w->flow.watch->state[ROW_KEEPS]);
	assert_int_equal(w->counts.n[COUNT_WATCH_REFUSED], 1);
	w->env.reclaim = older_goes;
	w->env.arg = &o;
	packet(w, IPPROTO_UDP, "x", 1);
	assert_non_null(w->flow.watch->state[ROW_KEEPS]);
	assert_ptr_equal(o.asker, &w->flow);
	assert_int_equal(w->counts.n[COUNT_WATCH_REFUSED], 1);
}

static void evidence_has_so_many_slots(void **state)
{
	struct world *w = *state;

	detect_init(&w->env, 0x3ff);
	packet(w, IPPROTO_UDP, "x", 1);
	assert_int_equal(looks, 10);
	assert_int_equal(w->flow.watch->n_evidence, EVIDENCE_MAX);
	assert_int_equal(w->counts.n[COUNT_EVIDENCE_REFUSED], 10 - EVIDENCE_MAX);
}

static void what_is_not_verified_names_only(void **state)
{
	struct world *w = *state;

	detect_init(&w->env, row_bit(ROW_UNVERIFIED));
	packet(w, IPPROTO_UDP, "x", 1);
	assert_float_equal(w->flow.watch->evidence[0].bits, UNVERIFIED_BITS, 0.01);
	assert_true(UNVERIFIED_BITS < 10); /* below REPORT_BITS: docs/METHOD.md */
}

static void a_row_adds_no_more_than_its_cap(void **state)
{
	struct world *w = *state;

	detect_init(&w->env, row_bit(ROW_CAPPED));
	packet(w, IPPROTO_UDP, "x", 1);
	assert_float_equal(w->flow.watch->evidence[0].bits, 7, 0.01);
}

static void payloads_in_payloads_are_shown_to_a_depth(void **state)
{
	struct world *w = *state;

	detect_init(&w->env, row_bit(ROW_UNWRAP));
	packet(w, IPPROTO_UDP, "x", 1);
	assert_int_equal(looks, 1 + DEPTH_MAX);
}

static void a_row_that_finds_nothing_gives_up(void **state)
{
	struct world *w = *state;

	detect_init(&w->env, row_bit(ROW_GIVES_UP));
	for (int i = 0; i < 10; i++)
		packet(w, IPPROTO_UDP, "x", 1);
	assert_int_equal(looks, 3);
}

static void a_stream_is_offered_at_its_start_only(void **state)
{
	struct world *w = *state;

	detect_init(&w->env, row_bit(ROW_STREAM));
	for (int i = 0; i < 3; i++) /* four segments of a direction: detect.c */
		packet(w, IPPROTO_TCP, "a", 1);
	assert_int_equal(looks, 0);
	packet(w, IPPROTO_TCP, "x", 1);
	assert_int_equal(looks, 1);
	detect_release(&w->env, &w->flow);
	packet(w, IPPROTO_TCP, "x", 1); /* one too late */
	assert_int_equal(looks, 1);
}

static void a_parser_that_crawls_is_stopped(void **state)
{
	static uint8_t bytes[3 * STREAM_STEPS];
	struct world *w = *state;

	memset(bytes, 'x', sizeof bytes);
	detect_init(&w->env, row_bit(ROW_STREAM));
	packet(w, IPPROTO_TCP, bytes, sizeof bytes);
	assert_int_equal(looks, STREAM_STEPS + 1);
	assert_int_equal(budget_used(w->env.stream_budget), 0);
}

static void a_parser_cannot_ask_for_more_than_is_kept(void **state)
{
	struct world *w = *state;

	detect_init(&w->env, row_bit(ROW_GREEDY));
	packet(w, IPPROTO_TCP, "x", 1);
	assert_int_equal(looks, 1);
	assert_int_equal(budget_used(w->env.stream_budget), 0);
}

#define WITH_WORLD(t) cmocka_unit_test_setup_teardown(t, world_open, world_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_WORLD(a_full_budget_makes_room_for_states_too), WITH_WORLD(evidence_has_so_many_slots),
		WITH_WORLD(what_is_not_verified_names_only),
		WITH_WORLD(a_row_adds_no_more_than_its_cap),
		WITH_WORLD(payloads_in_payloads_are_shown_to_a_depth),
		WITH_WORLD(a_row_that_finds_nothing_gives_up),
		WITH_WORLD(a_stream_is_offered_at_its_start_only),
		WITH_WORLD(a_parser_that_crawls_is_stopped),
		WITH_WORLD(a_parser_cannot_ask_for_more_than_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
