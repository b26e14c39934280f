/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_GATE_PRIVILEGE_H
#define SQUELCH_GATE_PRIVILEGE_H

#include <stdbool.h>
#include <sys/types.h>

struct identity { uid_t uid; gid_t gid; };

/* The user by name; NULL: "squelch", else "nobody". False, said. */
bool privilege_find(const char *name, struct identity *);
/* What is left to a process that gave up its rights. */
enum privilege_keep {
	PRIVILEGE_NONE,
	PRIVILEGE_NET_ADMIN, /* CAP_NET_ADMIN: verdicts and marks need it */
};
/*
 * Becomes that user for good (a process that is not root stays who it is), with
 * nothing else left, and ends with its parent. Before any thread is made. False, said.
 */
bool privilege_drop(const struct identity *, enum privilege_keep, pid_t parent);

#endif
