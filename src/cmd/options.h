/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_CMD_OPTIONS_H
#define SQUELCH_CMD_OPTIONS_H

#include <stddef.h>

/* One table a subcommand drives its parser and its --help. */
enum option_kind {
	OPTION_FLAG,   /* bool */
	OPTION_TEXT,   /* const char * */
	OPTION_UINT,   /* uint32_t, from 1 */
	OPTION_BITS,   /* float, 0 to 1000 */
};

struct option_row {
	const char *name;      /* --name; NULL ends the table */
	char letter;           /* -l, 0 none */
	enum option_kind kind;
	const char *arg;       /* what help calls the argument; NULL for flags */
	size_t at;             /* offset in the command's struct */
	const char *help;      /* NULL: not listed (for tests) */
};

enum { OPTIONS_HELP = -1, OPTIONS_WRONG = -2 };

/*
 * Fills `conf` from argv. Returns the index of the first operand, OPTIONS_HELP
 * after printing help (usage line, then the table) on standard output, or
 * OPTIONS_WRONG after saying on standard error what is wrong.
 */
int options_parse(const struct option_row *, void *conf, int argc, char **argv, const char *usage);

#endif
