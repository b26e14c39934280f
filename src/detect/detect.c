/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/detect.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "detect/rows.h"
#include "flow/stream.h"

/*
 * Payloads inside payloads (TURN data inside RFC 4571 framing inside TCP) are
 * shown to the rows again, but no deeper than any real stack nests them.
 */
#define DEPTH_MAX 3

/*
 * Segments at the start of a direction that may begin a parser; later ones are
 * the middle of something. More on a flow of which something was noted: what is
 * said to a proxy first, or captured twice, uses some up.
 */
#define STREAM_TRIES         4
#define STREAM_TRIES_WATCHED 8

/* Parser steps on one segment, so that a parser that never advances cannot hang us. */
#define STREAM_STEPS 4096

static_assert(sizeof(struct watch) <= 1024, "a watched flow is charged this much before detector state");

/* --- which rows look at what --- */

static void mark_rows(uint32_t rows[static 256], const struct byte_range *r, uint32_t bit)
{
	for (; r != NULL && r->lo <= r->hi; r++)
		for (unsigned b = r->lo; b <= r->hi; b++)
			rows[b] |= bit;
}

void detect_init(struct detect_env *env, uint32_t enabled)
{
	env->enabled = enabled;
	env->finish_rows = 0;
	memset(env->udp_rows, 0, sizeof env->udp_rows);
	memset(env->tcp_rows, 0, sizeof env->tcp_rows);
	memset(env->vendor_first, 0, sizeof env->vendor_first);
	vendor_init(env->vendor_first);
	env->fact_rows = env->esp_rows = env->segment_rows = env->hear_rows = 0;
	memset(env->give_up_rows, 0, sizeof env->give_up_rows);
	for (unsigned i = 0; i < n_detectors; i++) {
		if (!(enabled & 1u << i))
			continue;
		if (detectors[i].facts_only)
			env->fact_rows |= 1u << i;
		if (detectors[i].give_up_after != 0)
			env->give_up_rows[detectors[i].give_up_after] |= 1u << i;
		if (detectors[i].finish != NULL)
			env->finish_rows |= 1u << i;
		if (detectors[i].esp)
			env->esp_rows |= 1u << i;
		if (detectors[i].segment != NULL)
			env->segment_rows |= 1u << i;
		if (detectors[i].hears != NULL)
			env->hear_rows |= 1u << i;
		if (detectors[i].look != NULL)
			mark_rows(env->udp_rows, detectors[i].udp, 1u << i);
		if (detectors[i].stream != NULL)
			mark_rows(env->tcp_rows, detectors[i].tcp, 1u << i);
	}
}

static uint32_t rows_named(const char *name, size_t len)
{
	uint32_t rows = 0;

	for (unsigned i = 0; i < n_detectors; i++)
		if (strlen(detectors[i].name) == len && memcmp(detectors[i].name, name, len) == 0)
			rows |= 1u << i;
	return rows;
}

bool detect_select(const char *list, uint32_t *enabled, char bad[static 32])
{
	const uint32_t all = n_detectors == 32 ? UINT32_MAX : (1u << n_detectors) - 1;

	*enabled = all;
	if (list == NULL)
		return true;
	if (list[0] != '-')
		*enabled = 0;
	while (*list != '\0') {
		bool off = *list == '-';
		size_t len = strcspn(list += off, ",");
		uint32_t rows = rows_named(list, len);

		if (rows == 0) {
			len = len < 31 ? len : 31;
			memcpy(bad, list, len);
			bad[len] = '\0';
			return false;
		}
		*enabled = off ? *enabled & ~rows : *enabled | rows;
		list += len;
		list += *list == ',';
	}
	return true;
}

/* --- what detectors keep --- */

struct watch *detect_watch(struct look *l)
{
	struct flow *f = l->flow;
	struct detect_env *env = l->env;
	const struct addr *payer = &f->key.ip[f->flags & FLOW_FIRST_1 ? 1 : 0];

	if (f->watch != NULL)
		return f->watch;
	f->watch = budget_alloc(env->watch_budget, payer, sizeof *f->watch);
	if (f->watch == NULL && env->reclaim != NULL && env->reclaim(env->arg))
		f->watch = budget_alloc(env->watch_budget, payer, sizeof *f->watch);
	if (f->watch == NULL) {
		count(env->counts, COUNT_WATCH_REFUSED);
		return NULL;
	}
	f->watch->payer = *payer;
	return f->watch;
}

void *detect_state_find(const struct look *l)
{
	return l->flow->watch == NULL ? NULL : l->flow->watch->state[l->row];
}

void *detect_state(struct look *l, size_t size)
{
	struct watch *w = detect_watch(l);

	if (w == NULL)
		return NULL;
	if (w->state[l->row] == NULL) {
		w->state[l->row] = budget_alloc(l->env->watch_budget, &w->payer, size);
		if (w->state[l->row] == NULL)
			count(l->env->counts, COUNT_WATCH_REFUSED);
		else
			w->state_size[l->row] = (uint16_t)size;
	}
	return w->state[l->row];
}

static float bounded_bits(const struct detector *d, float bits)
{
	if (!d->verified && bits > UNVERIFIED_BITS)
		return UNVERIFIED_BITS;
	if (d->cap_bits > 0 && bits > d->cap_bits)
		return d->cap_bits;
	return bits;
}

void detect_evidence(struct look *l, enum voip_class cls, enum app app, float bits,
    const char *why, uint32_t a, uint32_t b)
{
	const struct detector *row = &detectors[l->row];
	struct watch *w = detect_watch(l);
	struct evidence *e = NULL;

	if (w == NULL)
		return;
	for (unsigned i = 0; i < w->n_evidence && e == NULL; i++)
		if (w->evidence[i].row == row)
			e = &w->evidence[i];
	if (e == NULL) {
		if (w->n_evidence == EVIDENCE_MAX) {
			count(l->env->counts, COUNT_EVIDENCE_REFUSED);
			return;
		}
		e = &w->evidence[w->n_evidence++];
	}
	*e = (struct evidence){ row, why, { a, b }, bounded_bits(row, bits), (uint8_t)cls, (uint8_t)app };
	w->dirty = true;
}

bool detect_has_evidence(const struct look *l)
{
	const struct watch *w = l->flow->watch;

	for (unsigned i = 0; w != NULL && i < w->n_evidence; i++)
		if (w->evidence[i].row == &detectors[l->row])
			return true;
	return false;
}

void detect_media_packet(struct look *l, uint64_t first_ns)
{
	struct watch *w = l->flow->watch;

	if (w == NULL)
		return;
	if (w->media_packets++ == 0)
		w->media_ns = first_ns;
}

void detect_signal(struct look *l, const struct call_signal *s)
{
	if (l->env->on_signal != NULL)
		l->env->on_signal(l->env->arg, l, s);
}

void detect_audit(struct look *l, const struct audit_note *n)
{
	if (l->env->on_audit != NULL)
		l->env->on_audit(l->env->arg, l, n);
}

/* --- datagrams --- */

static void take_result(struct look *l, unsigned row, enum look_result result)
{
	switch (result) {
	case LOOK_YES:
		l->flow->claimed |= 1u << row;
		break;
	case LOOK_NO:
		l->flow->alive &= ~(1u << row);
		break;
	case LOOK_MAYBE:
		break;
	}
}

static void run_row(struct look *l, unsigned row)
{
	l->row = (uint8_t)row;
	take_result(l, row, detectors[row].look(l));
}

static void run_rows(struct look *l, uint32_t rows)
{
	while (rows != 0) {
		unsigned row = (unsigned)__builtin_ctz(rows);

		rows &= rows - 1;
		run_row(l, row);
	}
}

void detect_inner(struct look *l, const uint8_t *data, uint32_t len, uint32_t wire)
{
	struct look inner = *l;

	if (len == 0 || l->depth == DEPTH_MAX)
		return;
	inner.data = data;
	inner.len = len;
	inner.wire = wire;
	inner.depth++;
	run_rows(&inner, l->env->udp_rows[data[0]] & l->flow->alive);
}

/* Rows that found nothing in their number of payloads stop looking. */
static void give_up(const struct detect_env *env, struct flow *f, uint32_t seen)
{
	if (seen <= GIVE_UP_MAX)
		f->alive &= ~(env->give_up_rows[seen] & ~f->claimed);
}

/* Of these rows, those that still look and have something to look at. */
static uint32_t worth_asking(const struct detect_env *env, const struct flow *f, uint32_t rows)
{
	rows &= f->alive;
	if (rows & env->fact_rows && !facts_maybe(env->facts, &f->key.ip[0], &f->key.ip[1]))
		rows &= ~env->fact_rows;
	return rows;
}

/* What stays the same of a datagram on every link it is seen on; 0 when it says too little. RFC 768; RFC 791, 3.1. */
static uint32_t seen_mark(const struct packet *pkt)
{
	enum { IP_ID = 4, IP_LEN = 20, UDP_LEN = 8, CHECKSUM = 2 /* before the payload */ };
	const uint8_t *ip = pkt->ip_at, *p = pkt->payload - CHECKSUM;
	uint32_t checksum, id;

	if (ip == NULL || pkt->payload < ip + IP_LEN + UDP_LEN)
		return 0;
	checksum = (uint32_t)p[0] << 8 | p[1];
	id = pkt->ip_v == 4 ? (uint32_t)ip[IP_ID] << 8 | ip[IP_ID + 1] : 0;
	return checksum == 0 ? 0 : (checksum << 16 | id) ^ pkt->payload_wire;
}

/* True for the second sighting of a datagram; of flows that nobody watches nothing is counted twice. */
static bool seen_before(struct watch *w, int dir, const struct packet *pkt)
{
	uint32_t mark = seen_mark(pkt), ms = (uint32_t)(pkt->frame->mono_ns / NS_PER_MS);

	for (unsigned i = 0; mark != 0 && i < SEEN_MAX; i++)
		if (w->seen[dir][i].mark == mark && ms - w->seen[dir][i].ms <= SEEN_MS)
			return true;
	w->seen[dir][w->seen_next[dir]++ % SEEN_MAX] = (struct seen){ mark, ms };
	return false;
}

static struct look look_at(struct detect_env *env, struct flow *f, int dir, const struct packet *pkt)
{
	return (struct look){
		.env = env, .pkt = pkt, .flow = f, .data = pkt->payload,
		.len = pkt->payload_len, .wire = pkt->payload_wire, .dir = (uint8_t)dir,
	};
}

/*
 * Facts are asked for at the first payloads of a flow, since media may come
 * before its announcement; then at powers of two: whether there are any costs a
 * look at memory that is in no cache.
 */
static bool facts_due(uint32_t seen)
{
	enum { EVERY_UP_TO = 4 };

	return seen <= EVERY_UP_TO || (seen & (seen - 1)) == 0;
}

static void datagram(struct detect_env *env, struct flow *f, int dir, const struct packet *pkt, uint32_t rows)
{
	uint32_t seen = f->dir[0].payloads + f->dir[1].payloads;

	if (!facts_due(seen))
		rows &= ~env->fact_rows;
	rows = worth_asking(env, f, rows);
	if (rows != 0 && f->watch != NULL && seen_before(f->watch, dir, pkt)) {
		count(env->counts, COUNT_SEEN_TWICE);
		rows = 0;
	}
	if (rows != 0) {
		struct look l = look_at(env, f, dir, pkt);

		run_rows(&l, rows);
	}
	give_up(env, f, seen);
}

/* --- streams --- */

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

static void stream_release(struct detect_env *env, struct watch *w)
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
	uint32_t rows = worth_asking(l->env, l->flow, l->env->tcp_rows[pkt->payload[0]]);

	while (rows != 0) {
		enum stream_result_code code;
		uint32_t used;

		l->row = (uint8_t)__builtin_ctz(rows);
		rows &= rows - 1;
		used = feed_row(l, pkt->payload, pkt->payload_len, &code);
		if (code == STREAM_STOP)
			continue;
		l->flow->claimed |= 1u << l->row;
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
static void segment_rows(struct detect_env *env, struct flow *f, int dir, const struct packet *pkt, uint32_t rows)
{
	struct look l = look_at(env, f, dir, pkt);

	for (; rows != 0; rows &= rows - 1) {
		unsigned row = (unsigned)__builtin_ctz(rows);

		l.row = (uint8_t)row;
		take_result(&l, row, detectors[row].segment(&l));
	}
}

static void segment(struct detect_env *env, struct flow *f, int dir, const struct packet *pkt)
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

void detect_packet(struct detect_env *env, struct flow *f, int dir, const struct packet *pkt)
{
	if (pkt->payload_len == 0)
		return;
	if (pkt->proto == IPPROTO_UDP)
		datagram(env, f, dir, pkt, env->udp_rows[pkt->payload[0]]);
	else if (pkt->proto == IPPROTO_ESP)
		datagram(env, f, dir, pkt, env->esp_rows);
	else if (pkt->proto == IPPROTO_TCP && !(pkt->flags & PACKET_PORTLESS))
		segment(env, f, dir, pkt);
}

void detect_sample(struct detect_env *env, struct flow *f, int dir, const struct packet *pkt)
{
	uint32_t deaf = f->alive & env->hear_rows;

	f->alive &= ~deaf;
	detect_packet(env, f, dir, pkt);
	f->alive |= deaf;
}

bool detect_hears(const struct detect_env *env, const struct flow *f)
{
	for (uint32_t rows = f->alive & env->hear_rows; rows != 0; rows &= rows - 1)
		if (detectors[__builtin_ctz(rows)].hears(f))
			return true;
	return false;
}

/* --- the end --- */

/* Without reclaiming: the flow that ends must not be the one let go for its own evidence. */
void detect_finish(struct detect_env *env, struct flow *f)
{
	bool (*reclaim)(void *) = env->reclaim;
	struct look l = { .env = env, .flow = f };

	env->reclaim = NULL;
	for (uint32_t rows = f->claimed & env->finish_rows; rows != 0; rows &= rows - 1) {
		l.row = (uint8_t)__builtin_ctz(rows);
		detectors[l.row].finish(&l);
	}
	env->reclaim = reclaim;
}

void detect_release(struct detect_env *env, struct flow *f)
{
	struct watch *w = f->watch;
	struct addr payer;

	if (w == NULL)
		return;
	stream_release(env, w);
	payer = w->payer;
	for (unsigned i = 0; i < n_detectors; i++)
		budget_release(env->watch_budget, &payer, w->state[i], w->state_size[i]);
	budget_release(env->watch_budget, &payer, w, sizeof *w);
	f->watch = NULL;
}

unsigned detect_media(const struct flow *f, int dir, struct media_stats out[MEDIA_STATS_MAX])
{
	if (f->watch == NULL)
		return 0;
	for (unsigned i = 0; i < n_detectors; i++) {
		if (detectors[i].media == NULL || f->watch->state[i] == NULL)
			continue;
		return detectors[i].media(f->watch->state[i], dir, out);
	}
	return 0;
}

const char *evidence_why(const struct evidence *e, char text[static WHY_LEN])
{
	char *to = text, *end = text + WHY_LEN - 1;

	for (const char *p = e->why; *p != '\0' && to < end; p++) {
		char digits[10];
		unsigned n = 0;

		if (p[0] != '{' || (p[1] != '0' && p[1] != '1') || p[2] != '}') {
			*to++ = *p;
			continue;
		}
		for (uint32_t v = e->arg[p[1] - '0']; n == 0 || v != 0; v /= 10)
			digits[n++] = (char)('0' + v % 10);
		while (n != 0 && to < end)
			*to++ = digits[--n];
		p += 2;
	}
	*to = '\0';
	return text;
}
