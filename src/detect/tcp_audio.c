/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Speech over TCP: the clock, sizes and pauses of speech (speech.h), read from
 * records in sequence space (record.h). docs/METHOD.md, "tcp-audio".
 */
#include <assert.h>
#include <math.h>
#include <netinet/in.h>
#include <string.h>

#include "base/clock.h"
#include "detect/disguise.h"
#include "detect/framing.h"
#include "detect/joined.h"
#include "detect/padded.h"
#include "detect/record.h"
#include "detect/rows.h"
#include "detect/sender.h"
#include "detect/speech_count.h"
#include "detect/speech_talk.h"
#include "detect/speech_weigh.h"
#include "detect/talk_weigh.h"
#include "detect/tunnel_adds.h"

#define TCP_PSH        0x08  /* RFC 9293, 3.1 */

/* Small segments in a second before a connection is looked at: 60 ms frames, two of them joined now and then. */
#define GATE_SEGMENTS  10

#define FIRST_READ_NS  (600 * NS_PER_MS)  /* aims the size tests at the clock */
#define READ_EVERY_NS  (250 * NS_PER_MS)

enum test { TEST_CLOCK, TEST_SIZES, TEST_TALK, TEST_DISGUISE, TEST_RELAY, TESTS };

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
	struct ssh_packets ssh[2];
	struct count_clock count[2];
	struct talk talk[2];
	struct padded padded[2];
	uint32_t adds;            /* bytes of a record that are a tunnel's or a relay's */
	uint32_t shift_us[2];     /* added to the time of a record: none is due at the rim of a slot of `talk` */
	uint64_t read_ns;         /* when the model is asked next */
	struct held held[TESTS];
};
static_assert(sizeof(struct tcp_audio) <= 1024, "state of a watched TCP flow: docs/METHOD.md, bounds");

static uint32_t since(const struct tcp_audio *s, uint64_t ns)
{
	return (uint32_t)((ns - s->speech.start_ns) / NS_PER_US);
}

/* --- what readings say together --- */

/*
 * A test speaks when two readings in a row agree, so that a moment of chance is
 * not a call. What it once said is forgotten over a minute or two while a clock goes
 * on (a monologue is not the end of a call), and faster without one. Once the flow is
 * sure to be a call, readings add to that and take nothing away, as under cadence:
 * else one at the threshold would be decided anew with every word.
 */
#define FORGET_BITS 0.25f /* a reading without a clock: 1 bit a second */
#define FADE_BITS   0.01f /* and a reading that does not repeat it */

static void hold(struct held *h, float bits)
{
	h->bits = fmaxf(h->bits, fminf(bits, h->last));
	h->last = bits;
}

static void forget(struct held *h, float bits)
{
	h->bits -= fminf(h->bits, bits);
}

static void fade(struct held held[static TESTS], bool clock)
{
	for (unsigned i = 0; i < TESTS; i++)
		if (!clock || held[i].last <= 0)
			forget(&held[i], clock ? FADE_BITS : FORGET_BITS);
}

/* What one reading says, test by test. */
static void take_reading(struct held held[static TESTS], const float said[static TESTS])
{
	for (unsigned i = 0; i < TESTS; i++)
		hold(&held[i], said[i]);
}

/* [sizes][talk] */
static const char *const why[2][2] = {
	{ "records of about {1} bytes keep the clock of speech, one every {0} ms",
	  "records of about {1} bytes keep the clock of speech, one every {0} ms, with talk and silence" },
	{ "records keep the clock of speech, one every {0} ms; their sizes, about {1} bytes, are those of speech",
	  "records keep the clock of speech, one every {0} ms, with talk and silence; sizes, about {1} bytes, of speech" },
};
static const char *const why_relayed =
	"records padded as TURN pads them keep the clock of speech, one every {0} ms; sizes, about {1} bytes";
static const char *const why_disguised =
	"records framed as RTP is, on port 443, keep the clock of speech, one every {0} ms; sizes, about {1} bytes, of speech";

static void say(struct look *l, const struct held h[static TESTS], const struct speech_view *v)
{
	float bits = 0;

	for (unsigned i = 0; i < TESTS; i++)
		bits += h[i].bits;
	detect_evidence(l, CLASS_MEDIA, APP_NONE, bits, h[TEST_DISGUISE].bits > 0 ? why_disguised : h[TEST_RELAY].bits > 0 ? why_relayed
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

/*
 * A relay inside of TLS shows once some records have passed, before anybody has said a word. What was made of them till
 * then counted the relay's bytes as the codec's.
 */
static void look_through(struct tcp_audio *s, const struct flow *f)
{
	uint32_t adds = are_padded(s->padded) ? ADDS_TURN : tunnel_adds(f->watch);

	if (adds == s->adds)
		return;
	s->adds = adds;
	for (int i = 0; i < 2; i++) {
		s->speech.dir[i].sizes = (struct speech_sizes){ 0 };
		s->talk[i] = (struct talk){ .slot = s->talk[i].slot, .first = s->talk[i].slot };
	}
}

/* Where the path's clock hides the sender's, his may be known by counting. */
static void count_read(struct tcp_audio *s, int dir, struct speech_view *v)
{
	unsigned period = count_keeps_ms(&s->count[dir]);

	if (period == 0 || clock_keeps(&v->clock, CLOCK_FILLED))
		return;
	v->clock.rough = true;
	v->clock.period_ms = (uint8_t)period;
	clock_aim_rate(&s->speech.dir[dir].clock, period);
}

/* The flow is called media with so many bits. */
static bool called_media(const struct look *l, float bits)
{
	const struct watch *w = l->flow->watch;

	return w != NULL && w->cls == CLASS_MEDIA && w->bits >= bits;
}

static void weigh(struct look *l, struct tcp_audio *s, uint64_t now)
{
	const struct speech_view *more;
	struct speech_opinion o;
	struct talk_reading t;
	struct speech_view v[2];
	float said[TESTS] = { 0 };
	bool opened = tunnel_adds(l->flow->watch) == ADDS_TURN;

	look_through(s, l->flow);
	speech_read(&s->speech, now, v);
	for (int i = 0; i < 2; i++) {
		v[i].wrap = is_hidden(s, i) ? WRAP_HIDDEN : WRAP_RECORD;
		count_read(s, i, &v[i]);
	}
	speech_weigh(v, &o);
	if (o.clock.bits > 0) { /* rarely: the rest is asked of what keeps a clock */
		talk_read(s->talk, since(s, now), &t);
		place_slots(s, v);
		said[TEST_CLOCK] = o.clock.bits;
		said[TEST_SIZES] = fmaxf(talk_size_bits(&t, &o), padded_size_bits(s->padded, opened, &o));
		said[TEST_TALK] = talk_bits(&t, &o);
		said[TEST_DISGUISE] = disguise_bits(l->flow, s->record, v, &o);
		said[TEST_RELAY] = padded_bits(s->padded, opened, &o);
	}
	take_reading(s->held, said);
	if (!called_media(l, ACT_BITS))
		fade(s->held, said[TEST_CLOCK] > 0);
	more = &v[v[1].n > v[0].n];
	if (s->held[TEST_CLOCK].bits > 0 && more->clock.period_ms != 0)
		say(l, s->held, more);
}

/* --- segments --- */

/*
 * A tunnel is set up, and then nobody calls for a while. What passed before both ends were silent for so long, with no
 * clock in it, is no part of a call: its silence would make one level of talk and silence, and its sizes no syllables.
 * People are silent together for 0.5 s in the mean (ITU-T P.59), a clock shows within a second of talk.
 */
#define IDLE_NS        NS_PER_S
#define SET_UP_NS      (2 * NS_PER_S)     /* so soon it may be the setting up that opened the gate; then the shortest silence */
#define SET_UP_IDLE_NS (240 * NS_PER_MS)  /* that no frames are apart, four of 60 ms, is enough */

static bool begins_anew(const struct tcp_audio *s, uint64_t ns)
{
	uint64_t last = s->sent_ns[s->sent_ns[1] > s->sent_ns[0]];
	bool soon = ns < s->speech.start_ns + SET_UP_NS;

	return ns >= last + (soon ? SET_UP_IDLE_NS : IDLE_NS) && s->held[TEST_CLOCK].bits <= 0;
}

static void start_anew(struct look *l, struct tcp_audio *s, uint64_t ns)
{
	speech_start(&s->speech, ns);
	memset(s->talk, 0, sizeof s->talk);
	memset(s->count, 0, sizeof s->count);
	memset(s->held, 0, sizeof s->held);
	s->read_ns = ns + FIRST_READ_NS;
	if (l->flow->watch != NULL && l->flow->watch->cls == CLASS_NONE) /* else others may have noted it */
		detect_media_none(l);
}

static void take_record(struct look *l, struct tcp_audio *s, uint64_t ns, uint32_t size)
{
	int dir = l->dir;

	if (size != 0)
		size = size > s->adds ? size - s->adds : 1;
	speech_feed(&s->speech, dir, ns, size);
	if (s->record[dir].framing == FRAMING_NONE || size <= SPEECH_SIZE_MAX) /* a larger record is no frame, larger writes may be some */
		talk_feed(&s->talk[dir], since(s, ns) + s->shift_us[dir], size);
	if (size != 0 && size <= SPEECH_SIZE_MAX)
		detect_media_packet(l, s->speech.start_ns);
}

static bool is_audio(const struct tcp_audio *s, int dir, uint32_t size)
{
	return size > s->adds && size <= SPEECH_SIZE_MAX && !turns_quiet(&s->speech.turns, dir, size - s->adds);
}

static unsigned audio_in(const struct tcp_audio *s, int dir, const struct joined *j)
{
	unsigned n = 0;

	for (unsigned i = 0; i < j->n; i++)
		n += is_audio(s, dir, j->record[i].size);
	return n;
}

static void take_joined(struct look *l, struct tcp_audio *s, struct joined *j, uint64_t ns)
{
	int dir = l->dir;
	bool known = s->record[dir].framing != FRAMING_NONE, ssh = !known && s->adds == ADDS_SSH;

	if (ssh)
		joined_part_ssh(j, s->ssh, dir, s->sent_ns[dir]);
	if (known || ssh)
		count_feed(&s->count[dir], since(s, ns), audio_in(s, dir, j));
	joined_spread(j, ns, s->sent_ns[dir]);
	for (unsigned i = 0; s->record[dir].framing == FRAMING_TLS && i < j->n; i++)
		padded_feed(&s->padded[dir], j->record[i].size);
	for (unsigned i = 0; i < j->n; i++)
		take_record(l, s, j->record[i].ns, j->record[i].size);
	s->sent_ns[dir] = ns;
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
	return called_media(l, 2 * ACT_BITS);
}

static struct tcp_audio *start(struct look *l, uint64_t now)
{
	struct tcp_audio *s;

	if (!gate_opens(l->flow, l->dir) || not_needed(l) || (s = detect_state(l, sizeof *s)) == NULL)
		return NULL;
	s->sent_ns[0] = s->sent_ns[1] = now;
	start_anew(l, s, now);
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
	if (begins_anew(s, seg.ns))
		start_anew(l, s, seg.ns);
	joined.n = 0;
	record_feed(&s->record[l->dir], &seg, joined_add, &joined);
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
