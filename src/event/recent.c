/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "event/recent.h"

#include <stdlib.h>

#include "base/clock.h"
#include "detect/skype_table.h"

#define LATELY_NS (86400 * NS_PER_S) /* the recordings of 2009 were kept and sent when there was time */

struct host {
	uint64_t wall_ns;
	enum app app;
	enum recent_did did;
};

struct recent { struct skype_table *hosts; };

struct recent *recent_new(void)
{
	struct recent *r = calloc(1, sizeof *r);

	if (r != NULL && (r->hosts = skype_table_new(RECENT_HOSTS, sizeof(struct host))) == NULL) {
		free(r);
		return NULL;
	}
	return r;
}

void recent_free(struct recent *r)
{
	if (r == NULL)
		return;
	skype_table_free(r->hosts);
	free(r);
}

void recent_take(struct recent *r, const struct event *ev)
{
	enum recent_did did = ev->voip.cls == CLASS_MEDIA ? RECENT_CALLED
	    : ev->voip.app == APP_SKYPE && ev->voip.cls != CLASS_NONE ? RECENT_SKYPE : RECENT_NOTHING;

	for (int i = 0; did != RECENT_NOTHING && i < 2; i++) {
		bool evicted;
		struct host *h = skype_table_get(r->hosts, &(struct skype_where){ .ip = ev->flow.ip[i] }, &evicted);

		/* a call says more than that Skype goes on */
		if (h->did <= did || ev->wall_ns - h->wall_ns > LATELY_NS)
			*h = (struct host){ ev->wall_ns, ev->voip.app, did };
	}
}

enum recent_did recent_find(struct recent *r, const struct addr *host, uint64_t wall_ns, enum app *app)
{
	const struct host *h = skype_table_find(r->hosts, &(struct skype_where){ .ip = *host });

	if (h == NULL || wall_ns < h->wall_ns || wall_ns - h->wall_ns > LATELY_NS)
		return RECENT_NOTHING;
	*app = h->app;
	return h->did;
}
