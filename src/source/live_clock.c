/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "source/live_clock.h"

#include "base/clock.h"

/* More than this between the two clocks, and one was set. Slewing moves both alike (adjtimex(2)). */
#define STEP_NS (50 * (int64_t)NS_PER_MS)

void live_clock_start(struct live_clock *c, uint64_t monotonic_ns, uint64_t realtime_ns)
{
	*c = (struct live_clock){ .base_ns = (int64_t)(realtime_ns - monotonic_ns), .now_ns = realtime_ns };
}

void live_clock_look(struct live_clock *c, uint64_t monotonic_ns, uint64_t realtime_ns)
{
	int64_t drift;

	c->now_ns = monotonic_ns + (uint64_t)c->base_ns;
	drift = (int64_t)(c->now_ns - realtime_ns) - c->offset_ns;
	if (drift > STEP_NS || drift < -STEP_NS)
		c->offset_ns += drift;
}

static uint64_t mono_of(const struct live_clock *c, uint64_t wall_ns)
{
	return wall_ns + (uint64_t)c->offset_ns;
}

bool live_clock_odd(const struct live_clock *c, uint64_t wall_ns)
{
	uint64_t mono = mono_of(c, wall_ns);

	return mono > c->now_ns || mono + (uint64_t)STEP_NS < c->out_ns;
}

uint64_t live_clock_mono(const struct live_clock *c, uint64_t wall_ns)
{
	uint64_t mono = mono_of(c, wall_ns);

	return mono < c->out_ns ? c->out_ns : mono > c->now_ns ? c->now_ns : mono;
}

uint64_t live_clock_wall(const struct live_clock *c, uint64_t mono_ns)
{
	return mono_ns - (uint64_t)c->offset_ns;
}
