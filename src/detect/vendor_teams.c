/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Teams and Skype of today sign calls to their relays over the port of TURN
 * without STUN too: what is sent is acknowledged by the byte 3 and a UUID in
 * lower-case text, 37 bytes in all. Reported: 11 of 11 packets of that length
 * in a capture of a Teams call; none of our labelled captures has one, so the
 * row that asks is not verified (vendor_hint.c).
 */
#include "detect/vendor.h"

#define ACK      3
#define ACK_LEN 37 /* bytes: the type and RFC 4122 text */

/* 32 hexadecimal digits (4 bits each), four dashes, type and length: over 140; further ones mean nothing. */
#define BITS_ACK 40.0f

static bool is_uuid(const uint8_t *p)
{
	for (unsigned i = 0; i < ACK_LEN - 1; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? p[i] != '-' : !((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f')))
			return false;
	}
	return true;
}

static bool teams_opens(const struct look *l)
{
	return l->len == ACK_LEN && l->wire == ACK_LEN && l->data[0] == ACK && is_uuid(l->data + 1);
}

static enum look_result teams_look(struct look *l, void *state)
{
	(void)state;
	if (teams_opens(l))
		detect_evidence(l, CLASS_SIGNALLING, APP_TEAMS, BITS_ACK, "acknowledgement of Teams' call signalling", 0, 0);
	return LOOK_YES;
}

const struct vendor_app vendor_teams = { APP_TEAMS, teams_opens, teams_look, NULL };
