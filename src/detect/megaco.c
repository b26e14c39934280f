/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Megaco, H.248 in text (RFC 3525, annex B), over UDP and in TPKT over TCP. The
 * text is a tree of braces; the long and the one-letter names are the same words.
 */
#include "detect/rows.h"

#include <string.h>

#include "base/cursor.h"
#include "detect/megaco_call.h"
#include "flow/stream.h"

const struct byte_range megaco_bytes[] = { { '!', '!' }, { 'M', 'M' }, { 'm', 'm' }, { 1, 0 } };
const struct byte_range megaco_stream_bytes[] = { { 3, 3 }, { 1, 0 } };

/* Each far below what its characters are worth against random bytes; see proofs in sip.c. */
#define BITS_LONG      12.0f  /* "MEGACO/" and a version */
#define BITS_SHORT      8.0f  /* "!/" and a version */
#define BITS_SENDER     4.0f  /* the sender names itself as annex B says */
#define BITS_BODY       8.0f  /* a transaction with its number and a brace */
#define BITS_BRACES     4.0f  /* all braces close */
#define BITS_ANSWER     6.0f  /* the other end answers a transaction we saw */

#define TPKT_HEADER     4     /* RFC 1006 */

static const struct { const char *name; enum node node; } words[] = {
	{ "T", NODE_TRANSACTION }, { "Transaction", NODE_TRANSACTION }, { "P", NODE_REPLY }, { "Reply", NODE_REPLY },
	{ "PN", NODE_REPLY }, { "Pending", NODE_REPLY }, { "C", NODE_CONTEXT }, { "Context", NODE_CONTEXT },
	{ "A", NODE_ADD }, { "Add", NODE_ADD }, { "MV", NODE_ADD }, { "Move", NODE_ADD }, { "MF", NODE_MODIFY },
	{ "Modify", NODE_MODIFY }, { "S", NODE_SUBTRACT }, { "Subtract", NODE_SUBTRACT }, { "N", NODE_NOTIFY },
	{ "Notify", NODE_NOTIFY }, { "M", NODE_MEDIA }, { "Media", NODE_MEDIA }, { "ST", NODE_STREAM },
	{ "Stream", NODE_STREAM }, { "L", NODE_LOCAL }, { "Local", NODE_LOCAL }, { "R", NODE_REMOTE }, { "Remote", NODE_REMOTE },
};

/* --- the tree --- */

static enum node node_of(struct span name)
{
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (span_is(name, words[i].name))
			return words[i].node;
	return NODE_OTHER;
}

static bool transaction_know(struct megaco_state *s, uint32_t id, uint8_t dir)
{
	for (unsigned i = 0; i < MEGACO_TRANSACTIONS; i++)
		if (s->transaction[i].used && s->transaction[i].id == id && s->transaction[i].dir == dir)
			return true;
	return false;
}

static void transaction_enter(struct walk *w, enum node node, struct span value)
{
	struct megaco_state *s = w->state;
	uint32_t id;

	w->reply = node == NODE_REPLY;
	if (!span_number(&value, 10, &id))
		return;
	w->body = true;
	if (s == NULL)
		return;
	if (w->reply) {
		w->known |= transaction_know(s, id, !w->look->dir);
		return;
	}
	s->transaction[s->next_transaction] = (struct megaco_transaction){ id, w->look->dir, true };
	s->next_transaction = (uint8_t)((s->next_transaction + 1) % MEGACO_TRANSACTIONS);
}

static enum node above(const struct walk *w)
{
	return w->depth == 0 ? NODE_OTHER : w->stack[w->depth - 1];
}

/* Text of a description: up to a brace that is not escaped (annex B.3). */
static struct span description_cut(struct walk *w)
{
	struct span text = w->rest;
	size_t n = 0;

	while (n < text.len && !(text.p[n] == '}' && (n == 0 || text.p[n - 1] != '\\')))
		n++;
	w->rest = span_from(text, n);
	return span_first(text, n);
}

static void brace_open(struct walk *w, struct span name, struct span value)
{
	enum node node = node_of(name), up = above(w);

	if (w->depth == MEGACO_DEPTH) {
		w->broken = true;
		return;
	}
	if (node == NODE_TRANSACTION || node == NODE_REPLY)
		transaction_enter(w, node, value);
	else if (node == NODE_CONTEXT && w->state != NULL)
		megaco_context_enter(w, value);
	else if ((node == NODE_LOCAL || node == NODE_REMOTE) && (up == NODE_MEDIA || up == NODE_STREAM)) {
		struct span text = description_cut(w);

		if (w->state != NULL)
			megaco_description_take(w, node, text);
	}
	w->stack[w->depth++] = node;
}

static void brace_close(struct walk *w)
{
	if (w->depth == 0) {
		w->broken = true;
		return;
	}
	if (w->stack[--w->depth] == NODE_CONTEXT)
		megaco_context_leave(w);
}

/* A name, with or without a value, that opened no brace. */
static void leaf_take(struct walk *w, struct span name, struct span value)
{
	if (w->state == NULL || name.len == 0)
		return;
	if (span_is(name, "ds"))
		megaco_digits_take(w, value);
	else if ((span_is(name, "MO") || span_is(name, "Mode")) && (span_is(value, "SR") || span_is(value, "SendReceive")))
		w->both_ways = !w->reply;
	else if (node_of(name) == NODE_SUBTRACT && above(w) == NODE_CONTEXT)
		megaco_context_end(w);
}

static bool is_end(uint8_t c)
{
	return c == '{' || c == '}' || c == ',';
}

/* Takes a value in quotes without them; braces inside mean nothing. */
static struct span quoted_cut(struct span *rest)
{
	struct span text = span_from(*rest, 1);
	size_t n = span_find(text, '"');

	*rest = span_from(text, n + 1);
	return span_first(text, n);
}

/* One name, its value, and the brace or comma after it. */
static void step(struct walk *w)
{
	struct span start = w->rest, name, value = { NULL, 0 };
	size_t n = 0;

	while (n < start.len && !is_end(start.p[n]) && start.p[n] != '=' && start.p[n] != '"')
		n++;
	name = span_trim(span_first(start, n));
	w->rest = span_from(start, n);
	if (w->rest.len > 0 && w->rest.p[0] == '=') {
		w->rest = span_trim(span_from(w->rest, 1));
		if (w->rest.len > 0 && w->rest.p[0] != '"') {
			for (n = 0; n < w->rest.len && !is_end(w->rest.p[n]); n++)
				;
			value = span_trim(span_first(w->rest, n));
			w->rest = span_from(w->rest, n);
		}
	}
	if (w->rest.len > 0 && w->rest.p[0] == '"')
		value = quoted_cut(&w->rest);
	w->rest = span_trim(w->rest);
	if (w->rest.len > 0 && w->rest.p[0] == '{') {
		bool subtract = node_of(name) == NODE_SUBTRACT && above(w) == NODE_CONTEXT;

		w->rest = span_from(w->rest, 1);
		brace_open(w, name, value);
		if (subtract && w->state != NULL)
			megaco_context_end(w);
		return;
	}
	leaf_take(w, name, value);
	if (w->rest.len == 0)
		return;
	if (w->rest.p[0] == '}')
		brace_close(w);
	w->rest = span_from(w->rest, 1);
}

/* --- messages --- */

/* "!/1" or "MEGACO/1", then the sender: <domain>, [address]:port, a device or MTP{...}. */
static float header_bits(struct span *rest)
{
	float bits = span_begins(*rest, "MEGACO/") ? BITS_LONG : span_begins(*rest, "!/") ? BITS_SHORT : 0;
	struct span word;
	uint32_t version;

	if (bits == 0)
		return 0;
	*rest = span_from(*rest, bits == BITS_LONG ? 7 : 2);
	if (!span_number(rest, 2, &version) || rest->len == 0 || !byte_is_blank(rest->p[0]))
		return 0;
	*rest = span_trim(*rest);
	word = span_word(rest);
	if (span_begins(word, "AU=") || span_begins(word, "Authentication="))
		word = span_word(rest);
	if (word.len >= 3 && ((word.p[0] == '<' && memchr(word.p, '>', word.len) != NULL) ||
	    (word.p[0] == '[' && memchr(word.p, ']', word.len) != NULL)))
		bits += BITS_SENDER;
	return bits;
}

static void evidence_set(struct look *l, struct megaco_state *s, float bits, bool known)
{
	if (s == NULL || bits <= s->bits)
		return;
	s->bits = bits;
	detect_evidence(l, CLASS_SIGNALLING, APP_MEGACO, bits,
	    known ? "Megaco transactions and their replies" : "Megaco transaction", 0, 0);
}

static bool message_take(struct look *l, const uint8_t *data, uint32_t len)
{
	struct walk w = { .look = l, .rest = { data, len } };
	float bits = header_bits(&w.rest);

	if (bits == 0 || (w.state = detect_state(l, sizeof *w.state)) == NULL)
		return false;
	while (w.rest.len > 0 && !w.broken)
		step(&w);
	if (!w.body)
		return false;
	bits += BITS_BODY;
	if (w.depth == 0 && !w.broken)
		bits += BITS_BRACES;
	if (w.known)
		bits += BITS_ANSWER;
	evidence_set(l, w.state, bits, w.known);
	return true;
}

enum look_result megaco_look(struct look *l)
{
	return message_take(l, l->data, l->len) ? LOOK_YES : LOOK_MAYBE;
}

struct stream_result megaco_stream(struct look *l)
{
	struct cursor c = cur_open(l->data, l->len);
	uint8_t version = cur_u8(&c), reserved = cur_u8(&c);
	uint32_t len = cur_u16(&c);

	if (l->len >= TPKT_HEADER + 2 && l->data[4] != '!' && (l->data[4] | 0x20) != 'm')
		return (struct stream_result){ STREAM_STOP, 0, 0 };
	if (l->len < TPKT_HEADER + 2)
		return (struct stream_result){ STREAM_MORE, 0, TPKT_HEADER + 2 };
	if (version != 3 || reserved != 0 || len < TPKT_HEADER + 8 || len > STREAM_BYTES_MAX)
		return (struct stream_result){ STREAM_STOP, 0, 0 };
	if (l->len < len)
		return (struct stream_result){ STREAM_MORE, 0, len };
	if (!message_take(l, l->data + TPKT_HEADER, len - TPKT_HEADER))
		return (struct stream_result){ STREAM_STOP, 0, 0 };
	return (struct stream_result){ STREAM_USED, len, 0 };
}
