/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/sender.h"

#include "base/clock.h"

#define TICK_US      1000      /* Linux since 4.13, macOS, iOS, FreeBSD; RFC 7323, 5.4 allows 1 ms to 1 s */
#define LEARN_US     400000    /* until stamps are believed; ticks of 4 and 10 ms are off by a factor then, */
#define SLOW_PART    6 / 10    /* networks that come and go by 100 ms by a quarter */
#define FAST_PART    16 / 10
#define EARLY_US     50000     /* faster than the fastest of the first: the path changed; more is no clock */
#define LATE_US      3000000   /* retransmission after three timeouts (RFC 6298: 1 s at first); longer is no clock */

enum { NEW, LEARNING, TRUSTED, REFUSED };

static uint64_t refuse(struct sender_clock *c, uint64_t arrived_ns)
{
	c->state = REFUSED;
	return arrived_ns;
}

static bool runs_with(int64_t stamps_us, int64_t arrivals_us)
{
	return stamps_us >= arrivals_us * SLOW_PART && stamps_us <= arrivals_us * FAST_PART;
}

static uint64_t learn(struct sender_clock *c, uint64_t arrived_ns, int64_t stamps_us, int64_t late_us)
{
	int64_t arrivals_us = stamps_us + late_us;

	if (late_us < -LATE_US || late_us > LATE_US)
		return refuse(c, arrived_ns);
	if (late_us < c->least_us)
		c->least_us = (int32_t)late_us;
	if (arrivals_us >= LEARN_US)
		c->state = runs_with(stamps_us, arrivals_us) ? TRUSTED : REFUSED;
	return arrived_ns;
}

uint64_t sender_time(struct sender_clock *c, uint64_t arrived_ns, bool stamped, uint32_t stamp)
{
	int64_t stamps_us, late_us;

	if (!stamped || c->state == REFUSED)
		return arrived_ns;
	if (c->state == NEW) {
		*c = (struct sender_clock){ .begun_ns = arrived_ns, .first = stamp, .state = LEARNING };
		return arrived_ns;
	}
	stamps_us = (int64_t)(int32_t)(stamp - c->first) * TICK_US;
	late_us = (int64_t)((arrived_ns - c->begun_ns) / NS_PER_US) - stamps_us;
	if (c->state == LEARNING)
		return learn(c, arrived_ns, stamps_us, late_us);
	if (late_us < c->least_us - EARLY_US || late_us > c->least_us + LATE_US)
		return refuse(c, arrived_ns);
	return c->begun_ns + (uint64_t)((stamps_us + c->least_us) * (int64_t)NS_PER_US);
}
