/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What clear HTTP, and registrations over SIP, tell the audit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>

#include "base/clock.h"
#include "base/hash.h"
#include "detect/audit.h"
#include "detect/http_parse.h"
#include "detect/rows.h"
#include "detect/uploads.h"

#define NOTES 8

struct world {
	struct counts counts;
	struct detect_env env;
	struct flow flow;
	struct frame frame;
	uint32_t seq[2];
	struct audit_note note[NOTES];
	unsigned n;
};

static void on_audit(void *arg, const struct look *l, const struct audit_note *n)
{
	struct world *w = arg;

	(void)l;
	if (w->n < NOTES)
		w->note[w->n] = *n;
	w->n++;
}

static int setup(void **state)
{
	static const uint8_t ip[2][4] = { { 10, 0, 0, 1 }, { 192, 0, 2, 1 } };
	struct world *w = calloc(1, sizeof *w);

	hash_init();
	w->env = (struct detect_env){ .counts = &w->counts, .facts = facts_new(64, 16), .on_audit = on_audit, .arg = w,
		.watch_budget = budget_new(1 << 20, 1 << 20), .stream_budget = budget_new(1 << 20, 1 << 20) };
	detect_init(&w->env, UINT64_MAX);
	w->flow = (struct flow){ .key = { .port = { 50000, 80 }, .proto = IPPROTO_TCP, .ip_v = 4 },
		.flags = FLOW_INITIATOR_0, .alive = UINT64_MAX };
	for (int i = 0; i < 2; i++)
		addr_from_v4(&w->flow.key.ip[i], ip[i]);
	w->frame.mono_ns = NS_PER_S;
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	detect_release(&w->env, &w->flow);
	assert_int_equal(budget_used(w->env.watch_budget), 0);
	assert_int_equal(budget_used(w->env.stream_budget), 0);
	budget_free(w->env.watch_budget);
	budget_free(w->env.stream_budget);
	facts_free(w->env.facts);
	free(w);
	return 0;
}

/* One segment, in memory of its own size. */
static void segment(struct world *w, int dir, const void *bytes, size_t n)
{
	uint8_t *copy = malloc(n);
	struct packet p = { .frame = &w->frame, .ip = { w->flow.key.ip[dir], w->flow.key.ip[!dir] },
		.port = { w->flow.key.port[dir], w->flow.key.port[!dir] }, .ip_v = 4, .proto = w->flow.key.proto,
		.tcp_flags = 0x18, .tcp_seq = w->seq[dir], .payload = copy, .payload_len = (uint32_t)n, .payload_wire = (uint32_t)n };

	memcpy(copy, bytes, n);
	w->flow.dir[dir].payloads++;
	detect_packet(&w->env, &w->flow, dir, &p);
	w->seq[dir] += (uint32_t)n;
	free(copy);
}

static void say(struct world *w, int dir, const char *text)
{
	segment(w, dir, text, strlen(text));
}

static void assert_note(const struct world *w, enum audit_kind kind, enum app app, const char *what, const char *name)
{
	assert_int_equal(w->n, 1);
	assert_int_equal(w->note[0].kind, kind);
	assert_int_equal(w->note[0].app, app);
	assert_string_equal(w->note[0].what, what);
	assert_string_equal(w->note[0].name, name);
	assert_memory_equal(&w->note[0].host, &w->flow.key.ip[0], sizeof w->note[0].host);
}

/* --- log-ins --- */

#define BASIC "Authorization: Basic YWxpY2U6c2VjcmV0\r\n"

static void basic_to_a_calling_application(void **state)
{
	struct world *w = *state;

	say(w, 0, "GET /login HTTP/1.1\r\nHost: api.skype.com:80\r\n" BASIC "\r\n");
	assert_note(w, AUDIT_CREDENTIALS, APP_TEAMS, "HTTP Basic log-in in clear", "api.skype.com");
}

/* Cut anywhere after the first line, without which it might be SIP. */
static void a_request_in_pieces(void **state)
{
	static const char line[] = "GET /login HTTP/1.1\r\n", text[] = "host: API.Skype.Com\r\n" BASIC "\r\n";

	(void)state;
	for (size_t cut = 0; cut + 1 < sizeof text; cut++) {
		char first[sizeof line + sizeof text];
		void *world;

		setup(&world);
		segment(world, 0, first, (size_t)snprintf(first, sizeof first, "%s%.*s", line, (int)cut, text));
		say(world, 0, text + cut);
		assert_note(world, AUDIT_CREDENTIALS, APP_TEAMS, "HTTP Basic log-in in clear", "API.Skype.Com");
		teardown(&world);
	}
}

static void no_finding(void **state)
{
	static const char *const texts[] = {
		"GET /login HTTP/1.1\r\nHost: intranet.example\r\n" BASIC "\r\n",
		"GET /login HTTP/1.1\r\nHost: notskype.com\r\n" BASIC "\r\n",
		"GET /login HTTP/1.1\r\nHost: skype.com\r\nAuthorization: Bearer abc\r\n\r\n",
		"GET /?pass= HTTP/1.1\r\nHost: skype.com\r\n\r\n",
		"GET /?compass=1 HTTP/1.1\r\nHost: skype.com\r\n\r\n",
		"GET http://skype.com/ SIP/2.0\r\n\r\n",
		"CONNECT skype.com:443 HTTP/1.1\r\nHost: skype.com\r\n" BASIC "\r\n",
		"get /login HTTP/1.1\r\nHost: skype.com\r\n" BASIC "\r\n",
		"POST / HTTP/1.1\r\nHost: skype.com\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\npassword=a",
		"PUT /x HTTP/1.1\r\nHost: files.example\r\nContent-Length: 4\r\n\r\nRIFF",
		"GET /agent/skypever.php?md5=nofile HTTP/1.1\r\nHost: skypetools.tom.com\r\n\r\n",
		"POST /agent HTTP/1.1\r\nHost: tom.com\r\nContent-Length: 1\r\n\r\nx",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		void *world;

		setup(&world);
		say(world, 0, texts[i]);
		assert_int_equal(((struct world *)world)->n, 0);
		teardown(&world);
	}
}

static void form_in_a_second_segment(void **state)
{
	struct world *w = *state;

	say(w, 0, "POST /login HTTP/1.1\r\nHost: login.skype.com\r\nContent-Length: 27\r\n"
	    "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n\r\n");
	assert_int_equal(w->n, 0);
	say(w, 0, "user=alice&password=secret1");
	assert_note(w, AUDIT_CREDENTIALS, APP_TEAMS, "HTTP form log-in in clear", "login.skype.com");
}

static void log_in_by_link(void **state)
{
	struct world *w = *state;

	say(w, 0, "GET /auth?user=alice&pwd=x HTTP/1.0\r\nHost: viber.com\r\n\r\n");
	assert_note(w, AUDIT_CREDENTIALS, APP_VIBER, "HTTP log-in in a link in clear", "viber.com");
}

/* Every member that is written may be read by anybody: the secret is in none. */
static void secrets_stay_away(void **state)
{
	struct world *w = *state;

	say(w, 0, "POST /login?password=hunter22 HTTP/1.1\r\nHost: skype.com\r\nAuthorization: Basic aHVudGVyMjI=\r\n"
	    "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 17\r\n\r\npassword=hunter22");
	assert_int_equal(w->n, 1);
	assert_null(memmem(w->note, sizeof w->note, "hunter22", 8));
	assert_null(memmem(w->note, sizeof w->note, "aHVudGVyMjI", 11));
}

/* --- SIP --- */

#define REGISTER "REGISTER sip:pbx.example.net;transport=tcp SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.1\r\n" \
	"Call-ID: 7@10.0.0.1\r\nCSeq: 2 REGISTER\r\nFrom: <sip:alice@pbx.example.net>;tag=1\r\nTo: <sip:alice@pbx.example.net>\r\n"

static void registrations(void **state)
{
	static const struct { const char *header, *what; } cases[] = {
		{ "Authorization: Digest username=\"alice\", realm=\"a, b\", response=\"0123\"\r\n",
		  "SIP registration with Digest MD5 over plain transport" },
		{ "Proxy-Authorization: digest username=\"alice\", algorithm=md5, response=\"0123\"\r\n",
		  "SIP registration with Digest MD5 over plain transport" },
		{ "Authorization: Basic YWxpY2U6c2VjcmV0\r\n", "SIP registration with Basic in clear" },
		{ "Authorization: Digest username=\"alice\", algorithm=SHA-256, response=\"0123\"\r\n", NULL },
		{ "Authorization: Bearer x\r\n", NULL },
		{ "Supported: path\r\n", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[1024];
		struct world *w;
		void *world;

		setup(&world);
		w = world;
		snprintf(text, sizeof text, REGISTER "%s\r\n", cases[i].header);
		for (int times = 0; times < 3; times++)
			say(w, 0, text);
		if (cases[i].what == NULL)
			assert_int_equal(w->n, 0);
		else
			assert_note(w, AUDIT_CREDENTIALS, APP_SIP, cases[i].what, "pbx.example.net");
		teardown(&world);
	}
}

/* An INVITE with credentials is no registration. */
static void other_requests(void **state)
{
	struct world *w = *state;

	say(w, 0, "INVITE sip:bob@pbx.example.net SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.1\r\nCall-ID: 7@10.0.0.1\r\n"
	    "CSeq: 2 INVITE\r\nAuthorization: Basic YWxpY2U6c2VjcmV0\r\n\r\n");
	assert_int_equal(w->n, 0);
}

/* --- uploads --- */

static void recordings(void **state)
{
	static const char *const texts[] = {
		"POST /up HTTP/1.1\r\nHost: drop.example\r\nContent-Type: audio/mpeg\r\nContent-Length: 4\r\n\r\nabcd",
		"PUT /a HTTP/1.1\r\nHost: drop.example\r\nContent-Length: 8\r\n\r\nID3\3abcd",
		"POST /a HTTP/1.1\r\nHost: drop.example\r\nContent-Length: 4\r\n\r\n\xff\xfb\x90x",
		("POST /a HTTP/1.1\r\nHost: drop.example\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 60\r\n\r\n"
		"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"1.MP3\"\r\n\r\nx"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		void *world;

		setup(&world);
		say(world, 0, texts[i]);
		assert_note(world, AUDIT_RECORDING, APP_NONE, "MP3 sent in clear", "drop.example");
		teardown(&world);
	}
}

static void chat_uploads(void **state)
{
	struct world *w = *state;

	say(w, 0, "POST /tomad HTTP/1.1\r\nHost: a1.skype.tom.com\r\nContent-Length: 3\r\n\r\nabc");
	assert_note(w, AUDIT_CHAT_UPLOAD, APP_SKYPE, "chat sent to the servers of a filtered client", "a1.skype.tom.com");
}

static void names_of_uploads(void **state)
{
	static const struct { const char *name; bool is; } names[] = {
		{ "skype.tom.com", true }, { "SKYPETOOLS.tom.com", true }, { "x.skype.tom.com", true },
		{ "xskype.tom.com", false }, { "tom.com", false }, { "", false }, { "m", false },
		{ "Servers of the Chinese", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct span s = { (const uint8_t *)names[i].name, strlen(names[i].name) };

		assert_int_equal(uploads_find(s), names[i].is);
	}
}

/* --- links --- */

#define PAGE "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<a href=\""

static void link_of(struct world *w, const char *scheme, size_t len, size_t step)
{
	char *text = malloc(sizeof PAGE + len + 3);
	size_t n = sizeof PAGE - 1;

	memcpy(text, PAGE, n);
	memset(text + n, 'A', len);
	memcpy(text + n, scheme, strlen(scheme));
	memcpy(text + n + len, "\">", 3);
	n += len + 2;
	for (size_t at = 0; at < n; at += step)
		segment(w, 1, text + at, n - at < step ? n - at : step);
	free(text);
}

static void overlong_links(void **state)
{
	static const struct { const char *scheme; size_t len, step; bool over; } cases[] = {
		{ "callto:", HTTP_LINK_MAX + 1, 1400, true }, { "callto:", HTTP_LINK_MAX, 1400, false },
		{ "Skype:", HTTP_LINK_MAX + 1, 1400, true }, { "skype:", 6000, 49, true }, { "skype:", 6000, 52, true },
		{ "callto://", 100, 1400, false }, { "mailto:", 6000, 1400, false }, { "callto ", 6000, 1400, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct world *w;
		void *world;

		setup(&world);
		w = world;
		link_of(w, cases[i].scheme, cases[i].len, cases[i].step);
		if (cases[i].over)
			assert_note(w, AUDIT_LINK, APP_SKYPE, "link for Skype longer than old clients could hold", "");
		else
			assert_int_equal(w->n, 0);
		teardown(&world);
	}
}

/* Cut anywhere, even inside the scheme, the scanner finds the same. */
static void links_cut_anywhere(void **state)
{
	static char text[HTTP_LINK_MAX + 100];

	(void)state;
	memset(text, 'A', sizeof text);
	memcpy(text, "x:\" callto:", 11);
	for (size_t cut = 1; cut < sizeof text; cut += cut < 20 ? 1 : 97) {
		struct http_links s = { 0 };
		bool first = http_links_scan(&s, (const uint8_t *)text, cut);

		assert_true(first != http_links_scan(&s, (const uint8_t *)text + cut, sizeof text - cut));
	}
}

/* Pictures, small pages and all that is no HTTP leave nothing behind: no memory is spent on them. */
static void others_cost_nothing(void **state)
{
	static const char *const texts[] = {
		"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 90000\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 300\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\n\r\nabc",
		"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", "GETTING HTTP/1.1\r\n", "Hello", "HTTP/2 is not text",
		"POST / HTTP/1.1\r\nHost: example.org\r\nContent-Length: 99999999999999999999\r\n\r\n",
	};
	struct detect_env *env;
	void *world;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		setup(&world);
		env = &((struct world *)world)->env;
		detect_init(env, 0);
		for (unsigned row = 0; row < n_detectors; row++)
			if (detectors[row].stream == http_stream)
				detect_init(env, row_bit(row));
		say(world, 0, texts[i]);
		assert_int_equal(budget_used(env->watch_budget), 0);
		teardown(&world);
	}
}

static void heads_have_an_end(void **state)
{
	static uint8_t text[HTTP_HEAD_MAX + 1];
	struct http_head h;

	(void)state;
	memset(text, 'a', sizeof text);
	memcpy(text, "GET / HTTP/1.1\r\n", 16);
	assert_int_equal(http_parse(text, HTTP_HEAD_MAX - 1, &h), HTTP_PART);
	assert_int_equal(http_parse(text, HTTP_HEAD_MAX, &h), HTTP_NO);
	for (size_t n = 1; n < 16; n++)
		assert_int_equal(http_parse(text, n, &h), HTTP_PART);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(basic_to_a_calling_application), cmocka_unit_test(a_request_in_pieces), cmocka_unit_test(no_finding),
		T(form_in_a_second_segment), T(log_in_by_link), T(secrets_stay_away),
		cmocka_unit_test(registrations), T(other_requests), cmocka_unit_test(recordings), T(chat_uploads),
		cmocka_unit_test(names_of_uploads), cmocka_unit_test(overlong_links), cmocka_unit_test(links_cut_anywhere),
		cmocka_unit_test(others_cost_nothing), cmocka_unit_test(heads_have_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
