/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows that read TCP: bytes in order while a parser holds the stream, and single segments. */
#include "detect/run.h"
#include "flow/stream.h"

/*
 * Segments at the start of a direction that may begin a parser; later ones are
 * the middle of something. More on a flow of which something was noted: what is
 * said to a proxy first, or captured twice, uses some up.
 */
#define STREAM_TRIES         4
#define STREAM_TRIES_WATCHED 8

/* Parser steps on one segment, so that a parser that never advances cannot hang us. */
#define STREAM_STEPS 4096

static struct stream_memory stream_memory(struct detect_env *env, const struct watch *w)
{
	return (struct stream_memory){ env->stream_budget, &w->payer, env->counts };
}

/*
 * Shows bytes in order to a row until it has had enough; returns the bytes it
 * used and tells in *code how it ended.
 */
static uint32_t feed_row(struct look *l, const uint8_t *bytes, uint32_t n, enum stream_result_code *code)
{
	uint32_t used = 0;

	*code = STREAM_USED;
	for (unsigned step = 0; used < n && *code == STREAM_USED; step++) {
		struct stream_result r;

		l->data = bytes + used;
		l->len = l->wire = n - used;
		r = detectors[l->row].stream(l);
		*code = r.code;
		if (r.code == STREAM_MORE && r.need > STREAM_BYTES_MAX)
			*code = STREAM_STOP;
		if (r.code != STREAM_USED)
			break;
		if (r.used == 0 || r.used > n - used || step == STREAM_STEPS)
			*code = STREAM_STOP;
		else
			used += r.used;
	}
	return used;
}

void run_release_streams(struct detect_env *env, struct watch *w)
{
	struct stream_memory m = stream_memory(env, w);

	if (w->stream == NULL)
		return;
	stream_close(&w->stream->dir[0], &m);
	stream_close(&w->stream->dir[1], &m);
	budget_release(env->stream_budget, &w->payer, w->stream, sizeof *w->stream);
	w->stream = NULL;
}

/* The direction's stream; made when there is none. */
static struct stream_dir *stream_open(struct look *l)
{
	struct watch *w = detect_watch(l);

	if (w == NULL)
		return NULL;
	if (w->stream == NULL) {
		w->stream = budget_alloc(l->env->stream_budget, &w->payer, sizeof *w->stream);
		if (w->stream == NULL) {
			count(l->env->counts, COUNT_STREAM_REFUSED);
			return NULL;
		}
	}
	return &w->stream->dir[l->dir];
}

/* A row took the first bytes of a direction: from now on the stream is followed. */
static void stream_begin(struct look *l, const struct packet *pkt, uint32_t used)
{
	struct stream_dir *s = stream_open(l);
	struct stream_memory m;

	if (s == NULL)
		return;
	m = stream_memory(l->env, l->flow->watch);
	s->open = s->synced = true;
	s->row = l->row;
	s->next_seq = pkt->tcp_seq + pkt->payload_len + (pkt->tcp_flags & 0x02 ? 1 : 0);
	if (!stream_keep(s, &m, pkt->payload, pkt->payload_len, used))
		stream_close(s, &m);
}

/* Offers the first bytes of a direction to every row that might know them. */
static void stream_offer(struct look *l, const struct packet *pkt)
{
	uint64_t rows = run_worth_asking(l->env, l->flow, l->env->tcp_rows[pkt->payload[0]]);

	while (rows != 0) {
		enum stream_result_code code;
		uint32_t used;

		l->row = (uint8_t)__builtin_ctzll(rows);
		rows &= rows - 1;
		used = feed_row(l, pkt->payload, pkt->payload_len, &code);
		if (code == STREAM_STOP)
			continue;
		l->flow->claimed |= row_bit(l->row);
		stream_begin(l, pkt, used);
		return;
	}
}

static void stream_follow(struct look *l, struct stream_dir *s, const struct packet *pkt)
{
	struct stream_memory m = stream_memory(l->env, l->flow->watch);
	enum stream_result_code code;
	const uint8_t *bytes;
	uint32_t n, used;
	bool hole;

	l->row = s->row;
	bytes = stream_add(s, &m, pkt->tcp_seq, pkt->payload, pkt->payload_len, &n, &hole);
	if (bytes == NULL)
		return;
	used = feed_row(l, bytes, n, &code);
	if (code == STREAM_STOP || !stream_keep(s, &m, bytes, n, used))
		stream_close(s, &m);
}

/* Rows that look at segments and not at streams. */
static void segment_rows(struct detect_env *env, struct flow *f, int dir, const struct packet *pkt, uint64_t rows)
{
	struct look l = run_look(env, f, dir, pkt);

	for (; rows != 0; rows &= rows - 1) {
		unsigned row = (unsigned)__builtin_ctzll(rows);

		l.row = (uint8_t)row;
		run_took(&l, row, detectors[row].segment(&l));
	}
}

void run_segment(struct detect_env *env, struct flow *f, int dir, const struct packet *pkt)
{
	struct stream_dir *s;
	struct look l;

	if (f->alive & env->segment_rows)
		segment_rows(env, f, dir, pkt, f->alive & env->segment_rows);
	s = f->watch != NULL && f->watch->stream != NULL ? &f->watch->stream->dir[dir] : NULL;
	if ((s == NULL || !s->open) && f->dir[dir].payloads > (f->watch == NULL ? STREAM_TRIES : STREAM_TRIES_WATCHED))
		return;
	l = (struct look){ .env = env, .pkt = pkt, .flow = f, .dir = (uint8_t)dir };
	if (s != NULL && s->open)
		stream_follow(&l, s, pkt);
	else
		stream_offer(&l, pkt);
}
