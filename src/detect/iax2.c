/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * IAX2 (RFC 5456): calls and their media in one UDP flow. Full frames (8.1.1)
 * are signalling and the first packet of each medium; what follows are mini
 * frames (8.1.2) of a call number and a clock in milliseconds, or many of them
 * in a trunk (8.1.3). A flow joined midway shows no full frame for up to a
 * minute: there a run of mini frames at the pace of speech stands for it.
 */
#include "detect/rows.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "detect/call_facts.h"
#include "detect/iax2_frame.h"

const struct byte_range iax2_bytes[] = { { 0, 255 }, { 1, 0 } };

#define MINI_LEN       4
#define CALLS          8      /* calls kept a flow; between exchanges there are more, the oldest go */

/*
 * A full frame has 15 + 8 bits that must agree with the other end's, and types
 * and elements of lists; counted well below that. RTP may look like one full
 * frame now and then, but its sequence number would be the peer's call number
 * and has to stay.
 */
#define BITS_VERSION  12.0f   /* element VERSION says 2 in a frame that begins something: NEW, REGREQ */
#define BITS_ELEMENTS  4.0f   /* elements fill the frame to the byte */
#define BITS_PEER      6.0f   /* the other end names our call number, and its own stays */
#define BITS_ECHO      8.0f   /* an acknowledgement repeats the stamp of the other end's frame */
#define BITS_ORDER     2.0f   /* a sequence number one higher, at most ORDER_MAX of them */
#define ORDER_MAX      3
#define BITS_KNOWN    10.0f   /* from here on mini frames are looked at */
#define BITS_STEP      4.0f   /* a mini frame of a call we know, a frame of speech after the last */
#define STEPS_COUNTED  4
#define BITS_CLOCK     4.0f   /* the stamps advance as time does */

#define STEP_MAX     200      /* ms in one frame of speech, as for RTP */

/*
 * Joined midway: one call number (16 bits) and a stamp that rises by a frame
 * (16 bits) of just the time that passed, RUN times in a row. Other protocols
 * have session numbers and clocks too, so steps count as above and BITS_KNOWN
 * is left out; a trunk has its own mark (32 bits) and lengths that fit.
 */
#define RUN            8
#define RUN_STEP      10      /* ms: frames of speech are multiples */
#define RUN_STEP_MAX  60
#define RUN_JITTER    60      /* ms that the time between two arrivals may differ from the step */
#define RUN_WIRE_MAX 600      /* bytes: 60 ms of 16-bit samples at 4 kHz; G.711 has 484 */
#define RUN_LOOKS    256      /* payloads of a flow in which a run is looked for */
#define RUN_NOT_OF    16      /* whole blocks are no mini frames (4 bytes and speech), and vendor_telegram.c keeps its own in the probe */
#define RUN_MARK  0x49410000u /* in the flow's probe, with the call number */
#define CLOCK_MIN_NS (300 * NS_PER_MS)
#define CLOCK_ERROR  0.10     /* relative */

/* One direction's stamps. */
struct iax2_clock {
	uint64_t ref_ns;
	uint32_t media_ms;        /* since ref_ns */
	uint16_t last;
	uint16_t steps;
	bool begun, right;
};

struct iax2_call {
	uint64_t call;            /* of a NEW we saw; 0 joined later */
	uint32_t stamp[2];        /* of the last full frame a direction */
	struct iax2_clock clock[2];
	uint16_t number[2];       /* call number each direction sends under; 0 not known */
	uint8_t oseq[2];
	uint8_t seen[2];
	uint8_t caller;
	bool used, over;
	char dialed[DIALED_LEN];
	char from[32], to[32];
	char id[CALL_ID_LEN];
};

struct iax2_state {
	struct iax2_call call[CALLS];
	struct call_number number;
	float bits;               /* of signalling */
	float proof_version, proof_elements, proof_peer, proof_echo;
	uint32_t frames;
	uint16_t turns;           /* calls begun */
	uint8_t next, order;
	bool media;
	bool joined;              /* midway: no full frame proved it, a run did */
};

/* --- calls --- */

static struct iax2_call *call_of(struct iax2_state *s, uint8_t dir, uint16_t src)
{
	for (unsigned i = 0; i < CALLS; i++)
		if (s->call[i].used && s->call[i].number[dir] == src)
			return &s->call[i];
	return NULL;
}

static struct iax2_call *call_new(struct iax2_state *s, uint8_t dir, const struct iax2_frame *f)
{
	struct iax2_call *c = &s->call[s->next];

	s->next = (uint8_t)((s->next + 1) % CALLS);
	*c = (struct iax2_call){ .used = true, .caller = dir };
	c->number[dir] = f->src;
	c->number[!dir] = f->dst;
	return c;
}

/* The call of a full frame; NULL when the numbers contradict what was said before. */
static struct iax2_call *call_get(struct iax2_state *s, uint8_t dir, const struct iax2_frame *f)
{
	struct iax2_call *c = call_of(s, dir, f->src);
	struct iax2_call *peer = f->dst == 0 ? NULL : call_of(s, !dir, f->dst);

	/* Asked for a token under a number that stands for no call: the NEW comes again with it, and is the same call. */
	if (peer != NULL && f->type == TYPE_IAX && f->subclass == IAX_CALLTOKEN)
		return peer;
	if (c != NULL && iax2_frame_begins(f) && c->number[!dir] != 0 && !f->again) {
		c->used = false; /* the number is used anew */
		c = NULL;
	}
	if (c == NULL && peer != NULL && peer->number[dir] == 0) {
		c = peer;
		c->number[dir] = f->src;
	}
	if (c == NULL)
		return peer != NULL && !peer->over ? NULL : call_new(s, dir, f);
	if (f->dst != 0 && c->number[!dir] == 0)
		c->number[!dir] = f->dst;
	return f->dst == 0 || c->number[!dir] == f->dst ? c : NULL;
}

static void signal_send(struct look *l, const struct iax2_call *c, enum call_phase phase)
{
	struct call_signal sig = { .call = c->call, .phase = phase, .app = APP_IAX2, .from_caller = l->dir == c->caller };

	if (c->call == 0)
		return;
	snprintf(sig.id, sizeof sig.id, "%s", c->id);
	snprintf(sig.from, sizeof sig.from, "%s", c->from);
	snprintf(sig.to, sizeof sig.to, "%s", c->to);
	snprintf(sig.dialed, sizeof sig.dialed, "%s", c->dialed);
	detect_signal(l, &sig);
}

static void take_new(struct look *l, struct iax2_state *s, struct iax2_call *c, const struct iax2_frame *f)
{
	if (c->call != 0)
		return; /* sent again */
	c->caller = l->dir;
	c->call = call_hash_flow(l, "iax2", f->src, s->turns++, c->id);
	call_text(l, c->to, sizeof c->to, f->called);
	call_text(l, c->from, sizeof c->from, f->calling.len > 0 ? f->calling : f->user.len > 0 ? f->user : f->name);
	call_digits(f->called, c->dialed);
	signal_send(l, c, CALL_SETUP);
	call_dialed(l, &s->number, c->call, c->dialed);
}

static void take_end(struct look *l, struct iax2_state *s, struct iax2_call *c, enum call_phase phase)
{
	if (c->over)
		return;
	c->over = true;
	signal_send(l, c, phase);
	call_over(l, &s->number, c->call);
}

static void take_iax(struct look *l, struct iax2_state *s, struct iax2_call *c, const struct iax2_frame *f)
{
	if (f->subclass == IAX_NEW)
		take_new(l, s, c, f);
	else if (f->subclass == IAX_HANGUP)
		take_end(l, s, c, CALL_ENDED);
	else if (f->subclass == IAX_REJECT)
		take_end(l, s, c, CALL_FAILED);
}

static void take_control(struct look *l, struct iax2_state *s, struct iax2_call *c, const struct iax2_frame *f)
{
	if (f->subclass == CONTROL_RINGING)
		signal_send(l, c, CALL_RINGING);
	else if (f->subclass == CONTROL_ANSWER)
		signal_send(l, c, CALL_ANSWERED);
	else if (f->subclass == CONTROL_BUSY || f->subclass == CONTROL_CONGESTION)
		signal_send(l, c, CALL_FAILED);
	else if (f->subclass == CONTROL_HANGUP)
		take_end(l, s, c, CALL_ENDED);
}

/* --- weighing --- */

static bool is_echo(const struct iax2_frame *f)
{
	return f->type == TYPE_IAX && (f->subclass == IAX_ACK || f->subclass == IAX_PONG || f->subclass == IAX_LAGRP);
}

static float signalling_bits(const struct iax2_state *s)
{
	unsigned order = s->order < ORDER_MAX ? s->order : ORDER_MAX;

	return s->proof_version + s->proof_elements + s->proof_peer + s->proof_echo + BITS_ORDER * (float)order;
}

static void proofs_add(struct iax2_state *s, const struct iax2_call *c, uint8_t dir, const struct iax2_frame *f)
{
	if (f->elements)
		s->proof_elements = BITS_ELEMENTS;
	if (f->version && iax2_frame_begins(f))
		s->proof_version = BITS_VERSION;
	if (c->seen[!dir] > 0 && f->dst != 0 && f->dst == c->number[!dir])
		s->proof_peer = BITS_PEER;
	if (s->proof_peer > 0 && is_echo(f) && f->stamp != 0 && f->stamp == c->stamp[!dir])
		s->proof_echo = BITS_ECHO;
	if (c->seen[dir] > 0 && f->oseq == (uint8_t)(c->oseq[dir] + 1) && s->order < ORDER_MAX)
		s->order++;
}

static void evidence_signalling(struct look *l, struct iax2_state *s)
{
	float bits = signalling_bits(s);

	if (bits <= s->bits)
		return;
	s->bits = bits;
	if (!s->media && bits >= BITS_KNOWN) /* less comes by chance, and would name what others found */
		detect_evidence(l, CLASS_SIGNALLING, APP_IAX2, bits, "IAX2, {0} full frames", s->frames, 0);
}

static void evidence_media(struct look *l, struct iax2_state *s, const struct iax2_clock *k)
{
	uint16_t steps = k->steps < STEPS_COUNTED ? k->steps : STEPS_COUNTED;

	bool joined = s->bits < BITS_KNOWN;

	if ((s->media || joined) && !k->right)
		return;
	if (steps < STEPS_COUNTED)
		return;
	s->media = true;
	detect_evidence(l, CLASS_MEDIA, APP_IAX2,
	    (joined ? 0 : BITS_KNOWN) + BITS_STEP * (float)steps + (k->right ? BITS_CLOCK : 0),
	    joined ? "IAX2 media joined midway, {0} frames in order" : "IAX2 media of a call set up on this flow, {0} frames in order",
	    k->steps, 0);
}

/* One frame of speech, stamped in milliseconds. */
static void media_take(struct look *l, struct iax2_state *s, struct iax2_call *c, uint16_t stamp)
{
	struct iax2_clock *k = &c->clock[l->dir];
	uint64_t now = l->pkt->frame->mono_ns;
	uint16_t step = (uint16_t)(stamp - k->last);
	bool right = k->right;

	if (k->begun && (step == 0 || step > INT16_MAX))
		return; /* twice, or late */
	k->last = stamp;
	if (!k->begun || step > STEP_MAX) {
		k->begun = true;
		k->ref_ns = now;
		k->media_ms = 0;
		return;
	}
	k->media_ms += step;
	if (now - k->ref_ns >= CLOCK_MIN_NS) {
		double ratio = (double)k->media_ms * (double)NS_PER_MS / (double)(now - k->ref_ns);

		k->right = ratio > 1 - CLOCK_ERROR && ratio < 1 + CLOCK_ERROR;
	}
	if (k->steps < UINT16_MAX)
		k->steps++;
	detect_media_packet(l, now);
	if (k->steps <= STEPS_COUNTED || k->right != right)
		evidence_media(l, s, k);
}

/* --- frames --- */

static enum look_result look_full(struct look *l)
{
	struct iax2_state *s = detect_state_find(l);
	struct iax2_call *c;
	struct iax2_frame f;

	if (!iax2_frame_read(l, &f))
		return LOOK_MAYBE;
	if (s == NULL && (s = detect_state(l, sizeof *s)) == NULL)
		return LOOK_MAYBE;
	c = call_get(s, l->dir, &f);
	if (c == NULL)
		return s->bits >= BITS_KNOWN ? LOOK_MAYBE : LOOK_NO;
	s->frames++;
	proofs_add(s, c, l->dir, &f);
	c->seen[l->dir] = 1;
	c->oseq[l->dir] = f.oseq;
	if (!is_echo(&f))
		c->stamp[l->dir] = f.stamp;
	evidence_signalling(l, s);
	if (s->bits < BITS_KNOWN)
		return LOOK_MAYBE;
	if (f.type == TYPE_IAX)
		take_iax(l, s, c, &f);
	else if (f.type == TYPE_CONTROL)
		take_control(l, s, c, &f);
	else if (f.type == TYPE_VOICE)
		media_take(l, s, c, (uint16_t)f.stamp);
	return LOOK_YES;
}

static enum look_result look_trunk(struct look *l, struct iax2_state *s)
{
	struct cursor c = cur_open(l->data, l->len);
	uint32_t head = cur_u32(&c), stamp = cur_u32(&c);
	enum look_result result = LOOK_MAYBE;
	struct iax2_entry e;

	if (c.bad || !iax2_is_trunk(head))
		return LOOK_MAYBE;
	for (unsigned i = 0; i < IAX2_ENTRIES_MAX && cur_left(&c) > 0 && iax2_trunk_next(&c, head & IAX2_TRUNK_STAMPS, (uint16_t)stamp, &e); i++) {
		struct iax2_call *call = call_of(s, l->dir, e.number);

		if (call == NULL && s->joined)
			call = call_new(s, l->dir, &(struct iax2_frame){ .src = e.number });
		if (call == NULL)
			return result;
		media_take(l, s, call, e.stamp);
		result = LOOK_YES;
	}
	return result;
}

static enum look_result look_mini(struct look *l, struct iax2_state *s)
{
	struct cursor c = cur_open(l->data, l->len);
	uint16_t src = cur_u16(&c), stamp = cur_u16(&c);
	struct iax2_call *call;

	if (src == 0)
		return look_trunk(l, s);
	call = c.bad || l->wire <= MINI_LEN ? NULL : call_of(s, l->dir, src);
	if (call == NULL)
		return LOOK_MAYBE;
	media_take(l, s, call, stamp);
	return LOOK_YES;
}

/* --- joined midway --- */

/* True at the end of a run of mini frames; the flow's probe, which RTP uses under other first bytes, remembers it. */
static bool run_ends(const struct look *l, uint16_t number, uint16_t stamp)
{
	struct flow_probe *p = &l->flow->probe[l->dir];
	uint16_t ms = (uint16_t)(l->pkt->frame->mono_ns / NS_PER_MS);
	uint16_t step = (uint16_t)(stamp - p->seq), passed = (uint16_t)(ms - p->ms);
	bool on = p->ssrc == (RUN_MARK | number) && step != 0 && step % RUN_STEP == 0 && step <= RUN_STEP_MAX
	    && passed <= step + RUN_JITTER && passed + RUN_JITTER >= step && iax2_is_speech(step, l->wire - MINI_LEN);

	*p = (struct flow_probe){ .ssrc = RUN_MARK | number, .ts = on ? p->ts + 1 : 0, .seq = stamp, .ms = ms };
	return p->ts >= RUN;
}

/* A state for a flow without a full frame, once mini frames or a trunk prove it; NULL until then. */
static struct iax2_state *join(struct look *l)
{
	struct cursor c = cur_open(l->data, l->len);
	uint16_t number = cur_u16(&c), stamp = cur_u16(&c);
	struct iax2_state *s;

	if (c.bad || l->wire <= MINI_LEN || l->depth != 0 || l->wrapper || l->wire % RUN_NOT_OF == 0 || l->wire > RUN_WIRE_MAX + MINI_LEN * (number == 0 ? IAX2_ENTRIES_MAX : 0)
	    || l->flow->dir[0].payloads + l->flow->dir[1].payloads > RUN_LOOKS)
		return NULL;
	if (number == 0 ? !iax2_trunk_whole(l) : !run_ends(l, number, stamp))
		return NULL;
	s = detect_state(l, sizeof *s);
	if (s == NULL)
		return NULL;
	s->joined = true;
	if (number != 0 && call_of(s, l->dir, number) == NULL)
		(void)call_new(s, l->dir, &(struct iax2_frame){ .src = number });
	return s;
}

enum look_result iax2_look(struct look *l)
{
	struct iax2_state *s;

	if (l->data[0] & 0x80)
		return l->len < IAX2_FULL_LEN ? LOOK_MAYBE : look_full(l);
	s = detect_state_find(l);
	if (s == NULL || (s->bits < BITS_KNOWN && !s->joined))
		s = join(l);
	return s == NULL ? LOOK_MAYBE : look_mini(l, s);
}
