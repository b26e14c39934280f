/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_DETECT_H
#define SQUELCH_DETECT_DETECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/app.h"
#include "flow/budget.h"
#include "flow/facts.h"
#include "flow/flow.h"

/*
 * Detectors look at payloads and leave evidence in bits; they never decide.
 * A detector is one file and one or more rows in table.c; each row has one
 * evidence slot a flow, replaced and not added to. Rows of one group depend on
 * each other: the judge takes the largest of a group and sums across groups.
 */
#define GROUP_LIST(X) \
	X(RTP, "rtp")                   /* headers and progress of RTP and RTCP */ \
	X(ICE, "ice")                   /* STUN, TURN, ICE */ \
	X(DTLS, "dtls") \
	X(SIGNALLING, "signalling")     /* SIP and its kin */ \
	X(ANNOUNCED, "announced")       /* facts from signalling and relays */ \
	X(NAME, "name")                 /* names: DNS, TLS, QUIC */ \
	X(VENDOR, "vendor")             /* formats of one application, and SRT */ \
	X(CADENCE, "cadence")           /* the clock of speech, seen or read in RTMP; */ \
	X(CADENCE_SIZES, "cadence_sizes") /* sizes, given the clock; */ \
	X(CADENCE_SPURTS, "cadence_spurts") /* talk and silence, given the clock */ \
	X(NDPI, "ndpi") \
	X(HISTORY, "history")           /* what was just done to the same pair */

enum group {
#define X(id, name) GROUP_##id,
	GROUP_LIST(X)
#undef X
	GROUPS
};

struct detector;
struct detect_env;
struct call_signal;
struct skype_hosts;
struct audit_note;

struct evidence {
	const struct detector *row;
	const char *why;          /* static text; {0} and {1} stand for arg */
	uint32_t arg[2];
	float bits;               /* log2 likelihood ratio; may be negative */
	uint8_t cls;              /* enum voip_class it speaks for */
	uint8_t app;              /* enum app it names, or APP_NONE */
};

#define EVIDENCE_MAX   8      /* slots a flow; refusals are counted */
#define DETECTORS_MAX  40     /* rows; sets of them (flow.alive, --detect) are 64 bits, a bit each; every watch has a state for each */
#define GIVE_UP_MAX    64     /* payloads after which a row that found nothing may stop */
#define UNVERIFIED_BITS 8.0f  /* most that a row without a real sample may add: it names only */
#define ANNOUNCED_BITS 12.0f  /* most that an announcement is worth before media confirms it */

/* Figures of one RTP stream for the call record (RFC 3550, 6.4.1 and appendix A). */
struct media_stats {
	uint32_t ssrc;
	uint8_t payload_type;
	bool video;
	uint32_t packets;
	uint32_t expected;        /* by extended sequence numbers */
	uint32_t lost;            /* expected - received, 0 when negative */
	uint32_t clock_hz;        /* 0 unknown: then jitter means nothing */
	float jitter_ms;          /* mean of the running estimate */
	float jitter_max_ms;
	float rate_bps;           /* payload bits a second while it ran */
	uint64_t first_ns, last_ns;
};
#define MEDIA_STATS_MAX 2     /* streams kept a direction: the ones with most packets */

/* A datagram that was seen a moment ago, told by what a mirror does not change. */
struct seen {
	uint32_t mark;            /* of checksum, IP identification and length; 0 none */
	uint32_t ms;              /* monotonic, low bits */
};
#define SEEN_MAX 4            /* kept a direction: a burst may come whole before its second sighting */
#define SEEN_MS 50            /* mirrors and taps are late by queues, milliseconds; who repeats himself waits longer */

/* What is kept of a flow that some detector looks at. From the watch budget. */
struct watch {
	/* the judge's last word, see judge.h, and what else each packet asks for: one cache line */
	uint8_t cls, app, band, voip_events;
	float bits;
	uint8_t n_evidence;
	bool dirty;                   /* evidence changed since the judge looked */
	bool sos;                     /* emergency service was called */
	uint32_t media_packets;       /* packets since media_ns, that one included */
	uint64_t media_ns;            /* first media packet; 0 none yet */
	struct stream *stream;        /* TCP being put together, NULL none */
	void *ndpi;                   /* libnDPI's state, NULL none */
	uint64_t call;                /* dialog that announced this flow, 0 none; */
	uint8_t call_app;             /* and the application of that signalling */
	enum category category;       /* from names or libnDPI */

	struct seen seen[2][SEEN_MAX]; /* datagrams a moment ago, by direction */
	uint8_t seen_next[2];
	void *state[DETECTORS_MAX];   /* per row, see detect_state */
	struct evidence evidence[EVIDENCE_MAX];
	uint16_t state_size[DETECTORS_MAX]; /* bytes charged for each */
	struct addr payer;            /* host charged */
	char dialed[DIALED_LEN];
	struct addr signaller;        /* for signalled-by; unspecified when none */
	uint16_t signaller_port;
	uint8_t payload_type;         /* that signalling announced, and its clock; */
	uint32_t clock_hz;            /* 0 unknown */
};

/* Band of a watch about which the rules must be asked again, whatever its evidence; no real one is that high. */
#define BAND_ASK UINT8_MAX

/* Something rules ask about changed that is no evidence: who announced the flow, or which number was called. */
static inline void watch_ask_rules(struct watch *w)
{
	w->band = BAND_ASK;
	w->dirty = true;
}

/* One payload on its way through the rows. */
struct look {
	struct detect_env *env;
	const struct packet *pkt;
	struct flow *flow;
	const uint8_t *data;      /* datagram, record, or what a wrapper held */
	uint32_t len;             /* bytes at data; the wire length may be larger when the capture cut it */
	uint32_t wire;            /* bytes on the wire */
	uint8_t dir;              /* sender: index into flow->key */
	uint8_t depth;            /* wrappers around it: 0 the datagram itself */
	uint8_t row;              /* set by the engine: index of the row looking */
	bool wrapper;             /* a row before knows the header for its own, whatever else it looks like; what it carries was shown apart */
};

enum look_result {
	LOOK_MAYBE,   /* nothing yet, or nothing more: go on until give_up_after */
	LOOK_YES,     /* this payload was mine: the count to give_up_after starts anew */
	LOOK_NO,      /* stop looking at this flow */
};

/* First bytes a row cares about, inclusive; others are never shown to it. */
struct byte_range { uint8_t lo, hi; };

enum stream_result_code { STREAM_USED, STREAM_MORE, STREAM_STOP };
/*
 * What a stream parser did with the bytes it was shown. USED: `used` bytes are
 * done with, show the rest when there is more. MORE: it needs at least `need`
 * bytes in one piece. STOP: not mine, or enough seen.
 */
struct stream_result {
	enum stream_result_code code;
	uint32_t used, need;
};

struct detector {
	const char *name;             /* family, as in --detect, rules and events */
	const char *about;            /* one line for people */
	enum group group;
	bool verified;                /* a real capture or client exercised it (docs/METHOD.md) */
	bool facts_only;              /* looks at facts about the two hosts, not at the payload: asked when there are any, of datagrams only at some (detect.c, facts_due) */
	bool esp;                     /* look() is shown the packets of ESP too */
	float cap_bits;               /* most it may add; for statistics log2(n/3), 0 no cap */
	uint16_t give_up_after;       /* payloads without LOOK_YES, at most GIVE_UP_MAX; 0 never */
	const struct byte_range *udp; /* first bytes looked at; NULL not over UDP; ends with {1, 0} */
	const struct byte_range *tcp; /* of a stream's first segment a direction; NULL not over TCP */
	enum look_result (*look)(struct look *);
	struct stream_result (*stream)(struct look *); /* in-order bytes from the current position */
	/* Each TCP segment with payload as it comes: early, late and again; before any stream. NULL none. */
	enum look_result (*segment)(struct look *);
	/* Fills in what the call record wants of its streams; may be NULL. */
	unsigned (*media)(const void *state, int dir, struct media_stats out[MEDIA_STATS_MAX]);
	/* When the flow ends, with neither packet nor payload: last evidence from what other flows taught. May be NULL. */
	void (*finish)(struct look *);
	/*
	 * Of a row that weighs when packets come, and so needs each of them: whether the flow, at its pace, may be
	 * what it listens for. Then it is not passed unseen for a while (engine/enforce.c); of a flow that is, samples
	 * are not shown to the row. NULL for rows that any packet can tell something.
	 */
	bool (*hears)(const struct flow *);
	/*
	 * For `squelch explain`, at the end of a flow: prints what detect_state made for it, for people, in
	 * ASCII lines that begin with four blanks and are at most 80 columns wide. May be NULL.
	 */
	void (*explain)(const void *state, FILE *out);
};

extern const struct detector detectors[];
extern const unsigned n_detectors;

/* A row in a set of rows. */
static inline uint64_t row_bit(unsigned row)
{
	return UINT64_C(1) << row;
}

/* What detectors may use of the world. */
struct detect_env {
	struct facts *facts;
	struct counts *counts;
	struct budget *watch_budget;
	struct budget *stream_budget;
	uint64_t enabled;             /* rows switched on (--detect) */
	uint64_t udp_rows[256];       /* rows that look at a datagram with this first byte */
	uint64_t tcp_rows[256];       /* rows that take a stream that begins with this byte */
	uint64_t esp_rows;            /* rows that look at ESP */
	uint64_t segment_rows;        /* rows that look at every TCP segment */
	uint64_t hear_rows;           /* rows that need every packet */
	uint32_t vendor_first[256];   /* of vendor.c: applications that may open on a datagram with this first byte */
	uint64_t fact_rows;           /* rows that are asked only when something is known of the two hosts */
	uint64_t give_up_rows[GIVE_UP_MAX + 1]; /* rows that stop at this payload, when they found nothing */
	/* Frees one older watch when the budget is used up, never that of `asker`; false when there is none. */
	bool (*reclaim)(void *arg, const struct flow *asker);
	void (*on_signal)(void *arg, const struct look *, const struct call_signal *);
	bool (*inside)(void *arg, const struct addr *); /* as the rules say; NULL: nobody knows */
	void *arg;
	struct skype_hosts *skype;    /* Skype endpoints across flows; NULL: they are not looked for */
	uint64_t finish_rows;         /* rows that want to see the end of a flow they claimed */
	void (*on_audit)(void *arg, const struct look *, const struct audit_note *); /* NULL: nobody asks */
};

/* --- for detectors --- */

/* The row's zeroed state for this flow; NULL (counted) when the budget is used up. */
void *detect_state(struct look *, size_t size);
/* Same without making one. */
void *detect_state_find(const struct look *);
/* Whether the row has evidence on this flow already. */
bool detect_has_evidence(const struct look *);
/* Whether rows of the group look at payloads of this flow and have nothing that speaks for them. */
bool detect_denies(const struct look *, enum group);
/* Sets the row's evidence; `why` must be static text. bits of a row that is not verified are cut. */
void detect_evidence(struct look *, enum voip_class, enum app, float bits,
    const char *why, uint32_t a, uint32_t b);
/*
 * Shows an inner payload (TURN, RFC 4571) to all rows that look at UDP; bounded in depth. `len` bytes
 * are at data, `wire` there were: more when the capture cut the datagram.
 */
void detect_inner(struct look *, const uint8_t *data, uint32_t len, uint32_t wire);
/* The watch of the flow, made when it has none; NULL when the budget is used up. */
struct watch *detect_watch(struct look *);
/* Notes one media packet of the flow, first seen at `first_ns` (monotonic), for the time to the verdict. */
void detect_media_packet(struct look *, uint64_t first_ns);
/* What was noted so far was no media. */
void detect_media_none(struct look *);
/* Hands a signalling message on to the call records. */
void detect_signal(struct look *, const struct call_signal *);
/* The same with what an administrator must know (detect/audit.h). */
void detect_audit(struct look *, const struct audit_note *);

/* --- for the engine --- */

/* Fills enabled and the row tables. */
void detect_init(struct detect_env *, uint64_t enabled);
/* Bits for --detect: "a,b" only these, "-a,-b" all but these, NULL all. False names the unknown word. */
bool detect_select(const char *list, uint64_t *enabled, char bad[static 32]);
/* Runs all rows that care about this packet. */
void detect_packet(struct detect_env *, struct flow *, int dir, const struct packet *);
/* The same with one of a few packets that are seen of a flow. */
void detect_sample(struct detect_env *, struct flow *, int dir, const struct packet *);
/* Whether a row that needs every packet may find something in this flow, by its pace. */
bool detect_hears(const struct detect_env *, const struct flow *);
/* Last evidence of a flow that ends, see struct detector: finish. */
void detect_finish(struct detect_env *, struct flow *);
/* The row under which the engine enters libnDPI's opinion. */
uint8_t detect_row_ndpi(void);
/* Frees what the flow holds. */
void detect_release(struct detect_env *, struct flow *);
/* RTP figures of one direction, the streams with most packets first. */
unsigned detect_media(const struct flow *, int dir, struct media_stats out[MEDIA_STATS_MAX]);
/* What rows have to say of a flow beside their evidence, a head line each (`squelch explain`). */
void detect_explain(const struct flow *, FILE *out);
#define WHY_LEN 160
/* Writes the reason of an evidence into text, with its numbers; returns text. */
const char *evidence_why(const struct evidence *, char text[static WHY_LEN]);

#endif
