/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/tls.h"

#include "base/cursor.h"
#include "detect/name_evidence.h"
#include "detect/rows.h"

/*
 * The server name a TLS client asks for (RFC 6066, 3). Nothing else of TLS is
 * looked at: what follows is encrypted, and a hello that hides its name (ECH)
 * shows a public one that belongs to no application.
 */

#define RECORD_HANDSHAKE    0x16   /* RFC 8446, 5.1 */
#define RECORD_HEADER       5
#define RECORD_MAX          16384  /* plaintext bytes of a record, RFC 8446, 5.1 */
#define RECORDS_MAX         16     /* a hello is cut in two or three; more is a game */
#define HANDSHAKE_HEADER    4
#define CLIENT_HELLO        1
#define VERSION_MAJOR       3      /* SSL 3.0 to TLS 1.3 */
#define SESSION_ID_MAX      32     /* RFC 8446, 4.1.2 */
#define HELLO_MAX           16384  /* what a stream is put together for */
#define EXTENSION_NAME      0      /* server_name */
#define NAME_TYPE_HOST      0

/* First byte of a stream: a handshake record. */
const struct byte_range tls_bytes[] = { { RECORD_HANDSHAKE, RECORD_HANDSHAKE }, { 1, 0 } };

/* The host name of a server_name extension; false when there is none we can use. */
static bool server_name(struct cursor c, struct tls_name *out)
{
	struct cursor list = cur_sub(&c, cur_u16(&c));
	uint8_t type = cur_u8(&list);
	uint16_t len = cur_u16(&list);
	const uint8_t *name = cur_take(&list, len);

	if (name == NULL || type != NAME_TYPE_HOST || !name_valid((const char *)name, len))
		return false;
	out->at = (const char *)name;
	out->len = len;
	return true;
}

/* Walks to the extensions; false when no ClientHello looks like this. */
static bool walk_to_extensions(struct cursor *c)
{
	uint8_t major = cur_u8(c);
	uint8_t len;

	cur_skip(c, 1 + 32); /* minor version, random */
	if (!c->bad && major != VERSION_MAJOR)
		return false;
	len = cur_u8(c);
	cur_skip(c, len);
	if (len > SESSION_ID_MAX)
		return false;
	cur_skip(c, cur_u16(c)); /* cipher suites */
	cur_skip(c, cur_u8(c));  /* compression methods */
	return true;
}

/*
 * `c` holds what is there of the message, `whole` that nothing is missing. The
 * name is taken as soon as it is there: a hello with post-quantum key shares
 * fills two segments, and the first mostly has the name.
 */
static enum tls_hello hello_body(struct cursor c, bool whole, struct tls_name *out)
{
	if (!walk_to_extensions(&c))
		return TLS_NOT;
	(void)cur_u16(&c); /* length of all extensions: the message ends with them */
	while (cur_left(&c) != 0) {
		uint16_t type = cur_u16(&c);
		struct cursor extension = cur_sub(&c, cur_u16(&c));

		if (!extension.bad && type == EXTENSION_NAME)
			return server_name(extension, out) ? TLS_NAME : TLS_NAMELESS;
	}
	return whole ? TLS_NAMELESS : TLS_MORE;
}

enum tls_hello tls_hello_parse(const uint8_t *at, size_t have, struct tls_name *out)
{
	struct cursor c = cur_open(at, have);
	uint8_t type = cur_u8(&c);
	uint32_t len = cur_u24(&c);

	*out = (struct tls_name){ 0 };
	if (have != 0 && type != CLIENT_HELLO)
		return TLS_NOT;
	if (c.bad)
		return TLS_MORE;
	if (len > HELLO_MAX)
		return TLS_NOT;
	out->message = HANDSHAKE_HEADER + len;
	if (cur_left(&c) >= len)
		return hello_body(cur_sub(&c, len), true, out);
	return hello_body(c, false, out);
}

/* --- records --- */

/* The handshake bytes of the records at the start of a stream. */
struct joined {
	uint8_t at[HELLO_MAX];
	size_t n;
	size_t need; /* stream bytes up to the end of the record that is not whole, or of the next header */
};

/* Takes a record header; 0 when this is no handshake record. `c` is bad when it is cut short. */
static size_t record_header(struct cursor *c)
{
	uint8_t type = cur_u8(c);
	uint8_t major = cur_u8(c);
	uint16_t len;

	cur_skip(c, 1); /* minor version: 1 in most hellos, 3 in some */
	len = cur_u16(c);
	return type == RECORD_HANDSHAKE && major == VERSION_MAJOR && len <= RECORD_MAX ? len : 0;
}

/* False when something else than handshake records comes, or more of them than a hello has. */
static bool records_join(const struct look *l, struct joined *j)
{
	struct cursor c = cur_open(l->data, l->len);

	j->n = 0;
	for (unsigned i = 0; i < RECORDS_MAX; i++) {
		size_t len, part, start = (size_t)(c.p - l->data);

		if (cur_left(&c) < RECORD_HEADER) {
			j->need = start + RECORD_HEADER;
			return true;
		}
		len = record_header(&c);
		part = cur_left(&c) < len ? cur_left(&c) : len;
		if (len == 0 || part > sizeof j->at - j->n)
			return false;
		cur_copy(&c, j->at + j->n, part);
		j->n += part;
		if (part < len) {
			j->need = start + RECORD_HEADER + len;
			return true;
		}
	}
	return false;
}

struct stream_result tls_stream(struct look *l)
{
	struct joined j;
	struct tls_name name;
	enum tls_hello hello;
	bool go_on = records_join(l, &j);

	hello = tls_hello_parse(j.at, j.n, &name);
	if (hello == TLS_NAME)
		(void)name_evidence(l, name.at, name.len, NAME_TLS);
	else if (hello == TLS_NAMELESS)
		(void)name_evidence_dns(l);
	else if (hello == TLS_MORE && go_on)
		return (struct stream_result){ STREAM_MORE, 0, (uint32_t)j.need };
	return (struct stream_result){ STREAM_STOP, 0, 0 };
}
