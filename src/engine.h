/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_ENGINE_H
#define SQUELCH_ENGINE_H

#include "base/count.h"
#include "detect/ndpi.h"
#include "event/event.h"
#include "policy/policy.h"
#include "source/source.h"

/* The pipeline: source -> packet -> flow -> detect -> judge -> policy -> event. One thread. */

struct engine_conf {
	uint32_t max_flows;
	size_t watch_bytes, watch_bytes_per_host;
	size_t stream_bytes, stream_bytes_per_host;
	size_t fragment_bytes;
	uint32_t max_facts, max_facts_per_host;
	float report_bits;
	uint32_t detectors;        /* bits of detect_select */
	enum ndpi_mode ndpi;
	size_t ndpi_bytes;
	bool enforce;              /* verdicts are carried out, not only reported */
};

/* Defaults; each is explained where it is set (engine.c). */
struct engine_conf engine_conf_default(void);

struct engine;

/* `policy` and `sink` must outlive the engine. NULL without memory. */
struct engine *engine_new(const struct engine_conf *, const struct policy *, struct event_sink *);
void engine_free(struct engine *);
/* Reads the source to its end, or until *stop. Returns the number of errors the source reported. */
unsigned engine_run(struct engine *, struct source *, const volatile int *stop);
const struct counts *engine_counts(const struct engine *);

#endif
