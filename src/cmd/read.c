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
#include "cmd/options.h"
#include "cmd/progress.h"
#include "engine.h"
#include "judge/judge.h"

struct read_conf {
	const char *rules, *eve, *filter, *detect, *ndpi, *scenario, *sensor;
	uint32_t max_flows, watch_mib;
	float report_bits, act_bits;
	bool redact, exit_code, quiet;
};

#define AT(member) offsetof(struct read_conf, member)
static const struct option_row rows[] = {
	{ "rules", 'R', OPTION_TEXT, "FILE", AT(rules), "rules (default: alert on calls), see squelch.rules(5)" },
	{ "eve", 0, OPTION_TEXT, "FILE", AT(eve), "write events as JSON lines; - is standard output" },
	{ "filter", 'F', OPTION_TEXT, "BPF", AT(filter), "only packets that match, as for tcpdump" },
	{ "detect", 0, OPTION_TEXT, "LIST", AT(detect), "only these detectors (a,b) or all but some (-a,-b)" },
	{ "ndpi", 0, OPTION_TEXT, "WHEN", AT(ndpi), "ask libnDPI for names: off, evidence (default), all" },
	{ "report-bits", 0, OPTION_BITS, "BITS", AT(report_bits), "evidence from which a class is reported (10)" },
	{ "act-bits", 0, OPTION_BITS, "BITS", AT(act_bits), "evidence from which rules act on a class (16)" },
	{ "redact", 0, OPTION_FLAG, NULL, AT(redact), "write identities of callers as keyed hashes" },
	{ "exit-code", 0, OPTION_FLAG, NULL, AT(exit_code), "exit with 10 when calls were found" },
	{ "quiet", 'q', OPTION_FLAG, NULL, AT(quiet), "no summary, no progress" },
	{ "sensor", 0, OPTION_TEXT, "NAME", AT(sensor), "name of this sensor in events" },
	{ "max-flows", 0, OPTION_UINT, "N", AT(max_flows), "flows tracked at one time (1048576)" },
	{ "watch-memory", 0, OPTION_UINT, "MIB", AT(watch_mib), "memory for watching flows (256)" },
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

static bool set_engine(const struct read_conf *c, struct engine_conf *e)
{
	char bad[32], error[SOURCE_ERROR_LEN];

	if (c->filter != NULL && !source_filter_check(c->filter, error)) {
		log_warnx("read", "%s", error);
		return false;
	}

	if (c->max_flows != 0)
		e->max_flows = c->max_flows;
	if (c->watch_mib != 0) {
		e->watch_bytes = (size_t)c->watch_mib << 20;
		e->watch_bytes_per_host = e->watch_bytes / 8;
	}
	e->report_bits = c->report_bits;
	if (!detect_select(c->detect, &e->detectors, bad)) {
		log_warnx("read", "--detect: no detector is called \"%s\"", bad);
		return false;
	}
	if (!ndpi_mode_find(c->ndpi, &e->ndpi)) {
		log_warnx("read", "--ndpi: off, evidence or all, not \"%s\"", c->ndpi);
		return false;
	}
	return true;
}

static FILE *open_eve(const char *path)
{
	FILE *f;

	if (path == NULL)
		return NULL;
	f = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
	if (f == NULL)
		log_warn("read", "%s", path);
	return f;
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
	bool summary = !c->quiet && (c->eve == NULL || strcmp(c->eve, "-") != 0);
	struct event_sink *sink = event_sink_new(&(struct event_conf){
		.eve = eve, .sensor = c->sensor, .ifaces = source->iface_names,
		.redact = c->redact, .summary = summary });
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
	struct read_conf c = { .report_bits = REPORT_BITS, .act_bits = ACT_BITS, .ndpi = "evidence" };
	struct engine_conf conf = engine_conf_default();
	struct policy *policy = NULL;
	struct source *source = NULL;
	FILE *eve = NULL;
	int code = EXIT_USAGE, first = options_parse(rows, &c, argc, argv, usage);

	if (first < 0)
		return first == OPTIONS_HELP ? EXIT_OK : EXIT_USAGE;
	if (first == argc && c.scenario == NULL) {
		fprintf(stderr, "squelch: read: which file?\nusage: squelch %.*s\n",
		    (int)strcspn(usage, "\n"), usage);
		return EXIT_USAGE;
	}
	hash_init();
	if (!set_engine(&c, &conf))
		goto out;
	policy = c.rules != NULL ? policy_load(c.rules, stderr) : policy_default();
	if (policy == NULL)
		goto out;
	policy_set_act_bits(policy, c.act_bits);
	code = EXIT_FILE;
	source = open_source(&c, argv + first, argc - first);
	if (source == NULL || ((eve = open_eve(c.eve)) == NULL && c.eve != NULL))
		goto out;
	code = run(&c, &conf, policy, source, eve);
out:
	if (eve != NULL && eve != stdout && fclose(eve) != 0) {
		log_warn("read", "%s", c.eve);
		code = EXIT_FILE;
	}
	source_close(source);
	policy_free(policy);
	return code;
}
