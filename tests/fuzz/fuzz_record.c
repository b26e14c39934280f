/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Segments of two directions in any pieces and any order, through the record
 * layer, into the model of speech and the one of talk. Each segment stands behind
 * four bytes: bit 0 direction, bit 1 pushed, bits 2 and 3 bytes cut by the capture,
 * the rest repeats it up to 15 times; milliseconds since the one before; how far its
 * place lies from where the stream was (signed, 0: follows); length.
 */
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "detect/record.h"
#include "detect/speech_talk.h"
#include "detect/speech_weigh.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct line {
	struct record_dir record;
	struct talk talk;
	uint32_t seq;
	uint64_t covered, told;   /* bytes of the stream that passed or are missing; bytes of records */
};

struct run {
	struct line line[2];
	struct speech speech;
	uint64_t ns;
	int dir;
};

static void take(void *arg, uint64_t ns, uint32_t size)
{
	struct run *r = arg;
	struct line *l = &r->line[r->dir];

	if (ns > r->ns)
		abort();
	l->told += size;
	if (l->told > l->covered)
		abort();
	speech_feed(&r->speech, r->dir, ns, size);
	talk_feed(&l->talk, (uint32_t)(ns / NS_PER_US), size);
}

static void read_all(struct run *r)
{
	struct talk both[2] = { r->line[0].talk, r->line[1].talk };
	struct speech_view v[2];
	struct speech_opinion o;
	struct talk_reading t;

	speech_read(&r->speech, r->ns, v);
	for (int i = 0; i < 2; i++)
		v[i].wrap = r->line[i].record.framing == FRAMING_TLS ? WRAP_HIDDEN : WRAP_RECORD;
	speech_weigh(v, &o);
	talk_read(both, (uint32_t)(r->ns / NS_PER_US), &t);
	if (!(o.clock.bits + o.sizes.bits + o.spurts.bits < 100) || !(fabsf(t.together) < 1.01f))
		abort();
}

static void segment(struct run *r, uint8_t how, int8_t away, const uint8_t *bytes, uint32_t len)
{
	struct line *l = &r->line[r->dir];
	struct record_segment s = { .ns = r->ns, .seq = l->seq + (uint32_t)(int32_t)away, .data = bytes, .have = len,
		.wire = len + (how >> 2 & 3), .pushed = how & 2 };

	if (s.wire == 0)
		return;
	l->covered += s.wire + (uint32_t)abs(away);
	record_feed(&l->record, &s, take, r);
	if (away >= 0)
		l->seq = s.seq + s.wire;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run r = { .ns = NS_PER_S };
	struct cursor c = cur_open(data, size);

	speech_start(&r.speech, r.ns);
	while (cur_left(&c) >= 4) {
		uint8_t how = cur_u8(&c), ms = cur_u8(&c);
		int8_t away = (int8_t)cur_u8(&c);
		uint32_t len = cur_u8(&c);
		const uint8_t *bytes = cur_take(&c, len);

		if (bytes == NULL)
			break;
		r.dir = how & 1;
		for (unsigned i = 0; i <= how >> 4u; i++) {
			r.ns += ms * NS_PER_MS;
			segment(&r, how, away, bytes, len);
		}
		read_all(&r);
	}
	return 0;
}
