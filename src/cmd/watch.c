/* SPDX-License-Identifier: GPL-3.0-or-later */
/* squelch watch: calls on interfaces, as they happen. */
#include "cmd/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/exit.h"
#include "base/hash.h"
#include "base/log.h"
#include "cmd/watch.h"
#include "detect/quic_crypto.h"
#include "gate/rules.h"
#include "gate/verb.h"

#define SNAPLEN_DEFAULT 262144 /* bytes; libpcap's own bound */
#define BUFFER_DEFAULT  64     /* MiB: 256 blocks, which the kernel gives away after 25 ms at the latest: 6 s; of a full gigabit half a second */
#define BUFFER_MAX      2047   /* libpcap takes the bytes as an int */
#define FLUSH_NS        (1 * NS_PER_S) /* events of flows are written at least so often */
#define RELOAD_NS       (5 * NS_PER_S) /* for the keeper to read and try the rules */
#define DRAIN_NS        (2 * NS_PER_S) /* for what came before the signal to stop and is not read yet */

#define AT(member) offsetof(struct watch_conf, member)
static const struct option_row rows[] = {
	{ "interface", 'i', OPTION_LIST, "IFACE", AT(ifaces), "where to listen; again, or with commas, for more" },
	{ "filter", 'F', OPTION_TEXT, "BPF", AT(filter), "only packets that match, as for tcpdump" },
	{ "ctl", 0, OPTION_TEXT, "PATH", AT(ctl), "socket for squelch ctl (none)" },
	{ "user", 0, OPTION_TEXT, "NAME", AT(user), "who listens, when root began (squelch, else nobody)" },
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
    "cut. Without --eve it prints a line for each decision and for each call that\n"
    "ended, and a summary when it is ended. SIGHUP reads the rules and opens the\n"
    "file of events anew.";

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

/* --- other rules, another file of events: the keeper has the rights for that --- */

static void take_rules(struct watcher *w, int fd)
{
	char *text = fd < 0 ? NULL : rules_receive(fd);
	struct policy *fresh = text == NULL && fd >= 0 ? NULL : rules_parse(&w->gate, text, NULL, 0);

	free(text);
	if (fresh == NULL) { /* they were right a moment ago: a zone's file, or memory */
		w->reloading = "the rules could not be taken over: standard error tells";
		return;
	}
	engine_set_policy(w->engine, fresh);
	policy_free(w->policy);
	w->policy = fresh;
	w->reloading = NULL;
	log_info("watch", "%u rules in force", policy_count(fresh));
}

static void take_eve(struct watcher *w, int fd)
{
	if (fd < 0)
		return;
	event_flush(w->sink);
	fflush(w->eve);
	if (dup3(fd, fileno(w->eve), O_CLOEXEC) < 0) /* under the old number: whoever holds the FILE need not know */
		log_warn("watch", "the file of events");
	close(fd);
}

static void hear(struct watcher *w)
{
	struct verb_message m;
	int fd;

	while (verb_receive(w->verbs, &m, &fd) == 1) {
		if (m.verb == VERB_RULES) {
			take_rules(w, fd);
		} else if (m.verb == VERB_EVE) {
			take_eve(w, fd);
		} else if (m.verb == VERB_REFUSED) {
			memcpy(w->refused, m.text, sizeof w->refused);
			w->reloading = w->refused;
		} else if (m.verb == VERB_STOP) {
			want_stop = 1;
		}
	}
}

static const char waiting[] = "the keeper of files does not answer";

const char *watch_reload(struct watcher *w)
{
	struct pollfd fd = { .fd = w->verbs, .events = POLLIN };
	uint64_t until = source_live_now(w->source) + RELOAD_NS;

	w->reloading = waiting;
	if (!verb_send(w->verbs, VERB_RELOAD, NULL, -1))
		return waiting;
	while (w->reloading == waiting && source_live_now(w->source) < until)
		if (poll(&fd, 1, (int)(TICK_NS / NS_PER_MS)) > 0)
			hear(w);
	return w->reloading;
}

/* --- control --- */

static bool open_ctl(struct watcher *w)
{
	int fd;

	if (w->conf->ctl == NULL)
		return true;
	fd = ctl_listen(w->conf->ctl);
	if (fd < 0 || (geteuid() == 0 && chown(w->conf->ctl, (uid_t)-1, w->identity.gid) != 0))
		log_warn("watch", "%s", w->conf->ctl);
	else
		w->ctl = ctl_new(fd, &watch_ctl_ops, w);
	return w->ctl != NULL;
}

/* Once there is a keeper it takes the name away. */
static void close_ctl(struct watcher *w)
{
	if (w->ctl != NULL && w->verbs < 0)
		unlink(w->conf->ctl);
	ctl_free(w->ctl);
}

/* --- the loop --- */

/* What is due at this moment of the traffic's time. */
static void keep_time(struct watcher *w, uint64_t mono_ns)
{
	if (mono_ns >= w->ctl_ns) {
		hear(w);
		if (w->ctl != NULL)
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
		(void)watch_reload(w);
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

/* To those who read along; with a file of events nobody does. */
static void say_where(const struct watcher *w)
{
	const struct option_list *l = &w->conf->ifaces;
	char names[OPTION_LIST_MAX * (IF_NAMESIZE + 2)];
	size_t len = 0;

	for (unsigned i = 0; i < l->n && len < sizeof names; i++)
		len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", i == 0 ? "" : ", ", l->item[i]);
	log_info("watch", "listening on %s; Ctrl-C ends", names);
}

static int run(struct watcher *w)
{
	int error = 0;

	if (w->eve == NULL)
		say_where(w);

	catch_signals();
	engine_begin(w->engine, w->source);
	event_flush(w->sink);
	while (heed_signals(w) && step(w))
		;
	source_live_refresh(w->source);
	engine_end(w->engine);
	event_flush(w->sink);
	if (w->eve == NULL) {
		putchar('\n');
		event_summary(w->sink, stdout);
	}
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
		.ifaces = w->source->iface_names, .redact = c->redact, .tell = w->eve == NULL ? stdout : NULL,
		.summary = w->eve == NULL });
	w->engine = w->sink == NULL ? NULL : engine_new(conf, w->policy, w->sink);
	if (w->engine == NULL)
		log_warnx("watch", "not enough memory");
	else
		code = run(w);
	engine_free(w->engine);
	event_sink_free(w->sink);
	return code;
}

static void close_all(void *arg)
{
	struct watcher *w = arg;

	ctl_free(w->ctl);
	source_close(w->source);
	policy_free(w->policy);
	if (w->eve != NULL && w->eve != stdout)
		fclose(w->eve);
}

/* From here on without rights. */
static bool split(struct watcher *w)
{
	const struct common_conf *c = &w->conf->common;

	w->gate = (struct gate_conf){ .rules = c->rules, .eve = c->eve, .act_bits = c->act_bits };
	w->keeper = (struct keeper){ .conf = &w->gate, .verbs = -1 };
	quic_crypto_start();
	w->verbs = keeper_split(&w->keeper, &w->identity, close_all, w, w->ctl != NULL ? w->conf->ctl : NULL);
	return w->verbs >= 0;
}

int cmd_watch(int argc, char **argv)
{
	struct watch_conf c = { .common = common_defaults("watch", "evidence"),
		.snaplen = SNAPLEN_DEFAULT, .buffer_mib = BUFFER_DEFAULT };
	const struct option_table tables[] = { { rows, &c }, { common_rows, &c.common }, { 0 } };
	struct engine_conf conf = engine_conf_default();
	struct watcher w = { .conf = &c, .stop_ns = UINT64_MAX, .verbs = -1 };
	int code = EXIT_USAGE, first = options_parse(tables, argc, argv, usage);

	if (first < 0)
		return first == OPTIONS_HELP ? EXIT_OK : EXIT_USAGE;
	if (first != argc) {
		log_warnx("watch", "%s: takes no operands (interfaces go with -i)", argv[first]);
		return EXIT_USAGE;
	}
	hash_init();
	if (!check(&c) || (geteuid() == 0 && !privilege_find(c.user, &w.identity)) || !common_engine(&c.common, &conf) || (w.policy = common_policy(&c.common)) == NULL)
		goto out;
	code = EXIT_SOURCE;
	if ((w.source = open_source(&c)) == NULL)
		goto out;
	code = EXIT_FILE;
	if (!common_open_eve(&c.common, COMMON_EVE_APPEND, &w.eve) || !open_ctl(&w))
		goto out;
	code = split(&w) ? start(&w, &conf) : EXIT_OTHER;
out:
	close_ctl(&w);
	if (!common_close_eve(&c.common, w.eve))
		code = EXIT_FILE;
	source_close(w.source);
	policy_free(w.policy);
	return code;
}
