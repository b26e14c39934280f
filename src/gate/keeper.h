/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_GATE_KEEPER_H
#define SQUELCH_GATE_KEEPER_H

#include "gate/gate.h"
#include "gate/privilege.h"

/*
 * A process with rights beside one without: it reads the rules and opens the
 * file of events when these are to be had anew, and hands over what it got.
 */
struct keeper {
	const struct gate_conf *conf; /* of it: rules, eve, act_bits */
	char *rules;               /* text in force; NULL built in */
	int verbs;                 /* to the other process, -1 none */
};

/* True when --eve names a file: standard output needs no keeper. */
bool keeper_eve_wanted(const struct keeper *);
/* -1: none wanted, or said why not. */
int keeper_open_eve(const struct keeper *);
/* Reads and tries the rules and opens the file of events again; tells the other process. Wrong rules leave the old ones. */
void keeper_reload(struct keeper *);

/*
 * Splits the program. Returns in the child: its end of the verbs, without any
 * rights and inside the sandbox; -1, said. The parent closes `closes`, stays
 * the child's keeper until it ends, and leaves with its exit code after
 * unlink(remove), which may be NULL. Before any thread is made.
 */
int keeper_split(struct keeper *, const struct identity *, void (*closes)(void *arg), void *arg, const char *remove);

#endif
