/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_RTP_H
#define SQUELCH_DETECT_RTP_H

#include <stdbool.h>
#include <stdint.h>

/* RTP fixed header (RFC 3550, 5.1); SRTP leaves all of it in clear (RFC 3711, 3.1). */
#define RTP_HEADER_LEN 12

struct rtp_header {
	uint8_t pt;               /* payload type, 7 bits */
	bool marker;
	uint8_t contributors;     /* CSRC count */
	uint16_t seq;
	uint32_t ts, ssrc;
	uint32_t payload_len;     /* on the wire, padding and authentication tag included */
};

/*
 * Parses the `len` captured bytes of a datagram of `wire` bytes. False when it
 * cannot be RTP: version, lengths, or a second byte that RFC 5761, 4 keeps for RTCP.
 */
bool rtp_parse(const uint8_t *data, uint32_t len, uint32_t wire, struct rtp_header *out);

/* Static payload types (RFC 3551, 6): clock in Hz, 0 when the type is dynamic or unassigned. */
uint32_t rtp_static_clock(uint8_t pt);
bool rtp_static_video(uint8_t pt);

struct look;
/* RTSP announced the flow: what comes one way is no talk. */
bool rtp_is_streamed(const struct look *);

#endif
