/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Talk and silence from bytes (detect/speech_talk.h), and what records of one size are worth (detect/speech_codec.h, speech_weigh.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "detect/speech_codec.h"
#include "detect/speech_talk.h"
#include "detect/speech_weigh.h"
#include "detect/talk_weigh.h"

#define FRAME_US  20000u
#define SECONDS   14u
#define FRAMES    (SECONDS * 1000000u / FRAME_US)

static uint32_t seed;

static uint32_t draw(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)seed * below >> 32);
}

typedef uint32_t size_fn(unsigned dir, unsigned frame);

static struct talk_reading run(size_fn *size)
{
	struct talk both[2] = { { 0 } };
	struct talk_reading r;

	for (unsigned i = 0; i < FRAMES; i++)
		for (unsigned dir = 0; dir < 2; dir++)
			talk_feed(&both[dir], i * FRAME_US + FRAME_US / 2, size(dir, i));
	talk_read(both, FRAMES * FRAME_US, &r);
	return r;
}

/* Turns of 1.7 to 2.9 s with pauses of a breath: a codec of variable rate. */
static bool talks(unsigned dir, unsigned i)
{
	static const uint16_t turn[] = { 85, 145, 110, 160, 95, 150 }, breath[] = { 31, 47, 22, 60 };
	unsigned who = 0, at = 0;

	while (at + turn[who % 6] <= i)
		at += turn[who++ % 6];
	return who % 2 == dir && (i - at) % breath[who % 4] > 9;
}

static uint32_t speech(unsigned dir, unsigned i)
{
	return talks(dir, i) ? 50 + draw(30) : 26 + draw(6);
}

/* The same in a tunnel of which nobody knows what it adds. */
static uint32_t wrapped(unsigned dir, unsigned i)
{
	return speech(dir, i) + 110;
}

static uint32_t left_out(unsigned dir, unsigned i)
{
	return talks(dir, i) ? 50 + draw(30) : i % 20 == 0 ? 8 : 0;
}

static uint32_t one_size(unsigned dir, unsigned i)
{
	(void)dir, (void)i;
	return 160;
}

static uint32_t noise(unsigned dir, unsigned i)
{
	(void)dir, (void)i;
	return 20 + draw(180);
}

static uint32_t walk(unsigned dir, unsigned i)
{
	static uint32_t at[2];

	if (i == 0)
		at[dir] = 120;
	at[dir] += draw(21) - 10;
	at[dir] = at[dir] < 40 ? 40 : at[dir] > 200 ? 200 : at[dir];
	return at[dir];
}

static uint32_t timer(unsigned dir, unsigned i)
{
	return (i + dir * 70) % 140 < 80 ? 80 : 20;
}

static void people_talk_in_turns(void **state)
{
	struct talk_reading r;

	(void)state;
	r = run(speech);
	for (int i = 0; i < 2; i++) {
		assert_true(r.dir[i].two_levels);
		assert_false(r.dir[i].empty || r.dir[i].even || r.dir[i].wanders);
	}
	assert_true(r.together < -0.3f);
	r = run(wrapped);
	assert_true(r.alike && r.dir[0].two_levels && r.dir[1].two_levels);
	assert_true(r.dir[0].apart < 0.35f);
	r = run(left_out);
	for (int i = 0; i < 2; i++)
		assert_true(r.dir[i].two_levels && r.dir[i].empty && !r.dir[i].even);
}

/* In the first seconds one end talks and the other listens: both have the same two levels all the same. */
static uint32_t greeting(unsigned dir, unsigned i)
{
	static const uint8_t word[] = { 30, 14, 60, 22, 41, 12, 24, 36, 75, 18 }; /* frames, words and breaths by turns */
	unsigned at = 0, k = 0;

	while (at + word[k % 10] <= i)
		at += word[k++ % 10];
	return dir == 0 && k % 2 == 0 ? 52 + draw(8) : 26 + draw(4);
}

/* Words and breaths of one length each: a timer. */
static uint32_t metronome(unsigned dir, unsigned i)
{
	return dir == 0 && i % 40 > 12 ? 52 + draw(8) : 26 + draw(4);
}

/* The other end has a level of its own: it speaks another codec, or none. */
static uint32_t stranger(unsigned dir, unsigned i)
{
	return dir == 0 ? greeting(0, i) : 37 + draw(4);
}

/* Both in the upper level at once. */
static uint32_t chorus(unsigned dir, unsigned i)
{
	(void)dir;
	return greeting(0, i);
}

static void levels_of_one_codec(void **state)
{
	(void)state;
	assert_true(run(greeting).shared);
	assert_true(run(speech).alike);
	assert_false(run(stranger).shared);
	assert_false(run(chorus).shared);
	assert_false(run(metronome).shared);
	assert_false(run(one_size).shared || run(noise).shared);
}

static struct talk_reading late(unsigned by)
{
	struct talk both[2] = { { 0 } };
	struct talk_reading r;

	for (unsigned i = 0; i < FRAMES; i++)
		for (unsigned dir = 0; dir < 2; dir++) {
			unsigned at = dir == 0 && i >= by && i % 100 == 0 ? i - by : i; /* now and then one from the past */

			talk_feed(&both[dir], at * FRAME_US + FRAME_US / 2, speech(dir, at));
		}
	talk_read(both, FRAMES * FRAME_US, &r);
	return r;
}

/* What was held back on the way is put where it belongs, and what is older than all that is kept nowhere. */
static void late_bytes_have_their_slot(void **state)
{
	(void)state;
	assert_true(late(20).dir[0].two_levels);
	assert_true(late(650).dir[0].two_levels);
}

/* A record more or less in a slot is no level, once it is known how long frames are. */
static void slots_are_evened(void **state)
{
	struct talk raw = { 0 }, even = { 0 };

	(void)state;
	talk_frames(&even, FRAME_US / 1000);
	for (unsigned i = 0; i < FRAMES; i++) {
		uint32_t us = i * FRAME_US + (i / 6 % 2 != 0 && i % 6 == 0 ? 0 : FRAME_US / 2) - (i % 12 == 6 ? FRAME_US / 2 + 1 : 0);

		talk_feed(&raw, us, 80);
		talk_feed(&even, us, 80);
	}
	assert_int_not_equal(raw.level[0], raw.level[1]);
	assert_int_equal(even.level[0], even.level[1]);
}

/* Reports stand between frames, one in a slot, two in the next: no level of their own. */
static void reports_are_no_frames(void **state)
{
	struct talk t = { 0 };

	(void)state;
	talk_frames(&t, FRAME_US / 1000);
	for (unsigned i = 0; i < FRAMES; i++) {
		talk_feed(&t, i * FRAME_US + FRAME_US / 2, 80);
		if (i % 4 == 0)
			talk_feed(&t, i * FRAME_US + FRAME_US / 2, 22);
	}
	for (unsigned i = 1; i < 20; i++)
		assert_int_equal(t.level[i], t.level[0]);
}

/* What a tunnel's handshake leaves, and an empty slot before the call: neither is talk or silence. */
static void a_beginning_is_no_level(void **state)
{
	struct talk both[2] = { { 0 } };
	struct talk_reading r;

	(void)state;
	talk_feed(&both[0], FRAME_US, 40000);
	for (unsigned i = 12; i < FRAMES; i++)
		for (unsigned dir = 0; dir < 2; dir++)
			talk_feed(&both[dir], i * FRAME_US + FRAME_US / 2, speech(dir, i));
	talk_read(both, 10 * 1000000, &r); /* 10 s: all of it is remembered */
	assert_true(r.dir[0].two_levels && r.dir[1].two_levels);
}

static void others_do_not(void **state)
{
	struct talk_reading r;

	(void)state;
	r = run(one_size);
	assert_false(r.dir[0].levels || r.dir[0].wanders);
	r = run(timer);
	assert_true(r.dir[0].levels && r.dir[0].even);
}

/* Sizes drawn at random, packet by packet, lie between the levels a fifth of the time. */
static void noise_wanders(void **state)
{
	unsigned wandering = 0;

	(void)state;
	for (unsigned i = 1; i <= 50; i++) {
		seed = i * 10007;
		wandering += run(noise).dir[0].wanders;
	}
	assert_in_range(wandering, 40, 50);
}

/* One end alone may look so for a while, both hardly ever: docs/METHOD.md, "tcp-audio". */
static void walks_do_not_either(void **state)
{
	unsigned one = 0, both = 0;

	(void)state;
	for (seed = 1; seed < 2000000; seed += 10000) {
		uint32_t kept = seed;
		struct talk_reading r = run(walk);

		one += r.dir[0].two_levels || r.dir[1].two_levels;
		both += r.dir[0].two_levels && r.dir[1].two_levels;
		seed = kept;
	}
	assert_in_range(one, 1, 40);
	assert_in_range(both, 0, 2);
}

static void silence_is_forgotten(void **state)
{
	struct talk both[2] = { { 0 } };
	struct talk_reading r;

	(void)state;
	for (unsigned i = 0; i < FRAMES; i++)
		talk_feed(&both[i % 2], i * FRAME_US, speech(i % 2, i));
	talk_feed(&both[0], UINT32_MAX - 1, 100);
	talk_read(both, UINT32_MAX, &r);
	assert_false(r.dir[0].two_levels || r.dir[1].two_levels);
}

/* One end is still at its first turn, so no levels are known of it: but each sends while the other is silent, on one clock. */
static void turns_of_packets_are_talk(void **state)
{
	struct talk_reading unknown = { 0 }, talk = run(left_out);
	struct speech_opinion o = { .both_ways = true, .turns = true, .sizes = { .bits = 8 } };

	(void)state;
	assert_true(talk_bits(&unknown, &o) > 0);
	assert_true(talk_bits(&talk, &o) >= talk_bits(&unknown, &o));
	o.sizes.bits = 0; /* sizes that follow nothing: two programs that answer each other */
	assert_true(talk_bits(&unknown, &o) == 0);
	o = (struct speech_opinion){ .both_ways = true, .sizes = { .bits = 8 } };
	assert_true(talk_bits(&unknown, &o) == 0);
	assert_true(talk_bits(&talk, &o) > 0);
}

static void rarity_of_sizes(void **state)
{
	(void)state;
	assert_true(speech_codec_rarity(20, 160, 160, WRAP_RECORD) == 8);   /* G.711: one size of 256 */
	assert_true(speech_codec_rarity(20, 160, 160, WRAP_HIDDEN) > 5);    /* one of 256 in six wrappings */
	assert_true(speech_codec_rarity(20, 166, 162, WRAP_HIDDEN) == 0);   /* the other way round */
	assert_true(speech_codec_rarity(20, 162, 166, WRAP_HIDDEN) > 6);    /* a WebSocket, masked one way */
	assert_true(speech_codec_rarity(20, 162, 166, WRAP_RECORD) == 0);   /* there the mask is taken off */
	assert_true(speech_codec_rarity(20, 40, 40, WRAP_RECORD) == 0);     /* round */
	assert_true(speech_codec_rarity(20, 33, 33, WRAP_HIDDEN) < 1);      /* GSM, and most sizes are some codec's */
	assert_true(speech_codec_rarity(30, 24, 24, WRAP_RECORD) > speech_codec_rarity(20, 33, 33, WRAP_RECORD));
	assert_true(speech_codec_rarity(20, 163, 163, WRAP_RECORD) == 0); /* nearly */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(people_talk_in_turns),
		cmocka_unit_test(levels_of_one_codec),
		cmocka_unit_test(late_bytes_have_their_slot),
		cmocka_unit_test(slots_are_evened),
		cmocka_unit_test(reports_are_no_frames),
		cmocka_unit_test(a_beginning_is_no_level),
		cmocka_unit_test(others_do_not),
		cmocka_unit_test(noise_wanders),
		cmocka_unit_test(walks_do_not_either),
		cmocka_unit_test(silence_is_forgotten),
		cmocka_unit_test(turns_of_packets_are_talk),
		cmocka_unit_test(rarity_of_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
