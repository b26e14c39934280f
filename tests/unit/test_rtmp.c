/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RTMP: what is a conversation, and what only looks like one. */
#include "call_feed.h"

#include "base/clock.h"
#include "rtmp_make.h"

#define CLIENT false
#define SERVER true

enum { SPEEX = 0xb2, ALAW = 0x72, AAC = 0xaf, FRAME_MS = 20, FRAMES = 150 /* 3 s */ };

/* One connection, with sequence numbers of its own. */
struct line {
	struct feed *f;
	uint16_t port;            /* of the client */
	uint32_t seq[2];
	bool begun[2];            /* an audio message was sent: later ones have short headers */
	bool deaf;                /* the server's packets are not seen */
};

static void put(struct line *c, bool server, const void *bytes, size_t n)
{
	struct feed *f = c->f;
	uint64_t now = f->frame.mono_ns;

	f->seq[server] = c->seq[server];
	c->seq[server] += (uint32_t)n;
	if (server && c->deaf)
		return;
	feed(f, (struct feed_from){ .server = server, .proto = IPPROTO_TCP, .client_port = c->port }, bytes, n);
	f->frame.mono_ns = now;
}

static void put_made(struct line *c, bool server, const struct rtmp_bytes_made *m)
{
	put(c, server, m->b, m->n);
}

static void block_fill(uint8_t *b, uint8_t seed)
{
	for (int i = 0; i < 1536; i++)
		b[i] = (uint8_t)(i < 8 ? 0 : seed + i * 7);
}

/* Both handshakes; what the server gives back, and the client not, when it is none of our business. */
static void shake(struct line *c, uint8_t given_back)
{
	uint8_t a[1 + 1536] = { 3 }, s[1 + 2 * 1536] = { 3 }, a2[1536] = { 0 };

	put(c, CLIENT, "", 0);
	c->f->flow->flags |= c->f->flow->flags & FLOW_FIRST_1 ? FLOW_INITIATOR_1 : FLOW_INITIATOR_0;
	block_fill(a + 1, 10);
	block_fill(s + 1, 99);
	block_fill(s + 1 + 1536, given_back);
	put(c, CLIENT, a, 1400);
	put(c, CLIENT, a + 1400, sizeof a - 1400);
	put(c, SERVER, s, 1400);
	put(c, SERVER, s + 1400, sizeof s - 1400);
	put(c, CLIENT, a2, sizeof a2);
}

static void verb(struct line *c, bool server, const char *word, const char *name, uint8_t stream)
{
	struct rtmp_bytes_made m = { .n = 0 };

	rtmp_verb(&m, word, name, stream);
	put_made(c, server, &m);
}

/* A frame of speech: bytes by who speaks and which frame it is. */
static void audio(struct line *c, bool server, uint8_t tag, uint8_t speaker, unsigned frame, uint32_t step_ms)
{
	enum { BODY = 63 };
	struct rtmp_bytes_made m = { .n = 0 };

	rtmp_header(&m, c->begun[server] ? 1 : 0, 4, step_ms, BODY, 8, 1);
	c->begun[server] = true;
	rtmp_put(&m, 1, tag);
	for (unsigned i = 1; i < BODY; i++)
		rtmp_put(&m, 1, (frame * 31 + speaker * 77 + i * i * (frame % 13 + 1)) & 0xff);
	put_made(c, server, &m);
}

static void pass(struct feed *f, unsigned ms)
{
	f->frame.mono_ns += ms * NS_PER_MS;
}

/* Opened, with a stream that is published and one that is played, where they have a name. */
static void line_open(struct line *c, const char *publishes, const char *plays)
{
	shake(c, 10);
	verb(c, CLIENT, "connect", NULL, 0);
	if (publishes != NULL)
		verb(c, CLIENT, "publish", publishes, 1);
	if (plays != NULL)
		verb(c, CLIENT, "play", plays, 1);
}

/* Three seconds of both on one connection; what comes is of `other`, `late` frames ago. */
static struct judgement talk(struct line *c, uint8_t up, uint8_t down, uint8_t other, unsigned late)
{
	for (unsigned i = 0; i < FRAMES; i++) {
		pass(c->f, FRAME_MS / 2);
		if (up != 0)
			audio(c, CLIENT, up, 1, i, FRAME_MS);
		pass(c->f, FRAME_MS / 2);
		if (down != 0 && i >= late)
			audio(c, SERVER, down, other, i - late, FRAME_MS);
	}
	return feed_judge(c->f);
}

static struct line line_to(void *state, uint16_t port)
{
	return (struct line){ .f = state, .port = port };
}

static void is(struct judgement j, enum voip_class cls, float bits)
{
	assert_int_equal(j.cls, cls);
	assert_int_equal(j.app, APP_RTMP);
	assert_float_equal(j.bits, bits, 0.01);
}

/* --- that it is RTMP --- */

static void gives_back_what_was_drawn(void **state)
{
	struct line c = line_to(*state, 40000);

	shake(&c, 10);
	is(feed_judge(*state), CLASS_STREAMING, 24);
}

static void or_it_is_not_rtmp(void **state)
{
	struct line c = line_to(*state, 40000);

	shake(&c, 11);
	assert_int_equal(feed_judge(*state).cls, CLASS_NONE);
}

static void connect_does_where_digests_stand(void **state)
{
	struct line c = line_to(*state, 40000);

	shake(&c, 11);
	verb(&c, CLIENT, "connect", NULL, 0);
	is(feed_judge(*state), CLASS_STREAMING, 24);
}

/* --- conversations --- */

static void on_one_connection(void **state)
{
	struct line c = line_to(*state, 40000);

	line_open(&c, "alice", "bob");
	is(talk(&c, SPEEX, ALAW, 2, 0), CLASS_MEDIA, 24);
	assert_true(c.f->flow->watch->media_packets > 0);
}

static void on_two_connections(void **state)
{
	struct line up = line_to(*state, 40000), down = line_to(*state, 40001);

	line_open(&up, "alice", NULL);
	line_open(&down, NULL, "bob");
	for (unsigned i = 0; i < FRAMES; i++) {
		pass(*state, FRAME_MS);
		audio(&up, CLIENT, SPEEX, 1, i, FRAME_MS);
		if (i == FRAMES - 1)
			is(feed_judge(*state), CLASS_MEDIA, 24);
		audio(&down, SERVER, SPEEX, 2, i, FRAME_MS);
	}
	is(feed_judge(*state), CLASS_MEDIA, 24);
}

static void with_a_name_longer_than_a_chunk(void **state)
{
	static const char name[] = "a-name-of-more-than-a-hundred-bytes-a-name-of-more-than-a-hundred-bytes-a-name-of-more-than-a-hundred";
	struct line c = line_to(*state, 40000);

	line_open(&c, name, "bob");
	is(talk(&c, SPEEX, SPEEX, 2, 0), CLASS_MEDIA, 24);
}

/* Flash said so in AMF 3: a byte 0 before. And chunks may be larger. */
static void in_amf3_and_larger_chunks(void **state)
{
	struct line c = line_to(*state, 40000);
	struct rtmp_bytes_made m = { .n = 0 }, body = { .n = 0 };

	line_open(&c, NULL, "bob");
	rtmp_header(&m, 0, 2, 0, 4, 1, 0);
	rtmp_put(&m, 4, 4096);
	rtmp_verb_body(&body, "publish", "alice");
	rtmp_header(&m, 0, 5, 0, (uint32_t)body.n + 1, 17, 1);
	rtmp_put(&m, 1, 0);
	memcpy(m.b + m.n, body.b, body.n);
	m.n += body.n;
	put_made(&c, CLIENT, &m);
	is(talk(&c, SPEEX, SPEEX, 2, 0), CLASS_MEDIA, 24);
}

static void joined_in_the_middle(void **state)
{
	struct line c = line_to(*state, 40000);

	c.begun[0] = c.begun[1] = true;
	is(talk(&c, SPEEX, SPEEX, 2, 0), CLASS_MEDIA, 20);
}

/* Two connections joined midway; what comes down was sent up `late` frames ago, or is of somebody else. */
static struct judgement two_joined(void *state, uint8_t other, unsigned late)
{
	struct line up = line_to(state, 40000), down = line_to(state, 40001);

	up.begun[0] = down.begun[1] = true;
	for (unsigned i = 0; i < 2 * FRAMES; i++) {
		pass(state, FRAME_MS);
		audio(&up, CLIENT, SPEEX, 1, i, FRAME_MS);
		if (i >= late)
			audio(&down, SERVER, SPEEX, other, i - late, FRAME_MS);
	}
	return feed_judge(state);
}

static void two_connections_joined(void **state)
{
	is(two_joined(*state, 2, 0), CLASS_MEDIA, 20);
}

static void two_connections_joined_of_the_own_stream(void **state)
{
	is(two_joined(*state, 1, 60), CLASS_STREAMING, 16);
}

static void one_end_seen_alone(void **state)
{
	struct line c = line_to(*state, 40000);

	c.deaf = true;
	line_open(&c, "alice", "bob");
	is(talk(&c, SPEEX, SPEEX, 2, 0), CLASS_MEDIA, 17);
}

static void segments_are_lost(void **state)
{
	struct line c = line_to(*state, 40000);

	line_open(&c, "alice", "bob");
	for (unsigned i = 0; i < 2 * FRAMES; i++) {
		pass(*state, FRAME_MS);
		c.seq[CLIENT] += i % 10 == 9 ? 40 : 0;
		audio(&c, CLIENT, SPEEX, 1, i, FRAME_MS);
		audio(&c, SERVER, SPEEX, 2, i, FRAME_MS);
	}
	assert_int_equal(feed_judge(*state).cls, CLASS_MEDIA);
	assert_true(feed_judge(*state).bits >= ACT_BITS);
}

/* --- and none --- */

static void a_broadcast(void **state)
{
	struct line c = line_to(*state, 40000);

	line_open(&c, "show", NULL);
	is(talk(&c, SPEEX, 0, 0, 0), CLASS_STREAMING, 24);
}

static void a_radio(void **state)
{
	struct line c = line_to(*state, 40000);

	line_open(&c, NULL, "radio");
	is(talk(&c, 0, SPEEX, 1, 0), CLASS_STREAMING, 24);
}

static void a_radio_joined(void **state)
{
	struct line c = line_to(*state, 40000);

	c.begun[1] = true;
	is(talk(&c, 0, SPEEX, 1, 0), CLASS_STREAMING, 16);
}

static void the_own_stream_watched_back(void **state)
{
	struct line c = line_to(*state, 40000);

	line_open(&c, "show?key=1", "show");
	is(talk(&c, SPEEX, SPEEX, 1, 50), CLASS_STREAMING, 24);
}

static void or_its_frames_under_another_name(void **state)
{
	struct line c = line_to(*state, 40000);

	line_open(&c, "show", "copy");
	is(talk(&c, SPEEX, SPEEX, 1, 40), CLASS_STREAMING, 24);
}

static void or_joined(void **state)
{
	struct line c = line_to(*state, 40000);

	c.begun[0] = c.begun[1] = true;
	is(talk(&c, SPEEX, SPEEX, 1, 40), CLASS_STREAMING, 16);
}

static void or_on_two_connections(void **state)
{
	struct line up = line_to(*state, 40000), down = line_to(*state, 40001);

	line_open(&up, "show", NULL);
	line_open(&down, NULL, "show");
	for (unsigned i = 0; i < FRAMES; i++) {
		pass(*state, FRAME_MS);
		audio(&up, CLIENT, SPEEX, 1, i, FRAME_MS);
		audio(&down, SERVER, SPEEX, 1, i, FRAME_MS);
		is(feed_judge(*state), CLASS_STREAMING, 24);
	}
}

/* A transcoder plays one stream and publishes another. */
static void music_both_ways(void **state)
{
	struct line c = line_to(*state, 40000);

	line_open(&c, "show-low", "show");
	is(talk(&c, AAC, AAC, 2, 0), CLASS_STREAMING, 24);
}

static void a_file_comes_faster(void **state)
{
	struct line c = line_to(*state, 40000);

	line_open(&c, "alice", "film");
	for (unsigned i = 0; i < FRAMES; i++) {
		pass(*state, FRAME_MS);
		audio(&c, SERVER, SPEEX, 2, i, 3 * FRAME_MS);
	}
	is(feed_judge(*state), CLASS_STREAMING, 24);
}

static void damaged_messages(void **state)
{
	struct rtmp_bytes_made m = { .n = 0 };

	(void)state;
	rtmp_header(&m, 1, 4, 20, 63, 8, 0);
	memset(m.b + m.n, SPEEX, 63);
	m.n += 63;
	feed_damaged(m.b, m.n, IPPROTO_TCP);
}

#define test(name) cmocka_unit_test_setup_teardown(name, feed_setup, feed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(gives_back_what_was_drawn), test(or_it_is_not_rtmp), test(connect_does_where_digests_stand),
		test(on_one_connection), test(on_two_connections), test(with_a_name_longer_than_a_chunk),
		test(in_amf3_and_larger_chunks), test(joined_in_the_middle), test(two_connections_joined), test(two_connections_joined_of_the_own_stream),
		test(one_end_seen_alone), test(segments_are_lost), test(a_broadcast), test(a_radio), test(a_radio_joined),
		test(the_own_stream_watched_back), test(or_its_frames_under_another_name), test(or_joined),
		test(or_on_two_connections), test(music_both_ways), test(a_file_comes_faster),
		cmocka_unit_test(damaged_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
