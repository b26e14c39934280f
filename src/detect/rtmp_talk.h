/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_RTMP_TALK_H
#define SQUELCH_DETECT_RTMP_TALK_H

#include <assert.h>

#include "base/clock.h"
#include "detect/detect.h"
#include "detect/rtmp_chunk.h"

/* What is kept of an RTMP connection, and whether its audio is half of a conversation. */

#define RTMP_NAMES        4   /* streams known a direction */
#define RTMP_MARKS       64   /* frames remembered a direction, one of MARK_ONE_IN: 5 s at 20 ms */
#define RTMP_SPEAKS_MIN  25   /* audio messages each way: half a second of 20 ms */
#define RTMP_SILENCE_NS  (10 * NS_PER_S) /* who said nothing for so long does not talk: silence suppression lasts a few */

enum rtmp_phase { PHASE_HELLO, PHASE_ECHO, PHASE_CHUNKS };

struct rtmp_name { uint32_t stream, name; /* hash; 0 none */ };

/* Audio of one direction that is not known to be the own stream watched back. */
struct rtmp_audio {
	uint64_t last_ns, live_ns;  /* live_ns: the window began; */
	uint32_t live_ms;           /* and stamps advanced so far in it */
	uint32_t name;              /* of its stream; 0 unknown */
	uint16_t messages;          /* while the other direction spoke too, or was not seen */
	uint16_t own;               /* frames of the own stream */
	uint8_t tag;                /* of the last */
	uint8_t frames, frames_before; /* in this window and the last */
	bool timed;                 /* stamps are known */
	bool live, asked;           /* asked: published or played, by word */
	/* One frame in MARK_ONE_IN, chosen by its bytes: has the other end sent it before? */
	uint8_t at, echoed, fresh;
	uint16_t mark_last;
	uint16_t mark[RTMP_MARKS];
};

struct rtmp_state {
	uint64_t drawn[2];
	uint8_t phase[2], name_next[2];
	bool sure;                  /* a handshake or a connect */
	bool seen[2];               /* bytes came from that end */
	float said, said_streaming; /* bits of media; of streaming before */
	struct rtmp_audio audio[2];
	struct rtmp_name named[2][RTMP_NAMES];
	struct rtmp_chunks chunks[2];
};
static_assert(sizeof(struct rtmp_state) <= 1024, "state of an RTMP connection: docs/METHOD.md, bounds");

/* Adds a name of the stream that goes in direction `dir`. */
void rtmp_name_add(struct rtmp_state *, int dir, uint32_t stream, const struct rtmp_command *);
/* A hash of the name of a stream; 0 unknown. */
uint32_t rtmp_name_of(struct rtmp_state *, int dir, uint32_t stream);
/* Whether a stream of that name goes the other way. */
bool rtmp_is_own(const struct rtmp_state *, int dir, uint32_t name);
/* Looks whether the other end has sent this frame before. */
void rtmp_look_for_echo(struct rtmp_audio *, const struct rtmp_audio *other, const struct rtmp_message *);
/* Leaves evidence where audio goes both ways on this connection, or one end alone is seen and the other way was asked for. */
void rtmp_weigh_here(struct look *, struct rtmp_state *);
/* The same of two connections, by a fact each leaves for the other. */
void rtmp_weigh_pair(struct look *, struct rtmp_state *);
/* Leaves a fact: audio in direction `dir` was asked for, and that direction is not seen. */
void rtmp_tell_asked(struct look *, struct rtmp_state *, int dir, uint32_t stream);

#endif
