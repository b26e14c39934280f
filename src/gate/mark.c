/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gate/mark.h"

#include <errno.h>
#include <stdlib.h>

bool mark_mask_parse(const char *text, uint32_t *mask)
{
	char *end;
	unsigned long v;
	uint32_t run;

	errno = 0;
	v = strtoul(text, &end, 16);
	if (errno != 0 || end == text || *end != '\0' || *text == '-' || v == 0 || v > UINT32_MAX)
		return false;
	run = (uint32_t)v >> __builtin_ctz((uint32_t)v);
	if ((run & (run + 1)) != 0 || __builtin_popcount(run) < MARK_BITS)
		return false;
	*mask = (uint32_t)v;
	return true;
}

/* Who is to be told, seen from a packet: its sender, its receiver, or both. */
static enum mark_code reject_code(const struct fate *f)
{
	if (f->reject == REJECT_BOTH)
		return MARK_REJECT_BOTH;
	return (f->reject == REJECT_CLIENT) == f->from_source ? MARK_REJECT_BACK : MARK_REJECT_AHEAD;
}

enum mark_code mark_code_of(const struct fate *f)
{
	if (!f->final)
		return f->drop ? MARK_DROP_ONCE : f->watch ? MARK_WATCH : MARK_NONE;
	if (!f->drop)
		return MARK_PASS;
	return f->reject == REJECT_NONE ? MARK_DROP : reject_code(f);
}
