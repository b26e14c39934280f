/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_NAMES_H
#define SQUELCH_DETECT_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/app.h"

/* Domain names of applications that also make calls: whose they are. */

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

#endif
