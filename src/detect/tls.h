/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_TLS_H
#define SQUELCH_DETECT_TLS_H

#include <stddef.h>
#include <stdint.h>

/* What the start of a TLS handshake (over TCP or QUIC, without record headers) told. */
enum tls_hello {
	TLS_NOT,       /* no ClientHello */
	TLS_MORE,      /* a ClientHello so far; the name may be in what is missing */
	TLS_NAME,      /* its server name */
	TLS_NAMELESS,  /* a whole ClientHello without one */
};

struct tls_name {
	const char *at;   /* inside the bytes parsed; not terminated */
	size_t len;
	size_t message;   /* bytes of the ClientHello with its header; 0 unknown */
};

enum tls_hello tls_hello_parse(const uint8_t *at, size_t have, struct tls_name *out);

#endif
