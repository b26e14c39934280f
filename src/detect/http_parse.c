/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/http_parse.h"

#include <string.h>

#define LENGTH_DIGITS 19 /* of Content-Length; more is nonsense */
#define METHOD_LOOK   9  /* bytes that hold any method below and the blank after it */

/* Requests that ask or send something (RFC 9110, 9.3). */
static const char *const methods[] = { "GET", "POST", "HEAD", "PUT", "OPTIONS", "DELETE", "PATCH" };
static const char version[] = "HTTP/1.";
#define VERSION_LEN (sizeof version - 1)

/* --- start lines --- */

/* Exact case: methods are case-sensitive (RFC 9110, 9.1), and binary data seldom spells one. */
static bool is(struct span s, const char *text)
{
	return s.len == strlen(text) && memcmp(s.p, text, s.len) == 0;
}

static bool is_version(struct span s)
{
	return s.len == VERSION_LEN + 1 && memcmp(s.p, version, VERSION_LEN) == 0 && byte_is_digit(s.p[VERSION_LEN]);
}

/* Whether these few first bytes may begin a message. */
static bool may_begin(struct span s)
{
	struct span word = span_first(s, span_find(s, ' '));
	bool cut = word.len == s.len; /* no blank among them */

	if (s.len < VERSION_LEN ? memcmp(s.p, version, s.len) == 0 : memcmp(s.p, version, VERSION_LEN) == 0)
		return true;
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
		if (is(word, methods[i]) ||
		    (cut && word.len < strlen(methods[i]) && memcmp(word.p, methods[i], word.len) == 0))
			return true;
	return false;
}

static bool start_line(struct span line, struct http_head *h)
{
	uint32_t status;

	h->method = span_word(&line);
	if (is_version(h->method)) {
		h->method.len = 0;
		if (!span_number(&line, 3, &status) || status < 100 || status > 599)
			return false;
		h->status = (uint16_t)status;
		return true;
	}
	h->target = span_word(&line);
	return h->target.len > 0 && is_version(line);
}

/* --- headers --- */

static void take_host(struct http_head *h, struct span value)
{
	h->host = span_first(value, span_find(value, ':'));
}

static void take_authorization(struct http_head *h, struct span value)
{
	h->authorization = value;
}

static void take_type(struct http_head *h, struct span value)
{
	h->content_type = value;
}

static void take_encoding(struct http_head *h, struct span value)
{
	h->content_encoding = value;
}

static void take_length(struct http_head *h, struct span value)
{
	uint64_t n = 0;

	if (value.len == 0 || value.len > LENGTH_DIGITS)
		return;
	for (size_t i = 0; i < value.len; i++) {
		if (!byte_is_digit(value.p[i]))
			return;
		n = n * 10 + (value.p[i] - '0');
	}
	h->length_known = true;
	h->content_length = n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

static const struct {
	const char *name;
	size_t len;
	void (*take)(struct http_head *, struct span value);
} headers[] = {
#define HEADER(name, take) { name, sizeof name - 1, take }
	HEADER("Host", take_host), HEADER("Authorization", take_authorization), HEADER("Content-Type", take_type),
	HEADER("Content-Encoding", take_encoding), HEADER("Content-Length", take_length),
#undef HEADER
};

static void header_take(struct http_head *h, struct span line)
{
	size_t colon = span_find(line, ':');
	struct span name = span_first(line, colon);

	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
		if (name.len == headers[i].len && span_is(name, headers[i].name))
			headers[i].take(h, span_trim(span_from(line, colon + 1)));
}

enum http_is http_parse(const uint8_t *data, size_t len, struct http_head *h)
{
	struct span all = { data, len }, s = span_first(all, HTTP_HEAD_MAX);

	*h = (struct http_head){ 0 };
	if (len == 0 || !may_begin(span_first(s, METHOD_LOOK)))
		return HTTP_NO;
	for (bool first = true; span_find(s, '\n') < s.len; first = false) {
		struct span line = span_line(&s);

		if (first && !start_line(line, h))
			return HTTP_NO;
		if (!first && line.len == 0) {
			h->len = (size_t)(s.p - data);
			return HTTP_YES;
		}
		if (!first)
			header_take(h, line);
	}
	return len >= HTTP_HEAD_MAX ? HTTP_NO : HTTP_PART;
}

/* --- forms --- */

bool http_form_password(struct span form)
{
	static const char *const names[] = { "password", "passwd", "pass", "pwd", "pin" };

	while (form.len > 0) {
		struct span field = span_first(form, span_find(form, '&'));
		size_t eq = span_find(field, '=');

		for (size_t i = 0; i < sizeof names / sizeof *names; i++)
			if (eq + 1 < field.len && span_is(span_first(field, eq), names[i]))
				return true;
		form = span_from(form, field.len + 1);
	}
	return false;
}

struct span http_query(struct span target)
{
	return span_from(target, span_find(target, '?') + 1);
}

/* --- links --- */

static bool ends_link(uint8_t c)
{
	return c <= ' ' || c == '"' || c == '\'' || c == '<' || c == '>';
}

/* Goes on with a link; bytes used. *over: it is too long. */
static size_t link_count(struct http_links *s, const uint8_t *p, size_t n, bool *over)
{
	size_t i = 0;

	while (i < n && !ends_link(p[i]) && s->len <= HTTP_LINK_MAX) {
		s->len++;
		i++;
	}
	*over = s->len > HTTP_LINK_MAX;
	if (i < n || *over)
		s->counting = false;
	return i;
}

/* Keeps the last bytes before what comes next. */
static void tail_add(struct http_links *s, const uint8_t *p, size_t n)
{
	size_t add = n < HTTP_LINK_SCHEME ? n : HTTP_LINK_SCHEME;
	size_t keep = HTTP_LINK_SCHEME - add < s->n_tail ? HTTP_LINK_SCHEME - add : s->n_tail;

	memmove(s->tail, s->tail + s->n_tail - keep, keep);
	memcpy(s->tail + keep, p + n - add, add);
	s->n_tail = (uint8_t)(keep + add);
}

/* Length of the scheme the bytes before a colon end with; 0 none. */
static size_t scheme(const struct http_links *s)
{
	static const char *const schemes[] = { "callto", "skype" };

	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(schemes[i]);

		if (s->n_tail >= n && strncasecmp((const char *)s->tail + s->n_tail - n, schemes[i], n) == 0)
			return n;
	}
	return 0;
}

bool http_links_scan(struct http_links *s, const uint8_t *p, size_t n)
{
	bool over = false;

	while (n > 0 && !over) {
		const uint8_t *colon;
		size_t used;

		if (s->counting) {
			used = link_count(s, p, n, &over);
			p += used;
			n -= used;
			continue;
		}
		colon = memchr(p, ':', n);
		used = colon == NULL ? n : (size_t)(colon - p);
		tail_add(s, p, used);
		if (colon == NULL)
			return false;
		used++;
		s->len = (uint32_t)scheme(s);
		s->counting = s->len != 0;
		s->len++; /* the colon */
		s->n_tail = 0;
		p += used;
		n -= used;
	}
	return over;
}
