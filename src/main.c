/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/exit.h"
#include "cmd/cmd.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "read", cmd_read, "calls in capture files: which, how sure, and why" },
	{ "watch", cmd_watch, "calls on interfaces, as they happen" },
	{ "block", cmd_block, "calls on netfilter queues, blocked as the rules say" },
	{ "audit", cmd_audit, "who uses what: a host a line" },
	{ "explain", cmd_explain, "why a flow is called what it is: evidence, sizes, gaps, clock" },
	{ "ctl", cmd_ctl, "ask and steer a running watch or block" },
	{ "check", cmd_check, "every error in a rules file" },
	{ "doctor", cmd_doctor, "what this machine lacks or does in our way" },
};

static void print_usage(FILE *to)
{
	fprintf(to, "usage: squelch COMMAND [OPTION...]\n\n");
	for (unsigned i = 0; i < sizeof commands / sizeof *commands; i++)
		fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].help);
	fprintf(to, "\nsquelch COMMAND --help tells more; squelch --version the version.\n");
}

int main(int argc, char **argv)
{
	static char help[] = "--help";

	if (argc < 2) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (argc == 3 && strcmp(argv[1], "help") == 0) /* as `squelch COMMAND --help` */
		argv[1] = argv[2], argv[2] = help;
	for (unsigned i = 0; i < sizeof commands / sizeof *commands; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	if (strcmp(argv[1], "--version") == 0) {
		puts("squelch " SQUELCH_VERSION);
		return EXIT_OK;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		print_usage(stdout);
		return EXIT_OK;
	}
	fprintf(stderr, "squelch: %s: no such command\n", argv[1]);
	print_usage(stderr);
	return EXIT_USAGE;
}
