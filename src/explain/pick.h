/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_EXPLAIN_PICK_H
#define SQUELCH_EXPLAIN_PICK_H

#include "event/event.h"

/* Which flow of a capture `squelch explain` is about. */

struct pick_end {
	struct addr ip;
	uint16_t port;            /* 0: any */
};

/* What --flow says; all zero: any flow. */
struct pick_want {
	uint32_t number;          /* flow_ordinal; 0 none */
	uint8_t proto;            /* IPPROTO_; 0 any */
	unsigned n_end;
	struct pick_end end[2];   /* in either order */
};

/*
 * "7", a flow_id of an event, or words apart by blanks or commas: a protocol (udp, tcp, sctp) and up to two ends,
 * each ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT. False when it is neither.
 */
bool pick_parse(const char *text, struct pick_want *);

/* What the list shows of a flow. */
struct pick_card {
	struct event_flow flow;
	enum voip_class cls;
	enum app app;
	float bits;
	uint64_t packets;
	uint64_t first_wall_ns, last_wall_ns;
};

#define PICK_CARDS 10         /* flows listed */

struct picks {
	struct pick_want want;
	struct pick_card card[PICK_CARDS]; /* of those that are wanted, the most interesting first */
	unsigned n_card;
	uint64_t flows, wanted;   /* in all */
};

/* Takes a FLOW event; others are passed over. */
void picks_event(struct picks *, const struct event *);

#endif
