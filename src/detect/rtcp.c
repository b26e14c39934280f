/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * RTCP (RFC 3550, 6) and SRTCP (RFC 3711, 3.4). A compound packet is a chain of
 * lengths that must end exactly where the datagram does; SRTCP hides all but
 * the first header, so there the source must come back.
 */
#include "detect/rows.h"

#include "base/cursor.h"

#define RTCP_PT_FIRST 200 /* SR; RFC 3550, 12.1 */
#define RTCP_PT_LAST  207 /* XR (RFC 3611) */
#define RTCP_PT_SR 200
#define RTCP_PT_RR 201
#define RTCP_HEADER 4     /* bytes, then the SSRC of the sender */

/* First header: version 2 bits, type 1 of 32 (5 bits), length 1 of some 2^14 that fit: counted at a third. */
#define BITS_CHAIN    12.0f /* the whole compound fits to the byte */
#define BITS_FIRST     5.0f /* only its first packet can be read */
#define BITS_SOURCE    5.0f /* the same sender again: 32 bits, but session numbers stay too */
#define SOURCES_COUNTED 2

struct rtcp_state {
	uint32_t ssrc[2];
	uint32_t packets;
	uint8_t again[2];         /* times the sender of this direction came back */
	bool chain;               /* a compound was whole */
};

const struct byte_range rtcp_bytes[] = { { 0x80, 0xbf }, { 1, 0 } };

enum shape { SHAPE_NONE, SHAPE_FIRST, SHAPE_CHAIN };

/* Walks the compound. */
static enum shape rtcp_shape(const struct look *l, uint32_t *ssrc)
{
	struct cursor c = cur_open(l->data, l->len);
	uint32_t left = l->wire;
	bool first = true;

	while (left >= RTCP_HEADER) {
		uint8_t version = cur_u8(&c) >> 6, type = cur_u8(&c);
		uint32_t size = 4 * ((uint32_t)cur_u16(&c) + 1);

		if (c.bad || version != 2 || type < RTCP_PT_FIRST || type > RTCP_PT_LAST || size > left)
			return first ? SHAPE_NONE : SHAPE_FIRST;
		if (first && type != RTCP_PT_SR && type != RTCP_PT_RR && size < 8)
			return SHAPE_NONE;
		if (first)
			*ssrc = cur_u32(&c);
		cur_skip(&c, size - RTCP_HEADER - (first ? 4 : 0));
		left -= size;
		first = false;
		if (c.bad)
			return SHAPE_FIRST; /* the capture ends here */
	}
	return left == 0 ? SHAPE_CHAIN : SHAPE_FIRST;
}

enum look_result rtcp_look(struct look *l)
{
	enum { MIN_LEN = 8 };
	struct rtcp_state *st;
	uint32_t ssrc = 0;
	enum shape shape;
	float bits;

	if (l->len < MIN_LEN || l->data[1] < RTCP_PT_FIRST || l->data[1] > RTCP_PT_LAST)
		return LOOK_MAYBE;
	shape = rtcp_shape(l, &ssrc);
	if (shape == SHAPE_NONE || (st = detect_state(l, sizeof *st)) == NULL)
		return LOOK_MAYBE;
	if (st->ssrc[l->dir] == ssrc && ssrc != 0 && st->again[l->dir] < SOURCES_COUNTED)
		st->again[l->dir]++;
	st->ssrc[l->dir] = ssrc;
	st->chain |= shape == SHAPE_CHAIN;
	if (++st->packets > 16)
		return LOOK_YES; /* nothing new to say */
	bits = (st->chain ? BITS_CHAIN : BITS_FIRST) + BITS_SOURCE * (float)(st->again[0] + st->again[1]);
	if (addr_is_multicast(&l->pkt->ip[1]))
		detect_evidence(l, CLASS_STREAMING, APP_RTCP, bits, "RTCP to a group, {0} packets", st->packets, 0);
	else
		detect_evidence(l, CLASS_SIGNALLING, APP_RTCP, bits,
		    st->chain ? "RTCP, {0} packets, lengths exact" : "SRTCP, {0} packets of one sender",
		    st->packets, 0);
	return LOOK_YES;
}
