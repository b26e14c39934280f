/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/skype_host.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "flow/flow.h"

#define SKYPE_PROOF_LIFE (3600 * NS_PER_S) /* a port may go to another program: Skype is never silent for an hour (heartbeats of 180 s, Rossi 2008) */

struct skype_hosts {
	pthread_mutex_t lock;
	struct skype_table *endpoints, *hosts;
};

static_assert(sizeof(struct skype_endpoint) <= 320, "SKYPE_ENDPOINTS of them in 6 MB");

/* Tests of one family look at the same bytes: the largest of a family counts. */
enum family { FAMILY_CHAIN, FAMILY_RESEND, FAMILY_ADDRESS, FAMILY_ANSWER, FAMILY_COUNTER, FAMILIES };

static const struct test { enum family family; bool strong; } tests[] = {
	[SKYPE_CHAIN]    = { FAMILY_CHAIN, true },    /* strong when the steps are close: its bits tell */
	[SKYPE_RESEND]   = { FAMILY_RESEND, true },
	[SKYPE_ADDRESS]  = { FAMILY_ADDRESS, false },
	[SKYPE_ANSWER]   = { FAMILY_ANSWER, false },
	[SKYPE_AGREE]    = { FAMILY_ADDRESS, false },
	[SKYPE_FRAGMENT] = { FAMILY_CHAIN, true },
	[SKYPE_RETRY]    = { FAMILY_CHAIN, true },
	[SKYPE_COUNTER]  = { FAMILY_COUNTER, false },
};
static_assert(sizeof tests / sizeof *tests == SKYPE_TESTS, "a row for each test");

static const char *const generations[] = {
	[SKYPE_AGE_UNKNOWN] = NULL, [SKYPE_AGE_1_2] = "1.2", [SKYPE_AGE_2006] = "2006", [SKYPE_AGE_LATE] = "2015",
};

const char *skype_generation_name(enum skype_generation g)
{
	return g < sizeof generations / sizeof *generations ? generations[g] : NULL;
}

struct skype_hosts *skype_hosts_new(uint32_t max_endpoints, uint32_t max_hosts)
{
	struct skype_hosts *h = calloc(1, sizeof *h);

	if (h == NULL)
		return NULL;
	pthread_mutex_init(&h->lock, NULL);
	h->endpoints = skype_table_new(max_endpoints, sizeof(struct skype_endpoint));
	h->hosts = skype_table_new(max_hosts, sizeof(struct skype_host));
	if (h->endpoints == NULL || h->hosts == NULL) {
		skype_hosts_free(h);
		return NULL;
	}
	return h;
}

void skype_hosts_free(struct skype_hosts *h)
{
	if (h == NULL)
		return;
	skype_table_free(h->endpoints);
	skype_table_free(h->hosts);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

void skype_hosts_lock(struct skype_hosts *h)
{
	if (h != NULL)
		pthread_mutex_lock(&h->lock);
}

void skype_hosts_unlock(struct skype_hosts *h)
{
	if (h != NULL)
		pthread_mutex_unlock(&h->lock);
}

void skype_hosts_clear(struct skype_hosts *h)
{
	if (h == NULL)
		return;
	skype_table_clear(h->endpoints);
	skype_table_clear(h->hosts);
}

struct skype_where skype_where_endpoint(const struct flow_key *key, int end)
{
	return (struct skype_where){ key->ip[end], key->port[end], key->proto, key->vlan, key->tunnel };
}

struct skype_where skype_where_host(const struct skype_where *at)
{
	return (struct skype_where){ at->ip, 0, 0, at->vlan, at->tunnel };
}

/* --- endpoints --- */

struct skype_endpoint *skype_endpoint_find(struct skype_hosts *h, const struct skype_where *at)
{
	return skype_table_find(h->endpoints, at);
}

struct skype_endpoint *skype_endpoint_get(struct skype_hosts *h, const struct skype_where *at, struct counts *counts)
{
	bool evicted;
	struct skype_endpoint *e = skype_table_get(h->endpoints, at, &evicted);

	if (evicted)
		count(counts, COUNT_SKYPE_EVICTED);
	return e;
}

unsigned skype_endpoint_bits(const struct skype_endpoint *e)
{
	unsigned best[FAMILIES] = { 0 }, sum = 0;

	for (unsigned i = 0; i < SKYPE_TESTS; i++)
		if (e->bits[i] > best[tests[i].family])
			best[tests[i].family] = e->bits[i];
	for (unsigned i = 0; i < FAMILIES; i++)
		sum += best[i];
	return sum;
}

bool skype_endpoint_proved(const struct skype_endpoint *e, uint64_t now)
{
	return e != NULL && e->proved && now < e->last_ns + SKYPE_PROOF_LIFE;
}

/* A process on a host: its port, and what was learned before it was proved. */
static void note(struct skype_host *host, const struct skype_endpoint *e, uint16_t port)
{
	static const uint8_t unknown[sizeof e->said];

	if (memcmp(e->said, unknown, sizeof unknown) != 0)
		memcpy(host->public_ip, e->said, sizeof host->public_ip);
	for (unsigned i = 0; i < SKYPE_PORTS; i++)
		if (host->udp_port[i] == port)
			return;
	host->udp_port[host->n_udp_ports++ % SKYPE_PORTS] = port;
}

void skype_endpoint_credit(struct skype_hosts *h, const struct skype_where *at, struct skype_endpoint *e,
    enum skype_test test, unsigned bits, uint32_t arg, uint64_t now, struct counts *counts)
{
	struct skype_where host = skype_where_host(at);

	if (bits > UINT8_MAX)
		bits = UINT8_MAX;
	if (bits <= e->bits[test])
		return;
	e->bits[test] = (uint8_t)bits;
	if (tests[test].strong && bits > e->strong)
		e->strong = (uint8_t)bits;
	if (e->proved ||
	    (e->strong < SKYPE_DECLARE_BITS && skype_endpoint_bits(e) < SKYPE_SUM_BITS))
		return;
	e->proof = (uint8_t)test;
	e->arg = arg;
	e->proved = true;
	skype_table_keep(h->endpoints, e);
	count(counts, COUNT_SKYPE_ENDPOINTS);
	note(skype_host_get(h, &host, now, counts), e, at->port);
}

/* --- hosts --- */

struct skype_host *skype_host_find(struct skype_hosts *h, const struct skype_where *at)
{
	return skype_table_find(h->hosts, at);
}

struct skype_host *skype_host_get(struct skype_hosts *h, const struct skype_where *at, uint64_t now, struct counts *counts)
{
	bool evicted;
	struct skype_host *host = skype_table_get(h->hosts, at, &evicted);

	if (evicted)
		count(counts, COUNT_SKYPE_EVICTED);
	if (host->first_ns == 0) {
		host->first_ns = now;
		skype_table_keep(h->hosts, host);
	}
	host->last_ns = now;
	return host;
}

static int place_at(const struct skype_place places[static SKYPE_PLACES], const struct addr *ip, uint16_t port)
{
	for (int i = 0; i < SKYPE_PLACES; i++)
		if (places[i].port == port && addr_equal(&places[i].ip, ip))
			return i;
	return -1;
}

bool skype_place_find(const struct skype_place places[static SKYPE_PLACES], const struct addr *ip, uint16_t port)
{
	return place_at(places, ip, port) >= 0;
}

void skype_place_add(struct skype_place places[static SKYPE_PLACES], uint32_t *n, const struct addr *ip, uint16_t port)
{
	if (!skype_place_find(places, ip, port))
		places[(*n)++ % SKYPE_PLACES] = (struct skype_place){ *ip, port };
}

/* The newest one takes its place. */
void skype_place_remove(struct skype_place places[static SKYPE_PLACES], uint32_t *n, const struct addr *ip, uint16_t port)
{
	int at = place_at(places, ip, port);
	struct skype_place *newest;

	if (at < 0 || *n == 0)
		return;
	newest = &places[--*n % SKYPE_PLACES];
	places[at] = *newest;
	*newest = (struct skype_place){ .port = 0 };
}

struct host_visit {
	void (*fn)(void *, const struct skype_where *, const struct skype_host *);
	void *arg;
};

static void visit(void *arg, const struct skype_where *at, const void *entry)
{
	const struct host_visit *v = arg;

	v->fn(v->arg, at, entry);
}

void skype_hosts_each(const struct skype_hosts *h,
    void (*fn)(void *arg, const struct skype_where *, const struct skype_host *), void *arg)
{
	struct host_visit v = { fn, arg };

	skype_table_each_kept(h->hosts, visit, &v);
}
