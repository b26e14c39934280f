/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <netinet/in.h>

#include "base/clock.h"
#include "base/hash.h"
#include "flow/flow.h"

#define SYN 0x02
#define FIN 0x01
#define RST 0x04
#define ACK 0x10

/* A table, and what it said of the flows that ended. */
struct fixture {
	struct flow_table *table;
	struct counts counts;
	struct frame frame;
	unsigned ends[FLOW_ENDS];
	uint64_t last_end_ns, last_id;
};

static void on_end(void *arg, struct flow *f, enum flow_end why, uint64_t at_ns)
{
	struct fixture *x = arg;

	x->ends[why]++;
	x->last_end_ns = at_ns;
	x->last_id = f->id;
}

static struct fixture *fixture_new(uint32_t max)
{
	struct fixture *x = calloc(1, sizeof *x);

	hash_init();
	x->table = flow_table_new(max, on_end, x);
	x->frame.mono_ns = 1000 * NS_PER_S;
	return x;
}

static void fixture_free(struct fixture *x)
{
	flow_table_free(x->table);
	free(x);
}

struct hop { uint32_t from, to; uint16_t from_port, to_port; uint8_t proto, tcp_flags; uint32_t payload; };

static struct flow *send_packet(struct fixture *x, struct hop h, int *dir)
{
	struct packet p = { .frame = &x->frame, .ip_v = 4, .proto = h.proto, .tcp_flags = h.tcp_flags,
		.port = { h.from_port, h.to_port }, .ip_len = h.payload + 28,
		.payload_len = h.payload, .payload_wire = h.payload };
	uint32_t from = htonl(h.from), to = htonl(h.to);
	int ignored;

	addr_from_v4(&p.ip[0], (uint8_t *)&from);
	addr_from_v4(&p.ip[1], (uint8_t *)&to);
	flow_table_advance(x->table, x->frame.mono_ns);
	x->frame.number++;
	return flow_table_packet(x->table, &p, &x->counts, dir == NULL ? &ignored : dir);
}

static struct hop udp(uint32_t from, uint32_t to)
{
	return (struct hop){ from, to, 4000, 5000, IPPROTO_UDP, 0, 100 };
}

static struct hop back(struct hop h)
{
	return (struct hop){ h.to, h.from, h.to_port, h.from_port, h.proto, h.tcp_flags, h.payload };
}

static void both_directions_are_one_flow(void **state)
{
	struct fixture *x = fixture_new(16);
	struct hop h = udp(0x0a000009, 0x0a000001); /* the initiator has the higher address */
	int dir, reverse;
	struct flow *f = send_packet(x, h, &dir);

	assert_ptr_equal(send_packet(x, back(h), &reverse), f);
	assert_int_equal(dir, 1);
	assert_int_equal(reverse, 0);
	assert_int_equal(flow_initiator(f), 1);
	assert_int_equal(f->dir[1].packets, 1);
	assert_int_equal(f->dir[0].packets, 1);
	assert_int_equal(f->dir[0].bytes, 128);
	assert_int_equal(flow_table_count(x->table), 1);
	fixture_free(x);
	(void)state;
}

static void vlan_and_tunnel_keep_flows_apart(void **state)
{
	struct fixture *x = fixture_new(16);
	struct packet p = { .frame = &x->frame, .ip_v = 4, .proto = IPPROTO_UDP, .port = { 1, 2 } };
	struct packet tagged = p, tunnelled = p;
	int dir;

	tagged.n_vlan = 1;
	tagged.vlan[0] = 7;
	tunnelled.n_tunnel = 1;
	tunnelled.tunnel_hash = 99;
	tunnelled.tunnel[0] = (struct tunnel){ .kind = TUNNEL_GRE, .id = 5 };
	flow_table_packet(x->table, &p, &x->counts, &dir);
	flow_table_packet(x->table, &tagged, &x->counts, &dir);
	struct flow *f = flow_table_packet(x->table, &tunnelled, &x->counts, &dir);
	struct tunnel path[TUNNEL_MAX];

	assert_int_equal(flow_table_count(x->table), 3);
	assert_int_equal(flow_tunnels(x->table, f, path), 1);
	assert_int_equal(path[0].id, 5);
	fixture_free(x);
	(void)state;
}

static void initiator_of_tcp(void **state)
{
	static const struct { uint8_t flags; int by; } cases[] = { { SYN, 0 }, { SYN | ACK, 1 }, { ACK, -1 } };

	for (unsigned i = 0; i < 3; i++) {
		struct fixture *x = fixture_new(16);
		struct hop h = { 0x0a000001, 0x0a000002, 4000, 80, IPPROTO_TCP, cases[i].flags, 0 };

		assert_int_equal(flow_initiator(send_packet(x, h, NULL)), cases[i].by);
		fixture_free(x);
	}
	(void)state;
}

static void silence_ends_a_flow_at_its_deadline(void **state)
{
	struct fixture *x = fixture_new(16);
	struct hop h = udp(0x0a000001, 0x0a000002);
	uint64_t begun = x->frame.mono_ns;

	send_packet(x, h, NULL);
	send_packet(x, back(h), NULL); /* an answered UDP flow lives 180 s */
	flow_table_advance(x->table, begun + 179 * NS_PER_S);
	assert_int_equal(flow_table_count(x->table), 1);
	flow_table_advance(x->table, begun + 3600 * NS_PER_S); /* one long step ends it at the same moment */
	assert_int_equal(x->ends[FLOW_END_TIMEOUT], 1);
	assert_int_equal(x->last_end_ns, begun + 180 * NS_PER_S);
	fixture_free(x);
	(void)state;
}

static void a_packet_puts_the_deadline_off(void **state)
{
	struct fixture *x = fixture_new(16);
	struct hop h = udp(0x0a000001, 0x0a000002);

	for (unsigned i = 0; i < 20; i++) {
		send_packet(x, h, NULL);
		x->frame.mono_ns += 50 * NS_PER_S;
	}
	assert_int_equal(x->ends[FLOW_END_TIMEOUT], 0);
	assert_int_equal(x->counts.n[COUNT_FLOWS], 1);
	fixture_free(x);
	(void)state;
}

static void closed_tcp_goes_soon_and_its_ports_are_reused(void **state)
{
	struct fixture *x = fixture_new(16);
	struct hop h = { 0x0a000001, 0x0a000002, 4000, 80, IPPROTO_TCP, SYN, 0 };
	uint64_t first_id = send_packet(x, h, NULL)->id;

	h.tcp_flags = FIN | ACK;
	send_packet(x, h, NULL);
	send_packet(x, back(h), NULL);
	h.tcp_flags = SYN;
	assert_int_not_equal(send_packet(x, h, NULL)->id, first_id);
	assert_int_equal(x->ends[FLOW_END_REUSED], 1);
	h.tcp_flags = RST;
	send_packet(x, h, NULL);
	flow_table_advance(x->table, x->frame.mono_ns + 11 * NS_PER_S);
	assert_int_equal(x->ends[FLOW_END_TCP], 1);
	fixture_free(x);
	(void)state;
}

static void a_full_table_lets_the_least_worth_go(void **state)
{
	struct fixture *x = fixture_new(4);
	struct flow *call = send_packet(x, udp(1, 100), NULL);
	struct flow *watched = send_packet(x, udp(2, 100), NULL);
	uint64_t one_id, cleared_id, watched_id = watched->id, call_id = call->id;

	flow_set_worth(x->table, call, WORTH_CALL);
	flow_set_worth(x->table, watched, WORTH_WATCHED);
	cleared_id = send_packet(x, udp(3, 100), NULL)->id;
	send_packet(x, udp(3, 100), NULL);
	one_id = send_packet(x, udp(4, 100), NULL)->id;
	x->frame.mono_ns += 30 * NS_PER_S;

	assert_non_null(send_packet(x, udp(5, 100), NULL));
	assert_int_equal(x->last_id, one_id);
	struct flow *newcomer = send_packet(x, udp(5, 100), NULL);

	flow_set_worth(x->table, newcomer, WORTH_CALL);
	struct flow *sixth = send_packet(x, udp(6, 100), NULL);

	assert_int_equal(x->last_id, cleared_id);
	flow_set_worth(x->table, sixth, WORTH_CALL);
	struct flow *seventh = send_packet(x, udp(7, 100), NULL);

	assert_int_equal(x->last_id, watched_id);
	flow_set_worth(x->table, seventh, WORTH_CALL);
	assert_int_equal(send_packet(x, udp(1, 100), NULL)->id, call_id); /* still there, and heard again */
	assert_null(send_packet(x, udp(8, 100), NULL)); /* calls going on are not ended for a newcomer */
	assert_int_equal(x->counts.n[COUNT_FLOWS_REFUSED], 1);
	assert_int_equal(x->counts.n[COUNT_FLOWS_EVICTED], 3);
	x->frame.mono_ns += 30 * NS_PER_S; /* but silent ones are, last of all */
	assert_non_null(send_packet(x, udp(8, 100), NULL));
	assert_int_equal(x->counts.n[COUNT_FLOWS_EVICTED], 4);
	fixture_free(x);
	(void)state;
}

/* A table full of flows of two packets: a call's first packet is not let go for the next stranger. */
static void a_full_table_lets_newcomers_live(void **state)
{
	struct fixture *x = fixture_new(100);
	uint64_t newcomer_id;

	for (uint16_t port = 1; port <= 100; port++) {
		send_packet(x, udp(port, 100), NULL);
		send_packet(x, udp(port, 100), NULL);
	}
	x->frame.mono_ns += 10 * NS_PER_S;
	newcomer_id = send_packet(x, udp(200, 100), NULL)->id;
	for (uint16_t port = 201; port <= 250; port++)
		send_packet(x, udp(port, 100), NULL);
	assert_int_equal(send_packet(x, udp(200, 100), NULL)->id, newcomer_id);
	assert_int_equal(x->counts.n[COUNT_FLOWS_EVICTED], 51);
	fixture_free(x);
	(void)state;
}

static void a_flood_of_one_packet_flows_stays_inside_the_cap(void **state)
{
	struct fixture *x = fixture_new(1000);
	struct hop call = udp(0x0a000001, 0xc0000209);

	flow_set_worth(x->table, send_packet(x, call, NULL), WORTH_CALL);
	for (uint32_t i = 0; i < 100000; i++) {
		x->frame.mono_ns += 10 * NS_PER_US;
		assert_non_null(send_packet(x, udp(0x0b000000 + i, 0xc0000201), NULL));
	}
	assert_int_equal(flow_table_count(x->table), 1000);
	send_packet(x, call, NULL);
	assert_int_equal(x->counts.n[COUNT_FLOWS], 100001); /* the call was still there */
	fixture_free(x);
	(void)state;
}

static void many_flows_come_and_go(void **state)
{
	struct fixture *x = fixture_new(5000);
	unsigned ended = 0;

	srand(7);
	for (uint32_t i = 0; i < 200000; i++) {
		struct hop h = udp((uint32_t)rand() % 3000, 100000);

		x->frame.mono_ns += (uint64_t)(rand() % 100) * NS_PER_MS;
		assert_non_null(send_packet(x, h, NULL));
	}
	flow_table_flush(x->table, FLOW_END_SHUTDOWN);
	for (unsigned i = 0; i < FLOW_ENDS; i++)
		ended += x->ends[i];
	assert_int_equal(ended, x->counts.n[COUNT_FLOWS]); /* each ended once, none was lost */
	assert_true(x->ends[FLOW_END_TIMEOUT] > 1000);
	assert_int_equal(flow_table_count(x->table), 0);
	fixture_free(x);
	(void)state;
}

static void windows_hold_this_second_and_the_last(void **state)
{
	struct fixture *x = fixture_new(16);
	struct hop h = udp(0x0a000001, 0x0a000002);
	struct flow *f = NULL;

	for (unsigned i = 0; i < 75; i++) { /* 50 packets a second */
		f = send_packet(x, h, NULL);
		x->frame.mono_ns += 20 * NS_PER_MS;
	}
	assert_int_equal(f->dir[0].window_packets[1], 50);
	assert_int_equal(f->dir[0].window_bytes[1], 5000);
	assert_int_equal(f->dir[0].window_packets[0], 25);
	x->frame.mono_ns += 10 * NS_PER_S;
	f = send_packet(x, h, NULL);
	assert_int_equal(f->dir[0].window_packets[1], 0);
	assert_int_equal(f->dir[0].window_packets[0], 1);
	fixture_free(x);
	(void)state;
}

/* `squelch explain --flow` finds a flow of another run by it. */
static void flows_are_numbered_the_same_in_every_table(void **state)
{
	struct fixture *x = fixture_new(16), *y = fixture_new(16);
	uint64_t id[2][3];

	(void)state;
	for (uint16_t i = 0; i < 3; i++) {
		const struct hop h = { 0x0a000001, 0xc0000201, (uint16_t)(1000 + i), 53, IPPROTO_UDP, 0, 10 };

		id[0][i] = send_packet(x, h, NULL)->id;
		id[1][i] = send_packet(y, h, NULL)->id;
		assert_int_equal(flow_ordinal(id[0][i]), i + 1);
		assert_int_equal(flow_ordinal(id[1][i]), i + 1);
		assert_true(id[0][i] != id[1][i]);
		assert_true(id[0][i] >> 53 == 0);
	}
	fixture_free(x);
	fixture_free(y);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_directions_are_one_flow),
		cmocka_unit_test(vlan_and_tunnel_keep_flows_apart),
		cmocka_unit_test(initiator_of_tcp),
		cmocka_unit_test(silence_ends_a_flow_at_its_deadline),
		cmocka_unit_test(a_packet_puts_the_deadline_off),
		cmocka_unit_test(closed_tcp_goes_soon_and_its_ports_are_reused),
		cmocka_unit_test(a_full_table_lets_the_least_worth_go),
		cmocka_unit_test(a_full_table_lets_newcomers_live),
		cmocka_unit_test(a_flood_of_one_packet_flows_stays_inside_the_cap),
		cmocka_unit_test(many_flows_come_and_go),
		cmocka_unit_test(windows_hold_this_second_and_the_last),
		cmocka_unit_test(flows_are_numbered_the_same_in_every_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
