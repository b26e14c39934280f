/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_FRAMING_H
#define SQUELCH_DETECT_FRAMING_H

#include <stdint.h>

/*
 * How writes are told apart inside a stream: a header says how long the record
 * is. Only that is read. Contents may be encrypted; the times and lengths of
 * records are not.
 */
enum framing {
	FRAMING_NONE,      /* a write is what arrives in one piece, up to a pushed segment */
	FRAMING_TLS,       /* RFC 8446, 5.1 */
	FRAMING_LENGTH16,  /* RFC 4571; OpenVPN over TCP */
	FRAMING_TURN,      /* RFC 8656, 12.5: ChannelData padded to four bytes, and STUN messages */
	FRAMING_WEBSOCKET, /* RFC 6455, 5.2 */
	FRAMING_CHUNKED,   /* RFC 9112, 7.1 */
	FRAMINGS
};

#define FRAMING_HEADER_MAX 14 /* bytes: a WebSocket frame with a long length and a mask */

/*
 * Header and body of a record. head 0: more bytes of the header are needed. head < 0: no header of this framing.
 * `extra`: bytes of the body that are not the sender's (a mask, padding, what encryption adds), when the header tells.
 */
struct framing_header {
	int head;
	uint32_t body, extra;
};

/* Reads the header at the `have` bytes `at`; looks at no more than FRAMING_HEADER_MAX of them. */
struct framing_header framing_read(enum framing, const uint8_t *at, unsigned have);
/* Static text, for people. */
const char *framing_name(enum framing);

#endif
