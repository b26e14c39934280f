/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_SKYPE_TABLE_H
#define SQUELCH_DETECT_SKYPE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

/* Where something was heard. Same address in another VLAN or tunnel: someone else. */
struct skype_where {
	struct addr ip;
	uint16_t port;            /* host order; 0: the host itself */
	uint16_t proto;           /* IPPROTO_; 0: the host itself */
	uint32_t vlan, tunnel;    /* as in struct flow_key */
};

/*
 * A table of fixed size, by place. What was used longest ago is forgotten
 * first; what was marked to be kept only when the kept ones fill their share, so that
 * strangers who come and go cannot push out what was proved.
 */
struct skype_table;

/* `max` entries of `size` bytes; NULL without memory. */
struct skype_table *skype_table_new(uint32_t max, size_t size);
void skype_table_free(struct skype_table *);
void skype_table_clear(struct skype_table *);
/* NULL when it is not there; counts as use. */
void *skype_table_find(struct skype_table *, const struct skype_where *);
/* Made (zeroed) when it is not there; *evicted tells that another was forgotten for it. Valid until the next call but one. */
void *skype_table_get(struct skype_table *, const struct skype_where *, bool *evicted);
/* From now on the entry is worth more than those that are not kept. */
void skype_table_keep(struct skype_table *, void *entry);
/* The kept entries, those used longest ago first. The callback must not touch the table. */
void skype_table_each_kept(const struct skype_table *,
    void (*fn)(void *arg, const struct skype_where *, const void *entry), void *arg);

#endif
