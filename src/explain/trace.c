/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "explain/trace.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_NEWS 0.5f       /* bits that a row's evidence must move by to be told again */

struct trace *trace_new(uint32_t number)
{
	struct trace *t = calloc(1, sizeof *t);

	if (t != NULL)
		t->number = number;
	return t;
}

void trace_free(struct trace *t)
{
	if (t == NULL)
		return;
	free(t->sample);
	free(t->rows);
	free(t);
}

/* --- the time line --- */

static struct trace_step *step_add(struct trace *t, enum trace_what what, uint64_t ns, uint32_t packet)
{
	struct trace_step *s;

	if (t->n_step == TRACE_STEPS) {
		t->steps_left++;
		return NULL;
	}
	s = &t->step[t->n_step++];
	*s = (struct trace_step){ .what = what, .ns = ns, .packet = packet };
	return s;
}

/* What was told last of a row. */
static struct evidence *told(struct trace *t, const struct detector *row)
{
	for (unsigned i = 0; i < t->n_evidence; i++)
		if (t->evidence[i].row == row)
			return &t->evidence[i];
	return NULL;
}

static bool is_news(const struct evidence *before, const struct evidence *now)
{
	float moved = now->bits - before->bits;

	return moved >= LEAST_NEWS || moved <= -LEAST_NEWS || before->cls != now->cls ||
	    before->app != now->app || strcmp(before->why, now->why) != 0;
}

static void evidence_look(struct trace *t, const struct evidence *e, unsigned n, uint64_t ns, uint32_t packet)
{
	for (unsigned i = 0; i < n; i++) {
		struct evidence *old = told(t, e[i].row);
		struct trace_step *s;

		if (old != NULL && !is_news(old, &e[i]))
			continue;
		s = step_add(t, TRACE_EVIDENCE, ns, packet);
		if (s != NULL) {
			s->now = e[i];
			s->fresh = old == NULL;
			s->before = old == NULL ? 0 : old->bits;
		}
		if (old == NULL && t->n_evidence < EVIDENCE_MAX)
			old = &t->evidence[t->n_evidence++];
		if (old != NULL)
			*old = e[i];
	}
}

static uint64_t since_first(const struct trace *t, uint64_t wall_ns)
{
	return wall_ns > t->first_wall_ns ? wall_ns - t->first_wall_ns : 0;
}

/* A decision on a packet comes while that is judged: it is not counted yet. */
static void decision(struct trace *t, const struct event *ev)
{
	uint32_t packet = t->packets + (ev->number != 0 ? 1 : 0);
	struct trace_step *s;
	uint64_t ns;

	if (!t->seen)
		t->first_wall_ns = ev->wall_ns;
	ns = since_first(t, ev->wall_ns);
	evidence_look(t, ev->voip.evidence, ev->voip.n_evidence, ns, packet);
	s = step_add(t, TRACE_DECISION, ns, packet);
	if (s == NULL)
		return;
	s->cls = ev->voip.cls;
	s->app = ev->voip.app;
	s->bits = ev->voip.bits;
	s->verdict = ev->verdict;
}

void trace_event(void *arg, const struct event *ev)
{
	struct trace *t = arg;

	if ((ev->type != EVENT_VOIP && ev->type != EVENT_FLOW) || flow_ordinal(ev->flow.id) != t->number)
		return;
	if (ev->type == EVENT_FLOW) {
		evidence_look(t, ev->voip.evidence, ev->voip.n_evidence, since_first(t, ev->last_wall_ns), t->packets);
		t->last = *ev;
		t->flow = ev->flow;
		t->first_wall_ns = ev->first_wall_ns;
		t->ended = true;
	} else {
		decision(t, ev);
	}
}

/* --- packets --- */

static void sample_add(struct trace *t, uint64_t ns, uint32_t size, int dir)
{
	if (t->n_sample == TRACE_SAMPLES) {
		t->samples_left++;
		return;
	}
	if (t->n_sample == t->room) {
		uint32_t room = t->room == 0 ? 1024 : t->room * 2;
		struct trace_sample *more = realloc(t->sample, room * sizeof *more);

		if (more == NULL) {
			t->samples_left++;
			return;
		}
		t->sample = more;
		t->room = room;
	}
	t->sample[t->n_sample++] = (struct trace_sample){
		.ns = ns, .size = size > UINT16_MAX ? UINT16_MAX : (uint16_t)size, .dir = (uint8_t)dir };
}

static bool looks_at(const struct detector *d, uint8_t proto)
{
	return (proto == IPPROTO_UDP && d->look != NULL && d->udp != NULL) ||
	    (proto == IPPROTO_TCP && d->stream != NULL && d->tcp != NULL);
}

static enum trace_row row_of(const struct trace *t, const struct flow *f, unsigned i)
{
	if (!(t->enabled & row_bit(i)))
		return TRACE_ROW_UNASKED;
	if (f->claimed & row_bit(i))
		return TRACE_ROW_FOUND;
	if (!looks_at(&detectors[i], f->key.proto))
		return TRACE_ROW_UNASKED;
	return f->alive & row_bit(i) ? TRACE_ROW_LOOKING : TRACE_ROW_ENDED;
}

static void flow_ends(struct trace *t, const struct flow *f)
{
	FILE *out = open_memstream(&t->rows, &t->rows_len);

	for (unsigned i = 0; i < n_detectors; i++)
		t->row[i] = row_of(t, f, i);
	t->merged = f->flags & FLOW_MERGED;
	if (out == NULL)
		return;
	detect_explain(f, out);
	fclose(out);
}

void trace_look(void *arg, const struct flow *f, int dir, const struct packet *pkt)
{
	struct trace *t = arg;
	int source;

	if (flow_ordinal(f->id) != t->number)
		return;
	if (pkt == NULL) {
		flow_ends(t, f);
		return;
	}
	source = flow_initiator(f) >= 0 ? flow_initiator(f) : f->flags & FLOW_FIRST_1 ? 1 : 0;
	t->first_wall_ns = f->first_wall_ns;
	t->seen = true;
	t->packets++;
	if (f->watch != NULL)
		evidence_look(t, f->watch->evidence, f->watch->n_evidence, f->last_ns - f->first_ns, t->packets);
	if (pkt->payload_wire != 0)
		sample_add(t, f->last_ns - f->first_ns, pkt->payload_wire, dir == source ? 0 : 1);
}
