/* SPDX-License-Identifier: GPL-3.0-or-later */
/* IPv4 with options, IPv6 with extension headers, fragments of both. */
#include <netinet/in.h>

#include "packet/walk.h"

#define IP4_HEADER      20
#define IP4_MORE        0x2000  /* flags and offset: RFC 791, 3.1 */
#define IP4_OFFSET      0x1fff  /* in units of 8 bytes */
#define IP6_HEADER      40
#define IP6_MORE        0x0001  /* RFC 8200, 4.5 */
#define IP6_OFFSET      0xfff8  /* in bytes, thanks to its place */
#define EXTENSIONS_MAX  8       /* RFC 8200, 4.1 names seven, in their recommended order */

#define EXT_HIP   139
#define EXT_SHIM6 140
#define EXT_TEST1 253
#define EXT_TEST2 254

/* Extension headers we walk over, and how their length field counts. */
static const struct extension {
	uint8_t proto, unit, extra; /* bytes = (field + extra) * unit */
} extensions[] = {
	{ IPPROTO_HOPOPTS, 8, 1 },
	{ IPPROTO_ROUTING, 8, 1 },
	{ IPPROTO_DSTOPTS, 8, 1 },
	{ IPPROTO_MH, 8, 1 },       /* RFC 6275, 6.1.1 */
	{ IPPROTO_AH, 4, 2 },       /* RFC 4302, 2.2 */
};

/* Extension headers by IANA's registry that are not walked. */
static const uint8_t refused[] = { EXT_HIP, EXT_SHIM6, EXT_TEST1, EXT_TEST2 };

/* In IPv4 only the authentication header stands between IP and transport. */
static const struct extension *extension_find(uint8_t ip_v, uint8_t proto)
{
	if (ip_v == 4 && proto != IPPROTO_AH)
		return NULL;
	for (size_t i = 0; i < countof(extensions); i++)
		if (extensions[i].proto == proto)
			return &extensions[i];
	return NULL;
}

/*
 * The data of a fragment is at the cursor. One that the capture cut short can
 * never be joined and goes on alone, like all of them when nobody keeps fragments.
 */
static enum frag_result fragment_take(struct walk *w, struct fragment *f)
{
	enum frag_result r = FRAG_ALONE;

	count(w->counts, COUNT_FRAGMENTS);
	if (w->frags != NULL && w->cut == 0)
		r = frags_add(w->frags, w, f);
	if (r == FRAG_JOINED) {
		w->pkt->flags |= PACKET_JOINED;
		w->pkt->ip_at = NULL;
		w->pkt->ip_caplen = 0;
		w->pkt->ip_len = f->head_len + walk_wire(w);
	}
	return r;
}

/* True when the headers after a fragment can be read: it is the whole datagram now, or its begin. */
static bool fragment_goes_on(enum frag_result r, const struct fragment *f)
{
	return r == FRAG_JOINED || (r == FRAG_ALONE && f->offset == 0);
}

static enum layer fragment_end(struct walk *w, enum frag_result r)
{
	if (r == FRAG_HELD)
		return LAYER_HELD;
	return r == FRAG_LOST ? walk_fail(w, COUNT_END) : transport_none(w);
}

/* Reads a fragment header; true when the packet really is a fragment (an atomic one is not: RFC 6946). */
static bool fragment_read(struct walk *w, struct fragment *f)
{
	uint16_t field;

	f->proto = cur_u8(&w->c);
	cur_skip(&w->c, 1);
	field = cur_u16(&w->c);
	f->id = cur_u32(&w->c);
	f->offset = field & IP6_OFFSET;
	f->more = (field & IP6_MORE) != 0;
	f->head_len += 8;
	return !w->c.bad && (f->offset != 0 || f->more);
}

static bool is_refused(uint8_t proto)
{
	for (size_t i = 0; i < countof(refused); i++)
		if (refused[i] == proto)
			return true;
	return false;
}

static void extension_skip(struct walk *w, const struct extension *e, struct fragment *f)
{
	uint8_t next = cur_u8(&w->c);
	uint32_t bytes = (cur_u8(&w->c) + e->extra) * e->unit;

	cur_skip(&w->c, bytes - 2);
	f->head_len += bytes;
	f->proto = next;
}

/* Walks extension headers from f->proto to the transport. */
static enum layer payload_open(struct walk *w, struct fragment *f)
{
	for (int i = 0; i < EXTENSIONS_MAX; i++) {
		const struct extension *e = extension_find(w->pkt->ip_v, f->proto);

		w->pkt->proto = f->proto;
		if (f->proto == IPPROTO_FRAGMENT && w->pkt->ip_v == 6) {
			enum frag_result r = FRAG_JOINED;

			if (fragment_read(w, f))
				r = fragment_take(w, f);
			w->pkt->proto = f->proto;
			if (!fragment_goes_on(r, f))
				return fragment_end(w, r);
		} else if (e != NULL) {
			extension_skip(w, e, f);
		} else {
			if (w->pkt->ip_v == 6 && is_refused(f->proto))
				count(w->counts, COUNT_EXTENSION_UNKNOWN);
			return transport_open(w);
		}
		if (w->c.bad) {
			count(w->counts, COUNT_TRUNCATED);
			return transport_none(w);
		}
	}
	count(w->counts, COUNT_HEADERS_DEEP);
	return transport_none(w);
}

static enum layer fragment_open(struct walk *w, struct fragment *f)
{
	enum frag_result r = fragment_take(w, f);

	return fragment_goes_on(r, f) ? payload_open(w, f) : fragment_end(w, r);
}

/* Remembers where the packet begins that ends where the trimmed cursor does. */
static void ip_note(struct walk *w, const uint8_t *start)
{
	w->pkt->ip_at = start;
	w->pkt->ip_caplen = (uint32_t)(w->c.end - start);
}

enum layer ip_v4(struct walk *w)
{
	struct packet *pkt = w->pkt;
	uint32_t wire = walk_wire(w);
	const uint8_t *start = w->c.p;
	struct cursor h = cur_sub(&w->c, IP4_HEADER);
	uint32_t head, total, id, field;
	struct fragment f;
	uint8_t first;

	if (h.bad) /* asked before the header is read: then none of its reads need look again */
		return walk_fail(w, COUNT_TRUNCATED);
	first = cur_u8(&h);
	head = (first & 15u) * 4;
	cur_skip(&h, 1);
	total = cur_u16(&h);
	id = cur_u16(&h);
	field = cur_u16(&h);
	cur_skip(&h, 1);
	pkt->proto = cur_u8(&h);
	cur_skip(&h, 2);
	addr_from_v4(&pkt->ip[0], cur_take(&h, 4));
	addr_from_v4(&pkt->ip[1], cur_take(&h, 4));
	pkt->ip_v = 4;
	if (total == 0) /* segmentation offload: the kernel had not filled it in yet */
		total = wire;
	pkt->ip_len = total;
	if (first >> 4 != 4 || head < IP4_HEADER || total < head)
		return walk_fail(w, COUNT_MALFORMED);
	if (head > IP4_HEADER)
		cur_skip(&w->c, head - IP4_HEADER);
	if (w->c.bad)
		return walk_fail(w, COUNT_TRUNCATED);
	walk_trim(w, total - head);
	ip_note(w, start);
	if ((field & (IP4_MORE | IP4_OFFSET)) == 0 && pkt->proto != IPPROTO_AH)
		return transport_open(w);
	f = (struct fragment){
		.id = id, .offset = (field & IP4_OFFSET) * 8, .more = (field & IP4_MORE) != 0,
		.head_len = head, .proto = pkt->proto,
	};
	return f.offset != 0 || f.more ? fragment_open(w, &f) : payload_open(w, &f);
}

enum layer ip_v6(struct walk *w)
{
	struct packet *pkt = w->pkt;
	const uint8_t *start = w->c.p;
	struct cursor h = cur_sub(&w->c, IP6_HEADER);
	struct fragment f = { .head_len = IP6_HEADER };
	uint32_t len;

	if (h.bad)
		return walk_fail(w, COUNT_TRUNCATED);
	if (cur_u8(&h) >> 4 != 6)
		return walk_fail(w, COUNT_MALFORMED);
	cur_skip(&h, 3);
	len = cur_u16(&h);
	f.proto = cur_u8(&h);
	cur_skip(&h, 1);
	addr_from_v6(&pkt->ip[0], cur_take(&h, 16));
	addr_from_v6(&pkt->ip[1], cur_take(&h, 16));
	pkt->ip_v = 6;
	if (len == 0) /* jumbogram (RFC 2675), or segmentation offload */
		len = walk_wire(w);
	walk_trim(w, len);
	ip_note(w, start);
	pkt->ip_len = IP6_HEADER + len;
	return payload_open(w, &f);
}

enum layer ip_any(struct walk *w)
{
	struct cursor peek = w->c;
	uint8_t version = cur_u8(&peek) >> 4;

	if (peek.bad)
		return walk_fail(w, COUNT_TRUNCATED);
	if (version != 4 && version != 6)
		return walk_fail(w, COUNT_NOT_IP);
	return version == 4 ? LAYER_IP4 : LAYER_IP6;
}
