/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_GATE_EXCHANGE_H
#define SQUELCH_GATE_EXCHANGE_H

#include "gate/process.h"

/* Other rules for those in force, while the workers work. */

/*
 * Takes over the rules whose text `fd` has (-1: the built-in ones) and closes
 * it. p->reloading then says how it went, NULL well. By the control thread.
 */
void exchange_policy(struct process *p, int fd);

#endif
