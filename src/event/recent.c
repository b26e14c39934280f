/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "event/recent.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"

#define LATELY_NS (86400 * NS_PER_S) /* the recordings of 2009 were kept and sent when there was time */

struct recent_host {
	struct addr host;
	uint64_t wall_ns;         /* 0: free */
	enum app app;
	enum recent_did did;
};

struct recent { struct recent_host host[RECENT_HOSTS]; };

struct recent *recent_new(void)
{
	return calloc(1, sizeof(struct recent));
}

void recent_free(struct recent *r)
{
	free(r);
}

static size_t place(const struct addr *host)
{
	return hash_bytes(host, sizeof *host) % RECENT_HOSTS;
}

void recent_take(struct recent *r, const struct event *ev)
{
	enum recent_did did = ev->voip.cls == CLASS_MEDIA ? RECENT_CALLED
	    : ev->voip.app == APP_SKYPE && ev->voip.cls != CLASS_NONE ? RECENT_SKYPE : RECENT_NOTHING;

	for (int i = 0; did != RECENT_NOTHING && i < 2; i++) {
		struct recent_host *h = &r->host[place(&ev->flow.ip[i])];

		/* a call says more than that Skype goes on */
		if (addr_equal(&h->host, &ev->flow.ip[i]) && h->did > did && ev->wall_ns - h->wall_ns < LATELY_NS)
			continue;
		*h = (struct recent_host){ ev->flow.ip[i], ev->wall_ns, ev->voip.app, did };
	}
}

enum recent_did recent_find(const struct recent *r, const struct addr *host, uint64_t wall_ns, enum app *app)
{
	const struct recent_host *h = &r->host[place(host)];

	if (h->wall_ns == 0 || !addr_equal(&h->host, host) || wall_ns < h->wall_ns || wall_ns - h->wall_ns > LATELY_NS)
		return RECENT_NOTHING;
	*app = h->app;
	return h->did;
}
