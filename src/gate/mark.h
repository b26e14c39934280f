/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_GATE_MARK_H
#define SQUELCH_GATE_MARK_H

#include <stdbool.h>
#include <stdint.h>

#include "engine.h"

/*
 * What we tell the firewall, in our bits of the packet mark. The bits belong to
 * us alone; all others pass through untouched. A value is a code shifted to the
 * lowest bit of the mask, with the default mask 0x7f000000 code 1 is 0x01000000.
 *
 * On packets (filter FORWARD reads them after our verdict, always ACCEPT):
 *   0            nothing is decided: the packet passes, the connection keeps its mark
 *   PASS         passes; save PASS to the connection
 *   DROP         drop it; save DROP
 *   DROP_ONCE    drop it; save nothing (degrade, limit, flows inside tunnels)
 *   REJECT_BACK  reject it (its sender is told); save REJECT_CLIENT when the packet is of
 *                conntrack's ORIGINAL direction, else REJECT_SERVER
 *   REJECT_AHEAD drop it (its receiver is the one to be told); save REJECT_SERVER when
 *                it is of the ORIGINAL direction, else REJECT_CLIENT
 *   REJECT_BOTH  reject it; save REJECT_BOTH
 *   WATCH        passes; clear our bits of the connection: all its packets are wanted again
 * So that "client" on a connection is always conntrack's idea of it: we may have
 * joined the flow in the middle, and then our first sender is not the opener.
 *
 * On connections (mangle FORWARD keeps them out of the queues, but for samples of PASS):
 *   PASS, DROP; REJECT_CLIENT: reject packets of ORIGINAL direction, drop the others;
 *   REJECT_SERVER: the reverse; REJECT_BOTH: reject all.
 */
#define MARK_MASK_DEFAULT 0x7f000000u

enum mark_code {
	MARK_NONE          = 0,
	MARK_PASS          = 1,
	MARK_DROP          = 2,
	MARK_REJECT_BACK   = 3, /* packets only */
	MARK_DROP_ONCE     = 4, /* packets only */
	MARK_REJECT_CLIENT = 5, /* connections only */
	MARK_REJECT_SERVER = 6, /* connections only */
	MARK_REJECT_BOTH   = 7,
	MARK_REJECT_AHEAD  = 8, /* packets only */
	MARK_WATCH         = 9, /* packets only */
};
#define MARK_BITS 4 /* a mask has at least so many, side by side */

/* Reads "0x7f000000"; false when it is no number, has too few bits or a gap between them. */
bool mark_mask_parse(const char *text, uint32_t *mask);
/* What to tell the firewall about a packet. */
enum mark_code mark_code_of(const struct fate *);

/* Our bits of `mark` replaced. */
static inline uint32_t mark_put(uint32_t mark, uint32_t mask, enum mark_code code)
{
	return (mark & ~mask) | ((uint32_t)code << __builtin_ctz(mask));
}

#endif
