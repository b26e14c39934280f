/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_SOURCE_SCRIPT_H
#define SQUELCH_SOURCE_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "source/craft.h"
#include "source/payload.h"
#include "source/scenario.h"
#include "source/words.h"

/* A scenario file while it is read. docs/SCENARIOS.md is the reference. */

#define GAP_NS    (10 * NS_PER_MS) /* from one packet line to the next, unless `at` or `after` says */
#define HOSTS_MAX 64
#define HOST_LEN  32
#define CONNS_MAX 64

enum tcp_flag { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16, TCP_URG = 32 };

struct conn {
	struct addr ip[2];
	uint16_t port[2];
	uint32_t seq[2];
};

/* What a line of packets says. Numbers are 64 bits wide so that one table can set them. */
struct packets {
	struct craft craft;
	bool both;                     /* <> : also the other way */
	bool marker;
	uint64_t count, every, lose, jitter;
	uint64_t seq, ack, proto, mss;
	uint64_t pt, ssrc, ts, step, size;
	struct payload payload;
};

struct script {
	struct scenario *to;
	struct words words;
	char *error;                   /* of SOURCE_ERROR_LEN bytes */
	bool unsorted;
	bool sent;                     /* this line had packets */
	uint64_t now, last;            /* of the next packet line; of the latest packet */
	uint64_t seed;
	struct craft_way way;
	uint16_t iface;
	unsigned n_hosts, n_conns;
	struct { char name[HOST_LEN]; struct addr addr; } hosts[HOSTS_MAX];
	struct conn conns[CONNS_MAX];
	struct packets packets;
	uint8_t frame[CRAFT_FRAME_MAX];
};

/* Sets script.error to "FILE:LINE: what"; always false. */
bool script_fail(struct script *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The next word as a value; `what` names it in the error. */
bool script_number(struct script *, const char *what, uint64_t max, uint64_t *out);
bool script_duration(struct script *, const char *what, uint64_t *ns);

/* script_packets.c: packet lines, and what they share */
struct packets *packets_begin(struct script *, uint8_t proto);
bool packets_endpoints(struct script *, struct packets *);
bool packets_host(struct script *, struct addr *);
bool packets_options(struct script *, struct packets *);
bool packets_add(struct script *, uint64_t ns, const struct craft *, const uint8_t *payload, size_t len);
bool packets_udp(struct script *);
bool packets_tcp(struct script *);
bool packets_ip(struct script *);
bool packets_ether(struct script *);
bool packets_rtp(struct script *);

/* script_conn.c: TCP connections whose sequence numbers are kept */
bool conn_open(struct script *);
bool conn_send(struct script *);
bool conn_close(struct script *);

#endif
