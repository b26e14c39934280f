/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Payloads of one flow through the rows: STUN, TURN, DTLS and whatever is found
 * inside. The first byte chooses UDP or TCP; then come payloads, each behind a
 * byte of direction (bit 0) and of bytes cut by the capture (the rest), and two
 * of length.
 */
#include "rows_feed.h"

#define STEP_NS 20000000ull /* between payloads */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run *r;
	struct cursor c = cur_open(data, size);
	struct frame frame = { .mono_ns = 1000000000 };
	uint8_t proto = cur_u8(&c) & 1 ? IPPROTO_TCP : IPPROTO_UDP;
	uint32_t seq[2] = { 0 };

	if (r == NULL)
		r = run_new();
	while (cur_left(&c) > 3) {
		uint8_t how = cur_u8(&c);
		size_t n = cur_u16(&c);
		struct packet p;

		n = n > cur_left(&c) ? cur_left(&c) : n;
		frame.number++;
		frame.mono_ns += STEP_NS;
		p = run_packet(how & 1, 3478, cur_sub(&c, n), proto == IPPROTO_UDP ? how >> 1 : 0);
		p.frame = &frame;
		p.proto = proto;
		p.tcp_seq = seq[how & 1];
		seq[how & 1] += p.payload_len;
		run_take(r, &p);
	}
	run_end(r);
	return 0;
}
