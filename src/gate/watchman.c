/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gate/watchman.h"

static uint64_t at_most_a_round(uint64_t ns)
{
	return ns < WATCHMAN_ROUND_MAX_NS ? ns : WATCHMAN_ROUND_MAX_NS;
}

/* A sign may be younger than the look at the clock. */
static uint64_t since(uint64_t then, uint64_t now)
{
	return now > then ? now - then : 0;
}

int watchman_round(struct watchman *w, beat *beats, unsigned n, uint64_t now_ns)
{
	uint64_t passed = at_most_a_round(since(w->at_ns, now_ns));
	int hangs = -1;

	w->at_ns = now_ns;
	for (unsigned i = 0; i < n; i++) {
		uint64_t sign = atomic_load_explicit(&beats[i], memory_order_relaxed);

		if (sign != w->signed_ns[i])
			w->silent_ns[i] = at_most_a_round(since(sign, now_ns));
		else
			w->silent_ns[i] += passed;
		w->signed_ns[i] = sign;
		if (sign != BEAT_NONE && sign != BEAT_OVER && w->silent_ns[i] > WATCHMAN_HUNG_NS && hangs < 0)
			hangs = (int)i;
	}
	return hangs;
}
