/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_EVENT_CALLS_H
#define SQUELCH_EVENT_CALLS_H

#include "event/call_link.h"
#include "event/event.h"
#include "event/redact.h"

/*
 * Groups flows into calls: by the dialog that announced them, by the pair of
 * ICE agents, else by hosts and application. A call is written once, when its
 * flows have ended and it was hung up or nothing followed.
 */
#define CALLS_MAX      4096 /* alive at once */
#define CALL_FLOWS_MAX 64   /* kept of one call */
#define CALL_SDP_MAX   8    /* announced media kept: CALL_MEDIA_MAX of each party */
#define CALL_LINKS_MAX 4    /* dialog and pairs of ICE agents */
#define CALL_SAID_MAX  128  /* bytes of a rule's name or reason */

/* What a flow does in its call. */
enum call_part { PART_MEDIA, PART_RTCP, PART_ICE, PART_SIGNALLING, PART_NONE };

/* Why a call ended. */
enum call_end {
	CALL_END_SIGNALLING, /* hung up */
	CALL_END_FAILED,     /* never answered */
	CALL_END_SILENCE,    /* its media stopped */
	CALL_END_EVICTED,    /* the table was full */
	CALL_END_SHUTDOWN,   /* the capture or the program ended first */
	CALL_ENDS
};

enum call_role { CALL_CALLER, CALL_CALLEE, CALL_ROLES };

struct call_flow {
	struct call_link by_id, by_hosts, by_app;
	uint64_t id;
	struct addr ip[2];
	uint16_t port[2];
	enum call_part part;
	bool live;
	uint8_t n_media[2];
	struct media_stats media[2][MEDIA_STATS_MAX];
};

struct call_party {
	struct addr ip;                 /* unspecified: not seen */
	uint16_t port;                  /* of its signalling */
	char identity[CALL_PARTY_LEN];  /* redacted when asked for; empty none */
};

struct call {
	uint32_t id;
	enum app app;
	float bits;                     /* largest of its media */
	bool tried, answered, sos;      /* tried: signalling asked for a call */
	bool ended, failed;             /* by signalling */
	bool ringing;
	uint64_t start_wall_ns, answered_wall_ns, end_wall_ns;
	enum call_end end;
	struct call_party party[CALL_ROLES]; /* as signalling shows them */
	uint8_t n_sdp;
	bool sdp_from_caller[CALL_SDP_MAX];
	struct call_media sdp[CALL_SDP_MAX];
	unsigned n_flow, flows_more;
	struct call_flow *flow[CALL_FLOWS_MAX];
	unsigned live, live_signalling; /* flows */
	unsigned n_media;               /* flows that carry media */
	/* the hardest verdict on its flows */
	bool judged;                    /* there was one */
	bool judged_media;              /* that on media */
	enum action action;
	bool enforced;
	char rule[CALL_SAID_MAX], reason[CALL_SAID_MAX];
	/* of the tracker */
	uint8_t n_links;
	struct call_link link[CALL_LINKS_MAX];
	struct call *older, *newer;
	unsigned slot;                  /* where the tracker keeps when it is due */
	uint64_t changed_ns, changed_wall_ns; /* last flow or message */
	char file_name[256];            /* empty none */
};

struct calls;

typedef void calls_done_fn(void *arg, const struct call *, uint64_t wall_ns);

/* `redact` may be NULL. NULL without memory. */
struct calls *calls_new(const struct redact *, calls_done_fn *, void *arg);
void calls_free(struct calls *);

/* Time goes first: calls that are due are written before the record is. */
void calls_advance(struct calls *, uint64_t mono_ns);
void calls_signal(struct calls *, const struct event *);
/* VOIP and FLOW: the id of the call the flow belongs to, 0 none. */
uint32_t calls_flow(struct calls *, const struct event *);
/* Writes all calls. */
void calls_flush(struct calls *);

/* Walks what exists: calls, not the checks that may become one. Oldest first. */
void calls_each(const struct calls *, void (*fn)(void *arg, const struct call *), void *arg);

/* Calls let go before their end, or not taken, for want of room or memory. */
uint64_t calls_refused(const struct calls *);

/* What a signalling message teaches about its call (call_hear.c). */
void call_hear(struct call *, const struct event *, const struct redact *);

/* --- what a record says, for those who print it --- */

/* The two ends as media shows them, else signalling. False: who called is not known. */
bool call_ends(const struct call *, struct call_party out[static CALL_ROLES]);

/* Whom to show: the identity without "sip:", else the address, else "?". Returns `out`. */
const char *call_party_text(const struct call_party *, char out[static CALL_PARTY_LEN]);

#define CALL_WHAT_LEN 40
/* Application and codec, "sip/PCMA"; without a codec the application alone. Returns `out`. */
const char *call_what_text(const struct call *, char out[static CALL_WHAT_LEN]);

struct call_codec {
	char name[CALL_CODEC_LEN]; /* as in SDP, "opus/48000/2"; empty: nobody said */
	bool video;
};
/* Of a stream sent by flow->ip[dir]. */
struct call_codec call_codec(const struct call *, const struct call_flow *, int dir,
    const struct media_stats *);
/* Of the first stream, else the first that was announced. */
struct call_codec call_main_codec(const struct call *);
const char *call_end_name(enum call_end);
/* "setup", "ringing", "answered", "failed", "ended"; NULL without signalling. */
const char *call_signalling(const struct call *);

#endif
