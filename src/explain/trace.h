/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_EXPLAIN_TRACE_H
#define SQUELCH_EXPLAIN_TRACE_H

#include <stdio.h>

#include "event/event.h"

/* All that is kept of one flow while the engine reads it. */

#define TRACE_SAMPLES 200000  /* packets with payload kept for the plots: over half an hour of a call both ways */
#define TRACE_STEPS   60      /* lines of the time line; later ones are counted */

struct trace_sample {
	uint64_t ns;              /* since the flow's first packet */
	uint16_t size;            /* payload bytes on the wire, at most 65535 */
	uint8_t dir;              /* 0 from the source of events */
};

enum trace_what { TRACE_EVIDENCE, TRACE_DECISION };

struct trace_step {
	enum trace_what what;
	uint64_t ns;              /* since the flow's first packet */
	uint32_t packet;          /* of the flow, from 1 */
	/* EVIDENCE */
	struct evidence now;
	float before;             /* bits it had */
	bool fresh;               /* it had none */
	/* DECISION: what is said from now on */
	enum voip_class cls;
	enum app app;
	float bits;
	struct verdict verdict;
};

/* A row, by what it did with this flow. */
enum trace_row { TRACE_ROW_UNASKED, TRACE_ROW_FOUND, TRACE_ROW_LOOKING, TRACE_ROW_ENDED };

struct trace {
	uint32_t number;          /* flow_ordinal of the flow that is followed */
	uint64_t enabled;         /* detectors that take part, as detect_select tells them */
	bool seen, ended;
	struct event_flow flow;
	struct event last;        /* its FLOW event */
	uint64_t first_wall_ns;
	uint32_t packets;
	bool merged;              /* super-packets: gaps mean nothing */
	struct trace_sample *sample;
	uint32_t n_sample, room;
	uint64_t samples_left;    /* past TRACE_SAMPLES */
	struct trace_step step[TRACE_STEPS];
	unsigned n_step;
	uint64_t steps_left;      /* past TRACE_STEPS */
	struct evidence evidence[EVIDENCE_MAX];
	unsigned n_evidence;
	enum trace_row row[DETECTORS_MAX];
	char *rows;               /* what detect_explain printed */
	size_t rows_len;
};

/* Of the flow of this flow_ordinal. NULL without memory. */
struct trace *trace_new(uint32_t number);
void trace_free(struct trace *);
/* The engine's on_event and on_look; `arg` is the trace. */
void trace_event(void *arg, const struct event *);
void trace_look(void *arg, const struct flow *, int dir, const struct packet *);

#endif
