/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_SDP_H
#define SQUELCH_DETECT_SDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "detect/signal.h"

/* Session descriptions (RFC 8866), as far as they say where media will go. */

#define SDP_MEDIA_MAX     8   /* m= lines kept; a video conference has two or three */
#define SDP_CANDIDATE_MAX 16  /* ICE candidates kept; an agent with two addresses makes about 12 */

enum sdp_kind { SDP_AUDIO, SDP_VIDEO, SDP_IMAGE, SDP_TEXT, SDP_OTHER };
enum sdp_way { SDP_SENDRECV, SDP_SENDONLY, SDP_RECVONLY, SDP_INACTIVE };
enum sdp_transport { SDP_RTP, SDP_UDPTL, SDP_NOT_UDP };

struct sdp_media {
	struct addr ip;            /* unspecified: unknown, or on hold the old way (RFC 2543, B.5) */
	struct addr rtcp_ip;
	uint16_t port;             /* 0: refused, or bundled into another */
	uint16_t rtcp_port;        /* 0: none */
	enum sdp_kind kind;
	enum sdp_way way;
	enum sdp_transport transport;
	uint8_t payload_type;      /* the first one */
	uint32_t clock_hz;         /* of it; 0 unknown */
	char codec[CALL_CODEC_LEN];
};

struct sdp_candidate {
	struct addr ip;
	uint16_t port;
	uint8_t component;         /* 1 RTP, 2 RTCP (RFC 8445, 13) */
};

struct sdp {
	unsigned n_media, n_candidate;
	bool more;                 /* there were more than we keep */
	struct sdp_media media[SDP_MEDIA_MAX];
	struct sdp_candidate candidate[SDP_CANDIDATE_MAX];
};

/* One pass over the text. False when no line of it names media. */
bool sdp_parse(const uint8_t *data, size_t len, struct sdp *);

#endif
