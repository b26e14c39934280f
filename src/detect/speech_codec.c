/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/speech_codec.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * What stands around the payload. Each size in the table below is one that padding
 * hits by chance, so a codec is looked for in the wrappings it is used in, and only
 * the codec of the telephone network itself in rare ones.
 */
static const struct wrapping { uint8_t bytes, uses; } wrappings[] = {
#define SIMPLE 1u /* RTP and SRTP with its usual tag */
#define SECURE 2u /* SRTP with other tags too */
#define RARE   4u /* IAX2, header extensions */
#define MUMBLE 8u
#define OPUS   16u /* no wrapping: frames of 30 ms do not exist (RFC 6716, 2.1.4) */
	{ 12, SIMPLE | SECURE | RARE }, /* RTP (RFC 3550, 5.1) */
	{ 22, SIMPLE | SECURE | RARE }, /* SRTP with a tag of 10 (RFC 3711, 5.2); */
	{ 16, SECURE | RARE },          /* of 4; */
	{ 28, SECURE | RARE },          /* of 16: AES-GCM (RFC 7714) */
	{ 4, RARE },                    /* IAX2 mini frames (RFC 5456, 8.1.2) */
	{ 20, RARE },                   /* a header extension of 8 (RFC 8285: audio level) in RTP */
	{ 30, RARE },                   /* and SRTP; */
	{ 38, RARE },                   /* of 16: level, send time, transport number, mid */
	{ 8, MUMBLE },                  /* OCB 4, type 1, number 1 to 3, length 1 or 2, and from the server who speaks, 1 or 2: */
	{ 9, MUMBLE },                  /* Mumble's protocol documentation, "Voice data" */
	{ 10, MUMBLE },
};

/*
 * Codecs of constant rate. A frame of `bytes` each `frame_ms`; a packet holds
 * whole frames, at most `frames_max`. `head`: bytes a packet has before the first frame, `each`: with
 * each frame (AMR: RFC 4867, 4.3 and 4.4: request and table of contents).
 * `wraps`: the wrappings it is looked for in. `sid`: bytes of the frame that
 * describes the silence to come, where it ends a packet of frames; 0 none.
 */
struct codec { const char *name; uint16_t bytes; uint8_t frame_ms, frames_max, head, each, wraps, sid; };

static const struct codec codecs[] = {
	{ "G.711 or G.722", 80, 10, 6, 0, 0, RARE, 0 },   /* RFC 3551, 4.5: 64 kbit/s */
	{ "G.729", 10, 10, 6, 0, 0, SECURE, 2 },       /* RFC 3551, 4.5.6 */
	{ "G.726-16", 40, 20, 1, 0, 0, SIMPLE, 0 },       /* RFC 3551, 4.5.4 */
	{ "G.726-24", 60, 20, 1, 0, 0, SIMPLE, 0 },
	{ "G.726-32", 80, 20, 1, 0, 0, SIMPLE, 0 },
	{ "G.726-40", 100, 20, 1, 0, 0, SIMPLE, 0 },
	{ "G.723.1", 24, 30, 2, 0, 0, SIMPLE, 0 },        /* RFC 3551, 4.5.3: 6.3 kbit/s */
	{ "G.723.1", 20, 30, 2, 0, 0, SIMPLE, 0 },        /* 5.3 kbit/s */
	{ "GSM", 33, 20, 3, 0, 0, SECURE, 0 },            /* RFC 3551, 4.5.8 */
	{ "iLBC", 38, 20, 2, 0, 0, SECURE, 0 },           /* RFC 3952 */
	{ "iLBC", 50, 30, 2, 0, 0, SECURE, 0 },
	{ "AMR 4.75", 12, 20, 1, 1, 1, SIMPLE, 0 }, /* RFC 4867, octet-aligned; 3GPP TS 26.101 */
	{ "AMR 5.15", 13, 20, 1, 1, 1, SIMPLE, 0 },
	{ "AMR 5.9", 15, 20, 1, 1, 1, SIMPLE, 0 },
	{ "AMR 6.7", 17, 20, 1, 1, 1, SIMPLE, 0 },
	{ "AMR 7.4", 19, 20, 1, 1, 1, SIMPLE, 0 },
	{ "AMR 7.95", 20, 20, 1, 1, 1, SIMPLE, 0 },
	{ "AMR 10.2", 26, 20, 1, 1, 1, SIMPLE, 0 },
	{ "AMR 12.2", 31, 20, 1, 1, 1, SIMPLE, 0 },
	{ "AMR-WB 6.6", 17, 20, 1, 1, 1, SIMPLE, 0 }, /* 3GPP TS 26.201 */
	{ "AMR-WB 8.85", 23, 20, 1, 1, 1, SIMPLE, 0 },
	{ "AMR-WB 12.65", 32, 20, 1, 1, 1, SIMPLE, 0 },
	{ "AMR-WB 14.25", 36, 20, 1, 1, 1, SIMPLE, 0 },
	{ "AMR-WB 15.85", 40, 20, 1, 1, 1, SIMPLE, 0 },
	{ "AMR-WB 18.25", 46, 20, 1, 1, 1, SIMPLE, 0 },
	{ "AMR-WB 19.85", 50, 20, 1, 1, 1, SIMPLE, 0 },
	{ "AMR-WB 23.05", 58, 20, 1, 1, 1, SIMPLE, 0 },
	{ "AMR-WB 23.85", 60, 20, 1, 1, 1, SIMPLE, 0 },
	{ "AMR 12.2", 32, 20, 1, 0, 0, SIMPLE, 0 }, /* bandwidth-efficient: 10 + 244 bits */
	{ "AMR-WB 12.65", 33, 20, 1, 0, 0, SIMPLE, 0 }, /* 10 + 253 */
	{ "AMR-WB 23.85", 61, 20, 1, 0, 0, SIMPLE, 0 }, /* 10 + 477 */
	{ "Speex", 15, 20, 1, 0, 0, SIMPLE, 0 }, /* RFC 5574; narrowband 5.95 to 24.6 kbit/s */
	{ "Speex", 20, 20, 1, 0, 0, SIMPLE, 0 },
	{ "Speex", 28, 20, 1, 0, 0, SIMPLE, 0 },
	{ "Speex", 38, 20, 1, 0, 0, SIMPLE, 0 },
	{ "Speex", 46, 20, 1, 0, 0, SIMPLE, 0 },
	{ "Speex", 62, 20, 1, 0, 0, SIMPLE, 0 },
	{ "Speex", 25, 20, 1, 0, 0, SIMPLE, 0 }, /* wideband 9.8 to 42.2 */
	{ "Speex", 32, 20, 1, 0, 0, SIMPLE, 0 },
	{ "Speex", 42, 20, 1, 0, 0, SIMPLE, 0 },
	{ "Speex", 52, 20, 1, 0, 0, SIMPLE, 0 },
	{ "Speex", 60, 20, 1, 0, 0, SIMPLE, 0 },
	{ "Speex", 70, 20, 1, 0, 0, SIMPLE, 0 },
	{ "Speex", 86, 20, 1, 0, 0, SIMPLE, 0 },
	{ "Speex", 106, 20, 1, 0, 0, SIMPLE, 0 },
	{ "Opus at 16 kbit/s", 20, 10, 6, 0, 0, SECURE | MUMBLE | OPUS, 0 }, /* RFC 7587, 3.1.1: recommended rates of speech; constant bit rate */
	{ "Opus at 24 kbit/s", 30, 10, 6, 0, 0, SECURE | MUMBLE | OPUS, 0 },
	{ "Opus at 32 kbit/s", 40, 10, 6, 0, 0, SECURE | MUMBLE | OPUS, 0 },
	{ "Opus at 40 kbit/s", 50, 10, 6, 0, 0, SECURE | MUMBLE | OPUS, 0 },
	{ "Opus at 64 kbit/s", 80, 10, 6, 0, 0, SECURE | MUMBLE | OPUS, 0 },
	/*
	 * Opus without SILK at a constrained variable rate, which libopus has unless told otherwise: its target, and the byte of the
	 * table of contents on top (RFC 6716, 3.1), in 87 to 90 % of the packets while somebody talks and in all before (libopus
	 * 1.3.1, 10 and 20 ms). It leaves SILK out from 64 kbit/s on; the rates are those of RFC 7587, 3.1.1, and one between.
	 */
	{ "Opus about 64 kbit/s", 80, 10, 2, 1, 0, SECURE | OPUS, 0 },
	{ "Opus about 96 kbit/s", 120, 10, 2, 1, 0, SECURE | OPUS, 0 },
	{ "Opus about 128 kbit/s", 160, 10, 2, 1, 0, SECURE | OPUS, 0 },
	{ "Opus in silence", 1, 20, 1, 0, 0, SIMPLE, 0 }, /* RFC 6716, 3.1: the table of contents, and a code of no more than 2 bytes */
	{ "Opus in silence", 3, 20, 1, 0, 0, SIMPLE, 0 },
	{ "L16 at 16 kHz", 320, 10, 2, 0, 0, SECURE, 0 },
	{ "L16 at 8 kHz", 320, 20, 1, 0, 0, RARE, 0 },  /* RFC 3551, 4.5.11 */
};

/* Bytes of a packet of whole frames each period; 0 when it sends none. */
static unsigned packet_size(const struct codec *c, unsigned period_ms)
{
	unsigned frames = period_ms / c->frame_ms;

	if (frames == 0 || frames * c->frame_ms != period_ms || frames > c->frames_max || ((c->wraps & OPUS) != 0 && period_ms == 30))
		return 0;
	return c->head + frames * (c->bytes + c->each);
}

static bool holds(const struct codec *c, unsigned period_ms, unsigned payload)
{
	return payload != 0 && payload == packet_size(c, period_ms);
}

static bool is_telephone(const struct codec *c)
{
	return c->wraps == RARE;
}

/* What programmers choose for packets of one size is round; such a size says nothing, a codec's or not. */
static bool is_round(unsigned size)
{
	return size % 10 == 0 || size % 16 == 0;
}

/*
 * Where the payload is known to be no RTP, sizes that codecs have in RTP come by
 * chance: measured over datagrams of one size, 20 to 259 bytes, every fifth is
 * one at 20 ms, every ninth at 10, 40 and 60 ms. Those of the telephone network,
 * the most used, are one in thirty, and at 30 ms all together one in twenty.
 */
static unsigned around(const struct codec *c, unsigned period_ms, enum speech_wrap wrap)
{
	enum { FEW_SIZES_MS = 30 };

	return wrap == WRAP_FOREIGN && !is_telephone(c) && period_ms != FEW_SIZES_MS ? MUMBLE : ~0u;
}

/* Nor is it by chance that such a size is the usual one and the other one is that of a packet before a silence. */
static bool before_silence(const struct codec *c, unsigned period_ms, unsigned size, unsigned other)
{
	return c->sid != 0 && period_ms > c->frame_ms && other + c->bytes == size + c->sid;
}

const char *speech_codec(unsigned period_ms, unsigned size, unsigned other, enum speech_wrap wrap)
{
	for (unsigned i = 0; i < sizeof codecs / sizeof *codecs; i++)
		for (unsigned w = 0; w < sizeof wrappings / sizeof *wrappings; w++)
			if ((wrappings[w].uses & codecs[i].wraps & around(&codecs[i], period_ms, wrap)) != 0 && size > wrappings[w].bytes &&
			    holds(&codecs[i], period_ms, size - wrappings[w].bytes) &&
			    (!is_round(size) || before_silence(&codecs[i], period_ms, size, other)))
				return codecs[i].name;
	return NULL;
}

/* --- records --- */

/*
 * Where encryption hides what stands around a frame: nothing, RTP, SRTP with a tag
 * of 10; and the same behind the length of RFC 4571, or the header of a WebSocket,
 * two bytes both. Only the latter makes the directions differ.
 */
static const uint8_t bare[] = { 0 }, hidden[] = { 2, 14, 24, 0, 12, 22 };
enum { IN_SOCKET = 3, MASK = 4 };

#define RARITY_SIZES 256      /* sizes of records that keep the clock of speech: one of so many */

/* Sizes up to RARITY_SIZES that some codec has at this period. */
static unsigned sizes_known(unsigned period_ms)
{
	bool known[RARITY_SIZES + 1] = { false };
	unsigned n = 0;

	for (unsigned i = 0; i < sizeof codecs / sizeof *codecs; i++) {
		unsigned size = packet_size(&codecs[i], period_ms);

		if (size == 0 || size > RARITY_SIZES || known[size])
			continue;
		known[size] = true;
		n++;
	}
	return n;
}

static const struct codec *codec_within(unsigned period_ms, unsigned size, const uint8_t *wraps, unsigned n)
{
	for (unsigned i = 0; i < sizeof codecs / sizeof *codecs; i++)
		for (unsigned o = 0; o < n; o++)
			if (size > wraps[o] && holds(&codecs[i], period_ms, size - wraps[o]) &&
			    (is_telephone(&codecs[i]) || !(is_round(size) || is_round(size - wraps[0]))))
				return &codecs[i];
	return NULL;
}

float speech_codec_rarity(unsigned period_ms, unsigned small, unsigned large, enum speech_wrap wrap)
{
	const uint8_t *wraps = wrap == WRAP_HIDDEN ? hidden : bare;
	unsigned n = wrap != WRAP_HIDDEN ? sizeof bare : large == small ? sizeof hidden : IN_SOCKET;
	const struct codec *c;

	if (large != small && (wrap != WRAP_HIDDEN || large != small + MASK))
		return 0;
	if ((c = codec_within(period_ms, small, wraps, n)) == NULL)
		return 0;
	if (!is_telephone(c))
		n *= sizes_known(period_ms);
	return n >= RARITY_SIZES ? 0 : log2f(RARITY_SIZES / (float)n);
}
