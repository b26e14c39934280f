/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/parse.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "flow/facts.h"

#define EMERGENCY "emergency"

/* Private and link-local addresses: RFC 1918, 6598, 3927, 4193, 4291. */
static const char *const inside_default[] = {
	"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16",
	"fc00::/7", "fe80::/10",
};
#define INSIDE_DEFAULTS (sizeof inside_default / sizeof *inside_default)

static const char *const emergency_default[] = { "112", "911" };

static struct set *set_find(struct parser *p, const char *name)
{
	struct set *s = p->sets;

	while (s != NULL && strcmp(s->name, name) != 0)
		s = s->next;
	return s;
}

static struct set *set_new(struct parser *p, const char *name)
{
	struct set *s = parser_alloc(p, sizeof *s);

	if (s == NULL)
		return NULL;
	s->name = name;
	s->next = p->sets;
	p->sets = s;
	return s;
}

void sets_defaults(struct parser *p)
{
	struct set *s = set_new(p, "inside");
	struct ranges *r = &p->policy->inside;

	p->policy->emergency = (struct names){ 2, emergency_default };
	r->range = parser_alloc(p, INSIDE_DEFAULTS * sizeof *r->range);
	if (s == NULL || r->range == NULL)
		return;
	for (size_t i = 0; i < INSIDE_DEFAULTS; i++) {
		struct net net;

		if (net_parse(inside_default[i], &net))
			r->range[r->n++] = range_of_net(&net);
	}
	ranges_join(r);
	s->ranges = *r;
	s->builtin = true;
}

/* Says what is wrong with an address that net_parse refused. */
static void address_error(struct parser *p, struct place at, const char *text)
{
	const char *slash = strchr(text, '/');
	size_t len = slash == NULL ? strlen(text) : (size_t)(slash - text);
	struct addr a;

	if (slash == NULL || !addr_parse(text, len, &a))
		parser_error(p, at, "\"%.60s\" is not an address", text);
	else if (strtoul(slash + 1, NULL, 10) > (strchr(text, ':') == NULL ? 32u : 128u))
		parser_error(p, at, "\"%.60s\": a prefix that long cannot be", text);
	else
		parser_error(p, at, "\"%.60s\" has bits set after the prefix; write the network's own address", text);
}

static const struct ranges *item_set(struct parser *p, const struct item *item)
{
	struct set *s = set_find(p, item->text + 1);
	const char *names[64];
	char hint[HINT_LEN];
	size_t n = 0;

	if (s != NULL) {
		s->used = true;
		return &s->ranges;
	}
	for (s = p->sets; s != NULL && n < 64; s = s->next)
		names[n++] = s->name;
	if (strcmp(item->text + 1, EMERGENCY) == 0)
		parser_error(p, item->at, "\"%s\" holds numbers, not addresses", EMERGENCY);
	else
		parser_error(p, item->at, "no set \"%.40s\" above this line%s", item->text + 1,
		    parser_hint(item->text + 1, names, n, hint));
	return NULL;
}

/* Number of ranges an item stands for; 0 after an error. */
static size_t item_ranges(struct parser *p, const struct item *item, struct range *to, size_t room)
{
	const struct ranges *other;
	struct net net;

	if (item->kind == ITEM_SET) {
		other = item_set(p, item);
		if (other == NULL || other->n == 0 || other->n > room)
			return other == NULL ? 0 : other->n;
		memcpy(to, other->range, other->n * sizeof *to);
		return other->n;
	}
	if (item->kind != ITEM_ADDR) {
		parser_error(p, item->at, "expected an address, a network or a set ($name), found \"%.40s\"", item->text);
		return 0;
	}
	if (!net_parse(item->text, &net)) {
		address_error(p, item->at, item->text);
		return 0;
	}
	if (room > 0)
		*to = range_of_net(&net);
	return 1;
}

/* Ranges that the items need at most. */
static size_t items_size(struct parser *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_items; i++) {
		const struct set *s = p->item[i].kind == ITEM_SET ? set_find(p, p->item[i].text + 1) : NULL;

		n += s == NULL ? 1 : s->ranges.n;
	}
	return n;
}

const struct ranges *set_of_items(struct parser *p, struct place at)
{
	unsigned errors = p->n_errors;
	struct ranges *r = parser_alloc(p, sizeof *r);
	size_t max = items_size(p);

	if (p->n_items == 0)
		parser_error(p, at, "an empty set matches nothing");
	if (max > ITEMS_MAX) {
		parser_error(p, at, "a set of more than %d networks", ITEMS_MAX);
		return NULL;
	}
	if (r == NULL || (r->range = parser_alloc(p, max * sizeof *r->range)) == NULL)
		return NULL;
	for (size_t i = 0; i < p->n_items; i++)
		r->n += item_ranges(p, &p->item[i], r->range + r->n, max - r->n);
	if (p->n_errors != errors)
		return NULL;
	ranges_join(r);
	return r;
}

static bool is_number(const char *text)
{
	size_t len = strspn(text, "0123456789");

	return len > 0 && text[len] == '\0' && len < DIALED_LEN;
}

/* emergency = { 112, 911 }: digits as they are dialled; none switches it off. */
static void emergency_define(struct parser *p, struct place at)
{
	const char **number = parser_alloc(p, (p->n_items + 1) * sizeof *number);
	size_t n = 0;

	if (p->emergency_set)
		parser_error(p, at, "\"%s\" is set twice", EMERGENCY);
	p->emergency_set = true;
	for (size_t i = 0; number != NULL && i < p->n_items; i++) {
		const struct item *item = &p->item[i];

		if ((item->kind != ITEM_NUMBER && item->kind != ITEM_TEXT) || !is_number(item->text))
			parser_error(p, item->at, "expected a number to dial (up to %d digits), found \"%.40s\"",
			    DIALED_LEN - 1, item->text);
		else
			number[n++] = item->text;
	}
	p->policy->emergency = (struct names){ n, number };
}

void set_define(struct parser *p, struct place at, const char *name)
{
	struct set *s = set_find(p, name);
	const struct ranges *r;

	if (strcmp(name, EMERGENCY) == 0) {
		emergency_define(p, at);
		return;
	}
	if (s != NULL && s->builtin && s->used)
		parser_error(p, at, "\"%s\" is used above; set it before", name);
	else if (s != NULL && !s->builtin)
		parser_error(p, at, "\"%.40s\" is set twice, first on line %d", name, s->at.line);
	r = set_of_items(p, at);
	if (s == NULL)
		s = set_new(p, name);
	if (s == NULL)
		return;
	s->at = at;
	s->builtin = false;
	if (r != NULL)
		s->ranges = *r;
	if (r != NULL && strcmp(name, "inside") == 0)
		p->policy->inside = *r;
}
