/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/hash.h"
#include "detect/rows.h"
#include "detect/signal.h"
#include "detect/sip_parse.h"

/* --- a world with two SIP ends and what they said --- */

#define SIGNALS 64

struct world {
	struct detect_env env;
	struct counts counts;
	struct flow flow;
	struct frame frame;
	unsigned n;
	struct call_signal signal[SIGNALS];
};

static struct addr ip(const char *text)
{
	struct addr a;

	assert_true(addr_parse(text, strlen(text), &a));
	return a;
}

static void on_signal(void *arg, const struct look *l, const struct call_signal *s)
{
	struct world *w = arg;

	(void)l;
	assert_true(w->n < SIGNALS);
	w->signal[w->n++] = *s;
}

static uint64_t rows_of(enum look_result (*look)(struct look *))
{
	for (unsigned i = 0; i < n_detectors; i++)
		if (detectors[i].look == look)
			return row_bit(i);
	return 0;
}

/* a:port_a becomes direction 0 and opens the flow. */
static struct flow flow_of(uint8_t proto, const char *a, uint16_t port_a, const char *b, uint16_t port_b)
{
	return (struct flow){ .key = { .ip = { ip(a), ip(b) }, .port = { port_a, port_b }, .proto = proto, .ip_v = 4 },
		.flags = FLOW_INITIATOR_0, .alive = UINT64_MAX };
}

static struct world *world_new(uint8_t proto)
{
	struct world *w = calloc(1, sizeof *w);

	assert_non_null(w);
	w->env.counts = &w->counts;
	w->env.facts = facts_new(1024, 256);
	w->env.watch_budget = budget_new(1 << 20, 1 << 20);
	w->env.stream_budget = budget_new(1 << 20, 1 << 20);
	w->env.on_signal = on_signal;
	w->env.arg = w;
	w->frame = (struct frame){ .number = 1, .mono_ns = NS_PER_S };
	w->flow = flow_of(proto, "10.0.0.1", 5060, "203.0.113.10", 5060);
	assert_int_not_equal(rows_of(sip_look), 0);
	assert_int_not_equal(rows_of(announced_look), 0);
	detect_init(&w->env, rows_of(sip_look) | rows_of(announced_look));
	return w;
}

static void world_free(struct world *w)
{
	detect_release(&w->env, &w->flow);
	assert_int_equal(budget_used(w->env.watch_budget), 0);
	facts_free(w->env.facts);
	budget_free(w->env.watch_budget);
	budget_free(w->env.stream_budget);
	free(w);
}

/* One packet, its payload in a block of its own, so that the sanitizer sees reads past it. */
static void send_on(struct world *w, struct flow *f, int dir, const void *data, size_t len, uint32_t seq)
{
	uint8_t *block = malloc(len == 0 ? 1 : len);
	struct packet p = { .frame = &w->frame, .ip = { f->key.ip[dir], f->key.ip[!dir] },
		.port = { f->key.port[dir], f->key.port[!dir] }, .ip_v = 4, .proto = f->key.proto,
		.tcp_flags = 16, .tcp_seq = seq, .payload = block,
		.payload_len = (uint32_t)len, .payload_wire = (uint32_t)len };

	memcpy(block, data, len);
	f->dir[dir].payloads++;
	detect_packet(&w->env, f, dir, &p);
	free(block);
}

static void say(struct world *w, int dir, const char *text)
{
	send_on(w, &w->flow, dir, text, strlen(text), 0);
}

/* A message of the dialog that most tests use; tag of the callee from `to_tag` on. */
static const char *message(const char *start, const char *to_tag, const char *cseq, const char *sdp)
{
	static char text[2][2048];
	static unsigned turn;
	char *t = text[turn++ % 2];

	snprintf(t, sizeof text[0], "%s\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1\r\n"
	    "From: \"A\" <sip:alice@example.org>;tag=aa\r\nTo: <sip:112@example.org>%s\r\n"
	    "Call-ID: one@10.0.0.1\r\nCSeq: %s\r\n%sContent-Length: %zu\r\n\r\n%s",
	    start, to_tag, cseq, sdp[0] == '\0' ? "" : "Content-Type: application/sdp\r\n", strlen(sdp), sdp);
	return t;
}

/* The same sent by the callee: From and To change places. */
static const char *from_callee(const char *method)
{
	static char t[1024];

	snprintf(t, sizeof t, "%s sip:alice@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.10\r\n"
	    "From: <sip:112@example.org>;tag=bb\r\nTo: <sip:alice@example.org>;tag=aa\r\n"
	    "Call-ID: one@10.0.0.1\r\nCSeq: 7 %s\r\nContent-Length: 0\r\n\r\n", method, method);
	return t;
}

#define INVITE  "INVITE sip:112@example.org SIP/2.0"
#define OFFER   "v=0\r\nc=IN IP4 10.0.0.1\r\nm=audio 40000 RTP/AVP 0\r\n"
#define ANSWER  "v=0\r\nc=IN IP4 198.51.100.7\r\nm=audio 50000 RTP/AVP 0\r\n"

static const struct evidence *evidence_of(const struct flow *f)
{
	return f->watch == NULL || f->watch->n_evidence == 0 ? NULL : &f->watch->evidence[0];
}

static bool announced(const struct world *w, const char *host, const char *remote, uint16_t port, struct fact *f)
{
	struct addr h = ip(host), r = ip(remote);

	return facts_find(w->env.facts, FACT_ANNOUNCED, &h, &r, port, IPPROTO_UDP, w->frame.mono_ns, f);
}

/* --- parsing --- */

static bool parse(const char *text, struct sip_message *m)
{
	return sip_parse((const uint8_t *)text, strlen(text), m);
}

static void is_text(struct span s, const char *want)
{
	assert_int_equal(s.len, strlen(want));
	assert_memory_equal(s.p, want, s.len);
}

static void plain_request(void **state)
{
	struct sip_message m;

	(void)state;
	assert_true(parse(message(INVITE, "", "1 INVITE", OFFER), &m));
	assert_int_equal(m.proof, SIP_PROOF_ALL);
	assert_int_equal(m.method, SIP_INVITE);
	is_text(m.uri, "sip:112@example.org");
	is_text(m.call_id, "one@10.0.0.1");
	is_text(m.from, "sip:alice@example.org");
	is_text(m.from_tag, "aa");
	is_text(m.to, "sip:112@example.org");
	assert_int_equal(m.to_tag.len, 0);
	is_text(sip_sdp(&m), OFFER);
}

static void odd_forms(void **state)
{
	struct sip_message m;

	(void)state;
	assert_true(parse("INVITE  tel:+1-201-555-0123   sip/2.0\nv :  SIP  / 2.0 /  UDP x\n"
	    "f: \"<sip:no@x>;tag=no \\\" \"\n <sip:yes@x;p=1> ; TAG = t1\nT: sip:b@x;tag=t2\n"
	    "I:\n id@h\ncSEQ: 0009\n  INVITE\nl:0\nc: application/sdp\n\n", &m));
	assert_int_equal(m.proof, SIP_PROOF_ALL);
	assert_int_equal(m.cseq, 9);
	is_text(m.uri, "tel:+1-201-555-0123");
	is_text(m.from, "sip:yes@x;p=1");
	is_text(m.from_tag, "t1");
	is_text(m.to, "sip:b@x");
	is_text(m.to_tag, "t2");
	is_text(m.call_id, "id@h");
	assert_true(m.length_known && m.head_whole);
}

static void other_protocols_are_not_sip(void **state)
{
	static const char *const other[] = {
		"NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n\r\n",
		"M-SEARCH * HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n",
		"OPTIONS rtsp://x/y RTSP/1.0\r\nCSeq: 1\r\n\r\n", "RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n",
		"EHLO sip:a@b SIP/1.0\r\n", "INVITE SIP/2.0\r\n", "SIP/2.0 99 no\r\n", "SIP/2.0 2000 no\r\n",
		"invite sip:a@b SIP/2.0\r\n", " INVITE sip:a@b SIP/2.0\r\n", "SIP/2.0/UDP 1\r\n", "hello",
		"INVITE sip:a@b SIP/2.0x\r\n", "INVITE nocolon SIP/2.0\r\n",
	};
	struct sip_message m;

	(void)state;
	for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
		struct world *w = world_new(IPPROTO_UDP);

		assert_false(parse(other[i], &m));
		say(w, 0, other[i]);
		assert_null(evidence_of(&w->flow));
		world_free(w);
	}
}

static void start_lines_in_part(void **state)
{
	static const struct { const char *text; enum sip_line want; } t[] = {
		{ "I", SIP_LINE_PART }, { "INVITE sip:", SIP_LINE_PART }, { "SIP/2", SIP_LINE_PART },
		{ "SIP/2.0 200 OK", SIP_LINE_PART }, { "SIP/3", SIP_LINE_NO }, { "hello", SIP_LINE_NO },
		{ "RTSP/1.0 ", SIP_LINE_NO }, { "A ", SIP_LINE_NO }, { "SIP/2.0 200\n", SIP_LINE_YES },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		assert_int_equal(sip_start_line((const uint8_t *)t[i].text, strlen(t[i].text)), t[i].want);
}

static void fields_that_disagree(void **state)
{
	struct sip_message m;

	(void)state;
	assert_true(parse("BYE sip:a@b SIP/2.0\r\nCSeq: 1 INVITE\r\nVia: HTTP/1.1 x\r\n\r\n", &m));
	assert_int_equal(m.proof, SIP_PROOF_START);
}

static void dialled_digits(void **state)
{
	static const struct { const char *uri, *digits; } t[] = {
		{ "sip:112@example.org", "112" }, { "sips:+44.(20)-7946-0018:pw@h", "+442079460018" },
		{ "tel:911;phone-context=+1", "911" }, { "sip:112;x=1@h", "112" }, { "sip:%2B33112@h", "+33112" },
		{ "sip:bob@h", "" }, { "sip:112", "" }, { "sip:1a1@h", "" }, { "sip:1+1@h", "" }, { "tel:+", "" },
		{ "sip:123456789012345@h", "123456789012345" }, { "sip:1234567890123456@h", "" },
		{ "urn:service:sos", "" }, { "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		char out[DIALED_LEN];

		sip_dialed((struct span){ (const uint8_t *)t[i].uri, strlen(t[i].uri) }, out);
		assert_string_equal(out, t[i].digits);
	}
}

static void emergency_urn(void **state)
{
	static const struct { const char *uri; bool sos; } t[] = {
		{ "urn:service:sos", true }, { "URN:service:sos.police", true },
		{ "urn:service:sosx", false }, { "urn:service:counseling", false }, { "sip:sos@h", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		assert_int_equal(sip_uri_is_sos((struct span){ (const uint8_t *)t[i].uri, strlen(t[i].uri) }), t[i].sos);
}

static void sdp_in_parts(void **state)
{
	struct sip_message m;

	(void)state;
	assert_true(parse("INVITE sip:a@b SIP/2.0\r\nContent-Type: multipart/mixed; boundary=\"xy\"\r\n\r\n"
	    "preamble\r\n--xy\r\nContent-Type: text/plain\r\n\r\nv=0\r\n--xy\r\n"
	    "Content-Type: application/sdp\r\n\r\nm=audio 1 RTP/AVP 0\r\n--xy--\r\n", &m));
	is_text(sip_sdp(&m), "m=audio 1 RTP/AVP 0\r\n");
	assert_true(parse("INVITE sip:a@b SIP/2.0\r\nContent-Type: text/plain\r\n\r\nv=0\r\n", &m));
	assert_int_equal(sip_sdp(&m).len, 0);
}

static void every_prefix(void **state)
{
	char text[4096];
	size_t len = (size_t)snprintf(text, sizeof text, "%s", message(INVITE, ";tag=b", "1 INVITE", OFFER));

	(void)state;
	for (size_t n = 0; n <= len; n++) {
		struct world *w = world_new(IPPROTO_UDP);

		send_on(w, &w->flow, 0, text, n, 0);
		assert_int_equal(evidence_of(&w->flow) != NULL, n > strlen(INVITE) + 1);
		world_free(w);
	}
}

/* --- calls --- */

static void evidence_bits(void **state)
{
	struct world *w = world_new(IPPROTO_UDP);

	(void)state;
	say(w, 0, "INVITE sip:a@b SIP/2.0\r\n");
	assert_float_equal(evidence_of(&w->flow)->bits, 12, 0.01);
	assert_int_equal(evidence_of(&w->flow)->cls, CLASS_SIGNALLING);
	assert_int_equal(evidence_of(&w->flow)->app, APP_SIP);
	say(w, 0, message("OPTIONS sip:a@b SIP/2.0", "", "1 OPTIONS", OFFER));
	assert_float_equal(evidence_of(&w->flow)->bits, 30, 0.01);
	assert_int_equal(w->n, 0); /* capabilities announce nothing */
	assert_false(announced(w, "203.0.113.10", "10.0.0.1", 40000, &(struct fact){ 0 }));
	world_free(w);
}

static void whole_call(void **state)
{
	static const enum call_phase want[] = { CALL_SETUP, CALL_RINGING, CALL_ANSWERED, CALL_ENDED };
	struct world *w = world_new(IPPROTO_UDP);

	(void)state;
	say(w, 0, message(INVITE, "", "1 INVITE", OFFER));
	assert_string_equal(w->flow.watch->dialed, "112");
	say(w, 1, message("SIP/2.0 100 Trying", "", "1 INVITE", ""));
	say(w, 1, message("SIP/2.0 180 Ringing", ";tag=bb", "1 INVITE", ""));
	say(w, 1, message("SIP/2.0 200 OK", ";tag=bb", "1 INVITE", ANSWER));
	say(w, 0, message("ACK sip:112@h SIP/2.0", ";tag=bb", "1 ACK", ""));
	say(w, 1, from_callee("BYE"));
	assert_string_equal(w->flow.watch->dialed, "112"); /* the answer to BYE must get through too */
	assert_int_equal(w->n, 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(w->signal[i].phase, want[i]);
		assert_int_equal(w->signal[i].from_caller, i == 0);
		assert_int_equal(w->signal[i].call, w->signal[0].call);
		assert_string_equal(w->signal[i].id, "one@10.0.0.1");
		assert_string_equal(w->signal[i].from, "sip:alice@example.org");
		assert_string_equal(w->signal[i].to, "sip:112@example.org");
		assert_string_equal(w->signal[i].dialed, "112");
	}
	assert_int_equal(w->signal[2].n_media, 1);
	assert_int_equal(w->signal[2].media[0].port, 50000);
	assert_string_equal(w->signal[2].media[0].codec, "PCMU/8000");
	world_free(w);
}

static void challenge_keeps_trying(void **state)
{
	struct world *w = world_new(IPPROTO_UDP);

	(void)state;
	say(w, 0, message(INVITE, "", "1 INVITE", ""));
	say(w, 1, message("SIP/2.0 407 Proxy Authentication Required", ";tag=p", "1 INVITE", ""));
	assert_int_equal(w->n, 1);
	say(w, 0, message(INVITE, "", "2 INVITE", ""));
	say(w, 1, message("SIP/2.0 486 Busy", ";tag=bb", "2 INVITE", ""));
	assert_int_equal(w->n, 3);
	assert_int_equal(w->signal[2].phase, CALL_FAILED);
	world_free(w);
}

static void refused_change_ends_nothing(void **state)
{
	struct world *w = world_new(IPPROTO_UDP);

	(void)state;
	say(w, 0, message(INVITE, "", "1 INVITE", OFFER));
	say(w, 1, message("SIP/2.0 200 OK", ";tag=bb", "1 INVITE", ANSWER));
	say(w, 0, message(INVITE, ";tag=bb", "2 INVITE", OFFER));
	assert_int_equal(w->signal[2].phase, CALL_MEDIA);
	say(w, 1, message("SIP/2.0 488 Not Acceptable Here", ";tag=bb", "2 INVITE", ""));
	say(w, 0, message("CANCEL sip:112@h SIP/2.0", "", "2 CANCEL", ""));
	assert_int_equal(w->n, 3);
	assert_string_equal(w->flow.watch->dialed, "112");
	world_free(w);
}

static void joined_inside_a_call(void **state)
{
	struct world *w = world_new(IPPROTO_UDP);

	(void)state;
	say(w, 0, message(INVITE, ";tag=bb", "5 INVITE", OFFER));
	say(w, 1, message("SIP/2.0 488 No", ";tag=bb", "5 INVITE", ""));
	assert_int_equal(w->n, 1);
	assert_int_equal(w->signal[0].phase, CALL_MEDIA);
	assert_string_equal(w->signal[0].dialed, ""); /* the URI of a later INVITE is a contact */
	world_free(w);
}

static void emergency_call(void **state)
{
	struct world *w = world_new(IPPROTO_UDP);
	struct fact f;

	(void)state;
	say(w, 0, message("INVITE urn:service:sos.fire SIP/2.0", "", "1 INVITE", OFFER));
	assert_true(w->signal[0].sos && w->flow.watch->sos);
	assert_true(announced(w, "203.0.113.10", "10.0.0.1", 40000, &f));
	assert_true(f.sos);
	say(w, 0, message("CANCEL urn:service:sos.fire SIP/2.0", "", "1 CANCEL", ""));
	assert_true(w->flow.watch->sos); /* until the next call of this flow */
	say(w, 0, message("INVITE sip:4711@h SIP/2.0", "", "2 INVITE", OFFER));
	assert_string_equal(w->flow.watch->dialed, "4711");
	world_free(w);
}

/* The identity of a call goes into events: it must not change with the key of the run. */
static void call_is_the_same_in_every_run(void **state)
{
	uint64_t call[2], before = hash_key;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct world *w;

		hash_key = (uint64_t)i + 1;
		w = world_new(IPPROTO_UDP);
		say(w, 0, message(INVITE, "", "1 INVITE", ""));
		call[i] = w->signal[0].call;
		world_free(w);
	}
	hash_key = before;
	assert_int_equal(call[0], call[1]);
	assert_int_not_equal(call[0], 0);
}

static void long_fields_are_cut_and_counted(void **state)
{
	struct world *w = world_new(IPPROTO_UDP);
	char text[1024], id[301];

	(void)state;
	memset(id, 'x', 300);
	id[300] = '\0';
	snprintf(text, sizeof text, "INVITE sip:a@b SIP/2.0\r\nCall-ID: %s\r\nCSeq: 1 INVITE\r\n\r\n", id);
	say(w, 0, text);
	assert_int_equal(strlen(w->signal[0].id), CALL_ID_LEN - 1);
	assert_int_equal(w->counts.n[COUNT_SIGNALS_REFUSED], 1);
	world_free(w);
}

static void the_first_header_of_a_name_counts(void **state)
{
	struct sip_message m;

	(void)state;
	assert_true(parse("BYE sip:a@b SIP/2.0\r\nCall-ID: first\r\ni: second\r\n\r\n", &m));
	is_text(m.call_id, "first");
}

static void calls_side_by_side(void **state)
{
	struct world *w = world_new(IPPROTO_UDP);

	(void)state;
	say(w, 0, message(INVITE, "", "1 INVITE", ""));
	say(w, 0, "INVITE sip:a@b SIP/2.0\r\nCall-ID: two\r\nCSeq: 1 INVITE\r\n\r\n");
	say(w, 1, from_callee("BYE"));
	assert_int_equal(w->n, 3);
	assert_int_equal(w->signal[2].phase, CALL_ENDED);
	assert_false(w->signal[2].from_caller);
	assert_string_equal(w->signal[2].from, "sip:alice@example.org");
	world_free(w);
}

static void dialogs_are_bounded(void **state)
{
	struct world *w = world_new(IPPROTO_UDP);

	(void)state;
	for (int i = 0; i < 60; i++) {
		char text[256];

		snprintf(text, sizeof text, "INVITE sip:%d@b SIP/2.0\r\nCall-ID: %d\r\nCSeq: 1 INVITE\r\n\r\n", i, i);
		say(w, 0, text);
	}
	assert_string_equal(w->flow.watch->dialed, "59");
	assert_true(budget_used(w->env.watch_budget) < 4096);
	world_free(w);
}

/* --- facts --- */

static void announcements(void **state)
{
	struct world *w = world_new(IPPROTO_UDP);
	struct fact f;

	(void)state;
	say(w, 0, message(INVITE, "", "1 INVITE", OFFER));
	assert_true(announced(w, "203.0.113.10", "10.0.0.1", 40000, &f));
	assert_int_equal(f.app, APP_NONE);
	assert_true(announced(w, "203.0.113.10", "10.0.0.1", 40001, &f));
	assert_int_equal(f.app, APP_RTCP);
	say(w, 1, message("SIP/2.0 200 OK", ";tag=bb", "1 INVITE", ANSWER));
	assert_true(announced(w, "10.0.0.1", "198.51.100.7", 50000, &f));
	assert_int_equal(f.call, w->signal[0].call);
	assert_string_equal(f.dialed, "112");
	assert_true(addr_equal(&f.signaller, &w->flow.key.ip[1]));
	assert_int_equal(f.signaller_port, 5060);
	/* The other end of the media may send to the caller, who spoke for itself. */
	assert_true(announced(w, "198.51.100.7", "10.0.0.1", 40000, &f));
	/* Nobody else is concerned. */
	assert_false(announced(w, "10.0.0.2", "198.51.100.7", 50000, &f));
	w->frame.mono_ns += 181 * NS_PER_S;
	assert_false(announced(w, "10.0.0.1", "198.51.100.7", 50000, &f));
	world_free(w);
}

static void the_trunk_is_the_signaller_of_calls_it_opens(void **state)
{
	struct world *w = world_new(IPPROTO_UDP);
	struct fact f;

	(void)state;
	w->flow.flags = FLOW_INITIATOR_1;
	say(w, 1, message("INVITE sip:alice@10.0.0.1 SIP/2.0", "", "1 INVITE", ANSWER));
	assert_true(announced(w, "10.0.0.1", "198.51.100.7", 50000, &f));
	assert_true(addr_equal(&f.signaller, &w->flow.key.ip[1]));
	world_free(w);
}

/* A party may speak of others only towards the host it speaks with. */
static void forged_announcements(void **state)
{
	struct world *w = world_new(IPPROTO_UDP);
	struct fact f;

	(void)state;
	say(w, 1, message(INVITE, "", "1 INVITE", "c=IN IP4 10.0.0.77\nm=audio 6000 RTP/AVP 0\n"));
	say(w, 0, message("SIP/2.0 200 OK", ";tag=bb", "1 INVITE", "c=IN IP4 192.0.2.9\nm=audio 7000 RTP/AVP 0\n"));
	assert_false(announced(w, "10.0.0.77", "192.0.2.9", 7000, &f));
	assert_false(announced(w, "192.0.2.9", "10.0.0.77", 6000, &f));
	assert_true(announced(w, "10.0.0.1", "10.0.0.77", 6000, &f));
	world_free(w);
}

static void ports_never_announced(void **state)
{
	static const uint16_t ports[] = { 53, 80, 443 };
	struct world *w = world_new(IPPROTO_UDP);
	struct fact f;

	(void)state;
	for (int i = 0; i < 3; i++) {
		char sdp[256];

		snprintf(sdp, sizeof sdp, "c=IN IP4 192.0.2.9\nm=audio %u RTP/AVP 0\n"
		    "a=candidate:1 1 UDP 1 192.0.2.9 %u typ host\na=rtcp:%u\n", ports[i], ports[i], ports[i]);
		say(w, 0, message(INVITE, "", "1 INVITE", sdp));
		assert_false(announced(w, "203.0.113.10", "192.0.2.9", ports[i], &f));
	}
	/* nor the signalling itself */
	say(w, 0, message(INVITE, "", "1 INVITE", "c=IN IP4 10.0.0.1\nm=audio 5060 RTP/AVP 0\n"));
	assert_false(announced(w, "203.0.113.10", "10.0.0.1", 5060, &f));
	world_free(w);
}

static void candidates_are_announced(void **state)
{
	struct world *w = world_new(IPPROTO_UDP);
	struct fact f;

	(void)state;
	say(w, 0, message(INVITE, "", "1 INVITE", "m=audio 9 RTP/AVP 0\n"
	    "a=candidate:1 1 UDP 1 192.0.2.9 6000 typ host\na=candidate:1 2 UDP 1 192.0.2.9 6001 typ host\n"));
	assert_true(announced(w, "203.0.113.10", "192.0.2.9", 6000, &f));
	assert_int_equal(f.app, APP_NONE);
	assert_true(announced(w, "203.0.113.10", "192.0.2.9", 6001, &f));
	assert_int_equal(f.app, APP_RTCP);
	world_free(w);
}

/* --- announced media --- */

static void media(struct world *w, struct flow *f, int dir)
{
	static const uint8_t rtp[20] = { 0x80 };

	send_on(w, f, dir, rtp, sizeof rtp, 0);
}

static void media_is_linked(void **state)
{
	struct world *w = world_new(IPPROTO_UDP);
	struct flow f[3] = { flow_of(IPPROTO_UDP, "10.0.0.1", 40000, "198.51.100.7", 50000),
		flow_of(IPPROTO_UDP, "10.0.0.1", 40001, "198.51.100.7", 50001),
		flow_of(IPPROTO_UDP, "10.0.0.1", 40000, "198.51.100.8", 50000) };

	(void)state;
	media(w, &f[0], 1); /* early: before it is announced */
	assert_null(evidence_of(&f[0]));
	say(w, 0, message(INVITE, "", "1 INVITE", OFFER));
	say(w, 1, message("SIP/2.0 200 OK", ";tag=bb", "1 INVITE", ANSWER));
	for (int i = 0; i < 3; i++)
		media(w, &f[i], i == 0);
	assert_int_equal(evidence_of(&f[0])->cls, CLASS_MEDIA);
	assert_float_equal(evidence_of(&f[0])->bits, ANNOUNCED_BITS, 0.01);
	assert_int_equal(f[0].watch->call, w->signal[0].call);
	assert_string_equal(f[0].watch->dialed, "112");
	assert_int_equal(f[0].watch->signaller_port, 5060);
	assert_int_not_equal(f[0].flags & FLOW_LINKED, 0);
	assert_int_equal(evidence_of(&f[1])->cls, CLASS_SIGNALLING);
	assert_int_equal(evidence_of(&f[1])->app, APP_RTCP);
	assert_null(evidence_of(&f[2]));
	for (int i = 0; i < 3; i++)
		detect_release(&w->env, &f[i]);
	world_free(w);
}

static void asked_ever_more_rarely(void **state)
{
	struct world *w = world_new(IPPROTO_UDP);
	struct flow f = flow_of(IPPROTO_UDP, "10.0.0.1", 40000, "198.51.100.7", 50000);

	(void)state;
	for (int i = 0; i < 8; i++)
		media(w, &f, 0);
	say(w, 0, message(INVITE, "", "1 INVITE", OFFER));
	say(w, 1, message("SIP/2.0 200 OK", ";tag=bb", "1 INVITE", ANSWER));
	for (int i = 9; i < 16; i++)
		media(w, &f, 0);
	assert_null(evidence_of(&f));
	media(w, &f, 0);
	assert_non_null(evidence_of(&f));
	detect_release(&w->env, &f);
	world_free(w);
}

static void media_before_the_answer(void **state)
{
	struct world *w = world_new(IPPROTO_UDP);
	struct flow f = flow_of(IPPROTO_UDP, "10.0.0.1", 40000, "198.51.100.7", 50000);

	(void)state;
	media(w, &f, 1);
	media(w, &f, 1);
	say(w, 0, message(INVITE, "", "1 INVITE", OFFER));
	say(w, 1, message("SIP/2.0 200 OK", ";tag=bb", "1 INVITE", ANSWER));
	media(w, &f, 1);
	assert_non_null(evidence_of(&f));
	detect_release(&w->env, &f);
	world_free(w);
}

static void asked_no_more(void **state)
{
	struct world *w = world_new(IPPROTO_UDP);
	struct flow f = flow_of(IPPROTO_UDP, "10.0.0.1", 40000, "198.51.100.7", 50000);

	(void)state;
	say(w, 1, message(INVITE, "", "1 INVITE", ANSWER));
	f.dir[0].payloads = 2047;
	media(w, &f, 0);
	assert_null(evidence_of(&f));
	assert_int_equal(f.alive & rows_of(announced_look), 0);
	world_free(w);
}

/* The fact is about the flow's own addresses, not about what a relay carries. */
static void payloads_inside_others_are_not_asked(void **state)
{
	struct world *w = world_new(IPPROTO_UDP);
	struct flow f = flow_of(IPPROTO_UDP, "10.0.0.1", 40000, "198.51.100.7", 50000);
	struct packet p = { .frame = &w->frame, .ip = { f.key.ip[0], f.key.ip[1] }, .port = { 40000, 50000 } };
	struct look l = { .env = &w->env, .flow = &f, .pkt = &p, .depth = 1,
		.row = (uint8_t)__builtin_ctzll(rows_of(announced_look)) };

	(void)state;
	say(w, 1, message(INVITE, "", "1 INVITE", ANSWER));
	assert_int_equal(announced_look(&l), LOOK_MAYBE);
	assert_null(evidence_of(&f));
	l.depth = 0;
	assert_int_equal(announced_look(&l), LOOK_NO);
	assert_non_null(evidence_of(&f));
	detect_release(&w->env, &f);
	world_free(w);
}

static void relayed_address(void **state)
{
	struct world *w = world_new(IPPROTO_UDP);
	struct flow f = flow_of(IPPROTO_UDP, "10.0.0.1", 40000, "198.51.100.7", 50000);
	struct fact fact = { .kind = FACT_RELAY, .proto = IPPROTO_UDP, .port = 50000, .host = ip("10.0.0.1"),
		.remote = ip("198.51.100.7"), .app = APP_WHATSAPP, .expires_ns = 60 * NS_PER_S };

	(void)state;
	assert_true(facts_add(w->env.facts, &fact, w->frame.mono_ns, &w->counts));
	media(w, &f, 1);
	assert_int_equal(evidence_of(&f)->cls, CLASS_ICE);
	assert_float_equal(evidence_of(&f)->bits, 6, 0.01);
	detect_release(&w->env, &f);
	world_free(w);
}

/* --- streams --- */

/* Sends bytes of one direction in segments of `step`. */
static void stream(struct world *w, int dir, const char *text, size_t len, size_t step, uint32_t *seq)
{
	for (size_t at = 0; at < len; at += step) {
		size_t n = len - at < step ? len - at : step;

		send_on(w, &w->flow, dir, text + at, n, *seq);
		*seq += (uint32_t)n;
	}
}

static void segments_of_any_size(void **state)
{
	static const size_t steps[] = { 1, 7, 100, 4096 };

	(void)state;
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		struct world *w = world_new(IPPROTO_TCP);
		uint32_t seq[2] = { 1000, 5000 };
		const char *s;
		char two[4096];

		s = message(INVITE, "", "1 INVITE", OFFER);
		snprintf(two, sizeof two, "%s\r\n\r\n%s", s, message(INVITE, "", "2 INVITE", OFFER));
		stream(w, 0, two, strlen(two), steps[i], &seq[0]);
		s = message("SIP/2.0 200 OK", ";tag=bb", "2 INVITE", ANSWER);
		stream(w, 1, s, strlen(s), steps[i], &seq[1]);
		assert_int_equal(w->n, 3);
		assert_int_equal(w->signal[2].phase, CALL_ANSWERED);
		assert_int_equal(w->signal[2].media[0].port, 50000);
		assert_float_equal(evidence_of(&w->flow)->bits, 30, 0.01);
		world_free(w);
	}
}

static void joined_in_the_middle(void **state)
{
	struct world *w = world_new(IPPROTO_TCP);
	uint32_t seq = 1;
	char text[4096];

	(void)state;
	w->flow.flags = 0;
	snprintf(text, sizeof text, "rtpmap:0 PCMU\r\n%s", message(INVITE, "", "1 INVITE", OFFER));
	stream(w, 0, text, strlen(text), 4096, &seq);
	assert_int_equal(w->n, 1);
	assert_float_equal(evidence_of(&w->flow)->bits, 14, 0.01); /* may be a quotation */
	stream(w, 0, text + 15, strlen(text + 15), 4096, &seq);
	assert_float_equal(evidence_of(&w->flow)->bits, 30, 0.01);
	world_free(w);
}

static void bytes_lost(void **state)
{
	struct world *w = world_new(IPPROTO_TCP);
	const char *s = message(INVITE, "", "1 INVITE", OFFER);
	uint32_t seq = 1;
	char text[4096];

	(void)state;
	stream(w, 0, s, strlen(s), 4096, &seq);
	snprintf(text, sizeof text, "lost line\r\n%s", s);
	stream(w, 0, text, strlen(text), 4096, &seq);
	assert_int_equal(w->n, 2);
	world_free(w);
}

static void search_goes_on_after_a_loss(void **state)
{
	struct world *w = world_new(IPPROTO_TCP);
	const char *s = message(INVITE, "", "1 INVITE", OFFER);
	uint32_t seq = 1;

	(void)state;
	stream(w, 0, s, strlen(s), 4096, &seq);
	stream(w, 0, "lost line, and the rest of that line\r\n", 38, 5, &seq);
	stream(w, 0, s, strlen(s), 4096, &seq);
	assert_int_equal(w->n, 2);
	world_free(w);
}

static void keep_alives_before_the_call(void **state)
{
	struct world *w = world_new(IPPROTO_TCP);
	const char *s = message(INVITE, "", "1 INVITE", OFFER);
	uint32_t seq = 1;

	(void)state;
	for (int i = 0; i < 10; i++)
		stream(w, 0, "\r\n\r\n", 4, 4, &seq);
	stream(w, 0, s, strlen(s), 4096, &seq);
	assert_int_equal(w->n, 1);
	world_free(w);
}

/* Some phones keep NAT open with "hello" for minutes before they say anything else. */
static void keep_alives_over_udp(void **state)
{
	struct world *w = world_new(IPPROTO_UDP);

	(void)state;
	for (int i = 0; i < 8; i++)
		say(w, i % 2, "hello");
	say(w, 0, message("REGISTER sip:h SIP/2.0", "", "1 REGISTER", ""));
	assert_non_null(evidence_of(&w->flow));
	world_free(w);
}

static void large_body_is_skipped(void **state)
{
	struct world *w = world_new(IPPROTO_TCP);
	static char text[60000];
	const char *s = message(INVITE, "", "1 INVITE", OFFER);
	uint32_t seq = 1;
	size_t n;

	(void)state;
	memset(text, 'x', sizeof text);
	n = (size_t)snprintf(text, sizeof text, "MESSAGE sip:a@b SIP/2.0\r\nContent-Length: 50000\r\n\r\n");
	text[n] = 'x';
	memcpy(text + n + 50000, s, strlen(s));
	stream(w, 0, text, n + 50000 + strlen(s), 1400, &seq);
	assert_int_equal(w->n, 1);
	world_free(w);
}

/* How many messages are seen of one whose head has so many more bytes, all there. */
static unsigned seen_with_head(size_t more)
{
	struct world *w = world_new(IPPROTO_TCP);
	const char *s = message(INVITE, "", "1 INVITE", OFFER), *rest = strstr(s, "\r\n");
	static char text[20000];
	uint32_t seq = 1;
	size_t n = (size_t)(rest - s);
	unsigned seen;

	memcpy(text, s, n);
	n += (size_t)sprintf(text + n, "\r\nX-Long: ");
	memset(text + n, 'x', more);
	strcpy(text + n + more, rest);
	stream(w, 0, text, strlen(text), 1400, &seq);
	seen = w->n;
	world_free(w);
	return seen;
}

/* HEAD_MAX (sip.c): a head that does not end is not waited for. */
static void long_head_is_given_up(void **state)
{
	(void)state;
	assert_int_equal(seen_with_head(5000), 1);
	assert_int_equal(seen_with_head(10000), 0);
}

/* How many messages are seen when one has a body of so many bytes, and another comes behind it. */
static unsigned seen_around_body(size_t body)
{
	struct world *w = world_new(IPPROTO_TCP);
	const char *s = message(INVITE, "", "1 INVITE", OFFER);
	char *text = calloc(1, body + 4096);
	uint32_t seq = 1;
	unsigned seen;
	size_t n;

	assert_non_null(text);
	n = (size_t)sprintf(text, "MESSAGE sip:a@b SIP/2.0\r\nContent-Length: %zu\r\n\r\n", body);
	memset(text + n, 'x', body);
	strcpy(text + n + body, s);
	stream(w, 0, text, strlen(text), 1400, &seq);
	seen = w->n;
	free(text);
	world_free(w);
	return seen;
}

/* SKIP_MAX (sip.c): a length that no message has is not believed, and the stream let go. */
static void huge_body_ends_the_stream(void **state)
{
	(void)state;
	assert_int_equal(seen_around_body(1000000), 1);
	assert_int_equal(seen_around_body(1200000), 0);
}

static void other_streams_are_let_go(void **state)
{
	static const char http[] = "GET /INVITE HTTP/1.1\r\nHost: x\r\n\r\n" INVITE "\r\n";
	struct world *w = world_new(IPPROTO_TCP);
	uint32_t seq = 1;

	(void)state;
	stream(w, 0, http, sizeof http - 1, 4096, &seq);
	assert_null(evidence_of(&w->flow));
	assert_int_equal(budget_used(w->env.stream_budget), 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_request), cmocka_unit_test(odd_forms),
		cmocka_unit_test(other_protocols_are_not_sip), cmocka_unit_test(start_lines_in_part),
		cmocka_unit_test(fields_that_disagree), cmocka_unit_test(dialled_digits),
		cmocka_unit_test(emergency_urn), cmocka_unit_test(sdp_in_parts), cmocka_unit_test(every_prefix),
		cmocka_unit_test(evidence_bits), cmocka_unit_test(whole_call),
		cmocka_unit_test(challenge_keeps_trying), cmocka_unit_test(refused_change_ends_nothing),
		cmocka_unit_test(joined_inside_a_call), cmocka_unit_test(emergency_call),
		cmocka_unit_test(call_is_the_same_in_every_run), cmocka_unit_test(long_fields_are_cut_and_counted),
		cmocka_unit_test(dialogs_are_bounded), cmocka_unit_test(announcements),
		cmocka_unit_test(the_trunk_is_the_signaller_of_calls_it_opens),
		cmocka_unit_test(forged_announcements), cmocka_unit_test(ports_never_announced),
		cmocka_unit_test(candidates_are_announced), cmocka_unit_test(media_is_linked),
		cmocka_unit_test(asked_ever_more_rarely), cmocka_unit_test(relayed_address), cmocka_unit_test(media_before_the_answer),
		cmocka_unit_test(asked_no_more), cmocka_unit_test(payloads_inside_others_are_not_asked),
		cmocka_unit_test(the_first_header_of_a_name_counts), cmocka_unit_test(calls_side_by_side),
		cmocka_unit_test(search_goes_on_after_a_loss), cmocka_unit_test(keep_alives_before_the_call),
		cmocka_unit_test(keep_alives_over_udp),
		cmocka_unit_test(segments_of_any_size), cmocka_unit_test(joined_in_the_middle),
		cmocka_unit_test(bytes_lost), cmocka_unit_test(large_body_is_skipped),
		cmocka_unit_test(long_head_is_given_up),
		cmocka_unit_test(huge_body_ends_the_stream),
		cmocka_unit_test(other_streams_are_let_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
