/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_GATE_CTNETLINK_H
#define SQUELCH_GATE_CTNETLINK_H

#include <stdbool.h>
#include <stdint.h>

struct nlmsghdr;

/*
 * The kernel's table of connections, walked over ctnetlink to take our bits off
 * the marks of some: their packets then come to us again. One thread uses one.
 */
struct ctnetlink;

/* Opens the sockets; needs CAP_NET_ADMIN. `mask`: our bits of a mark. NULL, errno set. */
struct ctnetlink *ctnetlink_new(uint32_t mask);
void ctnetlink_free(struct ctnetlink *);

/* Which connections, and what to do meanwhile. Callbacks get `arg`; NULL ones are not called. */
struct ct_walk {
	uint32_t mark;                                     /* our bits are these; 0: any but zero */
	uint8_t family, proto;                             /* AF_INET or AF_INET6, and IPPROTO_*; both 0: any */
	bool (*wanted)(void *arg, const struct nlmsghdr *); /* the connection, as ctnetlink tells it; NULL: all are */
	bool (*pause)(void *arg, unsigned n);              /* after n were cleared; false ends it, and it was the last */
	void *arg;
};

enum ct_walked { CT_WALKED, CT_CHANGED /* the table changed its size meanwhile: some may be missing */, CT_FAILED /* errno */ };

/* Clears our bits of all that are wanted; adds to *cleared how many. */
enum ct_walked ctnetlink_walk(struct ctnetlink *, const struct ct_walk *, uint64_t *cleared);

#endif
