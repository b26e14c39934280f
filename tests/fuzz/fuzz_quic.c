/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * First byte even: the rest is a datagram. Odd: the rest are the frames of an
 * Initial packet, which no mutation would get past the seal.
 */
#include <netinet/in.h>

#include "../unit/look_bench.h"
#include "detect/quic.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t datagram[1500];
	struct bench b;
	struct look l;

	if (size < 2 || size > sizeof datagram)
		return 0;
	memset(datagram, 0, sizeof datagram);
	memcpy(datagram, data + 1, size - 1);
	bench_open(&b, IPPROTO_UDP, 40000, 443);
	l = bench_look(&b, 0, datagram, size < DATAGRAM_MIN ? DATAGRAM_MIN : size, quic_look, NULL);
	if (data[0] & 1) {
		struct hello h = { 0 };

		take_frames(data + 1, size - 1, &h);
		(void)hello_decide(&l, &h);
	} else {
		(void)quic_look(&l);
	}
	if (bench_evidence(&b) != NULL && bench_evidence(&b)->cls != CLASS_CONTROL)
		abort();
	bench_close(&b);
	return 0;
}
