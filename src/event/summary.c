/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "event/summary_kept.h"

#include <stdlib.h>

#include "base/hash.h"

struct summary *summary_new(void)
{
	struct summary *s = calloc(1, sizeof *s);

	if (s != NULL)
		s->first_ns = UINT64_MAX;
	return s;
}

void summary_free(struct summary *s)
{
	free(s);
}

static struct host *host_get(struct summary *s, const struct addr *ip)
{
	unsigned at = (unsigned)(hash_bytes(ip, sizeof *ip) % HOST_SLOTS);

	while (s->host[at].used && !addr_equal(&s->host[at].ip, ip))
		at = (at + 1) % HOST_SLOTS;
	if (s->host[at].used)
		return &s->host[at];
	if (s->n_host == SUMMARY_HOSTS_MAX) {
		s->hosts_refused++;
		return NULL;
	}
	s->n_host++;
	s->host[at] = (struct host){ .ip = *ip, .used = true };
	return &s->host[at];
}

static void usage_add(struct usage *u, const struct event *ev)
{
	u->flows++;
	u->packets += ev->packets[0] + ev->packets[1];
	u->bytes += ev->bytes[0] + ev->bytes[1];
}

void summary_flow(struct summary *s, const struct event *ev)
{
	struct host *h;
	int i;

	usage_add(&s->all, ev);
	usage_add(&s->app[ev->voip.app < APP_COUNT ? ev->voip.app : APP_NONE], ev);
	if (ev->first_wall_ns < s->first_ns)
		s->first_ns = ev->first_wall_ns;
	if (ev->last_wall_ns > s->last_ns)
		s->last_ns = ev->last_wall_ns;
	for (i = 0; i < 2; i++)
		if ((h = host_get(s, &ev->flow.ip[i])) != NULL) {
			h->flows++;
			h->bytes += ev->bytes[0] + ev->bytes[1];
		}
}

static void line_quality(struct line *line, const struct call *c)
{
	uint64_t expected = 0, lost = 0, packets = 0;
	double jitter = 0;
	unsigned i, dir, k;

	line->loss_pct = line->jitter_ms = -1;
	for (i = 0; i < c->n_flow; i++)
		for (dir = 0; dir < 2; dir++)
			for (k = 0; k < c->flow[i]->n_media[dir]; k++) {
				const struct media_stats *m = &c->flow[i]->media[dir][k];

				expected += m->expected;
				lost += m->lost;
				if (m->clock_hz == 0)
					continue;
				packets += m->packets;
				jitter += (double)m->jitter_ms * m->packets;
			}
	if (expected > 0)
		line->loss_pct = 100.0 * (double)lost / (double)expected;
	if (packets > 0)
		line->jitter_ms = jitter / (double)packets;
}

static void count_reason(struct summary *s, const struct call *c)
{
	unsigned i;

	if (c->reason[0] == '\0')
		return;
	for (i = 0; i < s->n_reason; i++)
		if (s->reason[i].action == c->action && strcmp(s->reason[i].text, c->reason) == 0)
			break;
	if (i == REASONS_MAX)
		return;
	if (i == s->n_reason) {
		s->n_reason++;
		s->reason[i].action = c->action;
		memcpy(s->reason[i].text, c->reason, sizeof s->reason[i].text);
	}
	s->reason[i].calls++;
}

void summary_call(struct summary *s, const struct call *c)
{
	struct call_party ends[CALL_ROLES];
	const bool known = call_ends(c, ends);
	struct line *line;
	struct host *h;
	int i;

	s->calls++;
	count_reason(s, c);
	for (i = 0; i < CALL_ROLES; i++)
		if (!addr_is_unspecified(&ends[i].ip) && (h = host_get(s, &ends[i].ip)) != NULL)
			h->calls++;
	if (s->n_line == SUMMARY_CALLS_MAX)
		return;
	line = &s->line[s->n_line++];
	*line = (struct line){ .start_ns = c->start_wall_ns, .end_ns = c->end_wall_ns,
		.known = known, .bits = c->bits, .action = c->action, .judged = c->judged, .sos = c->sos,
		.state = c->n_media > 0 ? NULL : call_signalling(c) };
	for (i = 0; i < CALL_ROLES; i++)
		call_party_text(&ends[i], line->party[i]);
	call_what_text(c, line->what);
	line_quality(line, c);
}

void summary_counts(struct summary *s, const struct counts *counts)
{
	s->counts = *counts;
}
