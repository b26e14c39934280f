/* SPDX-License-Identifier: GPL-3.0-or-later */
/* squelch watch: calls on interfaces, as they happen. */
#include "cmd/cmd.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/exit.h"
#include "base/hash.h"
#include "base/log.h"
#include "cmd/common.h"
#include "engine.h"
#include "event/calls.h"
#include "gate/ctl.h"

#define SNAPLEN_DEFAULT 262144 /* bytes; libpcap's own bound */
#define BUFFER_DEFAULT  64     /* MiB: 256 blocks, which the kernel gives away after 25 ms at the latest: 6 s; of a full gigabit half a second */
#define BUFFER_MAX      2047   /* libpcap takes the bytes as an int */
#define FLUSH_NS        (1 * NS_PER_S) /* events of flows are written at least so often */
#define DRAIN_NS        (2 * NS_PER_S) /* for what came before the signal to stop and is not read yet */

struct watch_conf {
	struct common_conf common;
	struct option_list ifaces;
	const char *filter, *ctl;
	uint32_t snaplen, buffer_mib, stats_s;
	bool no_promisc;
};

#define AT(member) offsetof(struct watch_conf, member)
static const struct option_row rows[] = {
	{ "interface", 'i', OPTION_LIST, "IFACE", AT(ifaces), "where to listen; again, or with commas, for more" },
	{ "filter", 'F', OPTION_TEXT, "BPF", AT(filter), "only packets that match, as for tcpdump" },
	{ "ctl", 0, OPTION_TEXT, "PATH", AT(ctl), "socket for squelch ctl (none)" },
	{ "stats", 0, OPTION_UINT, "SECONDS", AT(stats_s), "write a stats event this often" },
	{ "snaplen", 0, OPTION_UINT, "BYTES", AT(snaplen), "bytes of a packet that are looked at (262144)" },
	{ "buffer", 0, OPTION_UINT, "MIB", AT(buffer_mib), "of the kernel, for each interface (64)" },
	{ "no-promiscuous", 'p', OPTION_FLAG, NULL, AT(no_promisc), "only what is addressed to this machine" },
	{ 0 },
};

static const char usage[] =
    "watch [OPTION...] -i IFACE...\n"
    "\n"
    "Finds calls in live traffic and says what the rules would have done; nothing is\n"
    "cut. SIGHUP reads the rules and opens the file of events anew.";

struct watcher {
	const struct watch_conf *conf;
	struct source *source;
	struct engine *engine;
	struct event_sink *sink;
	struct policy *policy;
	FILE *eve;
	struct ctl *ctl;             /* NULL none */
	uint64_t flush_ns, stats_ns, ctl_ns; /* when next */
	uint64_t stop_ns;            /* what came before this is still read; UINT64_MAX: go on */
	unsigned errors;
};

/* --- signals --- */

static volatile sig_atomic_t want_stop, want_reload;

static void on_signal(int sig)
{
	if (sig == SIGHUP)
		want_reload = 1;
	else
		want_stop = 1;
}

/* A second signal to stop ends the program at once. */
static void catch_signals(void)
{
	struct sigaction once = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };
	struct sigaction always = { .sa_handler = on_signal };

	sigaction(SIGINT, &once, NULL);
	sigaction(SIGTERM, &once, NULL);
	sigaction(SIGHUP, &always, NULL);
}

/* --- reload --- */

/* New rules, when they are right; the old ones stay otherwise. */
static bool reload_rules(struct watcher *w)
{
	struct policy *fresh = common_policy(&w->conf->common);

	if (fresh == NULL) {
		log_warnx("watch", "the rules are wrong: the old ones stay");
		return false;
	}
	engine_set_policy(w->engine, fresh);
	policy_free(w->policy);
	w->policy = fresh;
	log_info("watch", "%u rules in force", policy_count(fresh));
	return true;
}

static bool reload(struct watcher *w)
{
	bool eve;

	event_flush(w->sink);
	eve = common_reopen_eve(&w->conf->common, w->eve);
	return reload_rules(w) && eve;
}

/* --- control: all on the one thread, between two packets --- */

static void say_call(void *arg, const struct call *c)
{
	ctl_say_call(arg, c);
}

static bool say_flow(void *arg, const struct engine_flow *f)
{
	ctl_say_flow(arg, f); /* those without room are counted too */
	return true;
}

static const char *say_calls(void *arg, struct ctl_reply *r)
{
	const struct watcher *w = arg;

	ctl_say_calls_head(r);
	event_each_call(w->sink, say_call, r);
	return NULL;
}

static const char *say_flows(void *arg, struct ctl_reply *r)
{
	const struct watcher *w = arg;

	ctl_say_flows_head(r);
	engine_each(w->engine, say_flow, r);
	return NULL;
}

static const char *say_stats(void *arg, struct ctl_reply *r)
{
	const struct watcher *w = arg;
	struct counts counts;

	source_live_refresh(w->source);
	counts = engine_counts_now(w->engine);
	event_counts(w->sink, &counts);
	ctl_say_counts(r, &counts);
	return NULL;
}

static const char *kill_nothing(void *arg, const char *id, struct ctl_reply *r)
{
	(void)arg, (void)id, (void)r;
	return "not enforced: watch only listens";
}

static const char *reload_now(void *arg, struct ctl_reply *r)
{
	(void)r;
	return reload(arg) ? NULL : "not everything could be read again: standard error tells";
}

static const struct ctl_ops ctl_ops = { say_calls, kill_nothing, say_flows, say_stats, reload_now };

static bool open_ctl(struct watcher *w)
{
	int fd;

	if (w->conf->ctl == NULL)
		return true;
	fd = ctl_listen(w->conf->ctl);
	if (fd < 0)
		log_warn("watch", "%s", w->conf->ctl);
	else
		w->ctl = ctl_new(fd, &ctl_ops, w);
	return w->ctl != NULL;
}

static void close_ctl(struct watcher *w)
{
	if (w->ctl != NULL)
		unlink(w->conf->ctl);
	ctl_free(w->ctl);
}

/* --- the loop --- */

/* What is due at this moment of the traffic's time. */
static void keep_time(struct watcher *w, uint64_t mono_ns)
{
	if (w->ctl != NULL && mono_ns >= w->ctl_ns) {
		ctl_step(w->ctl, mono_ns);
		w->ctl_ns = mono_ns + TICK_NS / 2;
	}
	if (mono_ns >= w->flush_ns) {
		event_flush(w->sink);
		w->flush_ns = mono_ns + FLUSH_NS;
	}
	if (w->conf->stats_s != 0 && mono_ns >= w->stats_ns) {
		if (w->stats_ns != 0)
			engine_stats(w->engine);
		w->stats_ns = mono_ns + w->conf->stats_s * NS_PER_S;
	}
}

/* False when it is time to end. */
static bool heed_signals(struct watcher *w)
{
	if (want_reload) {
		want_reload = 0;
		reload(w);
	}
	if (want_stop && w->stop_ns == UINT64_MAX)
		w->stop_ns = source_live_now(w->source);
	return w->stop_ns == UINT64_MAX || source_live_now(w->source) < w->stop_ns + DRAIN_NS;
}

/* One answer of the source; false at the end. */
static bool step(struct watcher *w)
{
	struct frame frame;

	switch (source_next(w->source, &frame)) {
	case SOURCE_FRAME:
		(void)engine_packet(w->engine, &frame);
		break;
	case SOURCE_TICK:
		engine_tick(w->engine, &frame);
		break;
	case SOURCE_ERROR:
		log_warnx("watch", "%s", w->source->error);
		w->errors++;
		return true;
	case SOURCE_EPOCH:
		return true;
	case SOURCE_END:
		return false;
	}
	keep_time(w, frame.mono_ns);
	return frame.mono_ns < w->stop_ns;
}

static int run(struct watcher *w)
{
	int error = 0;

	catch_signals();
	engine_begin(w->engine, w->source);
	event_flush(w->sink);
	while (heed_signals(w) && step(w))
		;
	source_live_refresh(w->source);
	engine_end(w->engine);
	event_flush(w->sink);
	if (fflush(stdout) != 0 || !event_ok(w->sink, &error)) {
		errno = error != 0 ? error : errno;
		log_warn("watch", "writing events");
		return EXIT_FILE;
	}
	return w->errors == 0 ? EXIT_OK : EXIT_SOURCE;
}

/* --- opening --- */

static struct source *open_source(const struct watch_conf *c)
{
	const struct live_conf live = {
		.ifaces = c->ifaces.item, .n = c->ifaces.n, .filter = c->filter,
		.snaplen = c->snaplen, .buffer_mib = c->buffer_mib, .promiscuous = !c->no_promisc,
	};
	char error[SOURCE_ERROR_LEN];
	struct source *s = source_live(&live, error);

	if (s == NULL)
		log_warnx("watch", "%s", error);
	return s;
}

static bool check(const struct watch_conf *c)
{
	char error[SOURCE_ERROR_LEN];

	if (c->ifaces.n == 0) {
		log_warnx("watch", "on which interface? (-i)");
		return false;
	}
	if (c->snaplen > SNAPLEN_DEFAULT || c->buffer_mib > BUFFER_MAX) {
		log_warnx("watch", "--snaplen goes to %d bytes, --buffer to %d MiB", SNAPLEN_DEFAULT, BUFFER_MAX);
		return false;
	}
	if (c->filter != NULL && !source_filter_check(c->filter, error)) {
		log_warnx("watch", "%s", error);
		return false;
	}
	return true;
}

/* With everything opened but the engine; returns an exit code. */
static int start(struct watcher *w, const struct engine_conf *conf)
{
	const struct common_conf *c = &w->conf->common;
	int code = EXIT_MEMORY;

	w->sink = event_sink_new(&(struct event_conf){ .eve = w->eve, .sensor = c->sensor,
		.ifaces = w->source->iface_names, .redact = c->redact });
	w->engine = w->sink == NULL ? NULL : engine_new(conf, w->policy, w->sink);
	if (w->engine == NULL)
		log_warnx("watch", "not enough memory");
	else
		code = run(w);
	engine_free(w->engine);
	event_sink_free(w->sink);
	return code;
}

int cmd_watch(int argc, char **argv)
{
	struct watch_conf c = { .common = common_defaults("watch", "evidence"),
		.snaplen = SNAPLEN_DEFAULT, .buffer_mib = BUFFER_DEFAULT };
	const struct option_table tables[] = { { rows, &c }, { common_rows, &c.common }, { 0 } };
	struct engine_conf conf = engine_conf_default();
	struct watcher w = { .conf = &c, .stop_ns = UINT64_MAX };
	int code = EXIT_USAGE, first = options_parse(tables, argc, argv, usage);

	if (first < 0)
		return first == OPTIONS_HELP ? EXIT_OK : EXIT_USAGE;
	if (first != argc) {
		log_warnx("watch", "%s: what is this?", argv[first]);
		return EXIT_USAGE;
	}
	hash_init();
	if (!check(&c) || !common_engine(&c.common, &conf) || (w.policy = common_policy(&c.common)) == NULL)
		goto out;
	code = EXIT_SOURCE;
	if ((w.source = open_source(&c)) == NULL)
		goto out;
	code = EXIT_FILE;
	if (common_open_eve(&c.common, COMMON_EVE_APPEND, &w.eve) && open_ctl(&w))
		code = start(&w, &conf);
out:
	close_ctl(&w);
	if (!common_close_eve(&c.common, w.eve))
		code = EXIT_FILE;
	source_close(w.source);
	policy_free(w.policy);
	return code;
}
