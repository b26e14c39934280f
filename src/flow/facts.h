/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_FLOW_FACTS_H
#define SQUELCH_FLOW_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/app.h"
#include "base/count.h"

/*
 * What one flow taught about another. A fact concerns traffic between `host`
 * and `remote`:`port` over `proto`, and nothing wider: what a party says is
 * believed only about the host it was said to, so that a forged announcement
 * cannot open or close a third party's traffic. Bounded per host and in all;
 * the oldest facts of the same host go first.
 */
enum fact_kind {
	FACT_ANNOUNCED, /* signalling said that media will come here */
	FACT_RELAY,     /* a TURN server gave out this relayed address */
	FACT_NAME,      /* a DNS answer gave this address for an application's name */
	FACT_CUT,       /* a call between these two was just cut; any port, any protocol. remote is host: a call of this host with anybody */
	FACT_ENDPOINT,  /* this UDP socket belongs to an application: remote:port, where remote may be the host itself */
	FACT_AUDIO,     /* host sends remote live audio of a telephone codec in a stream: any port; `call` as rtmp.c packs it */
	FACT_KINDS
};

#define DIALED_LEN 16 /* digits of E.164 (15) and a terminator */

struct fact {
	enum fact_kind kind;
	uint8_t proto;              /* IPPROTO_; 0 any (FACT_NAME) */
	uint16_t port;              /* of remote; 0 any (FACT_NAME) */
	struct addr host;           /* whom it was told to */
	struct addr remote;         /* what it is about */
	enum app app;
	enum app call_app;          /* of the signalling that announced it; NONE when none did */
	uint64_t call;              /* signalling dialog, see struct call_signal; 0 none */
	struct addr signaller;      /* who told, for `signalled-by`; unspecified when none */
	uint16_t signaller_port;
	bool sos;                   /* emergency service URN */
	char dialed[DIALED_LEN];    /* dialled digits, empty when none */
	uint8_t payload_type;       /* RTP payload type the announcement named, and its clock: */
	uint32_t clock_hz;          /* 0 unknown */
	uint64_t expires_ns;        /* monotonic */
};

/* Ports of the web and of DNS: so much else goes there that facts alone never make it a class. */
static inline bool fact_port_common(uint16_t port)
{
	return port == 53 || port == 80 || port == 443;
}

struct facts;

/* NULL without memory. `max` facts in all, `max_per_host` for one host. */
struct facts *facts_new(uint32_t max, uint32_t max_per_host);
void facts_free(struct facts *);
/* Keeps a copy, in place of an older fact about the same traffic. False (counted) when refused. */
bool facts_add(struct facts *, const struct fact *, uint64_t mono_ns, struct counts *);
/*
 * The live fact of a kind about traffic between host and remote:port; copied to *out.
 * A fact for proto 0 or port 0 is found under those values only.
 */
bool facts_find(const struct facts *, enum fact_kind, const struct addr *host,
    const struct addr *remote, uint16_t port, uint8_t proto, uint64_t mono_ns, struct fact *out);
/* False when nothing at all was said of traffic between these two: the usual case, told at once. */
bool facts_maybe(const struct facts *, const struct addr *, const struct addr *);
/* The same of a host by itself (host and remote alike: FACT_CUT). */
bool facts_maybe_alone(const struct facts *, const struct addr *);
/* Forgets all; for a new epoch. */
void facts_clear(struct facts *);

#endif
