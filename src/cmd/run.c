/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/run.h"

#include <errno.h>
#include <signal.h>

#include "base/exit.h"
#include "base/hash.h"
#include "base/heap.h"
#include "base/log.h"
#include "cmd/progress.h"

/* Watched flows of some 400,000 took 30 MiB; beyond this the heap is as it always was. */
#define HEAP_BYTES (64u << 20)

static volatile int stop;

static void on_stop(int sig)
{
	(void)sig;
	stop = 1;
}

static void catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_stop, .sa_flags = (int)SA_RESETHAND };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

#define AT(member) offsetof(struct run_files, member)
const struct option_row run_files_rows[] = {
	{ "filter", 'F', OPTION_TEXT, "BPF", AT(filter), "only packets that match, as for tcpdump" },
	{ "scenario", 0, OPTION_TEXT, "FILE", AT(scenario), NULL },
	{ 0 },
};

bool run_filter_check(const char *command, const struct run_files *f)
{
	char error[SOURCE_ERROR_LEN];
	bool ok = f->filter == NULL || source_filter_check(f->filter, error);

	if (!ok)
		log_warnx(command, "%s", error);
	return ok;
}

struct source *run_open_files(const char *command, const struct run_files *f, char **paths, int n)
{
	char error[SOURCE_ERROR_LEN];
	struct source *s = f->scenario != NULL ? source_scenario(f->scenario, error)
	    : source_files(paths, n, f->filter, error);

	if (s == NULL)
		log_warnx(command, "%s", error);
	else if (f->progress)
		s = progress_watch(s);
	return s;
}

static int run_engine(const struct run *r, const struct engine_conf *conf, const struct policy *policy,
    struct source *source)
{
	const char *command = r->common->command;
	struct event_sink *sink = event_sink_new(&r->events);
	struct engine *engine = sink == NULL ? NULL : engine_new(conf, policy, sink);
	int code = EXIT_MEMORY, error = 0;

	if (engine == NULL) {
		log_warnx(command, "not enough memory");
		goto out;
	}
	heap_prepare(HEAP_BYTES);
	catch_signals();
	code = engine_run(engine, source, &stop) == 0 ? EXIT_OK : r->failed;
	code = r->report(r->arg, sink, code);
	event_flush(sink);
	if (fflush(stdout) != 0 || !event_ok(sink, &error)) {
		errno = error != 0 ? error : errno;
		log_warn(command, "writing what was found");
		code = EXIT_FILE;
	}
out:
	engine_free(engine);
	event_sink_free(sink);
	return code;
}

int run_all(struct run *r)
{
	struct engine_conf conf = engine_conf_default();
	struct policy *policy = NULL;
	struct source *source = NULL;
	FILE *eve = NULL;
	int code = EXIT_USAGE;

	hash_init();
	if (!common_engine(r->common, &conf) || (policy = common_policy(r->common)) == NULL)
		goto out;
	code = r->failed;
	source = r->open(r->arg);
	if (source == NULL)
		goto out;
	code = EXIT_FILE;
	if (!common_open_eve(r->common, COMMON_EVE_ANEW, &eve))
		goto out;
	r->events.eve = eve;
	r->events.sensor = r->common->sensor;
	r->events.redact = r->common->redact;
	r->events.ifaces = source->iface_names;
	code = run_engine(r, &conf, policy, source);
out:
	if (!common_close_eve(r->common, eve))
		code = EXIT_FILE;
	source_close(source);
	policy_free(policy);
	return code;
}
