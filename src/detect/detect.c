/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/detect.h"

#include <netinet/in.h>
#include <string.h>

#include "base/clock.h"
#include "detect/rows.h"
#include "detect/run.h"

/*
 * Payloads inside payloads (TURN data inside RFC 4571 framing inside TCP) are
 * shown to the rows again, but no deeper than any real stack nests them.
 */
#define DEPTH_MAX 3

/* --- which rows look at what --- */

static void mark_rows(uint64_t rows[static 256], const struct byte_range *r, uint64_t bit)
{
	for (; r != NULL && r->lo <= r->hi; r++)
		for (unsigned b = r->lo; b <= r->hi; b++)
			rows[b] |= bit;
}

void detect_init(struct detect_env *env, uint64_t enabled)
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
		if (!(enabled & row_bit(i)))
			continue;
		if (detectors[i].facts_only)
			env->fact_rows |= row_bit(i);
		if (detectors[i].give_up_after != 0)
			env->give_up_rows[detectors[i].give_up_after] |= row_bit(i);
		if (detectors[i].finish != NULL)
			env->finish_rows |= row_bit(i);
		if (detectors[i].esp)
			env->esp_rows |= row_bit(i);
		if (detectors[i].segment != NULL)
			env->segment_rows |= row_bit(i);
		if (detectors[i].hears != NULL)
			env->hear_rows |= row_bit(i);
		if (detectors[i].look != NULL)
			mark_rows(env->udp_rows, detectors[i].udp, row_bit(i));
		if (detectors[i].stream != NULL)
			mark_rows(env->tcp_rows, detectors[i].tcp, row_bit(i));
	}
}

static uint64_t rows_named(const char *name, size_t len)
{
	uint64_t rows = 0;

	for (unsigned i = 0; i < n_detectors; i++)
		if (strlen(detectors[i].name) == len && memcmp(detectors[i].name, name, len) == 0)
			rows |= row_bit(i);
	return rows;
}

bool detect_select(const char *list, uint64_t *enabled, char bad[static 32])
{
	const uint64_t all = row_bit(n_detectors) - 1;

	*enabled = all;
	if (list == NULL)
		return true;
	if (list[0] != '-')
		*enabled = 0;
	while (*list != '\0') {
		bool off = *list == '-';
		size_t len = strcspn(list += off, ",");
		uint64_t rows = rows_named(list, len);

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

/* --- datagrams --- */

static void run_row(struct look *l, unsigned row)
{
	l->row = (uint8_t)row;
	run_took(l, row, detectors[row].look(l));
}

static void run_rows(struct look *l, uint64_t rows)
{
	while (rows != 0) {
		unsigned row = (unsigned)__builtin_ctzll(rows);

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
	inner.wrapper = false;
	run_rows(&inner, l->env->udp_rows[data[0]] & l->flow->alive);
}

/* Rows that found nothing in their number of payloads stop looking. */
static void give_up(const struct detect_env *env, struct flow *f, uint32_t seen)
{
	if (seen <= GIVE_UP_MAX)
		f->alive &= ~(env->give_up_rows[seen] & ~f->claimed);
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

static void datagram(struct detect_env *env, struct flow *f, int dir, const struct packet *pkt, uint64_t rows)
{
	uint32_t seen = f->dir[0].payloads + f->dir[1].payloads;

	if (!facts_due(seen))
		rows &= ~env->fact_rows;
	rows = run_worth_asking(env, f, rows);
	if (rows != 0 && f->watch != NULL && seen_before(f->watch, dir, pkt)) {
		count(env->counts, COUNT_SEEN_TWICE);
		rows = 0;
	}
	if (rows != 0) {
		struct look l = run_look(env, f, dir, pkt);

		run_rows(&l, rows);
	}
	give_up(env, f, seen);
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
		run_segment(env, f, dir, pkt);
}

void detect_sample(struct detect_env *env, struct flow *f, int dir, const struct packet *pkt)
{
	uint64_t deaf = f->alive & env->hear_rows;

	f->alive &= ~deaf;
	detect_packet(env, f, dir, pkt);
	f->alive |= deaf;
}

bool detect_hears(const struct detect_env *env, const struct flow *f)
{
	for (uint64_t rows = f->alive & env->hear_rows; rows != 0; rows &= rows - 1)
		if (detectors[__builtin_ctzll(rows)].hears(f))
			return true;
	return false;
}

/* --- the end --- */

/* Without reclaiming: the flow that ends must not be the one let go for its own evidence. */
void detect_finish(struct detect_env *env, struct flow *f)
{
	bool (*reclaim)(void *, const struct flow *) = env->reclaim;
	struct look l = { .env = env, .flow = f };

	env->reclaim = NULL;
	for (uint64_t rows = f->claimed & env->finish_rows; rows != 0; rows &= rows - 1) {
		l.row = (uint8_t)__builtin_ctzll(rows);
		detectors[l.row].finish(&l);
	}
	env->reclaim = reclaim;
}
