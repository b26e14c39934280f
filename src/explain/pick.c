/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "explain/pick.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define SEPARATORS " ,\t"
#define WORD_MAX   64     /* characters of an end: "[address]:port" */

/* --- what is wanted --- */

static const struct { const char *name; uint8_t proto; } protos[] = {
	{ "udp", IPPROTO_UDP }, { "tcp", IPPROTO_TCP }, { "sctp", IPPROTO_SCTP },
};

static bool take_proto(const char *word, size_t len, struct pick_want *w)
{
	for (unsigned i = 0; i < sizeof protos / sizeof *protos; i++)
		if (strlen(protos[i].name) == len && strncasecmp(protos[i].name, word, len) == 0 && w->proto == 0) {
			w->proto = protos[i].proto;
			return true;
		}
	return false;
}

static bool take_port(const char *text, struct pick_end *e)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	e->port = (uint16_t)port;
	return *text >= '0' && *text <= '9' && *end == '\0' && port != 0 && port <= UINT16_MAX;
}

/* An address alone may hold colons; one with a port has a single colon, or brackets. */
static bool take_end(const char *word, size_t len, struct pick_want *w)
{
	struct pick_end *e = &w->end[w->n_end];
	char text[WORD_MAX];
	const char *colon;

	if (w->n_end == 2 || len >= sizeof text)
		return false;
	memcpy(text, word, len);
	text[len] = '\0';
	w->n_end++;
	if (addr_parse(text, len, &e->ip))
		return true;
	colon = strrchr(text, ':');
	if (colon == NULL || !take_port(colon + 1, e))
		return false;
	len = (size_t)(colon - text);
	if (text[0] == '[' && len > 2 && text[len - 1] == ']')
		return addr_parse(text + 1, len - 2, &e->ip);
	return addr_parse(text, len, &e->ip);
}

static bool take_number(const char *text, struct pick_want *w)
{
	char *end;
	unsigned long long id;

	errno = 0;
	id = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || flow_ordinal(id) == 0)
		return false;
	w->number = flow_ordinal(id);
	return true;
}

bool pick_parse(const char *text, struct pick_want *w)
{
	*w = (struct pick_want){ 0 };
	if (take_number(text, w))
		return true;
	for (size_t len; *(text += strspn(text, SEPARATORS)) != '\0'; text += len) {
		len = strcspn(text, SEPARATORS);
		if (!take_proto(text, len, w) && !take_end(text, len, w))
			return false;
	}
	return w->n_end != 0 || w->proto != 0;
}

static bool is_end(const struct pick_end *e, const struct event_flow *f, int end)
{
	return addr_equal(&e->ip, &f->ip[end]) && (e->port == 0 || e->port == f->port[end]);
}

static bool is_wanted(const struct pick_want *w, const struct event_flow *f)
{
	if (w->number != 0)
		return flow_ordinal(f->id) == w->number;
	if (w->proto != 0 && w->proto != f->proto)
		return false;
	if (w->n_end == 0)
		return true;
	for (int end = 0; end < 2; end++)
		if (is_end(&w->end[0], f, end) && (w->n_end == 1 || is_end(&w->end[1], f, !end)))
			return true;
	return false;
}

/* --- what is worth a look --- */

/* Whether `a` is more worth a look: by class, then bits, then packets; else the earlier one. */
static bool is_above(const struct pick_card *a, const struct pick_card *b)
{
	if (a->cls != b->cls)
		return a->cls > b->cls;
	if (a->bits != b->bits)
		return a->bits > b->bits;
	if (a->packets != b->packets)
		return a->packets > b->packets;
	return flow_ordinal(a->flow.id) < flow_ordinal(b->flow.id);
}

void picks_event(struct picks *p, const struct event *ev)
{
	struct pick_card card;
	unsigned at;

	if (ev->type != EVENT_FLOW)
		return;
	p->flows++;
	if (!is_wanted(&p->want, &ev->flow))
		return;
	p->wanted++;
	card = (struct pick_card){
		.flow = ev->flow, .cls = ev->voip.cls, .app = ev->voip.app, .bits = ev->voip.bits,
		.packets = (uint64_t)ev->packets[0] + ev->packets[1],
		.first_wall_ns = ev->first_wall_ns, .last_wall_ns = ev->last_wall_ns,
	};
	for (at = p->n_card; at > 0 && is_above(&card, &p->card[at - 1]); at--)
		if (at < PICK_CARDS)
			p->card[at] = p->card[at - 1];
	if (at == PICK_CARDS)
		return;
	p->card[at] = card;
	if (p->n_card < PICK_CARDS)
		p->n_card++;
}
