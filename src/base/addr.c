/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>

#define ADDR_BITS    128
#define V4_BITS      32
#define V4_SHIFT     (ADDR_BITS - V4_BITS) /* bits before an IPv4 address in the mapped form */
#define BITS_DIGITS  3                     /* the longest prefix length is "128" */

bool addr_is_unspecified(const struct addr *a)
{
	static const uint8_t zero[16];

	return memcmp(a->b, zero, sizeof zero) == 0
	    || (addr_is_v4(a) && memcmp(a->b + 12, zero, 4) == 0);
}

bool addr_is_multicast(const struct addr *a)
{
	static const uint8_t broadcast[4] = { 255, 255, 255, 255 };

	if (!addr_is_v4(a))
		return a->b[0] == 0xff;                   /* ff00::/8: RFC 4291, 2.7 */
	return (a->b[12] & 0xf0) == 0xe0                  /* 224.0.0.0/4: RFC 5771 */
	    || memcmp(a->b + 12, broadcast, sizeof broadcast) == 0;
}

const char *addr_text(const struct addr *a, char text[static ADDR_TEXT_LEN])
{
	if (addr_is_v4(a))
		inet_ntop(AF_INET, a->b + 12, text, ADDR_TEXT_LEN);
	else
		inet_ntop(AF_INET6, a->b, text, ADDR_TEXT_LEN);
	return text;
}

const char *place_text(const struct addr *a, uint16_t port, char text[static PLACE_TEXT_LEN])
{
	char ip[ADDR_TEXT_LEN];

	addr_text(a, ip);
	if (port == 0)
		snprintf(text, PLACE_TEXT_LEN, "%s", ip);
	else
		snprintf(text, PLACE_TEXT_LEN, addr_is_v4(a) ? "%s:%u" : "[%s]:%u", ip, port);
	return text;
}

bool addr_parse(const char *text, size_t len, struct addr *out)
{
	char copy[ADDR_TEXT_LEN];
	uint8_t v4[4];

	if (len >= sizeof copy || memchr(text, '\0', len) != NULL)
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (inet_pton(AF_INET, copy, v4) == 1) {
		addr_from_v4(out, v4);
		return true;
	}
	return inet_pton(AF_INET6, copy, out->b) == 1;
}

/* A prefix length of at most `max`, in plain decimal; -1 when it is none. */
static int bits_parse(const char *text, int max)
{
	size_t len = strlen(text);
	int bits = 0;

	if (len == 0 || len > BITS_DIGITS || (len > 1 && text[0] == '0'))
		return -1;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		bits = bits * 10 + (*text - '0');
	}
	return bits <= max ? bits : -1;
}

/* True when the first `bits` bits of both are the same. */
static bool bits_equal(const uint8_t a[static 16], const uint8_t b[static 16], unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || ((a[whole] ^ b[whole]) & (0xff00 >> rest) & 0xff) == 0;
}

static bool host_bits_zero(const struct net *net)
{
	struct addr masked = { 0 };
	unsigned whole = net->bits / 8;

	memcpy(masked.b, net->addr.b, whole);
	if (net->bits % 8 != 0)
		masked.b[whole] = net->addr.b[whole] & (uint8_t)(0xff00 >> net->bits % 8);
	return addr_equal(&masked, &net->addr);
}

bool net_parse(const char *text, struct net *out)
{
	size_t len = strcspn(text, "/");
	struct net net = { .bits = ADDR_BITS };
	bool dotted = memchr(text, ':', len) == NULL;

	if (!addr_parse(text, len, &net.addr))
		return false;
	if (text[len] == '/') {
		int bits = bits_parse(text + len + 1, dotted ? V4_BITS : ADDR_BITS);

		if (bits < 0)
			return false;
		net.bits = (uint8_t)(bits + (dotted ? V4_SHIFT : 0));
	}
	if (!host_bits_zero(&net))
		return false;
	*out = net;
	return true;
}

/* ::/0 means all of IPv6: that IPv4 is stored as a part of it is our affair. */
bool net_holds(const struct net *net, const struct addr *a)
{
	if (net->bits < V4_SHIFT && addr_is_v4(a))
		return false;
	return bits_equal(net->addr.b, a->b, net->bits);
}
