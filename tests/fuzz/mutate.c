/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mutate COUNT SEED FILE|DIR...
 *
 * Runs captures through the engine with COUNT damaged packets in them. Packets
 * keep their order and half of them stay whole, so that flows, streams and
 * dialogs exist for the damage to meet. Same arguments, same packets.
 */
#include <errno.h>
#include <inttypes.h>
#include <pcap/dlt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"

#define SKIP_TEST   77             /* ctest's SKIP_RETURN_CODE */
#define HOLD_MAX    (96u << 20)    /* bytes of captures kept in memory */
#define GROW_MAX    65535u         /* longest packet made */
#define DAMAGES_MAX 4              /* damages to one packet */
#define RUN_MAX     400            /* packets of one capture before another is taken up */
#define TICK_EVERY  512            /* packets */
#define GAP_NS      200000000ull   /* largest gap between stamps that is kept */
#define JUMP_NS     700000000000ull /* now and then time jumps: everything expires */

/* One packet of the captures read; `first` begins a new file. */
struct held {
	uint8_t *data;
	uint32_t caplen, len;
	uint64_t mono_ns;
	uint16_t link;
	bool first;
};

struct mutant {
	struct source source;
	struct held *held;
	size_t n_held, room, bytes;
	size_t at, run;            /* next packet, and how many follow from here */
	uint64_t random[2];
	uint64_t wanted, mutated, given;
	uint64_t mono_ns;
	bool epoch;
	uint8_t *out;              /* as long as the packet: a read past it is seen */
};

/* xorshift128+ (Vigna 2014): repeatable everywhere. */
static uint64_t random_next(struct mutant *m)
{
	uint64_t a = m->random[0], b = m->random[1];

	m->random[0] = b;
	a ^= a << 23;
	m->random[1] = a ^ b ^ (a >> 17) ^ (b >> 26);
	return m->random[1] + b;
}

static uint32_t below(struct mutant *m, uint32_t n)
{
	return n == 0 ? 0 : (uint32_t)(random_next(m) % n);
}

/* A packet being damaged: `data` has room for GROW_MAX. */
struct draft {
	uint8_t *data;
	uint32_t caplen, len;
};

static void damage_bit(struct mutant *m, struct draft *d)
{
	if (d->caplen > 0)
		d->data[below(m, d->caplen)] ^= (uint8_t)(1u << below(m, 8));
}

static void damage_byte(struct mutant *m, struct draft *d)
{
	static const uint8_t edges[] = { 0, 1, 0x7f, 0x80, 0xfe, 0xff, '\r', '\n', ' ', ':' };

	if (d->caplen > 0)
		d->data[below(m, d->caplen)] = edges[below(m, sizeof edges)];
}

/* Headers are where most decisions are made: damage of the first bytes. */
static void damage_header(struct mutant *m, struct draft *d)
{
	uint32_t n = d->caplen < 64 ? d->caplen : 64;

	if (n > 0)
		d->data[below(m, n)] = (uint8_t)random_next(m);
}

static void damage_cut(struct mutant *m, struct draft *d)
{
	d->caplen = below(m, d->caplen + 1);
	if (below(m, 2) == 0)
		d->len = d->caplen;
}

/* 16 bits that could be a length of what follows, moved a little or to an edge. */
static void damage_length(struct mutant *m, struct draft *d)
{
	static const int32_t moves[] = { -8, -4, -2, -1, 1, 2, 4, 8 };

	if (d->caplen < 4)
		return;
	for (int tries = 0; tries < 64; tries++) {
		uint32_t at = below(m, d->caplen - 1);
		uint32_t value = (uint32_t)d->data[at] << 8 | d->data[at + 1];
		uint32_t left = d->caplen - at;

		if (value == 0 || value > left || value + 64 < left)
			continue;
		value = below(m, 4) == 0 ? (below(m, 2) ? 0xffff : 0) :
		    value + (uint32_t)moves[below(m, sizeof moves / sizeof *moves)];
		d->data[at] = (uint8_t)(value >> 8);
		d->data[at + 1] = (uint8_t)value;
		return;
	}
}

/* The tail of another packet from some point on. */
static void damage_splice(struct mutant *m, struct draft *d)
{
	const struct held *other = &m->held[below(m, (uint32_t)m->n_held)];
	uint32_t from = below(m, other->caplen + 1), at = below(m, d->caplen + 1);
	uint32_t n = other->caplen - from;

	if (n > GROW_MAX - at)
		n = GROW_MAX - at;
	memcpy(d->data + at, other->data + from, n);
	d->caplen = d->len = at + n;
}

/* A piece said twice: repeated attributes, headers, chunks. */
static void damage_repeat(struct mutant *m, struct draft *d)
{
	uint32_t at = below(m, d->caplen), n = below(m, d->caplen - at + 1);

	if (n > GROW_MAX - d->caplen)
		n = GROW_MAX - d->caplen;
	memmove(d->data + at + n, d->data + at, d->caplen - at);
	d->caplen += n;
	d->len = d->caplen;
}

static void damage_noise(struct mutant *m, struct draft *d)
{
	uint32_t at = below(m, d->caplen), n = below(m, d->caplen - at + 1);

	for (uint32_t i = 0; i < n; i++)
		d->data[at + i] = (uint8_t)random_next(m);
}

typedef void damage_fn(struct mutant *, struct draft *);

static damage_fn *const damages[] = {
	damage_bit, damage_byte, damage_header, damage_cut,
	damage_length, damage_splice, damage_repeat, damage_noise,
};

static void damage(struct mutant *m, struct draft *d)
{
	uint32_t n = 1 + below(m, DAMAGES_MAX);

	for (uint32_t i = 0; i < n; i++)
		damages[below(m, sizeof damages / sizeof *damages)](m, d);
	m->mutated++;
}

static uint16_t other_link(struct mutant *m)
{
	static const uint16_t links[] = { DLT_EN10MB, DLT_RAW, DLT_NULL, DLT_LINUX_SLL, DLT_LINUX_SLL2, DLT_PPP };

	return links[below(m, sizeof links / sizeof *links)];
}

/* Goes to a random packet when a run is over; each file is a time of its own. */
static void choose(struct mutant *m)
{
	if (m->run > 0 && m->at < m->n_held && !m->held[m->at].first)
		return;
	m->at = below(m, (uint32_t)m->n_held);
	m->run = 1 + below(m, RUN_MAX);
	m->epoch = true;
}

static void advance_clock(struct mutant *m, size_t at)
{
	const struct held *h = &m->held[at];
	uint64_t gap = 0;

	if (at > 0 && !h->first && h->mono_ns > h[-1].mono_ns)
		gap = h->mono_ns - h[-1].mono_ns;
	if (gap > GAP_NS)
		gap = GAP_NS;
	if (below(m, 20000) == 0)
		gap = JUMP_NS;
	m->mono_ns += gap;
}

static bool fill(struct mutant *m, const struct held *h, struct frame *f)
{
	static uint8_t scratch[GROW_MAX];
	struct draft d = { scratch, h->caplen, h->len };

	memcpy(scratch, h->data, h->caplen);
	f->link = h->link;
	if (h->caplen > 0 && below(m, 2) == 0) {
		damage(m, &d);
		if (below(m, 200) == 0)
			f->link = other_link(m);
	}
	free(m->out);
	m->out = malloc(d.caplen > 0 ? d.caplen : 1);
	if (m->out == NULL)
		return false;
	memcpy(m->out, scratch, d.caplen);
	f->data = m->out;
	f->caplen = d.caplen;
	f->len = d.len < d.caplen ? d.caplen : d.len;
	return true;
}

static enum source_next mutant_next(struct source *s, struct frame *f)
{
	struct mutant *m = (struct mutant *)s;

	if (m->mutated >= m->wanted)
		return SOURCE_END;
	choose(m);
	*f = (struct frame){ .number = ++m->given };
	if (m->epoch) {
		m->epoch = false;
		if (below(m, 4) == 0) /* mostly captures run into each other */
			return SOURCE_EPOCH;
	}
	advance_clock(m, m->at);
	f->mono_ns = m->mono_ns;
	f->wall_ns = 1700000000000000000ull + m->mono_ns;
	if (m->given % TICK_EVERY == 0)
		return SOURCE_TICK;
	if (!fill(m, &m->held[m->at], f))
		return SOURCE_END;
	m->at++;
	m->run--;
	return SOURCE_FRAME;
}

static void mutant_close(struct source *s)
{
	struct mutant *m = (struct mutant *)s;

	for (size_t i = 0; i < m->n_held; i++)
		free(m->held[i].data);
	free(m->held);
	free(m->out);
	free(m);
}

static const struct source_ops mutant_ops = { mutant_next, mutant_close };

static bool hold(struct mutant *m, const struct frame *f, bool first)
{
	struct held h = { .caplen = f->caplen < GROW_MAX ? f->caplen : GROW_MAX,
		.len = f->len, .mono_ns = f->mono_ns, .link = f->link, .first = first };

	if (m->n_held == m->room) {
		size_t room = m->room > 0 ? m->room * 2 : 4096;
		struct held *more = realloc(m->held, room * sizeof *more);

		if (more == NULL)
			return false;
		m->held = more;
		m->room = room;
	}
	h.data = malloc(h.caplen > 0 ? h.caplen : 1);
	if (h.data == NULL)
		return false;
	memcpy(h.data, f->data, h.caplen);
	m->held[m->n_held++] = h;
	m->bytes += h.caplen;
	return true;
}

/* Captures into memory, by the source the program itself reads them with. */
static bool read_captures(struct mutant *m, char **paths, int n)
{
	char error[SOURCE_ERROR_LEN];
	struct source *s = source_files(paths, n, NULL, error);
	struct frame f;
	bool first = true;
	enum source_next next;

	if (s == NULL) {
		fprintf(stderr, "%s\n", error);
		return false;
	}
	while (m->bytes < HOLD_MAX && (next = source_next(s, &f)) != SOURCE_END) {
		if (next == SOURCE_EPOCH)
			first = true;
		if (next != SOURCE_FRAME)
			continue;
		if (!hold(m, &f, first))
			break;
		first = false;
	}
	source_close(s);
	return m->n_held > 0;
}

static int run(struct mutant *m)
{
	static const volatile int stop;
	FILE *eve = fopen("/dev/null", "w");
	struct event_conf events = { .eve = eve, .sensor = "mutate", .summary = true };
	struct event_sink *sink = eve == NULL ? NULL : event_sink_new(&events);
	struct policy *policy = policy_default();
	struct engine_conf conf = engine_conf_default();
	struct engine *engine = sink == NULL || policy == NULL ? NULL : engine_new(&conf, policy, sink);
	int rc = 1;

	if (engine != NULL) {
		const struct counts *counts = engine_counts(engine);

		engine_run(engine, &m->source, &stop);
		event_summary(sink, eve);
		printf("%" PRIu64 " packets, %" PRIu64 " of them damaged, %" PRIu64 " flows, %" PRIu64
		    " malformed, %" PRIu64 " truncated, %" PRIu64 " calls\n", counts->n[COUNT_PACKETS], m->mutated,
		    counts->n[COUNT_FLOWS], counts->n[COUNT_MALFORMED], counts->n[COUNT_TRUNCATED],
		    event_calls(sink));
		/* Otherwise nothing was tested. */
		rc = m->mutated >= m->wanted && counts->n[COUNT_FLOWS] > 0 ? 0 : 1;
	}
	engine_free(engine);
	policy_free(policy);
	event_sink_free(sink);
	if (eve != NULL)
		fclose(eve);
	return rc;
}

int main(int argc, char **argv)
{
	struct mutant *m = calloc(1, sizeof *m);
	int n = 0, rc;

	if (m == NULL || argc < 4) {
		fprintf(stderr, "usage: %s COUNT SEED FILE|DIR...\n", argv[0]);
		free(m);
		return 1;
	}
	m->source.ops = &mutant_ops;
	m->wanted = strtoull(argv[1], NULL, 10);
	m->random[0] = strtoull(argv[2], NULL, 10) + 1;
	m->random[1] = 0x9e3779b97f4a7c15ull;
	for (int i = 3; i < argc; i++) {
		if (access(argv[i], R_OK) == 0)
			argv[3 + n++] = argv[i];
		else
			printf("not there, left out: %s\n", argv[i]);
	}
	if (n == 0 || !read_captures(m, argv + 3, n)) {
		printf("no captures to mutate\n");
		rc = SKIP_TEST;
	} else {
		rc = run(m);
	}
	mutant_close(&m->source);
	return rc;
}
