/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_EVENT_REDACT_H
#define SQUELCH_EVENT_REDACT_H

#include <stddef.h>

/*
 * Identities as keyed hashes: the same person gives the same hash within one
 * run, and nobody can try names against it afterwards, since the key is random
 * and never leaves the process.
 */
struct redact;

#define REDACTED_LEN 19 /* "h:", 16 hexadecimal digits, terminator */

/* NULL without memory or a working libgcrypt. */
struct redact *redact_new(void);
void redact_free(struct redact *);
/* Writes the hash of `identity` to `out`. */
void redact_text(const struct redact *, const char *identity, char out[static REDACTED_LEN]);

#endif
