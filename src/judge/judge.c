/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/judge.h"

static float own_speech(const float best[static GROUPS])
{
	return best[GROUP_RTP] + best[GROUP_VENDOR] + best[GROUP_CADENCE] + best[GROUP_CADENCE_SIZES] + best[GROUP_CADENCE_SPURTS];
}

float judge_bits(const struct evidence *e, unsigned n, enum voip_class cls)
{
	float best[GROUPS] = { 0 };
	bool seen[GROUPS] = { false };
	float sum = 0;

	for (unsigned i = 0; i < n; i++) {
		enum group g = e[i].row->group;

		if (e[i].cls != cls || (seen[g] && e[i].bits <= best[g]))
			continue;
		best[g] = e[i].bits;
		seen[g] = true;
	}
	if (own_speech(best) < HISTORY_NEEDS)
		best[GROUP_HISTORY] = 0;
	for (unsigned g = 0; g < GROUPS; g++)
		sum += best[g];
	return sum;
}

/* How well an evidence names the application of a class: a vendor before a stack before a protocol, then its own class, then bits. */
static float name_rank(const struct evidence *e, enum voip_class cls)
{
	enum { KIND = 10000, OWN_CLASS = 1000 };
	float rank = e->bits + (float)app_kind(e->app) * KIND;

	if (e->row->group == GROUP_NDPI)
		rank -= OWN_CLASS; /* a second opinion: names what nobody else does */
	if (e->cls == cls)
		rank += OWN_CLASS;
	return rank;
}

static enum app best_app(const struct evidence *e, unsigned n, enum voip_class cls)
{
	enum app app = APP_NONE;
	float best = 0;

	for (unsigned i = 0; i < n; i++) {
		float rank;

		if (e[i].app == APP_NONE || e[i].bits < 0)
			continue;
		rank = name_rank(&e[i], cls);
		if (app == APP_NONE || rank > best) {
			app = e[i].app;
			best = rank;
		}
	}
	return app;
}

/* RTP or RTMP that was read; that a clock comes one way alone says less (cadence). */
static bool says_stream(const struct evidence *e, float report_bits)
{
	return e->cls == CLASS_STREAMING && ((e->row->group == GROUP_RTP && e->bits >= report_bits) ||
	    (e->row->group == GROUP_CADENCE && e->bits >= ACT_BITS));
}

/*
 * What proved to be a stream: ICE and DTLS set up that stream and RTCP
 * reports on it, so none of them makes it a call. Signalling may.
 */
static bool is_stream(const struct evidence *e, unsigned n, float report_bits)
{
	bool stream = false;

	for (unsigned i = 0; i < n; i++) {
		if (e[i].row->group == GROUP_SIGNALLING && e[i].cls == CLASS_SIGNALLING)
			return false;
		stream |= says_stream(&e[i], report_bits);
	}
	return stream;
}

/* Set-up of a stream, and speech seen by nothing but its cadence: a broadcast voice has the same clock. */
static bool yields_to_stream(const struct evidence *e, unsigned n, enum voip_class cls)
{
	if (cls == CLASS_SIGNALLING || cls == CLASS_ICE)
		return true;
	for (unsigned i = 0; i < n && cls == CLASS_MEDIA; i++)
		if (e[i].cls == CLASS_MEDIA && e[i].bits > 0 && e[i].row->group != GROUP_CADENCE &&
		    e[i].row->group != GROUP_CADENCE_SIZES && e[i].row->group != GROUP_CADENCE_SPURTS)
			return false;
	return cls == CLASS_MEDIA;
}

struct judgement judge(const struct evidence *e, unsigned n, float report_bits)
{
	struct judgement j = { CLASS_NONE, APP_NONE, 0 };

	if (n == 0)
		return j;
	for (unsigned c = CLASS_COUNT - 1; c > CLASS_NONE; c--) {
		float bits = judge_bits(e, n, (enum voip_class)c);

		if (yields_to_stream(e, n, (enum voip_class)c) && is_stream(e, n, report_bits))
			continue;
		if (bits >= report_bits) {
			j.cls = (enum voip_class)c;
			j.bits = bits;
			break;
		}
		if (bits > j.bits)
			j.bits = bits;
	}
	j.app = best_app(e, n, j.cls);
	return j;
}
