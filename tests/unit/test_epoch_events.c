/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What events say of file and time when one file follows another. */
#include "event_make.h"

#include <pcap/dlt.h>

#include "engine.h"
#include "packet_build.h"

struct step {
	enum source_next next;
	const char *file;         /* the source's file once this step was asked for */
	uint64_t at_ns;
};

struct steps {
	struct source base;
	const struct step *step;
	struct build packet;
};

static enum source_next steps_next(struct source *base, struct frame *frame)
{
	struct steps *s = (struct steps *)base;
	const struct step *step = s->step++;

	base->file_name = step->file;
	*frame = (struct frame){ .mono_ns = step->at_ns, .wall_ns = T0_WALL + step->at_ns, .number = 1,
		.data = s->packet.p, .caplen = (uint32_t)s->packet.n, .len = (uint32_t)s->packet.n, .link = DLT_RAW };
	return step->next;
}

/* Runs the steps (the last is SOURCE_END) and leaves the events in sink_text. */
static void run(const struct step *step)
{
	static const struct source_ops ops = { steps_next, NULL };
	static struct steps s;
	struct engine_conf conf = engine_conf_default();
	struct policy *policy = policy_default();
	struct engine *engine;

	s.base = (struct source){ .ops = &ops };
	s.step = step;
	build_begin(&s.packet, "hello", 5);
	build_udp(&s.packet, 40001, 50001);
	build_ip4(&s.packet, 17, "192.0.2.1", "198.51.100.7");
	conf.max_flows = 64;
	sink_open((struct event_conf){ 0 });
	engine = engine_new(&conf, policy, sink);
	assert_non_null(engine);
	assert_int_equal(engine_run(engine, &s.base, NULL), 0);
	sink_close();
	engine_free(engine);
	policy_free(policy);
}

/* The source knows the next file, or none, when the flows of the one before end. */
static void flows_name_the_file_they_came_from(void **state)
{
	static const struct step steps[] = {
		{ SOURCE_EPOCH, "one.pcap", 0 }, { SOURCE_FRAME, "one.pcap", NS_PER_S },
		{ SOURCE_EPOCH, "two.pcap", 0 }, { SOURCE_FRAME, "two.pcap", 9 * NS_PER_S },
		{ SOURCE_END, NULL, 0 },
	};

	(void)state;
	run(steps);
	assert_int_equal(times_in(sink_text, "\"event_type\":\"flow\""), 2);
	assert_int_equal(times_in(sink_text, "\"pcap_filename\":\"one.pcap\""), 1);
	assert_int_equal(times_in(sink_text, "\"pcap_filename\":\"two.pcap\""), 1);
}

/* "start" has the time of the first packet: before it the engine has no clock. */
static void start_has_the_time_of_the_first_stamp(void **state)
{
	static const struct step frame[] = { { SOURCE_FRAME, NULL, 2 * NS_PER_S }, { SOURCE_END, NULL, 0 } };
	static const struct step tick[] = { { SOURCE_TICK, NULL, 2 * NS_PER_S }, { SOURCE_END, NULL, 0 } };

	(void)state;
	run(frame);
	assert_in(sink_text, "{\"timestamp\":\"2026-11-21T21:07:02.123456+0000\",\"event_type\":\"start\"");
	run(tick);
	assert_in(sink_text, "{\"timestamp\":\"2026-11-21T21:07:02.123456+0000\",\"event_type\":\"start\"");
}

/* Two files are one run, and a run without a packet has a start too. */
static void one_start_a_run(void **state)
{
	static const struct step files[] = {
		{ SOURCE_FRAME, "one.pcap", NS_PER_S }, { SOURCE_EPOCH, "two.pcap", 0 },
		{ SOURCE_FRAME, "two.pcap", NS_PER_S }, { SOURCE_END, NULL, 0 },
	};
	static const struct step nothing[] = { { SOURCE_END, NULL, 0 } };

	(void)state;
	run(files);
	assert_int_equal(times_in(sink_text, "\"event_type\":\"start\""), 1);
	run(nothing);
	assert_int_equal(times_in(sink_text, "\"event_type\":\"start\""), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flows_name_the_file_they_came_from),
		cmocka_unit_test(start_has_the_time_of_the_first_stamp),
		cmocka_unit_test(one_start_a_run),
		cmocka_unit_test(lines_satisfy_the_schema),
	};

	return cmocka_run_group_tests(tests, NULL, sink_forget);
}
