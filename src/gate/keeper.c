/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gate/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/exit.h"
#include "base/log.h"
#include "gate/rules.h"
#include "gate/sandbox.h"
#include "gate/verb.h"

#define EVE_MODE 0640 /* events name people */

/* --- what needs rights --- */

bool keeper_eve_wanted(const struct keeper *k)
{
	return k->conf->eve != NULL && strcmp(k->conf->eve, "-") != 0;
}

int keeper_open_eve(const struct keeper *k)
{
	int fd;

	if (!keeper_eve_wanted(k))
		return -1;
	fd = open(k->conf->eve, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, EVE_MODE);
	if (fd < 0)
		log_warn("events", "%s", k->conf->eve);
	return fd;
}

static void reopen_eve(struct keeper *k)
{
	int fd = keeper_open_eve(k);

	if (fd < 0)
		return;
	(void)verb_send(k->verbs, VERB_EVE, NULL, fd);
	close(fd);
}

static void refuse(struct keeper *k, const char *why)
{
	log_warnx("rules", "keeping the old ones");
	(void)verb_send(k->verbs, VERB_REFUSED, why, -1);
}

static void hand_over(struct keeper *k)
{
	int fd = k->rules == NULL ? -1 : rules_pack(k->rules);

	if ((k->rules != NULL && fd < 0) || (k->verbs >= 0 && !verb_send(k->verbs, VERB_RULES, NULL, fd)))
		log_warn("rules", "handing them over");
	if (fd >= 0)
		close(fd);
}

static void reload_rules(struct keeper *k)
{
	char first[VERB_TEXT] = "";
	char *text = k->conf->rules == NULL ? NULL : rules_read(k->conf->rules);
	struct policy *policy = NULL;

	if (text != NULL || k->conf->rules == NULL)
		policy = rules_parse(k->conf, text, first, sizeof first);
	if (policy == NULL) {
		refuse(k, first[0] != '\0' ? first : "the rules cannot be read");
		free(text);
		return;
	}
	policy_free(policy);
	free(k->rules);
	k->rules = text;
	hand_over(k);
}

void keeper_reload(struct keeper *k)
{
	reopen_eve(k);
	reload_rules(k);
}

/* --- the parent of a program in two --- */

static volatile sig_atomic_t want_reload, stops;

static void on_signal(int sig)
{
	if (sig == SIGHUP)
		want_reload = 1;
	else
		stops++;
}

static void on_child(int sig)
{
	(void)sig; /* it only ends a wait */
}

static void catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal }, child = { .sa_handler = on_child };

	sigaction(SIGHUP, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGCHLD, &child, NULL);
}

/* A second signal to stop ends the child at once. */
static void heed(struct keeper *k, pid_t child, int *stopped)
{
	if (want_reload) {
		want_reload = 0;
		keeper_reload(k);
	}
	if (stops > *stopped && (*stopped != 0 || !verb_send(k->verbs, VERB_STOP, NULL, -1)))
		kill(child, SIGKILL);
	*stopped = stops;
}

static void hear(struct keeper *k)
{
	struct verb_message m;
	int fd;

	while (verb_receive(k->verbs, &m, &fd) == 1) {
		if (fd >= 0)
			close(fd);
		if (m.verb == VERB_RELOAD)
			keeper_reload(k);
	}
}

/* How the child ended. */
static int keep(struct keeper *k, pid_t child, const sigset_t *before)
{
	struct pollfd fd = { .fd = k->verbs, .events = POLLIN };
	int status, stopped = 0;
	pid_t done;

	while ((done = waitpid(child, &status, WNOHANG)) == 0) {
		/* signals come in here and nowhere else; who hung up has ended or is about to */
		if (ppoll(&fd, fd.revents & POLLHUP ? 0 : 1, NULL, before) > 0 && fd.revents & POLLIN)
			hear(k);
		heed(k, child, &stopped);
	}
	if (done < 0)
		return EXIT_OTHER;
	if (WIFSIGNALED(status))
		log_warnx("keeper", "ended by signal %d", WTERMSIG(status));
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_OTHER;
}

static bool give_up_rights(const struct identity *id, pid_t parent)
{
	return privilege_drop(id, PRIVILEGE_NONE, parent) && sandbox_enter();
}

int keeper_split(struct keeper *k, const struct identity *id, void (*closes)(void *), void *arg, const char *remove)
{
	sigset_t all, before;
	pid_t parent = getpid(), child;
	int pair[2];

	if (!verb_pair(pair)) {
		log_warn("keeper", "socketpair");
		return -1;
	}
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	catch_signals();
	child = fork();
	if (child == 0) {
		close(pair[0]);
		sigprocmask(SIG_SETMASK, &before, NULL);
		return give_up_rights(id, parent) ? pair[1] : -1;
	}
	close(pair[1]);
	k->verbs = pair[0];
	closes(arg);
	if (child > 0) {
		int code = keep(k, child, &before);

		if (remove != NULL)
			(void)unlink(remove);
		exit(code);
	}
	log_warn("keeper", "fork");
	exit(EXIT_OTHER);
}
