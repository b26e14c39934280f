/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "source/words.h"

#define DURATION_MAX_S (366 * 24 * 3600.0)

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
	    : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* One escape after the backslash; NULL when there is no such. */
static char *unescape(char *from, char *to)
{
	static const char names[] = "rnt0\"\\", values[] = "\r\n\t\0\"\\";
	const char *name;

	if (from[0] == 'x' && hex_digit(from[1]) >= 0 && hex_digit(from[2]) >= 0) {
		*to = (char)(hex_digit(from[1]) << 4 | hex_digit(from[2]));
		return from + 3;
	}
	if (from[0] == '\0' || (name = strchr(names, from[0])) == NULL)
		return NULL;
	*to = values[name - names];
	return from + 1;
}

/* A quoted word, made shorter in place; `p` is after the opening quote. */
static char *quoted(char *p, struct word *w, const char **what)
{
	char *to = p;

	w->text = p;
	while (*p != '"') {
		char *after = p + 1;

		if (*p == '\0') {
			*what = "the quote does not end";
			return NULL;
		}
		*to = *p;
		if (*p == '\\' && (after = unescape(p + 1, to)) == NULL) {
			*what = "no such escape";
			return NULL;
		}
		p = after;
		to++;
	}
	w->len = (size_t)(to - w->text);
	*to = '\0';
	return p + 1;
}

static char *plain(char *p, struct word *w)
{
	w->text = p;
	while (*p != '\0' && !isspace((unsigned char)*p))
		p++;
	w->len = (size_t)(p - w->text);
	if (*p != '\0')
		*p++ = '\0';
	return p;
}

static bool split(struct words *ws, const char **what)
{
	char *p = ws->buf;

	ws->n = ws->at = 0;
	while (p != NULL) {
		p += strspn(p, " \t\r\n");
		if (*p == '\0' || *p == '#')
			return true;
		if (ws->n == WORDS_MAX) {
			*what = "too many words";
			return false;
		}
		p = *p == '"' ? quoted(p + 1, &ws->list[ws->n], what) : plain(p, &ws->list[ws->n]);
		ws->n++;
	}
	return false;
}

const char *words_raw_line(struct words *ws)
{
	if (getline(&ws->buf, &ws->room, ws->in) < 0)
		return NULL;
	ws->line++;
	ws->buf[strcspn(ws->buf, "\r\n")] = '\0';
	return ws->buf;
}

/* True for lines that begin with a word of `others`, which have another syntax. */
static bool words_pass_over(const struct words *ws)
{
	const char *p = ws->buf + strspn(ws->buf, " \t");
	size_t len = strcspn(p, " \t");

	for (const char *const *w = ws->others; w != NULL && *w != NULL; w++)
		if (strlen(*w) == len && strncmp(p, *w, len) == 0)
			return true;
	return false;
}

enum words_read words_read(struct words *ws, const char **what)
{
	do {
		if (words_raw_line(ws) == NULL)
			return WORDS_END;
		ws->n = 0;
		if (!words_pass_over(ws) && !split(ws, what))
			return WORDS_BAD;
	} while (ws->n == 0);
	return WORDS_LINE;
}

void words_free(struct words *ws)
{
	free(ws->buf);
	if (ws->in != NULL)
		fclose(ws->in);
}

const struct word *words_next(struct words *ws)
{
	return ws->at < ws->n ? &ws->list[ws->at++] : NULL;
}

bool words_take(struct words *ws, const char *text)
{
	bool same = ws->at < ws->n && strcmp(ws->list[ws->at].text, text) == 0;

	ws->at += same;
	return same;
}

bool word_number(const struct word *w, uint64_t max, uint64_t *out)
{
	char *end;
	unsigned long long v;

	if (w == NULL || !isdigit((unsigned char)w->text[0]))
		return false;
	errno = 0;
	v = strtoull(w->text, &end, 0);
	*out = v;
	return *end == '\0' && errno == 0 && v <= max;
}

bool word_duration(const struct word *w, uint64_t *ns)
{
	static const struct { const char *name; double ns; } units[] = {
		{ "", NS_PER_S }, { "us", NS_PER_US }, { "ms", NS_PER_MS }, { "s", NS_PER_S },
		{ "m", 60.0 * NS_PER_S }, { "h", 3600.0 * NS_PER_S },
	};
	char *end;
	double v;

	if (w == NULL || !isdigit((unsigned char)w->text[0]))
		return false;
	v = strtod(w->text, &end);
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (strcmp(end, units[i].name) == 0 && v * units[i].ns <= DURATION_MAX_S * NS_PER_S) {
			*ns = (uint64_t)(v * units[i].ns + 0.5);
			return true;
		}
	return false;
}
