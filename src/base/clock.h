/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_BASE_CLOCK_H
#define SQUELCH_BASE_CLOCK_H

#include <stdint.h>

/*
 * Time is a count of nanoseconds, stamped by the packet source. `mono_ns` is
 * for deadlines and never steps back; `wall_ns` (since 1970, UTC) is for events
 * and calendar rules. The core never asks the operating system for the time.
 */
#define NS_PER_US 1000ULL
#define NS_PER_MS 1000000ULL
#define NS_PER_S  1000000000ULL

/* Sources without traffic deliver a tick this often; expiry runs on this grid. */
#define TICK_NS   (100 * NS_PER_MS)

#endif
