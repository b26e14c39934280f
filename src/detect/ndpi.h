/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_NDPI_H
#define SQUELCH_DETECT_NDPI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/app.h"
#include "base/count.h"
#include "flow/flow.h"
#include "packet/packet.h"

/*
 * libnDPI's opinion of a flow: a name and a category, second after our own
 * evidence and never a class. Only what it read in payloads counts; what it
 * guesses from ports and addresses does not.
 */
enum ndpi_mode {
	NDPI_OFF,
	NDPI_EVIDENCE,  /* for flows that have evidence */
	NDPI_ALL,
	NDPI_MODES
};

/* "off", "evidence", "all"; false for anything else. */
bool ndpi_mode_find(const char *name, enum ndpi_mode *out);

struct ndpi_view;

#define NDPI_NAME_LEN 24 /* "google_services" and the like, with terminator */

struct ndpi_opinion {
	enum app app;                /* APP_NONE when it is none of ours */
	enum category category;      /* CATEGORY_NONE when it said nothing */
	char name[NDPI_NAME_LEN];    /* its own name in lower case; empty when it said nothing */
};

/*
 * NULL without memory. `budget_bytes` bounds what the library allocates for
 * flows and keeps between packets, its tables apart. One thread at a time.
 */
struct ndpi_view *ndpi_view_new(size_t budget_bytes);
void ndpi_view_free(struct ndpi_view *);
/*
 * Shows one packet of a flow. `*state` is the flow's, NULL at first. True when
 * there is nothing more to learn, or the budget is used up (counted): then *out
 * is set, the state is freed and the flow need not be shown again.
 */
bool ndpi_view_packet(struct ndpi_view *, void **state, const struct flow *,
    const struct packet *, struct counts *, struct ndpi_opinion *out);
/* Frees the state of a flow; *state may be NULL. */
void ndpi_view_release(struct ndpi_view *, void **state);

#endif
