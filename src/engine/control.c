/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What people who look on may see of a running engine, and do to it. */
#include "engine/state.h"

struct walk {
	const struct engine *engine;
	engine_flow_fn *fn;
	void *arg;
	bool more;
};

static void describe(const struct engine *e, const struct flow *f, struct engine_flow *to)
{
	int s = engine_source_dir(f);

	engine_describe(e, f, &to->flow);
	to->cls = f->watch == NULL ? CLASS_NONE : (enum voip_class)f->watch->cls;
	to->app = f->watch == NULL ? APP_NONE : (enum app)f->watch->app;
	to->bits = f->watch == NULL ? 0 : f->watch->bits;
	to->action = (enum action)f->action;
	for (int i = 0; i < 2; i++) {
		const struct flow_dir *dir = &f->dir[i == 0 ? s : !s];

		to->packets[i] = dir->packets;
		to->bytes[i] = dir->bytes;
	}
	to->first_wall_ns = f->first_wall_ns;
}

static void walk_flow(void *arg, struct flow *f)
{
	struct walk *w = arg;
	struct engine_flow flow;

	if (!w->more)
		return;
	describe(w->engine, f, &flow);
	w->more = w->fn(w->arg, &flow);
}

void engine_each(const struct engine *e, engine_flow_fn *fn, void *arg)
{
	struct walk w = { .engine = e, .fn = fn, .arg = arg, .more = true };

	flow_table_each(e->table, walk_flow, &w);
}

struct cut {
	struct engine *engine;
	const uint64_t *ids;
	unsigned n, done;
};

/* Emergency calls are nobody's to cut, not by mistake either. */
static void cut_flow(void *arg, struct flow *f)
{
	struct cut *c = arg;

	for (unsigned i = 0; i < c->n; i++)
		if (f->id == c->ids[i] && !(f->flags & FLOW_EMERGENCY)) {
			decide_kill(c->engine, f);
			c->done++;
		}
}

unsigned engine_kill(struct engine *e, const uint64_t ids[], unsigned n)
{
	struct cut c = { .engine = e, .ids = ids, .n = n };

	flow_table_each(e->table, cut_flow, &c);
	return c.done;
}

void engine_stats(struct engine *e)
{
	emit_plain(e, EVENT_STATS);
}
