/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/compiled.h"

void policy_set_act_bits(struct policy *p, float bits)
{
	unsigned at = 0;

	for (size_t i = 0; i < p->n; i++)
		if (!p->rule[i].any && !has(&p->rule[i], SEL_BITS))
			p->rule[i].bits_lo = bits;
	while (at < p->n_thresholds && p->threshold[at] < bits)
		at++;
	if (p->n_thresholds == THRESHOLDS_MAX || (at < p->n_thresholds && p->threshold[at] == bits))
		return; /* a full table: the nearest thresholds still ask the rules often enough */
	for (unsigned i = p->n_thresholds++; i > at; i--)
		p->threshold[i] = p->threshold[i - 1];
	p->threshold[at] = bits;
}
