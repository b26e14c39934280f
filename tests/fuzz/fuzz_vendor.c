/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Datagrams of two flows of one socket through the rows: formats of single
 * applications, what is found inside, and what one flow tells of another. Each
 * payload stands behind a byte (bit 0 direction, bit 1 which flow, bits 2 and 3
 * bytes cut by the capture, the rest time) and two of length.
 */
#include "rows_feed.h"

#define STEP_NS 10000000ull /* of a unit of time */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run *r;
	struct cursor c = cur_open(data, size);
	struct frame frame = { .mono_ns = 1000000000 };

	if (r == NULL)
		r = run_new();
	while (cur_left(&c) != 0) {
		uint8_t how = cur_u8(&c);
		uint16_t len = cur_u16(&c);
		struct cursor bytes = cur_sub(&c, len);
		struct packet p;

		frame.mono_ns += (how >> 4) * STEP_NS;
		if (bytes.bad || len == 0)
			break;
		p = run_packet(how & 1, how & 2 ? 5000 : 8801, bytes, how >> 2 & 3);
		p.frame = &frame;
		p.proto = IPPROTO_UDP;
		run_take(r, &p);
	}
	run_end(r);
	return 0;
}
