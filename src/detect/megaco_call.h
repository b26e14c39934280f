/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_MEGACO_CALL_H
#define SQUELCH_DETECT_MEGACO_CALL_H

#include "detect/call_facts.h"
#include "detect/detect.h"

#define MEGACO_DEPTH      16     /* braces inside one another; the grammar needs 9 */
#define MEGACO_TRANSACTIONS   16
#define MEGACO_CONTEXTS       16     /* contexts kept a flow; a trunk gateway has more, the oldest go */

/* Words of the tree that mean something to us. */
enum node { NODE_OTHER, NODE_TRANSACTION, NODE_REPLY, NODE_CONTEXT, NODE_ADD, NODE_MODIFY, NODE_SUBTRACT,
	NODE_NOTIFY, NODE_MEDIA, NODE_STREAM, NODE_LOCAL, NODE_REMOTE };

struct megaco_context {
	uint64_t call;            /* 0 free */
	char id[CALL_ID_LEN];
	struct call_endpoint local, remote;
	bool answered;
};

struct megaco_transaction { uint32_t id; uint8_t dir; bool used; };

struct megaco_state {
	struct megaco_transaction transaction[MEGACO_TRANSACTIONS];
	struct megaco_context context[MEGACO_CONTEXTS];
	struct call_number number;
	float bits;
	uint8_t next_transaction, next_context;
};

/* A walk over one message. */
struct walk {
	struct look *look;
	struct megaco_state *state;
	struct span rest;
	enum node stack[MEGACO_DEPTH];
	unsigned depth;
	struct megaco_context *context; /* of the braces we are in; NULL when it has no number */
	bool body, reply, known, broken;
	bool both_ways;               /* MO=SR: media flows */
};

/* What the walk meets, in its order; w->state is not NULL. The context a brace opens, and its end; */
void megaco_context_enter(struct walk *, struct span value);
void megaco_context_leave(struct walk *);
/* the connection taken out of its context; */
void megaco_context_end(struct walk *);
/* the text of a Local or Remote description; */
void megaco_description_take(struct walk *, enum node, struct span text);
/* and digits that were dialled. */
void megaco_digits_take(struct walk *, struct span value);

#endif
