/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/parse.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>


#define PORT_MAX 65535
#define BITS_MAX 1000.0f /* no evidence comes near */

static const char *const selector_name[] = {
	[SEL_TUNNELLED] = "tunnelled", [SEL_APP] = "app", [SEL_CATEGORY] = "category",
	[SEL_ROLE] = "role", [SEL_FROM] = "from", [SEL_TO] = "to", [SEL_HOST] = "host",
	[SEL_IIF] = "iif", [SEL_OIF] = "oif", [SEL_PROTO] = "proto",
	[SEL_SIGNALLED] = "signalled-by", [SEL_BITS] = "bits", [SEL_DURING] = "during",
	[SEL_UNTIL] = "until", [SEL_REASON] = "reason", [SEL_TARGET] = "target of reject",
};
static_assert(sizeof selector_name / sizeof *selector_name == SELECTORS, "name every selector");

/* Units of `limit`, in bytes a second. */
static const struct {
	const char *unit;
	double bytes;
} rate_units[] = {
	{ "B/s", 1 }, { "kB/s", 1e3 }, { "MB/s", 1e6 },
	{ "bit/s", 0.125 }, { "kbit/s", 125 }, { "Mbit/s", 125e3 },
};

void rule_begin(struct parser *p, struct place at, enum action action)
{
	p->rule = (struct compiled){ .action = action, .bits_lo = ACT_BITS, .bits_hi = INFINITY };
	p->rule.rule = (struct rule){ p->file, at.line, "", 0 };
	p->rule_at = at;
	p->ported = false;
}

void rule_reject(struct parser *p, struct place at, enum reject_target target, bool inside)
{
	struct compiled *r = &p->rule;

	if (inside) {
		r->reject_inside = true;
		return;
	}
	if (!r->reject_inside && r->reject == REJECT_NONE) {
		parser_error(p, at, "only \"reject\" answers; the other actions have no client or server");
		return;
	}
	if (!rule_selector(p, SEL_TARGET, at))
		return;
	r->reject = target;
	r->reject_inside = false;
}

void rule_limit(struct parser *p, struct place at, const char *rate)
{
	char *unit;
	double n = strtod(rate, &unit);

	for (size_t i = 0; i < sizeof rate_units / sizeof *rate_units; i++) {
		if (strcmp(unit, rate_units[i].unit) != 0)
			continue;
		n *= rate_units[i].bytes;
		if (n < 1 || n > 1e15)
			parser_error(p, at, "a limit of %s cannot be kept; %s", rate,
			    n < 1 ? "use \"block\" to pass nothing" : "nothing is that fast");
		else
			p->rule.rule.limit_bytes_per_s = (uint64_t)n;
		return;
	}
	parser_error(p, at, "\"%.40s\" is not a rate; as 5kB/s: B, kB, MB, bit, kbit or Mbit a second", rate);
}

void rule_any(struct parser *p)
{
	p->rule.any = true;
	p->rule.bits_lo = -INFINITY;
}

bool rule_selector(struct parser *p, enum selector s, struct place at)
{
	if (has(&p->rule, s)) {
		parser_error(p, at, "\"%s\" stands twice in this rule", selector_name[s]);
		return false;
	}
	p->rule.selectors |= (uint16_t)(1u << s);
	p->sel_at[s] = at;
	return true;
}

/* --- names --- */

/* The enumerations of app.h seen alike; the first is "none" and has no name. */
static const char *class_at(unsigned i) { return class_name((enum voip_class)i); }
static const char *app_at(unsigned i) { return app_name((enum app)i); }
static const char *category_at(unsigned i) { return category_name((enum category)i); }
static const char *role_at(unsigned i) { return role_name((enum role)i); }

#define NAMES_MAX 64 /* of a family: sets of them have a bit for each */
static_assert(CLASS_COUNT <= NAMES_MAX && APP_COUNT <= NAMES_MAX && CATEGORY_COUNT <= NAMES_MAX && ROLE_COUNT <= NAMES_MAX, "a bit for each");

struct family {
	const char *what;
	unsigned n;
	const char *(*at)(unsigned);
};
static const struct family classes = { "a class", CLASS_COUNT, class_at };
static const struct family apps = { "an application", APP_COUNT, app_at };
static const struct family categories = { "a category", CATEGORY_COUNT, category_at };
static const struct family roles = { "a role", ROLE_COUNT, role_at };

static unsigned family_find(struct parser *p, const struct family *f, const struct item *item)
{
	const char *names[NAMES_MAX];
	char hint[HINT_LEN];

	for (unsigned i = 1; i < f->n; i++) {
		if (strcmp(f->at(i), item->text) == 0)
			return i;
		names[i - 1] = f->at(i);
	}
	parser_error(p, item->at, "\"%.40s\" is not %s%s", item->text, f->what,
	    parser_hint(item->text, names, f->n - 1, hint));
	return 0;
}

/* The items as bits of a family. */
static uint64_t family_bits(struct parser *p, const struct family *f, struct place at)
{
	uint64_t bits = 0;

	if (p->n_items == 0)
		parser_error(p, at, "an empty list matches nothing");
	for (size_t i = 0; i < p->n_items; i++)
		bits |= 1ull << family_find(p, f, &p->item[i]);
	return bits & ~1ull;
}

void rule_classes(struct parser *p, struct place at)
{
	p->rule.classes = (uint8_t)family_bits(p, &classes, at);
}

static const struct {
	const char *name;
	uint8_t number; /* IANA protocol numbers */
	bool ports;
} protos[] = {
	{ "tcp", IPPROTO_TCP, true }, { "udp", IPPROTO_UDP, true }, { "sctp", IPPROTO_SCTP, true },
	{ "dccp", IPPROTO_DCCP, true }, { "udplite", IPPROTO_UDPLITE, true },
	{ "icmp", IPPROTO_ICMP, false }, { "icmpv6", IPPROTO_ICMPV6, false },
	{ "igmp", IPPROTO_IGMP, false }, { "gre", IPPROTO_GRE, false }, { "esp", IPPROTO_ESP, false },
	{ "ah", IPPROTO_AH, false }, { "ipip", IPPROTO_IPIP, false }, { "ipv6", IPPROTO_IPV6, false },
};
#define PROTOS (sizeof protos / sizeof *protos)

/* Number of a protocol by name or number; -1 after an error. */
static int proto_find(struct parser *p, const struct item *item)
{
	const char *names[PROTOS];
	char hint[HINT_LEN], *end;
	unsigned long n;

	for (size_t i = 0; i < PROTOS; i++) {
		if (strcmp(protos[i].name, item->text) == 0)
			return protos[i].number;
		names[i] = protos[i].name;
	}
	n = strtoul(item->text, &end, 10);
	if (item->kind == ITEM_NUMBER && *end == '\0' && n <= 255)
		return (int)n;
	parser_error(p, item->at, "\"%.40s\" is not a protocol%s", item->text,
	    parser_hint(item->text, names, PROTOS, hint));
	return -1;
}

static void rule_protos(struct parser *p, struct place at)
{
	if (p->n_items == 0)
		parser_error(p, at, "an empty list matches nothing");
	for (size_t i = 0; i < p->n_items; i++) {
		int n = proto_find(p, &p->item[i]);

		if (n >= 0)
			p->rule.protos[n / 32] |= 1u << (n % 32);
	}
}

static void rule_ifaces(struct parser *p, struct names *to, struct place at)
{
	const char **name = parser_alloc(p, (p->n_items + 1) * sizeof *name);

	if (p->n_items == 0)
		parser_error(p, at, "an empty list matches nothing");
	for (size_t i = 0; name != NULL && i < p->n_items; i++) {
		const struct item *item = &p->item[i];
		size_t len = strlen(item->text);

		if ((item->kind != ITEM_WORD && item->kind != ITEM_TEXT) || len == 0 || len > IFACE_MAX)
			parser_error(p, item->at, "\"%.40s\" cannot be an interface (1 to %d letters)",
			    item->text, IFACE_MAX);
		name[i] = item->text;
	}
	*to = (struct names){ name == NULL ? 0 : p->n_items, name };
}

void rule_names(struct parser *p, enum selector s, struct place at)
{
	struct compiled *r = &p->rule;

	if (!rule_selector(p, s, at))
		return;
	switch (s) {
	case SEL_APP:
		r->apps = family_bits(p, &apps, at);
		break;
	case SEL_CATEGORY:
		r->categories = (uint32_t)family_bits(p, &categories, at);
		break;
	case SEL_ROLE:
		r->roles = (uint8_t)family_bits(p, &roles, at);
		break;
	case SEL_PROTO:
		rule_protos(p, at);
		break;
	default:
		rule_ifaces(p, s == SEL_IIF ? &r->iif : &r->oif, at);
		break;
	}
}

/* --- ends --- */

void rule_end_clear(struct parser *p)
{
	p->end = (struct end){ NULL, 0, PORT_MAX };
}

void rule_end_set(struct parser *p, struct place at)
{
	rule_end_clear(p);
	p->end.in = set_of_items(p, at);
}

void rule_port(struct parser *p, struct place at, const char *ports)
{
	char *end;
	unsigned long lo = strtoul(ports, &end, 10), hi = *end == '-' ? strtoul(end + 1, &end, 10) : lo;

	if (*end != '\0' || lo < 1 || lo > PORT_MAX || hi > PORT_MAX)
		parser_error(p, at, "\"%.40s\" is not a port (1 to %d)", ports, PORT_MAX);
	else if (lo > hi)
		parser_error(p, at, "\"%.40s\": a range goes from the lower port to the higher", ports);
	p->end.port_lo = (uint16_t)lo;
	p->end.port_hi = (uint16_t)hi;
	p->ported = true;
}

void rule_end(struct parser *p, enum selector s, struct place at)
{
	struct end *const to[] = {
		[SEL_FROM] = &p->rule.from, [SEL_TO] = &p->rule.to, [SEL_HOST] = &p->rule.host,
		[SEL_SIGNALLED] = &p->rule.signaller,
	};

	if (rule_selector(p, s, at))
		*to[s] = p->end;
}

/* --- the rest --- */

void rule_bits(struct parser *p, struct place at, const char *lo, const char *hi)
{
	struct compiled *r = &p->rule;

	if (!rule_selector(p, SEL_BITS, at))
		return;
	r->bits_lo = lo == NULL ? -INFINITY : strtof(lo, NULL);
	r->bits_hi = hi == NULL ? INFINITY : strtof(hi, NULL);
	if (r->bits_lo >= r->bits_hi)
		parser_error(p, at, "bits %s..%s is empty: it goes from the first up to below the second", lo, hi);
	else if ((lo != NULL && r->bits_lo > BITS_MAX) || (hi != NULL && r->bits_hi > BITS_MAX))
		parser_error(p, at, "more than %.0f bits cannot be", (double)BITS_MAX);
}

void rule_reason(struct parser *p, struct place at, const char *text)
{
	if (strlen(text) > REASON_MAX)
		parser_error(p, at, "a reason of %zu bytes; at most %d", strlen(text), REASON_MAX);
	p->rule.rule.reason = text;
}

/* `port` in a rule for protocols that have none. */
static bool portless(const struct compiled *r)
{
	if (!has(r, SEL_PROTO))
		return false;
	for (size_t i = 0; i < PROTOS; i++)
		if (protos[i].ports && (r->protos[protos[i].number / 32] >> (protos[i].number % 32) & 1))
			return false;
	return true;
}

static bool rules_grow(struct parser *p)
{
	struct policy *policy = p->policy;
	size_t max = p->max_rules == 0 ? 32 : 2 * p->max_rules;
	struct compiled *more = policy->n >= RULES_MAX ? NULL : realloc(policy->rule, max * sizeof *more);

	if (more == NULL) {
		if (!p->no_memory)
			parser_error(p, p->rule_at, "no room for more than %zu rules", policy->n);
		p->no_memory = true;
		return false;
	}
	policy->rule = more;
	p->max_rules = max;
	return true;
}

static void threshold_add(struct parser *p, float bits, struct place at)
{
	struct policy *policy = p->policy;
	unsigned i = 0;

	while (i < policy->n_thresholds && policy->threshold[i] < bits)
		i++;
	if (isinf(bits) || (i < policy->n_thresholds && policy->threshold[i] == bits))
		return;
	if (policy->n_thresholds == THRESHOLDS_MAX) {
		parser_error(p, at, "more than %d different bounds of bits", THRESHOLDS_MAX);
		return;
	}
	memmove(&policy->threshold[i + 1], &policy->threshold[i],
	    (policy->n_thresholds - i) * sizeof *policy->threshold);
	policy->threshold[i] = bits;
	policy->n_thresholds++;
}

void rule_finish(struct parser *p)
{
	struct policy *policy = p->policy;

	if (p->ported && portless(&p->rule))
		parser_error(p, p->sel_at[SEL_PROTO], "\"port\" in a rule for a protocol without ports never matches");
	if (policy->n == p->max_rules && !rules_grow(p))
		return;
	threshold_add(p, p->rule.bits_lo, p->sel_at[SEL_BITS]);
	threshold_add(p, p->rule.bits_hi, p->sel_at[SEL_BITS]);
	policy->asks_undecided |= p->rule.any;
	policy->asks_category |= has(&p->rule, SEL_CATEGORY);
	policy->rule[policy->n++] = p->rule;
}
