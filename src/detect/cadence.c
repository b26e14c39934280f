/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/rows.h"

#include <netinet/in.h>

#include "base/clock.h"
#include "detect/speech_codec.h"
#include "detect/speech_weigh.h"

/*
 * Speech by its cadence: stamps, sizes and directions of datagrams, no payload.
 * The model is speech.h, what it is worth speech_weigh.h. This file decides which
 * flows are watched, when the model is asked, and which class it speaks for.
 *
 * Three rows, for three tests with groups of their own; the first one looks, and
 * writes the evidence of the two that follow it in table.c.
 */
const struct byte_range cadence_bytes[] = { { 0, 255 }, { 1, 0 } };

#define GATE_PACKETS     16       /* in this second, both ways: 20 packets/s are scored, so it opens early; */
#define GATE_SLOW        12       /* or in the one before: of 60 ms 16.7 a second while one end talks, and turns begin and end within it */
#define GATE_RATE_MAX    600      /* packets a second, both ways: audio and video together have less */
#define GATE_SPACING_NS  (2500 * NS_PER_US) /* mean distance of a young flow's packets: 400 a second */

#define FIRST_US   600000u  /* the first reading aims the size tests; */
#define EVERY_US   125000u  /* then so often: a verdict waits half a syllable for it; four times a second costs 0.4 % less */
#define SETTLED_US 10000000u
#define LATER_US   1000000u /* once this long without a verdict */

#define STREAM_AFTER_US 10000000u /* one way and no pause for so long: no talk (ITU-T P.59: mean talk spurt 1.0 s, pause 1.6 s) */
#define BITS_STREAM     10.0f
#define BITS_SPURTS_TALK 5.0f /* of spurts: somebody talks */

enum { ROW_CLOCK, ROW_SIZES, ROW_SPURTS };

/* Packets both ways in this second as far as it went, or in the one `before`. */
static uint32_t pace(const struct flow *f, unsigned before)
{
	return (uint32_t)f->dir[0].window_packets[before] + f->dir[1].window_packets[before];
}

/* Fast enough to be speech, and not a download. */
static bool gate_opens(const struct flow *f, uint64_t now)
{
	uint32_t this_second = pace(f, 0);

	return (this_second >= GATE_PACKETS || pace(f, 1) >= GATE_SLOW) && pace(f, 1) <= GATE_RATE_MAX && !(f->flags & FLOW_MERGED) &&
	    now - f->first_ns >= GATE_SPACING_NS * (this_second < GATE_RATE_MAX ? this_second : GATE_RATE_MAX);
}

/* Bulk is faster than any call. */
bool cadence_hears(const struct flow *f)
{
	return f->key.proto != IPPROTO_TCP && pace(f, 0) <= GATE_RATE_MAX && pace(f, 1) <= GATE_RATE_MAX;
}

/* Somebody else is sure already, or this is asked of the inside of a wrapper. */
static bool not_needed(const struct look *l)
{
	const struct watch *w = l->flow->watch;

	return w != NULL && w->cls == CLASS_MEDIA && w->bits >= ACT_BITS;
}

/* Replaces what the row said before, also by nothing. */
static void say(struct look *l, unsigned row, enum voip_class cls, const struct speech_bits *b)
{
	static const struct speech_bits nothing = { 0, "nothing any more", { 0 } };

	l->row = (uint8_t)(l->row + row);
	if (b->bits == 0 && detect_has_evidence(l))
		b = &nothing;
	if (b->why != NULL)
		detect_evidence(l, cls, APP_NONE, b->bits, b->why, b->arg[0], b->arg[1]);
	l->row = (uint8_t)(l->row - row);
}

/* Where only its cadence shows the speech it began where the flow became fast. */
static void count_media(struct look *l, const struct speech *s)
{
	enum { SLOW_START_NS = 1500 * NS_PER_MS };
	struct watch *w = l->flow->watch;
	uint64_t first = s->start_ns - l->flow->first_ns < SLOW_START_NS ? l->flow->first_ns : s->start_ns;

	if (w == NULL || (w->media_packets != 0 && w->media_ns != first))
		return;
	w->media_ns = first;
	w->media_packets = (uint32_t)s->dir[0].clock.rate.all + s->dir[1].clock.rate.all;
}

static void say_all(struct look *l, const struct speech_opinion *o)
{
	say(l, ROW_CLOCK, CLASS_MEDIA, &o->clock);
	say(l, ROW_SIZES, CLASS_MEDIA, &o->sizes);
	say(l, ROW_SPURTS, CLASS_MEDIA, &o->spurts);
}

/* A radio keeps the same clock and has no pauses; a camera's pictures do not fit small packets. */
static void say_one_way(struct look *l, struct speech_opinion *o, uint32_t us)
{
	const struct speech_bits stream = { BITS_STREAM, "a clock of speech one way, {0} s without a pause", { us / 1000000 } };
	static const struct speech_bits nothing;

	if (o->spurts.bits >= BITS_SPURTS_TALK && l->flow->dir[l->dir].size_max <= SPEECH_SIZE_MAX) {
		say_all(l, o);
		return;
	}
	say(l, ROW_SIZES, CLASS_MEDIA, &nothing);
	say(l, ROW_SPURTS, CLASS_MEDIA, &nothing);
	if (us >= STREAM_AFTER_US && o->streams)
		say(l, ROW_CLOCK, CLASS_STREAMING, &stream);
	else
		say(l, ROW_CLOCK, CLASS_MEDIA, &nothing);
}

/*
 * Of one size alone a codec is told by what is left of it without the header of
 * RTP. Where RTP would have been read and was not, there is no such header.
 */
static enum speech_wrap around(const struct look *l)
{
	return detect_denies(l, GROUP_RTP) ? WRAP_FOREIGN : WRAP_DATAGRAM;
}

static enum app tunnel_of(const struct watch *w)
{
	for (unsigned i = 0; w != NULL && i < w->n_evidence; i++)
		if (w->evidence[i].app != APP_NONE && app_category((enum app)w->evidence[i].app) == CATEGORY_TUNNEL)
			return (enum app)w->evidence[i].app;
	return APP_NONE;
}

/* A tunnel adds what is known, so that the size of the telephone network's codec can be told in it. */
static struct speech_bits in_tunnel(const struct look *l, const struct speech_view view[2])
{
	struct speech_bits b = { 0 };
	unsigned size;

	if (!speech_one_size(view, &size))
		return b;
	b.bits = speech_tunnel_rarity(tunnel_of(l->flow->watch), l->len == 0 ? 0 : l->data[0], view[0].clock.period_ms, size);
	if (b.bits > 0)
		b = (struct speech_bits){ b.bits + SPEECH_BITS_SAME, "size of a telephone codec in this tunnel both ways, {0} bytes", { size } };
	return b;
}

static void weigh(struct look *l, struct speech *s, uint32_t us)
{
	struct speech_view view[2];
	struct speech_opinion o;

	speech_read(s, l->pkt->frame->mono_ns, view);
	view[0].wrap = view[1].wrap = around(l);
	speech_weigh(view, &o);
	if (l->flow->flags & FLOW_TUNNEL && o.both_ways && o.sizes.bits == 0)
		o.sizes = in_tunnel(l, view);
	if (o.one_way)
		say_one_way(l, &o, us);
	else
		say_all(l, &o);
	if (o.clock.bits > 0)
		count_media(l, s);
}

enum look_result cadence_look(struct look *l)
{
	uint64_t now = l->pkt->frame->mono_ns;
	struct speech *s = detect_state_find(l);
	uint32_t us;

	if (l->depth != 0)
		return LOOK_MAYBE; /* the datagram itself has been seen */
	if (s == NULL) {
		if (!gate_opens(l->flow, now))
			return LOOK_MAYBE;
		if (not_needed(l))
			return LOOK_NO;
		s = detect_state(l, sizeof *s);
		if (s == NULL)
			return LOOK_MAYBE;
		speech_start(s, now);
		speech_next(s, now, FIRST_US);
	}
	speech_feed(s, l->dir, now, l->wire);
	if (!speech_due(s, now))
		return LOOK_YES;
	if (not_needed(l))
		return LOOK_NO;
	us = (uint32_t)((now - s->start_ns) / NS_PER_US);
	speech_next(s, now, us < SETTLED_US ? EVERY_US : LATER_US);
	weigh(l, s, us);
	return LOOK_YES;
}
