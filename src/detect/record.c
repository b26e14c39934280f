/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/record.h"

#include <string.h>

#include "base/clock.h"
#include "base/cursor.h"

/*
 * A framing is taken for true when so many segments in a row consisted of whole
 * records of it. Two bytes of length agree with a segment by chance once in
 * 65,536 / (sizes a sender uses); three in a row do not.
 */
#define VOTES_NEEDED  3

/* Segments of one write leave back to back; one that comes later than this begins another. */
#define WRITE_GAP_NS  (5 * NS_PER_MS)

/* Records in one segment that are walked over when voting: a full segment of the smallest frames. */
#define WALK_MAX      64

/*
 * What encryption adds to a TLS record of application data. 1.3: a type and a tag (RFC 8446, 5.2). 1.2 with AES-GCM:
 * a nonce and a tag (RFC 5288, 3); the nonce is the sender's choice, and all in use count records. With
 * ChaCha20-Poly1305 (RFC 7905) it is one byte less than 1.3, which does not show.
 */
#define TLS_ADDS_13    (1 + 16)
#define TLS_ADDS_12    (8 + 16)
#define NONCE_COUNTS   2  /* records; by chance one in 2^64 */
#define NONCE_SURE     8

/* Bytes [data, data + have) of a segment whose wire length may be larger. */
struct span_of { const uint8_t *data; uint32_t have, wire; uint64_t ns; record_fn *fn; void *arg; };

/* --- which framing --- */

static bool whole_records(enum framing f, const struct span_of *s)
{
	uint32_t at = 0;

	for (unsigned i = 0; i < WALK_MAX && at < s->have; i++) {
		struct framing_header h = framing_read(f, s->data + at, s->have - at < FRAMING_HEADER_MAX ? s->have - at : FRAMING_HEADER_MAX);

		if (h.head <= 0 || h.body > s->wire - at)
			return false;
		at += (uint32_t)h.head + h.body;
		if (at == s->wire)
			return true;
	}
	return false;
}

/* A longer header proves more: of several the first in this order is believed. */
static const uint8_t by_strength[] = { FRAMING_TLS, FRAMING_CHUNKED, FRAMING_TURN, FRAMING_WEBSOCKET, FRAMING_LENGTH16 };

static void vote(struct record_dir *d, const struct span_of *s)
{
	for (unsigned i = 0; i < sizeof by_strength; i++) {
		uint8_t f = by_strength[i];

		d->votes[f] = whole_records((enum framing)f, s) ? (uint8_t)(d->votes[f] + (d->votes[f] != UINT8_MAX)) : 0;
	}
	for (unsigned i = 0; i < sizeof by_strength; i++)
		if (d->votes[by_strength[i]] >= VOTES_NEEDED) {
			d->framing = by_strength[i];
			return;
		}
}

static void framing_lost(struct record_dir *d)
{
	memset(d->votes, 0, sizeof d->votes);
	d->framing = FRAMING_NONE;
	d->held = 0;
	d->left = 0;
	d->size = 0;
}

/* --- framed --- */

static void advance(struct span_of *s, uint32_t n)
{
	uint32_t have = n < s->have ? n : s->have;

	s->data += have;
	s->have -= have;
	s->wire -= n;
}

/* Looks at the first bytes of a record for a nonce that counts. */
static void look_at_nonce(struct record_dir *d, const struct span_of *s)
{
	struct cursor c = cur_open(s->data, s->have);
	uint32_t nonce;

	if (d->framing != FRAMING_TLS)
		return;
	(void)cur_u32(&c);
	nonce = cur_u32(&c);
	if (c.bad)
		return;
	if (nonce == d->nonce + 1)
		d->counted += d->counted < NONCE_SURE;
	else
		d->counted -= d->counted > 0;
	d->nonce = nonce;
}

/* What the sender wrote into a record of so many bytes. */
static uint32_t written_into(const struct record_dir *d, uint32_t size)
{
	uint32_t adds = d->framing != FRAMING_TLS ? 0 : d->counted >= NONCE_COUNTS ? TLS_ADDS_12 : TLS_ADDS_13;

	return size > adds ? size - adds : 0;
}

static void body(struct record_dir *d, struct span_of *s)
{
	uint32_t n = d->left < s->wire ? d->left : s->wire;

	d->left -= n;
	advance(s, n);
	if (d->left == 0)
		s->fn(s->arg, d->begun_ns, written_into(d, d->size));
}

/* Adds bytes to the header that is being put together; false when it can be none. */
static bool header(struct record_dir *d, struct span_of *s)
{
	if (d->held == 0)
		d->begun_ns = s->ns;
	while (s->have > 0 && d->held < FRAMING_HEADER_MAX) {
		struct framing_header h;

		d->header[d->held++] = *s->data;
		advance(s, 1);
		h = framing_read((enum framing)d->framing, d->header, d->held);
		if (h.head < 0)
			return false;
		if (h.head > 0) {
			d->held = 0;
			d->left = h.body;
			d->size = h.body - h.extra;
			if (h.body == 0)
				s->fn(s->arg, d->begun_ns, 0);
			else
				look_at_nonce(d, s);
			return true;
		}
	}
	return d->held < FRAMING_HEADER_MAX;
}

static void framed(struct record_dir *d, struct span_of *s)
{
	while (s->wire > 0) {
		if (d->left > 0) {
			body(d, s);
			continue;
		}
		if (s->have == 0 || !header(d, s)) {
			framing_lost(d); /* the capture cut the header off, or this is something else by now */
			return;
		}
	}
}

/* --- unframed: writes --- */

static void write_ends(struct record_dir *d, const struct span_of *s)
{
	if (d->size != 0)
		s->fn(s->arg, d->begun_ns, d->size);
	d->size = 0;
}

static void written(struct record_dir *d, struct span_of *s, bool pushed)
{
	if (d->size != 0 && s->ns - d->begun_ns > WRITE_GAP_NS)
		write_ends(d, s);
	if (d->size == 0)
		d->begun_ns = s->ns;
	d->size += s->wire;
	if (pushed)
		write_ends(d, s);
}

/* --- sequence space --- */

/* Brings the segment to what is new of it; false when nothing is. */
static bool news(struct record_dir *d, struct span_of *s, uint32_t seq)
{
	uint32_t ahead = seq - d->next_seq;

	if (!d->synced) {
		d->synced = true;
	} else if (ahead > INT32_MAX) {
		uint32_t old = d->next_seq - seq;

		if (old >= s->wire)
			return false;
		advance(s, old);
		return true;
	} else if (ahead != 0) {
		d->holes += d->holes != UINT16_MAX;
		if (d->framing != FRAMING_NONE && d->left > ahead)
			d->left -= ahead; /* missing inside a record: its end is known all the same */
		else
			framing_lost(d);
	}
	d->next_seq = seq;
	return true;
}

void record_feed(struct record_dir *d, const struct record_segment *seg, record_fn *fn, void *arg)
{
	struct span_of s = { seg->data, seg->have, seg->wire, seg->ns, fn, arg };

	if (!news(d, &s, seg->seq))
		return;
	d->next_seq += s.wire;
	if (d->framing != FRAMING_NONE) {
		framed(d, &s);
		return;
	}
	vote(d, &s);
	written(d, &s, seg->pushed);
}
