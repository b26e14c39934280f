/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/framing.h"

#include <assert.h>

#include "base/cursor.h"
#include "detect/stun.h"

static const struct framing_header more = { 0, 0, 0 }, none = { -1, 0, 0 };

#define TLS_HEADER      5        /* bytes; RFC 8446, 5.1 */
#define TLS_TYPE_MIN    20       /* change_cipher_spec */
#define TLS_TYPE_MAX    24       /* heartbeat */
#define TLS_RECORD_MAX  18432    /* RFC 5246, 6.2.3: 2^14 + 2048 */

static struct framing_header tls(const uint8_t *p, unsigned have)
{
	unsigned body;

	if (p[0] < TLS_TYPE_MIN || p[0] > TLS_TYPE_MAX || (have > 1 && p[1] != 3) || (have > 2 && p[2] > 4))
		return none;
	if (have < TLS_HEADER)
		return more;
	body = (unsigned)p[3] << 8 | p[4];
	return body == 0 || body > TLS_RECORD_MAX ? none : (struct framing_header){ TLS_HEADER, body, 0 };
}

#define LENGTH16_MAX 1700 /* bytes: a packet of an Ethernet path, and what a VPN adds */

static struct framing_header length16(const uint8_t *p, unsigned have)
{
	unsigned body;

	if (have < 2)
		return more;
	body = (unsigned)p[0] << 8 | p[1];
	return body == 0 || body > LENGTH16_MAX ? none : (struct framing_header){ 2, body, 0 };
}

#define CHANNEL_HEADER 4         /* bytes; RFC 8656, 12.4 */
#define COOKIE_END     8         /* type, length, cookie; then the number of the transaction */

static struct framing_header channel_data(const uint8_t *p, unsigned have)
{
	struct cursor c = cur_open(p, have);
	unsigned body;

	cur_skip(&c, 2);
	body = cur_u16(&c);
	return c.bad ? more : (struct framing_header){ CHANNEL_HEADER, (body + 3) & ~3u, -body & 3u };
}

/* Without the cookie any 32-bit length with 16 bytes behind it is one: PulseAudio's. */
static struct framing_header stun(const uint8_t *p, unsigned have)
{
	struct cursor c = cur_open(p, have);
	unsigned body;

	cur_skip(&c, 2);
	body = cur_u16(&c);
	if (!c.bad && body % 4 != 0)
		return none;
	if (cur_u32(&c) != STUN_COOKIE)
		return c.bad ? more : none;
	return (struct framing_header){ COOKIE_END, body + STUN_HEADER - COOKIE_END, 0 };
}

static struct framing_header turn(const uint8_t *p, unsigned have)
{
	if (p[0] >= 0x40 && p[0] <= 0x4f)
		return channel_data(p, have);
	return p[0] <= 3 ? stun(p, have) : none;
}

#define WS_RESERVED  0x70 /* RFC 6455, 5.2 */
#define WS_OPCODE    0x0f
#define WS_MASKED    0x80
#define WS_MASK_LEN  4    /* bytes */

/*
 * Continuation, text, binary; close, ping, pong. A zero byte, a fragment in the
 * middle of a message, is not taken: lengths of other framings begin so.
 */
static bool ws_opcode(unsigned op)
{
	return op <= 2 || (op >= 8 && op <= 10);
}

static struct framing_header websocket(const uint8_t *p, unsigned have)
{
	struct cursor c = cur_open(p, have);
	uint8_t first = cur_u8(&c), second = cur_u8(&c);
	unsigned mask = second & WS_MASKED ? WS_MASK_LEN : 0;
	uint32_t body = second & 0x7f;

	if (first == 0 || (first & WS_RESERVED) != 0 || !ws_opcode(first & WS_OPCODE))
		return none;
	if (body == 127 && cur_u32(&c) != 0 && !c.bad)
		return none; /* more than 4 GB */
	if (body == 126)
		body = cur_u16(&c);
	else if (body == 127)
		body = cur_u32(&c);
	if (c.bad)
		return more;
	return (struct framing_header){ (int)(c.p - p), body + mask, mask };
}

#define CHUNK_DIGITS_MAX 6 /* hexadecimal: 16 MiB; RFC 9112, 7.1 sets no bound */
#define CHUNK_END        2        /* CR LF after the data */

static int hex(uint8_t b)
{
	if (b >= '0' && b <= '9')
		return b - '0';
	b |= 0x20;
	return b >= 'a' && b <= 'f' ? b - 'a' + 10 : -1;
}

static struct framing_header chunked(const uint8_t *p, unsigned have)
{
	uint32_t body = 0;
	unsigned i = 0;

	for (; i < have && i < CHUNK_DIGITS_MAX && hex(p[i]) >= 0; i++)
		body = body << 4 | (uint32_t)hex(p[i]);
	if (i == 0 || (i < have && p[i] != '\r') || (i + 1 < have && p[i + 1] != '\n'))
		return none;
	return i + 1 >= have ? more : (struct framing_header){ (int)i + 2, body + CHUNK_END, CHUNK_END };
}

static const struct {
	struct framing_header (*read)(const uint8_t *, unsigned);
	const char *name;
} framings[] = {
	[FRAMING_NONE] = { NULL, "writes" },
	[FRAMING_TLS] = { tls, "TLS records" },
	[FRAMING_LENGTH16] = { length16, "length-framed packets" },
	[FRAMING_TURN] = { turn, "TURN ChannelData" },
	[FRAMING_WEBSOCKET] = { websocket, "WebSocket frames" },
	[FRAMING_CHUNKED] = { chunked, "HTTP chunks" },
};
static_assert(sizeof framings / sizeof *framings == FRAMINGS, "a row each");

struct framing_header framing_read(enum framing f, const uint8_t *at, unsigned have)
{
	return have == 0 ? more : framings[f].read(at, have);
}

const char *framing_name(enum framing f)
{
	return framings[f].name;
}
