/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_BASE_NOW_H
#define SQUELCH_BASE_NOW_H

#include <stdint.h>
#include <time.h>

#include "base/clock.h"

/* For sources and for what runs beside the core, which never asks: nanoseconds of CLOCK_MONOTONIC or CLOCK_REALTIME. */
static inline uint64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

#endif
