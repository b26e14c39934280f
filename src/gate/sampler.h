/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_GATE_SAMPLER_H
#define SQUELCH_GATE_SAMPLER_H

#include <stdint.h>

#include "base/count.h"

/*
 * The kernel passes cleared UDP connections without asking, and anything may
 * begin on one. So the mark of each is taken off every SAMPLE_NS: its next
 * packet comes to us, a sample, and most verdicts put the mark back. A
 * connection that has fallen silent costs nothing, for its mark is off already.
 * A rule that lets some packets through to us would cost every packet a look.
 */
struct sampler;

/*
 * `mask`, `pass`: our bits of a mark, and what they are on a cleared connection.
 * Opens sockets; needs CAP_NET_ADMIN. NULL, errno set.
 */
struct sampler *sampler_new(uint32_t mask, uint32_t pass);
/* The thread; `sampler` is the argument. Ends after sampler_stop. */
void *sampler_main(void *sampler);
void sampler_stop(struct sampler *);
void sampler_free(struct sampler *);
/* Adds COUNT_SAMPLED and COUNT_SAMPLES_LATE. Any thread. */
void sampler_counts(struct sampler *, struct counts *);

#endif
