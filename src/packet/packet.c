/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "packet/packet.h"

#include "packet/walk.h"

/*
 * An IP packet longer than this was merged by the machine that captured it. An
 * Ethernet MTU is 1500 bytes (IEEE 802.3), and baby giants (tags, labels,
 * tunnels: IEEE 802.3as allows 2000 for the whole frame) rarely pass 1600.
 * Real jumbo frames (9000) are rare and fall under it too: what merging spoils
 * is the rhythm of packets, and no real-time medium sends packets that long.
 */
#define MERGED_OVER 1600

static layer_fn *const layers[LAYERS] = {
	[LAYER_ETHER] = link_ether, [LAYER_VLAN] = link_vlan, [LAYER_MPLS] = link_mpls,
	[LAYER_PPPOE] = link_pppoe, [LAYER_PPP] = link_ppp, [LAYER_LLC] = link_llc,
	[LAYER_IP] = ip_any, [LAYER_IP4] = ip_v4, [LAYER_IP6] = ip_v6,
};

/* tunnel[] stays as it is: n_tunnel says how much of it is set. */
static inline void packet_begin(struct packet *pkt, const struct frame *frame)
{
	pkt->frame = frame;
	pkt->port[0] = pkt->port[1] = 0;
	pkt->flags = 0;
	pkt->tcp_flags = 0;
	pkt->tcp_seq = pkt->tcp_ack = 0;
	pkt->vlan[0] = pkt->vlan[1] = 0;
	pkt->n_vlan = 0;
	pkt->n_tunnel = 0;
	pkt->tcp_options = 0;
	pkt->tunnel_hash = 0;
}

static inline void packet_finish(struct packet *pkt, struct counts *counts)
{
	if (pkt->payload_len < pkt->payload_wire)
		pkt->flags |= PACKET_SHORT;
	if (pkt->ip_len > MERGED_OVER && (pkt->flags & PACKET_JOINED) == 0) {
		pkt->flags |= PACKET_MERGED;
		count(counts, COUNT_MERGED);
	}
	if (pkt->n_tunnel > 0)
		count(counts, COUNT_TUNNELLED);
}

static enum layer layers_walk(struct walk *w, enum layer next)
{
	for (int i = 0; next < LAYERS; i++) {
		if (i == HEADERS_MAX)
			return walk_fail(w, COUNT_HEADERS_DEEP);
		next = next == LAYER_IP4 ? ip_v4(w) : layers[next](w); /* a direct call for nearly all */
	}
	return next;
}

/* Nothing came of the walk: the packet around the tunnel is the result, if there was one. */
static bool outer_restore(struct walk *w)
{
	if (w->why != COUNT_END && (!w->has_outer || w->why == COUNT_HEADERS_DEEP))
		count(w->counts, w->why);
	if (w->has_outer)
		memcpy(w->pkt, &w->outer, offsetof(struct packet, tunnel));
	return w->has_outer;
}

enum decode packet_decode(const struct frame *frame, struct frags *frags,
    struct counts *counts, struct packet *pkt)
{
	struct walk w;
	enum layer end;

	w.c = cur_open(frame->data, frame->caplen);
	w.cut = frame->len > frame->caplen ? frame->len - frame->caplen : 0;
	w.pkt = pkt;
	w.frags = frags;
	w.counts = counts;
	w.why = COUNT_END;
	w.joins = 0;
	w.has_outer = false;
	packet_begin(pkt, frame);
	end = layers_walk(&w, link_open(&w, frame->link));
	if (end == LAYER_HELD)
		return DECODE_HELD;
	if (end == LAYER_FAILED && !outer_restore(&w))
		return DECODE_NONE;
	packet_finish(pkt, counts);
	return DECODE_OK;
}
