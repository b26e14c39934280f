/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_TESTS_ENFORCE_BENCH_H
#define SQUELCH_TESTS_ENFORCE_BENCH_H

#include <netinet/in.h>
#include <pcap/dlt.h>
#include <stdio.h>

#include "base/clock.h"
#include "detect/detect.h"
#include "engine.h"
#include "packet_build.h"

#define WALL_NS (1767614400 * NS_PER_S) /* 2026-01-05 12:00 UTC */

/* An engine that enforces rules inline, and the fate of packets of one flow. */
struct enforced {
	struct policy *rules;
	struct engine *engine;
};

static inline void enforced_no_event(void *arg, const struct event *ev)
{
	(void)arg;
	(void)ev;
}

/* `detect` as for --detect. */
static inline struct enforced enforced_start(const char *rules, const char *detect)
{
	struct engine_conf conf = engine_conf_default();
	struct enforced e = { .rules = policy_parse(rules, "test", stderr) };
	char bad[32];

	assert_non_null(e.rules);
	assert_true(detect_select(detect, &conf.detectors, bad));
	conf.ndpi = NDPI_OFF;
	conf.enforce = true;
	conf.on_event = enforced_no_event;
	conf.max_flows = 64;
	e.engine = engine_new(&conf, e.rules, NULL);
	assert_non_null(e.engine);
	engine_begin(e.engine, NULL);
	return e;
}

static inline void enforced_stop(struct enforced *e)
{
	engine_end(e->engine);
	engine_free(e->engine);
	policy_free(e->rules);
}

/* The fate of a packet, so long after the first. */
static inline struct fate enforced_payload(struct enforced *e, uint8_t proto, const uint8_t *bytes, size_t payload, uint64_t us)
{
	static struct build b;
	struct frame f;

	build_begin(&b, bytes, payload);
	if (proto == IPPROTO_UDP)
		build_udp(&b, 4000, 5000);
	else
		build_tcp(&b, 4000, 5000, 0x18);
	build_ip4(&b, proto, "192.0.2.10", "198.51.100.20");
	f = (struct frame){ .data = b.p, .caplen = (uint32_t)b.n, .len = (uint32_t)b.n, .number = 1, .link = DLT_RAW,
		.mono_ns = NS_PER_S + us * NS_PER_US, .wall_ns = WALL_NS + us * NS_PER_US };
	return engine_packet(e->engine, &f);
}

/* The same, of zeros. */
static inline struct fate enforced_packet(struct enforced *e, uint8_t proto, size_t payload, uint64_t us)
{
	static const uint8_t bytes[1400];

	return enforced_payload(e, proto, bytes, payload, us);
}

#endif
