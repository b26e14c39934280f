/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_EXPLAIN_PLOT_H
#define SQUELCH_EXPLAIN_PLOT_H

#include <stdio.h>

#include "explain/trace.h"

/* Text plots of the packets of one flow; ASCII, at most PLOT_WIDTH columns. */
#define PLOT_WIDTH 80

/* Packets a second along the flow, a line for each direction. */
void plot_rate(const struct trace *, FILE *);
/* Payload sizes, both directions side by side. */
void plot_sizes(const struct trace *, FILE *);
/* Time between packets of one direction, both side by side. */
void plot_gaps(const struct trace *, FILE *);
/* How well the packets of each direction lie on grids of common periods. */
void plot_clock(const struct trace *, FILE *);

/* --- for tests --- */

/*
 * How closely times lie on a grid of `period_ns`, 0 (anywhere) to 1: mean resultant
 * length of their phases, without what chance gives, over windows of CLOCK_WINDOW_NS
 * each with a phase of its own, so that neither drift of a clock nor a pause counts
 * against it. *used: packets in windows that hold enough of them.
 */
#define CLOCK_WINDOW_NS 2000000000ull
float plot_on_grid(const uint64_t *ns, uint32_t n, uint64_t period_ns, uint32_t *used);

#endif
