/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_RTP_STREAM_H
#define SQUELCH_DETECT_RTP_STREAM_H

#include "detect/detect.h"
#include "detect/rtp.h"

/* One source of RTP in one direction: its numbers, its clock, and what both are worth. */

#define RTP_REORDER 63        /* sequence numbers a packet may come late or early: those seen have a bit each */

enum rtp_stream_flag {
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
	uint64_t seen;            /* bit i: number seq_max - i came */
	float jitter_ns, jitter_sum, jitter_max;
	uint8_t pt, flags, restarts, others;
};

/* Begins anew with this packet; `now` is monotonic. */
void rtp_stream_start(struct rtp_stream *, const struct rtp_header *, uint64_t now);
/* Takes the next packet of the same source; false when it is one we had. A far jump of numbers begins the stream anew. */
bool rtp_stream_continue(struct rtp_stream *, const struct rtp_header *, uint64_t now);
bool rtp_stream_is_video(const struct rtp_stream *);
/* Evidence in bits that this is RTP, of one direction alone. */
float rtp_stream_bits(const struct rtp_stream *);
/* Figures for the call record. */
void rtp_stream_stats(const struct rtp_stream *, struct media_stats *);

#endif
