/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_TALK_WEIGH_H
#define SQUELCH_DETECT_TALK_WEIGH_H

#include "detect/speech_talk.h"
#include "detect/speech_weigh.h"

/* What talk and silence over TCP are worth, in bits, to who keeps a clock (docs/METHOD.md, "tcp-audio"); 0: nothing. */
float talk_bits(const struct talk_reading *, const struct speech_opinion *);
/*
 * What sizes are worth beside them. A codec of constant rate has its size, talk or
 * not. Sizes that vary follow a voice only where there is talk and silence; else any
 * noise or walk looks so for a moment.
 */
float talk_size_bits(const struct talk_reading *, const struct speech_opinion *);

#endif
