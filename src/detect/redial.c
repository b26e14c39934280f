/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The redial of a pair just cut: clients whose call fails try again at once, on
 * other ports and by other ways. What begins between the same two hosts within
 * the life of the fact needs that much less evidence of its own; alone it
 * reaches no threshold, and other hosts are untouched.
 */
#include "detect/rows.h"

#define BITS_REDIAL 6.0f /* the guess that of flows begun between such a pair one in some tens is no retry */

const struct byte_range redial_bytes[] = { { 0, 255 }, { 1, 0 } };

static bool was_cut(const struct look *l)
{
	const struct packet *p = l->pkt;
	struct fact f;

	if (fact_port_common(p->port[0]) || fact_port_common(p->port[1]))
		return false;
	return facts_find(l->env->facts, FACT_CUT, &p->ip[0], &p->ip[1], 0, 0, p->frame->mono_ns, &f);
}

enum look_result redial_look(struct look *l)
{
	if (l->depth == 0 && was_cut(l))
		detect_evidence(l, CLASS_MEDIA, APP_NONE, BITS_REDIAL, "a call of these two was just cut", 0, 0);
	return LOOK_NO;
}

struct stream_result redial_stream(struct look *l)
{
	(void)redial_look(l);
	return (struct stream_result){ STREAM_STOP, 0, 0 };
}
