/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * HTTP/1 in clear, for the audit alone: it leaves no evidence. The first
 * requests of a connection are read and let go; only the body of an HTML page
 * is followed for a while. Bounds: HTTP_HEAD_MAX, FORM_MAX, PAGE_MAX.
 */
#include <string.h>

#include "detect/audit.h"
#include "detect/http_parse.h"
#include "detect/names.h"
#include "detect/rows.h"
#include "detect/uploads.h"

/* First letters of the methods that http_parse.c knows, and of an answer. */
const struct byte_range http_bytes[] = {
	{ 'D', 'D' }, { 'G', 'H' }, { 'O', 'P' }, { 1, 0 }
};

#define FORM_MAX   4096   /* bytes of a log-in form */
#define UPLOAD_LOOK 1024  /* first bytes of what is sent up that may say what it is */
#define PAGE_MAX   262144 /* bytes of a page that are searched for links */
#define QUERY_LONG 64     /* bytes of a query that may hold a message rather than a version */

struct http_state {
	struct http_links links;
	uint32_t left;            /* bytes of the page that are still looked at */
	uint8_t dir;
	bool page;
};

static const struct stream_result stop = { STREAM_STOP, 0, 0 };

/* --- notes --- */

static void tell(struct look *l, enum audit_kind kind, enum app app, const struct addr *host,
    const char *what, struct span name, uint32_t value)
{
	struct audit_note note = { .kind = kind, .app = app, .host = *host, .what = what, .value = value };
	size_t n = name.len < sizeof note.name ? name.len : sizeof note.name - 1;

	for (size_t i = 0; i < n; i++)
		note.name[i] = (char)(name.p[i] > ' ' && name.p[i] < 0x7f ? name.p[i] : '?');
	detect_audit(l, &note);
}

static const struct addr *client(const struct look *l)
{
	return &l->flow->key.ip[l->dir];
}

/* --- requests --- */

static const struct name_row *calling_app(struct span host)
{
	if (!name_valid((const char *)host.p, host.len))
		return NULL;
	return name_find((const char *)host.p, host.len);
}

/* Whatever is sent here: only whether it is a form, or who asks, counts. */
static bool sends(const struct http_head *h)
{
	return span_is(h->method, "POST") || span_is(h->method, "PUT");
}

static const char *login_of(const struct http_head *h, struct span body)
{
	if (span_begins(h->authorization, "Basic "))
		return "HTTP Basic log-in in clear";
	if (http_form_password(http_query(h->target)))
		return "HTTP log-in in a link in clear";
	if (sends(h) && span_begins(h->content_type, "application/x-www-form-urlencoded") && http_form_password(body))
		return "HTTP form log-in in clear";
	return NULL;
}

static void look_login(struct look *l, const struct http_head *h, struct span body)
{
	const char *what = login_of(h, body);
	const struct name_row *row = what == NULL ? NULL : calling_app(h->host);

	if (row != NULL)
		tell(l, AUDIT_CREDENTIALS, row->app, client(l), what, h->host, 0);
}

static void look_chat(struct look *l, const struct http_head *h)
{
	if (!uploads_find(h->host) || (!sends(h) && http_query(h->target).len < QUERY_LONG))
		return;
	tell(l, AUDIT_CHAT_UPLOAD, APP_SKYPE, client(l), "chat sent to the servers of a filtered client", h->host, 0);
}

static bool has(struct span s, const char *text)
{
	const size_t n = strlen(text);

	for (size_t i = 0; i + n <= s.len; i++)
		if (strncasecmp((const char *)s.p + i, text, n) == 0)
			return true;
	return false;
}

/* ID3v2 tag, or the header of an MPEG audio frame, layer III (ISO 11172-3, 2.4.1.3). */
static bool begins_mp3(struct span s)
{
	return (s.len >= 3 && memcmp(s.p, "ID3", 3) == 0) ||
	    (s.len >= 2 && s.p[0] == 0xff && (s.p[1] & 0xe6) == 0xe2);
}

static bool is_mp3(const struct http_head *h, struct span body)
{
	static const char *const types[] = { "audio/mpeg", "audio/mp3", "audio/x-mp3", "audio/x-mpeg" };

	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (span_begins(h->content_type, types[i]))
			return true;
	if (span_begins(h->content_type, "multipart/"))
		return has(body, ".mp3\"") || has(body, "audio/mpeg") || has(body, "\r\n\r\nID3");
	return begins_mp3(body);
}

static void look_upload(struct look *l, const struct http_head *h, struct span body)
{
	if (sends(h) && is_mp3(h, body))
		tell(l, AUDIT_RECORDING, APP_NONE, client(l), "MP3 sent in clear", h->host, 0);
}

/* Bytes of the body that are worth waiting for. */
static uint32_t wanted(const struct http_head *h)
{
	uint32_t want = 0;

	if (!sends(h) || !h->length_known)
		return 0;
	want = span_begins(h->content_type, "application/x-www-form-urlencoded")
	    ? (calling_app(h->host) != NULL ? FORM_MAX : 0) : UPLOAD_LOOK;
	return want < h->content_length ? want : h->content_length;
}

static struct stream_result request(struct look *l, const struct http_head *h)
{
	struct span all = { l->data, l->len }, body = span_from(all, h->len);
	uint32_t want = wanted(h);

	if (body.len < want)
		return (struct stream_result){ STREAM_MORE, 0, (uint32_t)h->len + want };
	look_login(l, h, span_first(body, FORM_MAX));
	look_chat(l, h);
	look_upload(l, h, span_first(body, UPLOAD_LOOK));
	return stop;
}

/* --- answers --- */

static struct stream_result page(struct look *l, struct http_state *s)
{
	uint32_t n = l->len < s->left ? l->len : s->left;
	static const struct span none = { 0 };

	s->left -= n;
	if (http_links_scan(&s->links, l->data, n)) {
		tell(l, AUDIT_LINK, APP_SKYPE, &l->flow->key.ip[!l->dir],
		    "link for Skype longer than old clients could hold", none, HTTP_LINK_MAX);
		return stop;
	}
	return s->left == 0 ? stop : (struct stream_result){ STREAM_USED, l->len, 0 };
}

/* Pages that are packed cannot be searched. */
static bool is_page(const struct http_head *h)
{
	return h->status == 200 && h->content_encoding.len == 0 &&
	    (h->content_type.len == 0 || span_begins(h->content_type, "text/html") ||
	     span_begins(h->content_type, "application/xhtml"));
}

/* What a proxy says before it passes on whatever comes: nothing of what is to follow (RFC 9110, 9.3.6), and nothing follows at once. */
static bool may_open_tunnel(const struct look *l, const struct http_head *h)
{
	return h->content_type.len == 0 && !h->length_known && h->len == l->len;
}

static struct stream_result answer(struct look *l, const struct http_head *h)
{
	struct http_state *s;

	/* A page that fits no link of that length needs no state. */
	if (!is_page(h) || may_open_tunnel(l, h) || (h->length_known && h->content_length <= HTTP_LINK_MAX) ||
	    (s = detect_state(l, sizeof *s)) == NULL)
		return stop;
	*s = (struct http_state){ .left = PAGE_MAX, .dir = l->dir, .page = true };
	if (h->length_known && h->content_length < PAGE_MAX)
		s->left = h->content_length;
	return (struct stream_result){ STREAM_USED, (uint32_t)h->len, 0 };
}

struct stream_result http_stream(struct look *l)
{
	struct http_state *s = detect_state_find(l);
	struct http_head h;

	if (s != NULL && s->page && s->dir == l->dir)
		return page(l, s);
	switch (http_parse(l->data, l->len, &h)) {
	case HTTP_YES:
		return h.status == 0 ? request(l, &h) : answer(l, &h);
	case HTTP_PART:
		return (struct stream_result){ STREAM_MORE, 0, l->len + 1 };
	case HTTP_NO:
		break;
	}
	return stop;
}
