/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A stream that begins with the input, shown as the engine does: more and more of it while asked for. */
#include <netinet/in.h>

#include "../unit/look_bench.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bench b;
	size_t have = size < 64 ? size : 64;

	if (size == 0 || size > 16384)
		return 0;
	bench_open(&b, IPPROTO_TCP, 40000, 443);
	for (;;) {
		struct look l = bench_look(&b, 0, data, have, NULL, tls_stream);
		struct stream_result r = tls_stream(&l);

		if (r.code != STREAM_MORE)
			break;
		if (r.need <= have)
			abort(); /* the engine would wait for what it has */
		if (r.need > size)
			break;
		have = r.need;
	}
	if (bench_evidence(&b) != NULL && bench_evidence(&b)->cls != CLASS_CONTROL)
		abort();
	bench_close(&b);
	return 0;
}
