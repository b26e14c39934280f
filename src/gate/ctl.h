/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_GATE_CTL_H
#define SQUELCH_GATE_CTL_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "engine.h"

/*
 * Control of a running program over a UNIX stream socket. A client sends a
 * command as one line and gets lines, the last of which is "." when it was done
 * or "! TEXT" when it was not; then the next command may follow. Everything is
 * bounded: clients, the length of a command, what an answer may hold, and how
 * long a client may be silent or leave an answer unread.
 */
#define CTL_PATH        "/run/squelch/ctl" /* where clients look unless told otherwise */
#define CTL_CLIENTS_MAX 8
#define CTL_LINE_MAX    256                /* bytes of a command */
#define CTL_ANSWER_MAX  (1024 * 1024)      /* bytes of an answer; the rest of its lines is counted */
#define CTL_IDLE_NS     (10 * NS_PER_S)
#define CTL_POLL_MAX    (CTL_CLIENTS_MAX + 1)

struct ctl;
struct ctl_reply;

/*
 * What the owner can tell and do. Each answers with ctl_say and returns NULL, or
 * the reason why not (static, or alive until the next call). NULL members are
 * commands this program does not have.
 */
struct ctl_ops {
	const char *(*calls)(void *arg, struct ctl_reply *);
	const char *(*kill)(void *arg, const char *id, struct ctl_reply *);
	const char *(*flows)(void *arg, struct ctl_reply *);
	const char *(*stats)(void *arg, struct ctl_reply *);
	const char *(*reload)(void *arg, struct ctl_reply *);
};

/* A line of the answer, without its end. False when it found no room: more need not be tried. */
bool ctl_say(struct ctl_reply *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * A listening socket at `path`, mode 0660. One left behind by a program that is
 * gone is replaced; one that answers, and anything that is no socket, is not.
 * -1 with errno.
 */
int ctl_listen(const char *path);

/* Serves a listening socket, which it takes over. NULL without memory. */
struct ctl *ctl_new(int listen_fd, const struct ctl_ops *, void *arg);
void ctl_free(struct ctl *);
/* What to poll for; returns how many, at most CTL_POLL_MAX. */
unsigned ctl_poll_fds(const struct ctl *, struct pollfd fds[static CTL_POLL_MAX]);
/* Does what can be done without waiting. `now_ns` never steps back. Needs no revents. */
void ctl_step(struct ctl *, uint64_t now_ns);

/* --- the lines of answers, alike in every program that serves them (ctl_say.c) --- */

struct call;

/* False as ctl_say. */
void ctl_say_calls_head(struct ctl_reply *);
bool ctl_say_call(struct ctl_reply *, const struct call *);
void ctl_say_flows_head(struct ctl_reply *);
bool ctl_say_flow(struct ctl_reply *, const struct engine_flow *);
void ctl_say_counts(struct ctl_reply *, const struct counts *);

/* What a kill is about: "c-0123abcd" is a call, digits are a flow. */
struct ctl_target {
	bool is_call;
	uint32_t call;
	uint64_t flow;
};
/* False when the text is neither. */
bool ctl_target(const char *text, struct ctl_target *);
/* The flows of a call that kill may cut: those of its own, not signalling it shares. At most `room`. */
unsigned ctl_call_flows(const struct call *, uint64_t ids[], unsigned room);

#endif
