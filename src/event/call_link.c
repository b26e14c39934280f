/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "event/call_link.h"

#include "base/hash.h"

enum key_kind { KEY_FLOW, KEY_DIALOG, KEY_HOSTS, KEY_APP };

static uint64_t key_number(enum key_kind kind, uint64_t number)
{
	const uint64_t key[2] = { kind, number };

	return hash_bytes(key, sizeof key);
}

uint64_t key_flow(uint64_t flow_id)
{
	return key_number(KEY_FLOW, flow_id);
}

uint64_t key_dialog(uint64_t dialog)
{
	return key_number(KEY_DIALOG, dialog);
}

uint64_t key_hosts(const struct addr ip[static 2])
{
	const int low = memcmp(&ip[0], &ip[1], sizeof *ip) > 0;
	const struct { uint64_t kind; struct addr ip[2]; } key = {
		KEY_HOSTS, { ip[low], ip[!low] },
	};

	return hash_bytes(&key, sizeof key);
}

uint64_t key_app(const struct addr *host, enum app app)
{
	const struct { uint32_t kind, app; struct addr host; } key = { KEY_APP, app, *host };

	return hash_bytes(&key, sizeof key);
}

void link_add(struct call_index *index, struct call_link *l, uint64_t hash, struct call *call,
    struct call_flow *flow)
{
	struct call_link **head = &index->bucket[hash % CALL_BUCKETS];

	*l = (struct call_link){ *head, head, hash, call, flow };
	if (*head != NULL)
		(*head)->prev = &l->next;
	*head = l;
}

void link_remove(struct call_link *l)
{
	if (l->prev == NULL)
		return;
	*l->prev = l->next;
	if (l->next != NULL)
		l->next->prev = l->prev;
	l->prev = NULL;
}

/* The first link of this hash at or after l. */
static struct call_link *link_match(struct call_link *l, uint64_t hash)
{
	while (l != NULL && l->hash != hash)
		l = l->next;
	return l;
}

struct call_link *link_find(const struct call_index *index, uint64_t hash)
{
	return link_match(index->bucket[hash % CALL_BUCKETS], hash);
}

struct call_link *link_next(const struct call_link *l)
{
	return link_match(l->next, l->hash);
}
