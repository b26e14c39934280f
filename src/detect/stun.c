/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/stun.h"

#include <string.h>

#include "base/cursor.h"

#define FAMILY_V4 1 /* RFC 8489, 14.1 */
#define FAMILY_V6 2
#define FINGERPRINT_XOR 0x5354554eu /* RFC 8489, 14.7 */
#define FINGERPRINT_LEN 8           /* header and value */

/* RFC 8489, figure 3: class bits C1 C0 stand between the method's bits. */
static enum stun_class type_class(uint16_t type)
{
	return (enum stun_class)((type >> 4 & 1) | (type >> 7 & 2));
}

static uint16_t type_method(uint16_t type)
{
	return (uint16_t)((type & 0x0f) | (type >> 1 & 0x70) | (type >> 2 & 0xf80));
}

static void keep(struct stun_message *m, uint16_t type, uint16_t len, struct cursor *c)
{
	size_t have = cur_left(c) < len ? cur_left(c) : len;
	const uint8_t *value = cur_take(c, have);

	if (m->n == STUN_ATTRIBUTES) {
		m->refused = true;
		return;
	}
	m->at[m->n++] = (struct stun_attribute){ type, len, (uint16_t)have, value };
}

/*
 * Walks the attributes; `pad` is what their lengths are rounded up to. False
 * when they do not end with the message, or with the capture inside it.
 */
static bool walk(struct stun_message *m, struct cursor c, uint32_t pad)
{
	uint32_t left = m->length;

	m->n = 0;
	m->refused = false;
	while (left >= 4) {
		uint16_t type = cur_u16(&c), len = cur_u16(&c);
		uint32_t padded = (len + pad - 1) / pad * pad;

		left -= 4;
		if (c.bad)
			return m->cut;
		if (len > left)
			return false;
		keep(m, type, len, &c);
		/* RFC 3489 knew no padding: the last value may end with the message */
		padded = padded > left ? left : padded;
		left -= padded;
		if (cur_left(&c) < padded - len)
			return m->cut;
		cur_skip(&c, padded - len);
	}
	return left == 0;
}

/* RFC 3489, 11.1: Binding and Shared Secret, request, response and error. */
static bool classic_type(uint16_t type)
{
	return (type & ~0x0110u) <= 2 && type != 0 && (type & 0x0f) != 0 && (type & 0x0110) != 0x0010;
}

bool stun_parse(const uint8_t *data, uint32_t len, uint32_t wire, struct stun_message *m)
{
	struct cursor c = cur_open(data, len);
	uint16_t type = cur_u16(&c);

	m->length = cur_u16(&c);
	m->id = cur_take(&c, 4 + STUN_ID_LEN);
	if (c.bad || type >> 14 != 0)
		return false;
	m->cookie = m->id[0] == STUN_COOKIE >> 24 && m->id[1] == (STUN_COOKIE >> 16 & 0xff)
	    && m->id[2] == (STUN_COOKIE >> 8 & 0xff) && m->id[3] == (STUN_COOKIE & 0xff);
	if (m->length != wire - STUN_HEADER || (!m->cookie && !classic_type(type)))
		return false;
	m->cut = m->length > len - STUN_HEADER;
	m->cls = type_class(type);
	m->method = type_method(type);
	if (!m->cut)
		c.end = c.p + m->length;
	/* one application counts lengths with padding, another (WhatsApp) does not pad at all */
	m->walked = walk(m, c, 4) || walk(m, c, 1);
	return m->cookie || m->walked;
}

const struct stun_attribute *stun_find(const struct stun_message *m, uint16_t type)
{
	for (unsigned i = 0; i < m->n; i++)
		if (m->at[i].type == type)
			return &m->at[i];
	return NULL;
}

/* CRC-32 of ITU-T V.42, four bits at a time: small table, and it runs until a flow proved itself once. */
static uint32_t crc32(const uint8_t *p, size_t n)
{
	static const uint32_t nibble[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	uint32_t crc = UINT32_MAX;

	for (; n != 0; n--, p++) {
		crc ^= *p;
		crc = crc >> 4 ^ nibble[crc & 15];
		crc = crc >> 4 ^ nibble[crc & 15];
	}
	return ~crc;
}

bool stun_fingerprint(const uint8_t *data, uint32_t len, const struct stun_message *m)
{
	const struct stun_attribute *last = m->n == 0 ? NULL : &m->at[m->n - 1];
	uint32_t body = STUN_HEADER + m->length;
	struct cursor c;

	if (last == NULL || last->type != STUN_FINGERPRINT || last->len != 4 || last->have != 4)
		return false;
	if (len < body || body < STUN_HEADER + FINGERPRINT_LEN || last->value != data + body - 4)
		return false;
	c = cur_open(last->value, 4);
	return cur_u32(&c) == (crc32(data, body - FINGERPRINT_LEN) ^ FINGERPRINT_XOR);
}

bool stun_xor_address(const struct stun_message *m, uint16_t type, struct addr *ip, uint16_t *port)
{
	const struct stun_attribute *a = stun_find(m, type);
	struct cursor c;
	uint8_t family, b[16];
	unsigned n;

	if (a == NULL || !m->cookie)
		return false;
	c = cur_open(a->value, a->have);
	cur_skip(&c, 1);
	family = cur_u8(&c);
	*port = cur_u16(&c) ^ STUN_COOKIE >> 16;
	n = family == FAMILY_V6 ? 16 : 4;
	cur_copy(&c, b, n);
	if (c.bad || (family != FAMILY_V4 && family != FAMILY_V6) || a->len != 4 + n)
		return false;
	for (unsigned i = 0; i < n; i++)
		b[i] ^= m->id[i];
	if (n == 4)
		addr_from_v4(ip, b);
	else
		addr_from_v6(ip, b);
	return true;
}
