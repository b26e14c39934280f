/* SPDX-License-Identifier: GPL-3.0-or-later */
/* squelch explain: the evidence of one flow. */
#include "cmd/cmd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/exit.h"
#include "base/hash.h"
#include "base/log.h"
#include "cmd/run.h"
#include "explain/report.h"

struct explain_conf {
	struct common_conf common;
	struct run_files files;
	const char *flow;
};

#define AT(member) offsetof(struct explain_conf, member)
static const struct option_row rows[] = {
	{ "flow", 0, OPTION_TEXT, "ID", AT(flow), "its number here, flow_id of an event, or \"udp ADDR:PORT ADDR:PORT\"" },
	{ 0 },
};

static const char usage[] =
    "explain [OPTION...] FILE\n"
    "\n"
    "Tells why a flow of a capture is called what it is: its evidence in the order it\n"
    "came, payload sizes, gaps between packets, and the clock they follow. The file is\n"
    "read twice. Without --flow the most interesting flow is explained.";

/* What is run over the file, twice. */
struct reading {
	const struct explain_conf *conf;
	struct engine_conf engine;
	const struct policy *policy;
	char *path;
};

/* Reads the file with the hooks set in `engine`; returns an exit code. */
static int read_once(struct reading *r)
{
	struct source *source = run_open_files("explain", &r->conf->files, &r->path, 1);
	struct engine *e;
	int code = EXIT_FILE;

	if (source == NULL)
		return EXIT_FILE;
	e = engine_new(&r->engine, r->policy, NULL);
	if (e == NULL) {
		log_warnx("explain", "not enough memory");
		code = EXIT_MEMORY;
	} else if (engine_run(e, source, NULL) == 0) {
		code = EXIT_OK;
	}
	engine_free(e);
	source_close(source);
	return code;
}

static void on_event(void *picks, const struct event *ev)
{
	picks_event(picks, ev);
}

/* Damage in a file was told when it was met; what lies before it is explained. */
static int explain(struct reading *r, struct picks *picks, struct trace *t)
{
	const struct report_conf conf = { r->engine.report_bits, r->engine.act_bits };
	int code;

	t->enabled = r->engine.detectors;
	t->number = flow_ordinal(picks->card[0].flow.id);
	r->engine.on_event = trace_event;
	r->engine.on_look = trace_look;
	r->engine.arg = t;
	code = read_once(r);
	if (code == EXIT_MEMORY || !t->ended)
		return code;
	report_list(picks, stdout);
	report_flow(t, &conf, stdout);
	if (fflush(stdout) == 0)
		return code;
	log_warn("explain", "writing the report");
	return EXIT_FILE;
}

static int run(struct reading *r, const struct pick_want *want)
{
	struct picks *picks = calloc(1, sizeof *picks);
	struct trace *t = trace_new(0);
	int code = EXIT_MEMORY;

	if (picks == NULL || t == NULL) {
		log_warnx("explain", "not enough memory");
		goto out;
	}
	picks->want = *want;
	r->engine.on_event = on_event;
	r->engine.arg = picks;
	code = read_once(r);
	if (code == EXIT_MEMORY)
		goto out;
	if (picks->n_card != 0) {
		code = explain(r, picks, t);
	} else if (code == EXIT_OK) {
		log_warnx("explain", picks->flows == 0 ? "there is no flow" : "no flow is --flow %s; without it they are listed", r->conf->flow);
		code = EXIT_USAGE;
	}
out:
	trace_free(t);
	free(picks);
	return code;
}

static bool check(const struct explain_conf *c, int operands, char **operand, struct pick_want *want)
{
	const char *wrong = NULL;

	*want = (struct pick_want){ 0 };
	if (operands + (c->files.scenario != NULL) != 1)
		wrong = operands == 0 ? "which file?" : "one file at a time";
	else if (operands == 1 && strcmp(operand[0], "-") == 0)
		wrong = "a file is read twice: standard input cannot be";
	else if (c->flow != NULL && !pick_parse(c->flow, want))
		wrong = "--flow: a number, or \"udp ADDRESS:PORT ADDRESS:PORT\"";
	if (wrong != NULL)
		log_warnx("explain", "%s", wrong);
	return wrong == NULL && run_filter_check("explain", &c->files);
}

int cmd_explain(int argc, char **argv)
{
	struct explain_conf c = { .common = common_defaults("explain", "evidence") };
	const struct option_table tables[] = { { rows, &c }, { run_files_rows, &c.files }, { common_judge_rows, &c.common }, { 0 } };
	struct reading r = { .conf = &c, .engine = engine_conf_default() };
	int code = EXIT_USAGE, first = options_parse(tables, argc, argv, usage);
	struct policy *policy = NULL;
	struct pick_want want;

	if (first < 0)
		return first == OPTIONS_HELP ? EXIT_OK : EXIT_USAGE;
	hash_init();
	if (!check(&c, argc - first, argv + first, &want) || !common_engine(&c.common, &r.engine) ||
	    (policy = common_policy(&c.common)) == NULL)
		goto out;
	r.policy = policy;
	r.path = argv[first];
	code = run(&r, &want);
out:
	policy_free(policy);
	return code;
}
