/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * RTP and SRTP by their header and its progress (RFC 3550). One packet proves
 * nothing: any byte from 0x80 on begins a quarter of random payloads. What
 * counts is a sequence number that rises by one, a source that stays, and a
 * timestamp that advances as a media clock does. docs/METHOD.md has the bits.
 */
#include "detect/rows.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "detect/rtp.h"

#define STREAMS 3             /* sources followed a direction: audio, video, one more */
#define REORDER 64            /* sequence numbers a packet may come late or early */

/*
 * Bits. Against random bytes one step (same source, next number) is worth over
 * 40; against protocols with counters and session numbers of their own it is
 * not, so each field is counted for what those share with RTP only by chance.
 */
#define BITS_STEP      3.0f   /* a sequence number one higher; counters do that too */
#define STEPS_COUNTED  4
#define BITS_SOURCE    4.0f   /* an SSRC with random looks that stays */
#define BITS_TYPE      1.0f   /* a payload type that is assigned or dynamic, and stays */
#define BITS_TS_STEP   4.0f   /* a timestamp step that is a whole frame of a media clock, again and again */
#define BITS_TS_CLOCK  4.0f   /* which advances with real time at a standard clock */
#define BITS_TS_WRONG  -4.0f  /* or does not, for a second or more */
#define BITS_BOTH_WAYS 3.0f   /* the other end sends RTP too */

/* One-way wideband audio without spurts is as likely a radio as a talker: reported, not acted on. */
#define BITS_ONE_WAY_MAX 12.0f
#define ONE_WAY_STREAM_NS (30 * NS_PER_S) /* after so long without a pause it is no talk: people pause every few seconds (ITU-T P.59: mean talk spurt 1.0 s) */
#define SPURTS_TALK    2      /* pauses, seen as a marker or a jump of time without lost packets */

#define CLOCK_MIN_NS   (300 * NS_PER_MS)  /* time before the clock is measured */
#define CLOCK_MIN_PACKETS 8
#define CLOCK_WRONG_NS (1 * NS_PER_S)     /* and before a wrong one counts against */
#define CLOCK_ERROR    0.10   /* relative; jitter of 30 ms on 300 ms */

enum stream_flag {
	STREAM_VIDEO = 1 << 0,    /* several packets share a timestamp */
	STREAM_CLOCK_OK = 1 << 1,
	STREAM_CLOCK_BAD = 1 << 2,
	STREAM_TRANSIT = 1 << 4,  /* transit_ns is set */
	STREAM_MIXED = 1 << 3,    /* a mixer named its contributors (CSRC): a conference */
};

struct rtp_stream {
	uint64_t first_ns, last_ns;
	uint64_t ref_ns;          /* arrival of the packet stamped ref_ts: the clock is measured from there */
	int64_t transit_ns;       /* arrival minus media time, of the last packet */
	uint32_t ssrc, last_ts, ref_ts, ts_step;
	uint32_t packets;
	uint32_t seq_base, seq_max; /* extended (RFC 3550, A.1) */
	uint32_t steps, step_repeats, same_ts, spurts;
	uint32_t clock_hz;
	uint32_t jitter_n;
	uint64_t bytes;
	float jitter_ns, jitter_sum, jitter_max;
	uint8_t pt, flags;
};

struct rtp_state {
	struct rtp_stream stream[2][STREAMS];
	uint32_t packets;
	uint8_t n[2];
};
static_assert(sizeof(struct rtp_state) <= 768, "state of a flow with RTP: docs/METHOD.md, memory");

const struct byte_range rtp_bytes[] = { { 0x80, 0xbf }, { 1, 0 } };

static const uint32_t clocks[] = { 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 90000 };

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
	    ahead != 0 && ahead <= REORDER;
}

static uint64_t probe_time(const struct flow_probe *probe, uint64_t mono_ns)
{
	return mono_ns - (uint16_t)(mono_ns / NS_PER_MS - probe->ms) * NS_PER_MS;
}

/* --- one stream --- */

static void stream_start(struct rtp_stream *s, const struct rtp_header *h, uint64_t now)
{
	*s = (struct rtp_stream){
		.first_ns = now, .last_ns = now, .ref_ns = now, .ssrc = h->ssrc,
		.last_ts = h->ts, .ref_ts = h->ts,
		.packets = 1, .seq_base = h->seq, .seq_max = h->seq, .pt = h->pt,
		.bytes = h->payload_len, .clock_hz = rtp_static_clock(h->pt),
	};
	if (rtp_static_video(h->pt))
		s->flags |= STREAM_VIDEO;
}

/* RFC 3550, 6.4.1, in nanoseconds, so that streams of any clock compare. */
static void stream_jitter(struct rtp_stream *s, uint32_t ts, uint64_t now)
{
	int64_t media_ns = (int64_t)((double)(int32_t)(ts - s->ref_ts) * 1e9 / s->clock_hz);
	int64_t transit = (int64_t)(now - s->ref_ns) - media_ns;
	float d = (float)llabs(transit - s->transit_ns);

	if (s->flags & STREAM_TRANSIT || s->packets == 2) { /* the packet at ref_ns has transit 0 */
		s->jitter_ns += (d - s->jitter_ns) / 16;
		s->jitter_sum += s->jitter_ns;
		if (s->jitter_ns > s->jitter_max)
			s->jitter_max = s->jitter_ns;
		s->jitter_n++;
	}
	s->flags |= STREAM_TRANSIT;
	s->transit_ns = transit;
}

/* A timestamp step that is a whole number of the shortest audio frames (2.5 ms: RFC 6716, 2.1.4) of this clock. */
static bool step_fits(uint32_t step, uint32_t hz)
{
	return step != 0 && (uint64_t)step * 400 % hz == 0;
}

/*
 * The standard clock a measured rate may be; 0 when none is within the error.
 * 44.1 and 48 kHz are both within it of the same rates, and 11.025 and 12, 22.05
 * and 24 kHz: the step of the timestamps tells them apart, else the nearest is taken.
 */
static uint32_t clock_near(double hz, uint32_t step)
{
	uint32_t best = 0;
	double best_off = 0;

	for (unsigned i = 0; i < sizeof clocks / sizeof *clocks; i++) {
		double off = fabs(hz / clocks[i] - 1);

		if (off >= CLOCK_ERROR)
			continue;
		if (!step_fits(step, clocks[i]))
			off += CLOCK_ERROR;
		if (best == 0 || off < best_off) {
			best = clocks[i];
			best_off = off;
		}
	}
	return best;
}

/* Compares the advance of the timestamp with the time that passed. */
static void stream_clock(struct rtp_stream *s, uint32_t ts, uint64_t now)
{
	uint64_t span = now - s->ref_ns;
	uint32_t hz;

	if (span < CLOCK_MIN_NS || s->packets < CLOCK_MIN_PACKETS)
		return;
	hz = clock_near((double)(ts - s->ref_ts) * 1e9 / (double)span, s->ts_step);
	s->flags &= (uint8_t)~(STREAM_CLOCK_OK | STREAM_CLOCK_BAD);
	if (hz != 0)
		s->flags |= STREAM_CLOCK_OK;
	else if (span >= CLOCK_WRONG_NS)
		s->flags |= STREAM_CLOCK_BAD;
	if (s->clock_hz == 0)
		s->clock_hz = hz;
}

/*
 * True for a step of 2.5 to 200 ms of some standard clock (RFC 3551, 4.2: a
 * receiver takes up to 200 ms; RFC 7845: Opus frames from 2.5 ms).
 */
static bool step_is_frame(uint32_t step)
{
	static const struct { uint32_t quantum, max; } frames[] = {
		{ 20, 1600 },    /* 2.5 ms to 200 ms at 8 kHz */
		{ 40, 3200 },    /* 16 kHz */
		{ 120, 9600 },   /* 48 kHz, and 24 kHz in 5 ms */
		{ 441, 8820 },   /* 44.1 kHz in 10 ms */
	};

	for (unsigned i = 0; i < sizeof frames / sizeof *frames; i++)
		if (step != 0 && step % frames[i].quantum == 0 && step <= frames[i].max)
			return true;
	return false;
}

static void stream_timestamp(struct rtp_stream *s, const struct rtp_header *h)
{
	enum { PAUSE_STEPS = 4 }; /* a jump of time this many frames long is a pause */
	uint32_t step = h->ts - s->last_ts;

	if (step == 0) {
		s->same_ts++;
		return;
	}
	if (step == s->ts_step)
		s->step_repeats++;
	else if (s->ts_step != 0 && step > PAUSE_STEPS * s->ts_step && step < INT32_MAX)
		s->spurts++;
	if (s->ts_step == 0 || step < s->ts_step)
		s->ts_step = step;
}

/* Takes the next packet of a known source; false when it does not continue it. */
static bool stream_continue(struct rtp_stream *s, const struct rtp_header *h, uint64_t now)
{
	int16_t ahead = (int16_t)(h->seq - (uint16_t)s->seq_max);

	if (ahead > REORDER || ahead < -REORDER) {
		uint32_t video = s->flags & STREAM_VIDEO;

		stream_start(s, h, now); /* restarted: count again */
		s->flags |= (uint8_t)video;
		return false;
	}
	s->packets++;
	s->bytes += h->payload_len;
	if (h->contributors != 0)
		s->flags |= STREAM_MIXED;
	if (s->clock_hz != 0 && h->pt == s->pt)
		stream_jitter(s, h->ts, now);
	if (ahead <= 0)
		return true; /* late or twice: it counts, but says nothing new */
	if (ahead == 1) {
		s->steps++;
		stream_timestamp(s, h);
	}
	s->seq_max += (uint32_t)ahead;
	s->last_ts = h->ts;
	s->last_ns = now;
	if (h->pt == s->pt)
		stream_clock(s, h->ts, now);
	return true;
}

/* Fragments of one picture share a timestamp; audio never sends two packets for one moment. */
static bool stream_is_video(const struct rtp_stream *s)
{
	return s->flags & STREAM_VIDEO || (s->same_ts * 4 > s->packets && s->packets >= 4);
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
		stream_start(s, &before, probe_time(probe, now));
		st->packets++;
		detect_media_packet(l, s->first_ns);
	} else {
		stream_start(s, h, now);
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

static bool source_looks_random(uint32_t ssrc)
{
	return ssrc >> 16 != 0 && (ssrc & 0xffff) != 0 && ssrc != (ssrc >> 24) * 0x01010101u;
}

static float stream_bits(const struct rtp_stream *s)
{
	uint32_t steps = s->steps < STEPS_COUNTED ? s->steps : STEPS_COUNTED;
	float bits = (float)steps * BITS_STEP + BITS_TYPE;

	if (s->steps == 0)
		return 0;
	if (source_looks_random(s->ssrc))
		bits += BITS_SOURCE;
	if (stream_is_video(s) ? s->same_ts >= 2 : s->step_repeats >= 2 && step_is_frame(s->ts_step))
		bits += BITS_TS_STEP;
	if (s->flags & STREAM_CLOCK_OK)
		bits += BITS_TS_CLOCK;
	if (s->flags & STREAM_CLOCK_BAD)
		bits += BITS_TS_WRONG;
	return bits;
}

static const struct rtp_stream *best_stream(const struct rtp_state *st, int dir, float *bits)
{
	const struct rtp_stream *best = NULL;

	*bits = 0;
	for (unsigned i = 0; i < st->n[dir]; i++) {
		float b = stream_bits(&st->stream[dir][i]);

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
	enum { PT_MPA = 14, PT_MPV = 32, PT_MP2T = 33 };

	if (s->pt == PT_MPA || s->pt == PT_MPV || s->pt == PT_MP2T)
		return (struct opinion){ CLASS_STREAMING, bits, "RTP with MPEG, one way, {0} packets" };
	if (s->flags & STREAM_MIXED)
		return (struct opinion){ CLASS_MEDIA, bits, "RTP, {0} packets of a conference mixer" };
	if (stream_is_telephony(s))
		return (struct opinion){ CLASS_MEDIA, bits, "RTP, {0} packets of one source, one way, telephone codec" };
	if (stream_is_video(s))
		return (struct opinion){ CLASS_STREAMING, bits, "RTP video one way, {0} packets" };
	if (s->spurts >= SPURTS_TALK)
		return (struct opinion){ CLASS_MEDIA, bits, "RTP one way with talk spurts, {0} packets" };
	if (s->last_ns - s->first_ns > ONE_WAY_STREAM_NS)
		return (struct opinion){ CLASS_STREAMING, bits, "RTP one way without a pause, {0} packets" };
	return (struct opinion){ CLASS_MEDIA, bits < BITS_ONE_WAY_MAX ? bits : BITS_ONE_WAY_MAX,
	    "RTP one way, {0} packets: a talker or a stream" };
}

static void weigh(struct look *l, const struct rtp_state *st)
{
	float bits[2];
	const struct rtp_stream *best[2] = { best_stream(st, 0, &bits[0]), best_stream(st, 1, &bits[1]) };
	int dir = bits[1] > bits[0];
	struct opinion o;

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
}

/* Weighing at every packet would cost more than it tells: at the first ones, then ever more rarely. */
static bool time_to_weigh(uint32_t packets)
{
	enum { EVERY_UP_TO = 24, THEN_EVERY = 64, AT_LAST_EVERY = 1024, RARE_FROM = 2048 };

	if (packets <= EVERY_UP_TO)
		return true;
	return packets % (packets < RARE_FROM ? THEN_EVERY : AT_LAST_EVERY) == 0;
}

enum look_result rtp_look(struct look *l)
{
	uint64_t now = l->pkt->frame->mono_ns;
	struct rtp_state *st = detect_state_find(l);
	struct rtp_stream *s;
	struct rtp_header h;

	if (!rtp_parse(l->data, l->len, l->wire, &h))
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
	if (s->packets == 0)
		s->packets = 1;
	else
		(void)stream_continue(s, &h, now);
	st->packets++;
	detect_media_packet(l, now);
	if (time_to_weigh(st->packets))
		weigh(l, st);
	return LOOK_YES;
}

/* --- for the call record --- */

static void stats_of(const struct rtp_stream *s, struct media_stats *m)
{
	uint64_t span = s->last_ns - s->first_ns;
	uint32_t expected = s->seq_max - s->seq_base + 1;

	*m = (struct media_stats){
		.ssrc = s->ssrc, .payload_type = s->pt, .video = stream_is_video(s),
		.packets = s->packets, .expected = expected,
		.lost = expected > s->packets ? expected - s->packets : 0,
		.clock_hz = s->clock_hz, .first_ns = s->first_ns, .last_ns = s->last_ns,
	};
	if (s->jitter_n != 0)
		m->jitter_ms = s->jitter_sum / (float)s->jitter_n / 1e6f;
	m->jitter_max_ms = s->jitter_max / 1e6f;
	if (span > 0)
		m->rate_bps = (float)((double)s->bytes * 8e9 / (double)span);
}

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
		stats_of(most, &out[n++]);
	}
	return n;
}
