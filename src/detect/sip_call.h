/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_SIP_CALL_H
#define SQUELCH_DETECT_SIP_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "detect/call_facts.h"
#include "detect/detect.h"
#include "detect/sip_parse.h"

#define SIP_DIALOGS      16 /* kept a flow; a trunk has more at once, and the oldest are let go */
#define SIP_DIALOG_MEDIA 2  /* announced ports kept a side: audio and video */

struct sip_dialog {
	uint64_t call;            /* 0: free */
	uint64_t caller;          /* hash of the caller's tag */
	uint32_t answered;        /* CSeq of the INVITE that was answered, + 1; 0 not yet */
	bool sos;
	uint8_t n_media[2];
	char dialed[DIALED_LEN];
	struct call_endpoint media[2][SIP_DIALOG_MEDIA]; /* said by the end of that direction */
};

/* Calls of one flow. */
struct sip_calls {
	struct sip_dialog dialog[SIP_DIALOGS];
	uint8_t next;             /* slot used next */
};

/* Takes a message of the flow: call signals, facts, and the number called. `calls` may be NULL. */
void sip_call_take(struct look *, struct sip_calls *calls, const struct sip_message *);

/* sip_audit.c: tells of a registration whose password is in danger; true when it was one. */
bool sip_audit(struct look *, const struct sip_message *);

#endif
