/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Everything below IP: link types, tags, labels, PPP, LLC. */
#include "packet/walk.h"

#define ETHER_ADDRS      12      /* two MAC addresses */
#define ETHER_LENGTH_MAX 1500    /* up to here the type field is a length: IEEE 802.3, 3.2.6 */
#define VLAN_ID_MASK     0x0fff  /* IEEE 802.1Q */
#define MPLS_BOTTOM      0x100   /* S bit of a label stack entry: RFC 3032, 2.1 */
#define SNAP_LLC         0xaaaa03 /* DSAP, SSAP, UI: RFC 1042 */
#define IP_LLC           0x060603 /* SAP 6 is IP: RFC 1042's "Internet Protocol" SAP */
#define BRIDGE_OUI       0x0000f8 /* IEEE 802.1H bridge tunnel encapsulation */
#define PPP_ALL          0xff    /* address and control: RFC 1662, 3.1 */
#define PPP_UI           0x03
#define HDLC_UNICAST     0x0f    /* Cisco HDLC address field */
#define HDLC_MULTICAST   0x8f
#define PPPOE_V1_TYPE1   0x11    /* RFC 2516, 4 */
#define PPPOE_SESSION    0x00

struct type_row {
	uint16_t type;
	uint8_t layer;
};

/* EtherTypes, in the order of what is common. */
static const struct type_row ether_types[] = {
	{ 0x0800, LAYER_IP4 },
	{ 0x86dd, LAYER_IP6 },
	{ 0x8100, LAYER_VLAN },  /* 802.1Q */
	{ 0x88a8, LAYER_VLAN },  /* 802.1ad */
	{ 0x9100, LAYER_VLAN },  /* its forerunner */
	{ 0x8847, LAYER_MPLS },  /* RFC 3032 */
	{ 0x8848, LAYER_MPLS },
	{ 0x8864, LAYER_PPPOE }, /* RFC 2516, session stage */
	{ 0x6558, LAYER_ETHER }, /* transparent Ethernet bridging: RFC 1701 */
	{ 0x880b, LAYER_PPP },   /* RFC 2637 */
	{ 0x0004, LAYER_LLC },   /* Linux cooked capture: 802.2 follows */
};

/* PPP protocol numbers: RFC 1332, 5072 and 3032. */
static const struct type_row ppp_types[] = {
	{ 0x0021, LAYER_IP4 },
	{ 0x0057, LAYER_IP6 },
	{ 0x0281, LAYER_MPLS },
	{ 0x0283, LAYER_MPLS },
};

/* Address families of BSD loopback headers: the IPv6 number differs by system. */
static const struct type_row loop_types[] = {
	{ 2, LAYER_IP4 },
	{ 10, LAYER_IP6 },       /* Linux */
	{ 23, LAYER_IP6 },       /* Windows */
	{ 24, LAYER_IP6 },       /* NetBSD, OpenBSD */
	{ 28, LAYER_IP6 },       /* FreeBSD */
	{ 30, LAYER_IP6 },       /* macOS */
};

static enum layer type_find(struct walk *w, const struct type_row *rows, size_t n, uint32_t type)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].type == type)
			return rows[i].layer;
	return walk_fail(w, COUNT_NOT_IP);
}

enum layer link_type(struct walk *w, uint16_t type)
{
	if (w->c.bad)
		return walk_fail(w, COUNT_TRUNCATED);
	return type_find(w, ether_types, countof(ether_types), type);
}

enum layer link_ether(struct walk *w)
{
	uint16_t type;

	cur_skip(&w->c, ETHER_ADDRS);
	type = cur_u16(&w->c);
	if (type <= ETHER_LENGTH_MAX && !w->c.bad)
		return LAYER_LLC;
	return link_type(w, type);
}

enum layer link_vlan(struct walk *w)
{
	uint16_t id = cur_u16(&w->c) & VLAN_ID_MASK;
	uint16_t type = cur_u16(&w->c);
	struct packet *pkt = w->pkt;

	/* Identifier 0 is a priority without a VLAN. */
	if (id != 0 && pkt->n_vlan < VLAN_MAX)
		pkt->vlan[pkt->n_vlan++] = id;
	if (type <= ETHER_LENGTH_MAX && !w->c.bad)
		return LAYER_LLC;
	return link_type(w, type);
}

enum layer link_llc(struct walk *w)
{
	uint32_t llc = cur_u24(&w->c);
	uint32_t oui;

	if (llc == IP_LLC)
		return LAYER_IP;
	oui = cur_u24(&w->c);
	if (w->c.bad || llc != SNAP_LLC || (oui != 0 && oui != BRIDGE_OUI))
		return walk_fail(w, COUNT_NOT_IP);
	return link_type(w, cur_u16(&w->c));
}

/*
 * After the bottom label nothing names the payload. IP shows itself by its
 * version; a 0 is the control word of a pseudo-wire (RFC 4385, 3), behind which
 * we look for Ethernet that announces IP or a tag, else it stays unread.
 */
static enum layer mpls_payload(struct walk *w)
{
	struct cursor peek = w->c;
	uint8_t first = cur_u8(&peek);
	uint16_t type;

	if (peek.bad)
		return walk_fail(w, COUNT_TRUNCATED);
	if (first >> 4 != 0)
		return first >> 4 == 4 || first >> 4 == 6 ? LAYER_IP : walk_fail(w, COUNT_NOT_IP);
	cur_skip(&peek, 3 + ETHER_ADDRS);
	type = cur_u16(&peek);
	if (type != 0x0800 && type != 0x86dd && type != 0x8100 && type != 0x88a8)
		return walk_fail(w, COUNT_NOT_IP);
	cur_skip(&w->c, 4);
	return LAYER_ETHER;
}

enum layer link_mpls(struct walk *w)
{
	uint32_t entry = cur_u32(&w->c);

	if (w->c.bad)
		return walk_fail(w, COUNT_TRUNCATED);
	return (entry & MPLS_BOTTOM) == 0 ? LAYER_MPLS : mpls_payload(w);
}

enum layer link_pppoe(struct walk *w)
{
	uint8_t version = cur_u8(&w->c);
	uint8_t code = cur_u8(&w->c);

	cur_skip(&w->c, 4); /* session, length: IP knows its own */
	if (w->c.bad)
		return walk_fail(w, COUNT_TRUNCATED);
	if (version != PPPOE_V1_TYPE1 || code != PPPOE_SESSION)
		return walk_fail(w, COUNT_NOT_IP);
	return LAYER_PPP;
}

/* Address, control and the first protocol byte may each be left out: RFC 1661, 6.5 and 6.6. */
enum layer link_ppp(struct walk *w)
{
	struct cursor peek = w->c;
	uint16_t type;

	if (cur_u8(&peek) == PPP_ALL && cur_u8(&peek) == PPP_UI)
		w->c = peek;
	type = cur_u8(&w->c);
	if ((type & 1) == 0)
		type = (uint16_t)(type << 8 | cur_u8(&w->c));
	if (w->c.bad)
		return walk_fail(w, COUNT_TRUNCATED);
	return type_find(w, ppp_types, countof(ppp_types), type);
}

static enum layer link_hdlc(struct walk *w)
{
	cur_skip(&w->c, 2); /* address, control */
	return link_type(w, cur_u16(&w->c));
}

/* DLT_PPP_SERIAL is PPP or Cisco HDLC, told by the address. */
static enum layer link_serial(struct walk *w)
{
	struct cursor peek = w->c;
	uint8_t address = cur_u8(&peek);

	if (address == HDLC_UNICAST || address == HDLC_MULTICAST)
		return link_hdlc(w);
	return LAYER_PPP;
}

static enum layer link_directed_ppp(struct walk *w)
{
	cur_skip(&w->c, 1); /* 0: received, else sent */
	return LAYER_PPP;
}

static enum layer link_directed_hdlc(struct walk *w)
{
	cur_skip(&w->c, 1);
	return link_hdlc(w);
}

/* The address family, in the byte order of whoever captured: small in one of the two. */
static enum layer link_loop(struct walk *w)
{
	uint32_t family = cur_u32(&w->c);

	if (w->c.bad)
		return walk_fail(w, COUNT_TRUNCATED);
	if (family > UINT16_MAX)
		family = __builtin_bswap32(family);
	return type_find(w, loop_types, countof(loop_types), family);
}

static enum layer link_cooked(struct walk *w)
{
	cur_skip(&w->c, 14); /* packet type, hardware type, address length, address */
	return link_type(w, cur_u16(&w->c));
}

static enum layer link_cooked2(struct walk *w)
{
	uint16_t type = cur_u16(&w->c);

	cur_skip(&w->c, 18); /* reserved, interface, hardware type, packet type, address */
	return link_type(w, type);
}

static enum layer start_ether(struct walk *w) { (void)w; return LAYER_ETHER; }
static enum layer start_pppoe(struct walk *w) { (void)w; return LAYER_PPPOE; }
static enum layer start_llc(struct walk *w) { (void)w; return LAYER_LLC; }
static enum layer start_mpls(struct walk *w) { (void)w; return LAYER_MPLS; }
static enum layer start_ip(struct walk *w) { (void)w; return LAYER_IP; }

/* Numbers and names: tcpdump.org/linktypes. Where DLT_ and LINKTYPE_ differ, both are here. */
static layer_fn *const links[] = {
	[0] = link_loop,             /* NULL */
	[1] = start_ether,           /* EN10MB */
	[9] = link_serial,           /* PPP: files of this type hold Cisco HDLC as well */
	[11] = start_llc,            /* ATM_RFC1483 */
	[12] = start_ip,             /* RAW */
	[14] = start_ip,             /* RAW of OpenBSD */
	[50] = link_serial,          /* PPP_SERIAL */
	[51] = start_pppoe,          /* PPP_ETHER */
	[100] = start_llc,           /* LINKTYPE_ATM_RFC1483 */
	[101] = start_ip,            /* LINKTYPE_RAW */
	[104] = link_hdlc,           /* C_HDLC */
	[108] = link_loop,           /* LOOP */
	[113] = link_cooked,         /* LINUX_SLL */
	[204] = link_directed_ppp,   /* PPP_WITH_DIR */
	[205] = link_directed_hdlc,  /* C_HDLC_WITH_DIR */
	[219] = start_mpls,          /* MPLS */
	[228] = start_ip,            /* IPV4 */
	[229] = start_ip,            /* IPV6 */
	[276] = link_cooked2,        /* LINUX_SLL2 */
};

bool packet_link_known(int link)
{
	return link >= 0 && (size_t)link < countof(links) && links[link] != NULL;
}

enum layer link_open(struct walk *w, unsigned link)
{
	if (link >= countof(links) || links[link] == NULL)
		return walk_fail(w, COUNT_LINK_UNKNOWN);
	return links[link](w);
}
