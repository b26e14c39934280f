/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * imo's calls: datagrams are chains of frames, each a length (one byte, or two
 * with the first bit set) and so many bytes, of which the first is a type.
 * Pings carry a clock of 64 bits, low byte first, and come back as type 3.
 * Everything measured in a labelled capture (one call, relayed and direct).
 */
#include "detect/vendor.h"

#include "base/cursor.h"
#include "base/saturate.h"

enum { TYPE_PING = 0x02, TYPE_PONG = 0x03, TYPE_MEDIA = 0x0a, TYPE_CONTROL = 0x0d, TYPE_FILLER = 0x1a };

#define PING_LEN       9   /* of the frame: type and clock */
#define CHAIN_MAX     64   /* frames in a datagram; 700 two-byte ones would fit */
#define ASKED          8   /* pings remembered a direction: they come in bursts of five */
#define BIG           32   /* bytes from which a frame carries something sealed */

/* Bits. Ping: length and type (16), high half of the clock zero (32, zeros are common), datagram ends there (8). */
#define BITS_PING     14.0f
#define BITS_PONG     14.0f /* 64 bits come back under the next type; echoes of other protocols taken off */
#define BITS_CHAIN     3.0f /* a chain that ends with the datagram: 8 to 14 bits, as any protocol with lengths */
#define CHAINS_COUNTED 6
#define CHAINS_CALL    4    /* chains with sealed frames that make it a call: pings alone are none */

struct imo_flow {
	uint32_t asked[2][ASKED]; /* low half of the clock */
	uint8_t next[2];
	uint8_t chains;
	bool ponged;
};
static_assert(sizeof(struct imo_flow) <= VENDOR_STATE, "fits the state of a vendor's flow");

struct chain {
	uint8_t ping;       /* TYPE_PING or TYPE_PONG, 0 none */
	uint32_t clock;     /* of it */
	bool sealed;        /* a frame of media, control or filler */
};

static uint32_t frame_length(struct cursor *c)
{
	uint8_t first = cur_u8(c);

	return first & 0x80 ? (uint32_t)(first & 0x7f) << 7 | cur_u8(c) : first;
}

static void frame_read(struct cursor f, uint32_t len, struct chain *out)
{
	uint8_t type = cur_u8(&f);
	uint32_t low;

	if (len >= BIG && (type == TYPE_MEDIA || type == TYPE_CONTROL || type == TYPE_FILLER))
		out->sealed = true;
	if (len != PING_LEN || (type != TYPE_PING && type != TYPE_PONG))
		return;
	low = cur_u32(&f);
	if (cur_u32(&f) != 0)
		return; /* milliseconds: the high half (low byte first) is zero for 49 days */
	out->ping = type;
	out->clock = low;
}

/* The chain of a whole datagram; false when its lengths do not end where it does. */
static bool chain_read(const struct look *l, struct chain *out)
{
	struct cursor c = cur_open(l->data, l->len);

	*out = (struct chain){ 0 };
	if (l->len != l->wire || l->len < 2)
		return false;
	if (l->data[0] == 0)
		cur_skip(&c, 1); /* relays put an empty frame first */
	for (unsigned i = 0; i < CHAIN_MAX && cur_left(&c) != 0; i++) {
		uint32_t len = frame_length(&c);
		struct cursor f = cur_sub(&c, len);

		if (c.bad || len == 0)
			return false;
		frame_read(f, len, out);
	}
	return cur_left(&c) == 0;
}

static bool imo_opens(const struct look *l)
{
	struct chain chain;

	/* a ping is the last frame, behind a relay's empty one or an announcement */
	return l->len > PING_LEN && l->len <= 512 && (l->data[l->len - PING_LEN] == TYPE_PING
	    || l->data[l->len - PING_LEN] == TYPE_PONG) && chain_read(l, &chain) && chain.ping != 0;
}

static bool asked(const struct imo_flow *m, int dir, uint32_t clock)
{
	for (unsigned i = 0; i < ASKED; i++)
		if (m->asked[dir][i] == clock && clock != 0)
			return true;
	return false;
}

static enum look_result imo_look(struct look *l, void *state)
{
	struct imo_flow *m = state;
	struct chain chain;

	if (!chain_read(l, &chain))
		return LOOK_MAYBE;
	if (chain.ping == TYPE_PING)
		m->asked[l->dir][m->next[l->dir]++ % ASKED] = chain.clock;
	else if (chain.ping == TYPE_PONG)
		m->ponged |= asked(m, !l->dir, chain.clock);
	if (chain.sealed) {
		saturate_up(&m->chains);
		detect_media_packet(l, l->pkt->frame->mono_ns);
	}
	if (!m->ponged)
		return LOOK_MAYBE;
	if (m->chains >= CHAINS_CALL && m->chains <= CHAINS_COUNTED)
		detect_evidence(l, CLASS_MEDIA, APP_IMO, BITS_PING + BITS_PONG
		    + vendor_run(m->chains, CHAINS_COUNTED, BITS_CHAIN),
		    "imo call: ping answered, {0} chains of sealed frames", m->chains, 0);
	else if (m->chains < CHAINS_CALL)
		detect_evidence(l, CLASS_SIGNALLING, APP_IMO, BITS_PING + BITS_PONG, "imo call: ping answered", 0, 0);
	return LOOK_YES;
}

const struct vendor_app vendor_imo = { APP_IMO, imo_opens, imo_look, NULL };
