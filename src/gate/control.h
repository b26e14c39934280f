/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_GATE_CONTROL_H
#define SQUELCH_GATE_CONTROL_H

#include <sys/types.h>

#define CONTROL_PATH "/run/squelch/ctl"

/* The control socket, for root and one group (0660). -1: none wanted, or said why not. */
int control_listen(const char *path, gid_t group);
void control_close(const char *path, int fd);

#endif
