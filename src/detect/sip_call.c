/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What SIP says about calls: phases for the call records, and where the media will be. */
#include "detect/sip_call.h"

#include <string.h>

#include "base/hash.h"

/* Clients of RFC 2543 sent no tags: then the URI has to do. */
static uint64_t party_hash(const struct sip_message *m)
{
	struct span s = m->from_tag.len > 0 ? m->from_tag : m->from;

	return s.len == 0 ? 0 : hash_bytes(s.p, s.len);
}

static struct sip_dialog *dialog_find(struct sip_calls *s, uint64_t call)
{
	for (unsigned i = 0; s != NULL && i < SIP_DIALOGS; i++)
		if (s->dialog[i].call == call)
			return &s->dialog[i];
	return NULL;
}

static bool is_first_invite(const struct sip_message *m)
{
	return m->status == 0 && m->method == SIP_INVITE && m->to_tag.len == 0;
}

/* The dialog of a message; a new one for an INVITE or an answer to it. */
static struct sip_dialog *dialog_get(struct sip_calls *s, const struct sip_message *m, uint64_t call)
{
	struct sip_dialog *d = dialog_find(s, call);

	if (d == NULL && s != NULL && m->method == SIP_INVITE) {
		d = &s->dialog[s->next];
		s->next = (uint8_t)((s->next + 1) % SIP_DIALOGS);
		*d = (struct sip_dialog){ .call = call, .caller = party_hash(m) };
		/* An INVITE inside a dialog we did not see begin: it was answered long ago. */
		if (m->status == 0 && m->to_tag.len > 0)
			d->answered = UINT32_MAX;
	}
	if (d != NULL && is_first_invite(m)) {
		d->caller = party_hash(m);
		d->sos = sip_uri_is_sos(m->uri);
		sip_dialed(m->uri, d->dialed);
	}
	return d;
}

/* Refusals after which the caller tries again by itself (RFC 3261, 22; RFC 4028, 6). */
static bool tries_again(uint16_t status)
{
	return status == 401 || status == 407 || status == 422;
}

/* Phase said by an answer to INVITE; CALL_PHASES: none. */
static enum call_phase phase_of_answer(const struct sip_message *m, struct sip_dialog *d)
{
	if (d != NULL && d->answered != 0 && d->answered != m->cseq + 1)
		return CALL_MEDIA; /* to a later INVITE: the call goes on whatever it says */
	if (m->status >= 180 && m->status < 190)
		return CALL_RINGING;
	if (m->status >= 300)
		return tries_again(m->status) ? CALL_PHASES : CALL_FAILED;
	if (m->status < 200)
		return CALL_PHASES;
	if (d != NULL)
		d->answered = m->cseq + 1;
	return CALL_ANSWERED;
}

/* What a message says about its call; CALL_MEDIA counts only when there is SDP. */
static enum call_phase phase_of(const struct sip_message *m, struct sip_dialog *d)
{
	if (m->status != 0 && m->method == SIP_INVITE)
		return phase_of_answer(m, d);
	if (m->method == SIP_OTHER || m->status >= 300)
		return CALL_PHASES;
	if (m->status == 0 && m->method == SIP_BYE)
		return CALL_ENDED;
	if (m->status == 0 && m->method == SIP_CANCEL) /* after the answer it has no effect, RFC 3261, 9 */
		return d != NULL && d->answered != 0 ? CALL_PHASES : CALL_FAILED;
	return is_first_invite(m) ? CALL_SETUP : CALL_MEDIA;
}

static void signal_send(struct look *l, const struct sip_message *m, const struct sip_dialog *d,
    uint64_t call, enum call_phase phase, const struct sdp *sdp)
{
	bool from_is_caller = d == NULL || d->caller == party_hash(m);
	struct call_signal sig = { .call = call, .phase = phase, .app = APP_SIP,
		.from_caller = from_is_caller == (m->status == 0), .sos = d != NULL && d->sos };

	call_text(l, sig.id, sizeof sig.id, m->call_id);
	call_text(l, sig.from, sizeof sig.from, from_is_caller ? m->from : m->to);
	call_text(l, sig.to, sizeof sig.to, from_is_caller ? m->to : m->from);
	if (d != NULL)
		memcpy(sig.dialed, d->dialed, sizeof sig.dialed);
	call_signal_sdp(&sig, sdp);
	detect_signal(l, &sig);
}

/*
 * The number called stands in the watch until another is: an emergency call must
 * get through, its BYE and what answers it too.
 */
static void watch_number(struct look *l, const struct sip_dialog *d, enum call_phase phase)
{
	struct watch *w = phase == CALL_SETUP ? detect_watch(l) : NULL;

	if (w == NULL)
		return;
	watch_ask_rules(w);
	w->sos = d->sos;
	memcpy(w->dialed, d->dialed, sizeof w->dialed);
}

/* --- facts --- */

static void dialog_media(struct sip_dialog *d, int dir, const struct sdp *sdp)
{
	d->n_media[dir] = 0;
	for (unsigned i = 0; i < sdp->n_media && d->n_media[dir] < SIP_DIALOG_MEDIA; i++)
		if (call_sdp_usable(&sdp->media[i]))
			d->media[dir][d->n_media[dir]++] = (struct call_endpoint){ sdp->media[i].ip, sdp->media[i].port };
}

/*
 * Offer and answer together name both ends of the media, also when a proxy
 * stands between. An end is believed only when it sent its own part itself:
 * then the other end may send to it from any port.
 */
static void announce_pair(const struct look *l, const struct fact *f, const struct sip_dialog *d)
{
	for (int a = 0; a < 2; a++)
		for (unsigned i = 0; i < d->n_media[a] && i < d->n_media[!a]; i++)
			if (addr_equal(&d->media[a][i].ip, &l->flow->key.ip[a]))
				call_announce(l, f, &d->media[!a][i].ip, &d->media[a][i], APP_NONE);
}

static void announce_all(const struct look *l, struct sip_dialog *d, uint64_t call, const struct sdp *sdp)
{
	struct fact f = call_fact(l, APP_SIP, call, d == NULL ? NULL : d->dialed);

	if (d != NULL) {
		f.sos = d->sos;
		dialog_media(d, l->dir, sdp);
		if (sdp->n_media != 0)
			f = call_fact_clock(f, &sdp->media[0]);
		announce_pair(l, &f, d);
	}
	call_announce_sdp(l, &f, sdp);
}

/* --- messages --- */

void sip_call_take(struct look *l, struct sip_calls *s, const struct sip_message *m)
{
	uint64_t call = call_hash("sip", m->call_id.p, m->call_id.len);
	struct sip_dialog *d;
	enum call_phase phase;
	struct span text = sip_sdp(m);
	struct sdp sdp = { 0 };
	bool described;

	if (m->method == SIP_OTHER)
		return;
	d = dialog_get(s, m, call);
	phase = phase_of(m, d);
	described = m->status < 300 && text.len > 0 && sdp_parse(text.p, text.len, &sdp);
	if (described)
		announce_all(l, d, call, &sdp);
	if (phase == CALL_PHASES && described)
		phase = CALL_MEDIA;
	if (phase == CALL_PHASES || (phase == CALL_MEDIA && !described))
		return;
	signal_send(l, m, d, call, phase, &sdp);
	if (d != NULL)
		watch_number(l, d, phase);
}
