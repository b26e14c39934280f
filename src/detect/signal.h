/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_SIGNAL_H
#define SQUELCH_DETECT_SIGNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/app.h"
#include "flow/facts.h"

/* What a signalling message said about a call, in the words all protocols share. */
enum call_phase {
	CALL_SETUP,     /* INVITE, SETUP */
	CALL_RINGING,   /* 18x */
	CALL_ANSWERED,  /* 2xx to the set-up */
	CALL_FAILED,    /* refused, busy, cancelled */
	CALL_ENDED,     /* BYE, release */
	CALL_MEDIA,     /* says only where media goes */
	CALL_ICE,       /* connectivity checks of one agent pair: `call` is a hash of both user names */
	CALL_PHASES
};

#define CALL_ID_LEN    128  /* Call-ID, RFC 3261 sets no bound: longer ones are cut and counted */
#define CALL_PARTY_LEN 128  /* URI */
#define CALL_CODEC_LEN 32
#define CALL_MEDIA_MAX 4

struct call_media {
	struct addr ip;
	uint16_t port;          /* host order */
	bool video;
	uint8_t payload_type;   /* first of the m= line, with its rtpmap below */
	uint32_t clock_hz;      /* 0 unknown */
	char codec[CALL_CODEC_LEN]; /* "opus/48000/2", empty unknown */
};

struct call_signal {
	uint64_t call;          /* hash of the protocol and the Call-ID; never 0 */
	enum call_phase phase;
	enum app app;
	bool from_caller;       /* the sender of this message placed the call */
	bool sos;
	char id[CALL_ID_LEN];
	char from[CALL_PARTY_LEN], to[CALL_PARTY_LEN]; /* caller, callee; empty when not said */
	char dialed[DIALED_LEN];
	uint8_t n_media;
	struct call_media media[CALL_MEDIA_MAX]; /* where the sender of this message will receive */
};

#endif
