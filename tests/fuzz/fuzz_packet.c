/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * packet_decode on any bytes. The first byte chooses the link type; then come
 * frames, each led by four bytes: length (2), bytes cut off by the capture, and
 * seconds since the frame before. Several frames reach the reassembly.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "base/hash.h"
#include "packet/packet.h"

#define BUDGET (64 * 1024) /* small, so that its bounds are reached */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint16_t links[] = {
	0, 1, 9, 11, 12, 50, 51, 104, 108, 113, 204, 205, 219, 228, 276, 147,
};

/* Whatever was decoded must lie inside what was given. */
static void packet_check(const struct packet *pkt)
{
	volatile uint8_t sum = 0;

	for (uint32_t i = 0; i < pkt->payload_len; i++)
		sum += pkt->payload[i];
	(void)sum;
	assert(pkt->payload_len <= pkt->payload_wire);
	assert((pkt->payload_len < pkt->payload_wire) == ((pkt->flags & PACKET_SHORT) != 0));
	assert(pkt->n_tunnel <= TUNNEL_MAX && pkt->n_vlan <= VLAN_MAX);
	assert((pkt->n_tunnel == 0) == (pkt->tunnel_hash == 0));
	assert(pkt->ip_v == 4 || pkt->ip_v == 6);
	for (int i = 0; i < pkt->n_tunnel; i++)
		assert(tunnel_name(pkt->tunnel[i].kind) != NULL);
}

/* An exact copy, so that a read past the end is found. */
static void frame_decode(struct frame *f, const uint8_t *bytes, struct frags *frags,
    struct counts *counts)
{
	uint8_t *copy = malloc(f->caplen > 0 ? f->caplen : 1);
	struct packet pkt;

	if (copy == NULL)
		return;
	if (f->caplen > 0)
		memcpy(copy, bytes, f->caplen);
	f->data = copy;
	if (packet_decode(f, frags, counts, &pkt) == DECODE_OK)
		packet_check(&pkt);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor c = cur_open(data, size);
	uint8_t choice = cur_u8(&c);
	struct frags *frags = choice & 0x80 ? NULL : frags_new(BUDGET);
	struct frame f = { .link = links[choice % (sizeof links / sizeof *links)] };
	struct counts counts = { 0 };

	hash_key = 1; /* the same input, the same run */
	while (cur_left(&c) > 0) {
		uint16_t len = cur_u16(&c);
		uint8_t cut = cur_u8(&c);

		f.mono_ns += cur_u8(&c) * NS_PER_S;
		f.caplen = (uint32_t)(len < cur_left(&c) ? len : cur_left(&c));
		f.len = f.caplen + cut;
		f.number++;
		frame_decode(&f, cur_take(&c, f.caplen), frags, &counts);
		if (frags != NULL)
			frags_expire(frags, f.mono_ns, &counts);
	}
	frags_free(frags);
	return 0;
}
