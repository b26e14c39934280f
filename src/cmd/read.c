/* SPDX-License-Identifier: GPL-3.0-or-later */
/* squelch read: calls in capture files. */
#include "cmd/cmd.h"

#include <string.h>

#include "base/exit.h"
#include "base/log.h"
#include "cmd/run.h"

struct read_conf {
	struct common_conf common;
	struct run_files files;
	bool exit_code, quiet;
	char **paths;
	int n_paths;
};

#define AT(member) offsetof(struct read_conf, member)
static const struct option_row rows[] = {
	{ "exit-code", 0, OPTION_FLAG, NULL, AT(exit_code), "exit with 10 when calls were found" },
	{ "quiet", 'q', OPTION_FLAG, NULL, AT(quiet), "no summary, no progress" },
	{ 0 },
};

static const char usage[] =
    "read [OPTION...] FILE|DIRECTORY|-...\n"
    "\n"
    "Finds calls in captures (pcap or pcapng, plain, gzip or zstd) and says what the\n"
    "rules would have done.";

/* A summary, unless standard output is for events. */
static bool wants_summary(const struct read_conf *c)
{
	return !c->quiet && !common_eve_is_stdout(&c->common);
}

static struct source *open_source(void *arg)
{
	const struct read_conf *c = arg;

	return run_open_files(c->common.command, &c->files, c->paths, c->n_paths);
}

static int report(void *arg, struct event_sink *sink, int code)
{
	const struct read_conf *c = arg;

	if (wants_summary(c))
		event_summary(sink, stdout);
	return code == EXIT_OK && c->exit_code && event_calls(sink) != 0 ? EXIT_CALLS : code;
}

static bool check(const struct read_conf *c)
{
	if (c->n_paths == 0 && c->files.scenario == NULL) {
		fprintf(stderr, "squelch: read: which file?\nusage: squelch %.*s\n", (int)strcspn(usage, "\n"), usage);
		return false;
	}
	return run_filter_check("read", &c->files);
}

int cmd_read(int argc, char **argv)
{
	struct read_conf c = { .common = common_defaults("read", "evidence") };
	const struct option_table tables[] = { { common_rows, &c.common }, { run_files_rows, &c.files }, { rows, &c }, { 0 } };
	struct run r = { .common = &c.common, .open = open_source, .failed = EXIT_FILE, .report = report, .arg = &c };
	int first = options_parse(tables, argc, argv, usage);

	if (first < 0)
		return first == OPTIONS_HELP ? EXIT_OK : EXIT_USAGE;
	c.paths = argv + first;
	c.n_paths = argc - first;
	if (!check(&c))
		return EXIT_USAGE;
	c.files.progress = !c.quiet;
	r.events.summary = wants_summary(&c);
	return run_all(&r);
}
