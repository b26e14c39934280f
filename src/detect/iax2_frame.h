/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_IAX2_FRAME_H
#define SQUELCH_DETECT_IAX2_FRAME_H

#include "base/cursor.h"
#include "detect/detect.h"
#include "detect/span.h"

/* Full frames of IAX2 (RFC 5456, 8.1.1). */

#define IAX2_FULL_LEN 12

enum iax2_type { TYPE_DTMF = 1, TYPE_VOICE, TYPE_VIDEO, TYPE_CONTROL, TYPE_NULL, TYPE_IAX, TYPE_LAST = 12 };
enum iax2_iax { IAX_NEW = 1, IAX_PING, IAX_PONG, IAX_ACK, IAX_HANGUP, IAX_REJECT, IAX_ACCEPT, IAX_LAGRQ = 11, IAX_LAGRP,
	IAX_REGREQ, IAX_VNAK = 18, IAX_POKE = 30, IAX_CALLTOKEN = 40 /* after RFC 5456; as Asterisk sends it */, IAX_LAST };
enum iax2_control { CONTROL_HANGUP = 1, CONTROL_RINGING = 3, CONTROL_ANSWER, CONTROL_BUSY, CONTROL_CONGESTION = 8, CONTROL_LAST = 40 };

struct iax2_frame {
	uint16_t src, dst;
	uint32_t stamp;
	uint8_t oseq, iseq, type, subclass;
	bool again;               /* retransmitted */
	bool elements, version;   /* elements fill the frame; one says version 2 */
	struct span called, calling, name, user;
};

/* Reads a full frame; false when it cannot be one. The spans lead into the datagram. */
bool iax2_frame_read(const struct look *, struct iax2_frame *);
/* Frames that begin something have no peer yet and count from 0. */
bool iax2_frame_begins(const struct iax2_frame *);

/*
 * Whether so many bytes are so many milliseconds of a codec of constant rate: a game that counts
 * milliseconds sends other sizes.
 */
bool iax2_is_speech(uint16_t ms, uint32_t bytes);

/* Trunks (8.1.3.2): mini frames of many calls behind a zero call number, a command, flags and a stamp. */
enum { IAX2_TRUNK = 1, IAX2_TRUNK_STAMPS = 1, IAX2_ENTRIES_MAX = 64 };

struct iax2_entry { uint16_t number, stamp; };

/* By its first four bytes. */
static inline bool iax2_is_trunk(uint32_t head)
{
	return (head | IAX2_TRUNK_STAMPS) == (IAX2_TRUNK << 8 | IAX2_TRUNK_STAMPS);
}

/* Takes the next entry; `stamp` is that of the trunk, for entries without their own. False at the end. */
bool iax2_trunk_next(struct cursor *, bool stamps, uint16_t stamp, struct iax2_entry *);
/* Whether all entries of a datagram fit and the last one ends where it does; at least one. */
bool iax2_trunk_whole(const struct look *);

#endif
