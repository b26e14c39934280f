/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The redial of a pair just cut, and the chase after other ways: clients whose
 * call fails try again at once, on other ports, then through a relay, over TCP, on
 * port 443. What begins between the same two hosts, or from the same inside host
 * to anywhere, within the life of the fact needs that much less evidence of its
 * own. The judge counts it only beside evidence of speech in the flow itself
 * (HISTORY_NEEDS), so that no past makes anything a call; other hosts are untouched.
 */
#include "detect/rows.h"

#define BITS_REDIAL 6.0f /* the guess that of flows begun between such a pair one in some tens is no retry */
#define BITS_CHASE  4.0f /* and that a host whose call was cut calls again within half a minute 16 times as likely as any */

const struct byte_range redial_bytes[] = { { 0, 255 }, { 1, 0 } };

static bool was_cut(const struct look *l, const struct addr *host, const struct addr *remote)
{
	struct fact f;

	return facts_find(l->env->facts, FACT_CUT, host, remote, 0, 0, l->pkt->frame->mono_ns, &f);
}

enum look_result redial_look(struct look *l)
{
	const struct addr *ip = l->pkt->ip;

	if (l->depth != 0)
		return LOOK_NO;
	if (was_cut(l, &ip[0], &ip[1]))
		detect_evidence(l, CLASS_MEDIA, APP_NONE, BITS_REDIAL, "a call of these two was just cut", 0, 0);
	else if (was_cut(l, &ip[0], &ip[0]) || was_cut(l, &ip[1], &ip[1]))
		detect_evidence(l, CLASS_MEDIA, APP_NONE, BITS_CHASE, "a call of this host was just cut: it may try another way", 0, 0);
	return LOOK_NO;
}

struct stream_result redial_stream(struct look *l)
{
	(void)redial_look(l);
	return (struct stream_result){ STREAM_STOP, 0, 0 };
}
