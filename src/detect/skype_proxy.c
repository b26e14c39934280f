/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/skype_proxy.h"

#include <string.h>

#include "base/cursor.h"

#define SOCKS5         5
#define SOCKS4         4
#define METHODS_MAX    10    /* nine are assigned (IANA, SOCKS methods) */
#define LOGIN_VERSION  1     /* RFC 1929, 2 */
#define ATYP_IPV4      1     /* RFC 1928, 5 */
#define ATYP_NAME      3
#define ATYP_IPV6      4
#define COMMAND_MAX    3     /* RFC 1928, 4: connect, bind, associate */
#define SOCKS4_GRANTED 0x5a  /* SOCKS: A protocol for TCP proxy across firewalls, Y. Lee */
#define HTTP_LINE_MIN  12    /* "HTTP/1.0 200" */

static uint32_t end_of(const struct cursor *c, const uint8_t *at)
{
	return c->bad ? 0 : (uint32_t)(c->p - at);
}

/* Head of an HTTP message: up to and with the empty line. */
static uint32_t http_head(const uint8_t *at, uint32_t n)
{
	const uint8_t *end = memmem(at, n, "\r\n\r\n", 4);

	return end == NULL ? 0 : (uint32_t)(end + 4 - at);
}

static uint32_t http_connect(const uint8_t *at, uint32_t n, enum proxy_phase *phase)
{
	if (n < HTTP_LINE_MIN || memcmp(at, "CONNECT ", 8) != 0)
		return 0;
	*phase = PROXY_INSIDE;
	return http_head(at, n);
}

static uint32_t http_answer(const uint8_t *at, uint32_t n, enum proxy_phase *phase)
{
	if (n < HTTP_LINE_MIN || memcmp(at, "HTTP/1.", 7) != 0 || memcmp(at + 8, " 200", 4) != 0)
		return 0;
	*phase = PROXY_INSIDE;
	return http_head(at, n);
}

/* Version and methods, nothing behind them: the client waits for the answer (RFC 1928, 3). */
static uint32_t socks5_greeting(const uint8_t *at, uint32_t n, enum proxy_phase *phase)
{
	struct cursor c = cur_open(at, n);
	uint8_t version = cur_u8(&c), methods = cur_u8(&c);

	cur_skip(&c, methods);
	if (version != SOCKS5 || methods == 0 || methods > METHODS_MAX || cur_left(&c) != 0)
		return 0;
	*phase = PROXY_GREETED;
	return end_of(&c, at);
}

static uint32_t socks5_method(const uint8_t *at, uint32_t n, enum proxy_phase *phase)
{
	if (n != 2 || at[0] != SOCKS5 || at[1] > METHODS_MAX)
		return 0;
	*phase = PROXY_GREETED;
	return 2;
}

static uint32_t socks5_login(const uint8_t *at, uint32_t n, enum proxy_phase *phase)
{
	struct cursor c = cur_open(at, n);

	if (cur_u8(&c) != LOGIN_VERSION)
		return 0;
	cur_skip(&c, cur_u8(&c)); /* name */
	cur_skip(&c, cur_u8(&c)); /* password */
	*phase = PROXY_LOGIN;
	return end_of(&c, at);
}

static uint32_t socks5_login_answer(const uint8_t *at, uint32_t n, enum proxy_phase *phase)
{
	if (n != 2 || at[0] != LOGIN_VERSION || at[1] != 0)
		return 0;
	*phase = PROXY_LOGIN;
	return 2;
}

/* Request and answer have one form: version, command or result, 0, address, port. */
static uint32_t socks5_request(const uint8_t *at, uint32_t n, enum proxy_phase *phase)
{
	static const uint8_t sizes[] = { [ATYP_IPV4] = 4, [ATYP_IPV6] = 16 };
	struct cursor c = cur_open(at, n);
	uint8_t version = cur_u8(&c), what = cur_u8(&c), zero = cur_u8(&c), type = cur_u8(&c);

	if (c.bad || version != SOCKS5 || what > COMMAND_MAX || zero != 0)
		return 0;
	if (type == ATYP_NAME)
		cur_skip(&c, cur_u8(&c));
	else if (type < sizeof sizes && sizes[type] != 0)
		cur_skip(&c, sizes[type]);
	else
		return 0;
	cur_skip(&c, 2); /* port */
	*phase = PROXY_INSIDE;
	return end_of(&c, at);
}

static void skip_text(struct cursor *c)
{
	while (cur_left(c) != 0)
		if (cur_u8(c) == 0)
			return;
	c->bad = true;
}

/* Version, command, port, address, user; 4a: the address is 0.0.0.x and a name follows. */
static uint32_t socks4_request(const uint8_t *at, uint32_t n, enum proxy_phase *phase)
{
	struct cursor c = cur_open(at, n);
	uint8_t version = cur_u8(&c), command = cur_u8(&c);
	uint32_t ip;

	cur_skip(&c, 2); /* port */
	ip = cur_u32(&c);
	if (version != SOCKS4 || command != 1 || c.bad)
		return 0;
	skip_text(&c);
	if (ip != 0 && ip <= 0xff)
		skip_text(&c);
	*phase = PROXY_INSIDE;
	return end_of(&c, at);
}

static uint32_t socks4_answer(const uint8_t *at, uint32_t n, enum proxy_phase *phase)
{
	if (n != 8 || at[0] != 0 || at[1] != SOCKS4_GRANTED)
		return 0;
	*phase = PROXY_INSIDE;
	return n;
}

#define MESSAGES_MAX 4

/* What may come in each phase: nothing once the real stream began. NULL ends a list. */
static uint32_t (*const messages[PROXY_SIDES][PROXY_INSIDE][MESSAGES_MAX])(const uint8_t *, uint32_t, enum proxy_phase *) = {
	[PROXY_ASKS] = {
		[PROXY_NONE]    = { http_connect, socks5_greeting, socks4_request },
		[PROXY_GREETED] = { socks5_login, socks5_request },
		[PROXY_LOGIN]   = { socks5_request },
	},
	[PROXY_ANSWERS] = {
		[PROXY_NONE]    = { http_answer, socks5_method, socks4_answer },
		[PROXY_GREETED] = { socks5_login_answer, socks5_request },
		[PROXY_LOGIN]   = { socks5_request },
	},
};

uint32_t proxy_message(const uint8_t *at, uint32_t n, enum proxy_side side, enum proxy_phase *phase)
{
	if (*phase >= PROXY_INSIDE || n < 2 || (at[0] > SOCKS5 && at[0] != 'C' && at[0] != 'H'))
		return 0;
	for (unsigned i = 0; i < MESSAGES_MAX && messages[side][*phase][i] != NULL; i++) {
		enum proxy_phase next;
		uint32_t used = messages[side][*phase][i](at, n, &next);

		if (used != 0) {
			*phase = next;
			return used;
		}
	}
	return 0;
}
