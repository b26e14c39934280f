/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_EVENT_AUDIT_CELL_H
#define SQUELCH_EVENT_AUDIT_CELL_H

#include "event/audit.h"

/* The words of the audit, one thing each; `out` has CELL_MAX bytes, is left alone when there is nothing to say. */
#define CELL_MAX 192

/* Empty when the cell has nothing to say. */
const char *cell_text(void (*cell)(const struct audit_row *, char *out), const struct audit_row *, char out[static CELL_MAX]);

void cell_host(const struct audit_row *, char *out);
void cell_app(const struct audit_row *, char *out);
void cell_role(const struct audit_row *, char *out);
void cell_version(const struct audit_row *, char *out);
void cell_public(const struct audit_row *, char *out);
void cell_first(const struct audit_row *, char *out);
void cell_last(const struct audit_row *, char *out);
void cell_peers(const struct audit_row *, char *out);
void cell_sent(const struct audit_row *, char *out);
void cell_received(const struct audit_row *, char *out);
void cell_calls(const struct audit_row *, char *out);
void cell_accepted(const struct audit_row *, char *out);
void cell_rate(const struct audit_row *, char *out);
void cell_bits(const struct audit_row *, char *out);
void cell_proof(const struct audit_row *, char *out);

#endif
