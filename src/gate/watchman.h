/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_GATE_WATCHMAN_H
#define SQUELCH_GATE_WATCHMAN_H

#include <stdint.h>

#include "base/clock.h"
#include "gate/gate.h"
#include "gate/worker.h"

/*
 * Who has been silent for too long. A worker signs each packet, or each 100 ms
 * (worker.h). On a machine without a core to spare it signs late because it
 * does not run, and so does who watches it: measured with 60 busy processes on
 * two cores, workers and supervisor alike waited 0.5 s for a core, the
 * supervisor once 2 s. To end a worker for that would help nobody. So silence is
 * counted in rounds of the watchman, a late round as no more than a full one.
 */
struct watchman {
	uint64_t at_ns;                  /* of the last round */
	uint64_t signed_ns[QUEUES_MAX];  /* sign of life last seen */
	uint64_t silent_ns[QUEUES_MAX];  /* since then, as counted */
};

#define WATCHMAN_ROUND_MS 50         /* from round to round */
/* A full round, with the lateness of a machine that is merely busy. */
#define WATCHMAN_ROUND_MAX_NS (2 * WATCHMAN_ROUND_MS * NS_PER_MS)
/* With a round, and what it takes to kill a process, below the second promised. */
#define WATCHMAN_HUNG_NS (600 * NS_PER_MS)

/* A round, at monotonic `now_ns`. Returns the number of a worker that hangs, -1 none. A zeroed struct is ready. */
int watchman_round(struct watchman *, beat *beats, unsigned n, uint64_t now_ns);

#endif
