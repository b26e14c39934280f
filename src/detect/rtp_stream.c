/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/rtp_stream.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"

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
#define CLOCK_MIN_NS   (300 * NS_PER_MS)  /* time before the clock is measured */
#define CLOCK_MIN_PACKETS 8
#define CLOCK_WRONG_NS (1 * NS_PER_S)     /* and before a wrong one counts against */
#define CLOCK_ERROR    0.10   /* relative; jitter of 30 ms on 300 ms */
#define TYPE_PATIENCE 50      /* packets: a second of speech; a key is held for less (RFC 4733, 2.5.1.2) */
#define CLOCK_RESTARTS 4      /* times a sender may set its clock anew (another source behind one SSRC: hold, transfer) before that counts against it */

static const uint32_t clocks[] = { 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 90000 };

void rtp_stream_start(struct rtp_stream *s, const struct rtp_header *h, uint64_t now)
{
	*s = (struct rtp_stream){
		.first_ns = now, .last_ns = now, .ref_ns = now, .ssrc = h->ssrc,
		.last_ts = h->ts, .ref_ts = h->ts,
		.packets = 1, .seq_base = h->seq, .seq_max = h->seq, .seen = 1, .pt = h->pt,
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

/* The sender's clock was set anew: what was measured against the old one is void. */
static void clock_restart(struct rtp_stream *s, const struct rtp_header *h, uint64_t now)
{
	s->restarts++;
	s->ref_ns = now;
	s->ref_ts = h->ts;
	s->transit_ns = 0;
	s->flags &= (uint8_t)~(STREAM_CLOCK_OK | STREAM_CLOCK_BAD | STREAM_TRANSIT);
}

/*
 * Only between packets of the stream's own payload type: telephone events keep
 * the time at which the key went down (RFC 4733, 2.2.1), comfort noise its own.
 */
static void stream_timestamp(struct rtp_stream *s, const struct rtp_header *h, uint64_t now)
{
	enum { PAUSE_STEPS = 4 }; /* a jump of time this many frames long is a pause */
	uint32_t step = h->ts - s->last_ts;

	if (step > INT32_MAX && s->restarts < CLOCK_RESTARTS) {
		clock_restart(s, h, now);
		return;
	}
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

/*
 * Notes a sequence number; false when it came before: a span port or a second
 * interface shows packets twice. A number next to one that came is a step,
 * whichever of the two was late.
 */
static bool number_new(struct rtp_stream *s, int16_t ahead)
{
	uint64_t bit = ahead > 0 ? 1 : 1ULL << -ahead;

	if (ahead > 0)
		s->seen <<= ahead;
	if (s->seen & bit)
		return false;
	s->steps += (s->seen & (bit << 1 | bit >> 1)) != 0;
	s->seen |= bit;
	return true;
}

/* Packets of another type are key presses or comfort noise for a while, and when they are more by TYPE_PATIENCE another codec. */
static bool type_of_stream(struct rtp_stream *s, const struct rtp_header *h, uint64_t now)
{
	enum { COMFORT_NOISE = 13 }; /* RFC 3389 */

	if (h->pt == s->pt) {
		s->others -= s->others != 0;
		return true;
	}
	if (h->pt == COMFORT_NOISE || ++s->others < TYPE_PATIENCE)
		return false;
	s->others = 0;
	s->pt = h->pt;
	s->clock_hz = rtp_static_clock(h->pt);
	s->ts_step = 0;
	s->last_ts = h->ts;
	clock_restart(s, h, now);
	return true;
}

/* Takes the next packet of a known source; false when it is one we had. */
bool rtp_stream_continue(struct rtp_stream *s, const struct rtp_header *h, uint64_t now)
{
	int16_t ahead = (int16_t)(h->seq - (uint16_t)s->seq_max);

	if (ahead > RTP_REORDER || ahead < -RTP_REORDER) {
		uint32_t video = s->flags & STREAM_VIDEO;

		rtp_stream_start(s, h, now); /* restarted: count again */
		s->flags |= (uint8_t)video;
		return true;
	}
	if (!number_new(s, ahead))
		return false;
	s->packets++;
	s->bytes += h->payload_len;
	if (h->contributors != 0)
		s->flags |= STREAM_MIXED;
	if (s->clock_hz != 0 && h->pt == s->pt)
		stream_jitter(s, h->ts, now);
	if (ahead <= 0)
		return true; /* late: it counts, but says nothing new */
	s->seq_max += (uint32_t)ahead;
	s->last_ns = now;
	if (!type_of_stream(s, h, now))
		return true;
	if (ahead == 1)
		stream_timestamp(s, h, now);
	s->last_ts = h->ts;
	stream_clock(s, h->ts, now);
	return true;
}

/* Fragments of one picture share a timestamp; audio never sends two packets for one moment. */
bool rtp_stream_is_video(const struct rtp_stream *s)
{
	return s->flags & STREAM_VIDEO || (s->same_ts * 4 > s->packets && s->packets >= 4);
}

/* --- weighing --- */

static bool source_looks_random(uint32_t ssrc)
{
	return ssrc >> 16 != 0 && (ssrc & 0xffff) != 0 && ssrc != (ssrc >> 24) * 0x01010101u;
}

float rtp_stream_bits(const struct rtp_stream *s)
{
	uint32_t steps = s->steps < STEPS_COUNTED ? s->steps : STEPS_COUNTED;
	float bits = (float)steps * BITS_STEP + BITS_TYPE;

	if (s->steps == 0)
		return 0;
	if (source_looks_random(s->ssrc))
		bits += BITS_SOURCE;
	if (rtp_stream_is_video(s) ? s->same_ts >= 2 : s->step_repeats >= 2 && step_is_frame(s->ts_step))
		bits += BITS_TS_STEP;
	if (s->flags & STREAM_CLOCK_OK)
		bits += BITS_TS_CLOCK;
	if (s->flags & STREAM_CLOCK_BAD)
		bits += BITS_TS_WRONG;
	return bits;
}

void rtp_stream_stats(const struct rtp_stream *s, struct media_stats *m)
{
	uint64_t span = s->last_ns - s->first_ns;
	uint32_t expected = s->seq_max - s->seq_base + 1;

	*m = (struct media_stats){
		.ssrc = s->ssrc, .payload_type = s->pt, .video = rtp_stream_is_video(s),
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
