/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_SKYPE_ROLE_H
#define SQUELCH_DETECT_SKYPE_ROLE_H

#include "base/app.h"
#include "base/count.h"
#include "detect/skype_table.h"

/*
 * What a host does inside classic Skype, beyond using it, from the sizes and
 * times of its packets alone (docs/SKYPE.md):
 *
 * super node  many strangers open connections to its one listening port, and
 *             exchange no more than signalling with it;
 * relay       what one remote peer sends to it leaves again to another one.
 *
 * Fixed memory a host; the host heard longest ago is forgotten first. Several
 * engines may share it: the flows of one host are spread over them.
 */
#define ROLE_HOSTS 1024 /* 10 KB each, touched as they are used */

#define ROLE_SUPERNODE_PEERS 20 /* strangers: a client is called by those who know it, a super node by clients that look for one (20 to 30 are asked at log-in) */

/* What Skype said its hosts lend at most; docs/SKYPE.md has the sources. */
struct role_cap {
	const char *name;         /* "supernode", "relay-file", "relay-voice", "relay-video" */
	enum role role;
	uint32_t bytes_s;
};
enum role_cap_id { CAP_SUPERNODE, CAP_RELAY_FILE, CAP_RELAY_VOICE, CAP_RELAY_VIDEO, ROLE_CAPS };
extern const struct role_cap role_caps[ROLE_CAPS];

/* A packet of Skype that a host sent or got. */
struct role_packet {
	struct skype_where host;  /* port and proto 0 */
	struct addr peer;
	uint16_t port;            /* the host's */
	bool out;                 /* the host sent it */
	bool inbound;             /* the peer opened the flow */
	uint32_t bytes;           /* payload on the wire */
	uint64_t now;             /* monotonic */
};

/* What a packet gave rise to tell. */
struct role_news {
	enum role became;         /* ROLE_NONE: no change */
	bool exceeded;            /* over the cap below, for the first time in a while */
	enum role_cap_id cap;
	float bytes_s;            /* measured, to be held against it */
	uint32_t peers;           /* super node: strangers that came */
	struct addr from, to;     /* relay: between these two */
};

/* Largest rates measured so far, by cap; 0 none. */
struct role_rates {
	float bytes_s[ROLE_CAPS];
};

struct roles;

/* NULL without memory. */
struct roles *roles_new(uint32_t max_hosts);
void roles_free(struct roles *);
void roles_clear(struct roles *);
/* True when there is something to tell. */
bool roles_packet(struct roles *, const struct role_packet *, struct role_news *, struct counts *);
/* Grows with every change of a role: rules that ask about roles must be asked again. */
uint32_t roles_changes(const struct roles *);
/* ROLE_CLIENT for a host of which nothing else is known. */
enum role roles_of(struct roles *, const struct skype_where *host, uint64_t now);
/* The highest role it ever had; rates may be NULL. */
enum role roles_summary(struct roles *, const struct skype_where *host, struct role_rates *rates);

#endif
