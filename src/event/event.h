/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_EVENT_EVENT_H
#define SQUELCH_EVENT_EVENT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/count.h"
#include "detect/audit.h"
#include "detect/detect.h"
#include "detect/signal.h"
#include "policy/policy.h"

/*
 * Events leave the engine as records that own nothing of the flow, so that
 * another thread can write them. Text they point to is static or belongs to the
 * rule set, which outlives its records.
 */

/* The flow an event is about: its first packet's view, initiator (or first sender) as source. */
struct event_flow {
	uint64_t id;
	struct addr ip[2];         /* source, destination */
	uint16_t port[2];
	uint8_t proto, ip_v;
	int8_t initiator;          /* 0 source, 1 destination, -1 unknown */
	uint8_t inside;            /* as the rules say: bit 0 the source, bit 1 the destination */
	uint8_t n_vlan, n_tunnel;
	uint16_t vlan[VLAN_MAX];
	struct tunnel tunnel[TUNNEL_MAX];
	uint16_t iface;
	uint64_t first_number;     /* of its first packet, in the file; 0 none */
};

struct event_voip {
	enum voip_class cls;
	enum app app;
	enum app call_app;         /* of the signalling that set the call up; NONE: none was seen */
	float bits;
	bool tunnelled;
	uint8_t category;          /* enum category, from names or libnDPI */
	const char *kind;          /* FLOW: what it carried, static text; NULL unknown */
	uint32_t packets;          /* media packets seen at the decision (all, when it is no media) */
	uint32_t after_ms;         /* since the first of those */
	uint8_t n_evidence;
	struct evidence evidence[EVIDENCE_MAX];
};

enum event_type {
	EVENT_START, EVENT_STOP, EVENT_STATS,
	EVENT_EPOCH,               /* a new file: ends all calls; not written */
	EVENT_TICK,                /* time passed; not written */
	EVENT_SIGNAL,              /* a signalling message; not written */
	EVENT_VOIP, EVENT_FLOW, EVENT_CALL, EVENT_AUDIT,
	EVENT_TYPES
};

/*
 * What the engine tells the sink. Only the part of its type is set, and only
 * the used entries of each array: fill it member by member, never zero it all
 * (it is large, and a FLOW is written for every flow of the link).
 */
struct event {
	enum event_type type;
	uint64_t mono_ns, wall_ns; /* when */
	uint64_t number;           /* packet in the file (pcap_cnt); 0 none */
	const char *file_name;     /* pcap_filename; NULL none */
	uint64_t call;             /* VOIP, FLOW: dialog the flow belongs to; 0 none */
	struct event_flow flow;    /* VOIP, FLOW, SIGNAL; AUDIT, id 0: about no flow */
	union {
		struct {           /* VOIP, FLOW */
			struct event_voip voip;
			struct verdict verdict;
			bool enforced;
			/* FLOW */
			bool spoken;         /* a VOIP event told of it before */
			enum flow_end end;
			uint32_t packets[2]; /* to server (from source), to client */
			uint64_t bytes[2];
			uint64_t first_wall_ns, last_wall_ns;
			uint8_t n_media[2];  /* by direction: from source, from destination */
			struct media_stats media[2][MEDIA_STATS_MAX];
		};
		struct {           /* SIGNAL */
			uint8_t sender;      /* of the message: index into flow.ip */
			struct call_signal signal;
		};
		struct audit_note audit; /* AUDIT */
		struct counts counts; /* STATS, STOP */
		unsigned rules;       /* START: rules loaded */
	};
};

struct event_sink;

/* What to do with events; `eve` may be NULL (no JSON). */
struct event_conf {
	FILE *eve;
	const char *sensor;        /* host name by default; NULL leaves it out */
	const char *const *ifaces; /* names for event_flow.iface; NULL without */
	bool redact;               /* identities as keyed hashes */
	FILE *tell;                /* a line for people for each decision and call that ended; NULL none */
	bool summary;              /* gather what event_summary prints */
	bool audit;                /* gather what event_audit prints; of events only audits are written */
};

/* What `conf` points to must outlive the sink; the files are the caller's. NULL without memory. */
struct event_sink *event_sink_new(const struct event_conf *);
void event_sink_free(struct event_sink *);
/* Groups calls, writes what is to be written. The record may be reused at once. */
void event_emit(struct event_sink *, const struct event *);
/* Writes what was kept back; flow events wait for one another otherwise. */
void event_flush(struct event_sink *);
/* Walks the calls that are alive; event/calls.h tells what they are. */
struct call;
void event_each_call(const struct event_sink *, void (*fn)(void *arg, const struct call *), void *arg);
/* Adds what the sink itself counts: calls, and what it had to refuse or lost. */
void event_counts(const struct event_sink *, struct counts *);
/* For people: calls first, one line each, then applications and hosts. */
void event_summary(struct event_sink *, FILE *out);
/* Hosts by application, with conf.audit: for people in `width` columns, or as CSV. */
enum audit_format { AUDIT_TEXT, AUDIT_CSV };
void event_audit(struct event_sink *, enum audit_format, unsigned width, FILE *out);
/* Calls recorded so far; for --exit-code. */
uint64_t event_calls(const struct event_sink *);
/* False when writing failed (errno of the first failure in *error). */
bool event_ok(const struct event_sink *, int *error);

#endif
