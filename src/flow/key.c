/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/key.h"

#include <endian.h>
#include <string.h>

/* Half of an address as a number that orders as its bytes do. */
static uint64_t addr_half(const struct addr *a, unsigned half)
{
	uint64_t n;

	memcpy(&n, a->b + 8 * half, sizeof n);
	return be64toh(n);
}

/* True when the source is the numerically higher end. */
static bool from_higher(const struct packet *pkt)
{
	for (unsigned half = 0; half < 2; half++) {
		uint64_t a = addr_half(&pkt->ip[0], half), b = addr_half(&pkt->ip[1], half);

		if (a != b)
			return a > b;
	}
	return pkt->port[0] > pkt->port[1];
}

int flow_key_of(const struct packet *pkt, struct flow_key *key)
{
	int dir = from_higher(pkt);

	key->ip[dir] = pkt->ip[0];
	key->ip[!dir] = pkt->ip[1];
	key->port[dir] = pkt->port[0];
	key->port[!dir] = pkt->port[1];
	key->proto = pkt->proto;
	key->ip_v = pkt->ip_v;
	key->zero = 0;
	key->vlan = 0;
	if (pkt->n_vlan != 0)
		key->vlan = (uint32_t)pkt->vlan[0] << 16 | (pkt->n_vlan > 1 ? pkt->vlan[1] : 0);
	key->tunnel = pkt->tunnel_hash;
	return dir;
}
