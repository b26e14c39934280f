/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_GATE_ANSWER_H
#define SQUELCH_GATE_ANSWER_H

#include "gate/ctl.h"

/* What squelch ctl may ask of the gateway; the argument is the struct process. By the control thread. */
extern const struct ctl_ops answer_ops;

#endif
