/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/facts.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define NONE UINT32_MAX

/* What a fact is found by. */
struct fact_key {
	struct addr host, remote;
	uint16_t port;
	uint8_t proto, kind;
};

struct links { uint32_t prev, next; };

struct entry {
	struct fact_key key;
	struct fact fact;
	struct links all, host;   /* by age: of the table, of the host */
};

struct chain { uint32_t oldest, newest, n; };

struct host {
	struct addr addr;
	struct chain facts;       /* n == 0: slot free */
};

struct slot { uint32_t hash, entry; }; /* entry: number + 1, 0 free */

struct facts {
	struct entry *entries;
	struct slot *index;       /* open addressing; the hash spares most looks at entries */
	struct host *hosts;       /* open addressing */
	uint32_t mask, max, max_per_host;
	uint32_t free_head;       /* given back, through all.next */
	uint32_t fresh;           /* entries from here on were never used */
	struct chain all;
	/*
	 * Engines of several threads share one table. It is asked several times a
	 * flow and told rarely. Most questions end at `maybe`, a counting filter over
	 * the pairs of hosts of all facts, without the lock and without a look at the
	 * table; the others take it, and a reader never waits for another.
	 */
	pthread_rwlock_t lock;
	_Atomic uint8_t *maybe;   /* facts per hash of the pair, mask + 1 of them; MAYBE_FULL stays */
	_Atomic uint32_t alone;   /* facts about one host by itself, which are rare */
};

#define MAYBE_FULL UINT8_MAX

static uint32_t size_for(uint32_t n)
{
	uint32_t size = 64;

	while (size < n * 2)
		size *= 2;
	return size;
}

struct facts *facts_new(uint32_t max, uint32_t max_per_host)
{
	struct facts *f = calloc(1, sizeof *f);
	uint32_t size = size_for(max);

	if (f == NULL)
		return NULL;
	pthread_rwlock_init(&f->lock, NULL);
	f->max = max;
	f->max_per_host = max_per_host;
	f->mask = size - 1;
	f->entries = calloc(max, sizeof *f->entries);
	f->index = calloc(size, sizeof *f->index);
	f->hosts = calloc(size, sizeof *f->hosts);
	f->maybe = calloc(size, sizeof *f->maybe);
	f->all = (struct chain){ NONE, NONE, 0 };
	f->free_head = NONE;
	if (f->entries == NULL || f->index == NULL || f->hosts == NULL || f->maybe == NULL) {
		facts_free(f);
		return NULL;
	}
	return f;
}

void facts_free(struct facts *f)
{
	if (f == NULL)
		return;
	pthread_rwlock_destroy(&f->lock);
	free(f->entries);
	free(f->index);
	free(f->hosts);
	free(f->maybe);
	free(f);
}

void facts_clear(struct facts *f)
{
	uint32_t size = f->mask + 1;

	pthread_rwlock_wrlock(&f->lock);
	if (f->fresh != 0) { /* else nothing was ever told: leave the pages untouched */
		memset(f->index, 0, size * sizeof *f->index);
		memset(f->hosts, 0, size * sizeof *f->hosts);
		for (uint32_t i = 0; i < size; i++)
			atomic_store_explicit(&f->maybe[i], 0, memory_order_relaxed);
	}
	atomic_store_explicit(&f->alone, 0, memory_order_relaxed);
	f->all = (struct chain){ NONE, NONE, 0 };
	f->free_head = NONE;
	f->fresh = 0;
	pthread_rwlock_unlock(&f->lock);
}

static struct fact_key key_for(enum fact_kind kind, const struct addr *host,
    const struct addr *remote, uint16_t port, uint8_t proto)
{
	return (struct fact_key){ *host, *remote, port, proto, (uint8_t)kind };
}

static uint32_t key_hash(const struct fact_key *key)
{
	return (uint32_t)hash_bytes(key, sizeof *key);
}

static uint32_t host_home(const struct facts *f, const struct addr *a)
{
	return (uint32_t)hash_bytes(a, sizeof *a) & f->mask;
}

/* Slot of the key, or the free one where it would go. */
static uint32_t index_find(const struct facts *f, const struct fact_key *key)
{
	uint32_t hash = key_hash(key), i = hash & f->mask;

	while (f->index[i].entry != 0 && (f->index[i].hash != hash ||
	    memcmp(&f->entries[f->index[i].entry - 1].key, key, sizeof *key) != 0))
		i = (i + 1) & f->mask;
	return i;
}

static uint32_t host_find(const struct facts *f, const struct addr *a)
{
	uint32_t i = host_home(f, a);

	while (f->hosts[i].facts.n != 0 && !addr_equal(&f->hosts[i].addr, a))
		i = (i + 1) & f->mask;
	return i;
}

static void index_remove(struct facts *f, uint32_t gap)
{
	for (uint32_t j = (gap + 1) & f->mask; f->index[j].entry != 0; j = (j + 1) & f->mask) {
		uint32_t home = f->index[j].hash & f->mask;

		if (((j - home) & f->mask) < ((j - gap) & f->mask))
			continue;
		f->index[gap] = f->index[j];
		gap = j;
	}
	f->index[gap] = (struct slot){ 0, 0 };
}

static void host_remove(struct facts *f, uint32_t gap)
{
	for (uint32_t j = (gap + 1) & f->mask; f->hosts[j].facts.n != 0; j = (j + 1) & f->mask) {
		if (((j - host_home(f, &f->hosts[j].addr)) & f->mask) < ((j - gap) & f->mask))
			continue;
		f->hosts[gap] = f->hosts[j];
		gap = j;
	}
	f->hosts[gap].facts.n = 0;
}

/* The same links serve two chains: of all facts, and of one host's. */
enum which { ALL, OF_HOST };

static struct links *links_of(struct facts *f, uint32_t n, enum which which)
{
	return which == ALL ? &f->entries[n].all : &f->entries[n].host;
}

static void chain_add(struct facts *f, struct chain *c, uint32_t n, enum which which)
{
	*links_of(f, n, which) = (struct links){ c->newest, NONE };
	if (c->newest == NONE)
		c->oldest = n;
	else
		links_of(f, c->newest, which)->next = n;
	c->newest = n;
	c->n++;
}

static void chain_take(struct facts *f, struct chain *c, uint32_t n, enum which which)
{
	struct links l = *links_of(f, n, which);

	if (l.prev == NONE)
		c->oldest = l.next;
	else
		links_of(f, l.prev, which)->next = l.next;
	if (l.next == NONE)
		c->newest = l.prev;
	else
		links_of(f, l.next, which)->prev = l.prev;
	c->n--;
}

/* The same for both orders, so that all questions about one flow look at one byte. */
static _Atomic uint8_t *maybe_of(const struct facts *f, const struct addr *a, const struct addr *b)
{
	enum { SPREAD = 40 }; /* the high bits of the product: every bit of the addresses is in them */
	uint64_t x[2], y[2], n;

	memcpy(x, a, sizeof x);
	memcpy(y, b, sizeof y);
	n = ((x[0] + y[0]) ^ hash_key) * (x[1] + y[1] + 1) + (x[0] ^ y[0] ^ x[1] ^ y[1]);
	n *= hash_key | 1;
	return &f->maybe[(n >> SPREAD ^ n >> 20) & f->mask];
}

/* Only writers change the filter, under the lock: no two at a time. */
static void maybe_add(struct facts *f, const struct fact_key *key, int by)
{
	_Atomic uint8_t *m = maybe_of(f, &key->host, &key->remote);
	uint8_t n = atomic_load_explicit(m, memory_order_relaxed);

	if (n != MAYBE_FULL)
		atomic_store_explicit(m, (uint8_t)(n + by), memory_order_relaxed);
	if (addr_equal(&key->host, &key->remote))
		atomic_store_explicit(&f->alone, f->alone + (uint32_t)by, memory_order_relaxed);
}

static void forget(struct facts *f, uint32_t n)
{
	struct entry *e = &f->entries[n];
	uint32_t h = host_find(f, &e->key.host);

	maybe_add(f, &e->key, -1);

	index_remove(f, index_find(f, &e->key));
	chain_take(f, &f->all, n, ALL);
	chain_take(f, &f->hosts[h].facts, n, OF_HOST);
	if (f->hosts[h].facts.n == 0)
		host_remove(f, h);
	e->all.next = f->free_head;
	f->free_head = n;
}

/* Makes room for one fact about `host`: old facts of that host first, expired ones of others next. */
static bool make_room(struct facts *f, const struct addr *host, uint64_t mono_ns)
{
	uint32_t h = host_find(f, host);

	if (f->hosts[h].facts.n >= f->max_per_host)
		forget(f, f->hosts[h].facts.oldest);
	if (f->free_head != NONE || f->fresh < f->max)
		return true;
	while (f->all.oldest != NONE && f->entries[f->all.oldest].fact.expires_ns <= mono_ns)
		forget(f, f->all.oldest);
	if (f->free_head != NONE)
		return true;
	h = host_find(f, host);
	if (f->hosts[h].facts.n == 0)
		return false; /* full of live facts of others: a newcomer must wait */
	forget(f, f->hosts[h].facts.oldest);
	return true;
}

/* An entry given back, else one never used; make_room saw to it that there is one. */
static uint32_t entry_take(struct facts *f)
{
	uint32_t n = f->free_head;

	if (n == NONE)
		return f->fresh++;
	f->free_head = f->entries[n].all.next;
	return n;
}

/* Under the lock. */
static bool add(struct facts *f, const struct fact *fact, uint64_t mono_ns)
{
	struct fact_key key = key_for(fact->kind, &fact->host, &fact->remote, fact->port, fact->proto);
	uint32_t i = index_find(f, &key);
	struct host *h;
	uint32_t n;

	if (f->index[i].entry != 0)
		forget(f, f->index[i].entry - 1);
	if (!make_room(f, &fact->host, mono_ns))
		return false;
	n = entry_take(f);
	f->entries[n].key = key;
	f->entries[n].fact = *fact;
	maybe_add(f, &key, 1);
	f->index[index_find(f, &key)] = (struct slot){ key_hash(&key), n + 1 };
	h = &f->hosts[host_find(f, &fact->host)];
	if (h->facts.n == 0)
		*h = (struct host){ fact->host, { NONE, NONE, 0 } };
	chain_add(f, &f->all, n, ALL);
	chain_add(f, &h->facts, n, OF_HOST);
	return true;
}

bool facts_add(struct facts *f, const struct fact *fact, uint64_t mono_ns, struct counts *counts)
{
	bool kept;

	pthread_rwlock_wrlock(&f->lock);
	kept = add(f, fact, mono_ns);
	pthread_rwlock_unlock(&f->lock);
	count(counts, kept ? COUNT_FACTS : COUNT_FACTS_REFUSED);
	return kept;
}

bool facts_maybe(const struct facts *f, const struct addr *a, const struct addr *b)
{
	return atomic_load_explicit(maybe_of(f, a, b), memory_order_relaxed) != 0;
}

bool facts_maybe_alone(const struct facts *f, const struct addr *a)
{
	return atomic_load_explicit(&f->alone, memory_order_relaxed) != 0 && facts_maybe(f, a, a);
}

bool facts_find(const struct facts *f, enum fact_kind kind, const struct addr *host,
    const struct addr *remote, uint16_t port, uint8_t proto, uint64_t mono_ns, struct fact *out)
{
	struct fact_key key;
	bool found;
	uint32_t i;

	if (!facts_maybe(f, host, remote))
		return false;
	key = key_for(kind, host, remote, port, proto);
	pthread_rwlock_rdlock((pthread_rwlock_t *)&f->lock);
	i = index_find(f, &key);
	found = f->index[i].entry != 0;
	if (found)
		*out = f->entries[f->index[i].entry - 1].fact;
	pthread_rwlock_unlock((pthread_rwlock_t *)&f->lock);
	return found && out->expires_ns > mono_ns;
}
