/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * RTCP (RFC 3550, 6) and SRTCP (RFC 3711, 3.4). A compound packet is a chain of
 * lengths that must end exactly where the datagram does; SRTCP hides all but
 * the first header, so there the source must come back.
 */
#include "detect/rows.h"

#include "base/cursor.h"
#include "detect/rtp.h"

#define RTCP_PT_FIRST 200 /* SR; RFC 3550, 12.1 */
#define RTCP_PT_LAST  207 /* XR (RFC 3611) */
#define RTCP_PT_SR 200
#define RTCP_PT_RR 201
#define RTCP_HEADER 4     /* bytes, then the SSRC of the sender */

/* First header: version 2 bits, type 1 of 32 (5 bits), length 1 of some 2^14 that fit: counted at a third. */
#define BITS_CHAIN    12.0f /* the whole compound fits to the byte */
#define BITS_FIRST     5.0f /* only its first packet can be read: a report whose length is that of its blocks */
#define BITS_HEAD      3.0f /* or only version and type: a constant head of another protocol has them once in 128, and keeps them */
#define BITS_SOURCE    5.0f /* the same sender again: 32 bits, but session numbers stay too */
#define SOURCES_COUNTED 2

struct rtcp_state {
	uint32_t ssrc[2];
	uint32_t packets;
	uint8_t again[2];         /* times the sender of this direction came back */
	bool chain;               /* a compound was whole */
	bool report;              /* a report had the length of its blocks */
};

const struct byte_range rtcp_bytes[] = { { 0x80, 0xbf }, { 1, 0 } };

enum shape { SHAPE_NONE, SHAPE_HEAD, SHAPE_REPORT, SHAPE_CHAIN };

/* RFC 3550, 6.4: a sender's or receiver's report is as long as its report blocks say; the first of a compound is in clear in SRTCP too. */
static enum shape first_shape(uint8_t first, uint8_t type, uint32_t size)
{
	enum { BLOCK = 24, SENDER = 28, RECEIVER = 8, COUNT_MASK = 0x1f };
	uint32_t blocks = BLOCK * (first & COUNT_MASK);

	if ((type == RTCP_PT_SR && size == SENDER + blocks) || (type == RTCP_PT_RR && size == RECEIVER + blocks))
		return SHAPE_REPORT;
	return SHAPE_HEAD;
}

/* Walks the compound. */
static enum shape rtcp_shape(const struct look *l, uint32_t *ssrc)
{
	struct cursor c = cur_open(l->data, l->len);
	uint32_t left = l->wire;
	enum shape shape = SHAPE_NONE; /* of the first packet */
	bool first = true;

	while (left >= RTCP_HEADER) {
		uint8_t bits = cur_u8(&c), type = cur_u8(&c);
		uint32_t size = 4 * ((uint32_t)cur_u16(&c) + 1);

		if (c.bad || bits >> 6 != 2 || type < RTCP_PT_FIRST || type > RTCP_PT_LAST || size > left)
			return shape;
		if (first && type != RTCP_PT_SR && type != RTCP_PT_RR && size < 8)
			return SHAPE_NONE;
		if (first) {
			*ssrc = cur_u32(&c);
			shape = first_shape(bits, type, size);
		}
		cur_skip(&c, size - RTCP_HEADER - (first ? 4 : 0));
		left -= size;
		first = false;
		if (c.bad)
			return shape; /* the capture ends here */
	}
	return left == 0 ? SHAPE_CHAIN : shape;
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
	st->report |= shape == SHAPE_REPORT;
	if (++st->packets > 16)
		return LOOK_YES; /* nothing new to say */
	bits = BITS_HEAD;
	if (st->chain || st->report)
		bits = (st->chain ? BITS_CHAIN : BITS_FIRST) + BITS_SOURCE * (float)(st->again[0] + st->again[1]);
	if (addr_is_multicast(&l->pkt->ip[1]))
		detect_evidence(l, CLASS_STREAMING, APP_RTCP, bits, "RTCP to a group, {0} packets", st->packets, 0);
	else if (rtp_is_streamed(l))
		detect_evidence(l, CLASS_STREAMING, APP_RTCP, bits, "RTCP announced by RTSP, {0} packets", st->packets, 0);
	else
		detect_evidence(l, CLASS_SIGNALLING, APP_RTCP, bits,
		    st->chain ? "RTCP, {0} packets, lengths exact" : "SRTCP, {0} packets of one sender",
		    st->packets, 0);
	return LOOK_YES;
}
