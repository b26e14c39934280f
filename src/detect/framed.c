/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * RFC 4571: RTP, RTCP, STUN and DTLS over a stream, each packet behind its
 * length in two bytes. The frames are unwrapped and shown to the same rows as
 * datagrams; this row itself claims nothing.
 */
#include "detect/rows.h"

#include "base/cursor.h"

#define FRAME_MAX 1500        /* bytes; the packets are sized for an Ethernet path */
#define FRAME_MIN 8           /* the shortest RTCP */

const struct byte_range framed_bytes[] = { { 0, FRAME_MAX >> 8 }, { 1, 0 } };

/* First bytes of the protocols that RFC 7983 multiplexes. */
static bool frame_begins(uint8_t b)
{
	return b <= 3 || (b >= 20 && b <= 63) || (b >= 128 && b <= 191);
}

struct stream_result framed_stream(struct look *l)
{
	struct cursor c = cur_open(l->data, l->len);
	uint32_t len = cur_u16(&c);
	uint8_t first = cur_u8(&c);

	if (l->len < 3)
		return (struct stream_result){ STREAM_MORE, 0, 3 };
	if (len < FRAME_MIN || len > FRAME_MAX || !frame_begins(first))
		return (struct stream_result){ STREAM_STOP, 0, 0 };
	if (l->len < 2 + len)
		return (struct stream_result){ STREAM_MORE, 0, 2 + len };
	detect_inner(l, l->data + 2, len, len);
	return (struct stream_result){ STREAM_USED, 2 + len, 0 };
}
