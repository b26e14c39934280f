/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_PACKET_PACKET_H
#define SQUELCH_PACKET_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/count.h"
#include "packet/frame.h"

/*
 * The decoded view of one frame: the innermost IP packet and its transport.
 * Pointers lead into the frame, or into the reassembly buffer of `frags`, and
 * live as long as the frame does.
 */
enum tunnel_kind {
	TUNNEL_GRE, TUNNEL_IPIP, TUNNEL_6IN4, TUNNEL_4IN6, TUNNEL_GTPU, TUNNEL_VXLAN,
	TUNNEL_KINDS
};

#define TUNNEL_MAX 4  /* tunnels inside one another that we follow */
#define VLAN_MAX   2  /* tags kept (802.1ad outer and inner); more are walked over */

struct tunnel {
	struct addr ip[2];    /* outer source, destination */
	uint32_t id;          /* GRE key, GTP-U TEID, VXLAN VNI; 0 when there is none */
	uint8_t kind;         /* enum tunnel_kind */
};

enum packet_flag {
	PACKET_MERGED    = 1 << 0, /* several segments in one: segmentation or receive offload */
	PACKET_JOINED    = 1 << 1, /* reassembled from IP fragments */
	PACKET_PORTLESS  = 1 << 2, /* no readable transport header: a later fragment, or too short */
	PACKET_SHORT     = 1 << 3, /* payload cut by the capture length */
};

struct packet {
	const struct frame *frame;
	struct addr ip[2];        /* source, destination */
	uint16_t port[2];         /* source, destination, host order; 0 without ports */
	uint8_t ip_v;             /* 4 or 6 */
	uint8_t proto;            /* IPPROTO_ */
	uint8_t flags;            /* enum packet_flag */
	uint8_t tcp_flags;        /* as on the wire: FIN 1, SYN 2, RST 4, PSH 8, ACK 16 */
	uint32_t tcp_seq, tcp_ack;
	uint32_t ip_len;          /* bytes of the innermost IP packet by its own header */
	const uint8_t *ip_at;     /* innermost IP header; NULL when the packet is not in one piece with it */
	uint32_t ip_caplen;       /* bytes at `ip_at`, at most ip_len */
	const uint8_t *payload;   /* after the transport header; of unknown protocols: after IP */
	uint32_t payload_len;     /* bytes at `payload` */
	uint32_t payload_wire;    /* bytes on the wire by the headers; >= payload_len */
	uint16_t vlan[VLAN_MAX];  /* VLAN identifiers (12 bits), outermost first */
	uint8_t n_vlan;
	uint8_t n_tunnel;
	uint8_t tcp_options;      /* bytes of TCP options, which stand directly before the payload */
	uint32_t tunnel_hash;     /* same in both directions; 0 without a tunnel */
	struct tunnel tunnel[TUNNEL_MAX]; /* outermost first; only n_tunnel are set */
};

enum decode {
	DECODE_OK,
	DECODE_NONE,   /* nothing for the flow table; the reason was counted */
	DECODE_HELD,   /* a fragment kept until the rest comes */
};

/* Fragments wait here. Bounds: FRAG_* in frag.c. */
struct frags;
/* `budget_bytes` for all that waits. NULL without memory. */
struct frags *frags_new(size_t budget_bytes);
void frags_free(struct frags *);
/* Drops what has waited too long. */
void frags_expire(struct frags *, uint64_t mono_ns, struct counts *);

/*
 * Decodes `frame` into `pkt`, which need not be initialised. `frags` may be
 * NULL: then a first fragment is decoded alone and later ones are PORTLESS.
 * A fragment that completes its datagram gives the whole datagram.
 */
enum decode packet_decode(const struct frame *frame, struct frags *frags,
    struct counts *counts, struct packet *pkt);

/*
 * The sender's time stamp of a TCP segment (RFC 7323, 3: TSval), in ticks of its
 * own clock; false when it has none. Walks the options: for flows that are watched.
 */
bool packet_stamp(const struct packet *, uint32_t *ticks);

/* True when a link type (DLT_) is decoded. */
bool packet_link_known(int link);
const char *tunnel_name(enum tunnel_kind);

#endif
