/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ice_feed.h"

#include "detect/stun.h"

static const struct feed_from client = { .server = false }, server = { .server = true };

/* RFC 5769, 2.1: request of "evtj:h6vY" with a right FINGERPRINT. */
static const uint8_t request[108] =
	"\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae"
	"\x80\x22\x00\x10STUN test client\x00\x24\x00\x04\x6e\x00\x01\xff"
	"\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36\x00\x06\x00\x09" "evtj:h6vY\x20\x20\x20"
	"\x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2"
	"\x80\x28\x00\x04\xe5\x7a\x3b\xcf";

#define COOKIE "\x21\x12\xa4\x42"

/* WhatsApp: answer of a relay (0x4002), check between phones. */
static const uint8_t whatsapp_relay[44] =
	"\x01\x03\x00\x18" COOKIE "abcdefghijkl" "\x00\x20\x00\x08\x00\x01\xed\x86\xe1\x12\xa6\x43"
	"\x40\x02\x00\x08\x00\x00\x01\x6b\x8e\x03\x43\x33";
static const uint8_t whatsapp_check[44] =
	"\x00\x01\x00\x18" COOKIE "abcdefghijkl" "\x00\x08\x00\x14" "integrity of 20 byte";

/* Classic request and answer (RFC 3489): CHANGE-REQUEST, MAPPED-ADDRESS. */
static const uint8_t classic_request[28] =
	"\x00\x01\x00\x08" "abcdefghijklmnop" "\x00\x03\x00\x04\x00\x00\x00\x00";
static const uint8_t classic_answer[32] =
	"\x01\x01\x00\x0c" "abcdefghijklmnop" "\x00\x01\x00\x08\x00\x01\xd7\x0a\xc0\x00\x02\x01";

/* TURN: Allocate for UDP, and its answer: relayed address 198.51.100.7:50000, lifetime 600 s. */
static const uint8_t allocate[28] =
	"\x00\x03\x00\x08" COOKIE "abcdefghijkl" "\x00\x19\x00\x04\x11\x00\x00\x00";
static const uint8_t allocated[40] =
	"\x01\x03\x00\x14" COOKIE "abcdefghijkl" "\x00\x16\x00\x08\x00\x01\xe2\x42\xe7\x21\xc0\x45"
	"\x00\x0d\x00\x04\x00\x00\x02\x58";

/* --- messages --- */

static void reads_published_request(void **state)
{
	struct stun_message m;

	(void)state;
	assert_true(stun_parse(request, sizeof request, sizeof request, &m));
	assert_int_equal(m.method, STUN_BINDING);
	assert_int_equal(m.cls, STUN_REQUEST);
	assert_true(m.walked && !m.cut);
	assert_int_equal(m.n, 6);
	assert_int_equal(stun_find(&m, STUN_USERNAME)->len, 9);
	assert_true(stun_fingerprint(request, sizeof request, &m));
}

static void fingerprint_of_changed_bytes_is_wrong(void **state)
{
	struct stun_message m;
	uint8_t bytes[sizeof request];

	(void)state;
	memcpy(bytes, request, sizeof bytes);
	bytes[30] ^= 1;
	assert_true(stun_parse(bytes, sizeof bytes, sizeof bytes, &m));
	assert_false(stun_fingerprint(bytes, sizeof bytes, &m));
}

/* RFC 5769, 2.2: the mapped address is 192.0.2.1:32853. */
static void reads_xor_address(void **state)
{
	static const uint8_t bytes[32] = "\x01\x01\x00\x0c" COOKIE "abcdefghijkl" "\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43";
	static const uint8_t want[4] = { 192, 0, 2, 1 };
	struct stun_message m;
	struct addr ip, expect;
	uint16_t port;

	(void)state;
	addr_from_v4(&expect, want);
	assert_true(stun_parse(bytes, sizeof bytes, sizeof bytes, &m));
	assert_true(stun_xor_address(&m, 0x0020, &ip, &port));
	assert_true(addr_equal(&ip, &expect));
	assert_int_equal(port, 32853);
}

/* Every prefix, with the wire length of the whole and with its own: only ASan can fail here, and the results must agree. */
static void reads_any_prefix(void **state)
{
	(void)state;
	for (size_t n = 0; n <= sizeof request; n++) {
		uint8_t *copy = malloc(n == 0 ? 1 : n);
		struct stun_message m;

		memcpy(copy, request, n);
		assert_int_equal(stun_parse(copy, (uint32_t)n, sizeof request, &m), n >= STUN_HEADER);
		assert_int_equal(stun_parse(copy, (uint32_t)n, (uint32_t)n, &m), n == sizeof request);
		free(copy);
	}
}

/* --- evidence --- */

static void check_is_ice(void **state)
{
	struct feed *f = *state;

	feed(f, client, request, sizeof request);
	assert_int_equal(feed_judge(f).cls, CLASS_ICE);
	assert_true(feed_bits(f, GROUP_ICE, CLASS_ICE) >= 64);
}

static void fingerprint_is_worth_its_bits(void **state)
{
	struct feed *f = *state;
	uint8_t bytes[sizeof request];

	memcpy(bytes, request, sizeof bytes);
	bytes[sizeof bytes - 1] ^= 1;
	feed(f, client, bytes, sizeof bytes);
	assert_true(feed_bits(f, GROUP_ICE, CLASS_ICE) >= 32);
	assert_true(feed_bits(f, GROUP_ICE, CLASS_ICE) < 64);
}

static void cut_check_is_ice(void **state)
{
	struct feed *f = *state;

	feed(f, (struct feed_from){ .cut = 70 }, request, sizeof request);
	assert_int_equal(feed_judge(f).cls, CLASS_ICE);
}

static void answer_adds_to_classic(void **state)
{
	struct feed *f = *state;
	float asked;

	feed(f, client, classic_request, sizeof classic_request);
	asked = feed_bits(f, GROUP_ICE, CLASS_ICE);
	assert_true(asked < 24);
	feed(f, server, classic_answer, sizeof classic_answer);
	assert_true(feed_bits(f, GROUP_ICE, CLASS_ICE) >= asked + 20);
}

/* Lengths of five attributes are no five proofs: who has three has them all. */
static void attributes_of_classic_are_counted_to_three(void **state)
{
	static const uint8_t full[80] = "\x01\x01\x00\x3c" "abcdefghijklmnop"
		"\x00\x01\x00\x08\x00\x01\xd7\x0a\xc0\x00\x02\x01" "\x00\x02\x00\x08\x00\x01\xd7\x0a\xc0\x00\x02\x01"
		"\x00\x04\x00\x08\x00\x01\xd7\x0a\xc0\x00\x02\x01" "\x00\x05\x00\x08\x00\x01\xd7\x0a\xc0\x00\x02\x01"
		"\x00\x0b\x00\x08\x00\x01\xd7\x0a\xc0\x00\x02\x01";
	struct feed *f = *state;

	feed(f, server, full, sizeof full);
	assert_float_equal(feed_bits(f, GROUP_ICE, CLASS_ICE), 6 + 8 + 3 * 6, 0.01);
}

static void foreign_answer_adds_little(void **state)
{
	struct feed *f = *state;
	uint8_t bytes[sizeof classic_answer];

	memcpy(bytes, classic_answer, sizeof bytes);
	bytes[10] ^= 1;
	feed(f, client, classic_request, sizeof classic_request);
	feed(f, server, bytes, sizeof bytes);
	assert_true(feed_bits(f, GROUP_ICE, CLASS_ICE) < 24);
}

/* A WireGuard initiation, DNS, QUIC, classic-like bytes whose attributes do not end with the datagram. */
static void others_are_not_ice(void **state)
{
	static const struct { const char *bytes; size_t n; } rows[] = {
		{ "\x01\x00\x00\x00\x21\x12\xa4\x42\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 148 },
		{ "\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07" "example\x03" "com\x00\x00\x01\x00\x01", 29 },
		{ "\x43\x00\x00\x01\x08\x83\x94\xc8\xf0\x3e\x51\x57\x08\x00\x00\x44\x9e\x00\x00\x00\x00\x01\x02\x03", 24 },
		{ "\x00\x01\x00\x08" "qrstuvwxyzabcdef" "\x00\x03\x00\x05\x00\x00\x00\x00", 28 },
	};
	struct feed *f = *state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint8_t bytes[160] = { 0 };

		memcpy(bytes, rows[i].bytes, rows[i].n < 29 ? rows[i].n : i == 1 ? 29 : 24);
		feed(f, (struct feed_from){ .client_port = (uint16_t)(41000 + i) }, bytes, rows[i].n);
		assert_null(feed_evidence(f, GROUP_ICE, CLASS_ICE));
	}
}

static void names_whatsapp(void **state)
{
	struct feed *f = *state;

	feed(f, server, whatsapp_relay, sizeof whatsapp_relay);
	assert_int_equal(feed_judge(f).app, APP_WHATSAPP);
	feed(f, (struct feed_from){ .client_port = 40001 }, whatsapp_check, sizeof whatsapp_check);
	assert_int_equal(feed_judge(f).app, APP_WHATSAPP);
}

static void check_with_user_name_is_not_whatsapp(void **state)
{
	struct feed *f = *state;

	feed(f, client, request, sizeof request);
	assert_int_equal(feed_judge(f).app, APP_STUN);
}

/* A message with one attribute of a type and a text. */
static size_t one_attribute(uint8_t *to, uint16_t type, const char *value, uint16_t len)
{
	size_t padded = (len + 3u) & ~3u;

	memcpy(to, "\x01\x13\x00\x00" COOKIE "abcdefghijkl", 20);
	memset(to + 20, 0, 4 + padded);
	to[3] = (uint8_t)(4 + padded);
	to[20] = (uint8_t)(type >> 8);
	to[21] = (uint8_t)type;
	to[23] = (uint8_t)len;
	memcpy(to + 24, value, len);
	return 24 + padded;
}

static void names_by_attribute(void **state)
{
	static const struct { uint16_t type; const char *value; uint16_t len; enum app app; } rows[] = {
		{ 0x8070, "\0\0\0\3", 4, APP_TEAMS }, { 0xc057, "\0\1\0\12", 4, APP_WEBRTC },
		{ STUN_REALM, "turner.facebook", 15, APP_MESSENGER },
		{ STUN_REALM, "turn.l.google.com", 17, APP_GOOGLEMEET },
		{ STUN_REALM, "example.org", 11, APP_STUN },
		{ STUN_REALM, "Signal.org", 10, APP_SIGNAL },
	};
	struct feed *f = *state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint8_t bytes[64];
		size_t n = one_attribute(bytes, rows[i].type, rows[i].value, rows[i].len);

		feed(f, (struct feed_from){ .server = true, .client_port = (uint16_t)(42000 + i) }, bytes, n);
		assert_int_equal(feed_judge(f).app, rows[i].app);
	}
}

/* What no capture confirmed adds no more than the bound. */
static void unconfirmed_name_is_bounded(void **state)
{
	struct feed *f = *state;
	uint8_t bytes[64];
	size_t n = one_attribute(bytes, STUN_REALM, "signal.org", 10);

	feed(f, server, bytes, n);
	for (unsigned i = 0; i < f->flow->watch->n_evidence; i++)
		if (f->flow->watch->evidence[i].app == APP_SIGNAL)
			assert_true(f->flow->watch->evidence[i].bits <= UNVERIFIED_BITS);
}

static void counts_attributes_not_kept(void **state)
{
	struct feed *f = *state;
	uint8_t bytes[20 + 4 * (STUN_ATTRIBUTES + 1)] = "\x00\x01\x00\x00" COOKIE "abcdefghijkl";

	bytes[3] = sizeof bytes - 20;
	feed(f, client, bytes, sizeof bytes);
	assert_int_equal(f->counts.n[COUNT_ATTRIBUTES_REFUSED], 1);
}

/* --- agent pairs --- */

static size_t check_of(uint8_t *to, const char *user)
{
	size_t n = one_attribute(to, STUN_USERNAME, user, (uint16_t)strlen(user));

	to[0] = 0;
	to[1] = 1;
	return n;
}

static uint64_t pair_call(struct feed *f, uint16_t port, const char *user)
{
	uint8_t bytes[128];
	size_t n = check_of(bytes, user);

	feed(f, (struct feed_from){ .client_port = port }, bytes, n);
	return f->flow->watch->call;
}

static void pair_is_one_call(void **state)
{
	struct feed *f = *state;
	uint64_t call = pair_call(f, 43001, "left:rightside");

	assert_true(call != 0);
	assert_int_equal(f->signals, 1);
	assert_int_equal(f->signal.phase, CALL_ICE);
	assert_true(f->signal.call == call);
	assert_true(pair_call(f, 43002, "rightside:left") == call);
	assert_true(pair_call(f, 43003, "rightside:lefT") != call);
	assert_true(pair_call(f, 43004, "same:same") != 0);
	assert_int_equal(f->signals, 4);
	assert_true(pair_call(f, 43001, "left:rightside") == call);
	assert_int_equal(f->signals, 4);
}

static void other_user_names_are_no_pair(void **state)
{
	struct feed *f = *state;

	assert_true(pair_call(f, 43005, "bare") == 0);
	assert_true(pair_call(f, 43006, ":half") == 0);
	assert_true(pair_call(f, 43007, "half:") == 0);
	assert_int_equal(f->signals, 0);
}

/* --- TURN --- */

static bool relay_known(struct feed *f, const uint8_t host[static 4])
{
	static const uint8_t relay[4] = { 198, 51, 100, 7 };
	struct addr h, r;
	struct fact fact;

	addr_from_v4(&h, host);
	addr_from_v4(&r, relay);
	return facts_find(f->env.facts, FACT_RELAY, &h, &r, 50000, IPPROTO_UDP, f->frame.mono_ns, &fact);
}

static const uint8_t told[4] = { 10, 0, 0, 1 }, stranger[4] = { 10, 0, 0, 2 };

static void relay_is_learnt_for_its_client(void **state)
{
	struct feed *f = *state;

	feed(f, client, allocate, sizeof allocate);
	feed(f, server, allocated, sizeof allocated);
	assert_true(relay_known(f, told));
	assert_false(relay_known(f, stranger));
}

static void relay_expires(void **state)
{
	struct feed *f = *state;

	feed(f, client, allocate, sizeof allocate);
	feed(f, server, allocated, sizeof allocated);
	f->frame.mono_ns += 601ull * 1000000000;
	assert_false(relay_known(f, told));
}

/* An answer that says no lifetime gives ten minutes. */
static void relay_without_lifetime(void **state)
{
	struct feed *f = *state;
	uint8_t answer[32];

	memcpy(answer, allocated, sizeof answer);
	answer[3] = sizeof answer - 20;
	feed(f, client, allocate, sizeof allocate);
	feed(f, server, answer, sizeof answer);
	f->frame.mono_ns += 599ull * 1000000000;
	assert_true(relay_known(f, told));
	f->frame.mono_ns += 2ull * 1000000000;
	assert_false(relay_known(f, told));
}

static void unasked_relay_is_not_believed(void **state)
{
	struct feed *f = *state;

	feed(f, server, allocated, sizeof allocated);
	assert_false(relay_known(f, told));
}

static void forged_relay_is_not_believed(void **state)
{
	struct feed *f = *state;
	uint8_t bytes[sizeof allocated];

	memcpy(bytes, allocated, sizeof bytes);
	bytes[12] ^= 1;
	feed(f, client, allocate, sizeof allocate);
	feed(f, server, bytes, sizeof bytes);
	assert_false(relay_known(f, told));
	feed(f, client, allocated, sizeof allocated);
	assert_false(relay_known(f, told));
}

/* ChannelData around a check of WebRTC. */
static size_t channel_data(uint8_t *to, uint16_t len)
{
	memset(to, 0, 4 + len);
	to[0] = 0x40;
	to[1] = 0x01;
	to[3] = (uint8_t)len;
	one_attribute(to + 4, 0xc057, "\0\1\0\12", 4);
	to[4 + 3] = (uint8_t)(len - 20);
	return 4u + len;
}

static void channel_data_is_unwrapped(void **state)
{
	struct feed *f = *state;
	uint8_t bytes[64];

	feed(f, client, allocate, sizeof allocate);
	feed(f, client, bytes, channel_data(bytes, 28));
	assert_int_equal(feed_judge(f).app, APP_WEBRTC);
}

static void channel_data_with_wrong_length_is_not(void **state)
{
	struct feed *f = *state;
	uint8_t bytes[64];

	feed(f, client, allocate, sizeof allocate);
	channel_data(bytes, 28);
	feed(f, client, bytes, 60);
	assert_int_equal(feed_judge(f).app, APP_STUN);
}

static void data_indication_is_unwrapped(void **state)
{
	struct feed *f = *state;
	uint8_t inner[64], bytes[128];
	size_t n = one_attribute(inner, 0xc057, "\0\1\0\12", 4);

	n = one_attribute(bytes, STUN_DATA_VALUE, (const char *)inner, (uint16_t)n);
	bytes[0] = 0x00;
	bytes[1] = 0x17;
	feed(f, server, bytes, n);
	assert_int_equal(feed_judge(f).app, APP_WEBRTC);
}

static void channel_without_messages_needs_a_run(void **state)
{
	struct feed *f = *state;
	uint8_t bytes[64];

	for (uint16_t i = 0; i < 4; i++) {
		feed(f, client, bytes, channel_data(bytes, 28));
		assert_null(feed_evidence(f, GROUP_ICE, CLASS_ICE)); /* one length only */
	}
	feed(f, client, bytes, channel_data(bytes, 32));
	assert_non_null(feed_evidence(f, GROUP_ICE, CLASS_ICE));
}

static void channel_of_three_packets_is_none(void **state)
{
	struct feed *f = *state;
	uint8_t bytes[64];

	for (uint16_t i = 0; i < 3; i++)
		feed(f, client, bytes, channel_data(bytes, (uint16_t)(28 + 4 * i)));
	assert_null(feed_evidence(f, GROUP_ICE, CLASS_ICE));
}

/* --- streams --- */

static void stream_of_turn_byte_by_byte(void **state)
{
	const struct feed_from up = { .proto = IPPROTO_TCP }, down = { .proto = IPPROTO_TCP, .server = true };
	struct feed *f = *state;
	uint8_t bytes[64];
	size_t n = (channel_data(bytes, 30) + 3) & ~3u;

	feed(f, up, allocate, 19);
	feed(f, up, allocate + 19, sizeof allocate - 19);
	for (size_t i = 0; i < n; i++)
		feed(f, up, i < 34 ? bytes + i : (const uint8_t *)"", 1);
	for (size_t i = 0; i < sizeof allocated; i++)
		feed(f, down, allocated + i, 1);
	assert_int_equal(feed_judge(f).app, APP_WEBRTC);
	assert_true(relay_known(f, told));
}

static void stream_with_messages_in_one_segment(void **state)
{
	const struct feed_from up = { .proto = IPPROTO_TCP };
	struct feed *f = *state;
	uint8_t bytes[sizeof allocate + sizeof request];

	memcpy(bytes, allocate, sizeof allocate);
	memcpy(bytes + sizeof allocate, request, sizeof request);
	feed(f, up, bytes, sizeof bytes);
	assert_int_equal(f->signals, 1); /* the second was read */
}

static void stream_framed_by_rfc4571(void **state)
{
	const struct feed_from up = { .proto = IPPROTO_TCP };
	struct feed *f = *state;
	uint8_t bytes[2 + sizeof request] = { 0, sizeof request };

	memcpy(bytes + 2, request, sizeof request);
	feed(f, up, bytes, sizeof bytes);
	assert_int_equal(feed_judge(f).cls, CLASS_ICE);
}

static void stream_of_other_bytes_is_left(void **state)
{
	const struct feed_from up = { .proto = IPPROTO_TCP };
	static const uint8_t bytes[32] = "\x00\x01\x00\x0c\x21\x12\xa4\x43";
	struct feed *f = *state;

	feed(f, up, bytes, sizeof bytes);
	assert_null(feed_evidence(f, GROUP_ICE, CLASS_ICE));
}

#define WITH_FEED(t) cmocka_unit_test_setup_teardown(t, feed_setup, feed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_published_request),
		cmocka_unit_test(fingerprint_of_changed_bytes_is_wrong),
		cmocka_unit_test(reads_xor_address),
		cmocka_unit_test(reads_any_prefix),
		WITH_FEED(check_is_ice),
		WITH_FEED(fingerprint_is_worth_its_bits),
		WITH_FEED(cut_check_is_ice),
		WITH_FEED(answer_adds_to_classic),
		WITH_FEED(attributes_of_classic_are_counted_to_three),
		WITH_FEED(foreign_answer_adds_little),
		WITH_FEED(others_are_not_ice),
		WITH_FEED(names_whatsapp),
		WITH_FEED(check_with_user_name_is_not_whatsapp),
		WITH_FEED(names_by_attribute),
		WITH_FEED(unconfirmed_name_is_bounded),
		WITH_FEED(counts_attributes_not_kept),
		WITH_FEED(pair_is_one_call),
		WITH_FEED(other_user_names_are_no_pair),
		WITH_FEED(relay_is_learnt_for_its_client),
		WITH_FEED(relay_expires), WITH_FEED(relay_without_lifetime),
		WITH_FEED(unasked_relay_is_not_believed),
		WITH_FEED(forged_relay_is_not_believed),
		WITH_FEED(channel_data_is_unwrapped),
		WITH_FEED(channel_data_with_wrong_length_is_not),
		WITH_FEED(data_indication_is_unwrapped),
		WITH_FEED(channel_without_messages_needs_a_run),
		WITH_FEED(channel_of_three_packets_is_none),
		WITH_FEED(stream_of_turn_byte_by_byte),
		WITH_FEED(stream_with_messages_in_one_segment),
		WITH_FEED(stream_framed_by_rfc4571),
		WITH_FEED(stream_of_other_bytes_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
