/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Formats that no capture of ours shows: they name, in a row that is not
 * verified, and never make a class.
 */
#include "detect/rows.h"

#include <string.h>

#include "base/cursor.h"
#include "detect/rtp.h"
#include "detect/vendor.h"

const struct byte_range vendor_hint_bytes[] = { { 0x00, 0xff }, { 1, 0 } };

/* TeamSpeak 3: the handshake carries eight letters where later packets have their code (ts3protocol, 2.1). */
static bool teamspeak(const struct look *l)
{
	static const char init[] = "TS3INIT1";

	return l->len > sizeof init && memcmp(l->data, init, sizeof init - 1) == 0;
}

/*
 * LINE, before and beside the RTP of its calls: a mark, a type, and the number of
 * bytes that follow, big-endian. The form holds for all sizes in nDPI's line.c
 * (8, 16, 110 bytes) but one; the field is what is tested here, at any size.
 */
static bool line(const struct look *l)
{
	enum { MARK = 0xb6, HEAD = 4, LEAST = 4 };
	struct cursor c = cur_open(l->data, l->len);
	bool marked = cur_u8(&c) == MARK;

	cur_skip(&c, 1);
	return marked && l->wire >= HEAD + LEAST && cur_u16(&c) == l->wire - HEAD;
}

/* Between Apple's servers and clients before FaceTime: 16 bytes that begin so, on these ports (libprotoident, AppleFacetimeInit). */
static bool facetime(const struct look *l)
{
	enum { SIZE = 16, PORT_LO = 16384, PORT_HI = 16410 };
	const uint16_t *port = l->flow->key.port;
	struct cursor c = cur_open(l->data, l->len);
	uint32_t kind = cur_u32(&c) & ~0x10000u; /* with that bit or without: 1 and 2, answer and question */

	return l->wire == SIZE && port[0] >= PORT_LO && port[0] <= PORT_HI && port[1] >= PORT_LO && port[1] <= PORT_HI &&
	    (kind == 1 || kind == 2);
}

/* One datagram says all. */
static const struct hint {
	enum app app;
	bool (*fits)(const struct look *);
	const char *why;
} hints[] = {
	{ APP_TEAMSPEAK, teamspeak, "TeamSpeak 3 handshake" },
	{ APP_LINE, line, "datagram that begins as LINE's do, with its length" },
	{ APP_FACETIME, facetime, "datagram as Apple's servers exchange before FaceTime" },
};

static const struct hint *hint_of(const struct look *l)
{
	for (unsigned i = 0; i < sizeof hints / sizeof *hints; i++)
		if (hints[i].fits(l))
			return &hints[i];
	return NULL;
}

/*
 * Viber asks and answers in 12 bytes, where the third and fourth tell which
 * (libprotoident, Viber_UDP): both must be seen, one each way.
 */
struct viber { bool asked[2], answered[2]; };

static bool viber(struct look *l)
{
	enum { SIZE = 12, ASK = 0x0300, ANSWER = 0x0400 };
	struct viber *v = detect_state_find(l);
	struct cursor c = cur_open(l->data, l->len);
	uint16_t kind;

	cur_skip(&c, 2);
	kind = cur_u16(&c);
	if (l->wire != SIZE || l->len < SIZE || (kind != ASK && kind != ANSWER))
		return false;
	if (v == NULL && (v = detect_state(l, sizeof *v)) == NULL)
		return false;
	(kind == ASK ? v->asked : v->answered)[l->dir] = true;
	return (v->asked[0] && v->answered[1]) || (v->asked[1] && v->answered[0]);
}

/*
 * Zoom between two parties: the media header without a channel before it. Its
 * length inside is measured in the channels of vendor_zoom.c; seen directly by
 * the paper cited there.
 */
static bool zoom_direct(const struct look *l, uint32_t *inner)
{
	enum { AUDIO = 15, LENGTH_AT = 17, RTP_AT = 19 };
	struct cursor c = cur_open(l->data, l->len);

	*inner = RTP_AT;
	cur_skip(&c, LENGTH_AT);
	return l->len > RTP_AT + RTP_HEADER_LEN && l->data[0] == AUDIO && cur_u16(&c) == l->wire - RTP_AT
	    && l->data[RTP_AT] >> 6 == 2;
}

static enum look_result say(struct look *l, enum app app, const char *why)
{
	detect_evidence(l, CLASS_SIGNALLING, app, UNVERIFIED_BITS, why, 0, 0);
	return LOOK_NO;
}

enum look_result vendor_hint_look(struct look *l)
{
	const struct hint *h;
	uint32_t inner;

	if (l->depth != 0 || l->len == 0)
		return LOOK_MAYBE;
	if (vendor_teams.opens(l))
		return vendor_teams.look(l, NULL);
	if ((h = hint_of(l)) != NULL)
		return say(l, h->app, h->why);
	if (viber(l))
		return say(l, APP_VIBER, "question and answer of 12 bytes, as Viber's");
	if (!zoom_direct(l, &inner))
		return LOOK_MAYBE;
	detect_evidence(l, CLASS_MEDIA, APP_ZOOM, UNVERIFIED_BITS, "Zoom audio between two parties", 0, 0);
	detect_inner(l, l->data + inner, l->len - inner, l->wire - inner);
	return LOOK_YES;
}
