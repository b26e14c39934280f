/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_HTTP_PARSE_H
#define SQUELCH_DETECT_HTTP_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detect/span.h"

/* The head of an HTTP/1 message (RFC 9112), as far as the audit asks about it. */
#define HTTP_HEAD_MAX 8192 /* bytes; servers take no more */

struct http_head {
	uint16_t status;          /* 0: a request */
	bool length_known;
	uint32_t content_length;  /* UINT32_MAX for more than that */
	size_t len;               /* start line, headers, blank line */
	struct span method, target;
	struct span host;         /* without port */
	struct span authorization, content_type, content_encoding;
};

/* PART: no end yet, and the bytes so far do not say no. CONNECT is none of ours: what follows is no HTTP. */
enum http_is { HTTP_NO, HTTP_PART, HTTP_YES };
enum http_is http_parse(const uint8_t *data, size_t len, struct http_head *);

/* True when a form or a query (name=value&...) sends something in a field that holds passwords. */
bool http_form_password(struct span form);
/* The query of a target, empty without one. */
struct span http_query(struct span target);

/* --- links in bodies, piece by piece --- */

/*
 * Skype for Windows before 1.0.0.100 wrote links of more than 4096 characters
 * over its stack (CVE-2004-1114, Secunia SA13191). Real ones name a person.
 */
#define HTTP_LINK_MAX 4096
#define HTTP_LINK_SCHEME 6 /* longest scheme: callto */

struct http_links {
	uint8_t tail[HTTP_LINK_SCHEME]; /* bytes before the ones that come next */
	uint8_t n_tail;
	bool counting;            /* inside a link */
	uint32_t len;             /* of it so far */
};

/* Looks for an overlong callto: or skype: link that began here or before; true when there is one. */
bool http_links_scan(struct http_links *, const uint8_t *data, size_t len);

#endif
