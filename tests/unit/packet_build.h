/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_TESTS_PACKET_BUILD_H
#define SQUELCH_TESTS_PACKET_BUILD_H

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packet/packet.h"

/*
 * Packets built from the inside out: begin with the payload, then put each
 * header in front of what is there. Addresses are those of RFC 5737 and 3849.
 */
#define BUILD_ROOM (128 * 1024)
#define BUILD_HEAD 4096   /* room for headers */

struct build {
	uint8_t room[BUILD_ROOM];
	uint8_t *p;
	size_t n;
};

static inline void build_begin(struct build *b, const void *payload, size_t n)
{
	b->p = b->room + BUILD_HEAD;
	b->n = n;
	if (n > 0)
		memcpy(b->p, payload, n);
}

static inline uint8_t *build_front(struct build *b, size_t n)
{
	b->p -= n;
	b->n += n;
	memset(b->p, 0, n);
	return b->p;
}

static inline void build_u16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void build_u32(uint8_t *p, uint32_t v)
{
	build_u16(p, v >> 16);
	build_u16(p + 2, v);
}

/* Puts raw bytes in front. */
static inline void build_bytes(struct build *b, const void *bytes, size_t n)
{
	memcpy(build_front(b, n), bytes, n);
}

static inline void build_udp(struct build *b, uint16_t from, uint16_t to)
{
	uint8_t *p = build_front(b, 8);

	build_u16(p, from);
	build_u16(p + 2, to);
	build_u16(p + 4, (uint32_t)b->n);
}

static inline void build_tcp(struct build *b, uint16_t from, uint16_t to, uint8_t flags)
{
	uint8_t *p = build_front(b, 20);

	build_u16(p, from);
	build_u16(p + 2, to);
	build_u32(p + 4, 0x01020304);
	build_u32(p + 8, 0x05060708);
	p[12] = 5 << 4;
	p[13] = flags;
}

/* `frag` is the field of flags and offset. */
static inline void build_ip4_frag(struct build *b, uint8_t proto, const char *from,
    const char *to, uint16_t id, uint16_t frag)
{
	uint8_t *p = build_front(b, 20);

	p[0] = 0x45;
	build_u16(p + 2, b->n <= 0xffff ? (uint32_t)b->n : 0);
	build_u16(p + 4, id);
	build_u16(p + 6, frag);
	p[8] = 64;
	p[9] = proto;
	inet_pton(AF_INET, from, p + 12);
	inet_pton(AF_INET, to, p + 16);
}

static inline void build_ip4(struct build *b, uint8_t proto, const char *from, const char *to)
{
	build_ip4_frag(b, proto, from, to, 1, 0);
}

static inline void build_ip6(struct build *b, uint8_t next, const char *from, const char *to)
{
	size_t len = b->n;
	uint8_t *p = build_front(b, 40);

	p[0] = 0x60;
	build_u16(p + 4, len <= 0xffff ? (uint32_t)len : 0);
	p[6] = next;
	p[7] = 64;
	inet_pton(AF_INET6, from, p + 8);
	inet_pton(AF_INET6, to, p + 24);
}

/* An IPv6 extension header of `units` times 8 bytes. */
static inline void build_ext(struct build *b, uint8_t next, uint8_t units)
{
	uint8_t *p = build_front(b, units * 8u);

	p[0] = next;
	p[1] = units - 1;
}

static inline void build_type(struct build *b, uint16_t type)
{
	build_u16(build_front(b, 2), type);
}

static inline void build_ether(struct build *b, uint16_t type)
{
	build_type(b, type);
	memcpy(build_front(b, 12), "\2\0\0\0\0\1\2\0\0\0\0\2", 12);
}

/* Decodes what was built from an exact copy, so that a read past the end is found. */
static inline enum decode build_decode_cut(const struct build *b, size_t caplen, uint16_t link,
    struct frags *frags, struct counts *counts, uint64_t mono_ns, struct packet *pkt)
{
	static uint8_t *copy;
	static struct frame f;

	free(copy);
	copy = malloc(caplen > 0 ? caplen : 1);
	memcpy(copy, b->p, caplen);
	f = (struct frame){ .data = copy, .caplen = (uint32_t)caplen, .len = (uint32_t)b->n,
	    .mono_ns = mono_ns, .link = link };
	memset(pkt, 0xa5, sizeof *pkt); /* need not be initialised: prove it */
	return packet_decode(&f, frags, counts, pkt);
}

static inline enum decode build_decode(const struct build *b, uint16_t link,
    struct counts *counts, struct packet *pkt)
{
	return build_decode_cut(b, b->n, link, NULL, counts, 0, pkt);
}

/* "ADDR PORT > ADDR PORT proto NUMBER". */
static inline const char *build_ends(const struct packet *pkt)
{
	static char text[160];
	char from[ADDR_TEXT_LEN], to[ADDR_TEXT_LEN];

	snprintf(text, sizeof text, "%s %u > %s %u proto %u", addr_text(&pkt->ip[0], from),
	    pkt->port[0], addr_text(&pkt->ip[1], to), pkt->port[1], pkt->proto);
	return text;
}

#endif
