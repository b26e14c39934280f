/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What rows keep of a flow, and what they say of it. */
#include <stdlib.h>
#include <string.h>

#include "detect/run.h"

static_assert(sizeof(struct watch) <= 1024, "a watched flow is charged this much before detector state");

/* Watches of others that one allocation may cost: as many as hold the largest state of a row, should they have none. */
#define RECLAIMS_MAX 8

/* A flow that only has its watch is deaf: the states of its rows make room for themselves too. A host's own bound does not. */
static void *watch_alloc(struct look *l, const struct addr *payer, size_t size)
{
	struct detect_env *env = l->env;
	void *memory;

	for (int i = 0; i < RECLAIMS_MAX && budget_full(env->watch_budget, size) && env->reclaim != NULL; i++)
		if (!env->reclaim(env->arg, l->flow))
			break;
	memory = budget_alloc(env->watch_budget, payer, size);
	if (memory == NULL)
		count(env->counts, COUNT_WATCH_REFUSED);
	return memory;
}

struct watch *detect_watch(struct look *l)
{
	struct flow *f = l->flow;
	const struct addr *payer = &f->key.ip[f->flags & FLOW_FIRST_1 ? 1 : 0];

	if (f->watch != NULL)
		return f->watch;
	f->watch = watch_alloc(l, payer, sizeof *f->watch);
	if (f->watch != NULL)
		f->watch->payer = *payer;
	return f->watch;
}

void *detect_state_find(const struct look *l)
{
	return l->flow->watch == NULL ? NULL : l->flow->watch->state[l->row];
}

void *detect_state(struct look *l, size_t size)
{
	struct watch *w = detect_watch(l);

	if (w == NULL)
		return NULL;
	if (w->state[l->row] == NULL) {
		w->state[l->row] = watch_alloc(l, &w->payer, size);
		if (w->state[l->row] != NULL)
			w->state_size[l->row] = (uint16_t)size;
	}
	return w->state[l->row];
}

static float bounded_bits(const struct detector *d, float bits)
{
	if (!d->verified && bits > UNVERIFIED_BITS)
		return UNVERIFIED_BITS;
	if (d->cap_bits > 0 && bits > d->cap_bits)
		return d->cap_bits;
	return bits;
}

/* The row's evidence; NULL when it has none yet. */
static struct evidence *slot_find(struct watch *w, const struct detector *row)
{
	for (unsigned i = 0; i < w->n_evidence; i++)
		if (w->evidence[i].row == row)
			return &w->evidence[i];
	return NULL;
}

void detect_evidence(struct look *l, enum voip_class cls, enum app app, float bits,
    const char *why, uint32_t a, uint32_t b)
{
	const struct detector *row = &detectors[l->row];
	struct watch *w = detect_watch(l);
	struct evidence *e;

	if (w == NULL)
		return;
	e = slot_find(w, row);
	if (e == NULL) {
		if (w->n_evidence == EVIDENCE_MAX) {
			count(l->env->counts, COUNT_EVIDENCE_REFUSED);
			return;
		}
		e = &w->evidence[w->n_evidence++];
	}
	*e = (struct evidence){ row, why, { a, b }, bounded_bits(row, bits), (uint8_t)cls, (uint8_t)app };
	w->dirty = true;
}

bool detect_has_evidence(const struct look *l)
{
	return l->flow->watch != NULL && slot_find(l->flow->watch, &detectors[l->row]) != NULL;
}

bool detect_denies(const struct look *l, enum group group)
{
	const struct watch *w = l->flow->watch;
	bool on = false;

	for (unsigned i = 0; w != NULL && i < w->n_evidence; i++)
		if (w->evidence[i].row->group == group && w->evidence[i].bits > 0)
			return false;
	for (unsigned i = 0; i < n_detectors && !on; i++)
		on = detectors[i].group == group && l->env->enabled & row_bit(i);
	return on;
}

void detect_media_packet(struct look *l, uint64_t first_ns)
{
	struct watch *w = l->flow->watch;

	if (w == NULL)
		return;
	if (w->media_packets++ == 0)
		w->media_ns = first_ns;
}

void detect_media_none(struct look *l)
{
	if (l->flow->watch != NULL)
		l->flow->watch->media_packets = 0;
}

void detect_signal(struct look *l, const struct call_signal *s)
{
	if (l->env->on_signal != NULL)
		l->env->on_signal(l->env->arg, l, s);
}

void detect_audit(struct look *l, const struct audit_note *n)
{
	if (l->env->on_audit != NULL)
		l->env->on_audit(l->env->arg, l, n);
}

void detect_release(struct detect_env *env, struct flow *f)
{
	struct watch *w = f->watch;
	struct addr payer;

	if (w == NULL)
		return;
	run_release_streams(env, w);
	payer = w->payer;
	for (unsigned i = 0; i < n_detectors; i++)
		budget_release(env->watch_budget, &payer, w->state[i], w->state_size[i]);
	budget_release(env->watch_budget, &payer, w, sizeof *w);
	f->watch = NULL;
}

unsigned detect_media(const struct flow *f, int dir, struct media_stats out[MEDIA_STATS_MAX])
{
	if (f->watch == NULL)
		return 0;
	for (unsigned i = 0; i < n_detectors; i++) {
		if (detectors[i].media == NULL || f->watch->state[i] == NULL)
			continue;
		return detectors[i].media(f->watch->state[i], dir, out);
	}
	return 0;
}

const char *evidence_why(const struct evidence *e, char text[static WHY_LEN])
{
	char *to = text, *end = text + WHY_LEN - 1;

	for (const char *p = e->why; *p != '\0' && to < end; p++) {
		char digits[10];
		unsigned n = 0;

		if (p[0] != '{' || (p[1] != '0' && p[1] != '1') || p[2] != '}') {
			*to++ = *p;
			continue;
		}
		for (uint32_t v = e->arg[p[1] - '0']; n == 0 || v != 0; v /= 10)
			digits[n++] = (char)('0' + v % 10);
		while (n != 0 && to < end)
			*to++ = digits[--n];
		p += 2;
	}
	*to = '\0';
	return text;
}
