/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "call_feed.h"

#include "detect/h245.h"

#define CALLER false
#define CALLEE true

#define OBJECT "\x06\x00\x08\x91\x4a\x00\x04"
#define CONFERENCE "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"
#define NUMBERS "\x04\x03\x88\xc0\xa5\x6c\x06\x01\x81" "1001" "\x70\x04\x81" "112"

/* Put together by hand and read back by another decoder. */
#define SETUP     "\x08\x02\x00\x01\x05" NUMBERS "\x7e\x00\x1d\x05\x00\x00" OBJECT "\x00\x00" CONFERENCE "\x00"
#define CONNECT   "\x08\x02\x80\x01\x07\x7e\x00\x23\x05\x02\x40" OBJECT "\x00\xc0\x00\x02\x09\x13\x92\x00\x00" CONFERENCE
#define RELEASE   "\x08\x02\x00\x01\x5a\x08\x02\x80\x90\x7e\x00\x0a\x05\x05\x00" OBJECT
#define FACILITY  "\x08\x02\x00\x01\x62\x7e\x00\x24\x05\x02\x40" OBJECT CHANNEL_STRING
#define CHANNEL_STRING "\x19\x00\x00\x00\x0c\x60\x13\x80\x11" CHANNEL
#define CHANNEL   "\x14\x00\x01\x00\x0a\x00\x00\x01\x13\x88\x00\x0a\x00\x00\x01\x13\x89"
#define CAPABILITIES  "\x02\x70\x01\x06\x00\x08\x81\x75\x00\x07\x00\x00"
#define DETERMINATION "\x01\x00\x32\x80\x12\x34\x56"
#define OPEN          "\x03\x00\x00\x00\x0c\x60\x13\x80\x11" CHANNEL
#define OPEN_ACK      "\x22\xc0\x00\x00\x02\x80\x10\x1c\x00\x00\xc0\x00\x02\x09\x13\x8c\x00\xc0\x00\x02\x09\x13\x8d"

/* The choice of an IPv6 address, aligned; after one bit of it was read it is 0x10. */
#define V6_ADDRESS "\x20\x01\x0d\xb8\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x10"
#define V6 "\x08" V6_ADDRESS
/* Requests of a gatekeeper and of registration; a real one in pcaps/h323-ras.pcap. */
#define RAS_FIND     "\x00\x20\x00\x00" OBJECT "\x00\xc0\x00\x02\x0a\x32\xe6"
#define RAS_FOUND    "\x04\x00\x00\x00" OBJECT "\x00\xc0\x00\x02\x14\x06\xb7"
#define RAS_REGISTER "\x0e\x80\x00\x07" OBJECT "\x00"

static void say_n(struct feed *f, bool server, uint16_t port, const void *bytes, size_t n)
{
	uint8_t b[512] = { 3, 0, (uint8_t)((n + 4) >> 8), (uint8_t)(n + 4) };

	memcpy(b + 4, bytes, n);
	feed(f, (struct feed_from){ .server = server, .proto = IPPROTO_TCP, .client_port = port }, b, n + 4);
}

#define say(f, server, bytes) say_n(f, server, 0, bytes, sizeof bytes - 1)

static float bits_of(const struct feed *f)
{
	return feed_bits(f, GROUP_SIGNALLING, CLASS_SIGNALLING);
}

#define BITS_SIGNALLING 24 /* object, Q.931, elements */

static void signalling_is_named(void **state)
{
	struct feed *f = *state;

	say(f, CALLER, SETUP);
	assert_float_equal(bits_of(f), BITS_SIGNALLING, 0.01);
	assert_int_equal(feed_judge(f).app, APP_H323);
	assert_int_equal(f->signal.phase, CALL_SETUP);
	assert_string_equal(f->signal.from, "1001");
	assert_string_equal(f->signal.to, "112");
	assert_string_equal(f->signal.dialed, "112");
	assert_string_equal(f->flow->watch->dialed, "112");
}

static void other_records_of_tpkt(void **state)
{
	static const struct { const char *b; size_t n; } t[] = {
		{ "\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00", 15 }, /* RDP: X.224 connection request */
		{ "\x02\xf0\x80\x32\x01\x00\x00\x00\x00\x00\x08\x00\x00\xf0\x00\x00\x01\x00\x01\x01\xe0", 21 }, /* S7 */
		{ "\x02\xf0\x80\x7f\x65\x82\x01\x9e\x04\x01\x01\x04\x01\x01\x01\x01\xff", 17 },  /* T.125 */
		{ "\x08\x02\x00\x01\x06\x00", 6 },            /* no type of Q.931 */
		{ "\x08\x02\x00\x01\x05\x70\x09\x81" "112", 11 }, /* an element longer than the record */
		{ "\x01\x00\x32\x80\x12\x34\x56\x78", 8 },    /* not as long as it says */
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		void *fresh;

		feed_setup(&fresh);
		say_n(fresh, CALLER, 0, t[i].b, t[i].n);
		assert_float_equal(bits_of(fresh), 0, 0.01);
		feed_teardown(&fresh);
	}
}

static void a_call_from_set_up_to_end(void **state)
{
	struct feed *f = *state;
	struct fact fact;

	say(f, CALLER, SETUP);
	say(f, CALLER, FACILITY);
	assert_true(feed_announced(f, "192.0.2.9", "10.0.0.1", 5000, &fact));
	assert_string_equal(fact.dialed, "112");
	assert_true(feed_announced(f, "192.0.2.9", "10.0.0.1", 5001, &fact));
	assert_int_equal(fact.app, APP_RTCP);
	say(f, CALLEE, CONNECT);
	assert_int_equal(f->signal.phase, CALL_ANSWERED);
	say(f, CALLER, RELEASE);
	assert_int_equal(f->signal.phase, CALL_ENDED);
	assert_string_equal(f->flow->watch->dialed, "");
}

/* The address of H.245 in the call signalling links the connection there to the call. */
static void control_belongs_to_its_call(void **state)
{
	struct feed *f = *state;
	char address[] = CONNECT;
	struct fact fact;
	uint64_t call;

	say(f, CALLER, SETUP);
	call = f->signal.call;
	assert_memory_equal(address + 19, "\xc0\x00\x02\x09\x13\x92", 6);
	memcpy(address + 2, "\x00", 1);
	memcpy(address + 19, "\x0a\x00\x00\x01\xa0\x28", 6); /* the caller's, port 41000 */
	say_n(f, CALLER, 0, address, sizeof address - 1);
	assert_false(feed_announced(f, "192.0.2.9", "10.0.0.1", 41000, &fact)); /* TCP, no media */
	say_n(f, CALLER, 41000, CAPABILITIES, sizeof CAPABILITIES - 1);
	assert_int_equal(feed_judge(f).app, APP_H323);
	assert_string_equal(f->flow->watch->dialed, "112");
	say_n(f, CALLEE, 41000, DETERMINATION, sizeof DETERMINATION - 1);
	say_n(f, CALLEE, 41000, OPEN_ACK, sizeof OPEN_ACK - 1);
	assert_true(feed_announced(f, "10.0.0.1", "192.0.2.9", 5004, &fact));
	assert_int_equal(fact.call, call);
	assert_string_equal(fact.dialed, "112");
}

static void messages_of_h245(void **state)
{
	static const struct { const char *b; size_t n; enum h245_kind kind; uint16_t media, control; } t[] = {
#define ROW(bytes, kind, media, control) { bytes, sizeof bytes - 1, kind, media, control }
		ROW(CAPABILITIES, H245_CAPABILITIES, 0, 0), ROW(DETERMINATION, H245_DETERMINATION, 0, 0),
		ROW(OPEN, H245_OPEN, 5000, 5001), ROW(OPEN_ACK, H245_OPEN_ACK, 5004, 5005),
		ROW("\x22\xc0\x00\x00\x02\x80\x0f\x0c\x00\xc0\x00\x02\x09\x13\x8c\x00\xc0\x00\x02\x09\x13\x8d", H245_OPEN_ACK, 5004, 5005),
		ROW("\x03\x00\x00\x00\x0c\x60\x13\x80\x0a\x04\x00\x01\x00\x0a\x00\x00\x01\x13\x89", H245_OPEN, 0, 5001),
		ROW("\x03\x00\x00\x00\x0c\x60\x13\x80\x16\x10\x00\x01" V6 "\x13\x88", H245_OPEN, 5000, 0),
		ROW("\x22\xc0\x00\x00\x02\x80\x28\x1c\x00\x10" V6_ADDRESS "\x13\x8c" V6 "\x13\x8d", H245_OPEN_ACK, 5004, 5005),
		ROW("\x4a\x40", H245_END, 0, 0), ROW("\x22\xc0\x00\x00\x02\x80\x10\x1c\x01\x00\xc0\x00\x02\x09\x13\x8c", H245_NO, 0, 0),
		ROW("\x02\xf0\x80\x32\x01\x00\x00\x00\x00\x00\x08\x00\x00\xf0", H245_NO, 0, 0),
		ROW("\x03\x00\x00\x00\x0c\x60\x13\x80\x11\x14\x00\x01\x00\x0a\x00\x00\x01\x13\x88\x00\x0b\x00\x00\x01\x13\x89", H245_NO, 0, 0),
#undef ROW
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct h245 h = h245_read((const uint8_t *)t[i].b, t[i].n);

		assert_int_equal(h.kind, t[i].kind);
		assert_int_equal(h.media.port, t[i].media);
		assert_int_equal(h.control.port, t[i].control);
	}
}

static void gatekeepers(void **state)
{
	struct feed *f = *state;

	feed(f, (struct feed_from){ .server_port = 1719 }, RAS_FIND, sizeof RAS_FIND - 1);
	assert_int_equal(feed_judge(f).cls, CLASS_SIGNALLING);
	assert_int_equal(feed_judge(f).app, APP_H323);
	assert_float_equal(bits_of(f), 18, 0.01);
	feed(f, (struct feed_from){ .server = true, .server_port = 1719 }, RAS_FOUND, sizeof RAS_FOUND - 1);
	assert_float_equal(bits_of(f), 26, 0.01);
	assert_float_equal(feed_bits_alone(RAS_REGISTER, sizeof RAS_REGISTER - 1, IPPROTO_UDP, CLASS_SIGNALLING), 18, 0.01);
	assert_float_equal(feed_bits_alone(RAS_FIND, 10, IPPROTO_UDP, CLASS_SIGNALLING), 0, 0.01); /* cut in the identifier */
	feed_damaged(RAS_FIND, sizeof RAS_FIND - 1, IPPROTO_UDP);
}

static void in_pieces_and_the_header_alone(void **state)
{
	struct feed *f = *state;
	uint8_t b[128] = { 3, 0, 0, sizeof SETUP - 1 + 4 };
	size_t n = sizeof SETUP - 1 + 4;

	memcpy(b + 4, SETUP, n - 4);
	feed_tcp(f, CALLER, b, 4);
	for (size_t i = 4; i < n; i += 7)
		feed_tcp(f, CALLER, b + i, n - i < 7 ? n - i : 7);
	assert_float_equal(bits_of(f), BITS_SIGNALLING, 0.01);
	assert_int_equal(f->signals, 1);
}

static void damaged_messages(void **state)
{
	static const char messages[][96] = { SETUP, CONNECT, FACILITY, OPEN, OPEN_ACK, CAPABILITIES };
	static const size_t sizes[] = { sizeof SETUP, sizeof CONNECT, sizeof FACILITY, sizeof OPEN, sizeof OPEN_ACK, sizeof CAPABILITIES };

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		uint8_t b[128] = { 3, 0, 0, (uint8_t)(sizes[i] - 1 + 4) };

		memcpy(b + 4, messages[i], sizes[i] - 1);
		feed_damaged(b, sizes[i] - 1 + 4, IPPROTO_TCP);
	}
}

#define test(name) cmocka_unit_test_setup_teardown(name, feed_setup, feed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(signalling_is_named), cmocka_unit_test(other_records_of_tpkt), test(a_call_from_set_up_to_end),
		test(control_belongs_to_its_call), cmocka_unit_test(messages_of_h245), test(in_pieces_and_the_header_alone), test(gatekeepers),
		cmocka_unit_test(damaged_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
