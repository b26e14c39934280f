/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_GATE_RULES_H
#define SQUELCH_GATE_RULES_H

#include "gate/gate.h"

/*
 * Rules on their way to the working process, which may not read the file: the
 * supervisor reads the text, tries it, and hands it over.
 */

/* The whole file as text; NULL, said on standard error. */
char *rules_read(const char *path);
/* The same from a descriptor, which is closed. */
char *rules_receive(int fd);
/* A descriptor that holds the text; -1, errno set. */
int rules_pack(const char *text);
/* `text` NULL: the built-in rules. Errors are said, and the first one kept when `first` is not NULL. NULL: wrong. */
struct policy *rules_parse(const struct gate_conf *, const char *text, char *first, size_t size);

#endif
