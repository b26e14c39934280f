/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/cmd.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/exit.h"
#include "policy/policy.h"

static const char usage[] =
    "usage: squelch check [RULES]\n"
    "\n"
    "Reads rules and tells every error as FILE:LINE:COLUMN. Without RULES the\n"
    "built-in ones. See squelch.rules(5).\n"
    "\n"
    "  -h  this text\n";

int cmd_check(int argc, char **argv)
{
	const char *path = NULL;
	struct policy *policy;
	int c;

	optind = 1;
	while ((c = getopt(argc, argv, "h")) != -1) {
		fputs(usage, c == 'h' ? stdout : stderr);
		return c == 'h' ? EXIT_OK : EXIT_USAGE;
	}
	if (argc - optind > 1) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	if (optind < argc)
		path = argv[optind];
	policy = path == NULL ? policy_default() : policy_load(path, stderr);
	if (policy == NULL)
		return EXIT_USAGE;
	policy_expired(policy, (uint64_t)time(NULL) * NS_PER_S, stderr);
	printf("%s: %u rules, ok\n", path == NULL ? "built-in rules" : path, policy_count(policy));
	policy_free(policy);
	return EXIT_OK;
}
