/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_PACKET_FRAME_H
#define SQUELCH_PACKET_FRAME_H

#include <stdint.h>

/* What a source hands over: bytes as captured, and when. Valid until the next call of source_next, or longer: see source.more. */
struct frame {
	const uint8_t *data;
	uint32_t caplen;      /* bytes at `data` */
	uint32_t len;         /* bytes on the wire */
	uint64_t number;      /* within the file or since start, from 1 */
	uint64_t mono_ns;     /* never steps back */
	uint64_t wall_ns;     /* since 1970, UTC */
	uint16_t link;        /* DLT_ value of libpcap */
	uint16_t iface;       /* where it came in: index for source.iface_names, 0 unknown */
	uint16_t oface;       /* where it is about to leave; 0 unknown */
	uint32_t token;       /* of a queue: names the packet in the verdict */
	uint32_t mark;        /* of a queue: the packet's mark as it came */
};

#endif
