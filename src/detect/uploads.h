/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_UPLOADS_H
#define SQUELCH_DETECT_UPLOADS_H

#include "detect/span.h"

/* True for a name in rules/skype-uploads.names, which is compiled into the program, or below one. */
bool uploads_find(struct span host);

#endif
