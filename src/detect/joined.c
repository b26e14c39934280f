/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/joined.h"

#include <math.h>
#include <stdbool.h>

#include "base/clock.h"

#define WAITED_MAX_NS (60 * NS_PER_MS) /* between two of them: the longest period of speech */

#define SSH_BLOCK     8   /* bytes; */
#define SSH_LENGTH    4   /* left over by each packet */
#define SSH_JOINED    16  /* packets in a segment at most: 0.3 s at 20 ms */
#define SSH_SEGMENT   1460 /* bytes: more is a bulk of data */
#define USUAL_FOLLOWS 8   /* segments over which what is usual is averaged */
#define GAP_NS        (100 * NS_PER_US) /* unit in which gaps are kept: 16 bits are 6.5 s */
#define PACE_COUNTS   1.5f /* times as much as size: a variable rate changes by a factor of three within a word */
#define EVEN_ONE      16  /* one in so many segments is even: then packets are joined. By chance hardly any is, a window's adjustment apart */
#define EVEN_SOME     32  /* two of them, and hardly an odd one between */
#define EVEN_MAX      255 /* of a byte */

void joined_add(void *joined, uint64_t ns, uint32_t size)
{
	struct joined *j = joined;

	if (j->n == JOINED_MAX)
		return;
	j->record[j->n].ns = ns;
	j->record[j->n++].size = size;
}

static float apart(float a, float b)
{
	return fabsf(log2f(a / b));
}

/* Packets in `size` bytes: as many as make each most like the usual ones, in bytes and time, and none smaller than any was. */
static unsigned packets_in(uint32_t size, float gap, const struct ssh_packets *p, const struct ssh_packets *pace)
{
	unsigned smallest = pace->least != 0 && pace->least < p->least ? pace->least : p->least;
	bool odd = size % SSH_BLOCK == SSH_LENGTH;
	unsigned best = odd ? 1 : 2;
	float least = INFINITY;

	for (unsigned n = best; n <= SSH_JOINED && (n == best || size / n >= smallest); n += 2) {
		float off = apart((float)size / (float)n, p->usual) + PACE_COUNTS * apart(gap / (float)n, (float)pace->gap);

		if (off >= least)
			continue;
		least = off;
		best = n;
	}
	return best;
}

static uint16_t follow(uint16_t usual, float now)
{
	return usual == 0 ? (uint16_t)now : (uint16_t)((float)usual + (now - (float)usual) / USUAL_FOLLOWS + 0.5f);
}

static bool is_joined(const struct ssh_packets *p)
{
	return p->even >= EVEN_SOME;
}

static unsigned packets_learn(uint32_t size, float gap, struct ssh_packets *p, const struct ssh_packets *other)
{
	const struct ssh_packets *pace = other->gap != 0 && !is_joined(other) ? other : p;
	bool odd = size % SSH_BLOCK == SSH_LENGTH, even = size % SSH_BLOCK == 0;
	unsigned n = even ? 2 : 1;

	if (size == 0 || size > SSH_SEGMENT || (!odd && !even))
		return 1;
	p->even = even ? (uint8_t)(p->even + (p->even <= EVEN_MAX - EVEN_ONE ? EVEN_ONE : 0)) : (uint8_t)(p->even - (p->even != 0));
	if (odd && (p->least == 0 || size < p->least))
		p->least = (uint16_t)size;
	if (pace->gap != 0 && is_joined(p))
		n = packets_in(size, gap, p, pace);
	p->usual = follow(p->usual, (float)size / (float)n);
	p->gap = follow(p->gap, fminf(gap / (float)n, UINT16_MAX));
	return is_joined(p) ? n : 1;
}

void joined_part_ssh(struct joined *j, struct ssh_packets both[2], int dir, uint64_t before_ns)
{
	struct joined whole = *j;

	j->n = 0;
	for (unsigned i = 0; i < whole.n; i++) {
		float gap = fmaxf((float)(whole.record[i].ns - before_ns) / GAP_NS, 1);
		unsigned n = packets_learn(whole.record[i].size, gap, &both[dir], &both[!dir]);

		for (unsigned k = 0; k < n; k++)
			joined_add(j, whole.record[i].ns, whole.record[i].size / n);
	}
}

void joined_spread(struct joined *j, uint64_t ns, uint64_t before_ns)
{
	unsigned n = 0, at = 0;
	uint64_t step;

	for (unsigned i = 0; i < j->n; i++)
		n += j->record[i].ns == ns;
	if (n < 2)
		return;
	step = (ns - before_ns) / n;
	step = step < WAITED_MAX_NS ? step : WAITED_MAX_NS;
	for (unsigned i = 0; i < j->n; i++)
		if (j->record[i].ns == ns)
			j->record[i].ns = ns - (n - ++at) * step;
}
