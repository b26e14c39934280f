/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <netinet/in.h>

#include "look_bench.h"

enum { UP, DOWN };

static void udp(struct bench *b, int dir, const void *data, size_t len)
{
	struct look l = bench_look(b, dir, data, len, tunnel_look, NULL);

	b->pkt.port[0] = b->flow.key.port[dir];
	b->pkt.port[1] = b->flow.key.port[!dir];
	if (b->flow.alive & row_bit(l.row) && tunnel_look(&l) == LOOK_NO)
		b->flow.alive &= ~row_bit(l.row);
}

static void tcp(struct bench *b, int dir, const void *data, size_t len)
{
	struct look l = bench_look(b, dir, data, len, tunnel_look, NULL);

	if (b->flow.alive & row_bit(l.row) && tunnel_segment(&l) == LOOK_NO)
		b->flow.alive &= ~row_bit(l.row);
}

static bool marked(const struct bench *b)
{
	return b->flow.flags & FLOW_TUNNEL;
}

static enum app named(const struct bench *b)
{
	const struct evidence *e = bench_evidence(b);

	return e == NULL ? APP_NONE : (enum app)e->app;
}

/* A control packet: opcode, session id, and what `tail` says. */
static size_t control(uint8_t *p, uint8_t opcode, uint8_t session, const uint8_t *tail, size_t n)
{
	p[0] = (uint8_t)(opcode << 3);
	memset(p + 1, session, 8);
	memset(p + 9, 0, 5);
	if (n != 0)
		memcpy(p + 14, tail, n);
	return 14 + n;
}

static void openvpn_repeats_the_session(void **state)
{
	uint8_t p[64], theirs[8];
	struct bench b;

	(void)state;
	bench_open(&b, IPPROTO_UDP, 40000, 1194);
	memset(theirs, 0xaa, sizeof theirs);
	udp(&b, UP, p, control(p, 7, 0xaa, NULL, 0));
	assert_false(marked(&b));
	udp(&b, DOWN, p, control(p, 8, 0xbb, theirs, 8));
	assert_true(marked(&b));
	assert_int_equal(named(&b), APP_TUNNEL_OPENVPN);
	bench_close(&b);
}

static void openvpn_answer_to_another_session(void **state)
{
	uint8_t p[64], theirs[8];
	struct bench b;

	(void)state;
	bench_open(&b, IPPROTO_UDP, 40000, 1194);
	memset(theirs, 0xac, sizeof theirs);
	udp(&b, UP, p, control(p, 7, 0xaa, NULL, 0));
	udp(&b, DOWN, p, control(p, 8, 0xbb, theirs, 8));
	assert_false(marked(&b));
	bench_close(&b);
}

/* tls-crypt hides what is acknowledged: two kinds of packet under one id, at both ends. */
static void openvpn_hidden_acknowledgement(void **state)
{
	uint8_t p[64];
	struct bench b;

	(void)state;
	bench_open(&b, IPPROTO_UDP, 40000, 1194);
	udp(&b, UP, p, control(p, 7, 0xaa, NULL, 0));
	udp(&b, DOWN, p, control(p, 8, 0xbb, NULL, 0));
	udp(&b, UP, p, control(p, 5, 0xaa, NULL, 0));
	assert_false(marked(&b));
	udp(&b, DOWN, p, control(p, 4, 0xbb, NULL, 0));
	assert_true(marked(&b));
	bench_close(&b);
}

static unsigned packets_until_marked(const uint8_t *head, size_t n, size_t counter_at, bool little, unsigned step, size_t len, uint16_t port)
{
	uint8_t p[200] = { 0 };
	struct bench b;
	unsigned i;

	memcpy(p, head, n);
	bench_open(&b, IPPROTO_UDP, port, port);
	for (i = 1; i <= 20; i++) {
		for (unsigned k = 0; k < 4; k++)
			p[counter_at + k] = (uint8_t)((1000 + i * step) >> 8 * (little ? k : 3 - k));
		udp(&b, UP, p, len);
		if (marked(&b))
			break;
	}
	bench_close(&b);
	return i;
}

static void joined_in_the_middle(void **state)
{
	static const uint8_t openvpn[] = { 0x48, 0, 0, 7 }, wireguard[] = { 4, 0, 0, 0, 1, 2, 3, 4 }, esp[] = { 9, 8, 7, 6 };

	(void)state;
	assert_int_equal(packets_until_marked(openvpn, 4, 4, false, 1, 101, 1194), 7);
	assert_int_equal(packets_until_marked(wireguard, 8, 8, true, 1, 160, 1194), 7);
	assert_int_equal(packets_until_marked(esp, 4, 4, false, 1, 120, 4500), 7);
	/* A counter that jumps, lengths that the protocol does not have. */
	assert_int_equal(packets_until_marked(openvpn, 4, 4, false, 2, 101, 1194), 21);
	assert_int_equal(packets_until_marked(wireguard, 8, 8, true, 1, 161, 1194), 21);
	assert_int_equal(packets_until_marked(esp, 4, 4, false, 1, 121, 4500), 21);
}

/* RTP in ChannelData of one length: a constant, and a sequence number that counts up. */
static void rtp_in_a_turn_channel(void **state)
{
	uint8_t p[40] = { 0x48, 0x01, 0, 36, 0x80, 0, 0, 0 };
	struct bench b;

	(void)state;
	bench_open(&b, IPPROTO_UDP, 40000, 3478);
	for (uint8_t i = 0; i < 30; i++) {
		p[7] = i;
		udp(&b, UP, p, sizeof p);
	}
	assert_false(marked(&b));
	bench_close(&b);
}

static bool greets(const void *data, size_t len)
{
	struct bench b;
	bool yes;

	bench_open(&b, IPPROTO_TCP, 40000, 443);
	tcp(&b, UP, data, len);
	yes = marked(&b);
	bench_close(&b);
	return yes;
}

static void greetings(void **state)
{
	static const uint8_t socks[] = { 5, 2, 0, 2 }, not_socks[] = { 5, 2, 0, 2, 9 }, methods[] = { 5, 1, 77 };

	(void)state;
	assert_true(greets("SSH-2.0-OpenSSH_9.2\r\n", 21));
	assert_true(greets("CONNECT example.net:443 HTTP/1.1\r\n\r\n", 36));
	assert_true(greets(socks, sizeof socks));
	assert_false(greets(not_socks, sizeof not_socks));
	assert_false(greets(methods, sizeof methods));
	assert_false(greets("GET / HTTP/1.1\r\n\r\n", 18));
}

static void openvpn_over_tcp(void **state)
{
	uint8_t p[64] = { 0 }, theirs[8];
	struct bench b;
	size_t n;

	(void)state;
	bench_open(&b, IPPROTO_TCP, 40000, 443);
	memset(theirs, 0xaa, sizeof theirs);
	n = control(p + 2, 7, 0xaa, NULL, 0);
	p[1] = (uint8_t)n;
	tcp(&b, UP, p, n + 2);
	n = control(p + 2, 8, 0xbb, theirs, 8);
	p[1] = (uint8_t)n;
	tcp(&b, DOWN, p, n + 2);
	assert_true(marked(&b));
	assert_int_equal(named(&b), APP_TUNNEL_OPENVPN);
	bench_close(&b);
}

static void esp_is_shown_too(void **state)
{
	uint8_t p[100] = { 1, 2, 3, 4 };
	struct bench b;

	(void)state;
	bench_open(&b, IPPROTO_ESP, 0, 0);
	b.flow.dir[0].payloads = 1;
	b.pkt.payload = p;
	b.pkt.payload_len = b.pkt.payload_wire = sizeof p;
	detect_packet(&b.env, &b.flow, 0, &b.pkt);
	assert_true(marked(&b));
	assert_int_equal(named(&b), APP_TUNNEL_IPSEC);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(openvpn_repeats_the_session),
		cmocka_unit_test(openvpn_answer_to_another_session),
		cmocka_unit_test(openvpn_hidden_acknowledgement),
		cmocka_unit_test(joined_in_the_middle),
		cmocka_unit_test(rtp_in_a_turn_channel),
		cmocka_unit_test(greetings),
		cmocka_unit_test(openvpn_over_tcp),
		cmocka_unit_test(esp_is_shown_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
