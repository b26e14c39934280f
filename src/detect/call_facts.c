/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/call_facts.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"

#define ANNOUNCED_NS (180 * NS_PER_S) /* a call that rings longer than three minutes gives up */

/* --- names --- */

uint64_t call_hash(const char *protocol, const void *id, size_t len)
{
	const uint64_t both[2] = { XXH3_64bits(protocol, strlen(protocol)), XXH3_64bits(id, len) };
	uint64_t h = XXH3_64bits(both, sizeof both);

	return h == 0 ? 1 : h;
}

uint64_t call_hash_flow(const struct look *l, const char *protocol, uint32_t number, uint32_t turn,
    char id[static CALL_ID_LEN])
{
	const struct flow_key *k = &l->flow->key;
	char a[ADDR_TEXT_LEN], b[ADDR_TEXT_LEN];

	snprintf(id, CALL_ID_LEN, "%u.%u@%s:%u-%s:%u", number, turn, addr_text(&k->ip[0], a), k->port[0],
	    addr_text(&k->ip[1], b), k->port[1]);
	return call_hash(protocol, id, strlen(id));
}

void call_text(const struct look *l, char *to, size_t size, struct span s)
{
	size_t n = s.len < size ? s.len : size - 1;

	for (size_t i = 0; i < n; i++)
		to[i] = (char)(s.p[i] >= ' ' && s.p[i] < 0x7f ? s.p[i] : '?');
	to[n] = '\0';
	if (n < s.len)
		count(l->env->counts, COUNT_SIGNALS_REFUSED);
}

static bool is_separator(uint8_t c)
{
	return c == '-' || c == '.' || c == '(' || c == ')' || c == ' '; /* RFC 3966, 5.1.1 */
}

void call_digits(struct span s, char out[static DIALED_LEN])
{
	size_t n = 0;

	memset(out, 0, DIALED_LEN);
	if (s.len > 0 && s.p[s.len - 1] == '#')
		s.len--; /* the key that ends dialling */
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.p[i];

		if (is_separator(c))
			continue;
		if (!(byte_is_digit(c) || (c == '+' && n == 0)) || n == DIALED_LEN - 1) {
			memset(out, 0, DIALED_LEN);
			return;
		}
		out[n++] = (char)c;
	}
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

static bool is_server_port(enum app app, uint16_t port)
{
	return app == APP_SIP && (port == 5060 || port == 5061); /* RFC 3261, 19.1.2 */
}

/*
 * The end that a rule calls the server. A trunk opens flows to us too, so who
 * opened it comes last: the end outside, else the end with the protocol's port, else the responder.
 */
static int server_end(const struct look *l, enum app app)
{
	const struct flow_key *k = &l->flow->key;
	int opener = flow_initiator(l->flow);
	bool inside0 = is_inside(l, &k->ip[0]), serves0 = is_server_port(app, k->port[0]);

	if (inside0 != is_inside(l, &k->ip[1]))
		return inside0 ? 1 : 0;
	if (serves0 != is_server_port(app, k->port[1]))
		return serves0 ? 0 : 1;
	return opener >= 0 ? !opener : !l->dir;
}

struct fact call_fact(const struct look *l, enum app call_app, uint64_t call, const char *dialed)
{
	int server = server_end(l, call_app);
	struct fact f = { .kind = FACT_ANNOUNCED, .proto = IPPROTO_UDP, .call_app = call_app, .call = call,
		.signaller = l->flow->key.ip[server], .signaller_port = l->flow->key.port[server],
		.expires_ns = l->pkt->frame->mono_ns + ANNOUNCED_NS };

	if (dialed != NULL)
		snprintf(f.dialed, sizeof f.dialed, "%s", dialed);
	return f;
}

/* What is sent to a group is no conversation; net 0 is nobody (RFC 1122, 3.2.1.3). */
static bool addr_forbidden(const struct addr *a)
{
	return addr_is_unspecified(a) || addr_is_multicast(a) || (addr_is_v4(a) && a->b[12] == 0);
}

/* Ends of this very flow are signalling whatever a message says. */
static bool is_this_flow(const struct look *l, const struct call_endpoint *e)
{
	const struct flow_key *k = &l->flow->key;

	return (e->port == k->port[0] && addr_equal(&e->ip, &k->ip[0])) ||
	    (e->port == k->port[1] && addr_equal(&e->ip, &k->ip[1]));
}

void call_announce(const struct look *l, const struct fact *about, const struct addr *host,
    const struct call_endpoint *remote, enum app app)
{
	struct fact f = *about;

	if (remote->port == 0 || fact_port_common(remote->port) || addr_forbidden(&remote->ip) || addr_forbidden(host) ||
	    is_this_flow(l, remote))
		return;
	f.host = *host;
	f.remote = remote->ip;
	f.port = remote->port;
	f.app = app;
	(void)facts_add(l->env->facts, &f, l->pkt->frame->mono_ns, l->env->counts);
}

/* RTCP is on the next port unless said otherwise, RFC 3550, 11. */
static struct call_endpoint rtcp_of(const struct call_endpoint *rtp)
{
	return (struct call_endpoint){ rtp->ip, (uint16_t)(rtp->port == 0 ? 0 : rtp->port + 1) };
}

static void announce_both(const struct look *l, const struct fact *f, const struct addr *host,
    const struct call_endpoint *remote)
{
	struct call_endpoint rtcp = rtcp_of(remote);

	call_announce(l, f, host, remote, APP_NONE);
	call_announce(l, f, host, &rtcp, APP_RTCP);
}

void call_announce_rtp(const struct look *l, const struct fact *f, const struct call_endpoint *remote)
{
	announce_both(l, f, &l->pkt->ip[1], remote);
}

bool call_sdp_usable(const struct sdp_media *m)
{
	return m->port != 0 && m->transport != SDP_NOT_UDP && !addr_is_unspecified(&m->ip);
}

struct fact call_fact_clock(struct fact f, const struct sdp_media *m)
{
	f.payload_type = m->payload_type;
	f.clock_hz = m->clock_hz;
	return f;
}

static bool is_media_port(const struct sdp *sdp, uint16_t port)
{
	for (unsigned i = 0; i < sdp->n_media; i++)
		if (sdp->media[i].port == port)
			return true;
	return false;
}

static void announce_section(const struct look *l, const struct fact *f, const struct sdp *sdp, const struct sdp_media *m)
{
	const struct addr *told = &l->pkt->ip[1];
	struct fact clocked = call_fact_clock(*f, m);
	struct call_endpoint rtp = { m->ip, m->port };
	struct call_endpoint rtcp = { addr_is_unspecified(&m->rtcp_ip) ? m->ip : m->rtcp_ip, m->rtcp_port };

	call_announce(l, &clocked, told, &rtp, APP_NONE);
	if (!is_media_port(sdp, rtcp.port))
		call_announce(l, f, told, &rtcp, APP_RTCP);
}

void call_announce_sdp(const struct look *l, const struct fact *f, const struct sdp *sdp)
{
	for (unsigned i = 0; i < sdp->n_media; i++)
		if (call_sdp_usable(&sdp->media[i]))
			announce_section(l, f, sdp, &sdp->media[i]);
	for (unsigned i = 0; i < sdp->n_candidate; i++) {
		struct call_endpoint e = { sdp->candidate[i].ip, sdp->candidate[i].port };

		call_announce(l, f, &l->pkt->ip[1], &e, sdp->candidate[i].component == 2 ? APP_RTCP : APP_NONE);
	}
}

void call_announce_pair(const struct look *l, const struct fact *f, const struct call_endpoint *local,
    const struct call_endpoint *remote)
{
	if (local->port == 0 || remote->port == 0 || l->flow->dir[0].payloads == 0 || l->flow->dir[1].payloads == 0)
		return;
	announce_both(l, f, &local->ip, remote);
	announce_both(l, f, &remote->ip, local);
}

/* --- signals --- */

struct call_endpoint call_sdp_end(const struct sdp *sdp)
{
	for (unsigned i = 0; i < sdp->n_media; i++)
		if (call_sdp_usable(&sdp->media[i]))
			return (struct call_endpoint){ sdp->media[i].ip, sdp->media[i].port };
	return (struct call_endpoint){ .port = 0 };
}

void call_signal_sdp(struct call_signal *sig, const struct sdp *sdp)
{
	for (unsigned i = 0; i < sdp->n_media && sig->n_media < CALL_MEDIA_MAX; i++) {
		const struct sdp_media *m = &sdp->media[i];
		struct call_media *to = &sig->media[sig->n_media];

		if (!call_sdp_usable(m))
			continue;
		*to = (struct call_media){ .ip = m->ip, .port = m->port, .video = m->kind == SDP_VIDEO,
			.payload_type = m->payload_type, .clock_hz = m->clock_hz };
		memcpy(to->codec, m->codec, sizeof to->codec);
		sig->n_media++;
	}
}

void call_signal_media(struct call_signal *sig, const struct call_endpoint *e)
{
	if (e->port != 0 && sig->n_media < CALL_MEDIA_MAX)
		sig->media[sig->n_media++] = (struct call_media){ .ip = e->ip, .port = e->port };
}

static void watch_number(struct look *l, const char *dialed)
{
	struct watch *w = detect_watch(l);

	if (w == NULL)
		return;
	watch_ask_rules(w);
	memset(w->dialed, 0, sizeof w->dialed);
	snprintf(w->dialed, sizeof w->dialed, "%s", dialed);
}

void call_dialed(struct look *l, struct call_number *n, uint64_t call, const char *dialed)
{
	n->call = call;
	if (dialed[0] == '\0' || strcmp(n->dialed, dialed) == 0)
		return;
	snprintf(n->dialed, sizeof n->dialed, "%s", dialed);
	watch_number(l, n->dialed);
}

void call_over(struct look *l, struct call_number *n, uint64_t call)
{
	if (n->call != call)
		return;
	if (n->dialed[0] != '\0')
		watch_number(l, "");
	*n = (struct call_number){ .call = 0 };
}
