/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <netinet/in.h>
#include <string.h>

#include "source/script.h"

#define CLIENT_SEQ 1000 /* first sequence numbers of `open` */
#define SERVER_SEQ 5000

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
	script_fail(s, "no such connection: `open` comes first");
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
	if (!packets_add(s, s->now, &c, bytes, len))
		return false;
	s->now += GAP_NS;
	return true;
}

bool conn_open(struct script *s)
{
	struct packets *p = packets_begin(s, IPPROTO_TCP);
	struct conn *n = &s->conns[s->n_conns];

	if (!packets_endpoints(s, p) || !packets_options(s, p))
		return false;
	if (s->n_conns == CONNS_MAX)
		return script_fail(s, "more than %d connections", CONNS_MAX);
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

/* A line about a connection: its packets and who sends; NULL after an error. */
static struct conn *conn_line(struct script *s, struct packets **p, int *side)
{
	*p = packets_begin(s, IPPROTO_TCP);
	return packets_endpoints(s, *p) && packets_options(s, *p) ? conn_find(s, &(*p)->craft, side) : NULL;
}

/* With `count`, the repetitions follow one another: a stream has one order. */
bool conn_send(struct script *s)
{
	struct packets *p;
	int side;
	struct conn *n = conn_line(s, &p, &side);

	if (n == NULL)
		return false;
	if (p->mss == 0)
		return script_fail(s, "mss 0");
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

bool conn_close(struct script *s)
{
	struct packets *p;
	int side;
	struct conn *n = conn_line(s, &p, &side);

	if (n == NULL)
		return false;
	if ((p->craft.tcp_flags & TCP_RST) != 0)
		return conn_segment(s, n, side, TCP_RST | TCP_ACK, NULL, 0);
	return conn_segment(s, n, side, TCP_FIN | TCP_ACK, NULL, 0) &&
	    conn_segment(s, n, !side, TCP_FIN | TCP_ACK, NULL, 0) &&
	    conn_segment(s, n, side, TCP_ACK, NULL, 0);
}
