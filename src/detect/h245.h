/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_H245_H
#define SQUELCH_DETECT_H245_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detect/call_facts.h"

/* H.245 in aligned PER (ITU-T X.691), as far as it proves itself or says where media go. */

enum h245_kind {
	H245_NO,            /* not H.245, or a message without a mark of its own */
	H245_DETERMINATION, /* masterSlaveDetermination: its length agrees with itself */
	H245_CAPABILITIES,  /* terminalCapabilitySet: has the object identifier of H.245 */
	H245_OPEN,          /* openLogicalChannel with an address */
	H245_OPEN_ACK,      /* openLogicalChannelAck with an address */
	H245_END,           /* endSession */
};

struct h245 {
	enum h245_kind kind;
	struct call_endpoint media, control; /* where the sender receives RTP and RTCP; port 0: not said */
	uint8_t session;    /* 1 audio, 2 video, 3 data (H.245, B.3.1) */
};

/* One message. */
struct h245 h245_read(const uint8_t *data, size_t len);
/* An OpenLogicalChannel by itself, as fastStart of H.225.0 has them. */
struct h245 h245_read_channel(const uint8_t *data, size_t len);

#endif
