/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_SOURCE_CRAFT_H
#define SQUELCH_SOURCE_CRAFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

#define CRAFT_VLANS     2
#define CRAFT_FRAME_MAX 65600 /* bytes: the longest IP packet, Ethernet and the tags */

/* What is around the IP packet. */
struct craft_way {
	uint16_t vlan[CRAFT_VLANS];
	uint8_t n_vlan;
	bool tunnel;             /* IP-in-IP or 6in4: between these, of IPv4 */
	struct addr from, to;
};

/* What scenario packets have in their headers; the rest is fixed. */
struct craft {
	struct addr ip[2];       /* source, destination; both of one family */
	uint16_t port[2];
	uint8_t proto;           /* with TCP and UDP the transport header is made, else none */
	uint8_t tcp_flags;
	uint32_t seq, ack;
	struct craft_way way;
};

/* Makes an Ethernet frame with right lengths and checksums. Returns its length, 0 when it is too long. */
size_t craft_frame(const struct craft *, const uint8_t *payload, size_t len,
    uint8_t out[static CRAFT_FRAME_MAX]);

#endif
