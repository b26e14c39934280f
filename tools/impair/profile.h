/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef IMPAIR_PROFILE_H
#define IMPAIR_PROFILE_H

#include "core.h"

/* By name; false when there is none. */
bool profile_find(const char *name, struct impair_profile *into);

/* "loss=0.05,burst=3": sets figures by their name in core.h. On an error: what is wrong, else NULL. */
const char *profile_set(struct impair_profile *p, const char *text);

/*
 * Prints every profile with its figures and what they come to, measured on
 * SURVEY_S seconds of 50 packets/s of 200 bytes.
 */
void profile_list(void);

#endif
