/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "event/calls.h"

/* What a call record says of itself. */

const char *call_end_name(enum call_end end)
{
	static const char *const names[] = {
		[CALL_END_SIGNALLING] = "signalling", [CALL_END_FAILED] = "failed",
		[CALL_END_SILENCE] = "silence", [CALL_END_EVICTED] = "evicted",
		[CALL_END_SHUTDOWN] = "shutdown",
	};
	static_assert(sizeof names / sizeof *names == CALL_ENDS, "name every end");

	return names[end];
}

const char *call_signalling(const struct call *c)
{
	if (c->ended)
		return "ended";
	if (c->failed)
		return "failed";
	if (c->answered)
		return "answered";
	return c->ringing ? "ringing" : c->tried ? "setup" : NULL;
}

/* --- who --- */

static const struct call_flow *first_media(const struct call *c)
{
	unsigned i;

	for (i = 0; i < c->n_flow; i++)
		if (c->flow[i]->part == PART_MEDIA)
			return c->flow[i];
	return NULL;
}

/* Which end of the flow is the caller, by what was announced; -1 unknown. */
static int caller_by_sdp(const struct call *c, const struct call_flow *f)
{
	unsigned i;
	int end;

	for (i = 0; i < c->n_sdp; i++)
		for (end = 0; end < 2; end++)
			if (c->sdp[i].port == f->port[end] && addr_equal(&c->sdp[i].ip, &f->ip[end]))
				return c->sdp_from_caller[i] ? end : !end;
	return -1;
}

/* The same by where the signalling came from. */
static int caller_by_signaller(const struct call *c, const struct call_flow *f)
{
	int end;

	for (end = 0; end < 2; end++) {
		if (addr_equal(&c->party[CALL_CALLER].ip, &f->ip[end]))
			return end;
		if (addr_equal(&c->party[CALL_CALLEE].ip, &f->ip[end]))
			return !end;
	}
	return -1;
}

bool call_ends(const struct call *c, struct call_party out[static CALL_ROLES])
{
	const struct call_flow *f = first_media(c);
	int caller = -1;

	memcpy(out, c->party, sizeof c->party);
	if (f == NULL)
		return c->tried;
	if (c->tried && (caller = caller_by_sdp(c, f)) < 0)
		caller = caller_by_signaller(c, f);
	if (c->tried && caller < 0)
		return true; /* signalling knows better than a relay's addresses */
	out[CALL_CALLER].ip = f->ip[caller == 1];
	out[CALL_CALLEE].ip = f->ip[caller != 1];
	return caller >= 0;
}

const char *call_party_text(const struct call_party *p, char out[static CALL_PARTY_LEN])
{
	const char *name = p->identity;
	char ip[ADDR_TEXT_LEN];

	if (strncmp(name, "sip:", 4) == 0)
		name += 4;
	if (name[0] == '\0')
		name = addr_is_unspecified(&p->ip) ? "?" : addr_text(&p->ip, ip);
	snprintf(out, CALL_PARTY_LEN, "%.*s", CALL_PARTY_LEN - 1, name);
	return out;
}

/* --- what is spoken --- */

struct payload_type {
	const char *name;
	bool video;
};

/* RFC 3551, tables 4 and 5. */
static const struct payload_type payload_types[] = {
	[0] = { "PCMU/8000", false }, [3] = { "GSM/8000", false }, [4] = { "G723/8000", false },
	[5] = { "DVI4/8000", false }, [6] = { "DVI4/16000", false }, [7] = { "LPC/8000", false },
	[8] = { "PCMA/8000", false }, [9] = { "G722/8000", false },
	[10] = { "L16/44100/2", false }, [11] = { "L16/44100", false },
	[12] = { "QCELP/8000", false }, [13] = { "CN/8000", false }, [14] = { "MPA/90000", false },
	[15] = { "G728/8000", false }, [16] = { "DVI4/11025", false },
	[17] = { "DVI4/22050", false }, [18] = { "G729/8000", false },
	[25] = { "CelB/90000", true }, [26] = { "JPEG/90000", true }, [28] = { "nv/90000", true },
	[31] = { "H261/90000", true }, [32] = { "MPV/90000", true }, [33] = { "MP2T/90000", true },
	[34] = { "H263/90000", true },
};

static const struct payload_type *payload_type(unsigned number)
{
	static const struct payload_type none;

	return number < sizeof payload_types / sizeof *payload_types ? &payload_types[number] : &none;
}

/* How well an announcement fits a stream: the receiver's own, the sender's, or one of the same call. */
static int sdp_fit(const struct call_media *m, const struct call_flow *f, int dir, unsigned type)
{
	if (m->payload_type != type || m->codec[0] == '\0')
		return 0;
	if (m->port == f->port[!dir])
		return 3;
	return m->port == f->port[dir] ? 2 : 1;
}

struct call_codec call_codec(const struct call *c, const struct call_flow *f, int dir,
    const struct media_stats *s)
{
	const struct payload_type *type = payload_type(s->payload_type);
	struct call_codec codec = { .video = s->video || type->video };
	const char *name = type->name;
	int best = 0, fit;
	unsigned i;

	for (i = 0; i < c->n_sdp && type->name == NULL; i++) {
		fit = sdp_fit(&c->sdp[i], f, dir, s->payload_type);
		if (fit <= best)
			continue;
		best = fit;
		name = c->sdp[i].codec;
		codec.video = s->video || c->sdp[i].video;
	}
	snprintf(codec.name, sizeof codec.name, "%s", name == NULL ? "" : name);
	return codec;
}

static struct call_codec announced_codec(const struct call *c)
{
	struct call_codec codec = { "", false };
	unsigned i;

	for (i = 0; i < c->n_sdp && codec.name[0] == '\0'; i++) {
		const struct payload_type *type = payload_type(c->sdp[i].payload_type);
		const char *name = type->name != NULL ? type->name : c->sdp[i].codec;

		if (c->sdp[i].video || name[0] == '\0')
			continue;
		snprintf(codec.name, sizeof codec.name, "%s", name);
	}
	return codec;
}

/* The audio stream with most packets names the call. */
struct call_codec call_main_codec(const struct call *c)
{
	struct call_codec best = { "", false };
	uint32_t most = 0;
	unsigned i, dir, k;

	for (i = 0; i < c->n_flow; i++)
		for (dir = 0; dir < 2; dir++)
			for (k = 0; k < c->flow[i]->n_media[dir]; k++) {
				const struct media_stats *s = &c->flow[i]->media[dir][k];
				struct call_codec codec = call_codec(c, c->flow[i], (int)dir, s);

				if (s->packets <= most || codec.video || codec.name[0] == '\0')
					continue;
				most = s->packets;
				best = codec;
			}
	return best.name[0] != '\0' ? best : announced_codec(c);
}

const char *call_what_text(const struct call *c, char out[static CALL_WHAT_LEN])
{
	const struct call_codec codec = call_main_codec(c);
	const char *app = app_name(c->app);

	snprintf(out, CALL_WHAT_LEN, "%s%s%.*s", app == NULL ? "?" : app, codec.name[0] == '\0' ? "" : "/",
	    (int)strcspn(codec.name, "/"), codec.name);
	return out;
}
