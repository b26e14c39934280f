/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Speech over TCP: the clock, sizes and pauses of speech (speech.h), read from
 * records in sequence space (record.h). docs/METHOD.md, "tcp-audio".
 */
#include <assert.h>
#include <math.h>
#include <netinet/in.h>

#include "base/clock.h"
#include "detect/record.h"
#include "detect/rows.h"
#include "detect/speech_weigh.h"
#include "judge/judge.h"

#define TCP_PSH        0x08  /* RFC 9293, 3.1 */

/* Small segments in a second before a connection is looked at: 60 ms frames, two of them joined now and then. */
#define GATE_SEGMENTS  10

#define FIRST_READ_NS  (600 * NS_PER_MS)  /* aims the size tests at the clock */
#define READ_EVERY_NS  (250 * NS_PER_MS)

enum test { TEST_CLOCK, TEST_SIZES_0, TEST_SIZES_1, TEST_SPURTS, TEST_PLAIN, TESTS };

/* What a test holds to be so. */
struct held {
	float bits;
	float least;              /* of the readings in a row that agree */
	uint8_t run;              /* how many those are */
};

struct tcp_audio {
	struct speech speech;
	struct record_dir record[2];
	uint64_t read_ns;         /* when the model is asked next */
	struct held held[TESTS];
};
static_assert(sizeof(struct tcp_audio) <= 512, "state of a watched TCP flow: docs/METHOD.md, bounds");

/* --- the tests --- */

/*
 * Over TCP many programs answer each message at once, so that both directions
 * keep one program's clock and one size. Therefore a clock alone is not reported,
 * nor are sizes or pauses that any timer makes; a size that follows syllables is
 * asked of each direction, since two people speak.
 */
#define BITS_CLOCK_BOTH   8.0f
#define BITS_CLOCK_MIXED  6.0f  /* two periods */
#define BITS_CLOCK_ONE    5.0f
#define BITS_SYLLABLES    4.0f  /* a direction */
#define BITS_SPURT        3.0f  /* a pause through which the clock runs on */
#define BITS_SPURTS       5.0f  /* two */
#define BITS_PLAIN        1.0f  /* pauses, when no size follows syllables */

#define CLOCK_CHANCE      16.0f /* bits against arrivals at random */
#define CLOCK_AGREES      0.5f  /* resultant length: a grid that records within a quarter of a period keep */
#define CLOCK_IN_STEP     0.5f
#define CLOCK_FILLED      0.2f

#define SIZE_MEAN_MAX     300.0f /* bytes; 60 ms of Opus at 32 kbit/s and what TLS adds */
#define SPREAD_MIN        1.5f  /* bytes: digits of a counter make less */
#define MODAL_MAX         0.8f  /* part of one size; comfort noise is less than that of a spoken turn */

static bool keeps_clock(const struct speech_view *v)
{
	return v->clock.bits >= CLOCK_CHANCE && v->clock.agreement >= CLOCK_AGREES &&
	    v->clock.in_step >= CLOCK_IN_STEP && v->clock.filled >= CLOCK_FILLED;
}

/* The shape that datagrams of speech have (speech_weigh.h), and what only streams need. */
static bool follows_syllables(const struct speech_view *v)
{
	return speech_shape_of(v) == SHAPE_SYLLABLE && v->mean <= SIZE_MEAN_MAX && v->modal <= MODAL_MAX &&
	    v->spread >= SPREAD_MIN;
}

/* A frame every 20 ms is what nearly all speech has; the others are rates of pictures and games too. */
static float period_bits(unsigned ms)
{
	return ms == 20 ? 0.0f : ms == 30 ? -1.0f : -2.0f;
}

static float clock_bits(const struct speech_view v[2], const bool keeps[2])
{
	if (keeps[0] && keeps[1])
		return v[0].clock.period_ms == v[1].clock.period_ms
		    ? BITS_CLOCK_BOTH + period_bits(v[0].clock.period_ms) : BITS_CLOCK_MIXED;
	return BITS_CLOCK_ONE + period_bits(v[keeps[1]].clock.period_ms);
}

static float spurt_bits(const struct speech_view *v, bool keeps)
{
	return !keeps || v->spurts == 0 ? 0 : v->spurts == 1 ? BITS_SPURT : BITS_SPURTS;
}

/* --- what readings say together --- */

/*
 * A test speaks when two readings in a row agree, so that a moment of chance is
 * not a call. What it once said stays while a clock goes on (a long vowel is not
 * the end of a call), and is forgotten slowly without one.
 */
#define AGREEING    2
#define FORGET_BITS 0.25f /* a reading: 1 bit a second */

static void hold(struct held *h, float bits)
{
	h->run = bits > 0 ? (uint8_t)(h->run + (h->run != UINT8_MAX)) : 0;
	h->least = h->run <= 1 ? bits : fminf(h->least, bits);
	if (h->run >= AGREEING && h->least > h->bits)
		h->bits = h->least;
}

static void forget(struct held *h)
{
	h->run = 0;
	h->bits -= fminf(h->bits, FORGET_BITS);
}

static void take_reading(struct held held[static TESTS], const struct speech_view v[2])
{
	bool keeps[2] = { keeps_clock(&v[0]), keeps_clock(&v[1]) };
	float spurts = fmaxf(spurt_bits(&v[0], keeps[0]), spurt_bits(&v[1], keeps[1]));

	if (!keeps[0] && !keeps[1]) {
		for (unsigned i = 0; i < TESTS; i++)
			forget(&held[i]);
		return;
	}
	hold(&held[TEST_CLOCK], clock_bits(v, keeps));
	for (unsigned i = 0; i < 2; i++)
		hold(&held[TEST_SIZES_0 + i], keeps[i] && follows_syllables(&v[i]) ? BITS_SYLLABLES : 0);
	hold(&held[TEST_SPURTS], spurts);
	hold(&held[TEST_PLAIN], spurts > 0 ? BITS_PLAIN : 0);
}

static float total(const struct held h[static TESTS])
{
	float sizes = h[TEST_SIZES_0].bits + h[TEST_SIZES_1].bits;

	return h[TEST_CLOCK].bits + (sizes > 0 ? sizes + h[TEST_SPURTS].bits : h[TEST_PLAIN].bits);
}

/* [sizes follow syllables][there were pauses] */
static const char *const why[2][2] = {
	{ "records of about {1} bytes keep the clock of speech, one every {0} ms",
	  "records of about {1} bytes keep the clock of speech, one every {0} ms, through pauses too" },
	{ "records keep the clock of speech, one every {0} ms; their sizes, about {1} bytes, follow syllables",
	  "records keep the clock of speech, one every {0} ms, through pauses too; sizes, about {1} bytes, follow syllables" },
};

static void weigh(struct look *l, struct tcp_audio *s, uint64_t now)
{
	const struct speech_view *more;
	struct speech_view v[2];
	float bits;

	speech_read(&s->speech, now, v);
	take_reading(s->held, v);
	bits = total(s->held);
	more = &v[v[1].n > v[0].n];
	if (bits <= 0 || more->clock.period_ms == 0)
		return;
	detect_evidence(l, CLASS_MEDIA, APP_NONE, bits,
	    why[s->held[TEST_SIZES_0].bits + s->held[TEST_SIZES_1].bits > 0][s->held[TEST_SPURTS].bits > 0],
	    more->clock.period_ms, (uint32_t)more->mean);
}

/* --- segments --- */

struct feeding { struct look *look; struct tcp_audio *state; };

static void take_record(void *arg, uint64_t ns, uint32_t size)
{
	struct feeding *f = arg;

	speech_feed(&f->state->speech, f->look->dir, ns, size);
	if (size != 0 && size <= SPEECH_SIZE_MAX)
		detect_media_packet(f->look, f->state->speech.start_ns);
}

/* Small pieces come often enough. */
static bool gate_opens(const struct flow *f, int dir)
{
	return f->small[dir][0] >= GATE_SEGMENTS || f->small[dir][1] >= GATE_SEGMENTS;
}

bool tcp_audio_hears(const struct flow *f)
{
	return f->key.proto == IPPROTO_TCP && (gate_opens(f, 0) || gate_opens(f, 1));
}

/* RTP that was read in the stream says more than its clock. */
static bool not_needed(const struct look *l)
{
	const struct watch *w = l->flow->watch;

	return w != NULL && w->cls == CLASS_MEDIA && w->bits >= 2 * ACT_BITS;
}

static struct tcp_audio *start(struct look *l, uint64_t now)
{
	struct tcp_audio *s;

	if (!gate_opens(l->flow, l->dir) || not_needed(l) || (s = detect_state(l, sizeof *s)) == NULL)
		return NULL;
	speech_start(&s->speech, now);
	s->read_ns = now + FIRST_READ_NS;
	return s;
}

enum look_result tcp_audio_segment(struct look *l)
{
	const struct packet *p = l->pkt;
	uint64_t now = p->frame->mono_ns;
	struct tcp_audio *s = detect_state_find(l);
	struct record_segment seg = {
		.ns = now, .seq = p->tcp_seq, .data = p->payload, .have = p->payload_len, .wire = p->payload_wire,
		.pushed = p->tcp_flags & TCP_PSH,
	};

	if (s == NULL && (s = start(l, now)) == NULL)
		return LOOK_MAYBE;
	record_feed(&s->record[l->dir], &seg, take_record, &(struct feeding){ l, s });
	if (now < s->read_ns)
		return LOOK_MAYBE;
	s->read_ns = now + READ_EVERY_NS;
	weigh(l, s, now);
	return LOOK_MAYBE;
}
