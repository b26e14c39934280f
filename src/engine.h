/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_ENGINE_H
#define SQUELCH_ENGINE_H

#include "base/count.h"
#include "detect/ndpi.h"
#include "detect/skype_host.h"
#include "detect/skype_role.h"
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
	float report_bits, act_bits;
	uint64_t detectors;        /* bits of detect_select */
	enum ndpi_mode ndpi;
	size_t ndpi_bytes;
	bool enforce;              /* verdicts are carried out, not only reported */
	/* Shared with other engines, which must have the same clock; NULL: its own. */
	struct facts *facts;
	struct skype_hosts *skype;
	struct roles *roles;
	struct limits *limits;
	/* The kernel must no longer decide by itself what happens to this flow (rules changed). */
	void (*on_unmark)(void *arg, const struct flow_key *);
	/* Takes events in place of the sink; NULL: the sink does. */
	void (*on_event)(void *arg, const struct event *);
	/* Looks on: each packet of a flow once it is judged, and with NULL the flow's end, while it still holds all; or NULL. */
	void (*on_look)(void *arg, const struct flow *, int dir, const struct packet *);
	void *arg;
};

/* What becomes of one packet. */
struct fate {
	bool drop;
	bool final;                /* the same for all that follow: the kernel may do it unasked */
	bool watch;                /* not final any more: the kernel must ask about all that follow */
	bool from_source;          /* sent by the end that opened the flow */
	enum reject_target reject; /* who is told; only with drop */
};

/* Defaults; each is explained where it is set (engine.c). */
struct engine_conf engine_conf_default(void);

struct engine;

/* `policy` and `sink` must outlive the engine; `sink` is NULL with on_event. NULL without memory. */
struct engine *engine_new(const struct engine_conf *, const struct policy *, struct event_sink *);
void engine_free(struct engine *);
/* Reads the source to its end, or until *stop. Returns the number of errors the source reported. */
unsigned engine_run(struct engine *, struct source *, const volatile int *stop);
/* The same packet by packet, for sources that want to know the fate of each. */
void engine_begin(struct engine *, struct source *);
struct fate engine_packet(struct engine *, const struct frame *);
void engine_tick(struct engine *, struct frame *);
void engine_end(struct engine *);
/* Other rules from now on: every live flow is judged anew. The old ones may go once their events are written. */
void engine_set_policy(struct engine *, const struct policy *);
const struct counts *engine_counts(const struct engine *);
/* With what the source lost. */
struct counts engine_counts_now(const struct engine *);

/* --- for those who look on (ctl): between packets, on the engine's own thread --- */

/* A live flow, as its event would tell it; owns nothing of the engine. */
struct engine_flow {
	struct event_flow flow;
	enum voip_class cls;
	enum app app;
	float bits;
	enum action action;
	uint32_t packets[2];       /* from the source, from the destination */
	uint64_t bytes[2];
	uint64_t first_wall_ns;
};
/* False: enough of them. */
typedef bool engine_flow_fn(void *arg, const struct engine_flow *);
void engine_each(const struct engine *, engine_flow_fn *, void *arg);
/* Cuts flows by their ids from now on, but for emergency calls. Returns how many. */
unsigned engine_kill(struct engine *, const uint64_t ids[], unsigned n);
/* A stats event now. */
void engine_stats(struct engine *);

#endif
