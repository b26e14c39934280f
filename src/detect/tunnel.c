/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tunnels: VPNs, secure shell, proxies. What they carry is hidden, but that they
 * carry is not, and a class found inside is `tunnelled`. This row makes no class:
 * it names the tunnel and marks the flow.
 */
#include <netinet/in.h>
#include <string.h>

#include "base/cursor.h"
#include "detect/rows.h"
#include "detect/tunnel_adds.h"
#include "detect/turn_tls.h"

/*
 * Joined in its middle a VPN shows a constant and a counter, and so do other
 * protocols. Six steps of exactly one by 32 bits: more than the eight packets
 * of RTP's own proof would allow a wrapper of RTP to imitate by its sequence number.
 */
#define STEPS_NEEDED     6

/* OpenVPN: opcode << 3 | key id (src/openvpn/ssl_pkt.h of OpenVPN 2.6 lists the opcodes). */
#define OPENVPN_OPCODE(b)   ((b) >> 3)
#define OPENVPN_CONTROL     4
#define OPENVPN_ACK         5
#define OPENVPN_RESET_C2    7
#define OPENVPN_RESET_S2    8
#define OPENVPN_DATA2       9
#define OPENVPN_RESET_C3    10
#define OPENVPN_SESSION     8      /* bytes of a session id, after the opcode */
#define OPENVPN_CONTROL_MIN 14     /* opcode, session id, length of the acknowledgements, packet id */
#define OPENVPN_ID_MAX      0x0fffffffu /* data packets of one key; an RTP header at this place is above */

/* WireGuard (whitepaper, 5.4): type, three zeros. */
#define WG_INITIATION     1
#define WG_RESPONSE       2
#define WG_DATA           4
#define WG_INITIATION_LEN 148
#define WG_RESPONSE_LEN   92
#define WG_DATA_MIN       32
#define WG_PAD            16       /* data is padded to a multiple of this */

#define ESP_NAT_PORT      4500     /* RFC 3948 */
#define ESP_SPI_MIN       256      /* RFC 4303, 2.1: smaller ones are reserved */

const struct byte_range tunnel_bytes[] = { { 0, 255 }, { 1, 0 } };

struct tunnel_dir {
	uint8_t session[OPENVPN_SESSION];
	uint8_t opcodes;          /* of control packets of that session, a bit each; 0 none yet */
	uint8_t steps;
	uint32_t constant;        /* what stays: peer id, index, SPI; */
	uint32_t counter;         /* and what is one higher each time */
};

struct tunnel_state { struct tunnel_dir dir[2]; };

static enum look_result found_adding(struct look *l, enum app app, const char *why, uint32_t adds)
{
	l->flow->flags |= FLOW_TUNNEL;
	detect_evidence(l, CLASS_NONE, app, 0, why, adds, 0);
	if (l->flow->watch != NULL)
		watch_ask_rules(l->flow->watch);
	return LOOK_NO;
}

static enum look_result found(struct look *l, enum app app, const char *why)
{
	return found_adding(l, app, why, 0);
}

uint32_t tunnel_adds(const struct watch *w)
{
	for (unsigned i = 0; w != NULL && i < w->n_evidence; i++)
		if (w->evidence[i].row->segment == tunnel_segment)
			return w->evidence[i].arg[0];
	return 0;
}

/* True at the sixth packet in a row with the same constant and a counter one higher. */
static bool counts_on(struct tunnel_dir *d, uint32_t constant, uint32_t counter)
{
	bool next = d->constant == constant && counter == d->counter + 1;

	d->constant = constant;
	d->counter = counter;
	d->steps = next ? (uint8_t)(d->steps + 1) : 0;
	return d->steps >= STEPS_NEEDED;
}

/* --- OpenVPN --- */

static bool holds(const uint8_t *in, uint32_t len, const uint8_t session[static OPENVPN_SESSION])
{
	for (uint32_t i = 1 + OPENVPN_SESSION; i + OPENVPN_SESSION <= len; i++)
		if (memcmp(in + i, session, OPENVPN_SESSION) == 0)
			return true;
	return false;
}

/* Two kinds of control packet under one session id. */
static bool speaks(const struct tunnel_dir *d)
{
	return (d->opcodes & (d->opcodes - 1)) != 0;
}

/*
 * A control packet: proved when the other end repeats this end's session id (64
 * bits), or, where tls-crypt hides that, when both ends use theirs in control
 * packets of two kinds.
 */
static bool openvpn_control(struct tunnel_state *s, const uint8_t *p, uint32_t len, int dir)
{
	struct tunnel_dir *mine = &s->dir[dir], *other = &s->dir[!dir];
	unsigned bit = 1u << (OPENVPN_OPCODE(p[0]) - OPENVPN_CONTROL);

	if (len < OPENVPN_CONTROL_MIN)
		return false;
	if (memcmp(mine->session, p + 1, OPENVPN_SESSION) != 0) {
		memcpy(mine->session, p + 1, OPENVPN_SESSION);
		mine->opcodes = 0;
	}
	mine->opcodes |= (uint8_t)bit;
	if (other->opcodes == 0)
		return false;
	return holds(p, len, other->session) || (speaks(mine) && speaks(other));
}

static bool openvpn_is_control(const uint8_t *p)
{
	unsigned op = OPENVPN_OPCODE(p[0]);

	return op == OPENVPN_CONTROL || op == OPENVPN_ACK || (op >= OPENVPN_RESET_C2 && op <= OPENVPN_RESET_S2) || op == OPENVPN_RESET_C3;
}

/* Data with a peer id and the packet id of an AEAD cipher, in the clear. */
static bool openvpn_data(struct tunnel_dir *d, const uint8_t *p, uint32_t len)
{
	struct cursor c = cur_open(p, len);
	uint32_t peer = cur_u32(&c), id = cur_u32(&c);

	return !c.bad && id <= OPENVPN_ID_MAX && counts_on(d, peer, id);
}

static bool openvpn(struct tunnel_state *s, const uint8_t *p, uint32_t len, int dir)
{
	if (OPENVPN_OPCODE(p[0]) == OPENVPN_DATA2)
		return openvpn_data(&s->dir[dir], p, len);
	return openvpn_is_control(p) && openvpn_control(s, p, len, dir);
}

/* --- WireGuard --- */

static uint32_t le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The answer names the index the initiator drew (32 bits); data counts on under one index. */
static bool wireguard(struct tunnel_state *s, const uint8_t *p, uint32_t len, uint32_t wire, int dir)
{
	if (len < 16 || p[1] != 0 || p[2] != 0 || p[3] != 0)
		return false;
	switch (p[0]) {
	case WG_INITIATION:
		if (wire == WG_INITIATION_LEN)
			s->dir[dir].constant = le32(p + 4);
		return false;
	case WG_RESPONSE:
		return wire == WG_RESPONSE_LEN && s->dir[!dir].constant != 0 && le32(p + 8) == s->dir[!dir].constant;
	case WG_DATA:
		return wire >= WG_DATA_MIN && wire % WG_PAD == 0 && le32(p + 12) == 0 && counts_on(&s->dir[dir], le32(p + 4), le32(p + 8));
	default:
		return false;
	}
}

/* --- ESP in UDP --- */

static bool esp_in_udp(struct tunnel_dir *d, const struct look *l)
{
	struct cursor c = cur_open(l->data, l->len);
	uint32_t spi = cur_u32(&c), number = cur_u32(&c);

	return !c.bad && spi >= ESP_SPI_MIN && l->wire % 4 == 0 && counts_on(d, spi, number);
}

static bool is_esp_port(const struct packet *p)
{
	return p->port[0] == ESP_NAT_PORT || p->port[1] == ESP_NAT_PORT;
}

/* A first byte that one of them may have; all others cost no state. */
static bool might_be(const struct look *l)
{
	uint8_t b = l->data[0];

	if (is_esp_port(l->pkt))
		return true;
	if (b >= WG_INITIATION && b <= WG_DATA)
		return l->len >= WG_DATA_MIN && l->data[1] == 0 && l->data[2] == 0 && l->data[3] == 0;
	return OPENVPN_OPCODE(b) == OPENVPN_DATA2 || openvpn_is_control(l->data);
}

enum look_result tunnel_look(struct look *l)
{
	struct tunnel_state *s;

	if (l->pkt->proto == IPPROTO_ESP)
		return found(l, APP_TUNNEL_IPSEC, "ESP");
	if (l->depth != 0 || l->len < 8 || !might_be(l))
		return LOOK_MAYBE;
	if ((s = detect_state(l, sizeof *s)) == NULL)
		return LOOK_MAYBE;
	if (is_esp_port(l->pkt))
		return esp_in_udp(&s->dir[l->dir], l) ? found(l, APP_TUNNEL_IPSEC, "ESP in UDP: packets counted under one SPI") : LOOK_MAYBE;
	if (wireguard(s, l->data, l->len, l->wire, l->dir))
		return found(l, APP_TUNNEL_WIREGUARD, "WireGuard: the index drawn by the other end, or data counted under one");
	if (openvpn(s, l->data, l->len, l->dir))
		return found(l, APP_TUNNEL_OPENVPN, "OpenVPN: session ids of both ends, or data counted under one peer");
	return LOOK_MAYBE;
}

/* --- TCP: told by the first segments of the two directions --- */

#define SEGMENTS_LOOKED  4 /* payloads a direction: a greeting, and what answers it */

#define SOCKS5           5 /* RFC 1928, 3: version, number of methods, methods */
#define SOCKS5_METHODS   9 /* that a client may offer: IANA has assigned nine */

static bool begins(const struct look *l, const char *word)
{
	size_t n = strlen(word);

	return l->len >= n && memcmp(l->data, word, n) == 0;
}

/* The greeting is the whole first segment, and "no authentication" or "password" is among the methods. */
static bool is_socks5(const struct look *l)
{
	if (l->len < 3 || l->data[0] != SOCKS5 || l->data[1] == 0 || l->data[1] > SOCKS5_METHODS || l->len != 2u + l->data[1])
		return false;
	return l->data[2] <= 2;
}

/* OpenVPN over TCP: each packet behind its length in two bytes. */
static bool is_openvpn(struct look *l)
{
	struct cursor c = cur_open(l->data, l->len);
	uint32_t length = cur_u16(&c);
	struct tunnel_state *s;

	if (l->len < 2 + OPENVPN_CONTROL_MIN || length < OPENVPN_CONTROL_MIN || length > l->len - 2 || !openvpn_is_control(l->data + 2))
		return false;
	s = detect_state(l, sizeof *s);
	return s != NULL && openvpn_control(s, l->data + 2, length, l->dir);
}

/*
 * A relay inside of TLS is no tunnel: what it carries is a call, or a data channel. Six lengths drawn at random in whole
 * words, by turns, look like its opening once in 650 (of at most 152 bytes) to 10,000 (540), 9 bits; that they are whole
 * words is 10 more by chance, 4 where one program in 16 writes those. Of 796 TLS connections of others whose beginning
 * was captured none came farther than the second request (docs/METHOD.md, "tunnel").
 */
#define BITS_TURN_TLS    12.0f

static enum look_result relay_inside(struct look *l, enum look_result otherwise)
{
	enum turn_tls is = turn_tls_segment(l);

	if (is == TURN_TLS_YES)
		detect_evidence(l, CLASS_ICE, APP_NONE, BITS_TURN_TLS, "lengths of TURN's first messages inside of TLS: a relay gave an address", ADDS_TURN, 0);
	return is == TURN_TLS_YES ? LOOK_NO : is == TURN_TLS_MAYBE ? LOOK_MAYBE : otherwise;
}

enum look_result tunnel_segment(struct look *l)
{
	if (l->flow->dir[0].payloads + l->flow->dir[1].payloads > 2 * SEGMENTS_LOOKED)
		return relay_inside(l, LOOK_NO);
	if (begins(l, "SSH-2.0-") || begins(l, "SSH-1.99-"))
		return found_adding(l, APP_NONE, "secure shell: it forwards connections", ADDS_SSH);
	if (begins(l, "CONNECT "))
		return found(l, APP_NONE, "CONNECT: a proxy carries what follows");
	if (l->flow->dir[l->dir].payloads == 1 && is_socks5(l))
		return found(l, APP_NONE, "SOCKS: a proxy carries what follows");
	if (is_openvpn(l))
		return found_adding(l, APP_TUNNEL_OPENVPN, "OpenVPN: session ids of both ends", ADDS_OPENVPN_STREAM);
	return relay_inside(l, LOOK_MAYBE);
}
