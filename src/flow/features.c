/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is counted of every packet of a flow. */
#include "base/clock.h"
#include "flow/table.h"

static void window_add(struct flow *f, int dir, uint32_t second, uint32_t bytes)
{
	struct flow_dir *d = &f->dir[dir];

	if (second != f->window) {
		bool next = second == f->window + 1;

		for (unsigned i = 0; i < 2; i++) {
			f->dir[i].window_packets[1] = next ? f->dir[i].window_packets[0] : 0;
			f->dir[i].window_bytes[1] = next ? f->dir[i].window_bytes[0] : 0;
			f->dir[i].window_packets[0] = 0;
			f->dir[i].window_bytes[0] = 0;
			f->small[i][1] = next ? f->small[i][0] : 0;
			f->small[i][0] = 0;
		}
		f->window = second;
	}
	if (d->window_packets[0] != UINT16_MAX)
		d->window_packets[0]++;
	d->window_bytes[0] += bytes;
	if (bytes <= FLOW_SMALL && f->small[dir][0] != UINT8_MAX)
		f->small[dir][0]++;
}

void flow_count(struct flow *f, const struct packet *pkt, int dir)
{
	struct flow_dir *d = &f->dir[dir];
	uint16_t size = pkt->payload_wire < UINT16_MAX ? (uint16_t)pkt->payload_wire : UINT16_MAX;

	f->last_ns = pkt->frame->mono_ns;
	d->packets++;
	d->bytes += pkt->ip_len;
	if (pkt->flags & PACKET_MERGED)
		f->flags |= FLOW_MERGED;
	if (size == 0)
		return;
	if (d->payloads++ == 0 || size < d->size_min)
		d->size_min = size;
	if (size > d->size_max)
		d->size_max = size;
	window_add(f, dir, (uint32_t)(pkt->frame->mono_ns / NS_PER_S), size);
}
