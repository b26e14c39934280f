/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/ranges.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

static struct addr_key key_of(const struct addr *a)
{
	struct addr_key k;

	memcpy(&k, a->b, sizeof k);
	return (struct addr_key){ be64toh(k.high), be64toh(k.low) };
}

static bool key_less(struct addr_key a, struct addr_key b)
{
	return a.high != b.high ? a.high < b.high : a.low < b.low;
}

static int range_order(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return key_less(y->lo, x->lo) - key_less(x->lo, y->lo);
}

struct range range_of_net(const struct net *net)
{
	struct addr last = net->addr;

	for (unsigned bit = net->bits; bit < 128; bit++)
		last.b[bit / 8] |= (uint8_t)(0x80u >> (bit % 8));
	return (struct range){ key_of(&net->addr), key_of(&last) };
}

void ranges_join(struct ranges *s)
{
	size_t kept = 0;

	if (s->n == 0)
		return;
	qsort(s->range, s->n, sizeof *s->range, range_order);
	for (size_t i = 1; i < s->n; i++) {
		struct range *last = &s->range[kept];

		if (key_less(last->hi, s->range[i].lo))
			s->range[++kept] = s->range[i];
		else if (key_less(last->hi, s->range[i].hi))
			last->hi = s->range[i].hi;
	}
	s->n = kept + 1;
}

bool ranges_hold(const struct ranges *s, const struct addr *a)
{
	const struct addr_key k = key_of(a);
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (key_less(k, s->range[mid].lo))
			hi = mid;
		else if (key_less(s->range[mid].hi, k))
			lo = mid + 1;
		else
			return true;
	}
	return false;
}
