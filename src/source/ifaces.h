/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_SOURCE_IFACES_H
#define SQUELCH_SOURCE_IFACES_H

#include <stdint.h>

/*
 * Interfaces by the kernel's index, as small numbers with a name. One table for
 * all queues, filled as packets show them; each queue keeps a view of its own,
 * so that the table's lock is taken once an interface and not once a packet.
 */
#define IFACES_MAX 256    /* more share number 0: unknown */

struct ifaces;

struct ifaces_view {
	struct ifaces *all;
	uint32_t index[IFACES_MAX]; /* the kernel's, by ours */
	uint16_t n;                 /* used of them, [0] included */
	uint16_t last;              /* found last: most packets take the same way */
};

void ifaces_view_init(struct ifaces_view *, struct ifaces *);
/* Our number for the kernel's index; 0 for 0, and when there are too many. */
uint16_t ifaces_index(struct ifaces_view *, uint32_t kernel_index);

#endif
