/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_CALL_FACTS_H
#define SQUELCH_DETECT_CALL_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "detect/detect.h"
#include "detect/sdp.h"
#include "detect/signal.h"
#include "detect/span.h"

/* What the call protocols do alike with what their messages say. */

struct call_endpoint {
	struct addr ip;
	uint16_t port; /* 0: none */
};

/* The number a flow's signalling is about to call, and the call it belongs to. */
struct call_number {
	uint64_t call;            /* whose number stands in the watch; 0 none */
	char dialed[DIALED_LEN];
};

/* The same for the same identifier in every run; never 0. */
uint64_t call_hash(const char *protocol, const void *id, size_t len);
/* An identifier that is unique only between the two ends of the flow, and its text in `id`. */
uint64_t call_hash_flow(const struct look *, const char *protocol, uint32_t number, uint32_t turn,
    char id[static CALL_ID_LEN]);

/* Copies printable ASCII, other bytes as question marks. Counted when it had to be cut. */
void call_text(const struct look *, char *to, size_t size, struct span);
/* Digits dialled, without visual separators; empty when there is anything else or too many. */
void call_digits(struct span, char out[static DIALED_LEN]);

/* A fact about media of a call, with who told; the rest is filled in by the functions below. */
struct fact call_fact(const struct look *, enum app call_app, uint64_t call, const char *dialed);
/* The fact with the codec a section offers first, so that jitter is measured from the first packet. */
struct fact call_fact_clock(struct fact, const struct sdp_media *);
/* Says that `host` will exchange datagrams with `remote`. app: APP_NONE media, APP_RTCP, APP_RTSP. */
void call_announce(const struct look *, const struct fact *, const struct addr *host,
    const struct call_endpoint *remote, enum app app);
/* The same for RTP and for RTCP on the port after it, to the end this message goes to. */
void call_announce_rtp(const struct look *, const struct fact *, const struct call_endpoint *remote);
/* Whether a section names media over UDP, and where. */
bool call_sdp_usable(const struct sdp_media *);
/* Every usable section and candidate of a description, to the end this message goes to. */
void call_announce_sdp(const struct look *, const struct fact *, const struct sdp *);
/*
 * Both ends of the media, when they are not the ends of the signalling. Two
 * parties must have said so: nothing is announced before both were heard.
 */
void call_announce_pair(const struct look *, const struct fact *, const struct call_endpoint *local,
    const struct call_endpoint *remote);

/* First usable section of a description; port 0 when there is none. */
struct call_endpoint call_sdp_end(const struct sdp *);
/* Adds the sections to a signal. */
void call_signal_sdp(struct call_signal *, const struct sdp *);
void call_signal_media(struct call_signal *, const struct call_endpoint *);

/* Puts the number called into the watch while the call lives: emergency calls must get through. */
void call_dialed(struct look *, struct call_number *, uint64_t call, const char *dialed);
void call_over(struct look *, struct call_number *, uint64_t call);

#endif
