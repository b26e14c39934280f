/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TEST_QUIC_SEAL_H
#define TEST_QUIC_SEAL_H

#include <gcrypt.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "detect/quic_crypto.h"

/*
 * The sender's side of quic_open: protects frames as a client's Initial packet
 * (RFC 9001, 5.3 and 5.4) with a packet number of two bytes and no token.
 * `type` is the whole first byte but for its last four bits; returns the length.
 */
static inline size_t quic_seal(uint8_t *out, uint8_t type, uint32_t version, const struct quic_keys *k,
    const uint8_t *cid, uint8_t cid_len, uint16_t number, const uint8_t *frames, size_t n)
{
	uint8_t iv[12], mask[16];
	gcry_cipher_hd_t h;
	size_t at = 0, pn_at;

	out[at++] = type | 1;
	for (int i = 24; i >= 0; i -= 8)
		out[at++] = (uint8_t)(version >> i);
	out[at++] = cid_len;
	memcpy(out + at, cid, cid_len);
	at += cid_len;
	out[at++] = 0; /* no source identifier */
	out[at++] = 0; /* no token */
	out[at++] = (uint8_t)(0x40 | (n + 18) >> 8);
	out[at++] = (uint8_t)(n + 18);
	pn_at = at;
	out[at++] = (uint8_t)(number >> 8);
	out[at++] = (uint8_t)number;
	memcpy(iv, k->iv, sizeof iv);
	iv[10] ^= (uint8_t)(number >> 8);
	iv[11] ^= (uint8_t)number;
	if (gcry_cipher_open(&h, GCRY_CIPHER_AES128, GCRY_CIPHER_MODE_GCM, 0) != 0
	    || gcry_cipher_setkey(h, k->key, 16) != 0 || gcry_cipher_setiv(h, iv, 12) != 0
	    || gcry_cipher_authenticate(h, out, at) != 0
	    || gcry_cipher_encrypt(h, out + at, n, frames, n) != 0
	    || gcry_cipher_gettag(h, out + at + n, 16) != 0)
		abort();
	gcry_cipher_close(h);
	if (gcry_cipher_open(&h, GCRY_CIPHER_AES128, GCRY_CIPHER_MODE_ECB, 0) != 0
	    || gcry_cipher_setkey(h, k->hp, 16) != 0
	    || gcry_cipher_encrypt(h, mask, 16, out + pn_at + 4, 16) != 0)
		abort();
	gcry_cipher_close(h);
	out[0] ^= mask[0] & 0x0f;
	out[pn_at] ^= mask[1];
	out[pn_at + 1] ^= mask[2];
	return at + n + 16;
}

#endif
