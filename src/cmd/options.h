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
	OPTION_LIST,   /* struct option_list: given again, or with commas, it grows */
};

#define OPTION_LIST_MAX 16
struct option_list {
	const char *item[OPTION_LIST_MAX];
	unsigned n;
};

struct option_row {
	const char *name;      /* --name; NULL ends the table */
	char letter;           /* -l, 0 none */
	enum option_kind kind;
	const char *arg;       /* what help calls the argument; NULL for flags */
	size_t at;             /* offset in the struct it fills */
	const char *help;      /* NULL: not listed (for tests) */
};

/* Rows and what they fill: a command has its own and the ones it shares with others. */
struct option_table {
	const struct option_row *rows;
	void *conf;
};

enum { OPTIONS_HELP = -1, OPTIONS_WRONG = -2 };

/*
 * Fills what the tables tell of from argv; a NULL `rows` ends them. Returns the
 * index of the first operand, OPTIONS_HELP after printing help (usage line, then
 * the tables) on standard output, or OPTIONS_WRONG after saying on standard
 * error what is wrong. Values point into argv; those of lists are cut there at
 * their commas.
 */
int options_parse(const struct option_table *, int argc, char **argv, const char *usage);

#endif
