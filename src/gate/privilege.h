/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_GATE_PRIVILEGE_H
#define SQUELCH_GATE_PRIVILEGE_H

#include <stdbool.h>
#include <sys/types.h>

struct identity { uid_t uid; gid_t gid; };

/* The user by name; NULL: "squelch", else "nobody". False, said. */
bool privilege_find(const char *name, struct identity *);
/*
 * Becomes that user for good, with nothing left but CAP_NET_ADMIN (verdicts and
 * marks need it), and ends with its parent. Before any thread is made. False, said.
 */
bool privilege_drop(const struct identity *, pid_t parent);

#endif
