/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_RUN_H
#define SQUELCH_DETECT_RUN_H

#include "detect/detect.h"

/* How rows are run: what detect.c (datagrams), streams.c (TCP) and evidence.c (what rows keep and say) share. */

static inline void run_took(struct look *l, unsigned row, enum look_result result)
{
	switch (result) {
	case LOOK_YES:
		l->flow->claimed |= row_bit(row);
		break;
	case LOOK_NO:
		l->flow->alive &= ~row_bit(row);
		break;
	case LOOK_MAYBE:
		break;
	}
}

/* Whether anything was said of the two hosts, or of one of them by itself (FACT_CUT). */
static inline bool run_has_facts(const struct detect_env *env, const struct flow *f)
{
	const struct addr *a = &f->key.ip[0], *b = &f->key.ip[1];

	return facts_maybe(env->facts, a, b) || facts_maybe_alone(env->facts, a) || facts_maybe_alone(env->facts, b);
}

/* Of these rows, those that still look and have something to look at. */
static inline uint64_t run_worth_asking(const struct detect_env *env, const struct flow *f, uint64_t rows)
{
	rows &= f->alive;
	if (rows & env->fact_rows && !run_has_facts(env, f))
		rows &= ~env->fact_rows;
	return rows;
}

static inline struct look run_look(struct detect_env *env, struct flow *f, int dir, const struct packet *pkt)
{
	return (struct look){
		.env = env, .pkt = pkt, .flow = f, .data = pkt->payload,
		.len = pkt->payload_len, .wire = pkt->payload_wire, .dir = (uint8_t)dir,
	};
}

/* A TCP segment with payload, shown to the rows that look at segments, then to those of its stream. */
void run_segment(struct detect_env *, struct flow *, int dir, const struct packet *);
/* Frees what is kept of the streams of a flow. */
void run_release_streams(struct detect_env *, struct watch *);

#endif
