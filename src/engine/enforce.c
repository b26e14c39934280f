/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the verdict of a flow to the fate of one packet. */
#include "engine/state.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"

/*
 * A flow that showed nothing in so many payloads is cleared: the kernel passes
 * it, and samples of it keep coming. RTP needs 8 packets and ICE one, so 64
 * leave room for a call that is set up on the same ports first.
 */
#define CLEAR_PAYLOADS 64

/*
 * `degrade`: once in each interval a run of packets is lost. Packet loss
 * concealment hides gaps up to some 60 ms (ITU-T G.711 Appendix I fades out
 * after 60 ms); a run of 240 ms in each second cannot be hidden. TCP loses a few
 * segments a second instead, which it repairs, while a voice over it stalls for
 * a round trip each time.
 */
#define DEGRADE_INTERVAL_NS (1 * NS_PER_S)
#define DEGRADE_RUN_NS      (240 * NS_PER_MS)
#define DEGRADE_TCP_SEGMENTS 3

/* Token buckets of `limit`: one for a host under a rule. */
#define BUCKETS        4096   /* power of two; two hosts that share one start afresh in turn */
#define BUCKET_BURST_S 1      /* seconds of the rate that may come at once */

struct bucket {
	struct addr host;
	const struct rule *rule;
	uint64_t filled_ns;
	double bytes;
};

struct limits { struct bucket bucket[BUCKETS]; };

struct limits *limits_new(void)
{
	return calloc(1, sizeof(struct limits));
}

void limits_free(struct limits *l)
{
	free(l);
}

void limits_clear(struct limits *l)
{
	memset(l, 0, sizeof *l);
}

/* The end a rate is counted for: the inside one, else who opened the flow. */
static const struct addr *limited_host(const struct engine *e, const struct flow *f)
{
	int dir = engine_source_dir(f);

	if (!policy_inside(e->policy, &f->key.ip[dir]) && policy_inside(e->policy, &f->key.ip[!dir]))
		dir = !dir;
	return &f->key.ip[dir];
}

static bool over_limit(struct engine *e, const struct flow *f, uint32_t bytes)
{
	const struct addr *host = limited_host(e, f);
	struct bucket *b = &e->limits->bucket[hash_bytes(host, sizeof *host) % BUCKETS];
	double rate = (double)f->rule->limit_bytes_per_s;

	if (b->rule != f->rule || !addr_equal(&b->host, host))
		*b = (struct bucket){ *host, f->rule, e->mono_ns, rate * BUCKET_BURST_S };
	b->bytes += rate * (double)(e->mono_ns - b->filled_ns) / 1e9;
	if (b->bytes > rate * BUCKET_BURST_S)
		b->bytes = rate * BUCKET_BURST_S;
	b->filled_ns = e->mono_ns;
	if (b->bytes < bytes)
		return true;
	b->bytes -= bytes;
	return false;
}

/* Where in this interval the run begins: random, but the same for every packet of the flow. */
static uint64_t run_start(const struct flow *f, uint64_t interval)
{
	uint64_t seed[2] = { f->id, interval };

	return hash_bytes(seed, sizeof seed) % (DEGRADE_INTERVAL_NS - DEGRADE_RUN_NS);
}

static bool in_degraded_run(struct engine *e, struct flow *f, const struct packet *pkt)
{
	uint64_t interval = e->mono_ns / DEGRADE_INTERVAL_NS, at = e->mono_ns % DEGRADE_INTERVAL_NS;
	uint64_t start = run_start(f, interval);

	if (at < start || at >= start + DEGRADE_RUN_NS)
		return false;
	if (pkt->proto != IPPROTO_TCP)
		return true;
	if (pkt->payload_len == 0 || f->watch == NULL)
		return false;
	if (f->watch->degrade_interval != interval) {
		f->watch->degrade_interval = interval;
		f->watch->degrade_left = DEGRADE_TCP_SEGMENTS;
	}
	return f->watch->degrade_left != 0 && f->watch->degrade_left-- != 0;
}

/* Nothing more will be learned from this flow's packets, as long as it looks as it did. In a tunnel anything may begin. */
static bool cleared(const struct flow *f)
{
	const struct watch *w = f->watch;

	if (f->dir[0].payloads + f->dir[1].payloads - f->looked_at < CLEAR_PAYLOADS || f->flags & FLOW_TUNNEL)
		return false;
	if (w == NULL)
		return true;
	if (w->stream != NULL || w->cls == CLASS_ICE || w->cls == CLASS_SIGNALLING)
		return false; /* these say what comes next */
	return w->cls == CLASS_MEDIA ? f->rule != NULL : true;
}

void enforce(struct engine *e, struct flow *f, int dir, const struct packet *pkt, struct fate *fate)
{
	bool markable = f->key.tunnel == 0; /* a mark would be the outer connection's */

	fate->from_source = dir == engine_source_dir(f);
	switch ((enum action)f->action) {
	case ACTION_DROP:
		fate->drop = true;
		fate->reject = (enum reject_target)f->reject;
		fate->final = markable;
		break;
	case ACTION_DEGRADE:
		fate->drop = in_degraded_run(e, f, pkt);
		break;
	case ACTION_LIMIT:
		fate->drop = over_limit(e, f, pkt->ip_len);
		break;
	case ACTION_PASS:
	case ACTION_ALERT:
	case ACTIONS:
		fate->final = markable && cleared(f);
		break;
	}
	if (fate->drop)
		count(&e->counts, f->action == ACTION_DROP ? COUNT_DROPPED
		    : f->action == ACTION_DEGRADE ? COUNT_DEGRADED : COUNT_LIMITED);
	if (fate->final)
		f->flags |= FLOW_FINAL;
}
