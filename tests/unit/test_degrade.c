/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `degrade`: what of a voice is lost, and what of a download. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/hash.h"
#include "enforce_bench.h"

#define SECONDS 20u
#define FRAME_MS 20u
#define FRAMES (SECONDS * 1000 / FRAME_MS)
#define CONCEALED 3u /* frames: 60 ms, ITU-T G.711 Appendix I */

struct lost { unsigned all, longest, gaps; };

/* A packet of `payload` bytes each 20 ms under `degrade any`: the lost ones, the longest run, gaps that are heard. */
static struct lost degraded(uint8_t proto, size_t payload)
{
	struct enforced e = enforced_start("degrade any\n", NULL);
	struct lost lost = { 0 };
	unsigned run = 0;

	for (unsigned i = 0; i < FRAMES; i++) {
		if (!enforced_packet(&e, proto, payload, i * FRAME_MS * 1000ull).drop) {
			run = 0;
			continue;
		}
		lost.all++;
		run++;
		lost.longest = run > lost.longest ? run : lost.longest;
		lost.gaps += run == CONCEALED + 1;
	}
	assert_int_equal(engine_counts(e.engine)->n[COUNT_DEGRADED], lost.all);
	enforced_stop(&e);
	return lost;
}

static void a_voice_has_gaps_that_are_heard(void **state)
{
	/* G.729, G.711, linear 16 kHz; the largest with all headers */
	static const size_t sizes[] = { 32, 172, 666 };

	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct lost udp = degraded(IPPROTO_UDP, sizes[i]), tcp = degraded(IPPROTO_TCP, sizes[i]);

		/* 24 % each way; a run at the end of an interval may meet that of the next */
		assert_in_range(udp.all, FRAMES * 20 / 100, FRAMES * 28 / 100);
		assert_in_range(udp.longest, 11, 26);
		assert_in_range(udp.gaps, SECONDS * 8 / 10, SECONDS + 1);
		assert_in_range(tcp.all, FRAMES * 18 / 100, FRAMES * 30 / 100);
		assert_in_range(tcp.longest, 47, 98);
		assert_in_range(tcp.gaps, SECONDS / 4 / 2, SECONDS / 4 + 1);
	}
	(void)state;
}

static void full_segments_and_bare_acknowledgements_pass(void **state)
{
	assert_int_equal(degraded(IPPROTO_TCP, 1400).all, 0);
	assert_int_equal(degraded(IPPROTO_TCP, 0).all, 0);
	assert_int_equal(degraded(IPPROTO_UDP, 1200).all, 0);
	(void)state;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_voice_has_gaps_that_are_heard),
		cmocka_unit_test(full_segments_and_bare_acknowledgements_pass),
	};

	hash_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
