/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_NAMES_H
#define SQUELCH_DETECT_NAMES_H

#include "detect/detect.h"

/*
 * Domain names of applications that also make calls. A name says whose traffic
 * it is and never what it carries: evidence from here speaks for CLASS_CONTROL
 * and nothing else. Names of everybody else give no evidence.
 */

/* Who else answers at the addresses behind a name. */
enum name_front {
	NAME_OWN,     /* nobody: the address tells as much as the name */
	NAME_SHARED,  /* other services of the company or of a content network: the address tells nothing */
};

/* Where a name was read. */
enum name_source { NAME_TLS, NAME_QUIC, NAME_SOURCES };

struct name_row {
	const char *suffix;             /* lower case, of whole labels */
	enum app app;
	enum name_front front;
	const char *why[NAME_SOURCES];
};

extern const struct name_row name_rows[]; /* sorted by suffix */
extern const unsigned n_name_rows;

#define NAME_MAX_LEN 253 /* characters of a name as text: RFC 1035, 2.3.4 without the root label */

/* The row with the longest suffix of a name, any case; NULL when there is none. */
const struct name_row *name_find(const char *name, size_t len);
/* True for letters, digits, '-', '_' and '.' of at most NAME_MAX_LEN: what a host name may be. */
bool name_valid(const char *name, size_t len);
/* True when addresses answered under this name (target of a CNAME) belong to the one who asked for it. */
bool name_tenant(const char *name, size_t len);

/*
 * Names are claims. A ClientHello is not encrypted and the client writes in it
 * what it likes, but a client that is not the application rarely writes the
 * application's name, and a server of somebody else rarely answers to it: about
 * one flow in 4000 is our estimate of both together, hence 12 bits. That is
 * reported (10) and not acted on (16) unless a rule asks for less.
 */
#define NAME_BITS 12.0f
/*
 * A DNS answer tells which address the name has now; the flow that follows may
 * be another service on the same host. Two bits less: reported, just.
 */
#define NAME_DNS_BITS 10.0f

/* Leaves the evidence of a name, if it is one of ours; true when it is. */
bool name_evidence(struct look *, const char *name, size_t len, enum name_source);
/* The same for what DNS said of the address this flow was opened to; on a common port it names, and is no evidence. */
bool name_evidence_dns(struct look *);

#endif
