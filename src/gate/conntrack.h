/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_GATE_CONNTRACK_H
#define SQUELCH_GATE_CONNTRACK_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/flow.h"

/*
 * Clears our bits of the marks of live connections, so that their packets come
 * to us again. A thread of its own does it: the verdict path only leaves a note.
 */
struct conntrack;

/* Opens the sockets; needs CAP_NET_ADMIN. NULL, errno set. */
struct conntrack *conntrack_new(uint32_t mask);
/* The thread; `conntrack` is the argument. Ends after conntrack_stop. */
void *conntrack_main(void *conntrack);
void conntrack_stop(struct conntrack *);
void conntrack_free(struct conntrack *);

/* Any thread; soon. */
void conntrack_clear_all(struct conntrack *);
void conntrack_clear(struct conntrack *, const struct flow_key *);
/* Connections whose mark was cleared so far. */
uint64_t conntrack_cleared(struct conntrack *);

#endif
