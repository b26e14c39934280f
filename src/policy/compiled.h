/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_POLICY_COMPILED_H
#define SQUELCH_POLICY_COMPILED_H

#include <assert.h>

#include "policy/arena.h"
#include "policy/policy.h"
#include "policy/ranges.h"
#include "policy/schedule.h"

/* Rules as policy_judge reads them: everything looked up, nothing left to allocate. */

enum selector {
	SEL_TUNNELLED, SEL_APP, SEL_CATEGORY, SEL_ROLE, SEL_FROM, SEL_TO, SEL_HOST, SEL_IIF, SEL_OIF,
	SEL_PROTO, SEL_SIGNALLED, SEL_BITS, SEL_DURING, SEL_UNTIL, SEL_REASON, SEL_TARGET,
	SELECTORS
};

struct end {
	const struct ranges *in;   /* NULL any address */
	uint16_t port_lo, port_hi;
};

struct names {
	size_t n;
	const char *const *name;
};

struct compiled {
	struct rule rule;
	enum action action;
	enum reject_target reject; /* REJECT_NONE: no answer, or the inside end (reject_inside) */
	bool reject_inside;
	bool any;                  /* not a class rule */
	uint16_t selectors;        /* enum selector, a bit each */
	uint8_t classes;           /* enum voip_class, a bit each */
	uint8_t roles;
	uint32_t categories;
	uint64_t apps;
	uint32_t protos[8];        /* 256 bits */
	float bits_lo, bits_hi;
	struct end from, to, host, signaller;
	struct names iif, oif;
	const struct schedule *during;
	uint64_t until_ns;
	int until_column;
};

static_assert(APP_COUNT <= 64, "compiled.apps has a bit an application");
static_assert(CATEGORY_COUNT <= 32 && CLASS_COUNT <= 8 && ROLE_COUNT <= 8, "a bit each");
static_assert(SELECTORS <= 16, "compiled.selectors has a bit each");

#define THRESHOLDS_MAX 250 /* policy_band is a byte */

struct policy {
	struct arena arena;
	struct compiled *rule;
	size_t n;
	struct ranges inside;
	struct names emergency;
	float threshold[THRESHOLDS_MAX];
	unsigned n_thresholds;
	bool asks_undecided;
	bool asks_category;
};

static inline bool has(const struct compiled *r, enum selector s)
{
	return r->selectors >> s & 1;
}

#endif
