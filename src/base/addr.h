/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_BASE_ADDR_H
#define SQUELCH_BASE_ADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* An IP address in network order; IPv4 is stored mapped, as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2). */
struct addr {
	uint8_t b[16];
};

/* An address block; `bits` counts over the 128-bit form, so 10.0.0.0/8 has 104. */
struct net {
	struct addr addr;
	uint8_t bits;
};

#define ADDR_TEXT_LEN 46 /* INET6_ADDRSTRLEN */

static inline void addr_from_v4(struct addr *a, const uint8_t b[static 4])
{
	memset(a->b, 0, 10);
	a->b[10] = a->b[11] = 0xff;
	memcpy(a->b + 12, b, 4);
}

static inline void addr_from_v6(struct addr *a, const uint8_t b[static 16])
{
	memcpy(a->b, b, 16);
}

static inline bool addr_equal(const struct addr *a, const struct addr *b)
{
	return memcmp(a->b, b->b, sizeof a->b) == 0;
}

static inline bool addr_is_v4(const struct addr *a)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(a->b, prefix, sizeof prefix) == 0;
}

/* True for ::, 0.0.0.0 and the all-zero struct. */
bool addr_is_unspecified(const struct addr *a);
/* True for multicast of either family and for 255.255.255.255. */
bool addr_is_multicast(const struct addr *a);
/* Text as RFC 5952 (IPv4 dotted); returns `text`. */
const char *addr_text(const struct addr *a, char text[static ADDR_TEXT_LEN]);
#define PLACE_TEXT_LEN (ADDR_TEXT_LEN + 8) /* "[", "]:65535" */
/* Address and port, in host order: "192.0.2.1:5060", "[2001:db8::1]:5060" (RFC 5952, 6); port 0: the address alone. Returns `text`. */
const char *place_text(const struct addr *a, uint16_t port, char text[static PLACE_TEXT_LEN]);
/* Parses an IPv4 or IPv6 literal of exactly `len` characters; false when it is none. */
bool addr_parse(const char *text, size_t len, struct addr *out);
/* Parses "ADDR" or "ADDR/BITS"; host bits must be zero. False when malformed. */
bool net_parse(const char *text, struct net *out);
bool net_holds(const struct net *net, const struct addr *a);

#endif
