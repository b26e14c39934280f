/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/cmd.h"

#include <stddef.h>
#include <stdio.h>

#include "base/exit.h"
#include "base/log.h"
#include "cmd/options.h"
#include "doctor/doctor.h"
#include "gate/mark.h"

struct conf { const char *user, *mask; };

static const struct option_row rows[] = {
	{ "user", 0, OPTION_TEXT, "NAME", offsetof(struct conf, user), "whom the workers run as (squelch)" },
	{ "mark-mask", 0, OPTION_TEXT, "MASK", offsetof(struct conf, mask), "our bits of the mark (0x7f000000)" },
	{ NULL, 0, OPTION_FLAG, NULL, 0, NULL },
};

static const char usage[] =
    "doctor [OPTION...]\n"
    "\n"
    "Tells what this machine lacks for blocking calls, or does in the way of it:\n"
    "a line for each thing looked at, ok, warn or bad, and what to do about it.\n"
    "Changes nothing. Exits with 2 when something is bad.\n";

int cmd_doctor(int argc, char **argv)
{
	struct conf conf = { .user = "squelch" };
	const struct option_table tables[] = { { rows, &conf }, { NULL, NULL } };
	uint32_t mask = MARK_MASK_DEFAULT;
	struct doctor here;
	int first = options_parse(tables, argc, argv, usage);

	if (first == OPTIONS_HELP)
		return EXIT_OK;
	if (first == OPTIONS_WRONG)
		return EXIT_USAGE;
	if (first < argc) {
		log_warnx("doctor", "%s: takes no operands", argv[first]);
		return EXIT_USAGE;
	}
	if (conf.mask != NULL && !mark_mask_parse(conf.mask, &mask)) {
		log_warnx("doctor", "--mark-mask: at least four bits side by side, as 0x7f000000, not \"%s\"", conf.mask);
		return EXIT_USAGE;
	}
	here = doctor_here(conf.user, mask);
	return doctor_run(&here, stdout) == HEALTH_BAD ? EXIT_SOURCE : EXIT_OK;
}
