/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_QUIC_CRYPTO_H
#define SQUELCH_DETECT_QUIC_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * QUIC protects its first packets with keys that anybody on the path can
 * derive from a connection identifier (RFC 9001, 5.2; RFC 9369, 3.3): against
 * accidents, not against readers.
 */

#define QUIC_CID_MAX 20   /* RFC 9000, 17.2 */
#define QUIC_LONG_HEADER 0xc0 /* header form and fixed bit, RFC 9000, 17.2 */
#define QUIC_TAG_LEN 16   /* AES-128-GCM */

/* Packet types in the two type bits of a long header differ between versions. */
struct quic_version {
	uint32_t first, last;      /* the range of version numbers */
	uint8_t initial;           /* type bits of an Initial packet */
	uint8_t retry;
	const char *label;         /* prefix of the key labels */
	uint8_t salt[20];
};

struct quic_keys {
	uint8_t key[16], iv[12], hp[16];
};

/* libgcrypt starts when first used; before threads and a sandbox that is better done by this. */
void quic_crypto_start(void);

/* NULL when we do not know the version. */
const struct quic_version *quic_version_find(uint32_t version);
/* The same for the four bytes behind the first of a datagram. */
bool quic_version_known(const uint8_t at[static 4]);
/* The client's keys for Initial packets; false when libgcrypt fails. */
bool quic_client_keys(const struct quic_version *, const uint8_t *cid, size_t cid_len, struct quic_keys *);

/*
 * Opens a protected packet. `packet` is its header, of which `pn_at` bytes come
 * before the packet number, and its payload, `len` bytes in all. Writes the
 * frames to `out` and returns their number; 0 when the packet is not authentic
 * or longer than `room`.
 */
size_t quic_open(const struct quic_keys *, const uint8_t *packet, size_t pn_at, size_t len,
    uint8_t *out, size_t room);

#endif
