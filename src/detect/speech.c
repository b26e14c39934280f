/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/speech.h"

#include <math.h>

#include "base/clock.h"

#define SYLLABLE_US   120000   /* half a syllable: speech is modulated at 3 to 5 Hz (Houtgast and Steeneken 1985) */
#define FADE_AFTER_US 4000000
#define ON_GRID       0.2f     /* of a period */
#define AIM_AGREEMENT 0.25f

void speech_start(struct speech *s, uint64_t mono_ns)
{
	*s = (struct speech){ .start_ns = mono_ns };
}

static uint32_t time_of(const struct speech *s, uint64_t mono_ns)
{
	return (uint32_t)((mono_ns - s->start_ns) / NS_PER_US);
}

static void mode_count(struct speech_sizes *z, uint16_t size)
{
	unsigned least = 0;

	for (unsigned i = 0; i < SPEECH_MODES; i++) {
		if (z->mode[i].size == size && z->mode[i].n != 0) {
			z->mode[i].n++;
			return;
		}
		if (z->mode[i].n < z->mode[least].n)
			least = i;
	}
	if (z->mode[least].n == 0) {
		z->mode[least].size = size;
		z->mode[least].n = 1;
		return;
	}
	for (unsigned i = 0; i < SPEECH_MODES; i++)
		z->mode[i].n--;
}

static float squared(float x)
{
	return x * x;
}

static void sizes_feed(struct speech_sizes *z, uint16_t size, uint32_t gap_us, unsigned period_ms)
{
	unsigned period = period_ms * 1000;
	unsigned back = SYLLABLE_US / period < SPEECH_RECENT ? SYLLABLE_US / period : SPEECH_RECENT;
	float x;

	if (z->n == 0)
		z->base = size;
	x = (float)size - (float)z->base;
	mode_count(z, size);
	z->n++;
	z->sum += x;
	z->square += x * x;
	if (2 * gap_us < period || 2 * gap_us > 3 * period)
		z->filled = 0;
	if (z->filled >= 1) {
		z->step += squared((float)size - (float)z->recent[(z->at + SPEECH_RECENT - 1u) % SPEECH_RECENT]);
		z->pairs++;
	}
	if (z->filled >= back) {
		z->far += squared((float)size - (float)z->recent[(z->at + SPEECH_RECENT - back) % SPEECH_RECENT]);
		z->far_pairs++;
	}
	z->recent[z->at] = size;
	z->at = (uint8_t)((z->at + 1) % SPEECH_RECENT);
	z->filled += z->filled < SPEECH_RECENT;
}

void speech_feed(struct speech *s, int dir, uint64_t mono_ns, uint32_t size)
{
	struct speech_dir *d = &s->dir[dir];
	struct clock_reading grid = { .period_ms = s->period_ms[dir], .phase_us = s->phase_500us[dir] * 500u };
	uint32_t us = time_of(s, mono_ns);
	uint32_t gap = us - d->clock.last_us;

	if (size == 0 || size > SPEECH_SIZE_MAX || !clock_feed(&d->clock, us))
		return;
	if (grid.period_ms == 0 || fabsf(clock_distance(&grid, us)) > ON_GRID)
		return;
	sizes_feed(&d->sizes, (uint16_t)size, gap, grid.period_ms);
}

static void sizes_fade(struct speech_sizes *z)
{
	for (unsigned i = 0; i < SPEECH_MODES; i++)
		z->mode[i].n /= 2;
	z->sum /= 2;
	z->square /= 2;
	z->step /= 2;
	z->far /= 2;
	z->n /= 2;
	z->pairs /= 2;
	z->far_pairs /= 2;
}

static float correlation(float squares, unsigned pairs, float variance)
{
	return pairs == 0 || variance < 0.25f ? 0 : 1 - squares / (float)pairs / (2 * variance);
}

static void view_sizes(const struct speech_sizes *z, struct speech_view *v)
{
	float mean, variance, modes = 0;
	uint16_t most = 0;

	v->n = z->n;
	if (z->n == 0)
		return;
	mean = z->sum / (float)z->n;
	variance = fmaxf(z->square / (float)z->n - mean * mean, 0);
	v->mean = mean + (float)z->base;
	v->spread = sqrtf(variance);
	v->smooth = correlation(z->step, z->pairs, variance);
	v->syllable = correlation(z->far, z->far_pairs, variance);
	for (unsigned i = 0; i < SPEECH_MODES; i++) {
		modes += (float)z->mode[i].n;
		if (z->mode[i].n <= most)
			continue;
		most = z->mode[i].n;
		v->size = z->mode[i].size;
	}
	v->modal = (float)most / (float)z->n;
	v->modal3 = modes / (float)z->n;
}

void speech_read(struct speech *s, uint64_t mono_ns, struct speech_view out[2])
{
	uint32_t now = time_of(s, mono_ns);
	uint32_t span = now - s->since_us;

	s->weighed++;
	for (int i = 0; i < 2; i++) {
		struct speech_dir *d = &s->dir[i];

		out[i] = (struct speech_view){
			.clock = clock_read(&d->clock, span), .packets = d->clock.n,
			.pauses = d->clock.pauses, .spurts = d->clock.spurts,
		};
		view_sizes(&d->sizes, &out[i]);
		if (out[i].clock.agreement >= AIM_AGREEMENT) {
			if (s->period_ms[i] != out[i].clock.period_ms)
				d->sizes = (struct speech_sizes){ 0 };
			s->period_ms[i] = out[i].clock.period_ms;
			s->phase_500us[i] = (uint8_t)(out[i].clock.phase_us / 500);
		}
		if (span >= FADE_AFTER_US) {
			clock_fade(&d->clock);
			sizes_fade(&d->sizes);
		}
	}
	if (span >= FADE_AFTER_US)
		s->since_us = now - span / 2;
}
