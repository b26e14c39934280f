/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_DISGUISE_H
#define SQUELCH_DETECT_DISGUISE_H

#include "detect/record.h"
#include "detect/speech_weigh.h"
#include "flow/flow.h"

/*
 * Port 443 is open everywhere, and what goes there is TLS; clients that hide take it for anything. That alone is no
 * class, but a clock and syllables both ways need no talk beside it. What is meant are records behind two bytes of
 * length, as RTP is framed in TCP (RFC 4571); WebSockets and chunks are at home there, and a ticker may be in them.
 * Returns what that is worth, in bits, to who keeps a clock of speech both ways.
 */
float disguise_bits(const struct flow *, const struct record_dir record[2], const struct speech_view view[2], const struct speech_opinion *);

#endif
