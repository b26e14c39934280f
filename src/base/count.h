/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_BASE_COUNT_H
#define SQUELCH_BASE_COUNT_H

#include <stdint.h>

/*
 * Every bound, refusal and drop has a counter here: one table serves the
 * `stats` event, the summary and the documentation. Append only; the second
 * column is the key in the event.
 */
#define COUNTERS(X) \
	X(PACKETS, "packets", "frames read from the source") \
	X(BYTES, "bytes", "their bytes on the wire") \
	X(TICKS, "ticks", "ticks delivered by a silent source") \
	X(TIME_BACK, "time_back", "stamps before the previous one, clamped to it") \
	X(NOT_IP, "not_ip", "frames that carry no IP") \
	X(LINK_UNKNOWN, "link_unknown", "frames of a link type we do not decode") \
	X(TRUNCATED, "truncated", "headers cut short by the capture length or the sender") \
	X(MALFORMED, "malformed", "headers with lengths or versions that cannot be") \
	X(HEADERS_DEEP, "headers_deep", "more tags, tunnels or extension headers than the bound") \
	X(EXTENSION_UNKNOWN, "extension_unknown", "IPv6 extension header outside the allow-list") \
	X(FRAGMENTS, "fragments", "IP fragments seen") \
	X(FRAGMENTS_JOINED, "fragments_joined", "datagrams reassembled from fragments") \
	X(FRAGMENTS_LOST, "fragments_lost", "fragments dropped: overlap, time-out, budget") \
	X(TUNNELLED, "tunnelled", "packets found inside a tunnel") \
	X(MERGED, "merged", "super-packets longer than the link's MTU") \
	X(FLOWS, "flows", "flows begun") \
	X(FLOWS_EVICTED, "flows_evicted", "flows ended early because the table was full") \
	X(FLOWS_REFUSED, "flows_refused", "packets that got no flow because the table was full") \
	X(WATCH_REFUSED, "watch_refused", "flows not watched: the watch budget was used up") \
	X(WATCH_EVICTED, "watch_evicted", "watched flows let go for a newer one") \
	X(STREAM_REFUSED, "stream_refused", "streams not reassembled: the budget was used up") \
	X(STREAM_HOLES, "stream_holes", "streams given up at a hole") \
	X(FACTS, "facts", "facts learned") \
	X(FACTS_REFUSED, "facts_refused", "facts not kept: a bound was reached") \
	X(EVIDENCE_REFUSED, "evidence_refused", "evidence not kept: all slots of the flow were used") \
	X(VOIP_SUPPRESSED, "voip_suppressed", "decision changes past the eighth of a flow") \
	X(CALLS, "calls", "calls that ended and were written") \
	X(CALLS_REFUSED, "calls_refused", "calls not recorded: the table was full") \
	X(SIGNALS_REFUSED, "signals_refused", "signalling messages with fields longer than we keep") \
	X(NDPI_REFUSED, "ndpi_refused", "flows not shown to libnDPI: its budget was used up") \
	X(DROPPED, "dropped", "packets of blocked flows") \
	X(DEGRADED, "degraded", "packets lost on purpose in degraded flows") \
	X(LIMITED, "limited", "packets above the rate of a limit rule") \
	X(EVENTS_LOST, "events_lost", "events that could not be written") \
	X(ATTRIBUTES_REFUSED, "attributes_refused", "STUN messages with more attributes than we keep") \
	X(SKYPE_ENDPOINTS, "skype_endpoints", "endpoints (address and UDP port) proved to be Skype") \
	X(SKYPE_EVICTED, "skype_evicted", "endpoints and hosts of Skype forgotten for want of room") \
	X(KERNEL_DROPS, "kernel_drops", "packets lost before we read them: the capture buffer was full") \
	X(IFACE_DROPS, "iface_drops", "packets the network card or its driver lost") \
	X(QUEUE_OVERRUNS, "queue_overruns", "times a queue's socket was full: packets passed unseen, or were lost with --fail-closed") \
	X(QUEUE_CUT, "queue_cut", "packets of which a queue gave only the beginning") \
	X(VERDICTS_REFUSED, "verdicts_refused", "messages with verdicts that the kernel did not take") \
	X(UNMARKED, "unmarked", "connections whose mark was cleared: their packets are wanted again") \
	X(SEEN_TWICE, "seen_twice", "datagrams of watched flows that came before: mirrored twice, or on two interfaces") \
	X(LIMITS_FORGOTTEN, "limits_forgotten", "hosts whose rate of a limit rule was forgotten for want of room") \
	X(SAMPLED, "sampled", "times a cleared UDP connection lost its mark for a moment, to look at it again") \
	X(SAMPLES_LATE, "samples_late", "rounds over the cleared UDP connections that took more than 3 s") \
	X(QUEUE_FULL, "queue_full", "looks at a queue, five a second, that found it at its length: what came then passed unseen, or was lost with --fail-closed") \
	X(QUEUE_LOST, "queue_lost", "packets the kernel lost because a queue or its socket was full: with --fail-closed")

enum counter {
#define X(id, key, help) COUNT_##id,
	COUNTERS(X)
#undef X
	COUNT_END
};

struct counts {
	uint64_t n[COUNT_END];
};

static inline void count(struct counts *c, enum counter id)
{
	c->n[id]++;
}

static inline void count_add(struct counts *c, enum counter id, uint64_t by)
{
	c->n[id] += by;
}

/* Key in events, and one line of help. */
const char *count_key(enum counter id);
const char *count_help(enum counter id);

#endif
