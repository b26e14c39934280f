/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TEST_CADENCE_FEED_H
#define TEST_CADENCE_FEED_H

#include <math.h>

#include "look_bench.h"
#include "judge/judge.h"

/*
 * Senders and networks for tests that know only stamps, sizes and directions:
 * voice of constant and variable rate, games, jitter, loss, drift. All from a
 * seed.
 */
struct dice { uint64_t s; };

/* splitmix64 (Steele, Lea, Flood 2014) */
static inline double dice_uniform(struct dice *d)
{
	uint64_t z = d->s += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (double)((z ^ z >> 31) >> 11) / 9007199254740992.0;
}

static inline double dice_normal(struct dice *d)
{
	double s = 0;

	for (int i = 0; i < 12; i++)
		s += dice_uniform(d);
	return s - 6;
}

enum size_model {
	SIZES_ONE,        /* a */
	SIZES_UNIFORM,    /* a to b */
	SIZES_NORMAL,     /* mean a, deviation b */
	SIZES_WALK,       /* from a to b in small steps */
	SIZES_MARKOV,     /* mean a, deviation b, four fifths of it from one to the next: a first-order Gauss-Markov process */
	SIZES_VOICE,      /* variable rate around a: syllables, and words with silence of b bytes between them */
};

struct sender {
	double hz;            /* 0: sends nothing */
	enum size_model model;
	double a, b;
	bool dtx;             /* SIZES_VOICE: in silence one packet each 400 ms */
	double slip;          /* seconds the clock is late at each packet, mean: a loop that sleeps */
	double turns;         /* seconds it talks and listens in turn; 0: always talks */
	bool listens_first;
	bool reports;         /* while it listens a report of 40 bytes for every third packet */
	/* how it is */
	struct dice dice;
	double next, walk, syllable, turn;
	bool talks;
	unsigned silent;
};

struct network {
	double jitter;        /* mean delay, exponential, order kept; seconds */
	double wander, tau;   /* slow delay: deviation and time constant, seconds (first-order Gauss-Markov) */
	double loss;          /* share */
	double drift;         /* of the clock; 1e-4 is 100 ppm */
};

static inline void sender_start(struct sender *s, uint64_t seed)
{
	s->dice.s = seed * 7919 + 1;
	s->next = s->hz > 0 ? dice_uniform(&s->dice) / s->hz : 1e9;
	s->walk = (s->a + s->b) / 2;
	s->talks = true;
	s->turn = s->next + 0.5 + dice_uniform(&s->dice);
}

/* Words of half a second to two, silence of 0.3 s to one (ITU-T P.59 has longer ones). */
static inline double voice_size(struct sender *s)
{
	double rho = exp(-0.06 * 1000 / (s->hz * 60)); /* the envelope's memory: 60 ms */

	if (s->next > s->turn) {
		s->talks = !s->talks;
		s->turn = s->next + (s->talks ? 0.5 + 1.5 * dice_uniform(&s->dice) : 0.3 + 0.7 * dice_uniform(&s->dice));
		s->silent = 0;
	}
	s->syllable = rho * s->syllable + sqrt(1 - rho * rho) * dice_normal(&s->dice);
	return s->talks ? fmax(s->b + 4, s->a * (1 + 0.15 * s->syllable)) : s->b;
}

/* Size of the next packet, 0 when silence suppression keeps it. */
static inline unsigned sender_size(struct sender *s)
{
	double size = s->a;

	if (s->turns > 0 && (fmod(s->next, 2 * s->turns) < s->turns) == s->listens_first)
		return s->reports && s->silent++ % 3 == 0 ? 40 : 0;
	switch (s->model) {
	case SIZES_ONE:
		break;
	case SIZES_UNIFORM:
		size = s->a + dice_uniform(&s->dice) * (s->b - s->a);
		break;
	case SIZES_NORMAL:
		size = fmax(s->a + s->b * dice_normal(&s->dice), 12);
		break;
	case SIZES_WALK:
		s->walk = fmin(fmax(s->walk + 9 * dice_normal(&s->dice), s->a), s->b);
		size = s->walk;
		break;
	case SIZES_MARKOV:
		s->syllable = 0.8 * s->syllable + 0.6 * dice_normal(&s->dice);
		size = fmax(s->a + s->b * s->syllable, 12);
		break;
	case SIZES_VOICE:
		size = voice_size(s);
		if (s->dtx && !s->talks && s->silent++ % (unsigned)(0.4 * s->hz) != 0)
			return 0;
		break;
	}
	return (unsigned)size;
}

struct road { double last, wander, at; struct dice dice; };

/* When a packet sent at `t` arrives; negative: never. */
static inline double road_travel(struct road *r, const struct network *n, double t)
{
	double keep, arrives = t * (1 + n->drift) + 1.0;

	if (n->wander > 0) {
		keep = exp(-(t - r->at) / n->tau);
		r->wander = keep * r->wander + n->wander * sqrt(1 - keep * keep) * dice_normal(&r->dice);
		arrives += r->wander;
	}
	r->at = t;
	if (n->jitter > 0)
		arrives -= n->jitter * log(1 - dice_uniform(&r->dice));
	arrives = fmax(arrives, r->last + 2e-5);
	if (dice_uniform(&r->dice) < n->loss)
		return -1;
	return r->last = arrives;
}

/* What came of it. */
struct heard {
	float bits;           /* of media, at the end */
	float most;           /* at any time */
	double act_s;         /* when media reached ACT_BITS; 0 never */
	enum voip_class cls;  /* at the end */
	char why[512];
};

static inline void cadence_packet(struct bench *b, int dir, double t, unsigned size, struct heard *h)
{
	static const uint8_t payload[1500];
	struct look l = bench_look(b, dir, payload, size, cadence_look, NULL);
	struct judgement j;
	uint32_t second = (uint32_t)t;

	b->frame.mono_ns = (uint64_t)(t * 1e9);
	if (b->flow.first_ns == 0)
		b->flow.first_ns = b->frame.mono_ns;
	for (int i = 0; i < 2 && second != b->flow.window; i++) {
		b->flow.dir[i].window_packets[1] = second == b->flow.window + 1 ? b->flow.dir[i].window_packets[0] : 0;
		b->flow.dir[i].window_packets[0] = 0;
	}
	b->flow.window = second;
	b->flow.dir[dir].window_packets[0]++;
	b->flow.dir[dir].packets++;
	b->flow.dir[dir].size_max = size > b->flow.dir[dir].size_max ? (uint16_t)size : b->flow.dir[dir].size_max;
	if (!(b->flow.alive & row_bit(l.row)))
		return;
	if (cadence_look(&l) == LOOK_NO)
		b->flow.alive &= ~row_bit(l.row);
	if (b->flow.watch == NULL)
		return;
	j = judge(b->flow.watch->evidence, b->flow.watch->n_evidence, REPORT_BITS);
	b->flow.watch->cls = (uint8_t)j.cls;
	b->flow.watch->bits = j.bits;
	h->cls = j.cls;
	h->bits = judge_bits(b->flow.watch->evidence, b->flow.watch->n_evidence, CLASS_MEDIA);
	if (h->bits > h->most) {
		h->most = h->bits;
		h->why[0] = '\0';
		for (unsigned i = 0; i < b->flow.watch->n_evidence; i++) {
			char text[WHY_LEN];
			size_t used = strlen(h->why);

			snprintf(h->why + used, sizeof h->why - used, "%.0f: %s; ", (double)b->flow.watch->evidence[i].bits,
			    evidence_why(&b->flow.watch->evidence[i], text));
		}
	}
	if (h->act_s == 0 && j.cls == CLASS_MEDIA && j.bits >= ACT_BITS)
		h->act_s = t - (double)b->flow.first_ns / 1e9;
}

/* Nobody reads the payload, which is no RTP. */
static inline void cadence_alone(struct bench *b)
{
	uint64_t rows;
	char bad[32];

	assert_true(detect_select("cadence", &rows, bad));
	detect_init(&b->env, rows);
}

/* Runs both senders over the network for so many seconds, through a flow of its own. */
static inline struct heard cadence_run(const struct sender senders[2], const struct network *net, uint64_t seed, double seconds)
{
	struct sender s[2] = { senders[0], senders[1] };
	struct road road[2] = { 0 };
	double arrives[2] = { -1, -1 };
	unsigned size[2] = { 0 };
	struct heard h = { 0 };
	struct bench b;

	bench_open(&b, 17, 40000, 50000);
	cadence_alone(&b);
	for (int i = 0; i < 2; i++) {
		sender_start(&s[i], seed * 2 + (uint64_t)i);
		road[i].dice.s = seed * 104729 + (uint64_t)i;
	}
	for (;;) {
		int dir;

		for (int i = 0; i < 2; i++) {
			while (arrives[i] < 0 && s[i].next < seconds) {
				size[i] = sender_size(&s[i]);
				arrives[i] = size[i] == 0 ? -1 : road_travel(&road[i], net, s[i].next);
				s[i].next += 1 / s[i].hz - s[i].slip * log(1 - dice_uniform(&s[i].dice));
			}
			if (arrives[i] < 0)
				arrives[i] = 1e9;
		}
		dir = arrives[1] < arrives[0];
		if (arrives[dir] >= 1e9)
			break;
		cadence_packet(&b, dir, arrives[dir], size[dir], &h);
		arrives[dir] = -1;
	}
	bench_close(&b);
	return h;
}

#endif
