/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * RTMP: `streaming`, unless it carries a conversation. A web telephone of the
 * Flash time publishes its microphone under one name and plays the other party's
 * stream under another, over one connection or two. A broadcast only publishes, a
 * radio only plays, and a studio that watches its own broadcast plays the name, or
 * the very frames, that it published. docs/METHOD.md, "rtmp".
 */
#include <netinet/in.h>

#include "base/hash.h"
#include "base/saturate.h"
#include "detect/rows.h"
#include "detect/rtmp_talk.h"

/* A handshake; and the channels and formats of audio in the middle of a stream (rtmp_chunk.c). */
const struct byte_range rtmp_bytes[] = { { 0x03, 0x08 }, { 0x44, 0x48 }, { 0x84, 0x88 }, { 0xc4, 0xc8 }, { 1, 0 } };

#define HELLO           3     /* version, 5.2.2 */
#define BLOCK        1536     /* bytes of C1, S1, C2, S2 */
#define FIRST         500     /* bytes; the smallest segment size of IPv4, 536, and less */
#define FIXED           8     /* stamp and version before what is drawn */

#define BITS_RTMP   24.0f     /* 1,528 random bytes come back, or "connect" in its place; counted as what a rule needs and no more */
#define BITS_JOINED 16.0f     /* 25 headers of audio in a row whose stamps keep real time; each field alone would be worth more */

#define LIVE_NS         (1 * NS_PER_S)  /* over which stamps are held against the clock; */
#define LIVE_OFF_MS      250  /* and may be off: a frame and what a network holds back */
#define FRAMES_MIN        8   /* a second: 100 ms of speech a message; */
#define FRAMES_OFF       16   /* part of them that may be missing or too many */
#define TELL_EVERY       16   /* audio messages between two looks at the facts */

static void streaming(struct look *l, struct rtmp_state *s, float bits, const char *why)
{
	if (s->said != 0 || bits <= s->said_streaming)
		return;
	s->said_streaming = bits;
	detect_evidence(l, CLASS_STREAMING, APP_RTMP, bits, why, 0, 0);
}

/* --- messages --- */

/*
 * Holds stamps against the clock, a second at a time: a stall and what comes after it
 * cancel in another. Where headers only say "as long as before", joined midway, as
 * many frames must come in a second as in the one before.
 */
static bool kept_time(const struct rtmp_audio *a, uint32_t ms)
{
	unsigned off = a->frames > a->frames_before ? a->frames - a->frames_before : a->frames_before - a->frames;

	if (a->timed)
		return a->live_ms <= ms + LIVE_OFF_MS && a->live_ms + LIVE_OFF_MS >= ms;
	return a->frames_before >= FRAMES_MIN && off <= 1u + a->frames / FRAMES_OFF;
}

static void keep_time(struct rtmp_audio *a, uint64_t now, const struct rtmp_message *m)
{
	a->live_ms += m->step_ms;
	saturate_up(&a->frames);
	a->timed = m->timed;
	if (now - a->live_ns < LIVE_NS)
		return;
	a->live |= a->live_ns != 0 && kept_time(a, (uint32_t)((now - a->live_ns) / NS_PER_MS));
	a->frames_before = a->live_ns == 0 ? 0 : a->frames;
	a->frames = 0;
	a->live_ns = now;
	a->live_ms = 0;
}

static void on_audio(struct look *l, struct rtmp_state *s, const struct rtmp_message *m)
{
	struct rtmp_audio *a = &s->audio[l->dir], *other = &s->audio[!l->dir];
	uint64_t now = l->pkt->frame->mono_ns;
	uint32_t name = rtmp_name_of(s, l->dir, m->stream);

	if (rtmp_codec(m->data[0]) == RTMP_CODEC_UNKNOWN)
		return;
	if (rtmp_is_own(s, l->dir, name)) {
		a->own += a->own < UINT16_MAX;
		return;
	}
	if (rtmp_codec(a->tag) != rtmp_codec(m->data[0]))
		a->messages = 0;
	a->name = name;
	a->tag = m->data[0];
	keep_time(a, now, m);
	rtmp_look_for_echo(a, other, m);
	a->last_ns = now;
	if (other->last_ns != 0 && now - other->last_ns >= RTMP_SILENCE_NS)
		return;
	a->messages += a->messages < UINT16_MAX;
	if (a->messages >= RTMP_SPEAKS_MIN && a->live && !s->sure)
		streaming(l, s, BITS_JOINED, "RTMP: audio messages whose stamps keep real time");
	detect_media_packet(l, now);
	rtmp_weigh_here(l, s);
	if (a->messages % TELL_EVERY == 0)
		rtmp_weigh_pair(l, s);
}

static void on_command(struct look *l, struct rtmp_state *s, const struct rtmp_message *m)
{
	struct rtmp_command c = rtmp_command(m);
	int dir = l->dir;

	switch (c.verb) {
	case RTMP_VERB_CONNECT:
		s->sure = true;
		streaming(l, s, BITS_RTMP, "RTMP: connect");
		break;
	case RTMP_VERB_PLAY:
	case RTMP_VERB_PUBLISHED:
		s->audio[!dir].asked = true;
		rtmp_name_add(s, !dir, m->stream, &c);
		if (!s->seen[!dir])
			rtmp_tell_asked(l, s, !dir, m->stream);
		break;
	case RTMP_VERB_PUBLISH:
	case RTMP_VERB_PLAYED:
		s->audio[dir].asked = true;
		rtmp_name_add(s, dir, m->stream, &c);
		break;
	case RTMP_VERB_OTHER:
		break;
	}
}

struct reading { struct look *look; struct rtmp_state *state; };

static void on_message(void *arg, const struct rtmp_message *m)
{
	struct reading *r = arg;

	if (m->type == RTMP_AUDIO)
		on_audio(r->look, r->state, m);
	else if (m->type == RTMP_COMMAND || m->type == RTMP_COMMAND_AMF3)
		on_command(r->look, r->state, m);
}

/* --- the stream --- */

static const struct stream_result stop = { STREAM_STOP, 0, 0 };

static uint64_t drawn_hash(const uint8_t *block)
{
	return XXH3_64bits(block + FIXED, BLOCK - FIXED);
}

/* C0 and C1, S0 and S1 (5.2.2, 5.2.3). */
static struct stream_result hello(struct look *l, struct rtmp_state *s)
{
	/* A record of TPKT begins with 3 as well, and says its length: RDP, ISO transport. */
	if (l->len >= 4 && l->data[1] == 0 && (l->data[2] << 8 | l->data[3]) == (int)l->len)
		return stop;
	/* C0 is sent alone or together with a good part of C1; framed packets (RFC 4571) begin small. */
	if (s == NULL && l->len > 1 && l->len < FIRST)
		return stop;
	if (l->len < 1 + BLOCK)
		return (struct stream_result){ STREAM_MORE, 0, 1 + BLOCK };
	if ((s = detect_state(l, sizeof *s)) == NULL)
		return stop;
	s->drawn[l->dir] = drawn_hash(l->data + 1);
	s->phase[l->dir] = PHASE_ECHO;
	s->seen[l->dir] = true;
	return (struct stream_result){ STREAM_USED, 1 + BLOCK, 0 };
}

/* C2, S2 (5.2.4). Ends that sign with a digest put it in the place of what the other drew. */
static struct stream_result echo(struct look *l, struct rtmp_state *s)
{
	if (l->len < BLOCK)
		return (struct stream_result){ STREAM_MORE, 0, BLOCK };
	if (s->drawn[!l->dir] != 0 && drawn_hash(l->data) == s->drawn[!l->dir]) {
		s->sure = true;
		streaming(l, s, BITS_RTMP, "RTMP handshake: both ends gave back what was drawn");
	}
	s->phase[l->dir] = PHASE_CHUNKS;
	return (struct stream_result){ STREAM_USED, BLOCK, 0 };
}

static struct stream_result chunks(struct look *l, struct rtmp_state *s)
{
	uint32_t used = rtmp_read(&s->chunks[l->dir], l->data, l->len, on_message, &(struct reading){ l, s });

	if (rtmp_lost(&s->chunks[l->dir]))
		return stop;
	if (used == 0)
		return (struct stream_result){ STREAM_MORE, 0, l->len + 1 };
	return (struct stream_result){ STREAM_USED, used, 0 };
}

static struct stream_result join(struct look *l, struct rtmp_state *s)
{
	enum rtmp_join joins = rtmp_may_join(l->data, l->len);

	if (joins == RTMP_JOIN_MORE)
		return (struct stream_result){ STREAM_MORE, 0, l->len + 1 };
	if (joins == RTMP_JOIN_NO || (s = detect_state(l, sizeof *s)) == NULL)
		return stop;
	rtmp_join(&s->chunks[l->dir]);
	s->phase[l->dir] = PHASE_CHUNKS;
	s->seen[l->dir] = true;
	return chunks(l, s);
}

struct stream_result rtmp_stream(struct look *l)
{
	struct rtmp_state *s = detect_state_find(l);

	if (s == NULL || s->phase[l->dir] == PHASE_HELLO)
		return l->data[0] == HELLO && flow_initiator(l->flow) >= 0 ? hello(l, s) : join(l, s);
	return s->phase[l->dir] == PHASE_ECHO ? echo(l, s) : chunks(l, s);
}

/* --- explain --- */

void rtmp_explain(const void *state, FILE *out)
{
	const struct rtmp_state *s = state;

	for (int i = 0; i < 2; i++) {
		const struct rtmp_audio *a = &s->audio[i];

		if (a->messages != 0 || a->own != 0)
			fprintf(out, "    audio %s: %s, %u messages%s, %u of the own stream;\n      of frames %u came back, %u did not\n",
			    i == 0 ? "one way" : "the other", rtmp_codec_name(a->tag), a->messages, a->live ? ", live" : "",
			    a->own, a->echoed, a->fresh);
	}
}
