/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the verdict of a flow to the fate of one packet. */
#include "engine/state.h"

#include <netinet/in.h>

#include "base/clock.h"
#include "base/hash.h"

/*
 * Unless it may be speech that only its clock shows: flows of that pace are
 * looked at for longer. In one second of silence suppression nothing is said; on
 * the bench the slowest verdicts took 17 s (docs/BENCH.md). Bulk is faster than
 * any call, or comes in larger pieces, and is cleared as before.
 */
#define HEAR_NS (20 * NS_PER_S)

/*
 * `degrade`: once in each interval a run of what may be speech is lost. Packet
 * loss concealment hides gaps up to some 60 ms (ITU-T G.711 Appendix I fades out
 * after 60 ms); a run of 240 ms in each second cannot be hidden. Over TCP nothing
 * is lost for good: the voice stands still until the run is over and the segment
 * was sent again. What plays it keeps half a second or so in store, so that runs
 * are as many times longer there, and rarer.
 *
 * What is larger than speech passes, so that a download over the same flow or
 * rule goes on: its segments are full, while those of a voice hold one frame. The
 * longest in use is linear audio, 16 bit at 16 kHz, 20 ms: 640 bytes (RFC 3551,
 * 4.5.11), with the headers of RTP, SRTP's tag and TURN's ChannelData 666.
 */
struct degrade { uint64_t interval_ns, run_ns; };
static const struct degrade degrade_udp = { 1 * NS_PER_S, 240 * NS_PER_MS };
static const struct degrade degrade_tcp = { 4 * NS_PER_S, 960 * NS_PER_MS };
#define DEGRADE_SPEECH_BYTES 700 /* of payload */

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
	bool forgot, fits = limits_take(e->limits, f->rule, limited_host(e, f), bytes, e->mono_ns, &forgot);

	if (forgot)
		count(&e->counts, COUNT_LIMITS_FORGOTTEN);
	return !fits;
}

/* The run begins at a random place of each interval, the same for every packet of the flow. */
static bool in_degraded_run(const struct engine *e, const struct flow *f, const struct packet *pkt)
{
	const struct degrade *d = pkt->proto == IPPROTO_TCP ? &degrade_tcp : &degrade_udp;
	uint64_t seed[2] = { f->id, e->mono_ns / d->interval_ns }, at = e->mono_ns % d->interval_ns;
	uint64_t start = hash_bytes(seed, sizeof seed) % (d->interval_ns - d->run_ns);

	return at >= start && at < start + d->run_ns &&
	    pkt->payload_wire != 0 && pkt->payload_wire <= DEGRADE_SPEECH_BYTES;
}

/* What was cleared once was heard then; samples of it have no clock. */
static bool may_be_speech(const struct engine *e, const struct flow *f)
{
	return !(f->flags & FLOW_FINAL) && e->mono_ns - f->first_ns < HEAR_NS && detect_hears(&e->env, f);
}

/* Nothing more will be learned from this flow's packets, as long as it looks as it did. In a tunnel anything may begin. */
static bool cleared(const struct engine *e, const struct flow *f)
{
	const struct watch *w = f->watch;

	if (f->dir[0].payloads + f->dir[1].payloads - f->looked_at < CLEAR_PAYLOADS || f->flags & FLOW_TUNNEL)
		return false;
	if (w == NULL)
		return !may_be_speech(e, f);
	if (w->stream != NULL || w->cls == CLASS_ICE || w->cls == CLASS_SIGNALLING)
		return false; /* these say what comes next */
	return w->cls == CLASS_MEDIA ? f->rule != NULL : !may_be_speech(e, f);
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
		fate->final = markable && cleared(e, f);
		break;
	}
	if (fate->drop)
		count(&e->counts, f->action == ACTION_DROP ? COUNT_DROPPED
		    : f->action == ACTION_DEGRADE ? COUNT_DEGRADED : COUNT_LIMITED);
	if (fate->final)
		f->flags |= FLOW_FINAL;
}
