/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <netinet/in.h>
#include <string.h>

#include "source/craft.h"

#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_V4   0x0800
#define ETHERTYPE_V6   0x86dd
#define V4_HEADER      20
#define V6_HEADER      40
#define UDP_HEADER     8
#define TCP_HEADER     20
#define HOPS           64
#define TCP_WINDOW     0xffff
#define IP_LEN_MAX     65535

/* Writes big-endian numbers one after another. The caller made sure that there is room. */
struct pen {
	uint8_t *p;
};

static void put_u8(struct pen *w, unsigned v)
{
	*w->p++ = (uint8_t)v;
}

static void put_u16(struct pen *w, unsigned v)
{
	put_u8(w, v >> 8);
	put_u8(w, v & 0xff);
}

static void put_u32(struct pen *w, uint32_t v)
{
	put_u16(w, v >> 16);
	put_u16(w, v & 0xffff);
}

static void put_bytes(struct pen *w, const void *from, size_t n)
{
	if (n > 0)
		memcpy(w->p, from, n);
	w->p += n;
}

/* RFC 1071, not yet folded. */
static uint32_t sum_add(uint32_t sum, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	return n % 2 == 0 ? sum : sum + ((uint32_t)p[n - 1] << 8);
}

static uint16_t sum_fold(uint32_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static const uint8_t *addr_bytes(const struct addr *a)
{
	return addr_is_v4(a) ? a->b + 12 : a->b;
}

static size_t addr_len(const struct addr *a)
{
	return addr_is_v4(a) ? 4 : 16;
}

static void put_ethernet(struct pen *w, const struct craft *c)
{
	/* locally administered addresses */
	static const uint8_t macs[12] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1 };

	put_bytes(w, macs, sizeof macs);
	for (unsigned i = 0; i < c->way.n_vlan; i++) {
		put_u16(w, ETHERTYPE_VLAN);
		put_u16(w, c->way.vlan[i]);
	}
	put_u16(w, c->way.tunnel || addr_is_v4(&c->ip[0]) ? ETHERTYPE_V4 : ETHERTYPE_V6);
}

static void put_v4(struct pen *w, const struct addr *from, const struct addr *to, uint8_t proto, size_t len)
{
	uint8_t *start = w->p;
	uint16_t sum;

	put_u16(w, 0x4500);              /* version 4, five words */
	put_u16(w, (unsigned)(V4_HEADER + len));
	put_u32(w, 0x00004000);          /* no identification, do not fragment */
	put_u8(w, HOPS);
	put_u8(w, proto);
	put_u16(w, 0);
	put_bytes(w, addr_bytes(from), 4);
	put_bytes(w, addr_bytes(to), 4);
	sum = sum_fold(sum_add(0, start, V4_HEADER));
	put_u16(&(struct pen){ start + 10 }, sum);
}

static void put_v6(struct pen *w, const struct craft *c, size_t len)
{
	put_u32(w, 0x60000000);          /* version 6 */
	put_u16(w, (unsigned)len);
	put_u8(w, c->proto);
	put_u8(w, HOPS);
	put_bytes(w, c->ip[0].b, 16);
	put_bytes(w, c->ip[1].b, 16);
}

static void put_tcp(struct pen *w, const struct craft *c)
{
	put_u16(w, c->port[0]);
	put_u16(w, c->port[1]);
	put_u32(w, c->seq);
	put_u32(w, c->ack);
	put_u8(w, TCP_HEADER / 4 << 4);
	put_u8(w, c->tcp_flags);
	put_u16(w, TCP_WINDOW);
	put_u32(w, 0);                   /* checksum, urgent pointer */
}

static void put_udp(struct pen *w, const struct craft *c, size_t len)
{
	put_u16(w, c->port[0]);
	put_u16(w, c->port[1]);
	put_u16(w, (unsigned)(UDP_HEADER + len));
	put_u16(w, 0);
}

static uint16_t transport_sum(const struct craft *c, const uint8_t *segment, size_t len)
{
	uint32_t sum = sum_add(0, addr_bytes(&c->ip[0]), addr_len(&c->ip[0]));
	uint16_t folded;

	sum = sum_add(sum, addr_bytes(&c->ip[1]), addr_len(&c->ip[1]));
	folded = sum_fold(sum_add(sum + c->proto + (uint32_t)len, segment, len));
	return folded == 0 ? 0xffff : folded; /* RFC 768: zero says that there is none */
}

static size_t transport_len(uint8_t proto)
{
	return proto == IPPROTO_TCP ? TCP_HEADER : proto == IPPROTO_UDP ? UDP_HEADER : 0;
}

/* Transport header and payload, with the checksum over both. */
static void put_transport(struct pen *w, const struct craft *c, const uint8_t *payload, size_t len)
{
	uint8_t *start = w->p;
	size_t sum_at = c->proto == IPPROTO_TCP ? 16 : 6;

	if (c->proto == IPPROTO_TCP)
		put_tcp(w, c);
	else if (c->proto == IPPROTO_UDP)
		put_udp(w, c, len);
	put_bytes(w, payload, len);
	if (transport_len(c->proto) > 0)
		put_u16(&(struct pen){ start + sum_at },
		    transport_sum(c, start, (size_t)(w->p - start)));
}

size_t craft_frame(const struct craft *c, const uint8_t *payload, size_t len,
    uint8_t out[static CRAFT_FRAME_MAX])
{
	struct pen w = { out };
	size_t segment = transport_len(c->proto) + len;

	const bool v4 = addr_is_v4(&c->ip[0]);

	if (len > IP_LEN_MAX || segment > IP_LEN_MAX - (c->way.tunnel ? V4_HEADER + V6_HEADER : V4_HEADER))
		return 0;
	put_ethernet(&w, c);
	if (c->way.tunnel)
		put_v4(&w, &c->way.from, &c->way.to, v4 ? IPPROTO_IPIP : IPPROTO_IPV6, (v4 ? V4_HEADER : V6_HEADER) + segment);
	if (v4)
		put_v4(&w, &c->ip[0], &c->ip[1], c->proto, segment);
	else
		put_v6(&w, c, segment);
	put_transport(&w, c, payload, len);
	return (size_t)(w.p - out);
}
