/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef IMPAIR_CORE_H
#define IMPAIR_CORE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What a network does to the packets of one direction. One core, two front
 * ends: the live link (live.c) and the rewriting of captures (offline.c).
 *
 * A packet passes these stages in this order; each is off when its figure is 0:
 *
 *   loss     Gilbert-Elliott: all packets are lost in the bad state, none in the
 *            good one (Gilbert, BSTJ 39, 1960). Asked for as the share lost and
 *            the mean length of a run of losses in packets.
 *   access   waiting for the medium:
 *            contention: exponential, independent (CSMA back-off);
 *            stalls: a Poisson process of times in which nothing is sent, of
 *            uniform length; what waits leaves back to back (Wi-Fi: others'
 *            bursts, scans, power save, retries);
 *            grants: sending only at multiples of a period (LTE uplink, TDMA);
 *            retries: each with a probability, one period later (HARQ), to a limit.
 *   rate     a sender of so many kbit/s behind a queue of so many ms; a packet
 *            that would wait longer is dropped.
 *   delay    propagation, constant, and a slow wander around it: a stationary
 *            first-order Gauss-Markov process with a standard deviation and a
 *            time constant (paths and queues that are not ours).
 *   order    packets do not overtake each other, except that with a probability
 *            one is held back so long and the others go ahead.
 */
struct impair_profile {
	const char *name, *what;
	double loss;                                   /* share of packets, 0..1 */
	double burst;                                  /* packets in a run of losses, mean; 0 or 1: as random loss has */
	double contention_ms;                          /* mean */
	double stalls_per_s, stall_min_ms, stall_max_ms;
	double grant_ms;                               /* period */
	double retry_p, retry_ms, retry_max_ms;
	double rate_kbit, queue_ms;
	double delay_ms;                               /* one way */
	double wander_ms, wander_tau_ms;               /* standard deviation, time constant */
	double reorder_p, reorder_ms;
	double drift_ppm;                              /* of the sender's clock: captures only, opposite for the other way */
};

struct impair_way {
	struct impair_profile p;
	uint64_t rng;
	bool bad;                          /* Gilbert-Elliott state */
	int64_t stall_from, stall_to;      /* ns */
	int64_t grant_phase;               /* ns */
	int64_t busy_until, last_out;      /* ns */
	double wander;                     /* ns */
	int64_t wander_at;                 /* ns */
	uint64_t sent, lost, overflowed, held; /* packets in; lost; dropped by the queue; held back */
};

enum impair_fate { IMPAIR_PASS, IMPAIR_LOST, IMPAIR_FULL };

/* Starts one direction; the same profile, seed and packets give the same fates. */
void impair_open(struct impair_way *way, const struct impair_profile *profile, uint64_t seed);
/* Both, up and down, each with random numbers of its own. */
void impair_open_pair(struct impair_way ways[static 2], const struct impair_profile profile[static 2], uint64_t seed);

/*
 * A packet of `len` bytes that comes at `now` (ns, not falling from call to
 * call). On IMPAIR_PASS *out is the time it leaves, never before `now`.
 */
enum impair_fate impair_send(struct impair_way *way, int64_t now, unsigned len, int64_t *out);

/* Uniform in [0, 1). The generator is splitmix64 (Steele, Lea, Flood, OOPSLA 2014). */
double impair_uniform(uint64_t *state);

#endif
