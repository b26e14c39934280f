/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_GATE_PROCESS_H
#define SQUELCH_GATE_PROCESS_H

#include "gate/backlog.h"
#include "gate/gate.h"
#include "gate/privilege.h"
#include "gate/verb.h"
#include "gate/worker.h"
#include "gate/writer.h"

/* The process that does the work, without rights. */

/* What the supervisor prepared. */
struct process_start {
	const struct gate_conf *conf;
	const char *rules;         /* text; NULL: built in */
	struct identity identity;
	pid_t parent;
	int verbs, eve, ctl;       /* descriptors; -1 none */
	beat *beats;               /* one a queue */
	const struct backlog_tally *backlog;
};

#define POLICIES_LEFT 8 /* then no more rules are taken until events are written again */

/* All of it. What a thread owns is asked for through its mailbox. */
struct process {
	const struct gate_conf *conf;
	const struct process_start *start;
	struct policy *policy;
	struct policy *left[POLICIES_LEFT]; /* replaced, and named by events that wait for a writer who hangs */
	unsigned n_left;
	struct facts *facts;
	struct skype_hosts *skype;
	struct roles *roles;
	struct limits *limits;
	struct ifaces *ifaces;
	struct event_queue *events;
	struct writer writer;
	struct conntrack *conntrack;
	struct sampler *sampler;
	pthread_t conntrack_thread, sampler_thread;
	atomic_bool stop;
	struct ctl *ctl;           /* NULL none */
	bool stopping;             /* the supervisor said so */
	const char *reloading;     /* while a client waits for other rules: how it went, else NULL */
	char refused[VERB_TEXT];
	unsigned n;
	struct worker worker[QUEUES_MAX];
};

/* Runs until told to stop; returns an exit code. */
int process_run(const struct process_start *);
/* Sum over all workers, for STATS and the control socket. By the control thread. */
struct counts process_counts(struct process *);
/* Asks the supervisor for the rules and a fresh file of events; NULL when they are in force, else why not. */
const char *process_reload(struct process *);

#endif
