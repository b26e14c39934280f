/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Roles inside Skype, from the sizes and times of packets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/hash.h"
#include "detect/skype_role.h"

struct world {
	struct roles *roles;
	struct counts counts;
	struct skype_where host;
	uint64_t now;
	uint64_t noise;
	struct role_news news;    /* the last ones */
	unsigned told, exceeded;
};

static struct addr peer(unsigned i)
{
	const uint8_t b[4] = { 198, 51, (uint8_t)(i >> 8), (uint8_t)i };
	struct addr a;

	addr_from_v4(&a, b);
	return a;
}

static int setup(void **state)
{
	static const uint8_t ip[4] = { 10, 0, 0, 5 };
	struct world *w = calloc(1, sizeof *w);

	hash_init();
	w->roles = roles_new(16);
	addr_from_v4(&w->host.ip, ip);
	w->now = NS_PER_S;
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	roles_free(w->roles);
	free(w);
	return 0;
}

static void packet(struct world *w, unsigned from, bool out, bool inbound, uint16_t port, uint32_t bytes)
{
	const struct role_packet p = { .host = w->host, .peer = peer(from), .port = port, .out = out, .inbound = inbound,
		.bytes = bytes, .now = w->now };
	struct role_news news;

	if (!roles_packet(w->roles, &p, &news, &w->counts))
		return;
	w->news = news;
	w->told++;
	w->exceeded += news.exceeded;
}

static enum role role(struct world *w)
{
	return roles_of(w->roles, &w->host, w->now);
}

static uint32_t noise(struct world *w, uint32_t below)
{
	w->noise = w->noise * 6364136223846793005u + 1442695040888963407u; /* Knuth, MMIX */
	return (uint32_t)(w->noise >> 33) % below;
}

/* --- super nodes --- */

/* Strangers come and say little; the twentieth makes it a super node. */
static void strangers_make_a_supernode(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < ROLE_SUPERNODE_PEERS; i++) {
		assert_int_equal(role(w), ROLE_CLIENT);
		w->now += 2 * NS_PER_S;
		packet(w, i, false, true, 35990, 30);
		packet(w, i, true, true, 35990, 120);
	}
	assert_int_equal(role(w), ROLE_SUPERNODE);
	assert_int_equal(w->told, 1);
	assert_int_equal(w->news.became, ROLE_SUPERNODE);
	assert_int_equal(w->news.peers, ROLE_SUPERNODE_PEERS);
}

/* A client asks as many, and is asked on more than one port, by the same few, or over hours. */
static void clients_stay_clients(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < 200; i++) {
		w->now += NS_PER_S / 2;
		packet(w, i, true, false, 35990, 30);
		packet(w, i, false, false, 35990, 120);
		packet(w, i % 5, false, true, 35990, 40);
		packet(w, 300 + i % 30, false, true, (uint16_t)(1000 + i % 30 / 10), 40);
	}
	for (unsigned i = 0; i < 100; i++) {
		w->now += 60 * NS_PER_S;
		packet(w, 1000 + i, false, true, 35990, 40);
	}
	assert_int_equal(role(w), ROLE_CLIENT);
	assert_int_equal(w->told, 0);
}

/* Whoever takes files from many is no super node: that is more than signalling. */
static void bulk_is_no_signalling(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < 40; i++)
		for (unsigned k = 0; k < 80; k++) {
			w->now += 10 * NS_PER_MS;
			packet(w, i, false, true, 35990, 1340);
		}
	assert_int_equal(role(w), ROLE_CLIENT);
}

static void supernode_over_its_cap(void **state)
{
	struct world *w = *state;
	struct role_rates rates;

	for (unsigned s = 0; s < 200; s++)
		for (unsigned i = 0; i < 30; i++) {
			w->now += NS_PER_S / 30;
			packet(w, i, true, true, 35990, 200);
		}
	assert_int_equal(w->exceeded, 1);
	assert_int_equal(w->news.cap, CAP_SUPERNODE);
	assert_in_range((int)w->news.bytes_s, 5700, 6100);
	assert_int_equal(roles_summary(w->roles, &w->host, &rates), ROLE_SUPERNODE);
	assert_in_range((int)rates.bytes_s[CAP_SUPERNODE], 5700, 6100);
}

static void roles_end(void **state)
{
	struct world *w = *state;

	strangers_make_a_supernode(state);
	w->now += 601 * NS_PER_S;
	assert_int_equal(role(w), ROLE_CLIENT);
	packet(w, 0, true, false, 35990, 30);
	assert_int_equal(w->news.became, ROLE_CLIENT);
	assert_int_equal(roles_summary(w->roles, &w->host, NULL), ROLE_SUPERNODE);
}

/* --- relays --- */

/*
 * Packets of varying size from peer 1 every 30 ms; what the host does with each
 * is the test's. `back`: the other way too.
 */
static bool crowd;               /* twenty others ask once a second */

static void forward(struct world *w, unsigned seconds, uint32_t size, bool back, unsigned lose)
{
	uint32_t pending[2][3] = { { 0 } }; /* sent on 90 ms later */

	for (unsigned i = 0; i < seconds * 33; i++) {
		uint32_t bytes[2] = { size / 2 + noise(w, size), size / 2 + noise(w, size) };

		w->now += 30 * NS_PER_MS;
		for (unsigned k = 0; crowd && i % 33 == 0 && k < 20; k++)
			packet(w, 100 + i / 33 % 3 * 20 + k, false, true, 35990, 40);
		for (unsigned way = 0; way < (back ? 2u : 1u); way++) {
			packet(w, 1 + way, false, false, 35990, bytes[way]);
			if (pending[way][i % 3] != 0 && (lose == 0 || noise(w, 100) >= lose))
				packet(w, 2 - way, true, false, 35990, pending[way][i % 3] + 4);
			pending[way][i % 3] = bytes[way];
		}
	}
}

static void relays_a_file(void **state)
{
	struct world *w = *state;

	forward(w, 40, 60, false, 0);
	assert_int_equal(role(w), ROLE_RELAY);
	assert_int_equal(w->news.became, ROLE_RELAY);
	assert_int_equal(w->news.cap, CAP_RELAY_FILE);
	assert_int_equal(w->exceeded, 0);
	assert_in_range((int)w->news.bytes_s, 1700, 2500);
	assert_true(addr_equal(&w->news.from, &(struct addr[]){ peer(1) }[0]));
	assert_true(addr_equal(&w->news.to, &(struct addr[]){ peer(2) }[0]));
}

static void relays_a_call_with_loss(void **state)
{
	struct world *w = *state;

	forward(w, 60, 80, true, 3);
	assert_int_equal(role(w), ROLE_RELAY);
	assert_int_equal(w->news.cap, CAP_RELAY_VOICE);
	assert_int_equal(w->exceeded, 0);
}

static void relay_over_its_cap(void **state)
{
	struct world *w = *state;
	struct role_rates rates;

	forward(w, 60, 200, false, 0);
	assert_int_equal(w->exceeded, 1);
	assert_int_equal(w->news.cap, CAP_RELAY_FILE);
	roles_summary(w->roles, &w->host, &rates);
	assert_in_range((int)rates.bytes_s[CAP_RELAY_FILE], 5500, 7500);
}

/* A conference: the host talks with several, each stream its own, with sizes of its own or all the same. */
static void conferences_are_no_relays(void **state)
{
	struct world *w = *state;

	for (unsigned kind = 0; kind < 2; kind++)
		for (unsigned i = 0; i < 120 * 33; i++) {
			w->now += 30 * NS_PER_MS;
			for (unsigned p = 1; p <= 3; p++) {
				packet(w, p, false, false, 35990, kind == 0 ? 120 : 80 + noise(w, 80));
				packet(w, p, true, false, 35990, kind == 0 ? 120 : 80 + noise(w, 80));
			}
		}
	assert_int_equal(role(w), ROLE_CLIENT);
	assert_int_equal(w->told, 0);
}

/* Its own line stops for a while: all streams stop and go on together. */
static void common_pauses_are_no_relay(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < 200 * 33; i++) {
		w->now += 30 * NS_PER_MS;
		if (i / 100 % 3 == 2)
			continue;
		for (unsigned p = 1; p <= 2; p++) {
			packet(w, p, false, false, 35990, 80 + noise(w, 80));
			packet(w, p, true, false, 35990, 80 + noise(w, 80));
		}
	}
	assert_int_equal(role(w), ROLE_CLIENT);
}

/* Among many who ask little, the two who are relayed are still seen. */
static void a_relay_among_many(void **state)
{
	struct world *w = *state;

	crowd = true;
	forward(w, 60, 80, true, 0);
	crowd = false;
	assert_int_equal(role(w), ROLE_RELAY);
}

static void hosts_are_bounded(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < 100; i++) {
		w->host.ip.b[15] = (uint8_t)i;
		packet(w, 1, true, false, 35990, 100);
	}
	assert_int_equal(w->counts.n[COUNT_SKYPE_EVICTED], 100 - 16);
	roles_clear(w->roles);
	assert_int_equal(role(w), ROLE_CLIENT);
}

static void caps(void **state)
{
	static const struct { const char *name; uint32_t bytes_s; } want[ROLE_CAPS] = {
		{ "supernode", 5000 }, { "relay-file", 3000 }, { "relay-voice", 4000 }, { "relay-video", 10000 },
	};

	(void)state;
	for (unsigned i = 0; i < ROLE_CAPS; i++) {
		assert_string_equal(role_caps[i].name, want[i].name);
		assert_int_equal(role_caps[i].bytes_s, want[i].bytes_s);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(strangers_make_a_supernode), T(clients_stay_clients), T(bulk_is_no_signalling), T(supernode_over_its_cap),
		T(roles_end), T(relays_a_file), T(relays_a_call_with_loss), T(relay_over_its_cap),
		T(conferences_are_no_relays), T(common_pauses_are_no_relay), T(a_relay_among_many), T(hosts_are_bounded), T(caps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
