/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Zoom's channels to its forwarding units, and its media around RTP.
 *
 * Sources: offsets of the media headers from Michel et al., "Enabling Passive
 * Measurement of Zoom Performance in Production Networks" (IMC 2022); all
 * measured again in labelled captures of 2020 and 2022, which differ: the
 * older one has no number, session and direction behind the first byte.
 *
 *   01 ... hello   02 ... its answer   05 ... everything else, but for
 *   03 [count 4, time 4, session 4, 01] and 02 or 05: pings every 4 s, their echoes too; joined while nobody talks a
 *      channel shows nothing else
 *   05 [number 2, session 4, direction 1: 00 to the server, 04 from it] media
 */
#include "detect/vendor.h"

#include <string.h>

#include "base/cursor.h"

enum { HELLO = 1, ANSWER = 2, PING = 3, CHANNEL = 5 };
enum { TO_SERVER = 0, FROM_SERVER = 4 };

#define HELLO_ID       3   /* offset of the 16 bytes the answer repeats */
#define HELLO_ID_LEN  16
#define HELLO_LEN     39   /* up to the length of the token */
#define HELLO_TOKEN   64   /* bytes, as its length field says */
#define ANSWER_LEN    31
#define NUMBERED       8   /* bytes before the media header, newer format */
#define PLAIN          1   /* older format */

/* Bits. A hello: 8 bytes constant, a time twice (32), a length constant (32); zeros are common, hence half. */
#define BITS_HELLO    32.0f
#define BITS_ANSWERED 16.0f /* 128 bits come back; echoes of other protocols taken off */
/* A media frame: type one of 6 in 256 (5), inner length right to the byte (14 of 16), RTP version 2 (2). */
#define BITS_FRAME    16.0f
#define BITS_SESSION   8.0f /* numbered: direction byte (7) and a session that stays (32, but session numbers do) */
#define BITS_STEP      3.0f /* a number one higher: counters do that too */
#define STEPS_COUNTED  4
#define PINGS          4    /* of one session, both ways, before they are believed: signalling, for a channel is kept open without media too */
#define STEPS_ALONE    3    /* steps before a numbered channel joined midway is believed */

struct zoom_flow {
	uint8_t hello[HELLO_ID_LEN];
	uint32_t session;
	uint16_t number[2];  /* last of the channel, or of the media where the channel has none */
	uint16_t frames, numbered;
	uint16_t ping_number[2]; /* last of the pings */
	uint8_t steps, pings[2], ping_steps;
	bool media;          /* was said: pings say nothing more */
	bool greeted, answered, counting[2];
};
static_assert(sizeof(struct zoom_flow) <= VENDOR_STATE, "fits the state of a vendor's flow");

struct media_kind {
	uint8_t type;
	uint8_t inner;     /* offset of RTP or RTCP in the media header */
	uint8_t length_at; /* of its length, 0 none */
	uint8_t number_at; /* of the number of the media packet, 0 none */
	bool rtp;
};

static const struct media_kind kinds[] = {
	{ 15, 19, 17, 9, true },   /* audio */
	{ 16, 24, 0, 9, true },    /* video */
	{ 13, 27, 0, 9, true },    /* shared screen; also a control message, told apart by what is inside */
	{ 21, 28, 22, 13, false }, /* filler with which the path is measured before media */
	{ 33, 16, 0, 0, true },    /* RTCP */
	{ 34, 16, 0, 0, true },
};

struct media_frame {
	const struct media_kind *kind;
	uint32_t at;       /* of the inside */
	uint16_t number;
	bool exact;        /* the length inside is that of the datagram */
};

static const struct media_kind *kind_find(uint8_t type)
{
	for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (kinds[i].type == type)
			return &kinds[i];
	return NULL;
}

static uint16_t u16_at(const struct look *l, uint32_t at)
{
	struct cursor c = cur_open(l->data, l->len);

	cur_skip(&c, at);
	return cur_u16(&c);
}

static uint32_t u32_at(const struct look *l, uint32_t at)
{
	struct cursor c = cur_open(l->data, l->len);

	cur_skip(&c, at);
	return cur_u32(&c);
}

/* The media header at an offset. */
static bool frame_parse(const struct look *l, uint32_t at, struct media_frame *f)
{
	const struct media_kind *k = at < l->len ? kind_find(l->data[at]) : NULL;

	if (k == NULL || l->len <= at + k->inner)
		return false;
	*f = (struct media_frame){ .kind = k, .at = at + k->inner };
	if (k->rtp && l->data[f->at] >> 6 != 2)
		return false;
	if (k->number_at != 0)
		f->number = u16_at(l, at + k->number_at);
	if (k->length_at != 0 && u16_at(l, at + k->length_at) != l->wire - f->at)
		return false;
	f->exact = k->length_at != 0;
	return true;
}

static bool is_hello(const struct look *l)
{
	static const uint8_t constant[8] = { 0, 0, 0, 0, 0, 0, 0, 2 };
	const uint32_t at = HELLO_ID + HELLO_ID_LEN;

	return l->len >= HELLO_LEN && l->data[0] == HELLO && l->data[1] == 0
	    && memcmp(l->data + at, constant, sizeof constant) == 0
	    && u32_at(l, at + 8) == u32_at(l, at + 12) && u32_at(l, at + 16) == HELLO_TOKEN;
}

/* The newer channel header before something that Zoom sends. */
static bool is_numbered(const struct look *l)
{
	enum { KEEP_ALIVE = 0x0a, BIND = 0x0c, BIND_ANSWER = 0x0d };
	uint8_t type;

	if (l->len <= NUMBERED || l->data[0] != CHANNEL)
		return false;
	type = l->data[NUMBERED];
	return (l->data[NUMBERED - 1] == TO_SERVER || l->data[NUMBERED - 1] == FROM_SERVER)
	    && (type == KEEP_ALIVE || type == BIND || type == BIND_ANSWER || kind_find(type) != NULL);
}

static bool is_ping(const struct look *l)
{
	enum { COUNT_MAX = 1 << 16, MARK_AT = 13, ASKS = 5, ECHOES = 2, MIN = 16 };

	return l->len >= MIN && l->data[0] == PING && u32_at(l, 1) < COUNT_MAX && l->data[MARK_AT] == 1
	    && (l->data[MARK_AT + 1] == ASKS || l->data[MARK_AT + 1] == ECHOES);
}

static bool zoom_opens(const struct look *l)
{
	struct media_frame f;

	if (l->len == 0 || (l->data[0] != HELLO && l->data[0] != CHANNEL && l->data[0] != PING))
		return false;
	return is_hello(l) || is_ping(l) || is_numbered(l) || (l->data[0] == CHANNEL && frame_parse(l, PLAIN, &f) && f.exact);
}

static void step(struct zoom_flow *z, int dir, uint16_t number)
{
	if (z->counting[dir] && (uint16_t)(z->number[dir] + 1) == number && z->steps < STEPS_COUNTED)
		z->steps++;
	z->counting[dir] = true;
	z->number[dir] = number;
}

static void weigh(struct look *l, struct zoom_flow *z)
{
	float bits = z->greeted ? BITS_HELLO : 0;
	bool channel = z->numbered > z->steps && (z->answered || z->steps >= STEPS_ALONE);

	if (z->answered)
		bits += BITS_ANSWERED;
	if (z->steps != 0 && (z->frames >= 2 || channel)) {
		bits += z->frames >= 2 ? BITS_FRAME : 0;
		bits += channel ? BITS_SESSION : 0;
		z->media = true;
		detect_evidence(l, CLASS_MEDIA, APP_ZOOM, bits + vendor_run(z->steps, STEPS_COUNTED, BITS_STEP),
		    "Zoom media channel, {0} packets, {1} with lengths exact", z->frames + z->numbered, z->frames);
	} else if (z->greeted) {
		detect_evidence(l, CLASS_SIGNALLING, APP_ZOOM, bits,
		    z->answered ? "hello to a Zoom media server and its answer" : "hello to a Zoom media server", 0, 0);
	}
}

static void hello(struct look *l, struct zoom_flow *z)
{
	z->greeted = true;
	memcpy(z->hello, l->data + HELLO_ID, HELLO_ID_LEN);
	weigh(l, z);
}

static void answer(struct look *l, struct zoom_flow *z)
{
	if (!z->greeted || l->len < ANSWER_LEN || memcmp(l->data + HELLO_ID, z->hello, HELLO_ID_LEN) != 0)
		return;
	z->answered = true;
	z->session = u32_at(l, HELLO_ID + HELLO_ID_LEN);
	weigh(l, z);
}

static void ping(struct look *l, struct zoom_flow *z)
{
	uint32_t session = u32_at(l, 9);

	uint16_t number = (uint16_t)u32_at(l, 1);

	if (!is_ping(l) || z->greeted || z->media || (z->session != 0 && session != z->session))
		return;
	z->session = session;
	if (z->pings[l->dir] != 0 && (uint16_t)(z->ping_number[l->dir] + 1) == number && z->ping_steps < STEPS_COUNTED)
		z->ping_steps++;
	z->ping_number[l->dir] = number;
	z->pings[l->dir] += z->pings[l->dir] < PINGS;
	if (z->pings[0] + z->pings[1] >= PINGS && z->pings[0] != 0 && z->pings[1] != 0 && z->ping_steps != 0)
		detect_evidence(l, CLASS_SIGNALLING, APP_ZOOM, BITS_SESSION + vendor_run(z->ping_steps, STEPS_COUNTED, BITS_STEP),
		    "pings of a Zoom media channel", 0, 0);
}

/* The newer header; false when its session is another's. */
static bool numbered(const struct look *l, struct zoom_flow *z)
{
	uint32_t session = u32_at(l, 3);

	if (!is_numbered(l) || (z->session != 0 && session != z->session))
		return false;
	z->session = session;
	z->numbered += z->numbered < UINT16_MAX;
	step(z, l->dir, u16_at(l, 1));
	return true;
}

static void channel(struct look *l, struct zoom_flow *z)
{
	enum { WEIGH_UP_TO = 32 };
	struct media_frame f;
	bool counted = numbered(l, z);

	if (frame_parse(l, counted ? NUMBERED : PLAIN, &f) && (f.exact || z->frames != 0 || z->greeted)) {
		z->frames += f.exact && z->frames < UINT16_MAX;
		if (!counted && f.exact)
			step(z, l->dir, f.number);
		detect_media_packet(l, l->pkt->frame->mono_ns);
	} else if (!counted) {
		return;
	} else {
		f.kind = NULL;
	}
	if (z->frames + z->numbered <= WEIGH_UP_TO)
		weigh(l, z);
	if (f.kind != NULL && f.kind->rtp)
		detect_inner(l, l->data + f.at, l->len - f.at, l->wire - f.at);
}

static enum look_result zoom_look(struct look *l, void *state)
{
	struct zoom_flow *z = state;

	if (l->len == 0)
		return LOOK_MAYBE;
	if (is_hello(l))
		hello(l, z);
	else if (l->data[0] == ANSWER)
		answer(l, z);
	else if (l->data[0] == PING)
		ping(l, z);
	else if (l->data[0] == CHANNEL)
		channel(l, z);
	return z->greeted || z->steps >= STEPS_ALONE ? LOOK_YES : LOOK_MAYBE;
}

static const struct byte_range first_bytes[] = { { HELLO, HELLO }, { PING, PING }, { CHANNEL, CHANNEL }, { 1, 0 } };
const struct vendor_app vendor_zoom = { APP_ZOOM, zoom_opens, zoom_look, first_bytes };
