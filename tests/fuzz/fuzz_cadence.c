/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any stamps and sizes through the model of speech. Each packet is five bytes:
 * one with direction (bit 0) and scale (bits 1 to 3: the gap times 4 to that
 * power), two of gap in microseconds, two of size. What is read must be what the
 * header promises: a period of the list or none, parts from 0 to 1, bits within
 * what a row may say.
 */
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "detect/speech_weigh.h"

#define READ_US  250000
#define BITS_MOST 11.5f /* of a row: rows.h */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static bool is_part(float x)
{
	return x >= 0 && x <= 1;
}

static void look_at_view(const struct speech_view *v)
{
	bool known = v->clock.period_ms == 0;

	for (unsigned i = 0; i < CLOCK_PERIODS; i++)
		known |= v->clock.period_ms == clock_period_ms[i];
	must(known);
	must(is_part(v->clock.agreement) && is_part(v->clock.in_step) && is_part(v->modal) && is_part(v->odd));
	must(isfinite(v->clock.bits) && isfinite(v->clock.filled) && v->clock.filled >= 0);
	must(isfinite(v->mean) && v->mean >= 0 && v->mean <= SPEECH_SIZE_MAX + 1 && isfinite(v->spread));
	must(v->smooth <= 1.001f && v->syllable <= 1.001f && v->size <= SPEECH_SIZE_MAX);
}

static void look_at_bits(const struct speech_bits *b)
{
	must(isfinite(b->bits) && fabsf(b->bits) <= BITS_MOST && (b->bits == 0 || b->why != NULL));
}

static void read_both(struct speech *s, uint64_t now)
{
	struct speech_view view[2];
	struct speech_opinion o;

	speech_read(s, now, view);
	for (int i = 0; i < 2; i++)
		look_at_view(&view[i]);
	speech_weigh(view, &o);
	look_at_bits(&o.clock);
	look_at_bits(&o.sizes);
	look_at_bits(&o.spurts);
	must(o.clock.bits > 0 || (o.sizes.bits == 0 && o.spurts.bits == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor c = cur_open(data, size);
	uint64_t now = NS_PER_S, next = now;
	struct speech s;

	speech_start(&s, now);
	for (;;) {
		uint8_t how = cur_u8(&c);
		uint64_t gap = (uint64_t)cur_u16(&c) << 2 * (how >> 1 & 7);
		uint16_t bytes = cur_u16(&c);

		if (c.bad)
			return 0;
		now += gap * NS_PER_US;
		speech_feed(&s, how & 1, now, bytes);
		if (now < next)
			continue;
		next = now + READ_US * NS_PER_US;
		read_both(&s, now);
	}
}
