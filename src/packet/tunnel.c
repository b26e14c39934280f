/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Packets inside packets. pkt is complete when these are asked, so that
 * whatever turns out to be no tunnel stays what it was. Ports alone never make
 * a tunnel: each opener demands fields that other traffic does not have.
 */
#include <netinet/in.h>

#include "base/hash.h"
#include "packet/walk.h"

#define PORT_GTPU        2152  /* 3GPP TS 29.281, 4.4.2 */
#define PORT_VXLAN       4789  /* RFC 7348, 8 */
#define PORT_VXLAN_LINUX 8472  /* the Linux default, older than the RFC */

#define GRE_CHECKSUM     0x8000 /* RFC 2784, 2.1 */
#define GRE_ROUTING      0x4000 /* RFC 1701; deprecated, not followed */
#define GRE_KEY          0x2000 /* RFC 2890, 2 */
#define GRE_SEQUENCE     0x1000
#define GRE_ACK          0x0080 /* RFC 2637, 4.1 */
#define GRE_VERSION      0x0007
#define GRE_PPP          0x880b
#define GRE_ERSPAN       0x88be /* Cisco's mirror port, type II with a sequence number, else type I */
#define ERSPAN_HEADER    8

#define GTPU_FIXED       0xf8   /* version 1, GTP not GTP', spare bit 0: TS 29.281, 5.1 */
#define GTPU_FIXED_VALUE 0x30
#define GTPU_EXTENDED    0x04
#define GTPU_OPTIONS     0x07   /* any of E, S, PN: four more bytes */
#define GTPU_PACKET      0xff   /* G-PDU: a user packet follows */
#define GTPU_HEADER      8
#define GTPU_EXT_MAX     8      /* TS 29.281 defines fewer types */

#define VXLAN_FLAGS      0x08000000 /* a valid VNI and nothing else: RFC 7348, 5 */

#define IP4_HEADER       20
#define IP6_HEADER       40

/* True when the cursor is at an IP packet that fills the rest exactly. */
static bool ip_fills(const struct walk *w)
{
	struct cursor peek = w->c;
	uint32_t wire = walk_wire(w);
	uint8_t first = cur_u8(&peek);
	uint32_t len;

	cur_skip(&peek, first >> 4 == 6 ? 3 : 1);
	len = cur_u16(&peek);
	if (peek.bad)
		return false;
	if (first >> 4 == 6)
		return len + IP6_HEADER == wire;
	return first >> 4 == 4 && (first & 15) * 4 >= IP4_HEADER && len == wire
	    && len >= (first & 15u) * 4;
}

static enum layer ipip_open(struct walk *w, struct tunnel *t)
{
	if (w->pkt->ip_v == 6)
		t->kind = TUNNEL_4IN6;
	return LAYER_IP4;
}

/* IPv6 in IPv6 has no name of its own: it is IP-in-IP of one family, too. */
static enum layer ip6_open(struct walk *w, struct tunnel *t)
{
	if (w->pkt->ip_v == 6)
		t->kind = TUNNEL_IPIP;
	return LAYER_IP6;
}

/* PPTP (RFC 2637): its key holds a call identifier that differs by direction, so there is no id. */
static enum layer gre_pptp(struct walk *w, uint16_t bits, uint16_t type)
{
	if (type != GRE_PPP || (bits & GRE_KEY) == 0)
		return LAYER_FAILED;
	cur_skip(&w->c, 4); /* payload length, call */
	if ((bits & GRE_SEQUENCE) != 0)
		cur_skip(&w->c, 4);
	if ((bits & GRE_ACK) != 0)
		cur_skip(&w->c, 4);
	return LAYER_PPP;
}

static enum layer gre_open(struct walk *w, struct tunnel *t)
{
	uint16_t bits = cur_u16(&w->c);
	uint16_t type = cur_u16(&w->c);

	if ((bits & GRE_VERSION) == 1)
		return gre_pptp(w, bits, type);
	if ((bits & (GRE_VERSION | GRE_ROUTING)) != 0)
		return LAYER_FAILED;
	if ((bits & GRE_CHECKSUM) != 0)
		cur_skip(&w->c, 4);
	if ((bits & GRE_KEY) != 0)
		t->id = cur_u32(&w->c);
	if ((bits & GRE_SEQUENCE) != 0)
		cur_skip(&w->c, 4);
	if (type != GRE_ERSPAN)
		return link_type(w, type);
	if ((bits & GRE_SEQUENCE) != 0)
		cur_skip(&w->c, ERSPAN_HEADER);
	return LAYER_ETHER;
}

/* Extension headers: length in words of 4 bytes, content, next type (TS 29.281, 5.2.1). */
static bool gtpu_extensions(struct walk *w, uint8_t type)
{
	for (int i = 0; type != 0; i++) {
		uint32_t bytes = cur_u8(&w->c) * 4u;

		if (i == GTPU_EXT_MAX || bytes == 0)
			return false;
		cur_skip(&w->c, bytes - 2);
		type = cur_u8(&w->c);
	}
	return !w->c.bad;
}

static enum layer gtpu_open(struct walk *w, struct tunnel *t)
{
	uint32_t wire = walk_wire(w);
	uint8_t flags = cur_u8(&w->c);
	uint8_t kind = cur_u8(&w->c);
	uint32_t len = cur_u16(&w->c);
	uint8_t next = 0;

	t->id = cur_u32(&w->c);
	if ((flags & GTPU_FIXED) != GTPU_FIXED_VALUE || kind != GTPU_PACKET
	    || len + GTPU_HEADER != wire)
		return LAYER_FAILED;
	if ((flags & GTPU_OPTIONS) != 0) {
		cur_skip(&w->c, 3); /* sequence number, N-PDU number */
		next = cur_u8(&w->c);
	}
	if ((flags & GTPU_EXTENDED) != 0 && !gtpu_extensions(w, next))
		return LAYER_FAILED;
	return ip_fills(w) ? LAYER_IP : LAYER_FAILED;
}

static enum layer vxlan_open(struct walk *w, struct tunnel *t)
{
	uint32_t flags = cur_u32(&w->c);

	t->id = cur_u24(&w->c);
	cur_skip(&w->c, 1);
	return flags == VXLAN_FLAGS ? LAYER_ETHER : LAYER_FAILED;
}

struct tunnel_row {
	uint16_t number;   /* UDP destination port, or IP protocol */
	uint8_t kind;
	bool hash_id;      /* the id is the same in both directions */
	enum layer (*open)(struct walk *, struct tunnel *);
};

static const struct tunnel_row udp_tunnels[] = {
	{ PORT_GTPU, TUNNEL_GTPU, false, gtpu_open },
	{ PORT_VXLAN, TUNNEL_VXLAN, true, vxlan_open },
	{ PORT_VXLAN_LINUX, TUNNEL_VXLAN, true, vxlan_open },
};

static const struct tunnel_row ip_tunnels[] = {
	{ IPPROTO_IPIP, TUNNEL_IPIP, true, ipip_open },
	{ IPPROTO_IPV6, TUNNEL_6IN4, true, ip6_open },
	{ IPPROTO_GRE, TUNNEL_GRE, true, gre_open },
};

static const char *const names[] = {
	[TUNNEL_GRE] = "gre", [TUNNEL_IPIP] = "ipip", [TUNNEL_6IN4] = "6in4",
	[TUNNEL_4IN6] = "4in6", [TUNNEL_GTPU] = "gtpu", [TUNNEL_VXLAN] = "vxlan",
};
_Static_assert(countof(names) == TUNNEL_KINDS, "name every tunnel");

const char *tunnel_name(enum tunnel_kind kind)
{
	return names[kind];
}

static inline const struct tunnel_row *row_find(const struct tunnel_row *rows, size_t n,
    uint16_t number)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].number == number)
			return &rows[i];
	return NULL;
}

/* Folds one more tunnel into the hash of those around it; the ends in sorted order. */
static uint32_t tunnel_fold(uint32_t around, const struct tunnel *t, bool with_id)
{
	bool swap = memcmp(&t->ip[0], &t->ip[1], sizeof t->ip[0]) > 0;
	struct {
		struct addr low, high;
		uint32_t id, kind, around;
	} key = { t->ip[swap], t->ip[!swap], with_id ? t->id : 0, t->kind, around };
	uint32_t hash = (uint32_t)hash_bytes(&key, sizeof key);

	return hash == 0 ? 1 : hash;
}

/* Keeps pkt as it is, should nothing come of the inside, which only adds to tunnel[]. */
static void outer_keep(struct walk *w)
{
	memcpy(&w->outer, w->pkt, offsetof(struct packet, tunnel));
	w->has_outer = true;
}

static void inner_begin(struct packet *pkt)
{
	pkt->port[0] = pkt->port[1] = 0;
	pkt->flags &= PACKET_JOINED;
}

static enum layer tunnel_follow(struct walk *w, const struct tunnel_row *row)
{
	struct packet *pkt = w->pkt;
	struct tunnel t = { { pkt->ip[0], pkt->ip[1] }, 0, row->kind };
	enum layer next;

	if (pkt->n_tunnel == TUNNEL_MAX) {
		count(w->counts, COUNT_HEADERS_DEEP);
		return LAYER_DONE;
	}
	next = row->open(w, &t);
	if (next == LAYER_FAILED || w->c.bad)
		return LAYER_DONE;
	outer_keep(w);
	inner_begin(pkt);
	pkt->tunnel_hash = tunnel_fold(pkt->tunnel_hash, &t, row->hash_id);
	pkt->tunnel[pkt->n_tunnel++] = t;
	return next;
}

enum layer tunnel_open_udp(struct walk *w)
{
	const struct tunnel_row *row = row_find(udp_tunnels, countof(udp_tunnels), w->pkt->port[1]);

	return row == NULL ? LAYER_DONE : tunnel_follow(w, row);
}

enum layer tunnel_open_ip(struct walk *w)
{
	const struct tunnel_row *row = row_find(ip_tunnels, countof(ip_tunnels), w->pkt->proto);

	return row == NULL ? LAYER_DONE : tunnel_follow(w, row);
}
