/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What SIP says about calls: phases for the call records, and where the media will be. */
#include "detect/sip_call.h"

#include <netinet/in.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "detect/sdp.h"
#include "detect/signal.h"

#define ANNOUNCED_NS (180 * NS_PER_S) /* a call that rings longer than three minutes gives up */

/* The same for the same Call-ID on every flow and in every run: it goes into events. */
static uint64_t call_hash(struct span call_id)
{
	const uint64_t both[2] = { XXH3_64bits("sip", 3), XXH3_64bits(call_id.p, call_id.len) };
	uint64_t h = XXH3_64bits(both, sizeof both);

	return h == 0 ? 1 : h;
}

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

/* Copies printable ASCII, other bytes as question marks; true when it had to be cut. */
static bool text_copy(char *to, size_t size, struct span s)
{
	size_t n = s.len < size ? s.len : size - 1;

	for (size_t i = 0; i < n; i++)
		to[i] = (char)(s.p[i] >= ' ' && s.p[i] < 0x7f ? s.p[i] : '?');
	to[n] = '\0';
	return n < s.len;
}

static bool media_usable(const struct sdp_media *m)
{
	return m->port != 0 && m->transport != SDP_NOT_UDP && !addr_is_unspecified(&m->ip);
}

static void signal_media(struct call_signal *sig, const struct sdp *sdp)
{
	for (unsigned i = 0; i < sdp->n_media && sig->n_media < CALL_MEDIA_MAX; i++) {
		const struct sdp_media *m = &sdp->media[i];
		struct call_media *to = &sig->media[sig->n_media];

		if (!media_usable(m))
			continue;
		*to = (struct call_media){ .ip = m->ip, .port = m->port, .video = m->kind == SDP_VIDEO,
			.payload_type = m->payload_type, .clock_hz = m->clock_hz };
		memcpy(to->codec, m->codec, sizeof to->codec);
		sig->n_media++;
	}
}

static void signal_send(struct look *l, const struct sip_message *m, const struct sip_dialog *d,
    uint64_t call, enum call_phase phase, const struct sdp *sdp)
{
	bool from_is_caller = d == NULL || d->caller == party_hash(m);
	struct call_signal sig = { .call = call, .phase = phase, .app = APP_SIP,
		.from_caller = from_is_caller == (m->status == 0), .sos = d != NULL && d->sos };
	bool cut = text_copy(sig.id, sizeof sig.id, m->call_id);

	cut |= text_copy(sig.from, sizeof sig.from, from_is_caller ? m->from : m->to);
	cut |= text_copy(sig.to, sizeof sig.to, from_is_caller ? m->to : m->from);
	if (cut)
		count(l->env->counts, COUNT_SIGNALS_REFUSED);
	if (d != NULL)
		memcpy(sig.dialed, d->dialed, sizeof sig.dialed);
	signal_media(&sig, sdp);
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

static bool is_private(const struct addr *a)
{
	/* RFC 1918, RFC 6598, RFC 3927; RFC 4193, RFC 4291 */
	static const struct net nets[] = {
		{ { { [10] = 0xff, [11] = 0xff, [12] = 10 } }, 96 + 8 },
		{ { { [10] = 0xff, [11] = 0xff, [12] = 172, [13] = 16 } }, 96 + 12 },
		{ { { [10] = 0xff, [11] = 0xff, [12] = 192, [13] = 168 } }, 96 + 16 },
		{ { { [10] = 0xff, [11] = 0xff, [12] = 100, [13] = 64 } }, 96 + 10 },
		{ { { [10] = 0xff, [11] = 0xff, [12] = 169, [13] = 254 } }, 96 + 16 },
		{ { { [0] = 0xfc } }, 7 }, { { { [0] = 0xfe, [1] = 0x80 } }, 10 },
	};

	for (size_t i = 0; i < sizeof nets / sizeof *nets; i++)
		if (net_holds(&nets[i], a))
			return true;
	return false;
}

static bool is_inside(const struct look *l, const struct addr *a)
{
	return l->env->inside != NULL ? l->env->inside(l->env->arg, a) : is_private(a);
}

static bool is_sip_port(uint16_t port)
{
	return port == 5060 || port == 5061; /* RFC 3261, 19.1.2 */
}

/*
 * The end that a rule calls the server. A trunk opens flows to us too, so who
 * opened it comes last: the end outside, else the end with SIP's port, else the responder.
 */
static int server_end(const struct look *l)
{
	const struct flow_key *k = &l->flow->key;
	int opener = flow_initiator(l->flow);
	bool inside0 = is_inside(l, &k->ip[0]), sip0 = is_sip_port(k->port[0]);

	if (inside0 != is_inside(l, &k->ip[1]))
		return inside0 ? 1 : 0;
	if (sip0 != is_sip_port(k->port[1]))
		return sip0 ? 0 : 1;
	return opener >= 0 ? !opener : !l->dir;
}

/* Ports of traffic that is never a call: DESIGN.md, facts. */
static bool port_forbidden(uint16_t port)
{
	return port == 0 || fact_port_common(port);
}

/* Ends of this very flow are signalling whatever a description says. */
static bool is_this_flow(const struct look *l, const struct addr *ip, uint16_t port)
{
	const struct flow_key *k = &l->flow->key;

	return (port == k->port[0] && addr_equal(ip, &k->ip[0])) ||
	    (port == k->port[1] && addr_equal(ip, &k->ip[1]));
}

/* Says that `host` will exchange media with remote:port. `f` has the rest. */
static void announce(const struct look *l, struct fact f, const struct addr *host,
    const struct addr *remote, uint16_t port, enum app app)
{
	if (port_forbidden(port) || addr_is_unspecified(remote) || is_this_flow(l, remote, port))
		return;
	f.host = *host;
	f.remote = *remote;
	f.port = port;
	f.app = app;
	(void)facts_add(l->env->facts, &f, l->pkt->frame->mono_ns, l->env->counts);
}

static bool is_media_port(const struct sdp *sdp, uint16_t port)
{
	for (unsigned i = 0; i < sdp->n_media; i++)
		if (sdp->media[i].port == port)
			return true;
	return false;
}

/* The clock of the codec offered first, so that jitter is measured from the first packet. */
static struct fact with_clock(struct fact f, const struct sdp_media *m)
{
	f.payload_type = m->payload_type;
	f.clock_hz = m->clock_hz;
	return f;
}

static void announce_sdp(const struct look *l, const struct fact *f, const struct sdp *sdp)
{
	const struct addr *told = &l->pkt->ip[1];

	for (unsigned i = 0; i < sdp->n_media; i++) {
		const struct sdp_media *m = &sdp->media[i];

		if (!media_usable(m))
			continue;
		announce(l, with_clock(*f, m), told, &m->ip, m->port, APP_NONE);
		if (!is_media_port(sdp, m->rtcp_port))
			announce(l, *f, told, addr_is_unspecified(&m->rtcp_ip) ? &m->ip : &m->rtcp_ip,
			    m->rtcp_port, APP_RTCP);
	}
	for (unsigned i = 0; i < sdp->n_candidate; i++)
		announce(l, *f, told, &sdp->candidate[i].ip, sdp->candidate[i].port,
		    sdp->candidate[i].component == 2 ? APP_RTCP : APP_NONE);
}

static void dialog_media(struct sip_dialog *d, int dir, const struct sdp *sdp)
{
	d->n_media[dir] = 0;
	for (unsigned i = 0; i < sdp->n_media && d->n_media[dir] < SIP_DIALOG_MEDIA; i++)
		if (media_usable(&sdp->media[i]))
			d->media[dir][d->n_media[dir]++] = (struct sip_endpoint){ sdp->media[i].ip, sdp->media[i].port };
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
				announce(l, *f, &d->media[!a][i].ip, &d->media[a][i].ip,
				    d->media[a][i].port, APP_NONE);
}

static void announce_all(const struct look *l, struct sip_dialog *d, uint64_t call, const struct sdp *sdp)
{
	int server = server_end(l);
	struct fact f = { .kind = FACT_ANNOUNCED, .proto = IPPROTO_UDP, .call_app = APP_SIP, .call = call,
		.signaller = l->flow->key.ip[server], .signaller_port = l->flow->key.port[server],
		.expires_ns = l->pkt->frame->mono_ns + ANNOUNCED_NS };

	if (d != NULL) {
		f.sos = d->sos;
		memcpy(f.dialed, d->dialed, sizeof f.dialed);
		dialog_media(d, l->dir, sdp);
		if (sdp->n_media != 0)
			f = with_clock(f, &sdp->media[0]);
		announce_pair(l, &f, d);
	}
	announce_sdp(l, &f, sdp);
}

/* --- messages --- */

void sip_call_take(struct look *l, struct sip_calls *s, const struct sip_message *m)
{
	uint64_t call = call_hash(m->call_id);
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
