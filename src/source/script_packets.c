/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <netinet/in.h>
#include <string.h>

#include "source/script.h"

#define EVERY_NS    (20 * NS_PER_MS)   /* of `count`, unless `every` says: the usual packet of speech */
#define COUNT_MAX   1000000            /* of `count`: a line must not fill the memory */
#define MSS         1400               /* bytes of `send` in one segment, unless `mss` says */
#define RTP_VERSION 0x80               /* RFC 3550, 5.1: version 2, nothing else */
#define RTP_MARKER  0x80
#define RTP_SIZE    160                /* bytes, and steps of the clock: 20 ms of G.711 */

/* ---- addresses ---- */

static bool host_find(const struct script *s, const char *name, size_t len, struct addr *out)
{
	for (unsigned i = 0; i < s->n_hosts; i++)
		if (strlen(s->hosts[i].name) == len && memcmp(s->hosts[i].name, name, len) == 0) {
			*out = s->hosts[i].addr;
			return true;
		}
	return addr_parse(name, len, out);
}

/* HOST, HOST:PORT, or with an IPv6 address [ADDRESS]:PORT; HOST may be a name. */
static bool endpoint(struct script *s, struct addr *ip, uint16_t *port)
{
	const struct word *w = words_next(&s->words);
	const char *text = w == NULL ? "" : w->text, *colon = strrchr(text, ':');
	size_t len = strlen(text);
	uint64_t n = 0;

	if (host_find(s, text, len, ip)) {
		*port = 0;
		return true;
	}
	if (colon == NULL || !word_number(&(struct word){ colon + 1, 0 }, UINT16_MAX, &n))
		return script_fail(s, "HOST:PORT expected, not \"%s\"", text);
	len = (size_t)(colon - text);
	*port = (uint16_t)n;
	if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	return host_find(s, text, len, ip) || script_fail(s, "no such host: \"%.*s\"", (int)len, text);
}

/* HOST without a port */
bool packets_host(struct script *s, struct addr *ip)
{
	const struct word *w = words_next(&s->words);

	return (w != NULL && host_find(s, w->text, w->len, ip)) || script_fail(s, "HOST expected");
}

/* FROM > TO, or FROM <> TO */
bool packets_endpoints(struct script *s, struct packets *p)
{
	struct craft *c = &p->craft;

	if (!endpoint(s, &c->ip[0], &c->port[0]))
		return false;
	p->both = words_take(&s->words, "<>");
	if (!p->both && !words_take(&s->words, ">"))
		return script_fail(s, "> or <> expected after the first address");
	if (!endpoint(s, &c->ip[1], &c->port[1]))
		return false;
	return addr_is_v4(&c->ip[0]) == addr_is_v4(&c->ip[1]) ||
	    script_fail(s, "one address is IPv4 and the other IPv6");
}

/* ---- options of packet lines ---- */

static bool tcp_flags(struct script *s, struct packets *p)
{
	static const char letters[] = "FSRPAU"; /* from bit 0 on */
	const struct word *w = words_next(&s->words);

	p->craft.tcp_flags = 0;
	for (const char *t = w == NULL ? "?" : w->text; *t != '\0'; t++) {
		const char *at = strchr(letters, *t);

		if (at == NULL)
			return script_fail(s, "flags are letters of %s", letters);
		p->craft.tcp_flags |= (uint8_t)(1 << (at - letters));
	}
	return true;
}

#define F(m) offsetof(struct packets, m)
static const struct {
	const char *name;
	size_t at;
	uint64_t max;
} numbers[] = {
	{ "count", F(count), COUNT_MAX }, { "lose", F(lose), COUNT_MAX },
	{ "seq", F(seq), UINT32_MAX }, { "ack", F(ack), UINT32_MAX },
	{ "proto", F(proto), UINT8_MAX }, { "mss", F(mss), UINT16_MAX },
	{ "pt", F(pt), 127 }, { "ssrc", F(ssrc), UINT32_MAX }, { "ts", F(ts), UINT32_MAX },
	{ "step", F(step), UINT32_MAX }, { "size", F(size), PAYLOAD_MAX },
};
static const struct {
	const char *name;
	size_t at;
} durations[] = { { "every", F(every) }, { "jitter", F(jitter) } };
#undef F

static bool packet_option(struct script *s, struct packets *p, const struct word *w)
{
	const char *what = "";
	enum payload_read r;

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		if (strcmp(w->text, numbers[i].name) == 0)
			return script_number(s, w->text, numbers[i].max,
			    (uint64_t *)((char *)p + numbers[i].at));
	for (size_t i = 0; i < sizeof durations / sizeof *durations; i++)
		if (strcmp(w->text, durations[i].name) == 0)
			return script_duration(s, w->text, (uint64_t *)((char *)p + durations[i].at));
	if (strcmp(w->text, "flags") == 0)
		return tcp_flags(s, p);
	if (strcmp(w->text, "marker") == 0)
		return p->marker = true;
	r = payload_read(&p->payload, w, &s->words, &what);
	return r == PAYLOAD_READ || script_fail(s, "\"%s\": %s", w->text,
	    r == PAYLOAD_BAD ? what : "no such option or payload");
}

bool packets_options(struct script *s, struct packets *p)
{
	const struct word *w;

	while ((w = words_next(&s->words)) != NULL)
		if (!packet_option(s, p, w))
			return false;
	return true;
}

struct packets *packets_begin(struct script *s, uint8_t proto)
{
	struct packets *p = &s->packets;

	s->sent = true;
	memset(p, 0, offsetof(struct packets, payload));
	p->payload.len = p->payload.n_fields = 0;
	p->craft.proto = proto;
	p->count = 1;
	p->every = EVERY_NS;
	p->mss = MSS;
	p->step = p->size = RTP_SIZE;
	p->craft.way = s->way;
	return p;
}

/* ---- sending ---- */

static bool add_frame(struct script *s, uint64_t ns, const uint8_t *bytes, size_t len)
{
	if (ns > s->last)
		s->last = ns;
	return scenario_add(s->to, SOURCE_FRAME, ns, s->iface, bytes, len) ||
	    script_fail(s, "too many packets");
}

bool packets_add(struct script *s, uint64_t ns, const struct craft *c, const uint8_t *payload,
    size_t len)
{
	size_t n = craft_frame(c, payload, len, s->frame);

	return n > 0 ? add_frame(s, ns, s->frame, n) : script_fail(s, "packet too long");
}

static void craft_turn(struct craft *c)
{
	struct craft old = *c;

	c->ip[0] = old.ip[1];
	c->ip[1] = old.ip[0];
	c->port[0] = old.port[1];
	c->port[1] = old.port[0];
	c->way.from = old.way.to;
	c->way.to = old.way.from;
}

/* In a series of TCP segments each follows the one before in the stream. */
static bool send_one_way(struct script *s, struct packets *p, const struct craft *first, uint64_t start)
{
	struct craft one = *first, *c = &one;

	for (uint64_t i = 0; i < p->count; i++) {
		uint64_t late = p->jitter == 0 ? 0 : payload_draw(&s->seed) % p->jitter;

		payload_fill(&p->payload, i, &s->seed);
		if (p->marker && p->payload.len > 1)
			p->payload.bytes[1] = (uint8_t)(p->pt | (i == 0 ? RTP_MARKER : 0));
		if ((p->lose == 0 || (i + 1) % p->lose != 0) &&
		    !packets_add(s, start + i * p->every + late, c, p->payload.bytes, p->payload.len))
			return false;
		c->seq += (uint32_t)p->payload.len;
	}
	return true;
}

/* A single packet moves the clock, a series runs beside what follows. */
static bool send_packets(struct script *s, struct packets *p)
{
	struct craft *c = &p->craft;
	uint64_t start = s->now;

	if (!send_one_way(s, p, c, start))
		return false;
	if (p->both) {
		craft_turn(c);
		if (!send_one_way(s, p, c, start + p->every / 2))
			return false;
	}
	if (p->count == 1)
		s->now = start + GAP_NS + (p->both ? p->every / 2 : 0);
	return true;
}

bool packets_udp(struct script *s)
{
	struct packets *p = packets_begin(s, IPPROTO_UDP);

	return packets_endpoints(s, p) && packets_options(s, p) && send_packets(s, p);
}

bool packets_tcp(struct script *s)
{
	struct packets *p = packets_begin(s, IPPROTO_TCP);

	p->craft.tcp_flags = TCP_ACK;
	if (!packets_endpoints(s, p) || !packets_options(s, p))
		return false;
	p->craft.seq = (uint32_t)p->seq;
	p->craft.ack = (uint32_t)p->ack;
	return send_packets(s, p);
}

bool packets_ip(struct script *s)
{
	struct packets *p = packets_begin(s, 0);

	if (!packets_endpoints(s, p) || !packets_options(s, p))
		return false;
	p->craft.proto = (uint8_t)p->proto;
	if (p->proto == IPPROTO_UDP || p->proto == IPPROTO_TCP)
		return script_fail(s, "use udp and tcp");
	return send_packets(s, p);
}

bool packets_ether(struct script *s)
{
	struct packets *p = packets_begin(s, 0);

	if (!packets_options(s, p))
		return false;
	for (uint64_t i = 0; i < p->count; i++) {
		payload_fill(&p->payload, i, &s->seed);
		if (!add_frame(s, s->now + i * p->every, p->payload.bytes, p->payload.len))
			return false;
	}
	s->now += p->count == 1 ? GAP_NS : 0;
	return true;
}

enum rtp_field { RTP_TYPE, RTP_SEQ, RTP_TS, RTP_SSRC }; /* their order in payload.fields */

bool packets_rtp(struct script *s)
{
	struct packets *p = packets_begin(s, IPPROTO_UDP);
	struct payload *l = &p->payload;
	size_t header;

	payload_add_bytes(l, &(uint8_t){ RTP_VERSION }, 1);
	payload_add_counter(l, 1, 0, 0);
	payload_add_counter(l, 2, 0, 1);
	payload_add_counter(l, 4, 0, 0);
	payload_add_counter(l, 4, 0, 0);
	header = l->len;
	if (!packets_endpoints(s, p) || !packets_options(s, p))
		return false;
	if (l->len == header && !payload_add_random(l, p->size))
		return script_fail(s, "payload too long");
	l->fields[RTP_TYPE].value = p->pt;
	l->fields[RTP_SEQ].value = p->seq;
	l->fields[RTP_TS].value = p->ts;
	l->fields[RTP_TS].step = p->step;
	l->fields[RTP_SSRC].value = p->ssrc;
	if (!p->both)
		return send_packets(s, p);
	/* the other side speaks with a source identifier of its own */
	p->both = false;
	if (!send_packets(s, p))
		return false;
	l->fields[RTP_SSRC].value = p->ssrc + 1;
	craft_turn(&p->craft);
	return send_one_way(s, p, &p->craft, s->now + p->every / 2);
}
