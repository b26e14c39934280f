/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_SIP_PARSE_H
#define SQUELCH_DETECT_SIP_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detect/span.h"
#include "flow/facts.h"

/* Methods we treat differently (RFC 3261, 3262, 3311); all others are SIP_OTHER. */
enum sip_method { SIP_OTHER, SIP_INVITE, SIP_ACK, SIP_CANCEL, SIP_BYE, SIP_PRACK, SIP_UPDATE };

/* Which fields of the message other protocols cannot have by chance. */
enum sip_proof {
	SIP_PROOF_START   = 1 << 0, /* start line with SIP/2.0 */
	SIP_PROOF_VIA     = 1 << 1, /* Via: SIP/2.0/... */
	SIP_PROOF_CALL_ID = 1 << 2,
	SIP_PROOF_CSEQ    = 1 << 3, /* number and method; in a request the method of the start line */
	SIP_PROOF_ALL     = 15,
};

struct sip_message {
	enum sip_method method;   /* of a response: the method of its CSeq */
	uint16_t status;          /* 0: a request */
	uint8_t proof;            /* enum sip_proof */
	bool length_known;
	uint32_t cseq;
	uint32_t content_length;
	size_t head_len;          /* start line, headers and blank line */
	bool head_whole;          /* the blank line is there */
	struct span uri;          /* of the request line */
	struct span call_id;
	struct span from, to;     /* URIs */
	struct span from_tag, to_tag;
	struct span content_type;
	struct span body;         /* what is there of it */
	bool registers;           /* a REGISTER request */
	struct span authorization; /* of either kind; empty none */
};

enum sip_line { SIP_LINE_NO, SIP_LINE_PART, SIP_LINE_YES };

/*
 * Whether a start line of SIP begins at the first byte. PART: no line end yet,
 * and the bytes so far do not say no.
 */
enum sip_line sip_start_line(const uint8_t *data, size_t len);
/* Parses one message; false when it does not begin with a start line of SIP. */
bool sip_parse(const uint8_t *data, size_t len, struct sip_message *);
/* The SDP of the body, alone or in a multipart body; empty when there is none. */
struct span sip_sdp(const struct sip_message *);
/*
 * Digits dialled with a request URI: user part without visual separators
 * (RFC 3966, 5.1.1), a leading + kept. Empty when there is anything else in it
 * or it is longer than DIALED_LEN holds.
 */
void sip_dialed(struct span uri, char out[static DIALED_LEN]);
/* urn:service:sos and below (RFC 5031). */
bool sip_uri_is_sos(struct span uri);

#endif
