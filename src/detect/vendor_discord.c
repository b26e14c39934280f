/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Discord's voice servers. Its media is RTP (type 120 for Opus) without ICE;
 * what names it, and says that two parties are there, comes before and beside:
 * the question for one's own address (74 bytes, documented at
 * discord.com/developers, Voice Connections, IP Discovery) and, every 5 s, a
 * keep-alive that the server sends back (measured in two captures).
 */
#include "detect/vendor.h"

#include <string.h>

#include "base/cursor.h"

#define DISCOVERY_LEN   74
#define DISCOVERY_BODY  70 /* the length field: 0x46 */
#define DISCOVERY_TEXT   8 /* offset of the address as text, 64 bytes; then the port, in questions whatever was there */
#define DISCOVERY_TEXT_LEN 64
#define DISCOVERY_PORT  (DISCOVERY_TEXT + DISCOVERY_TEXT_LEN)
#define KEEP_ALIVE_LEN   8
#define KEEP_ALIVE  0x1337cafeu

enum { DISCOVERY_ASK = 1, DISCOVERY_TELL = 2 };

/* Bits. */
#define BITS_ASK       28.0f /* type and length (32, but small numbers) and 64 zero bytes, counted for 8 */
#define BITS_TOLD      20.0f /* the same source comes back (32), with an address in digits (11 a byte of ten) */
#define BITS_KEEP      24.0f /* the magic number (32; others like to spell so too) and the length */
#define BITS_KEPT      12.0f /* and it comes back with the same counter */
#define BITS_RTCP       4.0f /* RTCP whose sender stays, beside the keep-alive */
#define RTCP_COUNTED    4
#define RTCP_CALL       3    /* packets of RTCP that make it a call, seen both ways; or one way where the capture has only one */

struct discord_flow {
	uint32_t ssrc;       /* asked with */
	uint32_t kept[2];    /* last counter a direction */
	uint32_t sender[2];  /* of RTCP */
	uint8_t rtcp[2];
	bool asked, told, keeping, echoed;
};
static_assert(sizeof(struct discord_flow) <= VENDOR_STATE, "fits the state of a vendor's flow");

static bool zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != 0)
			return false;
	return true;
}

/* Type of a discovery packet with its source; 0 none. */
static uint16_t discovery(const struct look *l, uint32_t *ssrc)
{
	struct cursor c = cur_open(l->data, l->len);
	uint16_t type = cur_u16(&c), length = cur_u16(&c);

	*ssrc = cur_u32(&c);
	if (c.bad || l->wire != DISCOVERY_LEN || length != DISCOVERY_BODY)
		return 0;
	if (type == DISCOVERY_ASK) /* of a capture cut short: the zeros that are left */
		return zero(l->data + DISCOVERY_TEXT, l->len < DISCOVERY_PORT ? l->len - DISCOVERY_TEXT : DISCOVERY_TEXT_LEN) ? type : 0;
	return type == DISCOVERY_TELL ? type : 0;
}

static bool is_keep_alive(const struct look *l, uint32_t *counter)
{
	struct cursor c = cur_open(l->data, l->len);
	uint32_t magic = cur_u32(&c);

	*counter = cur_u32(&c);
	return l->len == KEEP_ALIVE_LEN && l->wire == KEEP_ALIVE_LEN && magic == KEEP_ALIVE;
}

static bool discord_opens(const struct look *l)
{
	uint32_t ignored;

	return is_keep_alive(l, &ignored) || discovery(l, &ignored) == DISCOVERY_ASK;
}

static float mark_bits(const struct discord_flow *d)
{
	float ask = d->asked ? BITS_ASK + (d->told ? BITS_TOLD : 0) : 0;
	float keep = d->keeping ? BITS_KEEP + (d->echoed ? BITS_KEPT : 0) : 0;

	return ask > keep ? ask : keep; /* one application says both: not independent */
}

static void weigh(struct look *l, const struct discord_flow *d)
{
	unsigned rtcp = d->rtcp[0] + d->rtcp[1];
	bool both = d->rtcp[0] != 0 && d->rtcp[1] != 0;

	if (rtcp >= RTCP_CALL && (both || l->flow->dir[!l->dir].packets == 0))
		detect_evidence(l, CLASS_MEDIA, APP_DISCORD, mark_bits(d) + vendor_run(rtcp, RTCP_COUNTED, BITS_RTCP),
		    both ? "Discord voice connection, {0} RTCP packets both ways" : "Discord voice connection, {0} RTCP packets", rtcp, 0);
	else
		detect_evidence(l, CLASS_SIGNALLING, APP_DISCORD, mark_bits(d),
		    d->asked ? "Discord asks for its own address" : "keep-alive of Discord's voice servers", 0, 0);
}

/* RTCP or SRTCP with a sender: RFC 3550, 6.4. */
static bool is_rtcp(const struct look *l, uint32_t *sender)
{
	enum { SENDER_REPORT = 200, LAST = 207 };
	struct cursor c = cur_open(l->data, l->len);
	uint8_t first = cur_u8(&c), type = cur_u8(&c);
	uint32_t size = 4 * ((uint32_t)cur_u16(&c) + 1);

	*sender = cur_u32(&c);
	return !c.bad && first >> 6 == 2 && type >= SENDER_REPORT && type <= LAST && size <= l->wire && *sender != 0;
}

static bool rtcp(struct discord_flow *d, int dir, uint32_t sender)
{
	bool first = d->rtcp[dir] == 0;

	if (d->rtcp[dir] == UINT8_MAX || (!first && d->sender[dir] != sender))
		return false;
	d->sender[dir] = sender;
	return ++d->rtcp[dir] <= RTCP_COUNTED;
}

static bool keep_alive(struct discord_flow *d, int dir, uint32_t counter)
{
	bool new = !d->keeping || (!d->echoed && d->kept[!dir] == counter);

	d->echoed |= d->keeping && d->kept[!dir] == counter;
	d->keeping = true;
	d->kept[dir] = counter;
	return new;
}

static enum look_result discord_look(struct look *l, void *state)
{
	struct discord_flow *d = state;
	uint32_t number;
	uint16_t type = discovery(l, &number);
	bool new = false;

	if (type == DISCOVERY_ASK) {
		new = !d->asked;
		d->asked = true;
		d->ssrc = number;
	} else if (type == DISCOVERY_TELL && d->asked && number == d->ssrc) {
		new = !d->told;
		d->told = true;
	} else if (is_keep_alive(l, &number)) {
		new = keep_alive(d, l->dir, number);
	} else if (is_rtcp(l, &number)) {
		new = rtcp(d, l->dir, number);
	}
	if (new)
		weigh(l, d);
	return LOOK_YES;
}

static const struct byte_range first_bytes[] = { { DISCOVERY_ASK >> 8, DISCOVERY_ASK >> 8 }, { KEEP_ALIVE >> 24, KEEP_ALIVE >> 24 }, { 1, 0 } };
const struct vendor_app vendor_discord = { APP_DISCORD, discord_opens, discord_look, first_bytes };
