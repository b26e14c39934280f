/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_SOURCE_LIVE_CLOCK_H
#define SQUELCH_SOURCE_LIVE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * From the kernel's stamps, which jump when the system's clock is set, to a time
 * that only goes forward. It is the wall's as long as nobody sets the clock, so
 * that a capture file with the same stamps gives the same events. The system's
 * clocks are arguments: the owner reads them.
 */
struct live_clock {
	int64_t offset_ns;         /* mono - wall; changes when the clock was set */
	int64_t base_ns;           /* mono - CLOCK_MONOTONIC */
	uint64_t now_ns;           /* mono, when last looked */
	uint64_t out_ns;           /* mono stamp handed out last; the owner moves it */
};

void live_clock_start(struct live_clock *, uint64_t monotonic_ns, uint64_t realtime_ns);
/* What the clocks say now. */
void live_clock_look(struct live_clock *, uint64_t monotonic_ns, uint64_t realtime_ns);
/* True when this stamp does not fit what is known of the clock: time to look. */
bool live_clock_odd(const struct live_clock *, uint64_t wall_ns);
/* Never before out_ns, nor after now_ns. */
uint64_t live_clock_mono(const struct live_clock *, uint64_t wall_ns);
uint64_t live_clock_wall(const struct live_clock *, uint64_t mono_ns);

#endif
