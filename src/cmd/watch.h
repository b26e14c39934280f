/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_CMD_WATCH_H
#define SQUELCH_CMD_WATCH_H

#include "cmd/common.h"
#include "gate/ctl.h"
#include "gate/keeper.h"
#include "gate/verb.h"

/* A running `watch`: what its files share. */

struct watch_conf {
	struct common_conf common;
	struct option_list ifaces;
	const char *filter, *ctl, *user;
	uint32_t snaplen, buffer_mib, stats_s;
	bool no_promisc;
};

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
	struct identity identity;    /* who listens, when root began */
	struct gate_conf gate;       /* the keeper's part of conf */
	struct keeper keeper;
	int verbs;                   /* to the keeper; -1 not yet */
	const char *reloading;       /* how that went, NULL well */
	char refused[VERB_TEXT];
};

/* Asks for other rules and the file of events anew; NULL when they are in force, else why not. Packets wait meanwhile. */
const char *watch_reload(struct watcher *);
/* What `squelch ctl` may ask; the argument is the watcher. All on its one thread, between two packets. */
extern const struct ctl_ops watch_ctl_ops;

#endif
