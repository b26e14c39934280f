/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/sdp.h"

#include <string.h>
#include <strings.h>

#define WORDS_MAX 8  /* words of a line that are looked at */
#define RTCP_NEXT 1  /* RTCP is on the next port unless said otherwise, RFC 3550, 11 */

struct word {
	const char *p;
	size_t len;
};

struct line {
	struct word word[WORDS_MAX];
	unsigned n;
};

/* Static payload types of RFC 3551, table 4 and 5, that calls use. */
static const struct { uint8_t type; uint32_t clock_hz; const char *codec; } static_types[] = {
	{ 0, 8000, "PCMU/8000" }, { 3, 8000, "GSM/8000" }, { 4, 8000, "G723/8000" },
	{ 5, 8000, "DVI4/8000" }, { 6, 16000, "DVI4/16000" }, { 7, 8000, "LPC/8000" },
	{ 8, 8000, "PCMA/8000" }, { 9, 8000, "G722/8000" }, { 10, 44100, "L16/44100/2" },
	{ 11, 44100, "L16/44100" }, { 12, 8000, "QCELP/8000" }, { 13, 8000, "CN/8000" },
	{ 14, 90000, "MPA/90000" }, { 15, 8000, "G728/8000" }, { 16, 11025, "DVI4/11025" },
	{ 17, 22050, "DVI4/22050" }, { 18, 8000, "G729/8000" }, { 26, 90000, "JPEG/90000" },
	{ 31, 90000, "H261/90000" }, { 32, 90000, "MPV/90000" }, { 34, 90000, "H263/90000" },
};

static const struct { const char *name; enum sdp_kind kind; } kinds[] = {
	{ "audio", SDP_AUDIO }, { "video", SDP_VIDEO }, { "image", SDP_IMAGE }, { "text", SDP_TEXT },
};

static const struct { const char *name; enum sdp_way way; } ways[] = {
	{ "sendrecv", SDP_SENDRECV }, { "sendonly", SDP_SENDONLY },
	{ "recvonly", SDP_RECVONLY }, { "inactive", SDP_INACTIVE },
};

/* Transport protocols of m= lines by what they end in; TCP is ruled out before. */
static const struct { const char *end; enum sdp_transport transport; } transports[] = {
	{ "RTP/AVP", SDP_RTP }, { "RTP/AVPF", SDP_RTP }, { "RTP/SAVP", SDP_RTP },
	{ "RTP/SAVPF", SDP_RTP }, { "udptl", SDP_UDPTL },
};

#define COUNT_OF(a) (sizeof (a) / sizeof *(a))

static bool word_is(struct word w, const char *text)
{
	return w.len == strlen(text) && strncasecmp(w.p, text, w.len) == 0;
}

static bool word_ends(struct word w, const char *text)
{
	size_t n = strlen(text);

	return w.len >= n && strncasecmp(w.p + w.len - n, text, n) == 0;
}

/* A decimal number at the beginning of a word; false when there is none or it is above max. */
static bool word_number(struct word w, uint32_t max, uint32_t *out)
{
	uint64_t value = 0;
	size_t n = 0;

	for (; n < w.len && w.p[n] >= '0' && w.p[n] <= '9'; n++) {
		value = value * 10 + (uint64_t)(w.p[n] - '0');
		if (value > max)
			return false;
	}
	*out = (uint32_t)value;
	return n > 0;
}

static struct line line_split(const char *p, size_t len)
{
	struct line l = { .n = 0 };
	size_t i = 0;

	while (i < len && l.n < WORDS_MAX) {
		size_t from;

		while (i < len && (p[i] == ' ' || p[i] == '\t'))
			i++;
		for (from = i; i < len && p[i] != ' ' && p[i] != '\t';)
			i++;
		if (i > from)
			l.word[l.n++] = (struct word){ p + from, i - from };
	}
	return l;
}

static bool is_useless(const struct addr *a)
{
	static const struct addr loopback6 = { .b = { [15] = 1 } };

	return addr_is_unspecified(a) || addr_equal(a, &loopback6) ||
	    (addr_is_v4(a) && (a->b[12] == 127 || a->b[12] == 0));
}

/* An address we may believe; multicast has a time to live after a slash (RFC 8866, 5.7). */
static bool word_addr(struct word w, struct addr *out)
{
	const char *slash = memchr(w.p, '/', w.len);
	size_t len = slash == NULL ? w.len : (size_t)(slash - w.p);

	if (!addr_parse(w.p, len, out) || is_useless(out)) {
		*out = (struct addr){ { 0 } };
		return false;
	}
	return true;
}

/* Words "IN", "IP4" or "IP6", address, from the i-th on. */
static bool line_addr(const struct line *l, unsigned i, struct addr *out)
{
	return l->n >= i + 3 && word_is(l->word[i], "IN") && word_addr(l->word[i + 2], out);
}

static void codec_set(struct sdp_media *m, const char *text, size_t len)
{
	len = len < sizeof m->codec ? len : sizeof m->codec - 1;
	for (size_t i = 0; i < len; i++)
		m->codec[i] = (char)(text[i] > ' ' && text[i] < 0x7f ? text[i] : '?');
	m->codec[len] = '\0';
}

static void codec_static(struct sdp_media *m)
{
	for (size_t i = 0; i < COUNT_OF(static_types); i++)
		if (static_types[i].type == m->payload_type) {
			m->clock_hz = static_types[i].clock_hz;
			codec_set(m, static_types[i].codec, strlen(static_types[i].codec));
		}
}

static enum sdp_transport transport_of(struct word w)
{
	if (w.len >= 4 && strncasecmp(w.p, "TCP/", 4) == 0)
		return SDP_NOT_UDP;
	for (size_t i = 0; i < COUNT_OF(transports); i++)
		if (word_ends(w, transports[i].end))
			return transports[i].transport;
	return SDP_NOT_UDP;
}

/* m=<media> <port>[/<number>] <proto> <fmt> ... */
static void take_m(struct sdp_media *m, const struct line *l)
{
	uint32_t number;

	m->kind = SDP_OTHER;
	for (size_t i = 0; l->n > 0 && i < COUNT_OF(kinds); i++)
		if (word_is(l->word[0], kinds[i].name))
			m->kind = kinds[i].kind;
	if (l->n < 3 || !word_number(l->word[1], UINT16_MAX, &number))
		return;
	m->port = (uint16_t)number;
	m->transport = transport_of(l->word[2]);
	if (m->transport == SDP_UDPTL && l->n >= 4)
		codec_set(m, l->word[3].p, l->word[3].len); /* "t38", ITU-T T.38, annex D */
	if (m->transport != SDP_RTP)
		return;
	m->rtcp_port = m->port == 0 ? 0 : (uint16_t)(m->port + RTCP_NEXT); /* after 65535: 0, none */
	if (l->n >= 4 && word_number(l->word[3], INT8_MAX, &number)) {
		m->payload_type = (uint8_t)number;
		codec_static(m);
	}
}

/* a=rtpmap:<payload type> <name>/<clock>[/<channels>] */
static void take_rtpmap(struct sdp *s, struct sdp_media *m, const struct line *l)
{
	uint32_t type, clock;
	const char *slash;

	(void)s;
	if (m->port == 0 || l->n < 2 || !word_number(l->word[0], INT8_MAX, &type) || type != m->payload_type)
		return;
	codec_set(m, l->word[1].p, l->word[1].len);
	slash = memchr(l->word[1].p, '/', l->word[1].len);
	if (slash != NULL && word_number((struct word){ slash + 1,
	    l->word[1].len - (size_t)(slash + 1 - l->word[1].p) }, UINT32_MAX, &clock))
		m->clock_hz = clock;
}

/* a=rtcp:<port> [IN IP4 <address>], RFC 3605 */
static void take_rtcp(struct sdp *s, struct sdp_media *m, const struct line *l)
{
	uint32_t port;

	(void)s;
	if (l->n < 1 || m->port == 0 || !word_number(l->word[0], UINT16_MAX, &port))
		return;
	m->rtcp_port = (uint16_t)port;
	(void)line_addr(l, 1, &m->rtcp_ip);
}

/* a=candidate:<foundation> <component> UDP <priority> <address> <port> typ ..., RFC 8839, 5.1 */
static void take_candidate(struct sdp *s, struct sdp_media *m, const struct line *l)
{
	struct sdp_candidate c = { 0 };
	uint32_t component, port;

	(void)m;
	if (l->n < 6 || !word_is(l->word[2], "UDP") || !word_number(l->word[1], UINT8_MAX, &component) ||
	    !word_addr(l->word[4], &c.ip) || !word_number(l->word[5], UINT16_MAX, &port) || port == 0)
		return;
	if (s->n_candidate == SDP_CANDIDATE_MAX) {
		s->more = true;
		return;
	}
	c.component = (uint8_t)component;
	c.port = (uint16_t)port;
	s->candidate[s->n_candidate++] = c;
}

/* Attributes with a value, by what stands before the colon. */
static const struct {
	const char *name;
	void (*take)(struct sdp *, struct sdp_media *, const struct line *);
} attributes[] = {
	{ "rtpmap:", take_rtpmap }, { "rtcp:", take_rtcp }, { "candidate:", take_candidate },
};

static void take_a(struct sdp *s, struct sdp_media *m, const char *p, size_t len)
{
	for (size_t i = 0; i < COUNT_OF(attributes); i++) {
		size_t n = strlen(attributes[i].name);

		if (len > n && strncasecmp(p, attributes[i].name, n) == 0) {
			struct line l = line_split(p + n, len - n);

			attributes[i].take(s, m, &l);
			return;
		}
	}
	for (size_t i = 0; i < COUNT_OF(ways); i++)
		if (word_is((struct word){ p, len }, ways[i].name))
			m->way = ways[i].way;
}

/* `session` holds what was said before the first m= line: it goes for every section. */
struct reader {
	struct sdp *sdp;
	struct sdp_media session, spare;
	struct sdp_media *m;  /* section the lines belong to; those past the bound share the spare one */
};

static void take_line(struct reader *r, char type, const char *p, size_t len)
{
	struct line l;

	if (type == 'a') {
		take_a(r->sdp, r->m, p, len);
		return;
	}
	if (type != 'm' && type != 'c')
		return;
	l = line_split(p, len);
	if (type == 'c') {
		(void)line_addr(&l, 0, &r->m->ip);
		return;
	}
	r->m = &r->spare;
	if (r->sdp->n_media < SDP_MEDIA_MAX)
		r->m = &r->sdp->media[r->sdp->n_media++];
	else
		r->sdp->more = true;
	*r->m = r->session;
	take_m(r->m, &l);
}

bool sdp_parse(const uint8_t *data, size_t len, struct sdp *s)
{
	struct reader r = { .sdp = s, .session = { .transport = SDP_NOT_UDP } };
	const char *p = (const char *)data, *end = p + len;

	*s = (struct sdp){ 0 };
	r.m = &r.session;
	while (p < end) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((lf == NULL ? end : lf) - p);

		if (n > 0 && p[n - 1] == '\r')
			n--;
		if (n > 2 && p[1] == '=')
			take_line(&r, p[0], p + 2, n - 2);
		p = lf == NULL ? end : lf + 1;
	}
	return s->n_media > 0;
}
