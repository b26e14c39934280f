/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/quic_crypto.h"

#include <gcrypt.h>
#include <stdio.h>
#include <string.h>

#include "base/cursor.h"

#define HASH_LEN     32   /* SHA-256 */
#define SAMPLE_LEN   16   /* RFC 9001, 5.4.3 */
#define PN_MAX       4    /* bytes of a packet number; the sample begins this far behind its start */
#define HEADER_MAX   512  /* authenticated header: identifiers, token, length, packet number */
#define LABEL_MAX    32

/*
 * Salts: RFC 9001, 5.2 (version 1 and drafts 33, 34), RFC 9369, 3.3.1 (version 2),
 * section 5.2 of draft-ietf-quic-tls-29 (29 to 32), -23 (23 to 28) and -22 (22).
 * 0xfaceb001 and 0xfaceb002 are mvfst, which WhatsApp, Instagram and Messenger
 * speak: drafts 22 and 27 under other numbers.
 */
#define SALT_1     { 0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, \
		     0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a }
#define SALT_2     { 0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, \
		     0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9 }
#define SALT_29    { 0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, \
		     0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99 }
#define SALT_23    { 0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7, \
		     0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65, 0xbe, 0xf9, 0xf5, 0x02 }
#define SALT_22    { 0x7f, 0xbc, 0xdb, 0x0e, 0x7c, 0x66, 0xbb, 0xe9, 0x2a, 0x96, \
		     0xcd, 0x21, 0x51, 0x9e, 0xbd, 0x7a, 0x46, 0x63, 0xec, 0x9a }

static const struct quic_version versions[] = {
	{ 0x00000001, 0x00000001, 0, 3, "quic ", SALT_1 },
	{ 0x6b3343cf, 0x6b3343cf, 1, 0, "quicv2 ", SALT_2 },
	{ 0xff00001d, 0xff000020, 0, 3, "quic ", SALT_29 },
	{ 0xff000021, 0xff000022, 0, 3, "quic ", SALT_1 },
	{ 0xff000017, 0xff00001c, 0, 3, "quic ", SALT_23 },
	{ 0xff000016, 0xff000016, 0, 3, "quic ", SALT_22 },
	{ 0xfaceb001, 0xfaceb001, 0, 3, "quic ", SALT_22 },
	{ 0xfaceb002, 0xfaceb002, 0, 3, "quic ", SALT_23 },
};

const struct quic_version *quic_version_find(uint32_t version)
{
	for (unsigned i = 0; i < sizeof versions / sizeof *versions; i++)
		if (version >= versions[i].first && version <= versions[i].last)
			return &versions[i];
	return NULL;
}

bool quic_version_known(const uint8_t at[static 4])
{
	struct cursor c = cur_open(at, 4);

	return quic_version_find(cur_u32(&c)) != NULL;
}

/* Once: no secure memory, since every key here can be derived by anybody. */
static void gcrypt_start(void)
{
	if (gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P))
		return;
	(void)gcry_check_version(NULL);
	(void)gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
	(void)gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
}

static bool key_set(gcry_md_hd_t hmac, const uint8_t *key, size_t len)
{
	return gcry_md_setkey(hmac, key, len) == 0;
}

/* HMAC with the key that was set, for data after data. */
static void hmac_of(gcry_md_hd_t hmac, const uint8_t *data, size_t len, uint8_t out[static HASH_LEN])
{
	gcry_md_reset(hmac);
	gcry_md_write(hmac, data, len);
	memcpy(out, gcry_md_read(hmac, GCRY_MD_SHA256), HASH_LEN);
}

/* HKDF-Expand-Label (RFC 8446, 7.1) of the key that was set, with an empty context, for up to one hash of output. */
static bool expand(gcry_md_hd_t hmac, const char *prefix, const char *label, uint8_t *out, size_t len)
{
	uint8_t info[2 + 1 + LABEL_MAX + 1 + 1], block[HASH_LEN];
	int n = snprintf((char *)info + 3, LABEL_MAX, "tls13 %s%s", prefix, label);

	if (n < 0 || n >= LABEL_MAX)
		return false;
	info[0] = 0;
	info[1] = (uint8_t)len;
	info[2] = (uint8_t)n;
	info[3 + n] = 0; /* no context */
	info[4 + n] = 1; /* the first block of HKDF-Expand, RFC 5869, 2.3 */
	hmac_of(hmac, info, (size_t)n + 5, block);
	memcpy(out, block, len);
	return true;
}

/* RFC 9001, 5.1 and 5.2. */
static bool keys_derive(gcry_md_hd_t hmac, const struct quic_version *v, const uint8_t *cid, size_t cid_len,
    struct quic_keys *k)
{
	uint8_t initial[HASH_LEN], client[HASH_LEN];

	if (!key_set(hmac, v->salt, sizeof v->salt))
		return false;
	hmac_of(hmac, cid, cid_len, initial);
	return key_set(hmac, initial, sizeof initial)
	    && expand(hmac, "", "client in", client, sizeof client)
	    && key_set(hmac, client, sizeof client)
	    && expand(hmac, v->label, "key", k->key, sizeof k->key)
	    && expand(hmac, v->label, "iv", k->iv, sizeof k->iv)
	    && expand(hmac, v->label, "hp", k->hp, sizeof k->hp);
}

bool quic_client_keys(const struct quic_version *v, const uint8_t *cid, size_t cid_len,
    struct quic_keys *k)
{
	gcry_md_hd_t hmac; /* one for all: to open it costs as much as to use it */
	bool ok;

	gcrypt_start();
	if (gcry_md_open(&hmac, GCRY_MD_SHA256, GCRY_MD_FLAG_HMAC) != 0)
		return false;
	ok = keys_derive(hmac, v, cid, cid_len, k);
	gcry_md_close(hmac);
	return ok;
}

void quic_crypto_start(void)
{
	static const uint8_t no_id[8];
	struct quic_keys keys;

	(void)quic_client_keys(&versions[0], no_id, sizeof no_id, &keys);
}

/* One block of AES-128: the mask over the first byte and the packet number. */
static bool mask_of(const uint8_t hp[static 16], const uint8_t sample[static SAMPLE_LEN],
    uint8_t mask[static SAMPLE_LEN])
{
	gcry_cipher_hd_t h;
	bool ok;

	if (gcry_cipher_open(&h, GCRY_CIPHER_AES128, GCRY_CIPHER_MODE_ECB, 0) != 0)
		return false;
	ok = gcry_cipher_setkey(h, hp, 16) == 0
	    && gcry_cipher_encrypt(h, mask, SAMPLE_LEN, sample, SAMPLE_LEN) == 0;
	gcry_cipher_close(h);
	return ok;
}

static bool gcm_open(const struct quic_keys *k, const uint8_t iv[static 12],
    const uint8_t *header, size_t header_len, const uint8_t *sealed, size_t len, uint8_t *out)
{
	gcry_cipher_hd_t h;
	bool ok;

	if (gcry_cipher_open(&h, GCRY_CIPHER_AES128, GCRY_CIPHER_MODE_GCM, 0) != 0)
		return false;
	ok = gcry_cipher_setkey(h, k->key, sizeof k->key) == 0
	    && gcry_cipher_setiv(h, iv, 12) == 0
	    && gcry_cipher_authenticate(h, header, header_len) == 0
	    && gcry_cipher_decrypt(h, out, len, sealed, len) == 0
	    && gcry_cipher_checktag(h, sealed + len, QUIC_TAG_LEN) == 0;
	gcry_cipher_close(h);
	return ok;
}

size_t quic_open(const struct quic_keys *k, const uint8_t *packet, size_t pn_at, size_t len,
    uint8_t *out, size_t room)
{
	uint8_t header[HEADER_MAX], mask[SAMPLE_LEN], iv[sizeof k->iv];
	size_t pn_len, header_len, sealed;

	if (pn_at == 0 || pn_at + PN_MAX > HEADER_MAX || len < pn_at + PN_MAX + SAMPLE_LEN)
		return 0;
	if (!mask_of(k->hp, packet + pn_at + PN_MAX, mask))
		return 0;
	memcpy(header, packet, pn_at + PN_MAX);
	header[0] ^= mask[0] & 0x0f; /* long header: four bits are masked */
	pn_len = (header[0] & 3u) + 1;
	header_len = pn_at + pn_len;
	sealed = len - header_len; /* >= SAMPLE_LEN, so there is room for the tag */
	if (sealed - QUIC_TAG_LEN > room)
		return 0;
	memcpy(iv, k->iv, sizeof iv);
	for (size_t i = 0; i < pn_len; i++) {
		header[pn_at + i] ^= mask[1 + i];
		iv[sizeof iv - pn_len + i] ^= header[pn_at + i];
	}
	if (!gcm_open(k, iv, header, header_len, packet + header_len, sealed - QUIC_TAG_LEN, out))
		return 0;
	return sealed - QUIC_TAG_LEN;
}
