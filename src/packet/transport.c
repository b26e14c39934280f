/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ports and payload. Damaged captures are common: whatever the first bytes tell is taken. */
#include <netinet/in.h>

#include "packet/walk.h"

#define PORTS_LEN   4   /* both ports lead the header of UDP, TCP, SCTP, DCCP and UDP-Lite */
#define UDP_HEADER  8   /* RFC 768 */
#define TCP_HEADER  20  /* RFC 9293, 3.1 */

/* What the cursor has left is the payload. */
static inline enum layer payload_set(struct walk *w)
{
	struct packet *pkt = w->pkt;

	pkt->payload = w->c.p;
	pkt->payload_len = (uint32_t)cur_left(&w->c);
	pkt->payload_wire = pkt->payload_len + w->cut;
	return LAYER_DONE;
}

/* No payload was captured, of what were `wire` bytes. */
static enum layer payload_lost(struct walk *w, uint32_t wire)
{
	w->c.p = w->c.end;
	w->c.bad = false;
	w->cut = wire;
	return payload_set(w);
}

enum layer transport_none(struct walk *w)
{
	w->pkt->flags |= PACKET_PORTLESS;
	return payload_set(w);
}

static inline void ports_read(struct packet *pkt, struct cursor *h)
{
	pkt->port[0] = cur_u16(h);
	pkt->port[1] = cur_u16(h);
}

/* The header is not all there: keep the ports when they are. */
static enum layer header_short(struct walk *w, uint32_t header)
{
	uint32_t wire = walk_wire(w);

	count(w->counts, COUNT_TRUNCATED);
	if (cur_left(&w->c) < PORTS_LEN)
		return transport_none(w);
	ports_read(w->pkt, &w->c);
	return payload_lost(w, wire > header ? wire - header : 0);
}

static inline enum layer udp_open(struct walk *w)
{
	uint32_t wire = walk_wire(w), len;
	struct cursor h;

	if (cur_left(&w->c) < UDP_HEADER)
		return header_short(w, UDP_HEADER);
	h = cur_sub(&w->c, UDP_HEADER);
	ports_read(w->pkt, &h);
	len = cur_u16(&h);
	/* 0: a super-packet (RFC 2675, 4). Above the IP length: the first of fragments, alone. */
	if (len >= UDP_HEADER && len < wire)
		walk_trim(w, len - UDP_HEADER);
	else if (len != 0 && len < UDP_HEADER)
		count(w->counts, COUNT_MALFORMED);
	return payload_set(w);
}

static inline enum layer tcp_open(struct walk *w)
{
	struct packet *pkt = w->pkt;
	uint32_t wire = walk_wire(w), head;
	struct cursor h;

	if (cur_left(&w->c) < TCP_HEADER)
		return header_short(w, TCP_HEADER);
	h = cur_sub(&w->c, TCP_HEADER);
	ports_read(pkt, &h);
	pkt->tcp_seq = cur_u32(&h);
	pkt->tcp_ack = cur_u32(&h);
	head = (uint32_t)(cur_u8(&h) >> 4) * 4;
	pkt->tcp_flags = cur_u8(&h);
	if (head < TCP_HEADER || head > wire) {
		count(w->counts, COUNT_MALFORMED);
		return payload_lost(w, 0);
	}
	cur_skip(&w->c, head - TCP_HEADER);
	if (w->c.bad) {
		count(w->counts, COUNT_TRUNCATED);
		return payload_lost(w, wire - head);
	}
	pkt->tcp_options = (uint8_t)(head - TCP_HEADER);
	return payload_set(w);
}

/* Ports are read, the payload begins at the header. */
static enum layer ported_open(struct walk *w)
{
	struct cursor at = w->c;

	if (cur_left(&w->c) < PORTS_LEN) {
		count(w->counts, COUNT_TRUNCATED);
		return transport_none(w);
	}
	ports_read(w->pkt, &at);
	return payload_set(w);
}

static enum layer other_open(struct walk *w)
{
	uint8_t proto = w->pkt->proto;

	if (proto == IPPROTO_SCTP || proto == IPPROTO_DCCP || proto == IPPROTO_UDPLITE)
		return ported_open(w);
	payload_set(w);
	return tunnel_open_ip(w);
}

enum layer transport_open(struct walk *w)
{
	if (w->pkt->proto == IPPROTO_TCP)
		return tcp_open(w);
	if (w->pkt->proto != IPPROTO_UDP)
		return other_open(w);
	udp_open(w);
	return tunnel_open_udp(w);
}
