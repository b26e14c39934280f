/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gate/gate.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/exit.h"
#include "base/log.h"
#include "base/now.h"
#include "base/text.h"
#include "gate/backlog.h"
#include "gate/ctl.h"
#include "gate/keeper.h"
#include "gate/notify.h"
#include "gate/process.h"
#include "gate/rules.h"
#include "gate/verb.h"
#include "gate/watchman.h"

/*
 * A stopped or hung worker holds up its queue. Its process is killed, its
 * queues are unbound and the firewall passes packets by: watchman.h says when.
 */
#define START_NS    (20 * NS_PER_S)   /* until all queues are bound: rules, memory */
#define STOP_NS     (10 * NS_PER_S)   /* for the last events */
#define BACKOFF_MIN_NS (250 * NS_PER_MS)
#define BACKOFF_MAX_NS (30 * NS_PER_S)
#define STEADY_NS   (60 * NS_PER_S)   /* after so long without a fault the next restart is at once again */
#define FOLDER_MODE 0755

/* In memory that the working process sees too. */
struct shared {
	beat beats[QUEUES_MAX];
	struct backlog_tally backlog;
};

struct supervisor {
	const struct gate_conf *conf;
	struct identity identity;
	struct keeper keeper;      /* its verbs: to the working process */
	struct shared *shared;
	struct watchman watchman;
	struct backlog backlog;
	unsigned n;
	int ctl;                   /* listening control socket, -1 none */
	pid_t pid;                 /* 0 none */
	bool ready, ever_ready, stopping, hung;
	uint64_t started_ns, start_at_ns, backoff_ns, stop_by_ns;
	uint64_t watchdog_ns, watchdog_at_ns;
	int code;                  /* exit code, when it is over */
};

static volatile sig_atomic_t want_reload, want_stop;

static void on_signal(int sig)
{
	if (sig == SIGHUP)
		want_reload = 1;
	else
		want_stop = 1;
}

/* --- what needs rights --- */

/* The folder of the socket, one level: /run/squelch is ours. */
static void make_folder(const char *path)
{
	char folder[PATH_MAX];
	size_t len = strlen(path);

	while (len > 0 && path[len - 1] != '/')
		len--;
	if (len <= 1 || len > sizeof folder)
		return;
	memcpy(folder, path, len - 1);
	folder[len - 1] = '\0';
	(void)mkdir(folder, FOLDER_MODE);
}

/* For root and the group of the working process. -1: none wanted, or said why not: calls are blocked without it too. */
static int listen_ctl(const struct supervisor *s)
{
	const char *path = s->conf->ctl;
	int fd;

	if (path == NULL || *path == '\0')
		return -1;
	make_folder(path);
	fd = ctl_listen(path);
	if (fd < 0 || chown(path, (uid_t)-1, s->identity.gid) != 0)
		log_warn("ctl", "%s", path);
	return fd;
}

static void on_reload(struct supervisor *s)
{
	char text[64];

	snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)(now_ns(CLOCK_MONOTONIC) / NS_PER_US));
	notify_say(text);
	keeper_reload(&s->keeper);
	notify_say("READY=1");
}

/* What the working process may ask for. */
static void (*const verbs[VERBS])(struct supervisor *) = {
	[VERB_RELOAD] = on_reload,
};

static void on_ready(struct supervisor *s)
{
	char count[TEXT_LEN];

	s->ready = s->ever_ready = true;
	backlog_begin(&s->backlog);
	log_info("gate", "%s bound", text_count(s->n, "queue", count));
	notify_say("READY=1");
}

static void hear(struct supervisor *s)
{
	struct verb_message m;
	int fd;

	while (s->pid > 0 && verb_receive(s->keeper.verbs, &m, &fd) == 1) {
		if (fd >= 0)
			close(fd);
		if (m.verb == VERB_READY)
			on_ready(s);
		else if (verbs[m.verb] != NULL)
			verbs[m.verb](s);
	}
}

/* --- the working process --- */

static void child(struct supervisor *s, int verbs_fd, int eve, pid_t parent)
{
	struct process_start start = {
		.conf = s->conf, .rules = s->keeper.rules, .identity = s->identity, .parent = parent,
		.verbs = verbs_fd, .eve = eve, .ctl = s->ctl, .beats = s->shared->beats,
		.backlog = &s->shared->backlog,
	};
	int code;

	close(s->keeper.verbs);
	if (s->backlog.fd >= 0)
		close(s->backlog.fd);
	code = process_run(&start);
	fflush(stdout);
	exit(code);
}

static void start_later(struct supervisor *s, uint64_t now)
{
	s->start_at_ns = now + s->backoff_ns;
	s->backoff_ns = s->backoff_ns == 0 ? BACKOFF_MIN_NS : s->backoff_ns * 2;
	if (s->backoff_ns > BACKOFF_MAX_NS)
		s->backoff_ns = BACKOFF_MAX_NS;
}

/* Before it ever ran this is a mistake of whoever calls us, and the end; later it may pass, as a full disk does. */
static void not_started(struct supervisor *s, int code)
{
	if (s->ever_ready) {
		start_later(s, s->started_ns);
		return;
	}
	s->code = code;
	s->stopping = true;
}

static void start(struct supervisor *s)
{
	int pair[2], eve = keeper_open_eve(&s->keeper);
	pid_t parent = getpid();

	s->started_ns = now_ns(CLOCK_MONOTONIC);
	if (eve < 0 && keeper_eve_wanted(&s->keeper)) {
		not_started(s, EXIT_FILE);
		return;
	}
	if (!verb_pair(pair)) {
		if (eve >= 0)
			close(eve);
		not_started(s, EXIT_OTHER);
		return;
	}
	for (unsigned i = 0; i < s->n; i++)
		atomic_store(&s->shared->beats[i], BEAT_NONE);
	atomic_store(&s->shared->backlog.full, 0);
	atomic_store(&s->shared->backlog.lost, 0);
	s->keeper.verbs = pair[0];
	s->ready = s->hung = false;
	fflush(NULL);
	s->pid = fork();
	if (s->pid == 0)
		child(s, pair[1], eve, parent);
	if (s->pid < 0) {
		log_warn("gate", "fork");
		s->pid = 0;
		close(pair[0]);
		s->keeper.verbs = -1;
		not_started(s, EXIT_OTHER);
	}
	close(pair[1]);
	if (eve >= 0)
		close(eve);
}

static void watch(struct supervisor *s, uint64_t now)
{
	int i;

	if (s->pid <= 0 || s->hung)
		return;
	i = watchman_round(&s->watchman, s->shared->beats, s->n, now);
	if (i >= 0)
		log_warnx("gate", "worker %d does not answer: traffic passes by, starting anew", i);
	else if (!s->ready && now - s->started_ns > START_NS)
		log_warnx("gate", "the start takes too long");
	else if (s->stopping && now > s->stop_by_ns)
		log_warnx("gate", "the end takes too long");
	else
		return;
	kill(s->pid, SIGKILL);
	s->hung = true;
}

static void log_end(int status)
{
	if (WIFSIGNALED(status))
		log_warnx("gate", "the working process was ended by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) != EXIT_OK)
		log_warnx("gate", "the working process ended with code %d", WEXITSTATUS(status));
}

/* It ended: when to start the next one, or to give up. */
static void ended(struct supervisor *s, int status, uint64_t now)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_OTHER;

	log_end(status);
	s->pid = 0;
	close(s->keeper.verbs);
	s->keeper.verbs = -1;
	if (s->stopping || !s->ever_ready) {
		s->code = s->hung ? EXIT_OTHER : code;
		s->stopping = true;
		return;
	}
	if (now - s->started_ns > STEADY_NS)
		s->backoff_ns = 0;
	start_later(s, now);
}

static void reap(struct supervisor *s, uint64_t now)
{
	int status;

	if (s->pid > 0 && waitpid(s->pid, &status, WNOHANG) == s->pid)
		ended(s, status, now);
}

static void stop(struct supervisor *s, uint64_t now)
{
	s->stopping = true;
	s->stop_by_ns = now + STOP_NS;
	notify_say("STOPPING=1");
	if (s->pid > 0 && !verb_send(s->keeper.verbs, VERB_STOP, NULL, -1))
		kill(s->pid, SIGKILL);
}

/* --- the loop --- */

static void wait_a_little(struct supervisor *s)
{
	struct pollfd fd = { .fd = s->keeper.verbs, .events = POLLIN };

	/* a process that is gone hangs up at once: it is reaped at the next round */
	if (poll(&fd, 1, WATCHMAN_ROUND_MS) > 0 && !(fd.revents & POLLIN))
		usleep(1000);
}

static void tell_watchdog(struct supervisor *s, uint64_t now)
{
	if (s->watchdog_ns == 0 || now < s->watchdog_at_ns)
		return;
	notify_say("WATCHDOG=1");
	s->watchdog_at_ns = now + s->watchdog_ns;
}

static void round_once(struct supervisor *s)
{
	uint64_t now = now_ns(CLOCK_MONOTONIC);

	if (s->pid == 0 && !s->stopping && now >= s->start_at_ns)
		start(s);
	wait_a_little(s);
	now = now_ns(CLOCK_MONOTONIC);
	hear(s);
	reap(s, now);
	watch(s, now);
	if (s->pid > 0 && s->ready && !s->stopping)
		backlog_look(&s->backlog, now);
	if (want_reload) {
		want_reload = 0;
		on_reload(s);
	}
	if (want_stop && !s->stopping)
		stop(s, now);
	tell_watchdog(s, now);
}

static void catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal }, ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGHUP, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

/* The rules as they are now, tried. */
static bool first_rules(struct supervisor *s)
{
	struct policy *policy;

	if (s->conf->rules != NULL && (s->keeper.rules = rules_read(s->conf->rules)) == NULL)
		return false;
	policy = rules_parse(s->conf, s->keeper.rules, NULL, 0);
	policy_free(policy);
	return policy != NULL;
}

static struct shared *shared_new(void)
{
	struct shared *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return s == MAP_FAILED ? NULL : s;
}

int gate_supervise(const struct gate_conf *conf)
{
	struct supervisor s = {
		.conf = conf, .n = conf->udp.n + conf->tcp.n, .ctl = -1,
		.keeper = { .conf = conf, .verbs = -1 },
		.watchdog_ns = notify_watchdog_ns(),
	};

	if (!first_rules(&s) || !privilege_find(conf->user, &s.identity)) {
		free(s.keeper.rules);
		return EXIT_USAGE;
	}
	s.shared = shared_new();
	if (s.shared == NULL)
		return EXIT_MEMORY;
	s.backlog = (struct backlog){ .conf = conf, .tally = &s.shared->backlog, .fd = -1 };
	s.ctl = listen_ctl(&s);
	catch_signals();
	while (!s.stopping || s.pid != 0)
		round_once(&s);
	if (s.ctl >= 0) {
		close(s.ctl);
		(void)unlink(conf->ctl);
	}
	if (s.backlog.fd >= 0)
		close(s.backlog.fd);
	free(s.keeper.rules);
	return s.code;
}
