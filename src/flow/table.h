/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_FLOW_TABLE_H
#define SQUELCH_FLOW_TABLE_H

#include "flow/flow.h"

/*
 * The inside of the flow table, for the files of src/flow alone: table.c (life and
 * packets), index.c (finding), room.c (memory, and whom to let go), expiry.c
 * (deadlines), features.c (what is counted).
 *
 * Flows live in chunks that never move and are found through an open-addressed
 * index of (hash, number) pairs, probed linearly and closed up on deletion. Two
 * lists run through each flow: the wheel slot of its deadline, and its class of worth.
 */
#define CHUNK_FLOWS   8192u    /* 2 MiB: one huge page, where the kernel gives them */
#define HUGE_PAGE     (2u << 20)
#define CACHE_LINE    64
#define LINES         4        /* of a flow */
#define HOT_LINES     3        /* of a flow, that each packet needs: see struct flow */
#define NONE          UINT32_MAX
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

/* Slots of TICK_NS; a deadline further away is looked at again when the wheel comes round. */
#define WHEEL_SLOTS   4096u

struct slot { uint32_t hash, flow; };  /* flow: number + 1, 0 free */

struct list { uint32_t head, tail; };

struct tunnel_path {
	uint32_t hash;
	uint32_t n;
	struct tunnel tunnel[TUNNEL_MAX];
};

struct flow_table {
	struct slot *index;
	uint32_t mask, max_mask;   /* the index doubles when it is half full, up to max_mask */
	struct flow **chunks;
	uint32_t n_chunks, max_chunks, max_flows;
	uint32_t free_head;        /* chain through wheel_next */
	uint32_t n;
	uint64_t next_id;
	uint64_t tick;             /* all deadlines up to here were looked at */
	bool running;              /* tick is set */
	struct list worth[WORTHS];
	uint32_t wheel[WHEEL_SLOTS];
	struct tunnel_path *paths;
	bool has_paths;            /* some are set */
	flow_end_fn *on_end;
	void *arg;
};

static inline struct flow *flow_at(const struct flow_table *t, uint32_t n)
{
	return &t->chunks[n / CHUNK_FLOWS][n % CHUNK_FLOWS];
}

static inline void prefetch_flow(const struct flow *f, unsigned lines)
{
	for (unsigned line = 0; line < lines; line++)
		__builtin_prefetch((const char *)f + line * CACHE_LINE, 1);
}

static inline bool tcp_closed(const struct flow *f)
{
	const uint32_t both = FLOW_TCP_FIN_0 | FLOW_TCP_FIN_1;

	return (f->flags & both) == both || f->flags & FLOW_TCP_RST;
}

/* --- table.c --- */

/* Tells of the end of a flow and gives its place back. */
void flow_end(struct flow_table *, struct flow *, enum flow_end, uint64_t at_ns);

/* --- index.c --- */

/* An empty index for up to `max_flows`. False without memory. */
bool index_open(struct flow_table *, uint32_t max_flows);
void index_close(struct flow_table *);
/* Slot of the flow with this key, or the free one where it belongs. */
uint32_t index_find(const struct flow_table *, uint32_t hash, const struct flow_key *);
void index_remove(struct flow_table *, uint32_t slot);
/* Room for one more entry; without memory to grow, until three quarters are used. */
bool index_has_room(struct flow_table *);
/* Number of a flow that is in the index. */
uint32_t flow_number(const struct flow_table *, const struct flow *);

/* --- room.c --- */

/* `size` zeroed bytes that begin on a huge page, NULL without memory; given back by munmap. */
void *map_zeroed(size_t size);
/* Number of a free place, or of one that was made free (counted); NONE when all are taken by flows worth more. */
uint32_t room_take(struct flow_table *, uint64_t now, struct counts *);
void room_give(struct flow_table *, uint32_t n);
void room_close(struct flow_table *);
/* Into and out of the list of its class of worth. */
void worth_add(struct flow_table *, uint32_t n, struct flow *);
void worth_take(struct flow_table *, struct flow *);

/* --- expiry.c --- */

/* Files a flow under its deadline as it is now. */
void expiry_add(struct flow_table *, uint32_t n, struct flow *);
void expiry_take(struct flow_table *, struct flow *);

/* --- features.c --- */

/* A packet with its payload: counters and windows. */
void flow_count(struct flow *, const struct packet *, int dir);

#endif
