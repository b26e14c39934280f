/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_SOURCE_PATHS_H
#define SQUELCH_SOURCE_PATHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One file to read, or one that cannot be. */
struct path {
	char *name;
	bool named;       /* on the command line, not found in a folder */
	int error;        /* errno of the walk; 0 none */
};

/* What the command line stands for, in the order in which it is read. */
struct paths {
	struct path *list;
	size_t n, room;
	uint64_t bytes;   /* of regular files */
	bool endless;     /* there are others too: bytes say nothing */
};

/* Adds a file, "-", or the files of a folder and below, sorted by name. False without memory. */
bool paths_add(struct paths *, const char *name);
/* Adds something of unknown length that is read under this name. False without memory. */
bool paths_add_endless(struct paths *, const char *name);
void paths_free(struct paths *);

#endif
