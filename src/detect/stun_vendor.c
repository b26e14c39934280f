/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/stun.h"

#include <stddef.h>
#include <strings.h>

/*
 * Names by what applications put into STUN. A row names, it proves nothing:
 * the bits of the class come from the message itself. Rows that no capture
 * confirmed are looked at by a detector row of their own that is unverified.
 */

#define UUID_LEN 36 /* RFC 4122 text */

/*
 * WhatsApp's checks between two phones carry MESSAGE-INTEGRITY and nothing
 * else. RFC 8489, 9.1.2 wants USERNAME beside it, so nobody else sends that.
 */
static bool bare_integrity(const struct stun_message *m)
{
	return m->method == STUN_BINDING && m->cls == STUN_REQUEST && m->n == 1
	    && m->at[0].type == STUN_MESSAGE_INTEGRITY && m->at[0].len == 20;
}

/* Zoom's classic probe: one attribute, a text of digits. */
static bool digits_probe(const struct stun_message *m)
{
	if (m->cookie || m->n != 1 || m->at[0].have < 19)
		return false;
	for (unsigned i = 0; i < 19; i++)
		if (m->at[0].value[i] < '0' || m->at[0].value[i] > '9')
			return false;
	return true;
}

static uint16_t username_left(const struct stun_attribute *user)
{
	uint16_t n = 0;

	while (n < user->have && user->value[n] != ':')
		n++;
	return n;
}

/* Zoom in a browser: both user fragments are upper-case UUIDs. */
static bool uuid_pair(const struct stun_message *m)
{
	const struct stun_attribute *user = stun_find(m, STUN_USERNAME);

	return user != NULL && user->len == 2 * UUID_LEN + 1 && username_left(user) == UUID_LEN
	    && user->value[8] == '-' && user->value[13] == '-';
}

/*
 * A check from libwebrtc (own fragment of 4 characters) to a server that gave
 * itself a long one: Meet's forwarding units, on the port of their STUN server.
 */
static bool long_server_fragment(const struct stun_message *m)
{
	const struct stun_attribute *user = stun_find(m, STUN_USERNAME);

	return user != NULL && m->cls == STUN_REQUEST && username_left(user) >= 16
	    && user->have == user->len && user->len - username_left(user) == 4 + 1;
}

/*
 * Sources: [M] measured in labelled captures; [MS] MS-TURN, MS-ICE2, open
 * specifications of Microsoft; [WebRTC] attribute numbers registered with IANA
 * for Google; [Meet] Google's published ports of Meet (UDP 3478, 19302-19309).
 */
static const struct stun_vendor vendors[] = {
	/* [M] three captures of calls, all relay requests and answers */
	{ .app = APP_WHATSAPP, .verified = true, .type = 0x4000, .len_min = 32, .len_max = 512,
	  .why = "STUN attribute 0x4000 of WhatsApp" },
	{ .app = APP_WHATSAPP, .verified = true, .type = 0x4002, .len_min = 8, .len_max = 8,
	  .why = "STUN attribute 0x4002 of WhatsApp" },
	{ .app = APP_WHATSAPP, .verified = true, .shape = bare_integrity,
	  .why = "check with MESSAGE-INTEGRITY and no USERNAME, as WhatsApp sends" },
	/* [M] every message of Skype 2017 and Teams, in none of another application; [MS] */
	{ .app = APP_TEAMS, .verified = true, .type = 0x8070, .len_min = 4, .len_max = 4,
	  .why = "STUN attribute 0x8070 (implementation version) of Skype/Teams" },
	{ .app = APP_TEAMS, .verified = true, .type = 0x8054, .len_min = 1, .len_max = 64,
	  .why = "STUN attribute 0x8054 (candidate identifier) of Skype/Teams" },
	{ .app = APP_MESSENGER, .verified = true, .type = STUN_REALM, .len_min = 8, .len_max = 128,
	  .text = "turner.facebook", .why = "TURN realm of Facebook Messenger" },
	{ .app = APP_GOOGLEMEET, .verified = true, .type = STUN_REALM, .len_min = 8, .len_max = 128,
	  .text = "turn.l.google.com", .why = "TURN realm of Google Meet and Duo" },
	/* [Meet], [M]: a peer's own port falls into the 8 once in 8192 */
	{ .app = APP_GOOGLEMEET, .verified = true, .type = 0xc057, .len_min = 4, .len_max = 4,
	  .port_lo = 19302, .port_hi = 19309, .why = "WebRTC check to a port of Google Meet" },
	{ .app = APP_ZOOM, .verified = true, .type = 0x0101, .len_min = 20, .len_max = 20,
	  .shape = digits_probe, .why = "classic STUN with Zoom's attribute 0x0101" },
	/* [WebRTC] GOOG-NETWORK-INFO and its kin: every application built on libwebrtc */
	{ .app = APP_WEBRTC, .verified = true, .type = 0xc057, .len_min = 4, .len_max = 4,
	  .why = "STUN attribute 0xc057 of WebRTC" },

	{ .app = APP_GOOGLEMEET, .type = 0xc057, .len_min = 4, .len_max = 4, .port_lo = 3478,
	  .port_hi = 3478, .shape = long_server_fragment, .why = "WebRTC check to a forwarding unit like Google Meet's" },
	{ .app = APP_ZOOM, .type = STUN_USERNAME, .len_min = 73, .len_max = 73, .port_lo = 8801,
	  .port_hi = 8810, .shape = uuid_pair, .why = "check between UUID user names on a port of Zoom" },
	{ .app = APP_TEAMS, .type = 0x8008, .len_min = 4, .len_max = 4, .why = "STUN attribute 0x8008 (MS-VERSION)" },
	{ .app = APP_TEAMS, .type = STUN_REALM, .len_min = 8, .len_max = 128, .text = "rtcmedia",
	  .why = "TURN realm of Skype for Business" },
	{ .app = APP_SIGNAL, .type = STUN_REALM, .len_min = 8, .len_max = 128, .text = "signal.org",
	  .why = "TURN realm of Signal" },
	{ .app = APP_SIGNAL, .type = STUN_REALM, .len_min = 8, .len_max = 128, .text = "whispersystems.org",
	  .why = "TURN realm of Signal" },
	{ .app = APP_TELEGRAM, .type = STUN_REALM, .len_min = 8, .len_max = 128, .text = "telegram.org",
	  .why = "TURN realm of Telegram" },
	{ .app = APP_WHATSAPP, .type = STUN_REALM, .len_min = 8, .len_max = 128, .text = "whatsapp",
	  .why = "TURN realm of WhatsApp" },
};

static bool holds(const struct stun_attribute *a, const char *text)
{
	size_t n = 0;

	while (text[n] != '\0')
		n++;
	for (size_t at = 0; at + n <= a->have; at++)
		if (strncasecmp((const char *)a->value + at, text, n) == 0)
			return true;
	return false;
}

static bool fits(const struct stun_vendor *v, const struct stun_message *m, uint16_t peer_port)
{
	const struct stun_attribute *a;

	if (v->port_hi != 0 && (peer_port < v->port_lo || peer_port > v->port_hi))
		return false;
	if (v->type != 0) {
		a = stun_find(m, v->type);
		if (a == NULL || a->len < v->len_min || a->len > v->len_max)
			return false;
		if (v->text != NULL && !holds(a, v->text))
			return false;
	}
	return v->shape == NULL || v->shape(m);
}

const struct stun_vendor *stun_vendor_find(const struct stun_message *m, uint16_t peer_port, bool verified)
{
	for (unsigned i = 0; i < sizeof vendors / sizeof *vendors; i++)
		if (vendors[i].verified == verified && fits(&vendors[i], m, peer_port))
			return &vendors[i];
	return NULL;
}
