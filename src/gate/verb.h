/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_GATE_VERB_H
#define SQUELCH_GATE_VERB_H

#include <stdbool.h>
#include <stddef.h>

/* What the two processes say to each other, over a socket that keeps messages whole. */
enum verb {
	/* worker process -> supervisor */
	VERB_READY,      /* all queues are bound */
	VERB_RELOAD,     /* somebody asked for it over the control socket: rules and file of events */
	/* supervisor -> worker process */
	VERB_RULES,      /* read the rules from this descriptor: they were tried already */
	VERB_REFUSED,    /* they are wrong; text: the first error */
	VERB_EVE,        /* write events to this descriptor from now on */
	VERB_STOP,
	VERBS
};

#define VERB_TEXT 1000 /* bytes, cut */

struct verb_message {
	enum verb verb;
	char text[VERB_TEXT];
};

/* A pair of ends; false with errno set. */
bool verb_pair(int fd[static 2]);
/* `passed` is handed over too when it is not negative. Never waits. False: the other end is gone or does not read. */
bool verb_send(int fd, enum verb, const char *text, int passed);
/* 1 a message (*passed -1 or a descriptor that is the caller's), 0 none is waiting, -1 the other end is gone. */
int verb_receive(int fd, struct verb_message *, int *passed);

#endif
