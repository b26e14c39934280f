/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_VENDOR_H
#define SQUELCH_DETECT_VENDOR_H

#include "detect/detect.h"

/*
 * Media formats of single applications. All share one row and one state a
 * flow: a flow belongs to one application. docs/METHOD.md tells where the
 * facts come from and how the bits were counted.
 */
#define VENDOR_STATE 128 /* bytes an application keeps of a flow */

struct vendor_app {
	enum app app;
	/* True for a payload on which a flow is worth a state: fields that few others satisfy. */
	bool (*opens)(const struct look *);
	/* Each payload of such a flow, the first one too; LOOK_YES once the flow is proved. */
	enum look_result (*look)(struct look *, void *state);
	/* First bytes of the payloads it may open on, ends with {1, 0}; NULL: any. */
	const struct byte_range *first;
};

extern const struct vendor_app vendor_zoom, vendor_discord, vendor_telegram, vendor_telegram_peer,
    vendor_imo, vendor_snapchat, vendor_teams, vendor_mumble, vendor_mumble_voice;

/* Bits of a run of `n` equal observations, of which only the first `most` say something new. */
static inline float vendor_run(unsigned n, unsigned most, float each)
{
	return each * (float)(n < most ? n : most);
}

#endif
