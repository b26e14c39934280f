/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_BASE_EXIT_H
#define SQUELCH_BASE_EXIT_H

/* Exit codes of every subcommand; the table of squelch(1) repeats them. */
enum exit_code {
	EXIT_OK = 0,
	EXIT_USAGE = 1,    /* wrong usage, or rules that are wrong or cannot be read */
	EXIT_SOURCE = 2,   /* live capture or queue */
	EXIT_FILE = 3,     /* a file that cannot be read or written, or is damaged */
	EXIT_MEMORY = 4,
	EXIT_OTHER = 5,
	EXIT_CALLS = 10,   /* read --exit-code: calls were found */
};

#endif
