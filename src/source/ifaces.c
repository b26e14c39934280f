/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "source/ifaces.h"

#include <net/if.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/nfqueue.h"

struct ifaces {
	pthread_mutex_t lock;
	uint16_t n;                          /* used, [0] included */
	uint32_t index[IFACES_MAX];
	char text[IFACES_MAX][IF_NAMESIZE];
	const char *name[IFACES_MAX];        /* [0] NULL; an entry is set once, before anybody has its number */
};

struct ifaces *ifaces_new(void)
{
	struct ifaces *all = calloc(1, sizeof *all);

	if (all == NULL)
		return NULL;
	pthread_mutex_init(&all->lock, NULL);
	all->n = 1;
	return all;
}

void ifaces_free(struct ifaces *all)
{
	if (all == NULL)
		return;
	pthread_mutex_destroy(&all->lock);
	free(all);
}

const char *const *ifaces_names(const struct ifaces *all)
{
	return all->name;
}

/* Under the lock. An interface that is gone already is named by its number. */
static void add(struct ifaces *all, uint32_t kernel_index)
{
	if (all->n == IFACES_MAX)
		return;
	if (if_indextoname(kernel_index, all->text[all->n]) == NULL)
		snprintf(all->text[all->n], IF_NAMESIZE, "if%u", kernel_index);
	all->name[all->n] = all->text[all->n];
	all->index[all->n++] = kernel_index;
}

static bool known(const struct ifaces *all, uint32_t kernel_index)
{
	for (uint16_t i = 1; i < all->n; i++)
		if (all->index[i] == kernel_index)
			return true;
	return false;
}

void ifaces_view_init(struct ifaces_view *v, struct ifaces *all)
{
	*v = (struct ifaces_view){ .all = all, .n = 1 };
}

static uint16_t view_find(struct ifaces_view *v, uint32_t kernel_index)
{
	for (uint16_t i = 1; i < v->n; i++)
		if (v->index[i] == kernel_index)
			return v->last = i;
	return 0;
}

uint16_t ifaces_index(struct ifaces_view *v, uint32_t kernel_index)
{
	uint16_t i;

	if (kernel_index == 0)
		return 0;
	if (v->index[v->last] == kernel_index)
		return v->last;
	i = view_find(v, kernel_index);
	if (i != 0 || v->n == IFACES_MAX)
		return i;
	pthread_mutex_lock(&v->all->lock);
	if (!known(v->all, kernel_index))
		add(v->all, kernel_index);
	memcpy(v->index, v->all->index, sizeof v->index);
	v->n = v->all->n;
	pthread_mutex_unlock(&v->all->lock);
	return view_find(v, kernel_index);
}
