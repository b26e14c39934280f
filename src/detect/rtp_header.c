/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/rtp.h"

#include "base/cursor.h"

/* RFC 3551, tables 4 and 5. */
static const struct { uint8_t pt; bool video; uint32_t clock_hz; } static_types[] = {
	{ 0, false, 8000 },   /* PCMU */
	{ 3, false, 8000 },   /* GSM */
	{ 4, false, 8000 },   /* G723 */
	{ 5, false, 8000 },   /* DVI4 */
	{ 6, false, 16000 },  /* DVI4 */
	{ 7, false, 8000 },   /* LPC */
	{ 8, false, 8000 },   /* PCMA */
	{ 9, false, 8000 },   /* G722: 16 kHz, but its RTP clock is 8000 */
	{ 10, false, 44100 }, /* L16 */
	{ 11, false, 44100 }, /* L16 */
	{ 12, false, 8000 },  /* QCELP */
	{ 13, false, 8000 },  /* CN */
	{ 14, false, 90000 }, /* MPA */
	{ 15, false, 8000 },  /* G728 */
	{ 16, false, 11025 }, /* DVI4 */
	{ 17, false, 22050 }, /* DVI4 */
	{ 18, false, 8000 },  /* G729 */
	{ 25, true, 90000 },  /* CelB */
	{ 26, true, 90000 },  /* JPEG */
	{ 28, true, 90000 },  /* nv */
	{ 31, true, 90000 },  /* H261 */
	{ 32, true, 90000 },  /* MPV */
	{ 33, true, 90000 },  /* MP2T */
	{ 34, true, 90000 },  /* H263 */
};

uint32_t rtp_static_clock(uint8_t pt)
{
	for (unsigned i = 0; i < sizeof static_types / sizeof *static_types; i++)
		if (static_types[i].pt == pt)
			return static_types[i].clock_hz;
	return 0;
}

bool rtp_static_video(uint8_t pt)
{
	for (unsigned i = 0; i < sizeof static_types / sizeof *static_types; i++)
		if (static_types[i].pt == pt)
			return static_types[i].video;
	return false;
}

bool rtp_parse(const uint8_t *data, uint32_t len, uint32_t wire, struct rtp_header *out)
{
	enum { VERSION_SHIFT = 6, EXTENSION = 0x10, CSRC_MASK = 0x0f, MARKER = 0x80,
	    RESERVED_FIRST = 64, RESERVED_LAST = 95 };
	struct cursor c = cur_open(data, len);
	uint8_t first = cur_u8(&c), second = cur_u8(&c);
	uint32_t header = RTP_HEADER_LEN + 4 * (first & CSRC_MASK);

	out->pt = second & 0x7f;
	out->marker = second & MARKER;
	out->contributors = first & CSRC_MASK;
	out->seq = cur_u16(&c);
	out->ts = cur_u32(&c);
	out->ssrc = cur_u32(&c);
	if (c.bad || first >> VERSION_SHIFT != 2 || header > wire)
		return false;
	if (out->pt >= RESERVED_FIRST && out->pt <= RESERVED_LAST)
		return false;
	if (first & EXTENSION) {
		cur_skip(&c, 4 * (first & CSRC_MASK) + 2);
		header += 4 + 4 * (uint32_t)cur_u16(&c);
		if (header > wire)
			return false; /* a capture cut short may hide the length: then it reads as 0 */
	}
	out->payload_len = wire - header;
	return true;
}
