/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TEST_HELLO_BUILD_H
#define TEST_HELLO_BUILD_H

#include <stdint.h>
#include <string.h>

/* Writes a TLS ClientHello (RFC 8446, 4.1.2), for tests; returns its length. */
static inline size_t hello_put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return 2;
}

/* `filler` bytes of padding extension come before the name; NULL: no server name. */
static inline size_t hello_build(uint8_t *out, const char *name, size_t filler)
{
	size_t n = 4, extensions;

	out[0] = 1;
	n += hello_put16(out + n, 0x0303);
	memset(out + n, 0x5a, 32);
	n += 32;
	out[n++] = 0;
	n += hello_put16(out + n, 2);
	n += hello_put16(out + n, 0x1301);
	out[n++] = 1;
	out[n++] = 0;
	extensions = n;
	n += 2;
	if (filler != 0) {
		n += hello_put16(out + n, 21);
		n += hello_put16(out + n, filler);
		memset(out + n, 0, filler);
		n += filler;
	}
	if (name != NULL) {
		size_t len = strlen(name);

		n += hello_put16(out + n, 0);
		n += hello_put16(out + n, len + 5);
		n += hello_put16(out + n, len + 3);
		out[n++] = 0;
		n += hello_put16(out + n, len);
		memcpy(out + n, name, len);
		n += len;
	}
	hello_put16(out + extensions, n - extensions - 2);
	out[1] = 0;
	hello_put16(out + 2, n - 4);
	return n;
}

/* The same in TLS records of at most `cut` bytes each. */
static inline size_t hello_records(uint8_t *out, const uint8_t *hello, size_t len, size_t cut)
{
	size_t n = 0;

	for (size_t at = 0; at < len; at += cut) {
		size_t part = len - at < cut ? len - at : cut;

		out[n++] = 0x16;
		n += hello_put16(out + n, 0x0301);
		n += hello_put16(out + n, part);
		memcpy(out + n, hello + at, part);
		n += part;
	}
	return n;
}

#endif
