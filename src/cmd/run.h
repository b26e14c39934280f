/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_CMD_RUN_H
#define SQUELCH_CMD_RUN_H

#include "cmd/common.h"

/* Commands that run a source through the engine to its end and then report: read and audit; explain opens its file so. */

struct run_files {
	const char *filter, *scenario; /* NULL none; a scenario is read instead of the files */
	bool progress;
};

/* The options that fill it. */
extern const struct option_row run_files_rows[];

/* False, and says why as `command`, when the filter cannot be compiled. */
bool run_filter_check(const char *command, const struct run_files *);
/* Captures at the paths; NULL (and says why, as `command`) when they cannot be opened. */
struct source *run_open_files(const char *command, const struct run_files *, char **paths, int n);

struct run {
	const struct common_conf *common;
	struct source *(*open)(void *arg); /* NULL when it fails, and has said why */
	int failed;                        /* exit code of a source that fails, at first or later */
	struct event_conf events;          /* what the command wants; the rest is taken from `common` and the source */
	int (*report)(void *arg, struct event_sink *, int code); /* once all is read; returns the exit code */
	void *arg;
};

/*
 * Opens everything, runs it to the end or until SIGINT or SIGTERM, and reports: an
 * interrupted run tells what it saw, a second signal ends it at once. Returns an exit code.
 */
int run_all(struct run *);

#endif
