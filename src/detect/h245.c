/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/h245.h"

#include <string.h>

#include "base/cursor.h"

/*
 * First octet of MultimediaSystemControlMessage: extension bit, two bits of
 * request/response/command/indication, then the alternative within (extension
 * bit, four bits of eleven requests, or five of nineteen responses).
 */
#define FIRST_DETERMINATION 0x01 /* request, second alternative */
#define FIRST_CAPABILITIES  0x02
#define FIRST_OPEN          0x03
#define FIRST_OPEN_ACK      0x22 /* response, sixth: its last bit begins the next octet, which is 1 */
#define FIRST_END           0x4a /* command, endSessionCommand; then disconnect or the like */

/* {itu-t(0) recommendation(0) h(8) 245 version(0) n}, X.690 8.19, behind its length. */
static const uint8_t object_id[] = { 6, 0, 8, 0x81, 0x75, 0 };

/* H2250LogicalChannelParameters: presence bits of its first octet; those we cannot walk over must be 0. */
enum {
	OPEN_NONSTANDARD = 0x40, OPEN_ASSOCIATED = 0x20, OPEN_MEDIA = 0x10, OPEN_GUARANTEED = 0x08,
	OPEN_CONTROL = 0x04, OPEN_CONTROL_GUARANTEED = 0x02,
	OPEN_UNWALKED = OPEN_NONSTANDARD | OPEN_ASSOCIATED | OPEN_GUARANTEED | OPEN_CONTROL_GUARANTEED,
};
/* And of its second: destination, dynamicRTPPayloadType, mediaPacketization, five bits of padding. */
#define OPEN_PADDING 0x1f

/*
 * H2250LogicalChannelAckParameters behind the bit of its choice. The last bit
 * begins sessionID less one, which is not aligned, or else the first address.
 */
enum { ACK_CHOICE = 0x80, ACK_NONSTANDARD = 0x20, ACK_SESSION = 0x10, ACK_MEDIA = 0x08, ACK_CONTROL = 0x04, ACK_LAST = 0x01 };

#define SESSION_MAX 31 /* 1 to 3 are assigned; masters hand out the next ones */

/*
 * TransportAddress: unicast (2 bits 0), an extension bit and three bits of
 * choice, a bit of extension, padding; `begun`: how many of those bits (all 0)
 * stood in the octet before.
 */
enum { CHOICE_IPV4 = 0x00, CHOICE_IPV6 = 0x08 };

/* A host's address, as far as one can tell. */
static bool is_host(const struct addr *a)
{
	if (addr_is_unspecified(a) || addr_is_multicast(a))
		return false;
	return !addr_is_v4(a) || (a->b[12] != 0 && a->b[12] != 127 && a->b[12] < 224);
}

static bool address_cut(struct cursor *c, unsigned begun, struct call_endpoint *out)
{
	uint8_t choice = (uint8_t)(cur_u8(c) >> begun), b[4];

	if (choice == CHOICE_IPV6) {
		cur_copy(c, out->ip.b, sizeof out->ip.b);
	} else {
		cur_copy(c, b, sizeof b);
		addr_from_v4(&out->ip, b);
	}
	out->port = cur_u16(c);
	return !c->bad && (choice == CHOICE_IPV4 || choice == CHOICE_IPV6) && out->port != 0 && is_host(&out->ip);
}

/* The open type with the parameters of a channel, from the octet of its length on. */
static bool open_at(struct cursor c, struct h245 *h)
{
	uint8_t length = cur_u8(&c);
	struct cursor in = cur_sub(&c, length);
	uint8_t first = cur_u8(&in), second = cur_u8(&in), session = cur_u8(&in);
	bool ok = true;

	if (in.bad || length > 0x7f || first & OPEN_UNWALKED || second & OPEN_PADDING || !(first & (OPEN_MEDIA | OPEN_CONTROL)) ||
	    session > SESSION_MAX)
		return false;
	if (first & OPEN_MEDIA)
		ok = address_cut(&in, 0, &h->media);
	if (ok && first & OPEN_CONTROL)
		ok = address_cut(&in, 0, &h->control);
	h->session = session;
	/* When both are there, one host says them; a match of bytes by chance has not. */
	if (ok && h->media.port != 0 && h->control.port != 0)
		ok = addr_equal(&h->media.ip, &h->control.ip);
	return ok;
}

/* The data type before it has a hundred shapes; the parameters are sought behind it. */
static struct h245 read_open(struct cursor c)
{
	cur_skip(&c, 3); /* presence bits and number of the channel */
	for (; cur_left(&c) > 10; cur_skip(&c, 1)) {
		struct h245 h = { .kind = H245_OPEN };

		if (open_at(c, &h))
			return h;
	}
	return (struct h245){ .kind = H245_NO };
}

/* Takes sessionID; false when the bits where the first address begins are not those of an address. */
static bool ack_session(struct cursor *c, uint8_t first, uint8_t *session)
{
	uint8_t low;

	if (!(first & ACK_SESSION))
		return !(first & ACK_LAST);
	low = cur_u8(c);
	*session = (uint8_t)(((first & ACK_LAST) << 7 | low >> 1) + 1);
	return !(low & 1) && *session <= SESSION_MAX;
}

static struct h245 read_open_ack(struct cursor c)
{
	struct h245 h = { .kind = H245_OPEN_ACK };
	uint8_t second, additions, present, length, first;
	struct cursor in;

	cur_skip(&c, 1);
	second = cur_u8(&c);
	cur_skip(&c, 2); /* number of the channel */
	additions = cur_u8(&c);
	present = cur_u8(&c);
	length = cur_u8(&c);
	in = cur_sub(&c, length);
	first = cur_u8(&in);
	/* Alternative, extension there, no parameters of a reverse channel; of the additions the second. */
	if (in.bad || (second & 0xe0) != 0xc0 || additions & 0x80 || additions > 8 || present == 0 || length > 0x7f ||
	    first & (ACK_CHOICE | ACK_NONSTANDARD) || !ack_session(&in, first, &h.session))
		return (struct h245){ .kind = H245_NO };
	if (first & ACK_MEDIA && !address_cut(&in, 1, &h.media))
		return (struct h245){ .kind = H245_NO };
	if (first & ACK_CONTROL && !address_cut(&in, first & ACK_MEDIA ? 0 : 1, &h.control))
		return (struct h245){ .kind = H245_NO };
	return h.media.port == 0 && h.control.port == 0 ? (struct h245){ .kind = H245_NO } : h;
}

/* terminalType 0 to 255, then 1 to 3 octets of a number, as two bits of an octet say. */
static struct h245 read_determination(const uint8_t *data, size_t len)
{
	bool is = len >= 5 && data[1] == 0 && (data[3] & 0x3f) == 0 && data[3] >> 6 <= 2 && len == 5 + (size_t)(data[3] >> 6);

	return (struct h245){ .kind = is ? H245_DETERMINATION : H245_NO };
}

static struct h245 read_capabilities(const uint8_t *data, size_t len)
{
	enum { WITHIN = 6 }; /* extension and presence bits, and a sequence number, stand before it */
	bool is = len >= WITHIN + sizeof object_id &&
	    memmem(data, WITHIN + sizeof object_id, object_id, sizeof object_id) != NULL;

	return (struct h245){ .kind = is ? H245_CAPABILITIES : H245_NO };
}

/* Presence bits: no extension, and a reverse channel or none; six bits of padding. */
struct h245 h245_read_channel(const uint8_t *data, size_t len)
{
	if (len == 0 || (data[0] != 0 && data[0] != 0x40))
		return (struct h245){ .kind = H245_NO };
	return read_open(cur_open(data, len));
}

struct h245 h245_read(const uint8_t *data, size_t len)
{
	struct cursor c = cur_open(data, len);

	switch (len == 0 ? 0xff : data[0]) {
	case FIRST_DETERMINATION:
		return read_determination(data, len);
	case FIRST_CAPABILITIES:
		return read_capabilities(data, len);
	case FIRST_OPEN:
		return read_open(c);
	case FIRST_OPEN_ACK:
		return read_open_ack(c);
	case FIRST_END:
		return (struct h245){ .kind = len == 2 ? H245_END : H245_NO };
	default:
		return (struct h245){ .kind = H245_NO };
	}
}
