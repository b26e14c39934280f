/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_PACKET_WALK_H
#define SQUELCH_PACKET_WALK_H

#include "base/cursor.h"
#include "packet/packet.h"

#define countof(a) (sizeof (a) / sizeof *(a))

/*
 * Private to packet/: the walk through the headers of one frame. Each layer is
 * a function that reads its header from the cursor and names the next layer;
 * packet_decode calls them in a loop of at most HEADERS_MAX steps.
 */
#define HEADERS_MAX 32 /* headers of one frame, tags and labels too; real traffic stays below 15 */

enum layer {
	LAYER_ETHER, LAYER_VLAN, LAYER_MPLS, LAYER_PPPOE, LAYER_PPP, LAYER_LLC,
	LAYER_IP, LAYER_IP4, LAYER_IP6,
	LAYERS,
	LAYER_DONE = LAYERS, /* pkt is complete */
	LAYER_FAILED,        /* walk.why tells */
	LAYER_HELD,          /* a fragment was kept */
};

struct walk {
	struct cursor c;       /* from the current header to the end of its data */
	uint32_t cut;          /* bytes that followed on the wire and were not captured */
	struct packet *pkt;
	struct frags *frags;
	struct counts *counts;
	enum counter why;      /* of LAYER_FAILED; COUNT_END when it was counted already */
	uint8_t joins;         /* datagrams joined in this frame */
	bool has_outer;        /* `outer` holds the packet around the current tunnel */
	struct packet outer;
};

static inline enum layer walk_fail(struct walk *w, enum counter why)
{
	w->why = why;
	return LAYER_FAILED;
}

/* Bytes from the cursor to the end, as they were on the wire. */
static inline uint32_t walk_wire(const struct walk *w)
{
	return (uint32_t)cur_left(&w->c) + w->cut;
}

/* A length field says that n bytes follow: what is behind them is padding, what is missing was cut. */
static inline void walk_trim(struct walk *w, uint32_t n)
{
	size_t left = cur_left(&w->c);

	if (n <= left)
		w->c.end = w->c.p + n;
	w->cut = n <= left ? 0 : n - (uint32_t)left;
}

/* link.c: the layer a frame of this link type begins with; LAYER_FAILED when it has none. */
typedef enum layer layer_fn(struct walk *);
enum layer link_open(struct walk *, unsigned link);
/* The layer an EtherType announces. */
enum layer link_type(struct walk *, uint16_t type);
layer_fn link_ether, link_vlan, link_mpls, link_pppoe, link_ppp, link_llc;

/* ip.c */
layer_fn ip_any, ip_v4, ip_v6;

/* transport.c: ports and payload of pkt->proto; then into the tunnel, if it is one. */
enum layer transport_open(struct walk *);
/* The rest of the data is payload, without a transport header. */
enum layer transport_none(struct walk *);

/* tunnel.c: LAYER_DONE when pkt is no tunnel, by port or protocol, or one that cannot be followed. */
layer_fn tunnel_open_udp, tunnel_open_ip;

/* What an IP header tells of a fragment. */
struct fragment {
	uint32_t id;
	uint32_t offset;       /* bytes */
	bool more;
	uint32_t head_len;     /* bytes of IP headers before the data */
	uint8_t proto;         /* IPv6: only that of the first fragment counts */
};

enum frag_result {
	FRAG_HELD, FRAG_LOST, FRAG_JOINED,
	FRAG_ALONE, /* not kept: it goes on as it is */
};

/* frag.c: adds the data at the cursor; when it completes the datagram, the cursor moves to that. */
enum frag_result frags_add(struct frags *, struct walk *, struct fragment *);

#endif
