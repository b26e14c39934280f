/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages of one DNS flow, each behind a byte: bit 7 direction, the rest length in units of 4 bytes. */
#include <netinet/in.h>

#include "../unit/look_bench.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bench b;

	bench_open(&b, IPPROTO_UDP, 40000, 53);
	while (size > 1) {
		int dir = data[0] >> 7;
		size_t len = (size_t)(data[0] & 0x7f) * 4;
		struct look l;

		data++;
		size--;
		len = len > size ? size : len;
		if (len == 0)
			continue;
		l = bench_look(&b, dir, data, len, dns_look, NULL);
		(void)dns_look(&l);
		data += len;
		size -= len;
	}
	if (bench_evidence(&b) != NULL)
		abort();
	bench_close(&b);
	return 0;
}
