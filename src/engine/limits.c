/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/limits.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"

#define SETS    1024   /* power of two */
#define WAYS    4      /* buckets that share a place and a lock: 4096 in all */
#define BURST_S 1      /* seconds of the rate that may come at once */

/* Whose bucket it is. The rule by what it says: after a reload the same line is another struct. */
struct owner {
	struct addr host;
	uint64_t rate;             /* bytes/s; 0: nobody's */
	uint64_t line;
};

struct bucket {
	struct owner owner;
	uint64_t filled_ns;
	double bytes;              /* below 0 after a packet larger than the burst */
};

struct set {
	pthread_mutex_t lock;
	struct bucket way[WAYS];
};

struct limits { struct set set[SETS]; };

struct limits *limits_new(void)
{
	struct limits *l = calloc(1, sizeof *l);

	for (unsigned i = 0; l != NULL && i < SETS; i++)
		pthread_mutex_init(&l->set[i].lock, NULL);
	return l;
}

void limits_free(struct limits *l)
{
	for (unsigned i = 0; l != NULL && i < SETS; i++)
		pthread_mutex_destroy(&l->set[i].lock);
	free(l);
}

static double burst(const struct owner *o)
{
	return (double)o->rate * BURST_S;
}

/* Another worker may have read its clock a little later: then nothing flows in. */
static void fill(struct bucket *b, uint64_t now_ns)
{
	if (now_ns <= b->filled_ns)
		return;
	b->bytes += (double)b->owner.rate * (double)(now_ns - b->filled_ns) / (double)NS_PER_S;
	if (b->bytes > burst(&b->owner))
		b->bytes = burst(&b->owner);
	b->filled_ns = now_ns;
}

static bool same_owner(const struct owner *a, const struct owner *b)
{
	return a->rate == b->rate && a->line == b->line && addr_equal(&a->host, &b->host);
}

/* The owner's bucket, or the one that is filled longest since, as a new one of his. */
static struct bucket *find(struct set *s, const struct owner *o, uint64_t now_ns, bool *forgot)
{
	struct bucket *oldest = &s->way[0];

	*forgot = false;
	for (unsigned i = 0; i < WAYS; i++) {
		struct bucket *b = &s->way[i];

		if (same_owner(&b->owner, o))
			return b;
		if (b->filled_ns < oldest->filled_ns)
			oldest = b;
	}
	if (oldest->owner.rate != 0) { /* a full one is forgotten without harm: a new one is as full */
		fill(oldest, now_ns);
		*forgot = oldest->bytes < burst(&oldest->owner);
	}
	*oldest = (struct bucket){ *o, now_ns, burst(o) };
	return oldest;
}

bool limits_take(struct limits *l, const struct rule *rule, const struct addr *host, uint32_t bytes, uint64_t now_ns,
    bool *forgot)
{
	struct owner o = { *host, rule->limit_bytes_per_s, (uint64_t)rule->line };
	struct set *s = &l->set[hash_bytes(&o, sizeof o) % SETS];
	struct bucket *b;
	bool fits;

	pthread_mutex_lock(&s->lock);
	b = find(s, &o, now_ns, forgot);
	fill(b, now_ns);
	/* What is larger than the burst passes when the bucket is full, and is paid for later. */
	fits = b->bytes >= bytes || b->bytes >= burst(&o);
	if (fits)
		b->bytes -= bytes;
	pthread_mutex_unlock(&s->lock);
	return fits;
}
