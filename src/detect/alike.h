/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_ALIKE_H
#define SQUELCH_DETECT_ALIKE_H

#include <stdint.h>

/* Whether what comes in from one peer goes out to another: bytes in short windows, compared. */
#define ALIKE_WINDOW_MS 120  /* holds whole packets of 20, 30, 40 and 60 ms: their number does not swing by itself */
#define ALIKE_WINDOWS   256  /* half a minute */

/*
 * Rings of bytes, window w at w % ALIKE_WINDOWS, `window` the newest. Bytes a
 * second that went out when they are those that came in, else 0.
 */
float alike_forwarded(const uint16_t in[static ALIKE_WINDOWS], const uint16_t out[static ALIKE_WINDOWS], uint64_t window);

#endif
