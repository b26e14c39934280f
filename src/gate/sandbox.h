/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_GATE_SANDBOX_H
#define SQUELCH_GATE_SANDBOX_H

#include <stdbool.h>

/* From now on every thread of this process may only do what packets, verdicts, events and control need. False, said. */
bool sandbox_enter(void);

#endif
