/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "event/redact.h"

#include <gcrypt.h>
#include <stdlib.h>
#include <string.h>

#define KEY_LEN 32 /* bytes, the output length of SHA-256 (RFC 2104, 3) */

struct redact {
	unsigned char key[KEY_LEN];
};

struct redact *redact_new(void)
{
	struct redact *r;

	if (gcry_check_version(NULL) == NULL)
		return NULL;
	if (!gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P))
		gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
	r = malloc(sizeof *r);
	if (r != NULL)
		gcry_randomize(r->key, sizeof r->key, GCRY_STRONG_RANDOM);
	return r;
}

void redact_free(struct redact *r)
{
	if (r != NULL)
		explicit_bzero(r->key, sizeof r->key);
	free(r);
}

void redact_text(const struct redact *r, const char *identity, char out[static REDACTED_LEN])
{
	gcry_buffer_t parts[2] = {
		{ .len = sizeof r->key, .data = (void *)r->key },
		{ .len = strlen(identity), .data = (void *)identity },
	};
	unsigned char digest[32] = { 0 };
	int i;

	/* Should the hash fail, the digest stays zero: no identity leaks. */
	(void)gcry_md_hash_buffers(GCRY_MD_SHA256, GCRY_MD_FLAG_HMAC, digest, parts, 2);
	memcpy(out, "h:", 2);
	for (i = 0; i < 16; i++)
		out[2 + i] = "0123456789abcdef"[digest[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15];
	out[2 + i] = '\0';
}
