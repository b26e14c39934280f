/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * RTP and SRTP by their header and its progress (RFC 3550). One packet proves
 * nothing: any byte from 0x80 on begins a quarter of random payloads. What
 * counts is a sequence number that rises by one, a source that stays, and a
 * timestamp that advances as a media clock does. docs/METHOD.md has the bits.
 */
#include "detect/rows.h"

#include "base/clock.h"
#include "detect/rtp.h"
#include "detect/rtp_stream.h"

#define STREAMS 3             /* sources followed a direction: audio, video, one more */
#define BITS_BOTH_WAYS 3.0f   /* the other end sends RTP too */

/* One-way wideband audio without spurts is as likely a radio as a talker: reported, not acted on. */
#define BITS_ONE_WAY_MAX 12.0f
#define ONE_WAY_STREAM_NS (30 * NS_PER_S) /* after so long without a pause it is no talk: people pause every few seconds (ITU-T P.59: mean talk spurt 1.0 s) */
#define SPURTS_TALK    2      /* pauses, seen as a marker or a jump of time without lost packets */

struct rtp_state {
	struct rtp_stream stream[2][STREAMS];
	uint32_t packets;
	uint8_t n[2];
	uint8_t evidence;         /* of the flow when it was weighed last: what others found may change what RTP means */
};
static_assert(sizeof(struct rtp_state) <= 768, "state of a flow with RTP: docs/METHOD.md, bounds");

const struct byte_range rtp_bytes[] = { { 0x80, 0xbf }, { 1, 0 } };

/* --- before a flow is worth a watch --- */

/*
 * Two packets of one source with close sequence numbers ask for a watch. The
 * first one is remembered in the flow itself: SSRC, number and millisecond.
 */
static struct flow_probe probe_make(const struct rtp_header *h, uint64_t mono_ns)
{
	return (struct flow_probe){ h->ssrc, h->ts, h->seq, (uint16_t)(mono_ns / NS_PER_MS) };
}

static bool probe_hit(const struct flow_probe *probe, const struct rtp_header *h)
{
	uint16_t ahead = (uint16_t)(h->seq - probe->seq);

	return probe->ssrc == h->ssrc && (probe->ts | probe->ssrc | probe->seq) != 0 &&
	    ahead != 0 && ahead <= RTP_REORDER;
}

static uint64_t probe_time(const struct flow_probe *probe, uint64_t mono_ns)
{
	return mono_ns - (uint16_t)(mono_ns / NS_PER_MS - probe->ms) * NS_PER_MS;
}

/* A direction's first stream begins with the packet the flow remembered, when that was of the same source. */
static void stream_first(struct look *l, struct rtp_state *st, struct rtp_stream *s, const struct rtp_header *h, uint64_t now)
{
	const struct flow_probe *probe = &l->flow->probe[l->dir];
	const struct watch *w = l->flow->watch;
	struct rtp_header before = *h;

	if (st->n[l->dir] == 1 && probe_hit(probe, h)) {
		before.seq = probe->seq;
		before.ts = probe->ts;
		rtp_stream_start(s, &before, probe_time(probe, now));
		st->packets++;
		detect_media_packet(l, s->first_ns);
	} else {
		rtp_stream_start(s, h, now);
		s->packets = 0; /* the caller counts it */
	}
	if (s->clock_hz == 0 && w != NULL && w->clock_hz != 0 && w->payload_type == h->pt)
		s->clock_hz = w->clock_hz;
}

/* The source's stream of this direction; takes the place of the one silent longest when all are used. */
static struct rtp_stream *stream_of(struct look *l, struct rtp_state *st, const struct rtp_header *h, uint64_t now)
{
	struct rtp_stream *row = st->stream[l->dir], *oldest = &row[0];

	for (unsigned i = 0; i < st->n[l->dir]; i++) {
		if (row[i].ssrc == h->ssrc)
			return &row[i];
		if (row[i].last_ns < oldest->last_ns)
			oldest = &row[i];
	}
	if (st->n[l->dir] < STREAMS)
		oldest = &row[st->n[l->dir]++];
	stream_first(l, st, oldest, h, now);
	return oldest;
}

/* --- weighing --- */

static const struct rtp_stream *best_stream(const struct rtp_state *st, int dir, float *bits)
{
	const struct rtp_stream *best = NULL;

	*bits = 0;
	for (unsigned i = 0; i < st->n[dir]; i++) {
		float b = rtp_stream_bits(&st->stream[dir][i]);

		if (b <= *bits)
			continue;
		*bits = b;
		best = &st->stream[dir][i];
	}
	return best;
}

/* Signalling, ICE or a calling application's own format on the flow says that two parties are there, whichever way the packets we see go. */
static bool has_context(const struct look *l)
{
	const struct watch *w = l->flow->watch;

	if (l->flow->flags & FLOW_LINKED)
		return true;
	for (unsigned i = 0; w != NULL && i < w->n_evidence; i++) {
		enum group g = w->evidence[i].row->group;

		if (g == GROUP_ICE || g == GROUP_DTLS || (g == GROUP_VENDOR && w->evidence[i].cls > CLASS_STREAMING))
			return true;
	}
	return false;
}

/* The name of a cloud-gaming service: its picture and sound are RTP both ways, and nobody talks. */
static bool is_game(const struct look *l)
{
	const struct watch *w = l->flow->watch;

	for (unsigned i = 0; w != NULL && i < w->n_evidence; i++)
		if (w->evidence[i].row->group == GROUP_NAME && app_category(w->evidence[i].app) == CATEGORY_GAME)
			return true;
	return false;
}

/* RTSP announced it: a camera's voice comes in a telephone codec too. */
bool rtp_is_streamed(const struct look *l)
{
	const struct watch *w = l->flow->watch;

	for (unsigned i = 0; w != NULL && i < w->n_evidence; i++)
		if (w->evidence[i].cls == CLASS_STREAMING && w->evidence[i].row->group == GROUP_ANNOUNCED)
			return true;
	return false;
}

/* Telephone codecs: nobody broadcasts in 8 kHz. */
static bool stream_is_telephony(const struct rtp_stream *s)
{
	return s->clock_hz == 8000;
}

struct opinion { enum voip_class cls; float bits; const char *why; };

static struct opinion one_way_opinion(const struct rtp_stream *s, float bits)
{
	enum { PT_L16_STEREO = 10, PT_MPA = 14, PT_MPV = 32, PT_MP2T = 33 };

	if (s->pt == PT_MPA || s->pt == PT_MPV || s->pt == PT_MP2T)
		return (struct opinion){ CLASS_STREAMING, bits, "RTP with MPEG, one way, {0} packets" };
	if (s->pt == PT_L16_STEREO)
		return (struct opinion){ CLASS_STREAMING, bits, "RTP with the sound of a CD, one way, {0} packets" };
	if (s->flags & STREAM_MIXED)
		return (struct opinion){ CLASS_MEDIA, bits, "RTP, {0} packets of a conference mixer" };
	if (stream_is_telephony(s))
		return (struct opinion){ CLASS_MEDIA, bits, "RTP, {0} packets of one source, one way, telephone codec" };
	if (rtp_stream_is_video(s))
		return (struct opinion){ CLASS_STREAMING, bits, "RTP video one way, {0} packets" };
	if (s->spurts >= SPURTS_TALK)
		return (struct opinion){ CLASS_MEDIA, bits, "RTP one way with talk spurts, {0} packets" };
	if (s->last_ns - s->first_ns > ONE_WAY_STREAM_NS)
		return (struct opinion){ CLASS_STREAMING, bits, "RTP one way without a pause, {0} packets" };
	return (struct opinion){ CLASS_MEDIA, bits < BITS_ONE_WAY_MAX ? bits : BITS_ONE_WAY_MAX,
	    "RTP one way, {0} packets: a talker or a stream" };
}

static void weigh(struct look *l, struct rtp_state *st)
{
	float bits[2];
	const struct rtp_stream *best[2] = { best_stream(st, 0, &bits[0]), best_stream(st, 1, &bits[1]) };
	int dir = bits[1] > bits[0];
	struct opinion o;

	st->evidence = l->flow->watch->n_evidence;
	if (best[dir] == NULL)
		return;
	if (addr_is_multicast(&l->pkt->ip[1]))
		o = (struct opinion){ CLASS_STREAMING, bits[dir], "RTP to a group, {0} packets" };
	else if (is_game(l))
		o = (struct opinion){ CLASS_STREAMING, bits[dir], "RTP of a game that is played far away, {0} packets" };
	else if (best[!dir] == NULL && rtp_is_streamed(l))
		o = (struct opinion){ CLASS_STREAMING, bits[dir], "RTP one way, {0} packets, announced by RTSP" };
	else if (best[!dir] != NULL)
		o = (struct opinion){ CLASS_MEDIA, bits[dir] + BITS_BOTH_WAYS,
		    "RTP both ways, {0} packets, sequence and clock in order" };
	else if (has_context(l))
		o = (struct opinion){ CLASS_MEDIA, bits[dir], "RTP, {0} packets, after signalling or ICE" };
	else
		o = one_way_opinion(best[dir], bits[dir]);
	detect_evidence(l, o.cls, APP_RTP, o.bits, o.why, st->packets, 0);
	st->evidence = l->flow->watch->n_evidence;
}

/* Weighing at every packet would cost more than it tells: at the first ones and on news of others, then ever more rarely. */
static bool time_to_weigh(const struct look *l, const struct rtp_state *st)
{
	enum { EVERY_UP_TO = 24, THEN_EVERY = 64, AT_LAST_EVERY = 1024, RARE_FROM = 2048 };
	uint32_t packets = st->packets;

	if (packets <= EVERY_UP_TO || l->flow->watch->n_evidence != st->evidence)
		return true;
	return packets % (packets < RARE_FROM ? THEN_EVERY : AT_LAST_EVERY) == 0;
}

enum look_result rtp_look(struct look *l)
{
	uint64_t now = l->pkt->frame->mono_ns;
	struct rtp_state *st = detect_state_find(l);
	struct rtp_stream *s;
	struct rtp_header h;

	if (l->wrapper || !rtp_parse(l->data, l->len, l->wire, &h))
		return LOOK_MAYBE;
	if (st == NULL && !probe_hit(&l->flow->probe[l->dir], &h) && !has_context(l)) {
		l->flow->probe[l->dir] = probe_make(&h, now);
		return LOOK_MAYBE;
	}
	if (st == NULL && (st = detect_state(l, sizeof *st)) == NULL) {
		l->flow->probe[l->dir] = probe_make(&h, now);
		return LOOK_MAYBE;
	}
	s = stream_of(l, st, &h, now);
	if (s->packets == 0) {
		s->packets = 1;
	} else if (!rtp_stream_continue(s, &h, now)) {
		count(l->env->counts, COUNT_SEEN_TWICE);
		return LOOK_YES;
	}
	st->packets++;
	detect_media_packet(l, now);
	if (time_to_weigh(l, st))
		weigh(l, st);
	return LOOK_YES;
}

/* --- for the call record --- */

unsigned rtp_media(const void *state, int dir, struct media_stats out[MEDIA_STATS_MAX])
{
	const struct rtp_state *st = state;
	unsigned taken = 0, n = 0;

	while (n < MEDIA_STATS_MAX && n < st->n[dir]) {
		const struct rtp_stream *most = NULL;

		for (unsigned i = 0; i < st->n[dir]; i++) {
			const struct rtp_stream *s = &st->stream[dir][i];

			if (!(taken & 1u << i) && (most == NULL || s->packets > most->packets))
				most = s;
		}
		taken |= 1u << (most - st->stream[dir]);
		rtp_stream_stats(most, &out[n++]);
	}
	return n;
}
