/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * IAX2 (RFC 5456): calls and their media in one UDP flow. Full frames (8.1.1)
 * are signalling and the first packet of each medium; what follows are mini
 * frames (8.1.2) of a call number and a clock in milliseconds, or many of them
 * in a trunk (8.1.3). Nothing but a full frame makes us look at mini frames.
 */
#include "detect/rows.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "detect/call_facts.h"

const struct byte_range iax2_bytes[] = { { 0, 255 }, { 1, 0 } };

#define FULL_LEN      12
#define MINI_LEN       4
#define NUMBER_MASK   0x7fff
#define CALLS          8      /* calls kept a flow; between exchanges there are more, the oldest go */
#define ELEMENTS_MAX  64      /* information elements of a frame that are read */

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
#define CLOCK_MIN_NS (300 * NS_PER_MS)
#define CLOCK_ERROR  0.10     /* relative */

enum type { TYPE_DTMF = 1, TYPE_VOICE, TYPE_VIDEO, TYPE_CONTROL, TYPE_NULL, TYPE_IAX, TYPE_LAST = 12 };
enum iax { IAX_NEW = 1, IAX_PING, IAX_PONG, IAX_ACK, IAX_HANGUP, IAX_REJECT, IAX_ACCEPT, IAX_LAGRQ = 11, IAX_LAGRP,
	IAX_REGREQ, IAX_VNAK = 18, IAX_POKE = 30, IAX_LAST = 41 };
enum control { CONTROL_HANGUP = 1, CONTROL_RINGING = 3, CONTROL_ANSWER, CONTROL_BUSY, CONTROL_CONGESTION = 8, CONTROL_LAST = 40 };
enum element { ELEMENT_CALLED = 1, ELEMENT_CALLING, ELEMENT_NAME = 4, ELEMENT_USER = 6, ELEMENT_VERSION = 11 };

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
};

struct frame_view {
	uint16_t src, dst;
	uint32_t stamp;
	uint8_t oseq, iseq, type, subclass;
	bool again;               /* retransmitted */
	bool elements, version;   /* elements fill the frame; one says version 2 */
	struct span called, calling, name, user;
};

/* --- reading --- */

static void element_take(struct frame_view *f, uint8_t id, struct span v)
{
	switch (id) {
	case ELEMENT_CALLED:
		f->called = v;
		break;
	case ELEMENT_CALLING:
		f->calling = v;
		break;
	case ELEMENT_NAME:
		f->name = v;
		break;
	case ELEMENT_USER:
		f->user = v;
		break;
	case ELEMENT_VERSION:
		f->version = v.len == 2 && v.p[0] == 0 && v.p[1] == 2;
		break;
	default:
		break;
	}
}

static void elements_read(struct cursor c, struct frame_view *f)
{
	for (unsigned i = 0; i < ELEMENTS_MAX && cur_left(&c) > 0; i++) {
		uint8_t id = cur_u8(&c);
		uint8_t len = cur_u8(&c);
		const uint8_t *p = cur_take(&c, len);

		if (c.bad || id == 0 || id > 0x40)
			return;
		element_take(f, id, (struct span){ p, len });
		f->elements = cur_left(&c) == 0;
	}
}

/* A codec is one bit of 32: the low byte, or with 0x80 its position (8.1.1). */
static bool is_codec(uint8_t subclass)
{
	return subclass & 0x80 ? subclass >= 0x87 && subclass < 0x80 + 64 : subclass != 0 && (subclass & (subclass - 1)) == 0;
}

static bool subclass_known(const struct frame_view *f)
{
	switch (f->type) {
	case TYPE_VOICE:
		return is_codec(f->subclass);
	case TYPE_CONTROL:
		return (f->subclass >= 1 && f->subclass <= CONTROL_LAST) || f->subclass == 0xff;
	case TYPE_IAX:
		return f->subclass >= 1 && f->subclass <= IAX_LAST;
	default:
		return f->type >= TYPE_DTMF && f->type <= TYPE_LAST;
	}
}

static bool frame_read(const struct look *l, struct frame_view *f)
{
	struct cursor c = cur_open(l->data, l->len);
	uint16_t dst;

	*f = (struct frame_view){ .src = cur_u16(&c) & NUMBER_MASK };
	dst = cur_u16(&c);
	f->dst = dst & NUMBER_MASK;
	f->again = dst > NUMBER_MASK;
	f->stamp = cur_u32(&c);
	f->oseq = cur_u8(&c);
	f->iseq = cur_u8(&c);
	f->type = cur_u8(&c);
	f->subclass = cur_u8(&c);
	if (c.bad || f->src == 0 || !subclass_known(f))
		return false;
	if (f->type == TYPE_IAX)
		elements_read(c, f);
	return true;
}

/* Frames that begin something have no peer yet and count from 0. */
static bool frame_begins(const struct frame_view *f)
{
	return f->type == TYPE_IAX && f->dst == 0 && f->iseq == 0 &&
	    (f->subclass == IAX_NEW || f->subclass == IAX_REGREQ || f->subclass == IAX_POKE);
}

/* --- calls --- */

static struct iax2_call *call_of(struct iax2_state *s, uint8_t dir, uint16_t src)
{
	for (unsigned i = 0; i < CALLS; i++)
		if (s->call[i].used && s->call[i].number[dir] == src)
			return &s->call[i];
	return NULL;
}

static struct iax2_call *call_new(struct iax2_state *s, uint8_t dir, const struct frame_view *f)
{
	struct iax2_call *c = &s->call[s->next];

	s->next = (uint8_t)((s->next + 1) % CALLS);
	*c = (struct iax2_call){ .used = true, .caller = dir };
	c->number[dir] = f->src;
	c->number[!dir] = f->dst;
	return c;
}

/* The call of a full frame; NULL when the numbers contradict what was said before. */
static struct iax2_call *call_get(struct iax2_state *s, uint8_t dir, const struct frame_view *f)
{
	struct iax2_call *c = call_of(s, dir, f->src);
	struct iax2_call *peer = f->dst == 0 ? NULL : call_of(s, !dir, f->dst);

	if (c != NULL && frame_begins(f) && c->number[!dir] != 0 && !f->again) {
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

static void take_new(struct look *l, struct iax2_state *s, struct iax2_call *c, const struct frame_view *f)
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

static void take_iax(struct look *l, struct iax2_state *s, struct iax2_call *c, const struct frame_view *f)
{
	if (f->subclass == IAX_NEW)
		take_new(l, s, c, f);
	else if (f->subclass == IAX_HANGUP)
		take_end(l, s, c, CALL_ENDED);
	else if (f->subclass == IAX_REJECT)
		take_end(l, s, c, CALL_FAILED);
}

static void take_control(struct look *l, struct iax2_state *s, struct iax2_call *c, const struct frame_view *f)
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

static bool is_echo(const struct frame_view *f)
{
	return f->type == TYPE_IAX && (f->subclass == IAX_ACK || f->subclass == IAX_PONG || f->subclass == IAX_LAGRP);
}

static float signalling_bits(const struct iax2_state *s)
{
	unsigned order = s->order < ORDER_MAX ? s->order : ORDER_MAX;

	return s->proof_version + s->proof_elements + s->proof_peer + s->proof_echo + BITS_ORDER * (float)order;
}

static void proofs_add(struct iax2_state *s, const struct iax2_call *c, uint8_t dir, const struct frame_view *f)
{
	if (f->elements)
		s->proof_elements = BITS_ELEMENTS;
	if (f->version && frame_begins(f))
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
	if (!s->media)
		detect_evidence(l, CLASS_SIGNALLING, APP_IAX2, bits, "IAX2, {0} full frames", s->frames, 0);
}

static void evidence_media(struct look *l, struct iax2_state *s, const struct iax2_clock *k)
{
	uint16_t steps = k->steps < STEPS_COUNTED ? k->steps : STEPS_COUNTED;

	if (s->media && !k->right)
		return;
	if (steps < STEPS_COUNTED)
		return;
	s->media = true;
	detect_evidence(l, CLASS_MEDIA, APP_IAX2, BITS_KNOWN + BITS_STEP * (float)steps + (k->right ? BITS_CLOCK : 0),
	    "IAX2 media of a call set up on this flow, {0} frames in order", k->steps, 0);
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
	struct frame_view f;

	if (!frame_read(l, &f))
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

/* Entries: number and length, or length, number and stamp. The last one ends where the datagram does. */
static enum look_result look_trunk(struct look *l, struct iax2_state *s, struct cursor c)
{
	enum { TRUNK = 1, STAMPS = 1, ENTRIES_MAX = 64 };
	enum look_result result = LOOK_MAYBE;
	uint8_t command = cur_u8(&c), data = cur_u8(&c);
	uint32_t stamp = cur_u32(&c);

	if (c.bad || command != TRUNK)
		return LOOK_MAYBE;
	for (unsigned i = 0; i < ENTRIES_MAX && cur_left(&c) > 0; i++) {
		uint16_t a = cur_u16(&c), b = cur_u16(&c);
		uint16_t at = data & STAMPS ? cur_u16(&c) : (uint16_t)stamp;
		struct iax2_call *call = call_of(s, l->dir, data & STAMPS ? b : a);

		cur_skip(&c, data & STAMPS ? a : b);
		if (c.bad || call == NULL)
			return result;
		media_take(l, s, call, at);
		result = LOOK_YES;
	}
	return result;
}

static enum look_result look_mini(struct look *l, struct iax2_state *s)
{
	struct cursor c = cur_open(l->data, l->len);
	uint16_t src = cur_u16(&c);
	struct iax2_call *call;
	uint16_t stamp;

	if (src == 0)
		return look_trunk(l, s, c);
	stamp = cur_u16(&c);
	call = c.bad || l->wire <= MINI_LEN ? NULL : call_of(s, l->dir, src);
	if (call == NULL)
		return LOOK_MAYBE;
	media_take(l, s, call, stamp);
	return LOOK_YES;
}

enum look_result iax2_look(struct look *l)
{
	struct iax2_state *s;

	if (l->data[0] & 0x80)
		return l->len < FULL_LEN ? LOOK_MAYBE : look_full(l);
	s = detect_state_find(l);
	return s == NULL || s->bits < BITS_KNOWN ? LOOK_MAYBE : look_mini(l, s);
}
