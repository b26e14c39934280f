/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gate/sampler.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/cond.h"
#include "base/log.h"
#include "base/now.h"
#include "gate/ctnetlink.h"

/*
 * How often a connection is looked at. Media is to stop within 5 s of its first
 * packet, also when it begins on a cleared connection, and RTP shows at the
 * second packet of one end: 2 s leave room for rounds that come late.
 */
#define SAMPLE_NS (2 * NS_PER_S)
/*
 * But no more connections a second than this. One costs 2 to 3 us here and a
 * packet in the queue (docs/SIZING.md), so all take some 15 % of a processor.
 * With more than 50,000 that speak all the time the rounds take longer.
 */
#define SAMPLES_MAX_S 25000

struct sampler {
	struct ctnetlink *netlink;
	uint32_t pass;
	pthread_mutex_t lock;
	pthread_cond_t ending;
	bool stop;                 /* under the lock */
	uint64_t sampled, late;    /* under the lock */
	/* of the thread */
	uint64_t begun_ns, last;   /* this round began; connections in the one before */
	uint64_t now;              /* connections in this one */
};

/* False: it is time to end. */
static bool sleep_until(struct sampler *s, uint64_t ns)
{
	bool stop;

	pthread_mutex_lock(&s->lock);
	while (!s->stop && now_ns(CLOCK_MONOTONIC) < ns)
		(void)cond_wait_until(&s->ending, &s->lock, ns);
	stop = s->stop;
	pthread_mutex_unlock(&s->lock);
	return !stop;
}

/*
 * Spreads what the kernel tells in pieces of some hundred over the round, as if
 * there were as many as last time, so that samples come evenly; later than the
 * round's end only as SAMPLES_MAX_S has it.
 */
static bool spread(void *arg, unsigned n)
{
	struct sampler *s = arg;
	uint64_t soonest, even;

	s->now += n;
	soonest = s->begun_ns + s->now * (NS_PER_S / SAMPLES_MAX_S);
	even = s->begun_ns + (s->now < s->last ? SAMPLE_NS / s->last * s->now : 0);
	return sleep_until(s, soonest > even ? soonest : even);
}

static void add_up(struct sampler *s)
{
	pthread_mutex_lock(&s->lock);
	s->sampled += s->now;
	s->late += now_ns(CLOCK_MONOTONIC) - s->begun_ns > SAMPLE_NS + SAMPLE_NS / 2;
	pthread_mutex_unlock(&s->lock);
}

/* The kernel finds those of one protocol only when it is asked for one family. */
static bool walk_all(struct sampler *s)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	bool ok = true;

	for (size_t i = 0; i < sizeof families; i++) {
		const struct ct_walk walk = { .mark = s->pass, .family = families[i], .proto = IPPROTO_UDP, .pause = spread, .arg = s };
		uint64_t cleared = 0;

		ok &= ctnetlink_walk(s->netlink, &walk, &cleared) != CT_FAILED;
	}
	return ok;
}

void *sampler_main(void *arg)
{
	struct sampler *s = arg;
	bool failed = false;

	do {
		s->begun_ns = now_ns(CLOCK_MONOTONIC);
		s->now = 0;
		if (!walk_all(s) && !failed) {
			log_warn("conntrack", "cleared connections are not looked at again");
			failed = true;
		}
		s->last = s->now;
		add_up(s);
	} while (sleep_until(s, s->begun_ns + SAMPLE_NS));
	return NULL;
}

void sampler_counts(struct sampler *s, struct counts *counts)
{
	pthread_mutex_lock(&s->lock);
	count_add(counts, COUNT_SAMPLED, s->sampled);
	count_add(counts, COUNT_SAMPLES_LATE, s->late);
	pthread_mutex_unlock(&s->lock);
}

void sampler_stop(struct sampler *s)
{
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->ending);
	pthread_mutex_unlock(&s->lock);
}

struct sampler *sampler_new(uint32_t mask, uint32_t pass)
{
	struct sampler *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->pass = pass;
	pthread_mutex_init(&s->lock, NULL);
	cond_init(&s->ending);
	s->netlink = ctnetlink_new(mask);
	if (s->netlink != NULL)
		return s;
	sampler_free(s);
	return NULL;
}

void sampler_free(struct sampler *s)
{
	if (s == NULL)
		return;
	ctnetlink_free(s->netlink);
	pthread_cond_destroy(&s->ending);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
