/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_SKYPE_HOST_H
#define SQUELCH_DETECT_SKYPE_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/count.h"
#include "detect/skype_table.h"

/*
 * What is known of Skype endpoints (an address and a UDP port) and of the
 * hosts they run on, across flows. Fixed memory, see SKYPE_ENDPOINTS and
 * SKYPE_HOSTS; what is forgotten for want of room is counted.
 */
#define SKYPE_ENDPOINTS 16384 /* endpoints whose datagrams looked like Skype's once; 6 MB when all are used */
#define SKYPE_HOSTS     4096  /* hosts that were proved to run Skype */

/* The tests that add bits to an endpoint; docs/SKYPE.md tells each one. */
enum skype_test {
	SKYPE_CHAIN,      /* U1: initial values of one generator */
	SKYPE_RESEND,     /* U2 */
	SKYPE_ADDRESS,    /* U3: an answer names the address it goes to */
	SKYPE_ANSWER,     /* U4: an answer repeats the frame number of what it answers */
	SKYPE_AGREE,      /* U5: two peers name one public address */
	SKYPE_FRAGMENT,   /* U6 */
	SKYPE_RETRY,      /* U7' */
	SKYPE_COUNTER,    /* U8: frame numbers rise, whoever is written to */
	SKYPE_TESTS
};

#define SKYPE_DECLARE_BITS 40 /* one strong test: chain of close steps, resend, fragment, retry */
#define SKYPE_SUM_BITS     48 /* weak ones in sum */

#define SKYPE_FRAMES 8        /* last frames remembered an endpoint */
#define SKYPE_CHAINS 2        /* generators followed an endpoint: one before a restart and one after, or one and noise */

struct skype_frame {
	uint32_t peer;            /* hash of who it went to; 0 none */
	uint32_t iv, crc;
	uint16_t id, len;
};

struct skype_chain {
	uint32_t iv;              /* the generator's furthest output seen */
	uint32_t links;           /* later outputs of the same generator */
	bool used;
};

struct skype_endpoint {
	uint64_t first_ns, last_ns; /* frames of it */
	struct skype_chain chain[SKYPE_CHAINS]; /* the one in use first */
	struct skype_frame frame[SKYPE_FRAMES];
	uint32_t frames;          /* remembered so far; the next goes to frames % SKYPE_FRAMES */
	uint32_t arg;             /* number for the text of `proof` */
	uint32_t nack_nonce;      /* of the NACK it sent last */
	uint32_t agree_peer;      /* who named `said` */
	uint32_t fragment_iv;
	uint16_t fragment_id, fragment_request;
	uint16_t nack_id;
	uint16_t last_id;
	uint16_t restarts;
	uint16_t misses;          /* initial values that no generator it follows explains */
	uint8_t bits[SKYPE_TESTS];
	uint8_t fragment_number, rises;
	uint8_t proof;            /* enum skype_test */
	uint8_t strong;           /* most bits of one strong test */
	uint8_t said[4];          /* public address as a peer named it; zero unknown */
	bool agreed;              /* and another peer too */
	bool proved;
	bool nacked, fragmented;  /* nack_id and fragment_id hold something */
};

#define SKYPE_PLACES 8        /* servers and super nodes remembered a host */
#define SKYPE_PORTS  4        /* Skype processes remembered a host: several may hide behind one address */

struct skype_place {
	struct addr ip;
	uint16_t port;
};

/* For the report (`squelch audit`). */
struct skype_host {
	uint64_t first_ns, last_ns;
	struct skype_place login[SKYPE_PLACES], supernode[SKYPE_PLACES]; /* the last ones */
	uint32_t logins, supernodes; /* contacted in all, repeats of the last ones left out */
	uint32_t accepted;        /* connections from outside that were Skype's */
	uint32_t punched;         /* peers that came through a hole its datagrams had opened in a NAT */
	uint16_t udp_port[SKYPE_PORTS]; /* proved endpoints; 0 none */
	uint16_t n_udp_ports;     /* so many were proved */
	uint16_t listening;       /* TCP port it answered on; 0 unknown */
	uint16_t restarts;
	uint8_t public_ip[4];     /* zero unknown */
	uint8_t generation;       /* enum skype_generation */
};

/* What the stream header tells of the client's age. */
enum skype_generation { SKYPE_AGE_UNKNOWN, SKYPE_AGE_1_2, SKYPE_AGE_2006, SKYPE_AGE_LATE };
/* Static text, as in events; NULL unknown. */
const char *skype_generation_name(enum skype_generation);

struct skype_hosts;

/* NULL without memory. */
struct skype_hosts *skype_hosts_new(uint32_t max_endpoints, uint32_t max_hosts);
void skype_hosts_free(struct skype_hosts *);
/*
 * Around everything below that reads or writes, for as long as what it returned
 * is used: several engines may share the hosts. NULL is let be.
 */
void skype_hosts_lock(struct skype_hosts *);
void skype_hosts_unlock(struct skype_hosts *);
/* Forgets all; for a new epoch. */
void skype_hosts_clear(struct skype_hosts *);

/* --- endpoints --- */

/* NULL when nothing that looked like Skype was heard from it. */
struct skype_endpoint *skype_endpoint_find(struct skype_hosts *, const struct skype_where *);
/* Made when it is not there. */
struct skype_endpoint *skype_endpoint_get(struct skype_hosts *, const struct skype_where *, struct counts *);
/*
 * Sets the bits of a test when they are more than it had, and proves the
 * endpoint when it has enough: then its host is noted too.
 */
void skype_endpoint_credit(struct skype_hosts *, const struct skype_where *, struct skype_endpoint *,
    enum skype_test, unsigned bits, uint32_t arg, uint64_t now, struct counts *);
/* True while a proof holds: it ends SKYPE_PROOF_LIFE after the last frame. */
bool skype_endpoint_proved(const struct skype_endpoint *, uint64_t now);
/* Bits of all tests, those that depend on each other counted once. */
unsigned skype_endpoint_bits(const struct skype_endpoint *);

/* --- hosts --- */

/* By skype_where_host. NULL when nothing is known of it; `get` makes it, at the cost of the one heard longest ago. */
struct skype_host *skype_host_find(struct skype_hosts *, const struct skype_where *);
struct skype_host *skype_host_get(struct skype_hosts *, const struct skype_where *, uint64_t now, struct counts *);
/* Remembers a place, unless it is there: `n` counts all. */
void skype_place_add(struct skype_place places[static SKYPE_PLACES], uint32_t *n, const struct addr *, uint16_t port);
bool skype_place_find(const struct skype_place places[static SKYPE_PLACES], const struct addr *, uint16_t port);
/* Forgets a place that is remembered, and counts one less. */
void skype_place_remove(struct skype_place places[static SKYPE_PLACES], uint32_t *n, const struct addr *, uint16_t port);
/* Every host that was proved, for the report; those heard longest ago first. */
void skype_hosts_each(const struct skype_hosts *,
    void (*fn)(void *arg, const struct skype_where *, const struct skype_host *), void *arg);

/* The place of one end of a flow, and that of the host there. */
struct flow_key;
struct skype_where skype_where_endpoint(const struct flow_key *, int end);
struct skype_where skype_where_host(const struct skype_where *);

#endif
