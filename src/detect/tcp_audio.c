/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Speech over TCP: the clock, sizes and pauses of speech (speech.h), read from
 * records in sequence space (record.h). docs/METHOD.md, "tcp-audio".
 */
#include <assert.h>
#include <math.h>
#include <netinet/in.h>

#include "base/clock.h"
#include "detect/framing.h"
#include "detect/record.h"
#include "detect/rows.h"
#include "detect/sender.h"
#include "detect/speech_talk.h"
#include "detect/speech_weigh.h"
#include "judge/judge.h"

#define TCP_PSH        0x08  /* RFC 9293, 3.1 */

/* Small segments in a second before a connection is looked at: 60 ms frames, two of them joined now and then. */
#define GATE_SEGMENTS  10

#define FIRST_READ_NS  (600 * NS_PER_MS)  /* aims the size tests at the clock */
#define READ_EVERY_NS  (250 * NS_PER_MS)

/* Records of one segment that are looked at: a full one of the smallest frames. */
#define RECORDS_MAX    64

#define WAITED_MAX_NS  (60 * NS_PER_MS) /* between two of them: the longest period of speech */

enum test { TEST_CLOCK, TEST_SIZES, TEST_TALK, TEST_DISGUISE, TESTS };

/* What a test holds to be so. */
struct held {
	float bits;
	float last;               /* what the reading before said */
};

struct tcp_audio {
	struct speech speech;
	struct record_dir record[2];
	struct sender_clock sender[2];
	uint64_t sent_ns[2];      /* time of the segment before */
	struct talk talk[2];
	uint32_t adds;            /* bytes of a record that are a tunnel's */
	uint32_t shift_us[2];     /* added to the time of a record: none is due at the rim of a slot of `talk` */
	uint64_t read_ns;         /* when the model is asked next */
	struct held held[TESTS];
};
static_assert(sizeof(struct tcp_audio) <= 1024, "state of a watched TCP flow: docs/METHOD.md, bounds");

static uint32_t since(const struct tcp_audio *s, uint64_t ns)
{
	return (uint32_t)((ns - s->speech.start_ns) / NS_PER_US);
}

/* --- talk and silence --- */

/*
 * Over TCP anybody may send at the very period of a frame, sizes of every kind.
 * What he does not do is talk: pass between two levels within a syllable, at no
 * interval in particular, and be silent while the other end is not. Of pairs of
 * random walks and autoregressive sizes, 10 s each, 1 in 1,500 did (docs/METHOD.md,
 * "tcp-audio"), of speech at variable rates 2 in 5. One end alone looks so for
 * once in 30. Sending nothing at all for a while says less: any program may.
 */
#define BITS_LEVELS      3.0f  /* an end, when both do */
#define BITS_SILENCE     2.5f  /* an end whose lower level is nothing */
#define BITS_TURNS       2.0f  /* they mostly do not talk together */
#define TURNS_TOGETHER (-0.15f)
#define ECHO_TOGETHER    0.5f  /* one of them repeats what the other does */
#define ONE_TALKS_SIZES  3.0f  /* most that sizes count when one end alone talks */
#define SHARED_SIZES     5.0f  /* sizes follow syllables one way at least, and both ends have the same levels: with a clock */
#define BITS_SHARED      7.0f  /* both ways 151 of 326 calls, 2 of 597 others on clocks of speech */
#define SIZES_CAP        9.6f  /* and ever, given a clock: log2(n/3) of 2,378 windows of others that kept one (tools/calibrate --detector tcp-audio) */

static float talk_of(const struct talk_view *v)
{
	return !v->two_levels || v->even ? 0 : v->empty ? BITS_SILENCE : BITS_LEVELS;
}

static float talk_bits(const struct talk_reading *t)
{
	float a = talk_of(&t->dir[0]), b = talk_of(&t->dir[1]);

	if (a <= 0 || b <= 0 || !t->alike || t->together >= ECHO_TOGETHER)
		return 0;
	return a + b + (t->together <= TURNS_TOGETHER ? BITS_TURNS : 0);
}

/* Syllables both ways, between two levels: lopsided ones will do, for somebody who talks on or listens. */
static bool both_follow(const struct talk_reading *t, const struct speech_opinion *o)
{
	for (int i = 0; i < 2; i++)
		if (o->shape[i] != SHAPE_SYLLABLE || !t->dir[i].levels || t->dir[i].even)
			return false;
	return true;
}

static bool wanders(const struct talk_view *v, enum speech_shape shape)
{
	return v->wanders && shape != SHAPE_CODEC && shape != SHAPE_UNKNOWN;
}

/*
 * A codec of constant rate has its size, talk or not. Sizes that vary follow a
 * voice only where there is talk and silence; else any noise or walk looks so for a moment.
 */
static float size_bits(const struct talk_reading *t, const struct speech_opinion *o)
{
	bool constant = o->shape[0] == SHAPE_CODEC && o->shape[1] == SHAPE_CODEC;
	float a = talk_of(&t->dir[0]), b = talk_of(&t->dir[1]);

	if (constant)
		return fminf(o->sizes.bits, SIZES_CAP);
	if (t->together >= ECHO_TOGETHER)
		return 0;
	if (t->shared && o->both_ways && o->sizes.bits >= SHARED_SIZES)
		return fmaxf(o->sizes.bits * (float)(a > 0 && b > 0 && t->alike), BITS_SHARED);
	if (wanders(&t->dir[0], o->shape[0]) || wanders(&t->dir[1], o->shape[1]))
		return 0;
	if (a + b <= 0 && !both_follow(t, o))
		return 0;
	return (a > 0 && b > 0 && t->alike) || both_follow(t, o) ? o->sizes.bits : fminf(o->sizes.bits, ONE_TALKS_SIZES);
}

/*
 * Port 443 is open everywhere, and what goes there is TLS; clients that hide take it for anything. That alone is no
 * class, but a clock and syllables both ways need no talk beside it. What is meant are records behind two bytes of
 * length, as RTP is framed in TCP (RFC 4571); WebSockets and chunks are at home there, and a ticker may be in them.
 * Judgement: of such connections one in tens is a tunnel or a call, of all connections one in a thousand.
 */
#define DISGUISE_PORT    443
#define BITS_DISGUISED   4.0f
#define DISGUISED_SIZES  4.0f  /* and sizes there, without talk */

static bool is_disguised(const struct tcp_audio *s, const struct flow *f, const struct speech_opinion *o)
{
	if (f->key.port[0] != DISGUISE_PORT && f->key.port[1] != DISGUISE_PORT)
		return false;
	for (int i = 0; i < 2; i++)
		if (s->record[i].framing != FRAMING_LENGTH16)
			return false;
	return o->both_ways;
}

/* Sizes that follow something (neighbours alike), at the rate of a voice: what hides there needs no more. */
#define DISGUISED_SMOOTH 0.5f
#define VOICE_KBPS_MIN   6.0f   /* bits a millisecond: AMR and Opus begin there (RFC 6716, 2.1.1); */
#define VOICE_KBPS_MAX   64.0f  /* G.711 */

static float disguised_size_bits(const struct speech_view v[2])
{
	for (int i = 0; i < 2; i++) {
		float kbps = v[i].clock.period_ms == 0 ? 0 : 8 * v[i].mean / (float)v[i].clock.period_ms;

		if (v[i].smooth < DISGUISED_SMOOTH || kbps < VOICE_KBPS_MIN || kbps > VOICE_KBPS_MAX)
			return 0;
	}
	return DISGUISED_SIZES;
}

/* --- what readings say together --- */

/*
 * A test speaks when two readings in a row agree, so that a moment of chance is
 * not a call. What it once said is forgotten over a minute or two while a clock goes
 * on (a monologue is not the end of a call), and faster without one.
 */
#define FORGET_BITS 0.25f /* a reading without a clock: 1 bit a second */
#define FADE_BITS   0.01f /* and a reading that does not repeat it */

static void hold(struct held *h, float bits)
{
	if (bits <= 0)
		h->bits -= fminf(h->bits, FADE_BITS);
	h->bits = fmaxf(h->bits, fminf(bits, h->last));
	h->last = bits;
}

static void forget_all(struct held held[static TESTS])
{
	for (unsigned i = 0; i < TESTS; i++) {
		held[i].last = 0;
		held[i].bits -= fminf(held[i].bits, FORGET_BITS);
	}
}

static void take_reading(struct held held[static TESTS], const struct speech_opinion *o, const struct talk_reading *t)
{
	hold(&held[TEST_CLOCK], o->clock.bits);
	hold(&held[TEST_SIZES], size_bits(t, o));
	hold(&held[TEST_TALK], talk_bits(t));
}

/* [sizes][talk] */
static const char *const why[2][2] = {
	{ "records of about {1} bytes keep the clock of speech, one every {0} ms",
	  "records of about {1} bytes keep the clock of speech, one every {0} ms, with talk and silence" },
	{ "records keep the clock of speech, one every {0} ms; their sizes, about {1} bytes, are those of speech",
	  "records keep the clock of speech, one every {0} ms, with talk and silence; sizes, about {1} bytes, of speech" },
};
static const char *const why_disguised =
	"records framed as RTP is, on port 443, keep the clock of speech, one every {0} ms; sizes, about {1} bytes, of speech";

static void say(struct look *l, const struct held h[static TESTS], const struct speech_view *v)
{
	float bits = 0;

	for (unsigned i = 0; i < TESTS; i++)
		bits += h[i].bits;
	detect_evidence(l, CLASS_MEDIA, APP_NONE, bits, h[TEST_DISGUISE].bits > 0 ? why_disguised
	    : why[h[TEST_SIZES].bits > 0][h[TEST_TALK].bits > 0], v->clock.period_ms, (uint32_t)v->mean);
}

/* Moves the slots of `talk` so that they begin between two frames. */
static void place_slots(struct tcp_audio *s, const struct speech_view v[2])
{
	for (int i = 0; i < 2; i++) {
		uint32_t period = v[i].clock.period_ms * 1000u;

		if (period != 0)
			s->shift_us[i] = (period + period / 2 - v[i].clock.phase_us) % period;
		if (v[i].kept_ms != 0 && s->record[i].framing != FRAMING_NONE)
			talk_frames(&s->talk[i], v[i].kept_ms);
	}
}

/* Whether an application may have put something around a frame that nobody can read. */
static bool is_hidden(const struct tcp_audio *s, int dir)
{
	enum framing f = (enum framing)s->record[dir].framing;

	return f == FRAMING_NONE || f == FRAMING_TLS || s->adds != 0;
}

static void weigh(struct look *l, struct tcp_audio *s, uint64_t now)
{
	const struct speech_view *more;
	struct speech_opinion o;
	struct talk_reading t;
	struct speech_view v[2];

	speech_read(&s->speech, now, v);
	for (int i = 0; i < 2; i++)
		v[i].wrap = is_hidden(s, i) ? WRAP_HIDDEN : WRAP_RECORD;
	speech_weigh(v, &o);
	if (o.clock.bits > 0) { /* rarely: the rest is asked of what keeps a clock */
		talk_read(s->talk, since(s, now), &t);
		place_slots(s, v);
		take_reading(s->held, &o, &t);
		hold(&s->held[TEST_DISGUISE], is_disguised(s, l->flow, &o) ? BITS_DISGUISED + disguised_size_bits(v) : 0);
	} else {
		forget_all(s->held);
	}
	more = &v[v[1].n > v[0].n];
	if (s->held[TEST_CLOCK].bits > 0 && more->clock.period_ms != 0)
		say(l, s->held, more);
}

/* --- segments --- */

/* Records of one segment. */
struct joined {
	unsigned n;
	struct { uint64_t ns; uint32_t size; } record[RECORDS_MAX];
};

static void collect(void *arg, uint64_t ns, uint32_t size)
{
	struct joined *j = arg;

	if (j->n < RECORDS_MAX) {
		j->record[j->n].ns = ns;
		j->record[j->n++].size = size;
	}
}

static void take_record(struct look *l, struct tcp_audio *s, uint64_t ns, uint32_t size)
{
	int dir = l->dir;

	if (size != 0)
		size = size > s->adds ? size - s->adds : 1;
	speech_feed(&s->speech, dir, ns, size);
	talk_feed(&s->talk[dir], since(s, ns) + s->shift_us[dir], size);
	if (size != 0 && size <= SPEECH_SIZE_MAX)
		detect_media_packet(l, s->speech.start_ns);
}

/*
 * What was written while a segment was under way waits for its acknowledgement (Nagle, RFC 9293 3.7.4) and leaves in
 * one piece. When within that time is not known: it is taken to have been evenly.
 */
static void take_joined(struct look *l, struct tcp_audio *s, const struct joined *j, uint64_t ns)
{
	unsigned n = 0, at = 0;
	uint64_t step;

	for (unsigned i = 0; i < j->n; i++)
		n += j->record[i].ns == ns;
	step = n == 0 ? 0 : (ns - s->sent_ns[l->dir]) / n;
	step = step < WAITED_MAX_NS ? step : WAITED_MAX_NS;
	for (unsigned i = 0; i < j->n; i++) {
		bool whole = j->record[i].ns == ns;

		take_record(l, s, whole ? ns - (n - 1 - at) * step : j->record[i].ns, j->record[i].size);
		at += whole;
	}
	s->sent_ns[l->dir] = ns;
}

/* When the segment left, by its sender's clock where that is known; never before the one before it. */
static uint64_t time_sent(struct tcp_audio *s, int dir, const struct packet *p)
{
	uint32_t stamp = 0;
	bool stamped = packet_stamp(p, &stamp);
	uint64_t ns = sender_time(&s->sender[dir], p->frame->mono_ns, stamped, stamp);

	return ns > s->sent_ns[dir] ? ns : s->sent_ns[dir];
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
	s->sent_ns[0] = s->sent_ns[1] = now;
	s->read_ns = now + FIRST_READ_NS;
	s->adds = tunnel_adds(l->flow->watch);
	return s;
}

enum look_result tcp_audio_segment(struct look *l)
{
	const struct packet *p = l->pkt;
	uint64_t now = p->frame->mono_ns;
	struct tcp_audio *s = detect_state_find(l);
	struct record_segment seg = {
		.seq = p->tcp_seq, .data = p->payload, .have = p->payload_len, .wire = p->payload_wire, .pushed = p->tcp_flags & TCP_PSH,
	};
	struct joined joined;

	if (s == NULL && (s = start(l, now)) == NULL)
		return LOOK_MAYBE;
	seg.ns = time_sent(s, l->dir, p);
	joined.n = 0;
	record_feed(&s->record[l->dir], &seg, collect, &joined);
	take_joined(l, s, &joined, seg.ns);
	if (now < s->read_ns)
		return LOOK_MAYBE;
	s->read_ns = now + READ_EVERY_NS;
	weigh(l, s, now);
	return LOOK_MAYBE;
}

/* --- explain --- */

static void explain_end(const struct tcp_audio *s, int dir, const struct talk_view *v, FILE *out)
{
	fprintf(out, "    %s: %s", dir == 0 ? "one way" : "the other", framing_name((enum framing)s->record[dir].framing));
	if (s->adds != 0)
		fprintf(out, ", %u bytes of each a tunnel's", s->adds);
	if (v->apart > 0)
		fprintf(out, ";\n      levels %.2f octaves apart, %.0f %% between, %u changes%s", (double)v->apart, 100 * (double)v->between,
		    v->changes, v->even ? ", even" : "");
	fputc('\n', out);
}

void tcp_audio_explain(const void *state, FILE *out)
{
	const struct tcp_audio *s = state;
	struct talk both[2] = { s->talk[0], s->talk[1] };
	struct talk_reading t;

	talk_read(both, both[0].slot * TALK_SLOT_MS * 1000u, &t);
	for (int i = 0; i < 2; i++)
		explain_end(s, i, &t.dir[i], out);
	fprintf(out, "    bits: clock %.1f, sizes %.1f, talk %.1f; together %.2f\n", (double)s->held[TEST_CLOCK].bits,
	    (double)s->held[TEST_SIZES].bits, (double)s->held[TEST_TALK].bits, (double)t.together);
}
