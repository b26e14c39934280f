/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libnDPI's opinion: names for flows that have evidence but no name of a vendor. */
#include "engine/state.h"

#include "base/log.h"
#include "detect/ndpi.h"

/* A class whose application may be any: the only thing libnDPI may add to. A flow that nobody watches has none. */
static bool wants_name(const struct watch *w)
{
	enum app app = (enum app)w->app;

	return w->cls != CLASS_NONE &&
	    (app_kind(app) == APP_KIND_CARRIER || app_kind(app) == APP_KIND_STACK);
}

bool opinion_start(struct engine *e)
{
	if (e->ndpi == NULL && (e->ndpi = ndpi_view_new(e->conf.ndpi_bytes)) == NULL) {
		log_warnx("ndpi", "libnDPI does not start: going on without it");
		e->conf.ndpi = NDPI_OFF;
	}
	return e->ndpi != NULL;
}

void opinion_ask(struct engine *e, struct flow *f, int dir, const struct packet *pkt)
{
	struct ndpi_opinion says;
	struct look l;

	if (!e->asks_all_names && !wants_name(f->watch))
		return;
	l = (struct look){ .env = &e->env, .pkt = pkt, .flow = f, .dir = (uint8_t)dir };
	if (!opinion_start(e) || detect_watch(&l) == NULL ||
	    !ndpi_view_packet(e->ndpi, &f->watch->ndpi, f, pkt, &e->counts, &says))
		return;
	f->flags |= FLOW_NDPI_DONE;
	if (f->watch->category == CATEGORY_NONE && says.category != CATEGORY_NONE) {
		f->watch->category = says.category;
		watch_ask_rules(f->watch);
	}
	l.row = detect_row_ndpi();
	if (says.app != APP_NONE)
		detect_evidence(&l, CLASS_NONE, says.app, 0, "libnDPI names it", 0, 0);
}
