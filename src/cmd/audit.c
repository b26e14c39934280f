/* SPDX-License-Identifier: GPL-3.0-or-later */
/* squelch audit: who uses what, a host a line. */
#include "cmd/cmd.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/exit.h"
#include "base/hash.h"
#include "base/log.h"
#include "cmd/common.h"
#include "cmd/progress.h"
#include "engine.h"

#define SNAPLEN    262144 /* bytes; libpcap's own bound */
#define COLUMNS_USUAL 100
#define COLUMNS_MIN   72  /* less would leave the table without what it is for */
#define COLUMNS_MAX   160 /* more is hard to read */
#define BUFFER_MIB 64     /* half a second of a full gigabit */

struct audit_conf {
	struct common_conf common;
	struct option_list ifaces;
	const char *filter, *scenario;
	bool csv, quiet;
};

#define AT(member) offsetof(struct audit_conf, member)
static const struct option_row rows[] = {
	{ "interface", 'i', OPTION_LIST, "IFACE", AT(ifaces), "listen here until interrupted; again, or with commas, for more" },
	{ "filter", 'F', OPTION_TEXT, "BPF", AT(filter), "only packets that match, as for tcpdump" },
	{ "csv", 0, OPTION_FLAG, NULL, AT(csv), "comma-separated values, with all columns" },
	{ "quiet", 'q', OPTION_FLAG, NULL, AT(quiet), "no progress" },
	{ "scenario", 0, OPTION_TEXT, "FILE", AT(scenario), NULL },
	{ 0 },
};

static const char usage[] =
    "audit [OPTION...] FILE|DIRECTORY|-... | -i IFACE...\n"
    "\n"
    "Tells which hosts use calling applications and restricted services (chat, tunnels,\n"
    "peer-to-peer), with proof, and what else an administrator must know.";

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

static struct source *open_files(const struct audit_conf *c, char **paths, int n)
{
	char error[SOURCE_ERROR_LEN];
	struct source *s = c->scenario != NULL ? source_scenario(c->scenario, error)
	    : source_files(paths, n, c->filter, error);

	if (s == NULL)
		log_warnx("audit", "%s", error);
	else if (!c->quiet)
		s = progress_watch(s);
	return s;
}

static struct source *open_live(const struct audit_conf *c)
{
	const struct live_conf live = { .ifaces = c->ifaces.item, .n = c->ifaces.n, .filter = c->filter,
		.snaplen = SNAPLEN, .buffer_mib = BUFFER_MIB, .promiscuous = true };
	char error[SOURCE_ERROR_LEN];
	struct source *s = source_live(&live, error);

	if (s == NULL)
		log_warnx("audit", "%s", error);
	return s;
}

/* Of the terminal, within reason; without one as many as a wide terminal has. */
static unsigned columns(void)
{
	struct winsize w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0 || w.ws_col == 0)
		return COLUMNS_USUAL;
	return w.ws_col < COLUMNS_MIN ? COLUMNS_MIN : w.ws_col > COLUMNS_MAX ? COLUMNS_MAX : w.ws_col;
}

/* Runs the pipeline with everything opened; returns an exit code. */
static int run(const struct audit_conf *c, const struct engine_conf *conf, const struct policy *policy,
    struct source *source, FILE *eve)
{
	struct event_sink *sink = event_sink_new(&(struct event_conf){
		.eve = eve, .sensor = c->common.sensor, .ifaces = source->iface_names,
		.redact = c->common.redact, .audit = true });
	struct engine *engine = sink == NULL ? NULL : engine_new(conf, policy, sink);
	int code = EXIT_MEMORY, error = 0;

	if (engine == NULL) {
		log_warnx("audit", "not enough memory");
		goto out;
	}
	catch_signals();
	code = engine_run(engine, source, &stop) == 0 ? EXIT_OK : c->ifaces.n != 0 ? EXIT_SOURCE : EXIT_FILE;
	if (!common_eve_is_stdout(&c->common))
		event_audit(sink, c->csv ? AUDIT_CSV : AUDIT_TEXT, columns(), stdout);
	event_flush(sink);
	if (fflush(stdout) != 0 || !event_ok(sink, &error)) {
		errno = error != 0 ? error : errno;
		log_warn("audit", "writing the report");
		code = EXIT_FILE;
	}
out:
	engine_free(engine);
	event_sink_free(sink);
	return code;
}

static bool check(const struct audit_conf *c, int operands)
{
	char error[SOURCE_ERROR_LEN];
	const char *wrong = NULL;

	if ((operands != 0) + (c->ifaces.n != 0) + (c->scenario != NULL) != 1)
		wrong = operands == 0 ? "which file, or interface (-i)?" : "files or interfaces, not both";
	else if (c->csv && common_eve_is_stdout(&c->common))
		wrong = "--csv and --eve - both want standard output";
	else if (c->filter != NULL && !source_filter_check(c->filter, error))
		wrong = error;
	if (wrong != NULL)
		log_warnx("audit", "%s", wrong);
	return wrong == NULL;
}

int cmd_audit(int argc, char **argv)
{
	struct audit_conf c = { .common = common_defaults("audit", "all") };
	const struct option_table tables[] = { { rows, &c }, { common_rows, &c.common }, { 0 } };
	struct engine_conf conf = engine_conf_default();
	struct policy *policy = NULL;
	struct source *source = NULL;
	FILE *eve = NULL;
	int code = EXIT_USAGE, first = options_parse(tables, argc, argv, usage);

	if (first < 0)
		return first == OPTIONS_HELP ? EXIT_OK : EXIT_USAGE;
	hash_init();
	if (!check(&c, argc - first) || !common_engine(&c.common, &conf) || (policy = common_policy(&c.common)) == NULL)
		goto out;
	code = c.ifaces.n != 0 ? EXIT_SOURCE : EXIT_FILE;
	source = c.ifaces.n != 0 ? open_live(&c) : open_files(&c, argv + first, argc - first);
	if (source == NULL)
		goto out;
	code = EXIT_FILE;
	if (common_open_eve(&c.common, COMMON_EVE_ANEW, &eve))
		code = run(&c, &conf, policy, source, eve);
out:
	if (!common_close_eve(&c.common, eve))
		code = EXIT_FILE;
	source_close(source);
	policy_free(policy);
	return code;
}
