/* SPDX-License-Identifier: GPL-3.0-or-later */
/* squelch audit: who uses what, a host a line. */
#include "cmd/cmd.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "base/exit.h"
#include "base/log.h"
#include "cmd/run.h"

#define SNAPLEN    262144 /* bytes; libpcap's own bound */
#define COLUMNS_USUAL 100
#define COLUMNS_MIN   72  /* less would leave the table without what it is for */
#define COLUMNS_MAX   160 /* more is hard to read */
#define BUFFER_MIB 64     /* half a second of a full gigabit */

struct audit_conf {
	struct common_conf common;
	struct option_list ifaces;
	struct run_files files;
	bool csv, quiet;
	char **paths;
	int n_paths;
};

#define AT(member) offsetof(struct audit_conf, member)
static const struct option_row rows[] = {
	{ "interface", 'i', OPTION_LIST, "IFACE", AT(ifaces), "listen here until interrupted; again, or with commas, for more" },
	{ "csv", 0, OPTION_FLAG, NULL, AT(csv), "comma-separated values, with all columns" },
	{ "quiet", 'q', OPTION_FLAG, NULL, AT(quiet), "no progress" },
	{ 0 },
};

static const char usage[] =
    "audit [OPTION...] FILE|DIRECTORY|-... | -i IFACE...\n"
    "\n"
    "Tells which hosts use calling applications and restricted services (chat, tunnels,\n"
    "peer-to-peer), with proof, and what else an administrator must know.";

static struct source *open_live(const struct audit_conf *c)
{
	const struct live_conf live = { .ifaces = c->ifaces.item, .n = c->ifaces.n, .filter = c->files.filter,
		.snaplen = SNAPLEN, .buffer_mib = BUFFER_MIB, .promiscuous = true };
	char error[SOURCE_ERROR_LEN];
	struct source *s = source_live(&live, error);

	if (s == NULL)
		log_warnx("audit", "%s", error);
	return s;
}

static struct source *open_source(void *arg)
{
	const struct audit_conf *c = arg;

	return c->ifaces.n != 0 ? open_live(c) : run_open_files(c->common.command, &c->files, c->paths, c->n_paths);
}

/* Of the terminal, within reason; without one as many as a wide terminal has. */
static unsigned columns(void)
{
	struct winsize w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0 || w.ws_col == 0)
		return COLUMNS_USUAL;
	return w.ws_col < COLUMNS_MIN ? COLUMNS_MIN : w.ws_col > COLUMNS_MAX ? COLUMNS_MAX : w.ws_col;
}

static int report(void *arg, struct event_sink *sink, int code)
{
	const struct audit_conf *c = arg;

	if (!common_eve_is_stdout(&c->common))
		event_audit(sink, c->csv ? AUDIT_CSV : AUDIT_TEXT, columns(), stdout);
	return code;
}

static bool check(const struct audit_conf *c)
{
	const char *wrong = NULL;

	if ((c->n_paths != 0) + (c->ifaces.n != 0) + (c->files.scenario != NULL) != 1)
		wrong = c->n_paths == 0 ? "which file, or interface (-i)?" : "files or interfaces, not both";
	else if (c->csv && common_eve_is_stdout(&c->common))
		wrong = "--csv and --eve - both want standard output";
	if (wrong != NULL)
		log_warnx("audit", "%s", wrong);
	return wrong == NULL && run_filter_check("audit", &c->files);
}

int cmd_audit(int argc, char **argv)
{
	struct audit_conf c = { .common = common_defaults("audit", "all") };
	const struct option_table tables[] = { { rows, &c }, { run_files_rows, &c.files }, { common_rows, &c.common }, { 0 } };
	struct run r = { .common = &c.common, .open = open_source, .events = { .audit = true }, .report = report, .arg = &c };
	int first = options_parse(tables, argc, argv, usage);

	if (first < 0)
		return first == OPTIONS_HELP ? EXIT_OK : EXIT_USAGE;
	c.paths = argv + first;
	c.n_paths = argc - first;
	if (!check(&c))
		return EXIT_USAGE;
	c.files.progress = !c.quiet;
	r.failed = c.ifaces.n != 0 ? EXIT_SOURCE : EXIT_FILE;
	return run_all(&r);
}
