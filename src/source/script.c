/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "source/craft.h"
#include "source/payload.h"
#include "source/scenario.h"
#include "source/words.h"

#define GAP_NS      (10 * NS_PER_MS)   /* from one packet line to the next, unless `at` or `after` says */
#define EVERY_NS    (20 * NS_PER_MS)   /* of `count`, unless `every` says: the usual packet of speech */
#define WALL_NS     (1767614400 * NS_PER_S) /* Monday 2026-01-05 12:00:00 UTC, unless `wall` says */
#define COUNT_MAX   1000000
#define HOSTS_MAX   64
#define HOST_LEN    32
#define CONNS_MAX   64
#define MSS         1400               /* bytes of `send` in one segment, unless `mss` says */
#define CLIENT_SEQ  1000               /* first sequence numbers of `open` */
#define SERVER_SEQ  5000
#define RTP_VERSION 0x80               /* RFC 3550, 5.1: version 2, nothing else */
#define RTP_MARKER  0x80
#define RTP_SIZE    160                /* bytes, and steps of the clock: 20 ms of G.711 */

enum tcp_flag { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16, TCP_URG = 32 };

struct conn {
	struct addr ip[2];
	uint16_t port[2];
	uint32_t seq[2];
};

/* What a line of packets says. Numbers are 64 bits wide so that one table can set them. */
struct packets {
	struct craft craft;
	bool both;                     /* <> : also the other way */
	bool marker;
	uint64_t count, every, lose, jitter;
	uint64_t seq, ack, proto, mss;
	uint64_t pt, ssrc, ts, step, size;
	struct payload payload;
};

struct script {
	struct scenario *to;
	struct words words;
	char *error;                   /* of SOURCE_ERROR_LEN bytes */
	bool unsorted;
	bool sent;                     /* this line had packets */
	uint64_t now, last;            /* of the next packet line; of the latest packet */
	uint64_t seed;
	uint16_t vlan[CRAFT_VLANS];
	uint8_t n_vlan;
	uint16_t iface;
	unsigned n_hosts, n_conns;
	struct { char name[HOST_LEN]; struct addr addr; } hosts[HOSTS_MAX];
	struct conn conns[CONNS_MAX];
	struct packets packets;
	uint8_t frame[CRAFT_FRAME_MAX];
};

__attribute__((format(printf, 2, 3)))
static bool fail(struct script *s, const char *fmt, ...)
{
	int n = snprintf(s->error, SOURCE_ERROR_LEN, "%.256s:%u: ", s->to->path, s->words.line);
	va_list args;

	va_start(args, fmt);
	vsnprintf(s->error + n, SOURCE_ERROR_LEN - (size_t)n, fmt, args);
	va_end(args);
	return false;
}

static bool number(struct script *s, const char *what, uint64_t max, uint64_t *out)
{
	return word_number(words_next(&s->words), max, out) ||
	    fail(s, "%s: number up to %llu expected", what, (unsigned long long)max);
}

static bool duration(struct script *s, const char *what, uint64_t *ns)
{
	return word_duration(words_next(&s->words), ns) ||
	    fail(s, "%s: time expected, such as 0.5 or 20ms", what);
}

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
		return fail(s, "HOST:PORT expected, not \"%s\"", text);
	len = (size_t)(colon - text);
	*port = (uint16_t)n;
	if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	return host_find(s, text, len, ip) || fail(s, "no such host: \"%.*s\"", (int)len, text);
}

/* FROM > TO, or FROM <> TO */
static bool endpoints(struct script *s, struct packets *p)
{
	struct craft *c = &p->craft;

	if (!endpoint(s, &c->ip[0], &c->port[0]))
		return false;
	p->both = words_take(&s->words, "<>");
	if (!p->both && !words_take(&s->words, ">"))
		return fail(s, "> or <> expected after the first address");
	if (!endpoint(s, &c->ip[1], &c->port[1]))
		return false;
	return addr_is_v4(&c->ip[0]) == addr_is_v4(&c->ip[1]) ||
	    fail(s, "one address is IPv4 and the other IPv6");
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
			return fail(s, "flags are letters of %s", letters);
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
			return number(s, w->text, numbers[i].max,
			    (uint64_t *)((char *)p + numbers[i].at));
	for (size_t i = 0; i < sizeof durations / sizeof *durations; i++)
		if (strcmp(w->text, durations[i].name) == 0)
			return duration(s, w->text, (uint64_t *)((char *)p + durations[i].at));
	if (strcmp(w->text, "flags") == 0)
		return tcp_flags(s, p);
	if (strcmp(w->text, "marker") == 0)
		return p->marker = true;
	r = payload_read(&p->payload, w, &s->words, &what);
	return r == PAYLOAD_READ || fail(s, "\"%s\": %s", w->text,
	    r == PAYLOAD_BAD ? what : "no such option or payload");
}

static bool packet_options(struct script *s, struct packets *p)
{
	const struct word *w;

	while ((w = words_next(&s->words)) != NULL)
		if (!packet_option(s, p, w))
			return false;
	return true;
}

static struct packets *packets_begin(struct script *s, uint8_t proto)
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
	memcpy(p->craft.vlan, s->vlan, sizeof s->vlan);
	p->craft.n_vlan = s->n_vlan;
	return p;
}

/* ---- sending ---- */

static bool add_frame(struct script *s, uint64_t ns, const uint8_t *bytes, size_t len)
{
	if (ns > s->last)
		s->last = ns;
	return scenario_add(s->to, SOURCE_FRAME, ns, s->iface, bytes, len) ||
	    fail(s, "too many packets");
}

static bool add_packet(struct script *s, uint64_t ns, const struct craft *c, const uint8_t *payload,
    size_t len)
{
	size_t n = craft_frame(c, payload, len, s->frame);

	return n > 0 ? add_frame(s, ns, s->frame, n) : fail(s, "packet too long");
}

static void craft_turn(struct craft *c)
{
	struct craft old = *c;

	c->ip[0] = old.ip[1];
	c->ip[1] = old.ip[0];
	c->port[0] = old.port[1];
	c->port[1] = old.port[0];
}

static bool send_one_way(struct script *s, struct packets *p, const struct craft *c, uint64_t start)
{
	for (uint64_t i = 0; i < p->count; i++) {
		uint64_t late = p->jitter == 0 ? 0 : payload_draw(&s->seed) % p->jitter;

		payload_fill(&p->payload, i, &s->seed);
		if (p->marker && p->payload.len > 1)
			p->payload.bytes[1] = (uint8_t)(p->pt | (i == 0 ? RTP_MARKER : 0));
		if ((p->lose == 0 || (i + 1) % p->lose != 0) &&
		    !add_packet(s, start + i * p->every + late, c, p->payload.bytes, p->payload.len))
			return false;
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

static bool do_udp(struct script *s)
{
	struct packets *p = packets_begin(s, IPPROTO_UDP);

	return endpoints(s, p) && packet_options(s, p) && send_packets(s, p);
}

static bool do_tcp(struct script *s)
{
	struct packets *p = packets_begin(s, IPPROTO_TCP);

	p->craft.tcp_flags = TCP_ACK;
	if (!endpoints(s, p) || !packet_options(s, p))
		return false;
	p->craft.seq = (uint32_t)p->seq;
	p->craft.ack = (uint32_t)p->ack;
	return send_packets(s, p);
}

static bool do_ip(struct script *s)
{
	struct packets *p = packets_begin(s, 0);

	if (!endpoints(s, p) || !packet_options(s, p))
		return false;
	p->craft.proto = (uint8_t)p->proto;
	if (p->proto == IPPROTO_UDP || p->proto == IPPROTO_TCP)
		return fail(s, "use udp and tcp");
	return send_packets(s, p);
}

static bool do_ether(struct script *s)
{
	struct packets *p = packets_begin(s, 0);

	if (!packet_options(s, p))
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

static bool do_rtp(struct script *s)
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
	if (!endpoints(s, p) || !packet_options(s, p))
		return false;
	if (l->len == header && !payload_add_random(l, p->size))
		return fail(s, "payload too long");
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

/* ---- TCP connections ---- */

/* Side of the sender: 0 the one that opened it, 1 the other; -1 no such connection. */
static int conn_side(const struct conn *n, const struct craft *c)
{
	for (int side = 0; side < 2; side++)
		if (addr_equal(&n->ip[side], &c->ip[0]) && n->port[side] == c->port[0] &&
		    addr_equal(&n->ip[!side], &c->ip[1]) && n->port[!side] == c->port[1])
			return side;
	return -1;
}

static struct conn *conn_find(struct script *s, const struct craft *c, int *side)
{
	for (unsigned i = s->n_conns; i-- > 0; )
		if ((*side = conn_side(&s->conns[i], c)) >= 0)
			return &s->conns[i];
	fail(s, "no such connection: `open` comes first");
	return NULL;
}

/* One segment from `side`; sequence numbers are kept. */
static bool conn_segment(struct script *s, struct conn *n, int side, uint8_t flags,
    const uint8_t *bytes, size_t len)
{
	struct craft c = s->packets.craft;

	c.ip[0] = n->ip[side];
	c.ip[1] = n->ip[!side];
	c.port[0] = n->port[side];
	c.port[1] = n->port[!side];
	c.seq = n->seq[side];
	c.ack = (flags & TCP_ACK) != 0 ? n->seq[!side] : 0;
	c.tcp_flags = flags;
	n->seq[side] += (uint32_t)len + ((flags & (TCP_SYN | TCP_FIN)) != 0);
	if (!add_packet(s, s->now, &c, bytes, len))
		return false;
	s->now += GAP_NS;
	return true;
}

static bool do_open(struct script *s)
{
	struct packets *p = packets_begin(s, IPPROTO_TCP);
	struct conn *n = &s->conns[s->n_conns];

	if (!endpoints(s, p) || !packet_options(s, p))
		return false;
	if (s->n_conns == CONNS_MAX)
		return fail(s, "more than %d connections", CONNS_MAX);
	s->n_conns++;
	memcpy(n->ip, p->craft.ip, sizeof n->ip);
	memcpy(n->port, p->craft.port, sizeof n->port);
	n->seq[0] = CLIENT_SEQ;
	n->seq[1] = SERVER_SEQ;
	return conn_segment(s, n, 0, TCP_SYN, NULL, 0) &&
	    conn_segment(s, n, 1, TCP_SYN | TCP_ACK, NULL, 0) &&
	    conn_segment(s, n, 0, TCP_ACK, NULL, 0);
}

static bool send_stream(struct script *s, struct packets *p, struct conn *n, int side)
{
	for (size_t at = 0; at < p->payload.len; at += p->mss) {
		size_t left = p->payload.len - at;

		if (!conn_segment(s, n, side, TCP_PSH | TCP_ACK, p->payload.bytes + at,
		    left < p->mss ? left : p->mss))
			return false;
	}
	return true;
}

/* With `count`, the repetitions follow one another: a stream has one order. */
static bool do_send(struct script *s)
{
	struct packets *p = packets_begin(s, IPPROTO_TCP);
	struct conn *n;
	int side;

	if (!endpoints(s, p) || !packet_options(s, p) ||
	    (n = conn_find(s, &p->craft, &side)) == NULL)
		return false;
	if (p->mss == 0)
		return fail(s, "mss 0");
	for (uint64_t i = 0; i < p->count; i++) {
		uint64_t start = s->now;

		payload_fill(&p->payload, i, &s->seed);
		if (!send_stream(s, p, n, side))
			return false;
		if (p->count > 1)
			s->now = start + p->every;
	}
	return true;
}

static bool do_close(struct script *s)
{
	struct packets *p = packets_begin(s, IPPROTO_TCP);
	struct conn *n;
	int side;

	if (!endpoints(s, p) || !packet_options(s, p) ||
	    (n = conn_find(s, &p->craft, &side)) == NULL)
		return false;
	if ((p->craft.tcp_flags & TCP_RST) != 0)
		return conn_segment(s, n, side, TCP_RST | TCP_ACK, NULL, 0);
	return conn_segment(s, n, side, TCP_FIN | TCP_ACK, NULL, 0) &&
	    conn_segment(s, n, !side, TCP_FIN | TCP_ACK, NULL, 0) &&
	    conn_segment(s, n, side, TCP_ACK, NULL, 0);
}

/* ---- time and place ---- */

static bool do_at(struct script *s)
{
	return duration(s, "at", &s->now);
}

static bool do_after(struct script *s)
{
	uint64_t by;

	if (!duration(s, "after", &by))
		return false;
	s->now = s->last + by;
	return true;
}

/* A source without traffic delivers ticks on a grid of TICK_NS. */
static bool do_tick(struct script *s)
{
	uint64_t by, end;

	if (!duration(s, "tick", &by))
		return false;
	end = s->last + by;
	for (uint64_t t = s->last + TICK_NS; t <= end; t += TICK_NS)
		if (!scenario_add(s->to, SOURCE_TICK, t, 0, NULL, 0))
			return fail(s, "too many ticks");
	s->now = s->last = end;
	return true;
}

static bool do_epoch(struct script *s)
{
	if (!s->unsorted)
		scenario_sort(s->to);
	s->now = s->last = 0;
	return scenario_add(s->to, SOURCE_EPOCH, 0, 0, NULL, 0) || fail(s, "too many packets");
}

static bool do_wall(struct script *s)
{
	const struct word *w = words_next(&s->words);
	struct tm tm = { 0 };
	const char *end = w == NULL ? NULL : strptime(w->text, "%Y-%m-%d %H:%M:%S", &tm);
	time_t t;

	if (end == NULL || (*end != '\0' && strcmp(end, " UTC") != 0) || (t = timegm(&tm)) < 0)
		return fail(s, "wall \"YYYY-MM-DD HH:MM:SS\" expected (UTC)");
	s->to->wall_ns = (uint64_t)t * NS_PER_S;
	return true;
}

static bool do_host(struct script *s)
{
	const struct word *name = words_next(&s->words), *addr = words_next(&s->words);

	if (addr == NULL || name->len >= HOST_LEN || s->n_hosts == HOSTS_MAX)
		return fail(s, "host NAME ADDRESS expected (at most %d)", HOSTS_MAX);
	if (!addr_parse(addr->text, addr->len, &s->hosts[s->n_hosts].addr))
		return fail(s, "no address: \"%s\"", addr->text);
	memcpy(s->hosts[s->n_hosts++].name, name->text, name->len + 1);
	return true;
}

/* vlan 10, vlan 10.20 (outer first), vlan none */
static bool do_vlan(struct script *s)
{
	const struct word *w = words_next(&s->words);
	unsigned outer, inner;
	int end = 0;

	s->n_vlan = 0;
	if (w != NULL && strcmp(w->text, "none") == 0)
		return true;
	if (w != NULL && sscanf(w->text, "%4u.%4u%n", &outer, &inner, &end) == 2)
		s->n_vlan = 2;
	else if (w != NULL && sscanf(w->text, "%4u%n", &outer, &end) == 1)
		s->n_vlan = 1;
	if (s->n_vlan == 0 || w->text[end] != '\0')
		return fail(s, "vlan NUMBER, NUMBER.NUMBER or none expected");
	s->vlan[0] = (uint16_t)outer;
	s->vlan[1] = (uint16_t)(s->n_vlan == 2 ? inner : 0);
	return true;
}

static bool do_iif(struct script *s)
{
	const struct word *w = words_next(&s->words);
	struct scenario *sc = s->to;

	if (w == NULL)
		return fail(s, "iif NAME expected");
	for (s->iface = 0; s->iface < sc->n_ifaces; s->iface++)
		if (strcmp(sc->ifaces[s->iface], w->text) == 0)
			return true;
	if (sc->n_ifaces == SCENARIO_IFACES)
		return fail(s, "more than %d interfaces", SCENARIO_IFACES);
	sc->ifaces[sc->n_ifaces] = strdup(w->text);
	return sc->ifaces[sc->n_ifaces++] != NULL || fail(s, "%s", strerror(ENOMEM));
}

static bool do_unsorted(struct script *s)
{
	return s->unsorted = true;
}

static bool do_rules(struct script *s)
{
	const char *line;

	while ((line = words_raw_line(&s->words)) != NULL)
		if (strcmp(line, "end") == 0) {
			s->words.n = s->words.at = 0;
			return true;
		}
	return fail(s, "rules without end");
}

static const struct {
	const char *name;
	bool (*run)(struct script *);
} statements[] = {
	{ "udp", do_udp }, { "tcp", do_tcp }, { "ip", do_ip }, { "ether", do_ether },
	{ "rtp", do_rtp }, { "open", do_open }, { "send", do_send }, { "close", do_close },
	{ "at", do_at }, { "after", do_after }, { "tick", do_tick }, { "epoch", do_epoch },
	{ "wall", do_wall }, { "host", do_host }, { "vlan", do_vlan }, { "iif", do_iif },
	{ "unsorted", do_unsorted }, { "rules", do_rules },
};

/* What the runner reads, not we. */
static const char *const others[] = {
	"title", "options", "expect", "expect-any", "refuse", "count", "expect-error", "exit", NULL
};

static bool statement(struct script *s, const struct word *w)
{
	for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
		if (strcmp(w->text, statements[i].name) == 0)
			return statements[i].run(s);
	return fail(s, "no such statement: \"%s\"", w->text);
}

/* Several statements may share a line; `vlan` and `iif` before packets hold for these only. */
static bool line_run(struct script *s)
{
	const struct word *w;
	uint16_t vlan[CRAFT_VLANS], iface = s->iface;
	uint8_t n_vlan = s->n_vlan;

	memcpy(vlan, s->vlan, sizeof vlan);
	s->sent = false;
	while ((w = words_next(&s->words)) != NULL)
		if (!statement(s, w))
			return false;
	if (s->sent) {
		memcpy(s->vlan, vlan, sizeof vlan);
		s->n_vlan = n_vlan;
		s->iface = iface;
	}
	return true;
}

static bool script_run(struct script *s)
{
	const char *what = "";
	enum words_read r;

	s->words.others = others;
	s->seed = 1;
	s->to->wall_ns = WALL_NS;
	while ((r = words_read(&s->words, &what)) == WORDS_LINE)
		if (!line_run(s))
			return false;
	if (r == WORDS_BAD)
		return fail(s, "%s", what);
	if (!s->unsorted)
		scenario_sort(s->to);
	return true;
}

bool script_read(struct scenario *to, char error[static SOURCE_ERROR_LEN])
{
	struct script *s = calloc(1, sizeof *s);
	bool ok = false;

	if (s == NULL)
		return false;
	s->to = to;
	s->error = error;
	s->words.in = fopen(to->path, "re");
	if (s->words.in == NULL)
		snprintf(error, SOURCE_ERROR_LEN, "%.256s: %s", to->path, strerror(errno));
	else
		ok = script_run(s);
	words_free(&s->words);
	free(s);
	return ok;
}
