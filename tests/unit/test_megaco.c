/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "call_feed.h"

#define AGENT false
#define GATEWAY true

#define AUDIT "!/1 <iMSS>\r\nT=555282713{C=-{AV=DS/1/5{AT{M}}}}"
#define ADD_REPLY "!/1 [10.23.1.42]:2944 P = 7{ C = 191 {a=ds/4/24 ,a=RTP/1727 { m { l { \r\nv=0\r\n" \
	"c=IN IP4 192.0.2.9\r\nm=audio 16756 RTP/AVP 8 103\r\nv=0\r\nc=IN IP4 -\r\nm=image 0 UDPTL t38\r\n } } } }}"
#define MODIFY "!/1 <iMSS>\r\nT=8{C=191{MF=RTP/1727{M{O{MO=SR,RV=ON,RG=ON},L{v=0\r\nc=IN IP4 192.0.2.9\r\n" \
	"m=audio 16756 RTP/AVP 8\r\n},R{v=0\r\nc=IN IP4 198.51.100.7\r\nm=audio 15580 RTP/AVP 8 102\r\n}}}}}"
#define SUBTRACT "!/1 <iMSS>\r\nT=9{C=191{S=*{}}}"

static void short_and_long_forms(void **state)
{
	static const struct { const char *text; float bits; } t[] = {
		{ AUDIT, 24 }, { "MEGACO/1 [124.124.124.222]:55555\nTransaction = 9998 {\n\tContext = - {\n"
		    "\t\tServiceChange = ROOT {Services {\n\t\t\tMethod=Restart}}}}", 28 },
		{ "!/1 <a> T=1{C=-{AV=x{AT{M}}}", 20 }, /* a brace is missing */
		{ "!/1 name T=1{C=-{AV=x}}", 20 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		assert_float_equal(feed_bits_alone(t[i].text, strlen(t[i].text), IPPROTO_UDP, CLASS_SIGNALLING), t[i].bits, 0.01);
}

static void other_text_is_not_megaco(void **state)
{
	static const char *const other[] = {
		"!/1 <a>", "!/1", "!/x <a> T=1{}", "! /1 <a> T=1{}", "MEGACO 1 <a> T=1{}", "!/1 <a> T={}", "!/1 <a> {{{{",
		"M-SEARCH * HTTP/1.1\r\n\r\n", "MGCP", "!/1 <a> X=1{}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof other / sizeof *other; i++)
		assert_float_equal(feed_bits_alone(other[i], strlen(other[i]), IPPROTO_UDP, CLASS_SIGNALLING), 0, 0.01);
}

static void a_reply_confirms(void **state)
{
	struct feed *f = *state;

	feed_text(f, AGENT, AUDIT);
	feed_text(f, GATEWAY, "!/1 [10.23.1.42]:2944 P = 555282713{ C = - {av=ds/1/5 { er = 435 { \"No}such\" } } }}");
	assert_float_equal(feed_bits(f, GROUP_SIGNALLING, CLASS_SIGNALLING), 30, 0.01);
	assert_int_equal(feed_judge(f).app, APP_MEGACO);
	assert_int_equal(f->signals, 0); /* the null context is no call */
}

static void a_call_from_set_up_to_end(void **state)
{
	struct feed *f = *state;
	struct fact fact;

	feed_text(f, GATEWAY, ADD_REPLY);
	assert_int_equal(f->signal.phase, CALL_MEDIA);
	assert_int_equal(f->signals, 2);
	assert_int_equal(f->signal.media[0].port, 16756);
	feed_text(f, AGENT, MODIFY);
	assert_int_equal(f->signal.phase, CALL_ANSWERED);
	assert_true(feed_announced(f, "192.0.2.9", "198.51.100.7", 15580, &fact));
	assert_int_equal(fact.call, f->signal.call);
	assert_true(feed_announced(f, "198.51.100.7", "192.0.2.9", 16756, &fact));
	assert_true(feed_announced(f, "198.51.100.7", "192.0.2.9", 16757, &fact));
	feed_text(f, AGENT, SUBTRACT);
	assert_int_equal(f->signal.phase, CALL_ENDED);
}

/* Local and remote ends that one party alone claims are nobody's. */
static void one_party_announces_only_to_the_other(void **state)
{
	struct feed *f = *state;
	struct fact fact;

	feed_text(f, AGENT, MODIFY);
	assert_false(feed_announced(f, "198.51.100.7", "192.0.2.9", 16756, &fact));
	assert_true(feed_announced(f, "192.0.2.9", "198.51.100.7", 15580, &fact)); /* the gateway was told */
}

static void the_number_of_a_digit_map(void **state)
{
	struct feed *f = *state;
	struct fact fact;

	feed_text(f, GATEWAY, "!/1 [10.23.1.42]:2944 T=5{C=-{N=ds/1/5{OE=1{20081205T10120025:dd/ce{ds=\"112\",Meth=UM}}}}}");
	assert_string_equal(f->flow->watch->dialed, "112");
	feed_text(f, AGENT, MODIFY);
	assert_true(feed_announced(f, "192.0.2.9", "198.51.100.7", 15580, &fact));
	assert_string_equal(fact.dialed, "112");
	feed_text(f, AGENT, SUBTRACT);
	assert_string_equal(f->flow->watch->dialed, "");
}

static void records_of_tpkt(void **state)
{
	struct feed *f = *state;
	uint8_t record[512] = { 3, 0, 0, 0 };
	size_t n = strlen(AUDIT) + 4;

	memcpy(record + 4, AUDIT, n - 4);
	record[3] = (uint8_t)n;
	feed_tcp(f, AGENT, record, 20);
	feed_tcp(f, AGENT, record + 20, n - 20);
	assert_float_equal(feed_bits(f, GROUP_SIGNALLING, CLASS_SIGNALLING), 24, 0.01);
}

static void braces_without_end(void **state)
{
	char deep[1400];

	(void)state;
	memset(deep, '{', sizeof deep);
	memcpy(deep, "!/1 <a> T=1", 11);
	assert_float_equal(feed_bits_alone(deep, sizeof deep, IPPROTO_UDP, CLASS_SIGNALLING), 20, 0.01);
}

static void damaged_messages(void **state)
{
	(void)state;
	feed_damaged(MODIFY, strlen(MODIFY), IPPROTO_UDP);
	feed_damaged(ADD_REPLY, strlen(ADD_REPLY), IPPROTO_UDP);
}

#define test(name) cmocka_unit_test_setup_teardown(name, feed_setup, feed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_and_long_forms), cmocka_unit_test(other_text_is_not_megaco), test(a_reply_confirms),
		test(a_call_from_set_up_to_end), test(one_party_announces_only_to_the_other), test(the_number_of_a_digit_map),
		test(records_of_tpkt), cmocka_unit_test(braces_without_end), cmocka_unit_test(damaged_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
