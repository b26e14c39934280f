/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "cadence_feed.h"
#include "detect/speech_codec.h"
#include "detect/speech_weigh.h"

#define SEEDS 12
#define SIZE  172 /* bytes: G.711 in RTP, where the size is not the question */

static const struct network wire = { .jitter = 0.0003 };

static struct sender voice(double hz, double mean, bool dtx)
{
	return (struct sender){ .hz = hz, .model = SIZES_VOICE, .a = mean, .b = 15, .dtx = dtx };
}

static struct sender constant(double hz, double size)
{
	return (struct sender){ .hz = hz, .model = SIZES_ONE, .a = size };
}

/* How many of the seeds reached the action threshold within so long. */
static unsigned acted(const struct sender s[2], const struct network *n, double seconds, double within)
{
	unsigned hits = 0;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct heard h = cadence_run(s, n, seed, seconds);

		hits += h.act_s != 0 && h.act_s <= within;
	}
	return hits;
}

static float most_bits(const struct sender s[2], const struct network *n, double seconds)
{
	float most = 0;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct heard h = cadence_run(s, n, seed, seconds);

		if (h.most > most)
			most = h.most;
		if (h.most >= REPORT_BITS)
			print_message("seed %u, %.4g and %.4g Hz: %s\n", (unsigned)seed, s[0].hz, s[1].hz, h.why);
	}
	return most;
}

/* --- the clock --- */

static void each_period_is_read(void **state)
{
	(void)state;
	for (unsigned i = 0; i < CLOCK_PERIODS; i++) {
		struct speech_clock c = { 0 };
		struct clock_reading r;
		uint32_t us = 1234567;

		for (; us < 1234567 + 2500000; us += clock_period_ms[i] * 1000u)
			assert_true(clock_feed(&c, us, SIZE, true));
		r = clock_read(&c, 2500000);
		assert_int_equal(r.period_ms, clock_period_ms[i]);
		assert_true(r.agreement > 0.9f && r.bits > 30 && r.in_step > 0.95f);
		assert_float_equal(r.filled, 1, 0.05);
		assert_true(clock_on_grid(&c, us) && !clock_on_grid(&c, us + clock_period_ms[i] * 500u));
	}
}

static void other_periods_are_not(void **state)
{
	static const double hz[] = { 16, 24, 30, 45, 60, 64, 66, 72, 75, 90, 120, 128, 144 };

	(void)state;
	for (unsigned i = 0; i < sizeof hz / sizeof *hz; i++) {
		struct speech_clock c = { 0 };
		struct clock_reading r;

		for (double t = 0; t < 3e6; t += 1e6 / hz[i])
			(void)clock_feed(&c, (uint32_t)t, SIZE, true);
		r = clock_read(&c, 3000000);
		assert_true(r.agreement < 0.25f && !r.rough);
	}
}

/*
 * Delays that wander by 8 ms (deviation; memory of 20 packets), reports of 42 bytes among the packets, read each quarter
 * of a second for 8 s. True when the clock was ever taken for the one of `period_ms`.
 */
static bool rate_heard(double hz, double reports_hz, unsigned period_ms, uint64_t seed)
{
	struct speech_clock c = { 0 };
	struct dice d = { seed };
	double delay = 0, report = 1, read = 1.25;
	bool heard = false;

	for (double t = 1; t < 9; t += 1 / hz) {
		delay = 0.95 * delay + 0.31 * 0.008 * dice_normal(&d);
		(void)clock_feed(&c, (uint32_t)(1e6 * (t + 0.05 + delay)), SIZE, true);
		if (reports_hz > 0 && t > report) {
			(void)clock_feed(&c, (uint32_t)(1e6 * (t + 0.052 + delay)), 42, true);
			report += 1 / reports_hz;
		}
		if (t > read) {
			struct clock_reading r = clock_read(&c, (uint32_t)(1e6 * (t - 1)));

			heard |= (r.rough || r.bits >= 16) && r.period_ms == period_ms;
			read += 0.25;
		}
	}
	return heard;
}

/* Behind such delays the number of packets tells, and reports in the same flow are none of them (Chromium: 9 a second). */
static void a_rate_is_kept(void **state)
{
	static const struct { double hz, reports_hz; unsigned period_ms; bool kept; } cases[] = {
		{ 50, 0, 20, true }, { 50, 9, 20, true }, { 100, 0, 10, true },
		{ 45, 0, 20, false }, { 56, 0, 20, false }, { 64, 0, 20, false }, { 36, 0, 30, false }, { 30, 0, 30, false },
		{ 128, 0, 10, false }, { 90, 0, 10, false }, { 20, 0, 60, false }, { 28, 0, 40, false },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		unsigned heard = 0;

		for (uint64_t seed = 1; seed <= SEEDS; seed++)
			heard += rate_heard(cases[i].hz, cases[i].reports_hz, cases[i].period_ms, seed);
		if (cases[i].kept)
			assert_true(heard > SEEDS / 2);
		else
			assert_int_equal(heard, 0);
	}
}

/* Microseconds wrap after 71 minutes; the clock forgets its phase once and goes on. */
static void time_may_wrap(void **state)
{
	struct speech_clock c = { 0 };
	uint32_t us = UINT32_MAX - 1000000;

	(void)state;
	for (unsigned i = 0; i < 300; i++, us += 20000)
		(void)clock_feed(&c, us, SIZE, true);
	for (unsigned i = 0; i < 4; i++)
		clock_fade(&c);
	for (unsigned i = 0; i < 200; i++, us += 20000)
		(void)clock_feed(&c, us, SIZE, true);
	assert_int_equal(clock_read(&c, 4500000).period_ms, 20);
}

static void bursts_count_once(void **state)
{
	struct speech_clock c = { 0 };

	(void)state;
	assert_true(clock_feed(&c, 5000, SIZE, true));
	assert_false(clock_feed(&c, 5100, SIZE, true));
	assert_false(clock_feed(&c, 8999, SIZE, true));
	assert_true(clock_feed(&c, 25000, SIZE, true));
}

/* A network that holds packets back and lets them go at once made no pause. */
static void a_stall_is_no_pause(void **state)
{
	struct speech_clock stalled = { 0 }, silent = { 0 };

	(void)state;
	for (uint32_t us = 0; us < 400000; us += 20000) {
		(void)clock_feed(&stalled, us, SIZE, true);
		(void)clock_feed(&silent, us, SIZE, true);
	}
	for (unsigned i = 0; i < 10; i++)
		(void)clock_feed(&stalled, 600000 + i * 200, SIZE, true);
	(void)clock_feed(&silent, 600000, SIZE, true);
	(void)clock_feed(&silent, 620000, SIZE, true);
	assert_int_equal(stalled.pauses, 0);
	assert_int_equal(silent.pauses, 1);
	assert_int_equal(silent.spurts, 1);
}

/* Frames of `period_ms` for 4 s, a block of `block_ms` lost after each second: what is read at the end. */
static struct clock_reading with_lost_blocks(unsigned period_ms, unsigned block_ms)
{
	struct speech_clock c = { 0 };
	struct clock_reading r = { 0 };
	uint32_t us = 1000, read_us = 250000;

	for (unsigned ms = 0; ms < 4000; ms += period_ms) {
		us = 1000 + (ms + ms / 1000 * block_ms) * 1000;
		(void)clock_feed(&c, us, SIZE, true);
		if (us < read_us)
			continue;
		r = clock_read(&c, us);
		read_us += 250000;
	}
	return r;
}

/* A sound card that loses a block: phases a half or a third of the period apart are no shorter period. */
static void a_lost_block_is_no_other_clock(void **state)
{
	static const struct { unsigned period_ms, block_ms; } cases[] = { { 20, 10 }, { 60, 10 }, { 60, 20 } };

	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct clock_reading r = with_lost_blocks(cases[i].period_ms, cases[i].block_ms);

		assert_int_equal(r.period_ms, cases[i].period_ms);
		assert_true(r.agreement > 0.9f);
	}
}

/* --- turns --- */

static void what_is_sent_in_silence(void **state)
{
	struct speech_turns t = { 0 };
	uint32_t us = 0;

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		(void)turns_feed(&t, 0, us += 20000, 46); /* reports, as far as anybody knows */
	assert_int_equal(turns_feed(&t, 0, us += 20000, 46), TURNS_TALK);
	(void)turns_feed(&t, 0, us += 20000, 198);
	assert_int_equal(turns_feed(&t, 0, us += 20000, 198), TURNS_RISES);
	assert_int_equal(turns_feed(&t, 0, us += 20000, 46), TURNS_QUIET);
	assert_int_equal(turns_feed(&t, 0, us += 20000, 90), TURNS_TALK); /* too large for a report */
	assert_int_equal(turns_feed(&t, 0, us += 1000000, 198), TURNS_STARTS);
	assert_int_equal(turns_feed(&t, 0, us += 100000000, 46), TURNS_TALK);  /* all forgotten, */
	assert_int_equal(turns_feed(&t, 1, us, 100), TURNS_TALK);               /* and nothing is smaller than nothing */
}

/* --- codecs --- */

static void codecs_are_known(void **state)
{
	static const struct { unsigned period, size; bool known; } cases[] = {
		{ 20, 172, true }, { 20, 182, true }, { 20, 164, true }, { 30, 252, true }, { 60, 492, true }, { 10, 92, true },
		{ 20, 42, true }, { 20, 32, false }, { 20, 60, false }, { 30, 36, true }, { 20, 45, true }, { 30, 62, true }, { 20, 74, true }, { 20, 332, true },
		{ 20, 61, true }, { 20, 108, true }, { 20, 109, true }, { 60, 309, true }, { 10, 58, true },
		{ 20, 173, true }, { 20, 183, true }, { 20, 253, true }, { 10, 93, true }, { 40, 333, false },
		{ 20, 100, false }, { 20, 200, false }, { 20, 150, false }, { 20, 256, false }, { 40, 173, false }, { 10, 172, false },
		{ 30, 172, false }, { 20, 12, false }, { 20, 0, false }, { 60, 700, false },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(speech_codec(cases[i].period, cases[i].size, 0, WRAP_DATAGRAM) != NULL, cases[i].known);
}

/* 32 bytes anybody may choose; who sends 24 before a pause, 10 and a description of the silence in 2, has G.729 with annex B. */
static void silence_tells_round_sizes(void **state)
{
	static const struct { unsigned period, size, other; bool known; } cases[] = {
		{ 20, 32, 24, true }, { 20, 32, 0, false }, { 20, 32, 22, false }, { 20, 32, 34, false }, { 40, 80, 72, false },
		{ 20, 50, 42, false }, { 10, 32, 24, false }, { 60, 72, 64, true }, { 20, 48, 40, true }, { 20, 40, 32, false },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(speech_codec(cases[i].period, cases[i].size, cases[i].other, WRAP_DATAGRAM) != NULL, cases[i].known);
}

/* Where there is no RTP, sizes of 240 that pass for a codec's: few, and G.711's among them. */
static void few_sizes_are_codecs_without_rtp(void **state)
{
	static const struct { unsigned period, most; } cases[] = { { 10, 14 }, { 20, 16 }, { 30, 12 }, { 40, 8 }, { 60, 8 } };

	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		unsigned n = 0, with_rtp = 0;

		for (unsigned size = 20; size < 260; size++) {
			n += speech_codec(cases[i].period, size, 0, WRAP_FOREIGN) != NULL;
			with_rtp += speech_codec(cases[i].period, size, 0, WRAP_DATAGRAM) != NULL;
		}
		assert_in_range(n, 1, cases[i].most);
		assert_true(n <= with_rtp);
	}
	assert_non_null(speech_codec(20, 172, 0, WRAP_FOREIGN));
	assert_null(speech_codec(20, 45, 0, WRAP_FOREIGN));
	assert_non_null(speech_codec(30, 36, 0, WRAP_FOREIGN));
}

/* 200 bytes inside: IPv4, UDP, RTP and 20 ms of G.711; how rare such a size is in each tunnel. */
static void telephone_codec_in_tunnels(void **state)
{
	enum { V1 = 6 << 3, V2 = 9 << 3 | 2 }; /* first bytes of OpenVPN's data, without and with a peer */
	static const struct { enum app tunnel; uint8_t first; unsigned period, size; float bits; } cases[] = {
		{ APP_TUNNEL_OPENVPN, V2, 20, 224, 5 }, { APP_TUNNEL_OPENVPN, V2, 20, 225, 5 }, { APP_TUNNEL_OPENVPN, V2, 20, 226, 0 },
		{ APP_TUNNEL_OPENVPN, V1, 20, 221, 5 }, { APP_TUNNEL_OPENVPN, V2, 20, 221, 0 }, { APP_TUNNEL_OPENVPN, 0, 20, 224, 0 },
		{ APP_TUNNEL_OPENVPN, V2, 30, 304, 5 }, { APP_TUNNEL_OPENVPN, V2, 30, 224, 0 },
		{ APP_TUNNEL_WIREGUARD, 4, 20, 240, 2 }, { APP_TUNNEL_WIREGUARD, 4, 20, 224, 0 },
		{ APP_TUNNEL_IPSEC, 0, 20, 236, 4 }, { APP_TUNNEL_IPSEC, 0, 20, 240, 0 }, { APP_NONE, 0, 20, 236, 0 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_true(speech_tunnel_rarity(cases[i].tunnel, cases[i].first, cases[i].period, cases[i].size) == cases[i].bits);
}

/* --- voice --- */

static void telephone_codecs(void **state)
{
	static const struct { double hz, size; } codecs[] = { { 50, 172 }, { 100.0 / 3, 252 }, { 25, 332 }, { 50, 182 }, { 50, 42 }, { 50, 45 } };

	(void)state;
	for (unsigned i = 0; i < sizeof codecs / sizeof *codecs; i++) {
		struct sender s[2] = { constant(codecs[i].hz, codecs[i].size), constant(codecs[i].hz, codecs[i].size) };

		assert_int_equal(acted(s, &wire, 8, 3), SEEDS);
	}
}

/* Sizes of 50 bytes are round and say nothing; that each is silent while the other talks does. */
static void people_take_turns(void **state)
{
	static const struct network satellite = { .wander = 0.02, .tau = 0.5, .jitter = 0.001 };
	static const struct { double hz, size; bool reports; const struct network *over; double within; } cases[] = {
		{ 50, 50, false, &wire, 8 }, { 50, 150, true, &wire, 8 }, { 100.0 / 6, 310, false, &wire, 14 }, { 50, 150, false, &satellite, 45 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct sender s[2] = { constant(cases[i].hz, cases[i].size), constant(cases[i].hz, cases[i].size) };

		s[0].turns = s[1].turns = 2.3;
		s[1].listens_first = true;
		s[0].reports = s[1].reports = cases[i].reports;
		assert_true(acted(s, cases[i].over, 45, cases[i].within) >= SEEDS * 9 / 10);
	}
}

/* Turns are no speech: what comes in them must keep its clock. */
static void turns_without_a_clock(void **state)
{
	static const double hz[] = { 20, 64, 200 };

	(void)state;
	for (unsigned i = 0; i < sizeof hz / sizeof *hz; i++) {
		struct sender s[2] = { constant(hz[i], 150), constant(hz[i], 150) };

		s[0].turns = s[1].turns = 2.3;
		s[1].listens_first = true;
		s[0].slip = s[1].slip = hz[i] == 200 ? 0.015 : 0;
		assert_true(most_bits(s, &wire, 30) < REPORT_BITS);
	}
}

static void variable_rate(void **state)
{
	struct sender s[2] = { voice(50, 74, false), voice(50, 70, false) };

	(void)state;
	assert_true(acted(s, &wire, 15, 6) >= SEEDS * 9 / 10);
}

static void silence_suppression(void **state)
{
	struct sender s[2] = { voice(50, 74, true), voice(50, 70, true) };

	(void)state;
	assert_true(acted(s, &wire, 30, 15) >= SEEDS * 9 / 10);
}

static void networks(void **state)
{
	static const struct { struct network net; double within; } cases[] = {
		{ { .jitter = 0.003, .loss = 0.05 }, 4 },
		{ { .jitter = 0.002, .drift = 2e-4 }, 4 },
		{ { .wander = 0.020, .tau = 0.3, .loss = 0.003 }, 12 }, /* nothing is left of the phase */
		{ { .wander = 0.016, .tau = 0.3, .loss = 0.05 }, 12 },
		{ { .wander = 0.008, .tau = 0.2, .loss = 0.02 }, 12 },
	};
	struct sender s[2] = { constant(50, 172), constant(50, 172) };

	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_true(acted(s, &cases[i].net, 15, cases[i].within) >= SEEDS * 9 / 10);
}

/* --- what is no call --- */

static void games(void **state)
{
	static const double rates[] = { 16, 20, 25, 30, 100.0 / 3, 50, 60, 64, 66, 100, 120, 128 };
	static const struct sender up[] = {
		{ .model = SIZES_ONE, .a = 40 }, { .model = SIZES_UNIFORM, .a = 30, .b = 52 }, { .model = SIZES_NORMAL, .a = 60, .b = 12 },
	};
	static const struct sender down[] = {
		{ .model = SIZES_ONE, .a = 160 }, { .model = SIZES_WALK, .a = 60, .b = 420 }, { .model = SIZES_NORMAL, .a = 110, .b = 45 },
		{ .model = SIZES_UNIFORM, .a = 60, .b = 300 },
	};

	(void)state;
	for (unsigned r = 0; r < sizeof rates / sizeof *rates; r++)
		for (unsigned u = 0; u < sizeof up / sizeof *up; u++)
			for (unsigned d = 0; d < sizeof down / sizeof *down; d++) {
				struct sender s[2] = { up[u], down[d] };

				s[0].hz = s[1].hz = rates[r];
				assert_true(most_bits(s, &wire, 12) < REPORT_BITS);
			}
}

/*
 * What only moves has neighbours as alike as speech, and soon nothing of it left. Of a
 * memory of 45 ms, at 100 Hz and without jumps, that is seen.
 */
static void what_only_moves(void **state)
{
	const struct sender mover = { .hz = 100, .model = SIZES_MARKOV, .a = 120, .b = 30 };
	struct sender s[2] = { mover, mover };

	(void)state;
	assert_int_equal(acted(s, &wire, 12, 12), 0);
}

/* Padded to a size that no codec has it may be anything: seen, not reported. */
static void one_size_of_no_codec(void **state)
{
	struct sender s[2] = { constant(50, 200), constant(50, 200) };

	(void)state;
	assert_float_equal(most_bits(s, &wire, 20), 9, 0.1);
}

static void arrivals_at_random(void **state)
{
	struct sender s[2] = { constant(200, 172), constant(200, 172) };

	(void)state;
	s[0].slip = s[1].slip = 0.015; /* 5 ms and 15 ms exponential: 50 a second */
	assert_true(most_bits(s, &wire, 20) < REPORT_BITS);
}

/* A loop that sleeps after its work slips by half a percent: no sound card does. */
static void a_loop_that_sleeps(void **state)
{
	struct sender s[2] = { constant(50, 172), constant(50, 172) };

	(void)state;
	s[0].slip = s[1].slip = 0.0003;
	assert_true(most_bits(s, &wire, 20) < REPORT_BITS);
}

static void one_way(void **state)
{
	struct sender s[2] = { constant(50, 172), { .hz = 0 } };
	struct heard h = cadence_run(s, &wire, 1, 20);

	(void)state;
	assert_int_equal(h.cls, CLASS_STREAMING);
	assert_true(h.most < REPORT_BITS);
	s[0] = voice(50, 74, true); /* a talker whom nobody answers: reported for the pauses, not acted on */
	h = cadence_run(s, &wire, 1, 20);
	assert_int_equal(h.cls, CLASS_MEDIA);
	assert_true(h.most >= REPORT_BITS && h.most < ACT_BITS);
}

/* The answers to requests sent at random times, 16 a second in the mean (PTP: IEEE 1588, 9.5.11): a rate of speech and no stream of sound. */
static void answers_one_way(void **state)
{
	static const double least_ms[] = { 10, 20, 30, 40 };

	(void)state;
	for (unsigned i = 0; i < sizeof least_ms / sizeof *least_ms; i++) {
		struct sender s[2] = { constant(1000 / least_ms[i], 96), { .hz = 0 } };

		s[0].slip = 0.060 - least_ms[i] / 1000;
		for (uint64_t seed = 1; seed <= SEEDS; seed++)
			assert_int_not_equal(cadence_run(s, &wire, seed, 40).cls, CLASS_STREAMING);
	}
}

static void without_memory(void **state)
{
	struct heard h = { 0 };
	struct bench b;

	(void)state;
	bench_open(&b, 17, 40000, 50000);
	budget_free(b.watch);
	b.env.watch_budget = b.watch = budget_new(64, 64);
	for (unsigned i = 0; i < 200; i++)
		cadence_packet(&b, i % 2, 1 + i * 0.01, 172, &h);
	assert_null(b.flow.watch);
	assert_true(b.counts.n[COUNT_WATCH_REFUSED] != 0);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_period_is_read),
		cmocka_unit_test(other_periods_are_not),
		cmocka_unit_test(a_rate_is_kept),
		cmocka_unit_test(time_may_wrap),
		cmocka_unit_test(bursts_count_once),
		cmocka_unit_test(a_stall_is_no_pause),
		cmocka_unit_test(a_lost_block_is_no_other_clock), cmocka_unit_test(what_is_sent_in_silence),
		cmocka_unit_test(people_take_turns), cmocka_unit_test(turns_without_a_clock),
		cmocka_unit_test(codecs_are_known), cmocka_unit_test(silence_tells_round_sizes),
		cmocka_unit_test(few_sizes_are_codecs_without_rtp), cmocka_unit_test(telephone_codec_in_tunnels),
		cmocka_unit_test(telephone_codecs),
		cmocka_unit_test(variable_rate),
		cmocka_unit_test(silence_suppression),
		cmocka_unit_test(networks),
		cmocka_unit_test(games),
		cmocka_unit_test(what_only_moves),
		cmocka_unit_test(one_size_of_no_codec),
		cmocka_unit_test(arrivals_at_random),
		cmocka_unit_test(a_loop_that_sleeps),
		cmocka_unit_test(one_way), cmocka_unit_test(answers_one_way),
		cmocka_unit_test(without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
