/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/ranges.h"

#include <stdlib.h>
#include <string.h>

static int addr_order(const struct addr *a, const struct addr *b)
{
	return memcmp(a->b, b->b, sizeof a->b);
}

static int range_order(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return addr_order(&x->lo, &y->lo);
}

struct range range_of_net(const struct net *net)
{
	struct range r = { net->addr, net->addr };

	for (unsigned bit = net->bits; bit < 128; bit++)
		r.hi.b[bit / 8] |= (uint8_t)(0x80u >> (bit % 8));
	return r;
}

void ranges_join(struct ranges *s)
{
	size_t kept = 0;

	if (s->n == 0)
		return;
	qsort(s->range, s->n, sizeof *s->range, range_order);
	for (size_t i = 1; i < s->n; i++) {
		struct range *last = &s->range[kept];

		if (addr_order(&s->range[i].lo, &last->hi) > 0)
			s->range[++kept] = s->range[i];
		else if (addr_order(&s->range[i].hi, &last->hi) > 0)
			last->hi = s->range[i].hi;
	}
	s->n = kept + 1;
}

bool ranges_hold(const struct ranges *s, const struct addr *a)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (addr_order(a, &s->range[mid].lo) < 0)
			hi = mid;
		else if (addr_order(a, &s->range[mid].hi) > 0)
			lo = mid + 1;
		else
			return true;
	}
	return false;
}
