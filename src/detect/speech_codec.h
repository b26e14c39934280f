/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_SPEECH_CODEC_H
#define SQUELCH_DETECT_SPEECH_CODEC_H

#include "base/app.h"
#include "detect/speech.h"

/* Sizes that codecs of constant rate give packets and records. */

/*
 * A constant-rate codec that sends datagrams of `size` bytes every `period_ms`, in RTP or what else may be around; NULL none, or
 * the size is round. `other`: the size that is second in number, 0 none; where it is that of the codec's last packet before a
 * silence a round size says something too.
 */
const char *speech_codec(unsigned period_ms, unsigned size, unsigned other, enum speech_wrap);
/*
 * How rare it is, in bits, that records of one size either way are frames of one
 * codec of constant rate at this period: of the sizes that records may have, which
 * part does some codec have in some of the wrappings looked for? 0: none has it,
 * or it is round and not of the telephone network. `small` and `large` differ by 4
 * where the client of a WebSocket masks what it sends (WRAP_HIDDEN alone).
 */
float speech_codec_rarity(unsigned period_ms, unsigned small, unsigned large, enum speech_wrap);
/* The same for datagrams of one size in a tunnel (APP_TUNNEL_...), 64 kbit/s in RTP or SRTP inside; `first`: byte of a packet; 0: not such a size. */
float speech_tunnel_rarity(enum app tunnel, uint8_t first, unsigned period_ms, unsigned size);
#define SPEECH_RARITY_MIN 3.0f /* a size that more than one in eight is a codec's says nothing */

#endif
