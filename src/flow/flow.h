/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_FLOW_FLOW_H
#define SQUELCH_FLOW_FLOW_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/count.h"
#include "packet/packet.h"

/*
 * A flow: both directions of one conversation, under a canonical key. Direction
 * 0 is sent by key.ip[0]; every pair of counters is indexed by direction.
 */
struct flow_key {
	struct addr ip[2];    /* the numerically lower end first (address, then port) */
	uint16_t port[2];     /* host order */
	uint8_t proto, ip_v;
	uint16_t zero;
	uint32_t vlan;        /* outer << 16 | inner; 0 untagged */
	uint32_t tunnel;      /* packet.tunnel_hash */
};
static_assert(sizeof(struct flow_key) == 48, "the key is hashed and compared as bytes");

enum flow_end { /* why a flow ended: flow.reason */
	FLOW_END_TIMEOUT, FLOW_END_TCP, FLOW_END_EVICTED, FLOW_END_SHUTDOWN, FLOW_END_REUSED,
	FLOW_ENDS
};

/* Whom to let go first when the table is full; later ones are worth more. */
enum flow_worth { WORTH_ONE_PACKET, WORTH_CLEARED, WORTH_WATCHED, WORTH_CALL, WORTHS };

enum flow_flag {
	FLOW_INITIATOR_0     = 1 << 0, /* direction 0 opened it */
	FLOW_INITIATOR_1     = 1 << 1, /* direction 1 did; neither: joined mid-stream */
	FLOW_TCP_SYN         = 1 << 2,
	FLOW_TCP_FIN_0       = 1 << 3,
	FLOW_TCP_FIN_1       = 1 << 4,
	FLOW_TCP_RST         = 1 << 5,
	FLOW_MERGED          = 1 << 6, /* super-packets seen: packet rhythm means nothing */
	FLOW_STREAM_DONE     = 1 << 7, /* no parser holds the TCP stream any more */
	FLOW_JUDGED          = 1 << 8, /* rules were asked once */
	FLOW_EMERGENCY       = 1 << 9, /* passes whatever the rules say: an emergency call */
	FLOW_LINKED          = 1 << 10, /* announced by signalling: watch->call and signaller are set */
	FLOW_FIRST_1         = 1 << 11, /* direction 1 sent the first packet we saw */
	FLOW_FINAL           = 1 << 14, /* the kernel was told to go on without asking */
	FLOW_NDPI_DONE       = 1 << 13, /* libnDPI had its say */
	FLOW_SPOKEN          = 1 << 12, /* a voip event was written */
	FLOW_KILLED          = 1 << 15, /* cut by hand (ctl kill) */
	FLOW_TUNNEL          = 1 << 16, /* a VPN, secure shell or a proxied connection: its class is of what is inside */
};

struct flow_dir {
	uint64_t bytes;           /* IP bytes */
	uint32_t packets;
	uint32_t payloads;        /* packets that carried payload */
	uint16_t size_min, size_max; /* payload bytes on the wire */
	uint16_t window_packets[2];  /* payload packets in the current and the previous second */
	uint32_t window_bytes[2];    /* their bytes */
};

/* One packet that might have been RTP; all zero: none. */
struct flow_probe {
	uint32_t ssrc, ts;
	uint16_t seq;
	uint16_t ms;              /* monotonic milliseconds, low bits */
};

/* Sizes of the first records of a TLS connection, as far as they are those of TURN's first messages; all zero: none yet. */
struct flow_opening {
	uint16_t asked;           /* an Allocate request without credentials, */
	uint16_t signing;         /* bytes that credentials add to a request, */
	uint16_t given;           /* and the answer that names the relayed address */
	uint8_t step;             /* of detect/turn_tls.c */
};

#define FLOW_SMALL 700 /* payload bytes; speech comes in smaller pieces (detect/speech.h) */

struct watch;
struct rule;

/* By cache line: every packet needs the first three, only beginnings and ends the fourth. */
struct flow {
	_Alignas(64) struct flow_key key;
	uint64_t last_ns;
	uint64_t alive;           /* detector rows still looking, a bit each */

	struct flow_dir dir[2];

	struct watch *watch;      /* evidence and detector state; NULL while nobody cares */
	union {                   /* what rows remember before they ask for a watch: */
		struct flow_probe probe[2];  /* of datagrams the RTP row, by direction, */
		struct flow_opening opening; /* of TCP the row of tunnels */
	};
	uint64_t claimed;         /* rows that found something: they are not given up */
	uint32_t window;          /* second (mono) of window_packets[0] */
	uint32_t flags;           /* enum flow_flag */
	uint32_t looked_at;       /* payloads when a sample of it, cleared before, showed news */
	uint32_t hash;
	uint8_t worth;            /* enum flow_worth */
	uint8_t action;           /* enum action of the verdict in force */
	uint8_t reject;           /* enum reject_target */
	uint8_t used;             /* slot of the slab in use */
	uint8_t small[2][2];      /* by direction: packets with at most FLOW_SMALL bytes in this second and the one before */

	_Alignas(64) const struct rule *rule; /* that decided, or the first that alerted; NULL none */
	uint64_t id;              /* flow_id: 53 bits */
	uint64_t first_ns;
	uint64_t first_wall_ns;
	uint64_t first_number;    /* packet number in the file */
	uint32_t wheel_next, wheel_prev;
	uint32_t worth_next, worth_prev;
	uint16_t iface, oface;    /* as in frame */
};
static_assert(sizeof(struct flow) <= 256, "base state per flow (docs/METHOD.md, bounds)");
static_assert(offsetof(struct flow, rule) == 192, "what every packet needs fits three cache lines");

/*
 * Flows of a table are numbered from 1 in the low 32 bits of their id: over the
 * same packets a flow has the same number in every run, under another random rest.
 */
static inline uint32_t flow_ordinal(uint64_t id)
{
	return (uint32_t)id;
}

struct flow_table;

/* Called once for each flow that ends, before it is forgotten. `at_ns`: when it ended by the clock. */
typedef void flow_end_fn(void *arg, struct flow *, enum flow_end, uint64_t at_ns);

/* `max_flows` is a hard cap. NULL without memory. */
struct flow_table *flow_table_new(uint32_t max_flows, flow_end_fn *on_end, void *arg);
void flow_table_free(struct flow_table *);

/* Where to look for the flow of a packet: depends on nothing but the packet. */
struct flow_seek {
	struct flow_key key;
	uint32_t hash;
	uint32_t guess;        /* number of its flow + 1 as flow_prefetch saw it, 0 unknown */
	int dir;               /* of the packet */
};

/* Fills *seek, and has the index entry brought into the cache. */
void flow_seek(const struct flow_table *, const struct packet *, struct flow_seek *);
/*
 * Some packets later: has the flow itself brought into the cache. Returns the
 * flow as it seems now, NULL none: packets before this one may still end it.
 */
const struct flow *flow_prefetch(const struct flow_table *, struct flow_seek *);
/*
 * The flow of a packet, made when new, with counters and windows brought up to
 * date; NULL (counted) when the table is full of flows worth more. A new TCP
 * connection under the same key (SYN after the old one closed) ends the old
 * flow first.
 */
struct flow *flow_take(struct flow_table *, const struct packet *, const struct flow_seek *, struct counts *);
/* flow_seek and flow_take in one; *dir is the direction of this packet. */
struct flow *flow_table_packet(struct flow_table *, const struct packet *, struct counts *, int *dir);
/* Ends what has been silent too long; call with every stamp, before flow_take. */
void flow_table_advance(struct flow_table *, uint64_t mono_ns);
/* Ends every flow. */
void flow_table_flush(struct flow_table *, enum flow_end);
/* Moves a flow to another class of worth. */
void flow_set_worth(struct flow_table *, struct flow *, enum flow_worth);
/* The flow longest in a class of worth; NULL when there is none. */
struct flow *flow_table_oldest(struct flow_table *, enum flow_worth);
/* Live flows. */
uint32_t flow_table_count(const struct flow_table *);
/* Walks all live flows; the callback must not end flows. */
void flow_table_each(struct flow_table *, void (*fn)(void *, struct flow *), void *arg);

/* The tunnels around a flow, outermost first, as its first packet had them; 0 when unknown. */
unsigned flow_tunnels(const struct flow_table *, const struct flow *, struct tunnel out[TUNNEL_MAX]);

/* As `flow.reason` of events. */
const char *flow_end_name(enum flow_end);

/* Wall clock of the last packet; a step of that clock within a flow is left out. */
static inline uint64_t flow_last_wall(const struct flow *f)
{
	return f->first_wall_ns + (f->last_ns - f->first_ns);
}

/* Direction that opened the flow, or -1 when it was joined mid-stream. */
static inline int flow_initiator(const struct flow *f)
{
	return f->flags & FLOW_INITIATOR_0 ? 0 : f->flags & FLOW_INITIATOR_1 ? 1 : -1;
}

#endif
