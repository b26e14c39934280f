/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_AUDIT_H
#define SQUELCH_DETECT_AUDIT_H

#include "detect/detect.h"
#include "detect/skype_host.h"
#include "detect/skype_role.h"

/* What an administrator must know beside calls. X(id, kind in events). Append only. */
#define AUDITS(X) \
	X(HOST, "host")               /* what is known of a host when the run ends */ \
	X(SUPERNODE, "supernode")     /* it became one */ \
	X(RELAY, "relay") \
	X(CAP, "cap_exceeded")        /* it lends more than Skype said */ \
	X(CREDENTIALS, "credentials") /* of a calling application, in clear */ \
	X(LINK, "overlong_link")      /* callto: or skype:, longer than old clients could hold */ \
	X(RECORDING, "recording")     /* an MP3 in clear, sent after a call */ \
	X(CHAT_UPLOAD, "chat_upload") /* chat to the servers of a filtered client */

enum audit_kind {
#define X(id, name) AUDIT_##id,
	AUDITS(X)
#undef X
	AUDIT_KINDS
};

#define AUDIT_NAME_LEN 96 /* bytes kept of a host name */

struct audit_note {
	enum audit_kind kind;
	enum app app;
	enum role role;           /* ROLE_NONE: none told */
	struct addr host;         /* whom it is about */
	const char *what;         /* static text; never holds a secret */
	char name[AUDIT_NAME_LEN]; /* of the server, as the client wrote it; empty none */
	uint32_t value;           /* LINK: bytes; SUPERNODE: peers; else 0 */
	enum role_cap_id cap;     /* of SUPERNODE, RELAY, CAP */
	float bytes_s;            /* measured, to be held against it; 0 not yet */
	/* HOST */
	struct role_rates rates;
	struct skype_host skype;
	uint64_t first_wall_ns, last_wall_ns;
};

#endif
