/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Snapchat's calls: RTP and RTCP in the same flow as Google QUIC, told apart by
 * the first byte. Both are sealed as RFC 7714 says, so SRTCP ends with a bit and
 * an index that rises by one. Measured in a labelled capture; the versions of
 * Google QUIC (Q and three digits) are from its wire specification.
 */
#include "detect/vendor.h"

#include "base/cursor.h"

#define SENDERS 2              /* of RTCP a direction: sound and picture */
#define INDEX_MAX 0x7fffffffu  /* RFC 3711, 3.4: 31 bits under the E bit */

/* A version in letters (32 bits) makes it Google QUIC, of which SRTCP is no part. */
#define BITS_INSIDE   8.0f
/* A report of a sender seen before (16 of 37 bits) with the next index at its end (31, counters do that too). */
#define BITS_INDEX    8.0f
#define INDEX_COUNTED 4

struct snapchat_flow {
	struct { uint32_t ssrc, index; } sender[2][SENDERS];
	uint8_t steps;
};
static_assert(sizeof(struct snapchat_flow) <= VENDOR_STATE, "fits the state of a vendor's flow");

/* 'Q', '0' and two digits. */
static bool is_version(uint32_t v)
{
	uint8_t tens = v >> 8 & 0xff, ones = v & 0xff;

	return v >> 16 == 0x5130 && tens >= '0' && tens <= '9' && ones >= '0' && ones <= '9';
}

static bool snapchat_opens(const struct look *l)
{
	enum { LONG_HEADER = 0xc0, OLD_VERSION = 0x01, OLD_ID = 0x08 }; /* Q044 and later; up to Q043 */
	struct cursor c = cur_open(l->data, l->len);
	uint8_t first = cur_u8(&c);

	if ((first & LONG_HEADER) != LONG_HEADER) {
		if ((first & ~0x30) != (OLD_VERSION | OLD_ID))
			return false;
		cur_skip(&c, 8);
	}
	return is_version(cur_u32(&c));
}

/* SRTCP of RFC 7714: sender and index. */
static bool sealed_report(const struct look *l, uint32_t *ssrc, uint32_t *index)
{
	enum { FIRST = 200, LAST = 207, HEADER = 8, TAG = 16, INDEX = 4 };
	struct cursor c = cur_open(l->data, l->len);
	uint8_t first = cur_u8(&c), type = cur_u8(&c);

	cur_skip(&c, 2);
	*ssrc = cur_u32(&c);
	if (l->len != l->wire || l->len < HEADER + TAG + INDEX || first >> 6 != 2 || type < FIRST || type > LAST)
		return false;
	cur_skip(&c, cur_left(&c) - INDEX);
	*index = cur_u32(&c);
	if (!(*index & ~INDEX_MAX) || *ssrc == 0)
		return false;
	*index &= INDEX_MAX;
	return true;
}

static bool step(struct snapchat_flow *s, int dir, uint32_t ssrc, uint32_t index)
{
	unsigned i = 0;
	bool next;

	while (i < SENDERS && s->sender[dir][i].ssrc != 0 && s->sender[dir][i].ssrc != ssrc)
		i++;
	if (i == SENDERS)
		return false;
	next = s->sender[dir][i].ssrc == ssrc && s->sender[dir][i].index + 1 == index;
	s->sender[dir][i].ssrc = ssrc;
	s->sender[dir][i].index = index;
	return next;
}

static enum look_result snapchat_look(struct look *l, void *state)
{
	struct snapchat_flow *s = state;
	uint32_t ssrc, index;

	if (!sealed_report(l, &ssrc, &index))
		return s->steps != 0 ? LOOK_YES : LOOK_MAYBE;
	detect_media_packet(l, l->pkt->frame->mono_ns);
	if (!step(s, l->dir, ssrc, index) || s->steps == INDEX_COUNTED)
		return LOOK_MAYBE;
	s->steps++;
	detect_evidence(l, CLASS_MEDIA, APP_SNAPCHAT, BITS_INSIDE + vendor_run(s->steps, INDEX_COUNTED, BITS_INDEX),
	    "Snapchat: {0} SRTCP reports in order beside Google QUIC", s->steps + 1u, 0);
	return LOOK_YES;
}

/* Old versions with any length of packet number; long headers. */
static const struct byte_range first_bytes[] = { { 0x09, 0x09 }, { 0x19, 0x19 }, { 0x29, 0x29 }, { 0x39, 0x39 }, { 0xc0, 0xff }, { 1, 0 } };
const struct vendor_app vendor_snapchat = { APP_SNAPCHAT, snapchat_opens, snapchat_look, first_bytes };
