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

enum look_result vendor_hint_look(struct look *l)
{
	uint32_t inner;

	if (l->depth != 0 || l->len == 0)
		return LOOK_MAYBE;
	if (vendor_teams.opens(l))
		return vendor_teams.look(l, NULL);
	if (teamspeak(l)) {
		detect_evidence(l, CLASS_SIGNALLING, APP_TEAMSPEAK, UNVERIFIED_BITS, "TeamSpeak 3 handshake", 0, 0);
		return LOOK_NO;
	}
	if (!zoom_direct(l, &inner))
		return LOOK_MAYBE;
	detect_evidence(l, CLASS_MEDIA, APP_ZOOM, UNVERIFIED_BITS, "Zoom audio between two parties", 0, 0);
	detect_inner(l, l->data + inner, l->len - inner, l->wire - inner);
	return LOOK_YES;
}
