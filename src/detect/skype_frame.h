/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_SKYPE_FRAME_H
#define SQUELCH_DETECT_SKYPE_FRAME_H

#include "base/cursor.h"
#include "detect/detect.h"
#include "detect/skype_host.h"

/* A datagram that has the shape of a frame. */
struct skype_sight {
	struct look *l;
	struct skype_hosts *hosts;
	struct skype_where from, to;
	uint64_t now;
	uint32_t peer;            /* skype_peer of `to` */
	uint16_t id;
	uint8_t type;             /* third byte as it came */
	struct cursor rest;       /* after it */
};

/* Each takes a frame of its kind, credits the endpoints and remembers what later ones are held against. */
void skype_take_payload(struct skype_sight *);   /* type 2: U1, U7', U8 */
void skype_take_fragment(struct skype_sight *);  /* type f: U1, U6 */
void skype_take_answer(struct skype_sight *);    /* types 5 and 7: U3, U4, U5 */
void skype_take_resend(struct skype_sight *);    /* type 3: U2 */

/* A number for whom a frame goes to; never 0. */
uint32_t skype_peer(const struct skype_where *);

/* Ports that everybody uses: nothing is concluded from one flow there about another. */
static inline bool skype_port_common(uint16_t port)
{
	return port == 0 || fact_port_common(port);
}

#endif
