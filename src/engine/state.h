/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_ENGINE_STATE_H
#define SQUELCH_ENGINE_STATE_H

#include "engine.h"
#include "engine/limits.h"
#include "flow/facts.h"
#include "flow/flow.h"

/* What the parts of the engine share; nobody else includes this. */

/*
 * Packets are taken several at a time where the source allows it: each is
 * decoded when it comes, and by its turn its flow is in the cache. 400,000 flows
 * fit into no cache, and to wait for memory cost more than any detector.
 */
#define ARRIVALS_MAX 16
#define PREFETCH_AHEAD 6      /* arrivals between asking for a flow and needing it */
#define WATCH_AHEAD    3      /* and between that and asking for its watch */

/* A packet that was decoded and waits for its turn. */
struct arrival {
	struct frame frame;
	struct packet pkt;
	struct flow_seek seek;
	const struct flow *expected; /* its flow as it seems before those in front of it are done; NULL none. For prefetching only */
	bool decoded;             /* pkt and seek are set */
};

struct engine {
	struct engine_conf conf;
	const struct policy *policy;
	struct event_sink *sink;
	struct counts counts;
	struct flow_table *table;
	struct frags *frags;
	struct facts *facts;
	struct detect_env env;
	struct ndpi_view *ndpi;       /* made when first needed, for the library takes 150 ms to start; before the first packet where packets wait */
	struct limits *limits;        /* token buckets of `limit` rules */
	struct source *source;
	uint64_t came_mono_ns, came_wall_ns; /* of the last frame or tick from the source, brought forward where it stepped back */
	uint64_t mono_ns, wall_ns;    /* of the packet or tick in hand; never step back within an epoch */
	uint64_t next_tick_ns;        /* when the sink is told the time again */
	uint64_t rules_change_ns;     /* wall: next moment a rule's calendar turns */
	uint64_t number;              /* of the packet in hand, 0 between packets */
	bool asks_undecided;          /* rules may act on flows nobody knows yet */
	bool asks_all_names;          /* libnDPI is asked about every flow, not only where it may add a name */
	const char *file_name;        /* of this epoch: the source is ahead when the epoch ends */
	bool epoch_open;
	bool started;                 /* START was written: with the first stamp, before it there is no time */
	struct roles *roles;          /* what hosts do inside Skype */
	uint32_t roles_seen;          /* roles_changes when rules that ask about roles were asked last */
	struct arrival arrivals[ARRIVALS_MAX];
	struct event event;           /* reused: too large for the stack of a hot path */
};

/* What rules and configuration ask of every flow. */
static inline void engine_ask(struct engine *e)
{
	e->asks_undecided = policy_asks_undecided(e->policy);
	e->asks_all_names = e->conf.ndpi == NDPI_ALL || policy_asks_category(e->policy);
}

/* --- emit.c: records for the sink --- */
int engine_source_dir(const struct flow *);
void engine_describe(const struct engine *, const struct flow *, struct event_flow *);
void emit_voip(struct engine *, struct flow *, const struct verdict *);
void emit_flow(struct engine *, const struct flow *, enum flow_end, uint64_t at_ns);
void emit_signal(void *engine, const struct look *, const struct call_signal *);
void engine_give(const struct engine *, const struct event *);
/* START, TICK, EPOCH, STATS, STOP. */
void emit_plain(struct engine *, enum event_type);

/* --- audit.c: roles, and what detectors note --- */
void emit_audit(void *engine, const struct look *, const struct audit_note *);
/* All Skype hosts, when an epoch ends. */
void emit_hosts(struct engine *);
/* A packet of a flow that is Skype. */
void roles_look(struct engine *, const struct flow *, int dir, const struct packet *);
/* Of the inside host of a flow; ROLE_NONE when it is not Skype. */
enum role engine_role(const struct engine *, const struct flow *);

/* --- decide.c: evidence to class to verdict --- */
/* A flow nobody knows yet: only rules with `any` can speak. */
void decide_first(struct engine *, struct flow *);
/* Evidence changed: judge again, and ask the rules when class, application or band did. */
void decide_again(struct engine *, struct flow *);
/* The flow ends: what it is, for its event. Rules have nothing left to act on. */
void decide_last(struct engine *, struct flow *);
/* Rules or their calendar changed: ask them again about every flow that was asked about. */
void decide_all(struct engine *);
/* Roles changed: the same for the flows of Skype. */
void decide_roles(struct engine *);
/* Somebody cuts this flow by hand: it is dropped from now on, whatever the rules say. */
void decide_kill(struct engine *, struct flow *);

/* --- opinion.c: what libnDPI says --- */
/* Starts the library; false: going on without it. */
bool opinion_start(struct engine *);
/* Shows it a packet of a flow that it may still name. */
void opinion_ask(struct engine *, struct flow *, int dir, const struct packet *);

/*
 * A flow that showed nothing in so many payloads is cleared: the kernel passes
 * it, and samples of it keep coming. RTP needs 8 packets and ICE one, so 64
 * leave room for a call that is set up on the same ports first.
 */
#define CLEAR_PAYLOADS 64

/* --- enforce.c: verdict to the fate of one packet --- */
void enforce(struct engine *, struct flow *, int dir, const struct packet *, struct fate *);

#endif
