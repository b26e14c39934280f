/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_POLICY_PARSE_H
#define SQUELCH_POLICY_PARSE_H

#include "policy/compiled.h"

/* Between the scanner (rules.l), the grammar (rules.y) and the code that gives rules their meaning. */

struct place {
	int line, column;          /* from 1; columns are bytes */
};

enum item_kind { ITEM_WORD, ITEM_NUMBER, ITEM_ADDR, ITEM_SET, ITEM_TEXT };

/* One member of a list as written. */
struct item {
	enum item_kind kind;
	const char *text;
	struct place at;
};

struct set {
	const char *name;
	struct place at;
	struct ranges ranges;
	bool used, builtin;
	struct set *next;
};

struct parser {
	struct policy *policy;
	const char *file;
	FILE *errors;              /* NULL: nobody wants to know */
	unsigned n_errors;
	bool no_memory;
	/* scanner */
	struct place here;         /* of the next byte */
	struct place open;         /* of the brace not yet closed */
	bool in_braces;
	bool line_empty, ended;
	const char *text;          /* last token, for messages */
	const char *first_text;    /* first token of the line */
	struct place first_at;
	/* the list being read */
	struct item *item;
	size_t n_items, max_items;
	/* the rule being read */
	struct compiled rule;
	struct place rule_at;
	struct place sel_at[SELECTORS];
	struct end end;
	bool ported;               /* an end of this rule names a port */
	size_t max_rules;
	struct set *sets;
	bool emergency_set;
	struct zone *zones;
};

#define RULE_BYTES_MAX (4u << 20) /* rule file */
#define RULES_MAX 10000
#define ITEMS_MAX 100000          /* members of one list */
#define ERRORS_MAX 1000           /* printed; a file with more is not a rule file */
#define REASON_MAX 200            /* bytes; it stands in every event */
#define IFACE_MAX 15              /* IFNAMSIZ - 1 */

/* --- parse.c --- */
void parser_error(struct parser *, struct place, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void *parser_alloc(struct parser *, size_t size);
const char *parser_text(struct parser *, const char *text, size_t len);
/* A quoted string without its quotes and backslashes. */
const char *parser_unquote(struct parser *, struct place, const char *text, size_t len);
/* Token of a word: a keyword's, or that of a plain name. */
int parser_keyword(const char *word);
/* What the grammar found instead of what it wanted. */
void parser_syntax_error(struct parser *, struct place, const char *const *wanted, int n);
/* ": did you mean" and the nearest name, or "". */
#define HINT_LEN 96
const char *parser_hint(const char *word, const char *const *names, size_t n, char text[static HINT_LEN]);
/* The list that is being read: emptied; one more, whose text must outlive it. More than ITEMS_MAX is an error of the rules. */
void items_clear(struct parser *);
void items_add(struct parser *, enum item_kind, struct place, const char *text);

/* --- set.c --- */
void sets_defaults(struct parser *);
void set_define(struct parser *, struct place, const char *name);
/* Ranges of the items of the list; NULL after an error. */
const struct ranges *set_of_items(struct parser *, struct place);

/* --- rule.c --- */
void rule_begin(struct parser *, struct place, enum action);
void rule_reject(struct parser *, struct place, enum reject_target, bool inside);
void rule_limit(struct parser *, struct place, const char *rate);
void rule_any(struct parser *);
void rule_classes(struct parser *, struct place);
/* Notes a selector; false (with an error) when the rule has it already. */
bool rule_selector(struct parser *, enum selector, struct place);
void rule_names(struct parser *, enum selector, struct place);
void rule_end_clear(struct parser *);
void rule_end_set(struct parser *, struct place);
void rule_port(struct parser *, struct place, const char *ports);
void rule_end(struct parser *, enum selector, struct place);
void rule_bits(struct parser *, struct place at, const char *lo, const char *hi);
void rule_reason(struct parser *, struct place at, const char *text);
void rule_finish(struct parser *);

/* --- when.c --- */
void rule_during(struct parser *, struct place at, const char *text);
/* `date` may hold date, time and zone (quoted), or `time` the time. */
void rule_until(struct parser *, struct place at, const char *date, const char *time);

/* --- scanner and grammar --- */
void *rules_scan_open(struct parser *, const char *text, size_t len);
void rules_scan_close(void *scanner);

#endif
