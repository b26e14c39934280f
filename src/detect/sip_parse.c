/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/sip_parse.h"

#include <string.h>

#define METHOD_MAX     20    /* letters; the longest registered method is SUBSCRIBE, nine */
#define START_LINE_MAX 2048  /* bytes; request URIs are far shorter */
#define WORD_LOOK      (METHOD_MAX + 1) /* bytes that hold any method and the blank after it */
#define PARTS_MAX      8     /* parts of a multipart body looked at */
#define BOUNDARY_MAX   70    /* characters, RFC 2046, 5.1.1 */
#define CSEQ_DIGITS    10    /* CSeq is below 2^31, RFC 3261, 8.1.1.5 */

static const char version[] = "SIP/2.0";
#define VERSION_LEN (sizeof version - 1)

static const struct { const char *name; enum sip_method method; } methods[] = {
	{ "INVITE", SIP_INVITE }, { "ACK", SIP_ACK }, { "CANCEL", SIP_CANCEL },
	{ "BYE", SIP_BYE }, { "PRACK", SIP_PRACK }, { "UPDATE", SIP_UPDATE },
};

/* --- start line --- */

static enum sip_method method_of(struct span word)
{
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
		if (word.len == strlen(methods[i].name) &&
		    memcmp(word.p, methods[i].name, word.len) == 0)
			return methods[i].method;
	return SIP_OTHER;
}

/* Methods are upper case in every RFC; extension methods are let in when they look the same. */
static bool is_method(struct span word)
{
	if (word.len < 3 || word.len > METHOD_MAX)
		return false;
	for (size_t i = 0; i < word.len; i++)
		if (word.p[i] < 'A' || word.p[i] > 'Z')
			return false;
	return true;
}

/* Parses a whole start line; `method` is empty for a response. */
static bool start_line(struct span line, struct sip_message *m, struct span *method)
{
	struct span word = span_word(&line);
	uint32_t status;

	*method = (struct span){ line.p, 0 };
	if (span_is(word, version)) {
		if (!span_number(&line, 3, &status) || status < 100 || status > 699)
			return false;
		m->status = (uint16_t)status;
		return line.len == 0 || byte_is_blank(line.p[0]);
	}
	if (!is_method(word))
		return false;
	*method = word;
	m->method = method_of(word);
	m->registers = span_is(word, "REGISTER");
	m->uri = span_word(&line);
	/* A space inside the URI is wrong, and seen (RFC 4475, 3.1.2.11): the version comes last. */
	while (line.len > VERSION_LEN)
		(void)span_word(&line);
	return m->uri.len > 0 && span_find(m->uri, ':') < m->uri.len && span_is(line, version);
}

/* Whether the first bytes may begin a start line: a method, SIP/2.0, or less than that yet. */
static bool start_line_may(struct span s)
{
	size_t all = s.len;
	struct span word = span_word(&s);

	if (strncasecmp((const char *)word.p, version, word.len < VERSION_LEN ? word.len : VERSION_LEN) == 0)
		return word.len == VERSION_LEN || (word.len > 0 && word.len < VERSION_LEN && word.len == all);
	for (size_t i = 0; i < word.len; i++)
		if (word.p[i] < 'A' || word.p[i] > 'Z')
			return false;
	return word.len == all || is_method(word);
}

enum sip_line sip_start_line(const uint8_t *data, size_t len)
{
	struct span s = { data, len }, line, method;
	struct sip_message m = { 0 };

	if (!start_line_may(span_first(s, WORD_LOOK)))
		return SIP_LINE_NO; /* nearly all that is not SIP ends here, before the line is searched */
	line = span_first(s, START_LINE_MAX);
	if (span_find(line, '\n') == line.len)
		return len >= START_LINE_MAX ? SIP_LINE_NO : SIP_LINE_PART;
	line = span_line(&s);
	return start_line(line, &m, &method) ? SIP_LINE_YES : SIP_LINE_NO;
}

/* --- headers --- */

/* Offset just after the display name, which may hold any character when quoted. */
static size_t after_quoted(struct span s)
{
	size_t i = 1;

	if (s.len == 0 || s.p[0] != '"')
		return 0;
	while (i < s.len && s.p[i] != '"')
		i += s.p[i] == '\\' ? 2 : 1;
	return i < s.len ? i + 1 : s.len;
}

/* Splits name-addr or addr-spec (RFC 3261, 25.1) into URI and tag. */
static void party(struct span value, struct span *uri, struct span *tag)
{
	struct span rest = span_from(value, after_quoted(value));
	size_t open = span_find(rest, '<');

	if (open < rest.len) {
		rest = span_from(rest, open + 1);
		*uri = span_trim(span_first(rest, span_find(rest, '>')));
		*tag = span_param(span_from(rest, span_find(rest, '>') + 1), "tag");
	} else {
		*uri = span_trim(span_first(rest, span_find(rest, ';')));
		*tag = span_param(rest, "tag");
	}
}

static void header_from(struct sip_message *m, struct span value, struct span method)
{
	(void)method;
	party(value, &m->from, &m->from_tag);
}

static void header_to(struct sip_message *m, struct span value, struct span method)
{
	(void)method;
	party(value, &m->to, &m->to_tag);
}

static void header_call_id(struct sip_message *m, struct span value, struct span method)
{
	(void)method;
	m->call_id = span_word(&value);
	if (m->call_id.len > 0)
		m->proof |= SIP_PROOF_CALL_ID;
}

/* "SIP / 2.0 / UDP ...": blanks are allowed around the slashes (RFC 3261, 25.1, SLASH). */
static void header_via(struct sip_message *m, struct span value, struct span method)
{
	static const char *const parts[] = { "SIP", "2.0" };

	(void)method;
	for (int i = 0; i < 2; i++) {
		size_t slash = span_find(value, '/');

		if (slash == value.len || !span_is(span_trim(span_first(value, slash)), parts[i]))
			return;
		value = span_from(value, slash + 1);
	}
	m->proof |= SIP_PROOF_VIA;
}

static void header_cseq(struct sip_message *m, struct span value, struct span method)
{
	struct span word;
	uint32_t number;

	if (!span_number(&value, CSEQ_DIGITS, &number))
		return;
	value = span_trim(value);
	word = span_word(&value);
	if (!is_method(word))
		return;
	if (method.len > 0 && (method.len != word.len || memcmp(method.p, word.p, word.len) != 0))
		return;
	m->cseq = number;
	m->method = method_of(word);
	m->proof |= SIP_PROOF_CSEQ;
}

static void header_content_type(struct sip_message *m, struct span value, struct span method)
{
	(void)method;
	m->content_type = value;
}

static void header_content_length(struct sip_message *m, struct span value, struct span method)
{
	(void)method;
	m->length_known = span_number(&value, CSEQ_DIGITS, &m->content_length);
}

static void header_authorization(struct sip_message *m, struct span value, struct span method)
{
	(void)method;
	if (m->authorization.len == 0)
		m->authorization = value;
}

/* Headers we read, with their compact forms (RFC 3261, 7.3.3). The first of a name counts. */
static const struct header {
	const char *name;
	char compact;
	void (*take)(struct sip_message *, struct span value, struct span method);
} headers[] = {
	{ "Via", 'v', header_via },
	{ "From", 'f', header_from },
	{ "To", 't', header_to },
	{ "Call-ID", 'i', header_call_id },
	{ "CSeq", '\0', header_cseq },
	{ "Content-Type", 'c', header_content_type },
	{ "Content-Length", 'l', header_content_length },
	{ "Authorization", '\0', header_authorization },
	{ "Proxy-Authorization", '\0', header_authorization },
};
#define HEADERS (sizeof headers / sizeof *headers)

static int header_index(struct span name)
{
	for (size_t i = 0; i < HEADERS; i++)
		if (span_is(name, headers[i].name) ||
		    (name.len == 1 && headers[i].compact != '\0' && (name.p[0] | 0x20) == headers[i].compact))
			return (int)i;
	return -1;
}

/* Takes one header with its continuation lines: they begin with a blank (RFC 3261, 7.3.1). */
static struct span header_take(struct span *s)
{
	struct span all = span_line(s), more;

	while (s->len > 0 && (s->p[0] == ' ' || s->p[0] == '\t')) {
		more = span_line(s);
		all.len = (size_t)(more.p - all.p) + more.len;
	}
	return all;
}

/* Reads headers up to the blank line; true when it is there. */
static bool headers_parse(struct span *s, struct sip_message *m, struct span method)
{
	unsigned seen = 0;

	while (s->len > 0) {
		struct span all, name;
		size_t colon;
		int i;

		if (s->p[0] == '\n' || (s->p[0] == '\r' && s->len > 1 && s->p[1] == '\n')) {
			(void)span_line(s);
			return true;
		}
		all = header_take(s);
		colon = span_find(all, ':');
		name = span_trim(span_first(all, colon));
		i = colon == all.len ? -1 : header_index(name);
		if (i < 0 || (seen & 1u << i) != 0)
			continue;
		seen |= 1u << i;
		headers[i].take(m, span_trim(span_from(all, colon + 1)), method);
	}
	return false;
}

bool sip_parse(const uint8_t *data, size_t len, struct sip_message *m)
{
	struct span s = { data, len }, line, method;

	*m = (struct sip_message){ 0 };
	if (sip_start_line(data, len) != SIP_LINE_YES)
		return false;
	line = span_line(&s);
	(void)start_line(line, m, &method);
	m->proof = SIP_PROOF_START;
	m->head_whole = headers_parse(&s, m, method);
	m->head_len = len - s.len;
	m->body = m->length_known ? span_first(s, m->content_length) : s;
	return true;
}

/* --- bodies --- */

/* Finds the next line that begins with -- and the boundary; *s goes on after it. Offset, or the length. */
static size_t boundary_find(struct span *s, struct span boundary)
{
	const uint8_t *first = s->p;
	size_t all = s->len;

	while (s->len > 0) {
		struct span line = span_line(s);

		if (line.len >= boundary.len + 2 && line.p[0] == '-' && line.p[1] == '-' &&
		    memcmp(line.p + 2, boundary.p, boundary.len) == 0)
			return (size_t)(line.p - first);
	}
	return all;
}

/* The body of one part when its headers say it is SDP. */
static struct span part_sdp(struct span part)
{
	struct sip_message m = { 0 };
	struct span none = { part.p, 0 };

	if (!headers_parse(&part, &m, none) || !span_begins(m.content_type, "application/sdp"))
		return none;
	return part;
}

static struct span multipart_sdp(struct span body, struct span boundary)
{
	struct span none = { body.p, 0 };

	if (boundary.len >= 2 && boundary.p[0] == '"')
		boundary = span_first(span_from(boundary, 1), span_find(span_from(boundary, 1), '"'));
	if (boundary.len == 0 || boundary.len > BOUNDARY_MAX)
		return none;
	(void)boundary_find(&body, boundary);
	for (int i = 0; i < PARTS_MAX && body.len > 0; i++) {
		struct span part = body, sdp;

		part.len = boundary_find(&body, boundary);
		sdp = part_sdp(part);
		if (sdp.len > 0)
			return sdp;
	}
	return none;
}

struct span sip_sdp(const struct sip_message *m)
{
	struct span none = { m->body.p, 0 };

	if (m->body.len == 0)
		return none;
	if (span_begins(m->content_type, "application/sdp") ||
	    (m->content_type.len == 0 && span_begins(m->body, "v=0")))
		return m->body;
	if (span_begins(m->content_type, "multipart/"))
		return multipart_sdp(m->body, span_param(m->content_type, "boundary"));
	return none;
}

/* --- URIs --- */

/* User part of sip:, sips: and tel: URIs, without its parameters and password. */
static struct span uri_user(struct span uri)
{
	size_t colon = span_find(uri, ':');
	bool tel = span_is(span_first(uri, colon), "tel");
	struct span rest = span_from(uri, colon + 1);
	size_t at = span_find(rest, '@');

	if (at == rest.len && !tel)
		return span_first(rest, 0);
	rest = span_first(rest, at);
	rest = span_first(rest, span_find(rest, ';'));
	return span_first(rest, span_find(rest, ':'));
}

void sip_dialed(struct span uri, char out[static DIALED_LEN])
{
	struct span user = uri_user(uri);
	size_t n = 0;

	memset(out, 0, DIALED_LEN);
	if (span_begins(user, "%2b")) { /* an escaped + */
		out[n++] = '+';
		user = span_from(user, 3);
	}
	for (size_t i = 0; i < user.len; i++) {
		uint8_t c = user.p[i];

		if (c == '-' || c == '.' || c == '(' || c == ')')
			continue;
		if ((!byte_is_digit(c) && !(c == '+' && n == 0)) || n == DIALED_LEN - 1) {
			memset(out, 0, DIALED_LEN);
			return;
		}
		out[n++] = (char)c;
	}
	if (n == 1 && out[0] == '+')
		out[0] = '\0';
}

bool sip_uri_is_sos(struct span uri)
{
	static const char sos[] = "urn:service:sos";
	struct span rest = span_from(uri, sizeof sos - 1);

	return span_begins(uri, sos) && (rest.len == 0 || rest.p[0] == '.' || rest.p[0] == ';');
}
