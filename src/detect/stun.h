/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_STUN_H
#define SQUELCH_DETECT_STUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/app.h"

/*
 * STUN messages: RFC 3489 (classic, no magic cookie), 5389, 8489; TURN is RFC
 * 5766 and 8656, ICE RFC 8445. A message may be cut by the capture length.
 */
#define STUN_HEADER      20          /* bytes; RFC 8489, 5 */
#define STUN_COOKIE      0x2112a442u /* RFC 8489, 5 */
#define STUN_ID_LEN      12          /* transaction id behind the cookie */
#define STUN_ATTRIBUTES  24          /* kept of a message; real ones have at most a dozen */

enum stun_class { STUN_REQUEST, STUN_INDICATION, STUN_SUCCESS, STUN_ERROR };

/* IANA, STUN Methods. */
enum stun_method {
	STUN_BINDING = 1, STUN_SHARED_SECRET = 2, STUN_ALLOCATE = 3, STUN_REFRESH = 4,
	STUN_SEND = 6, STUN_DATA = 7, STUN_CREATE_PERMISSION = 8, STUN_CHANNEL_BIND = 9,
	STUN_CONNECT = 10, STUN_CONNECTION_BIND = 11, STUN_CONNECTION_ATTEMPT = 12,
};

/* IANA, STUN Attributes: those that are looked at. */
enum stun_type {
	STUN_MAPPED_ADDRESS = 0x0001, STUN_CHANGE_REQUEST = 0x0003, STUN_SOURCE_ADDRESS = 0x0004,
	STUN_CHANGED_ADDRESS = 0x0005, STUN_USERNAME = 0x0006, STUN_MESSAGE_INTEGRITY = 0x0008,
	STUN_REFLECTED_FROM = 0x000b, STUN_CHANNEL_NUMBER = 0x000c, STUN_LIFETIME = 0x000d,
	STUN_PEER_ADDRESS = 0x0012, STUN_DATA_VALUE = 0x0013, STUN_REALM = 0x0014,
	STUN_RELAYED_ADDRESS = 0x0016, STUN_PRIORITY = 0x0024, STUN_USE_CANDIDATE = 0x0025,
	STUN_SOFTWARE = 0x8022, STUN_FINGERPRINT = 0x8028, STUN_CONTROLLED = 0x8029,
	STUN_CONTROLLING = 0x802a,
};

struct stun_attribute {
	uint16_t type;
	uint16_t len;         /* as the message says */
	uint16_t have;        /* bytes at value; less than len only at the capture's end */
	const uint8_t *value;
};

struct stun_message {
	enum stun_class cls;
	uint16_t method;
	uint16_t length;      /* of the attributes, by the header */
	bool cookie;
	bool cut;             /* the capture ends before the message does */
	bool walked;          /* attributes end where the message ends */
	bool refused;         /* more attributes than are kept */
	uint8_t n;
	const uint8_t *id;    /* 16 bytes: cookie and transaction id */
	struct stun_attribute at[STUN_ATTRIBUTES];
};

/*
 * `wire`: bytes of the datagram on the wire, at least len. False when it is no
 * STUN message: the header's length must be that of the datagram.
 */
bool stun_parse(const uint8_t *data, uint32_t len, uint32_t wire, struct stun_message *);
/* The first attribute of a type, NULL when there is none. */
const struct stun_attribute *stun_find(const struct stun_message *, uint16_t type);
/* True when the message ends with a FINGERPRINT that fits it (RFC 8489, 14.7). */
bool stun_fingerprint(const uint8_t *data, uint32_t len, const struct stun_message *);
/* Reads an XOR-...-ADDRESS (RFC 8489, 14.2). */
bool stun_xor_address(const struct stun_message *, uint16_t type, struct addr *, uint16_t *port);

/* What names an application; see the table in stun_vendor.c. */
struct stun_vendor {
	enum app app;
	bool verified;            /* a real capture showed it */
	uint16_t type;            /* attribute that must be there, 0 none */
	uint16_t len_min, len_max; /* its length */
	const char *text;         /* its value holds this, ignoring case; NULL anything */
	uint16_t port_lo, port_hi; /* port of the server or peer asked, 0 any */
	bool (*shape)(const struct stun_message *);
	const char *why;
};

/* The first verified, or unverified, row that fits; NULL when none does. */
const struct stun_vendor *stun_vendor_find(const struct stun_message *, uint16_t peer_port, bool verified);

#endif
