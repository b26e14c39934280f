/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/disguise.h"

#include "detect/framing.h"

/* Judgement: of connections that hide so one in tens is a tunnel or a call, of all connections one in a thousand. */
#define DISGUISE_PORT    443
#define BITS_DISGUISED   4.0f
#define DISGUISED_SIZES  4.0f  /* and sizes there, without talk */

static bool is_disguised(const struct flow *f, const struct record_dir record[2])
{
	if (f->key.port[0] != DISGUISE_PORT && f->key.port[1] != DISGUISE_PORT)
		return false;
	for (int i = 0; i < 2; i++)
		if (record[i].framing != FRAMING_LENGTH16)
			return false;
	return true;
}

/* Sizes that follow something (neighbours alike), at the rate of a voice: what hides there needs no more. */
#define DISGUISED_SMOOTH 0.5f
#define VOICE_KBPS_MIN   6.0f   /* bits a millisecond: AMR and Opus begin there (RFC 6716, 2.1.1); */
#define VOICE_KBPS_MAX   64.0f  /* G.711 */

static float disguised_size_bits(const struct speech_view v[2])
{
	for (int i = 0; i < 2; i++) {
		float kbps = v[i].clock.period_ms == 0 ? 0 : 8 * v[i].mean / (float)v[i].clock.period_ms;

		if (v[i].smooth < DISGUISED_SMOOTH || kbps < VOICE_KBPS_MIN || kbps > VOICE_KBPS_MAX)
			return 0;
	}
	return DISGUISED_SIZES;
}

float disguise_bits(const struct flow *f, const struct record_dir record[2], const struct speech_view v[2], const struct speech_opinion *o)
{
	return o->both_ways && is_disguised(f, record) ? BITS_DISGUISED + disguised_size_bits(v) : 0;
}
