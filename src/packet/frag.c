/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reassembly of IP datagrams (RFC 791, 3.2; RFC 8200, 4.5). Sources hash into
 * buckets; a bucket holds its waiting datagrams, oldest first, and is the unit
 * of the bound per source. A second list, also oldest first, runs through all.
 * An overlap makes the datagram dead (RFC 5722, which we hold for IPv4 too):
 * its pieces go and it stays, so that what follows is dropped as well. An exact
 * repetition of a piece is none: captures often see a packet twice.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "packet/walk.h"

#define FRAG_TIMEOUT_NS   (30 * NS_PER_S) /* as Linux, net.ipv4.ipfrag_time */
#define FRAG_BUCKETS      256  /* a power of two */
#define FRAG_BUCKET_SHARE 4    /* a bucket may hold a fourth of the budget */
#define FRAG_BUCKET_MAX   64   /* datagrams; also the length of the longest search */
#define FRAG_PIECES_MAX   128  /* of one datagram: 64 KiB at an MTU of 576 are 119 */
#define FRAG_DATA_MAX     65535 /* bytes a datagram may have after its IP header */
#define FRAG_JOINS        2    /* joined datagrams in one frame: around and inside a tunnel */
#define FRAG_OVERHEAD     16   /* what the allocator adds to a block, about */

struct frag_key {
	struct addr ip[2];
	uint32_t id, tunnel, vlan;
	uint8_t ip_v, proto;
	uint16_t zero;
};
_Static_assert(sizeof(struct frag_key) == 48, "the key is compared as bytes");

struct piece {
	struct piece *next;    /* by offset */
	uint32_t offset, len;
	uint8_t data[];
};

struct link {
	struct datagram *prev, *next;
};

struct list {
	struct datagram *first, *last;
};

enum { BY_AGE, BY_BUCKET, LISTS };

struct datagram {
	struct link in[LISTS];
	struct bucket *bucket;
	struct frag_key key;
	uint64_t born_ns;
	struct piece *pieces;
	uint32_t n_pieces;
	uint32_t bytes;        /* data held */
	uint32_t total;        /* length of the whole; 0 until the last fragment is seen */
	uint32_t head_len;     /* of the first fragment */
	uint8_t proto;         /* of the first fragment */
	bool dead;
};

struct bucket {
	struct list list;
	size_t used;
	uint32_t n;
};

struct frags {
	struct bucket buckets[FRAG_BUCKETS];
	struct list all;
	size_t budget, used;
	/* What is handed out, until the next frame with fragments. On top of the budget. */
	uint8_t joined[FRAG_JOINS][FRAG_DATA_MAX];
};

struct frags *frags_new(size_t budget_bytes)
{
	struct frags *fs = calloc(1, sizeof *fs);

	if (fs != NULL)
		fs->budget = budget_bytes;
	return fs;
}

static void list_append(struct list *l, int which, struct datagram *d)
{
	d->in[which] = (struct link){ l->last, NULL };
	if (l->last != NULL)
		l->last->in[which].next = d;
	else
		l->first = d;
	l->last = d;
}

static void list_remove(struct list *l, int which, struct datagram *d)
{
	struct link at = d->in[which];

	if (at.prev != NULL)
		at.prev->in[which].next = at.next;
	else
		l->first = at.next;
	if (at.next != NULL)
		at.next->in[which].prev = at.prev;
	else
		l->last = at.prev;
}

static void charge(struct frags *fs, struct bucket *b, size_t bytes)
{
	fs->used += bytes;
	b->used += bytes;
}

static void refund(struct frags *fs, struct bucket *b, size_t bytes)
{
	fs->used -= bytes;
	b->used -= bytes;
}

static size_t piece_cost(uint32_t len)
{
	return sizeof(struct piece) + len + FRAG_OVERHEAD;
}

#define DATAGRAM_COST (sizeof(struct datagram) + FRAG_OVERHEAD)

static void pieces_free(struct frags *fs, struct datagram *d)
{
	for (struct piece *p = d->pieces, *next; p != NULL; p = next) {
		next = p->next;
		refund(fs, d->bucket, piece_cost(p->len));
		free(p);
	}
	d->pieces = NULL;
	d->n_pieces = 0;
}

static void datagram_free(struct frags *fs, struct datagram *d)
{
	pieces_free(fs, d);
	list_remove(&fs->all, BY_AGE, d);
	list_remove(&d->bucket->list, BY_BUCKET, d);
	refund(fs, d->bucket, DATAGRAM_COST);
	d->bucket->n--;
	free(d);
}

/* Gives up a datagram; what it held is lost. */
static void datagram_lose(struct frags *fs, struct datagram *d, struct counts *counts)
{
	count_add(counts, COUNT_FRAGMENTS_LOST, d->n_pieces);
	datagram_free(fs, d);
}

/* Overlap or lengths that cannot be: nothing of this datagram is believed any more. */
static enum frag_result datagram_kill(struct frags *fs, struct datagram *d, struct counts *counts)
{
	count_add(counts, COUNT_FRAGMENTS_LOST, d->n_pieces + 1u);
	pieces_free(fs, d);
	d->dead = true;
	return FRAG_LOST;
}

void frags_free(struct frags *fs)
{
	if (fs == NULL)
		return;
	while (fs->all.first != NULL)
		datagram_free(fs, fs->all.first);
	free(fs);
}

void frags_expire(struct frags *fs, uint64_t mono_ns, struct counts *counts)
{
	while (fs->all.first != NULL && mono_ns >= fs->all.first->born_ns + FRAG_TIMEOUT_NS)
		datagram_lose(fs, fs->all.first, counts);
}

static struct frag_key key_of(const struct packet *pkt, const struct fragment *f)
{
	return (struct frag_key){
		.ip = { pkt->ip[0], pkt->ip[1] }, .id = f->id, .tunnel = pkt->tunnel_hash,
		.vlan = (uint32_t)pkt->vlan[0] << 16 | pkt->vlan[1], .ip_v = pkt->ip_v,
		.proto = pkt->ip_v == 4 ? f->proto : 0,
	};
}

static struct bucket *bucket_of(struct frags *fs, const struct addr *source)
{
	return &fs->buckets[hash_bytes(source, sizeof *source) & (FRAG_BUCKETS - 1)];
}

static struct datagram *datagram_find(const struct bucket *b, const struct frag_key *key)
{
	struct datagram *d = b->list.first;

	while (d != NULL && memcmp(&d->key, key, sizeof *key) != 0)
		d = d->in[BY_BUCKET].next;
	return d;
}

/* Makes room for `bytes` more, oldest first, but never at the cost of `keep`. */
static bool room_make(struct frags *fs, struct bucket *b, size_t bytes,
    const struct datagram *keep, struct counts *counts)
{
	while (b->used + bytes > fs->budget / FRAG_BUCKET_SHARE) {
		if (b->list.first == keep || b->list.first == NULL)
			return false;
		datagram_lose(fs, b->list.first, counts);
	}
	while (fs->used + bytes > fs->budget) {
		if (fs->all.first == keep || fs->all.first == NULL)
			return false;
		datagram_lose(fs, fs->all.first, counts);
	}
	return true;
}

static struct datagram *datagram_new(struct frags *fs, struct bucket *b,
    const struct frag_key *key, const struct walk *w)
{
	struct datagram *d = NULL;

	if (b->n == FRAG_BUCKET_MAX)
		datagram_lose(fs, b->list.first, w->counts);
	if (!room_make(fs, b, DATAGRAM_COST, NULL, w->counts)
	    || (d = calloc(1, sizeof *d)) == NULL)
		return NULL;
	d->bucket = b;
	d->key = *key;
	d->born_ns = w->pkt->frame->mono_ns;
	b->n++;
	charge(fs, b, DATAGRAM_COST);
	list_append(&fs->all, BY_AGE, d);
	list_append(&b->list, BY_BUCKET, d);
	return d;
}

/* Lengths that no sender of one datagram can mean. */
static bool lengths_bad(const struct datagram *d, const struct fragment *f, uint32_t len)
{
	uint32_t end = f->offset + len;

	if (len == 0 || end > FRAG_DATA_MAX || (f->more && len % 8 != 0))
		return true;
	if (f->more)
		return d->total != 0 && end > d->total;
	return d->total != 0 && end != d->total;
}

enum place { PLACE_FREE, PLACE_REPEATED, PLACE_OVERLAPS };

/* Where the fragment belongs among the pieces: *at is what will follow it. */
static enum place piece_place(struct datagram *d, uint32_t offset, const struct cursor *data,
    struct piece ***at)
{
	uint32_t end = offset + (uint32_t)cur_left(data);
	struct piece **p = &d->pieces;

	while (*p != NULL && (*p)->offset + (*p)->len <= offset)
		p = &(*p)->next;
	*at = p;
	if (*p == NULL || end <= (*p)->offset)
		return PLACE_FREE;
	if ((*p)->offset == offset && (*p)->len == end - offset
	    && memcmp((*p)->data, data->p, (*p)->len) == 0)
		return PLACE_REPEATED;
	return PLACE_OVERLAPS;
}

/* A last fragment that ends before data already held lies about the length. */
static bool piece_beyond(const struct datagram *d, uint32_t total)
{
	for (const struct piece *p = d->pieces; p != NULL; p = p->next)
		if (p->offset + p->len > total)
			return true;
	return false;
}

static bool piece_insert(struct frags *fs, struct datagram *d, struct piece **at,
    uint32_t offset, const struct cursor *data)
{
	uint32_t len = (uint32_t)cur_left(data);
	struct piece *p = malloc(sizeof *p + len);

	if (p == NULL)
		return false;
	p->next = *at;
	p->offset = offset;
	p->len = len;
	memcpy(p->data, data->p, len);
	*at = p;
	d->n_pieces++;
	d->bytes += len;
	charge(fs, d->bucket, piece_cost(len));
	return true;
}

/* Without overlaps, all bytes held are all bytes there are. */
static enum frag_result datagram_join(struct frags *fs, struct datagram *d, struct walk *w,
    struct fragment *f)
{
	uint8_t *to = fs->joined[w->joins++];

	for (const struct piece *p = d->pieces; p != NULL; p = p->next)
		memcpy(to + p->offset, p->data, p->len);
	w->c = cur_open(to, d->total);
	w->cut = 0;
	f->proto = d->proto;
	f->head_len = d->head_len;
	count(w->counts, COUNT_FRAGMENTS_JOINED);
	datagram_free(fs, d);
	return FRAG_JOINED;
}

static void header_note(struct datagram *d, const struct fragment *f, uint32_t len)
{
	if (f->offset == 0) {
		d->proto = f->proto;
		d->head_len = f->head_len;
	}
	if (!f->more)
		d->total = f->offset + len;
}

static enum frag_result datagram_add(struct frags *fs, struct datagram *d, struct walk *w,
    struct fragment *f)
{
	uint32_t len = (uint32_t)cur_left(&w->c);
	struct piece **at;
	enum place place;

	if (d->dead || lengths_bad(d, f, len) || (!f->more && piece_beyond(d, f->offset + len)))
		return datagram_kill(fs, d, w->counts);
	if (w->joins == FRAG_JOINS)
		count(w->counts, COUNT_HEADERS_DEEP);
	if (d->n_pieces == FRAG_PIECES_MAX || w->joins == FRAG_JOINS)
		return datagram_kill(fs, d, w->counts);
	place = piece_place(d, f->offset, &w->c, &at);
	if (place == PLACE_REPEATED)
		return FRAG_HELD;
	if (place == PLACE_OVERLAPS || !room_make(fs, d->bucket, piece_cost(len), d, w->counts)
	    || !piece_insert(fs, d, at, f->offset, &w->c))
		return datagram_kill(fs, d, w->counts);
	header_note(d, f, len);
	return d->total != 0 && d->bytes == d->total ? datagram_join(fs, d, w, f) : FRAG_HELD;
}

enum frag_result frags_add(struct frags *fs, struct walk *w, struct fragment *f)
{
	struct frag_key key = key_of(w->pkt, f);
	struct bucket *b = bucket_of(fs, &key.ip[0]);
	struct datagram *d;

	frags_expire(fs, w->pkt->frame->mono_ns, w->counts);
	d = datagram_find(b, &key);
	if (d == NULL)
		d = datagram_new(fs, b, &key, w);
	if (d == NULL) {
		count(w->counts, COUNT_FRAGMENTS_LOST);
		return FRAG_LOST;
	}
	return datagram_add(fs, d, w, f);
}
