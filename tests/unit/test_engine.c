/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The whole pipeline under bounds and in bad weather: floods, torn streams, clocks that step back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <pcap/dlt.h>

#include "base/clock.h"
#include "base/hash.h"
#include "engine/state.h"

#define MILLION 1000000u

#define WALL_NS (1767614400 * NS_PER_S) /* 2026-01-05 12:00 UTC */
#define PACKET_MAX 1600

/* --- a source in memory --- */

struct shot { enum source_next what; uint64_t ns; size_t at; uint32_t len; };

struct feed {
	struct source base;
	struct shot *shots;
	uint8_t *bytes;
	size_t n, room, used, bytes_room, next;
	uint64_t number;
};

static enum source_next feed_next(struct source *base, struct frame *f)
{
	struct feed *s = (struct feed *)base;
	const struct shot *shot = &s->shots[s->next];

	if (s->next == s->n)
		return SOURCE_END;
	s->next++;
	s->number = shot->what == SOURCE_EPOCH ? 0 : s->number + (shot->what == SOURCE_FRAME);
	*f = (struct frame){ .data = s->bytes + shot->at, .caplen = shot->len, .len = shot->len,
		.number = s->number, .mono_ns = NS_PER_S + shot->ns, .wall_ns = WALL_NS + shot->ns, .link = DLT_EN10MB };
	return shot->what;
}

static void feed_close(struct source *base)
{
	struct feed *s = (struct feed *)base;

	free(s->shots);
	free(s->bytes);
	free(s);
}

static const struct source_ops feed_ops = { feed_next, feed_close };

static void feed_add(struct feed *s, enum source_next what, uint64_t ms, const uint8_t *bytes, size_t len)
{
	if (s->n == s->room) {
		s->room = s->room * 2 + 64;
		s->shots = reallocarray(s->shots, s->room, sizeof *s->shots);
		assert_non_null(s->shots);
	}
	if (s->used + len > s->bytes_room) {
		s->bytes_room = s->bytes_room * 2 + 65536;
		s->bytes = realloc(s->bytes, s->bytes_room);
		assert_non_null(s->bytes);
	}
	if (len != 0)
		memcpy(s->bytes + s->used, bytes, len);
	s->shots[s->n++] = (struct shot){ what, ms * NS_PER_MS, s->used, (uint32_t)len };
	s->used += len;
}

static struct feed *feed_new(void)
{
	struct feed *s = calloc(1, sizeof *s);

	assert_non_null(s);
	s->base.ops = &feed_ops;
	feed_add(s, SOURCE_EPOCH, 0, NULL, 0);
	return s;
}

/* --- packets --- */

struct end { uint32_t ip; uint16_t port; };

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))
static const struct end phone = { IP(10, 0, 0, 5), 4000 }, far = { IP(198, 51, 100, 7), 5000 };
static const struct end phone_sip = { IP(10, 0, 0, 5), 40060 }, far_sip = { IP(198, 51, 100, 8), 5060 };

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

/* Ethernet, IPv4 and ports around `n` bytes that begin with the rest of the transport header. */
static void packet(struct feed *s, uint64_t ms, uint8_t proto, struct end from, struct end to, const void *rest, size_t n)
{
	uint8_t b[PACKET_MAX] = { [12] = 0x08, [14] = 0x45, [22] = 64, [23] = proto };

	assert_true(n + 38 <= sizeof b);
	put16(b + 16, (uint32_t)(24 + n));
	put32(b + 26, from.ip);
	put32(b + 30, to.ip);
	put16(b + 34, from.port);
	put16(b + 36, to.port);
	memcpy(b + 38, rest, n);
	feed_add(s, SOURCE_FRAME, ms, b, 38 + n);
}

static void udp(struct feed *s, uint64_t ms, struct end from, struct end to, const void *data, size_t n)
{
	uint8_t b[PACKET_MAX] = { 0 };

	put16(b, (uint32_t)(8 + n));
	memcpy(b + 4, data, n);
	packet(s, ms, IPPROTO_UDP, from, to, b, 4 + n);
}

#define SYN 0x02
#define ACK 0x10

static void tcp(struct feed *s, uint64_t ms, struct end from, struct end to, uint8_t flags, uint32_t seq,
    const void *data, size_t n)
{
	uint8_t b[PACKET_MAX] = { [8] = 5 << 4, [9] = flags, [10] = 0xff, [11] = 0xff };

	put32(b, seq);
	put32(b + 4, flags & ACK ? 1 : 0);
	if (n != 0)
		memcpy(b + 16, data, n);
	packet(s, ms, IPPROTO_TCP, from, to, b, 16 + n);
}

/* The n-th packet of PCMU, 20 ms each. */
static void rtp(struct feed *s, uint64_t ms, struct end from, struct end to, uint32_t ssrc, uint32_t n)
{
	uint8_t b[172] = { 0x80, 0 };

	put16(b + 2, 1000 + n);
	put32(b + 4, 160 * n);
	put32(b + 8, ssrc);
	udp(s, ms, from, to, b, sizeof b);
}

/* Both ways, `n` packets each. */
static void talk(struct feed *s, uint64_t ms, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		rtp(s, ms + 20 * i, phone, far, 0x1cafe001, i);
		rtp(s, ms + 20 * i + 10, far, phone, 0x2cafe002, i);
	}
}

/* --- a run --- */

struct run {
	char *text;               /* lines of JSON that were kept */
	size_t len, room;
	char line[65536];
	size_t at;
	bool flows;               /* keep flow events */
	struct counts counts;
	struct engine *engine;    /* while it runs */
};

/* Keeps whole lines; those of a million flows would fill the memory. */
static ssize_t run_write(void *cookie, const char *buf, size_t n)
{
	struct run *r = cookie;

	for (size_t i = 0; i < n; i++) {
		assert_true(r->at + 1 < sizeof r->line);
		r->line[r->at++] = buf[i];
		if (buf[i] != '\n')
			continue;
		r->line[r->at] = '\0';
		if (r->flows || strstr(r->line, "\"event_type\":\"flow\"") == NULL) {
			if (r->len + r->at + 1 > r->room) {
				r->room = 2 * (r->len + r->at + 1);
				r->text = realloc(r->text, r->room);
				assert_non_null(r->text);
			}
			memcpy(r->text + r->len, r->line, r->at + 1);
			r->len += r->at;
		}
		r->at = 0;
	}
	return (ssize_t)n;
}

#define BLOCK "block media reason \"no calls\"\n"

static struct engine_conf plain_conf(void)
{
	struct engine_conf c = engine_conf_default();

	c.ndpi = NDPI_OFF;
	c.max_flows = 65536;
	return c;
}

/* What a test has: packets, how they are looked at, and what came of them. */
struct test {
	struct engine_conf conf;
	struct feed *feed;
};

static int test_open(void **state)
{
	struct test *t = calloc(1, sizeof *t);

	assert_non_null(t);
	t->conf = plain_conf();
	t->feed = feed_new();
	*state = t;
	return 0;
}

static int test_close(void **state)
{
	struct test *t = *state;

	source_close(&t->feed->base);
	free(t);
	return 0;
}

/* After every packet: nothing is larger than it may be. */
static void assert_inside_budgets(void *arg, const struct flow *f, int dir, const struct packet *pkt)
{
	const struct engine *e = ((struct run *)arg)->engine;

	assert_true(flow_table_count(e->table) <= e->conf.max_flows);
	assert_true(budget_used(e->env.watch_budget) <= e->conf.watch_bytes);
	assert_true(budget_used(e->env.stream_budget) <= e->conf.stream_bytes);
	(void)f;
	(void)dir;
	(void)pkt;
}

/* Runs the feed once: the same feed may run again. */
static struct run *run_feed(const struct test *t, const char *rules, bool flows)
{
	struct run *r = calloc(1, sizeof *r);
	struct engine_conf conf = t->conf;
	struct feed *s = t->feed;
	FILE *eve = fopencookie(r, "w", (cookie_io_functions_t){ .write = run_write });
	struct policy *policy = policy_parse(rules, "test", stderr);
	struct event_sink *sink = event_sink_new(&(struct event_conf){ .eve = eve });
	struct engine *e;

	assert_non_null(r);
	assert_non_null(policy);
	assert_non_null(sink);
	conf.on_look = assert_inside_budgets;
	conf.arg = r;
	e = r->engine = engine_new(&conf, policy, sink);
	assert_non_null(e);
	r->flows = flows;
	s->next = 0;
	s->number = 0;
	assert_int_equal(engine_run(e, &s->base, NULL), 0);
	r->counts = *engine_counts(e);
	engine_free(e);
	event_sink_free(sink);
	policy_free(policy);
	fclose(eve);
	assert_int_equal(r->at, 0);
	return r;
}

static void run_free(struct run *r)
{
	free(r->text);
	free(r);
}

/* Lines that hold all of the texts; the last argument is NULL. */
static unsigned lines_with(const struct run *r, ...)
{
	unsigned found = 0;

	for (const char *p = r->text; p != NULL && *p != '\0'; p = strchr(p, '\n') + 1) {
		size_t n = strcspn(p, "\n");
		const char *want;
		bool all = true;
		va_list ap;

		va_start(ap, r);
		while ((want = va_arg(ap, const char *)) != NULL) {
			const char *hit = memmem(p, n, want, strlen(want));

			all &= hit != NULL;
		}
		va_end(ap);
		found += all;
	}
	return found;
}

#define VOIP "\"event_type\":\"voip\""
#define FLOW "\"event_type\":\"flow\""
#define CALL "\"event_type\":\"call\""
#define MEDIA "\"class\":\"media\""
#define DROP "\"action\":\"drop\""
#define PHONE "\"src_ip\":\"10.0.0.5\""

static uint64_t counted(const struct run *r, enum counter id)
{
	return r->counts.n[id];
}

static void assert_call_found(const struct run *r)
{
	assert_true(lines_with(r, VOIP, MEDIA, DROP, PHONE, "\"src_port\":4000", NULL) >= 1);
	assert_int_equal(lines_with(r, VOIP, MEDIA, NULL), lines_with(r, VOIP, MEDIA, PHONE, NULL));
}

/* --- floods --- */

static struct end stranger(uint32_t i)
{
	return (struct end){ IP(203, 0, 0, 0) | (i * 2654435761u & 0xffffff), (uint16_t)(1024 + i % 60000) };
}

/* A call that begins in the middle of a flood: every 200 packets of it one of the call's. */
static void flood(struct feed *s, uint32_t n, void (*one)(struct feed *, uint64_t, uint32_t))
{
	for (uint32_t i = 0; i < n; i++) {
		uint64_t ms = i / 20;

		one(s, ms, i);
		if (i < n / 4 || i % 200 != 0)
			continue;
		rtp(s, ms, phone, far, 0x1cafe001, i / 400);
		rtp(s, ms, far, phone, 0x2cafe002, i / 400);
	}
}

static void one_syn(struct feed *s, uint64_t ms, uint32_t i)
{
	tcp(s, ms, stranger(i), (struct end){ IP(10, 0, 0, 80), 80 }, SYN, i, NULL, 0);
}

static void one_datagram(struct feed *s, uint64_t ms, uint32_t i)
{
	uint8_t b[40] = { 0x80, 0, (uint8_t)(i >> 8), (uint8_t)i };

	put32(b + 8, i * 2654435761u);
	udp(s, ms, stranger(i), (struct end){ IP(10, 0, 0, 9), (uint16_t)(1 + i % 65000) }, b, sizeof b);
}

/* Begins like SIP: each one wants to be watched. */
static void one_invite(struct feed *s, uint64_t ms, uint32_t i)
{
	static const char text[] = "INVITE sip:x@example.com SIP/2.0\r\nCall-ID: %u\r\nCSeq: 1 INVITE\r\n"
	    "From: <sip:a@b>;tag=1\r\nTo: <sip:x@b>\r\nVia: SIP/2.0/UDP h\r\nContent-Length: 0\r\n\r\n";
	char b[256];
	int n = snprintf(b, sizeof b, text, i);

	udp(s, ms, stranger(i), (struct end){ IP(10, 0, 0, 9), 5060 }, b, (size_t)n);
}

static void test_call_is_found_in_a_syn_flood(void **state)
{
	struct test *t = *state;
	struct feed *s = t->feed;
	struct run *r;

	t->conf.max_flows = 4096;
	flood(s, MILLION / 4, one_syn);
	r = run_feed(t, BLOCK, false);
	assert_call_found(r);
	assert_true(counted(r, COUNT_FLOWS_EVICTED) + counted(r, COUNT_FLOWS_REFUSED) >= MILLION / 4 - 2 * 4096);
	run_free(r);
}

static void test_call_is_found_among_one_packet_flows(void **state)
{
	struct test *t = *state;
	struct feed *s = t->feed;
	struct run *r;

	t->conf.max_flows = 4096;
	t->conf.watch_bytes = 64 << 10;
	t->conf.watch_bytes_per_host = 16 << 10;
	flood(s, MILLION, one_datagram);
	r = run_feed(t, BLOCK, false);
	assert_call_found(r);
	assert_true(counted(r, COUNT_FLOWS_EVICTED) + counted(r, COUNT_FLOWS_REFUSED) >= MILLION - 2 * 4096);
	run_free(r);
}

static void test_call_is_found_when_everybody_wants_to_be_watched(void **state)
{
	struct test *t = *state;
	struct feed *s = t->feed;
	struct run *r;

	t->conf.max_flows = 4096;
	t->conf.watch_bytes = 64 << 10;
	t->conf.watch_bytes_per_host = 16 << 10;
	flood(s, MILLION / 50, one_invite);
	r = run_feed(t, BLOCK, false);
	assert_call_found(r);
	assert_true(counted(r, COUNT_WATCH_REFUSED) + counted(r, COUNT_WATCH_EVICTED) > MILLION / 100);
	run_free(r);
}

/* --- torn streams --- */

#define SDP "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n" \
	"m=audio 5000 RTP/AVP 0\r\n"
static const char invite[] = "INVITE sip:anne@10.0.0.5 SIP/2.0\r\nVia: SIP/2.0/TCP 198.51.100.8;branch=z9hG4bK1\r\n"
    "From: <sip:bob@example.com>;tag=1\r\nTo: <sip:anne@example.com>\r\nCall-ID: one@example.com\r\n"
    "CSeq: 1 INVITE\r\nContent-Type: application/sdp\r\nContent-Length: 93\r\n\r\n" SDP;
#define INVITE_LEN (sizeof invite - 1)

static void connect_sip(struct feed *s)
{
	static_assert(sizeof SDP - 1 == 93, "Content-Length of the INVITE");
	tcp(s, 0, far_sip, phone_sip, SYN, 99, NULL, 0);
	tcp(s, 1, phone_sip, far_sip, SYN | ACK, 499, NULL, 0);
	tcp(s, 2, far_sip, phone_sip, ACK, 100, NULL, 0);
}

static void invite_part(struct feed *s, uint64_t ms, size_t from, size_t n)
{
	tcp(s, ms, far_sip, phone_sip, ACK, (uint32_t)(100 + from), invite + from, n);
}

/* The INVITE was read whole: it is signalling, and the media it announced belongs to its call. */
static void assert_invite_read(struct test *t)
{
	struct run *r;

	talk(t->feed, 20000, 40);
	r = run_feed(t, BLOCK, true);
	assert_int_equal(lines_with(r, VOIP, "\"class\":\"signalling\"", "\"app\":\"sip\"", "\"src_port\":5060", NULL), 1);
	assert_int_equal(lines_with(r, VOIP, MEDIA, "announced by SIP", NULL) >= 1, 1);
	assert_int_equal(lines_with(r, CALL, NULL), 1);
	assert_int_equal(lines_with(r, CALL, "sip:bob@example.com", NULL), 1);
	run_free(r);
}

static void test_invite_byte_by_byte(void **state)
{
	struct test *t = *state;

	connect_sip(t->feed);
	for (size_t i = 0; i < INVITE_LEN; i++)
		invite_part(t->feed, 10 + i, i, 1);
	assert_invite_read(t);
}

static void test_invite_in_overlapping_segments(void **state)
{
	struct test *t = *state;
	char lie[200];

	memset(lie, 'X', sizeof lie);
	connect_sip(t->feed);
	invite_part(t->feed, 10, 0, 150);
	/* Other bytes for what was read already, and then some that are true. */
	memcpy(lie + 100, invite + 150, 100);
	tcp(t->feed, 11, far_sip, phone_sip, ACK, 100 + 50, lie, sizeof lie);
	invite_part(t->feed, 12, 0, 200);
	invite_part(t->feed, 13, 200, INVITE_LEN - 200);
	assert_invite_read(t);
}

static void test_invite_out_of_order(void **state)
{
	struct test *t = *state;

	connect_sip(t->feed);
	invite_part(t->feed, 10, 0, 100);
	invite_part(t->feed, 11, 200, INVITE_LEN - 200);
	invite_part(t->feed, 12, 150, 60);
	invite_part(t->feed, 13, 100, 60);
	assert_invite_read(t);
}

#define TORN 500u /* connections at a time that are torn to pieces */

/* A part of an INVITE on the i-th of many connections, each of which began as one. */
static void torn(struct feed *s, uint64_t ms, uint32_t i, size_t at, size_t n)
{
	struct end from = stranger(i % TORN);

	if (i < TORN)
		tcp(s, ms, from, phone_sip, SYN, 99, NULL, 0);
	at %= INVITE_LEN - n;
	tcp(s, ms, from, phone_sip, ACK, (uint32_t)(100 + at), invite + at, n);
}

/* Every other byte is missing, so that each one that comes is early. */
static void one_byte(struct feed *s, uint64_t ms, uint32_t i)
{
	torn(s, ms, i, 2 * (size_t)(i / TORN), 1);
}

static void one_overlap(struct feed *s, uint64_t ms, uint32_t i)
{
	torn(s, ms, i, i < TORN ? 0 : 37 * (size_t)(i / TORN) + 5, 60);
}

static void assert_found_in_torn_streams(struct test *t, void (*one)(struct feed *, uint64_t, uint32_t))
{
	struct run *r;

	t->conf.stream_bytes = 64 << 10;
	t->conf.stream_bytes_per_host = 8 << 10;
	flood(t->feed, MILLION / 20, one);
	r = run_feed(t, BLOCK, false);
	assert_call_found(r);
	assert_true(counted(r, COUNT_STREAM_REFUSED) + counted(r, COUNT_STREAM_HOLES) > TORN / 2);
	run_free(r);
}

static void test_call_is_found_among_one_byte_segments(void **state)
{
	assert_found_in_torn_streams(*state, one_byte);
}

static void test_call_is_found_among_overlapping_segments(void **state)
{
	assert_found_in_torn_streams(*state, one_overlap);
}

static void test_stream_budget_is_a_bound(void **state)
{
	struct test *t = *state;
	struct feed *s = t->feed;
	struct run *r;

	t->conf.stream_bytes = 16 << 10;
	t->conf.stream_bytes_per_host = 8 << 10;
	for (uint32_t i = 0; i < 2000; i++) {
		struct end from = stranger(i);

		tcp(s, i, from, phone_sip, SYN, 99, NULL, 0);
		tcp(s, i, from, phone_sip, ACK, 100, invite, 300); /* the rest never comes */
	}
	talk(s, 2000, 40);
	r = run_feed(t, BLOCK, false);
	assert_call_found(r);
	assert_true(counted(r, COUNT_STREAM_REFUSED) > 1000);
	run_free(r);
}

/* --- time --- */

/* Events come in the order of their stamps, flow and call ends aside (those carry when they ended). */
static void assert_voip_in_order(const struct run *r)
{
	char last[32] = "";

	for (const char *p = r->text; p != NULL && *p != '\0'; p = strchr(p, '\n') + 1) {
		char stamp[32];

		if (memmem(p, strcspn(p, "\n"), VOIP, strlen(VOIP)) == NULL)
			continue;
		assert_int_equal(sscanf(p, "{\"timestamp\":\"%31[^\"]", stamp), 1);
		assert_true(strcmp(stamp, last) >= 0);
		strcpy(last, stamp);
	}
}

static void test_time_that_steps_back_is_clamped(void **state)
{
	struct test *t = *state;
	struct feed *s = t->feed;
	struct run *r;

	udp(s, 100000, stranger(1), phone_sip, "x", 1);
	talk(s, 90000, 100);              /* 10 s before: all 200 of them */
	udp(s, 100001, stranger(2), phone_sip, "x", 1);
	udp(s, 0, stranger(3), phone_sip, "x", 1);
	r = run_feed(t, BLOCK, true);
	assert_int_equal(counted(r, COUNT_TIME_BACK), 201);
	assert_true(lines_with(r, VOIP, MEDIA, PHONE, NULL) >= 1);
	assert_int_equal(lines_with(r, FLOW, NULL), 4);
	assert_int_equal(lines_with(r, FLOW, "T12:01:30", NULL), 0); /* no stamp of before */
	assert_voip_in_order(r);
	run_free(r);
}

static void test_epochs_are_independent(void **state)
{
	struct test *t = *state;
	struct feed *s = t->feed;
	struct run *r;

	connect_sip(s);
	invite_part(s, 10, 0, INVITE_LEN);
	talk(s, 100000, 40);
	feed_add(s, SOURCE_EPOCH, 0, NULL, 0);
	talk(s, 1000, 40);                /* earlier, and nobody announced it here */
	r = run_feed(t, BLOCK, true);
	assert_int_equal(counted(r, COUNT_TIME_BACK), 0);
	assert_int_equal(lines_with(r, FLOW, "\"src_port\":4000", NULL), 2);
	assert_int_equal(lines_with(r, FLOW, "\"src_port\":4000", "announced", NULL), 1);
	assert_int_equal(lines_with(r, FLOW, "\"src_port\":4000", "\"reason\":\"shutdown\"", NULL), 2);
	assert_int_equal(lines_with(r, CALL, NULL), 2);
	assert_int_equal(lines_with(r, CALL, "sip:bob@example.com", NULL), 1);
	run_free(r);
}

/* What a silent flow leaves behind, whatever told the time afterwards. */
static char *end_of_silent_flow(const struct test *proto, bool ticks)
{
	struct test t = { proto->conf, feed_new() };
	struct feed *s = t.feed;
	struct run *r;
	char *line, *text;

	talk(s, 0, 40);
	for (uint64_t ms = 800; ticks && ms <= 400000; ms += 100)
		feed_add(s, SOURCE_TICK, ms, NULL, 0);
	if (!ticks)
		udp(s, 400000, stranger(1), phone_sip, "x", 1);
	r = run_feed(&t, BLOCK, true);
	assert_int_equal(lines_with(r, FLOW, "\"src_port\":4000", "\"reason\":\"timeout\"", NULL), 1);
	assert_int_equal(counted(r, COUNT_TICKS), ticks ? 3993 : 0);
	line = strstr(r->text, "\"reason\":\"timeout\"");
	while (line > r->text && line[-1] != '\n')
		line--;
	text = strndup(line, strcspn(line, "\n"));
	run_free(r);
	source_close(&s->base);
	return text;
}

/* Blanks out what each run draws anew: numbers of flows, and names of calls made from them. */
static void blank(char *text)
{
	static const char *const keys[] = { "\"flow_id\":", "\"flows\":[", "\"call_id\":\"c-" };

	for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
		for (char *p = text; (p = strstr(p, keys[k])) != NULL;) {
			p += strlen(keys[k]);
			size_t n = strspn(p, "0123456789abcdef,");

			if (n > 0 && p[n - 1] == ',')
				n--;
			memmove(p, p + n, strlen(p + n) + 1);
		}
}

static void test_a_tick_ends_a_flow_as_a_packet_does(void **state)
{
	char *by_tick = end_of_silent_flow(*state, true), *by_packet = end_of_silent_flow(*state, false);

	blank(by_tick);
	blank(by_packet);
	assert_string_equal(by_tick, by_packet);
	free(by_tick);
	free(by_packet);
}

static void test_the_same_packets_give_the_same_events(void **state)
{
	struct test *t = *state;
	struct feed *s = t->feed;
	struct run *a, *b;

	connect_sip(s);
	invite_part(s, 10, 0, INVITE_LEN);
	for (uint32_t i = 0; i < 500; i++)
		one_datagram(s, 100 + i, i);
	talk(s, 1000, 200);
	a = run_feed(t, BLOCK, true);
	hash_init(); /* another key */
	b = run_feed(t, BLOCK, true);
	assert_true(lines_with(a, VOIP, MEDIA, NULL) >= 1);
	blank(a->text);
	blank(b->text);
	assert_string_equal(a->text, b->text);
	assert_memory_equal(&a->counts, &b->counts, sizeof a->counts);
	run_free(a);
	run_free(b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_open, test_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_call_is_found_in_a_syn_flood),
		TEST(test_call_is_found_among_one_packet_flows),
		TEST(test_call_is_found_when_everybody_wants_to_be_watched),
		TEST(test_invite_byte_by_byte),
		TEST(test_invite_in_overlapping_segments),
		TEST(test_invite_out_of_order),
		TEST(test_call_is_found_among_one_byte_segments),
		TEST(test_call_is_found_among_overlapping_segments),
		TEST(test_stream_budget_is_a_bound),
		TEST(test_time_that_steps_back_is_clamped),
		TEST(test_epochs_are_independent),
		TEST(test_a_tick_ends_a_flow_as_a_packet_does),
		TEST(test_the_same_packets_give_the_same_events),
	};

	hash_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
