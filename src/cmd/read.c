/* SPDX-License-Identifier: GPL-3.0-or-later */
/* squelch read: calls in capture files. */
#include "cmd/cmd.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/exit.h"
#include "base/hash.h"
#include "base/log.h"
#include "cmd/common.h"
#include "cmd/progress.h"
#include "engine.h"

struct read_conf {
	struct common_conf common;
	const char *filter, *scenario;
	bool exit_code, quiet;
};

#define AT(member) offsetof(struct read_conf, member)
static const struct option_row rows[] = {
	{ "filter", 'F', OPTION_TEXT, "BPF", AT(filter), "only packets that match, as for tcpdump" },
	{ "exit-code", 0, OPTION_FLAG, NULL, AT(exit_code), "exit with 10 when calls were found" },
	{ "quiet", 'q', OPTION_FLAG, NULL, AT(quiet), "no summary, no progress" },
	{ "scenario", 0, OPTION_TEXT, "FILE", AT(scenario), NULL },
	{ 0 },
};

static const char usage[] =
    "read [OPTION...] FILE|DIRECTORY|-...\n"
    "\n"
    "Finds calls in captures (pcap or pcapng, plain, gzip or zstd) and says what the\n"
    "rules would have done.";

static volatile int stop;

static void on_stop(int sig)
{
	(void)sig;
	stop = 1;
}

/* An interrupted run still reports what it saw; a second signal ends it at once. */
static void catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_stop, .sa_flags = (int)SA_RESETHAND };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

static bool check_filter(const struct read_conf *c)
{
	char error[SOURCE_ERROR_LEN];

	if (c->filter == NULL || source_filter_check(c->filter, error))
		return true;
	log_warnx("read", "%s", error);
	return false;
}

static struct source *open_source(const struct read_conf *c, char **paths, int n)
{
	char error[SOURCE_ERROR_LEN];
	struct source *s = c->scenario != NULL ? source_scenario(c->scenario, error)
	    : source_files(paths, n, c->filter, error);

	if (s == NULL)
		log_warnx("read", "%s", error);
	else if (!c->quiet)
		s = progress_watch(s);
	return s;
}

/* Runs the pipeline with everything opened; returns an exit code. */
static int run(const struct read_conf *c, const struct engine_conf *conf, const struct policy *policy,
    struct source *source, FILE *eve)
{
	bool summary = !c->quiet && !common_eve_is_stdout(&c->common);
	struct event_sink *sink = event_sink_new(&(struct event_conf){
		.eve = eve, .sensor = c->common.sensor, .ifaces = source->iface_names,
		.redact = c->common.redact, .summary = summary });
	struct engine *engine = sink == NULL ? NULL : engine_new(conf, policy, sink);
	int code = EXIT_MEMORY, error = 0;

	if (engine == NULL) {
		log_warnx("read", "not enough memory");
		goto out;
	}
	catch_signals();
	code = engine_run(engine, source, &stop) == 0 ? EXIT_OK : EXIT_FILE;
	if (summary)
		event_summary(sink, stdout);
	if (code == EXIT_OK && c->exit_code && event_calls(sink) != 0)
		code = EXIT_CALLS;
	if (fflush(stdout) != 0 || !event_ok(sink, &error)) {
		errno = error != 0 ? error : errno;
		log_warn("read", "writing events");
		code = EXIT_FILE;
	}
out:
	engine_free(engine);
	event_sink_free(sink);
	return code;
}

int cmd_read(int argc, char **argv)
{
	struct read_conf c = { .common = common_defaults("read", "evidence") };
	const struct option_table tables[] = { { common_rows, &c.common }, { rows, &c }, { 0 } };
	struct engine_conf conf = engine_conf_default();
	struct policy *policy = NULL;
	struct source *source = NULL;
	FILE *eve = NULL;
	int code = EXIT_USAGE, first = options_parse(tables, argc, argv, usage);

	if (first < 0)
		return first == OPTIONS_HELP ? EXIT_OK : EXIT_USAGE;
	if (first == argc && c.scenario == NULL) {
		fprintf(stderr, "squelch: read: which file?\nusage: squelch %.*s\n",
		    (int)strcspn(usage, "\n"), usage);
		return EXIT_USAGE;
	}
	hash_init();
	if (!check_filter(&c) || !common_engine(&c.common, &conf))
		goto out;
	policy = common_policy(&c.common);
	if (policy == NULL)
		goto out;
	code = EXIT_FILE;
	source = open_source(&c, argv + first, argc - first);
	if (source == NULL || !common_open_eve(&c.common, COMMON_EVE_ANEW, &eve))
		goto out;
	code = run(&c, &conf, policy, source, eve);
out:
	if (!common_close_eve(&c.common, eve))
		code = EXIT_FILE;
	source_close(source);
	policy_free(policy);
	return code;
}
