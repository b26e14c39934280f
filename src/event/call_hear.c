/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "event/calls.h"

/* What a signalling message teaches about its call. */

static void hear_setup(struct call *c, const struct event *ev)
{
	(void)ev;
	c->tried = true;
	c->failed = c->failed && c->answered; /* asked again, with a password perhaps */
}

static void hear_ringing(struct call *c, const struct event *ev)
{
	(void)ev;
	c->tried = c->ringing = true;
}

static void hear_answered(struct call *c, const struct event *ev)
{
	if (!c->answered)
		c->answered_wall_ns = ev->wall_ns;
	c->tried = c->answered = true;
	c->failed = false;
}

/* A refused change of a call that runs does not end it. */
static void hear_failed(struct call *c, const struct event *ev)
{
	if (c->answered)
		return;
	c->failed = true;
	c->end_wall_ns = ev->wall_ns;
}

static void hear_ended(struct call *c, const struct event *ev)
{
	if (!c->ended)
		c->end_wall_ns = ev->wall_ns;
	c->ended = true;
}

static void hear_nothing(struct call *c, const struct event *ev)
{
	(void)c;
	(void)ev;
}

static void (*const hear[CALL_PHASES])(struct call *, const struct event *) = {
	[CALL_SETUP] = hear_setup, [CALL_RINGING] = hear_ringing, [CALL_ANSWERED] = hear_answered,
	[CALL_FAILED] = hear_failed, [CALL_ENDED] = hear_ended, [CALL_MEDIA] = hear_nothing,
	[CALL_ICE] = hear_nothing,
};

static void hear_identity(char to[static CALL_PARTY_LEN], const char *said,
    const struct redact *redact)
{
	char hash[REDACTED_LEN];

	if (said[0] == '\0' || to[0] != '\0')
		return;
	if (redact != NULL) {
		redact_text(redact, said, hash);
		said = hash;
	}
	snprintf(to, CALL_PARTY_LEN, "%s", said);
}

/* The first message of a dialog tells where both parties' signalling is. */
static void hear_parties(struct call *c, const struct event *ev, const struct redact *redact)
{
	const struct call_signal *s = &ev->signal;
	const int sender = ev->sender & 1, caller = s->from_caller ? sender : !sender;
	struct call_party *p = c->party;

	if (addr_is_unspecified(&p[CALL_CALLER].ip)) {
		p[CALL_CALLER].ip = ev->flow.ip[caller];
		p[CALL_CALLER].port = ev->flow.port[caller];
		p[CALL_CALLEE].ip = ev->flow.ip[!caller];
		p[CALL_CALLEE].port = ev->flow.port[!caller];
	}
	hear_identity(p[CALL_CALLER].identity, s->from, redact);
	hear_identity(p[CALL_CALLEE].identity, s->to, redact);
}

/* Where to keep an announcement: over the older one of the same port, else behind; full, over the last. */
static unsigned sdp_slot(const struct call *c, const struct call_media *m)
{
	unsigned i;

	for (i = 0; i < c->n_sdp; i++)
		if (c->sdp[i].port == m->port && addr_equal(&c->sdp[i].ip, &m->ip))
			return i;
	return i < CALL_SDP_MAX ? i : CALL_SDP_MAX - 1;
}

static void hear_media(struct call *c, const struct call_signal *s)
{
	unsigned i, at;

	for (i = 0; i < s->n_media && i < CALL_MEDIA_MAX; i++) {
		at = sdp_slot(c, &s->media[i]);
		if (at == c->n_sdp)
			c->n_sdp++;
		c->sdp[at] = s->media[i];
		c->sdp_from_caller[at] = s->from_caller;
	}
}

void call_hear(struct call *c, const struct event *ev, const struct redact *redact)
{
	const struct call_signal *s = &ev->signal;

	if (s->phase >= CALL_PHASES)
		return;
	hear[s->phase](c, ev);
	if (c->app == APP_NONE)
		c->app = s->app;
	c->sos |= s->sos;
	if (s->phase == CALL_ICE)
		return;
	if (!c->ended && !c->failed && c->n_media == 0)
		c->end_wall_ns = ev->wall_ns;
	hear_parties(c, ev, redact);
	hear_media(c, s);
}
