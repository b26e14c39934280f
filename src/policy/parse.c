/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/parse.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "rules_parse.h"

#define WANTED_MAX 5 /* a longer list of what may follow helps nobody */

static const struct {
	const char *word;
	int token;
} keywords[] = {
	{ "allow", ALLOW }, { "block", BLOCK }, { "reject", REJECT }, { "degrade", DEGRADE },
	{ "limit", LIMIT }, { "alert", ALERT },
	{ "any", ANY }, { "client", CLIENT }, { "server", SERVER }, { "both", BOTH },
	{ "tunnelled", TUNNELLED }, { "app", APP }, { "category", CATEGORY }, { "role", ROLE },
	{ "from", FROM }, { "to", TO }, { "host", HOST }, { "port", PORT }, { "iif", IIF },
	{ "oif", OIF }, { "proto", PROTO }, { "signalled-by", SIGNALLED_BY }, { "bits", BITS },
	{ "during", DURING }, { "until", UNTIL }, { "reason", REASON },
};
#define KEYWORDS (sizeof keywords / sizeof *keywords)

int parser_keyword(const char *word)
{
	for (size_t i = 0; word != NULL && i < KEYWORDS; i++)
		if (strcmp(word, keywords[i].word) == 0)
			return keywords[i].token;
	return WORD;
}

void parser_error(struct parser *p, struct place at, const char *fmt, ...)
{
	va_list ap;

	if (p->n_errors++ >= ERRORS_MAX || p->errors == NULL)
		return;
	fprintf(p->errors, "%s:%d:%d: ", p->file, at.line, at.column);
	va_start(ap, fmt);
	vfprintf(p->errors, fmt, ap);
	va_end(ap);
	fputc('\n', p->errors);
}

void *parser_alloc(struct parser *p, size_t size)
{
	void *at = arena_alloc(&p->policy->arena, size);

	if (at == NULL && !p->no_memory) {
		p->no_memory = true;
		parser_error(p, p->here, "out of memory");
	}
	return at;
}

/* Never NULL: without memory the rules fail anyway, and callers need not ask. */
const char *parser_text(struct parser *p, const char *text, size_t len)
{
	char *copy = parser_alloc(p, len + 1);

	if (copy == NULL)
		return "";
	memcpy(copy, text, len);
	return copy;
}

/* Length of the UTF-8 sequence at s (RFC 3629), 0 when it is none or a control character. */
static size_t utf8_len(const unsigned char *s, size_t left)
{
	static const struct { unsigned char mask, lead; unsigned least; } form[] = {
		{ 0x80, 0x00, 0x20 }, { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 },
	};

	for (size_t n = 0; n < sizeof form / sizeof *form && n < left; n++) {
		unsigned c = s[0] & (unsigned char)~form[n].mask;

		if ((s[0] & form[n].mask) != form[n].lead)
			continue;
		for (size_t i = 1; i <= n; i++) {
			if ((s[i] & 0xc0) != 0x80)
				return 0;
			c = c << 6 | (s[i] & 0x3f);
		}
		return c < form[n].least || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) || c == 0x7f ? 0 : n + 1;
	}
	return 0;
}

const char *parser_unquote(struct parser *p, struct place at, const char *text, size_t len)
{
	char *to = parser_alloc(p, len);
	size_t n = 0;

	if (to == NULL)
		return "";
	for (size_t i = 1; i < len - 1;) {
		size_t step;

		if (text[i] == '\\')
			i++;
		step = utf8_len((const unsigned char *)text + i, len - 1 - i);
		if (step == 0) {
			parser_error(p, (struct place){ at.line, at.column + (int)i },
			    "this byte is neither printable nor UTF-8 (0x%02x)", (unsigned char)text[i]);
			return "";
		}
		memcpy(to + n, text + i, step);
		n += step;
		i += step;
	}
	return to;
}

/* Words that may stand at the start of a line, or where a selector may. */
static size_t keyword_names(const char **names, int first, int last)
{
	size_t n = 0;

	for (size_t i = 0; i < KEYWORDS; i++)
		if (keywords[i].token >= first && keywords[i].token <= last)
			names[n++] = keywords[i].word;
	return n;
}

static bool wants(const char *const *wanted, int n, const char *what)
{
	for (int i = 0; i < n; i++)
		if (strcmp(wanted[i], what) == 0)
			return true;
	return false;
}

/* "a, b or c" */
static const char *list_text(const char *const *wanted, int n, char *text, size_t size)
{
	size_t len = 0;

	text[0] = '\0';
	for (int i = 0; i < n && len < size; i++) {
		const char *between = i == 0 ? "" : i == n - 1 ? " or " : ", ";
		bool sign = wanted[i][0] == '\''; /* bison's own name: '{' */

		if (sign || strchr(wanted[i], ' ') == NULL)
			len += (size_t)snprintf(text + len, size - len, "%s\"%.*s\"", between,
			    sign ? 1 : 40, wanted[i] + sign);
		else
			len += (size_t)snprintf(text + len, size - len, "%s%s", between, wanted[i]);
	}
	return text;
}

/* A line that begins with a word is taken for a set until its second word comes. */
static bool first_word_unknown(struct parser *p, const char *const *wanted, int n)
{
	const char *names[KEYWORDS];
	char hint[HINT_LEN];

	if (n != 1 || strcmp(wanted[0], "'='") != 0 || p->first_text == NULL)
		return false;
	parser_hint(p->first_text, names, keyword_names(names, ALLOW, ALERT), hint);
	parser_error(p, p->first_at, "\"%.40s\" is not an action%s", p->first_text, hint);
	return true;
}

void parser_syntax_error(struct parser *p, struct place at, const char *const *wanted, int n)
{
	const char *names[KEYWORDS];
	char hint[HINT_LEN], list[256], found[64] = "the end of the line";

	if (first_word_unknown(p, wanted, n))
		return;
	if (p->text != NULL && p->text[0] != '\0')
		snprintf(found, sizeof found, p->text[0] == '"' ? "%.60s" : "\"%.40s\"", p->text);
	if (wants(wanted, n, "reason") && p->text != NULL && strcmp(p->text, "port") == 0) {
		parser_error(p, at, "\"port\" stands after an address, as in host 192.0.2.1 port 5060");
	} else if (wants(wanted, n, "reason")) {
		parser_hint(p->text, names, keyword_names(names, TUNNELLED, REASON), hint);
		parser_error(p, at, "%s is not a selector%s", found, hint);
	} else if (wants(wanted, n, "allow")) {
		parser_error(p, at, "expected an action or a set, found %s", found);
	} else if (wants(wanted, n, "any") && wants(wanted, n, "a name")) {
		parser_error(p, at, "expected \"any\" or a class, found %s", found);
	} else if (n > WANTED_MAX) {
		parser_error(p, at, "unexpected %s", found);
	} else {
		parser_error(p, at, "expected %s, found %s", list_text(wanted, n, list, sizeof list), found);
	}
}

void items_clear(struct parser *p)
{
	p->n_items = 0;
}

void items_add(struct parser *p, enum item_kind kind, struct place at, const char *text)
{
	if (p->n_items == p->max_items) {
		size_t max = p->max_items == 0 ? 64 : 2 * p->max_items;
		struct item *more = p->n_items >= ITEMS_MAX ? NULL : realloc(p->item, max * sizeof *more);

		if (more == NULL) {
			if (!p->no_memory)
				parser_error(p, at, "a list of more than %zu members", p->n_items);
			p->no_memory = true;
			return;
		}
		p->item = more;
		p->max_items = max;
	}
	p->item[p->n_items++] = (struct item){ kind, text, at };
}
