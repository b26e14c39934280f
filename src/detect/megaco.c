/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Megaco, H.248 in text (RFC 3525, annex B), over UDP and in TPKT over TCP. The
 * text is a tree of braces; the long and the one-letter names are the same words.
 */
#include "detect/rows.h"

#include <stdio.h>

#include "base/cursor.h"
#include "base/hash.h"
#include "detect/call_facts.h"
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

#define DEPTH_MAX      16     /* braces inside one another; the grammar needs 9 */
#define TRANSACTIONS   16
#define CONTEXTS       16     /* contexts kept a flow; a trunk gateway has more, the oldest go */
#define TPKT_HEADER     4     /* RFC 1006 */

/* Words of the tree that mean something to us. */
enum node { NODE_OTHER, NODE_TRANSACTION, NODE_REPLY, NODE_CONTEXT, NODE_ADD, NODE_MODIFY, NODE_SUBTRACT,
	NODE_NOTIFY, NODE_MEDIA, NODE_STREAM, NODE_LOCAL, NODE_REMOTE };

static const struct { const char *name; enum node node; } words[] = {
	{ "T", NODE_TRANSACTION }, { "Transaction", NODE_TRANSACTION }, { "P", NODE_REPLY }, { "Reply", NODE_REPLY },
	{ "PN", NODE_REPLY }, { "Pending", NODE_REPLY }, { "C", NODE_CONTEXT }, { "Context", NODE_CONTEXT },
	{ "A", NODE_ADD }, { "Add", NODE_ADD }, { "MV", NODE_ADD }, { "Move", NODE_ADD }, { "MF", NODE_MODIFY },
	{ "Modify", NODE_MODIFY }, { "S", NODE_SUBTRACT }, { "Subtract", NODE_SUBTRACT }, { "N", NODE_NOTIFY },
	{ "Notify", NODE_NOTIFY }, { "M", NODE_MEDIA }, { "Media", NODE_MEDIA }, { "ST", NODE_STREAM },
	{ "Stream", NODE_STREAM }, { "L", NODE_LOCAL }, { "Local", NODE_LOCAL }, { "R", NODE_REMOTE }, { "Remote", NODE_REMOTE },
};

struct megaco_context {
	uint64_t call;            /* 0 free */
	char id[CALL_ID_LEN];
	struct call_endpoint local, remote;
	bool answered;
};

struct megaco_transaction { uint32_t id; uint8_t dir; bool used; };

struct megaco_state {
	struct megaco_transaction transaction[TRANSACTIONS];
	struct megaco_context context[CONTEXTS];
	struct call_number number;
	float bits;
	uint8_t next_transaction, next_context;
};

/* A walk over one message. */
struct walk {
	struct look *look;
	struct megaco_state *state;
	struct span rest;
	enum node stack[DEPTH_MAX];
	unsigned depth;
	struct megaco_context *context; /* of the braces we are in; NULL when it has no number */
	bool body, reply, known, broken;
	bool both_ways;               /* MO=SR: media flows */
};

/* --- calls --- */

static void signal_send(const struct walk *w, enum call_phase phase, const struct sdp *sdp)
{
	const struct megaco_context *c = w->context;
	struct call_signal sig = { .call = c->call, .phase = phase, .app = APP_MEGACO, .from_caller = true };

	snprintf(sig.id, sizeof sig.id, "%s", c->id);
	snprintf(sig.to, sizeof sig.to, "%s", w->state->number.dialed);
	snprintf(sig.dialed, sizeof sig.dialed, "%s", w->state->number.dialed);
	if (sdp != NULL)
		call_signal_sdp(&sig, sdp);
	detect_signal(w->look, &sig);
}

static void context_enter(struct walk *w, struct span value)
{
	struct megaco_state *s = w->state;
	struct megaco_context *c = NULL;
	char id[CALL_ID_LEN];
	uint32_t number;
	uint64_t call;

	w->context = NULL;
	if (!span_number(&value, 10, &number) || value.len > 0)
		return; /* the null context, all of them, or one to be chosen */
	call = call_hash_flow(w->look, "megaco", number, 0, id);
	for (unsigned i = 0; i < CONTEXTS && c == NULL; i++)
		if (s->context[i].call == call)
			c = &s->context[i];
	if (c == NULL) {
		c = &s->context[s->next_context];
		s->next_context = (uint8_t)((s->next_context + 1) % CONTEXTS);
		*c = (struct megaco_context){ .call = call };
		memcpy(c->id, id, sizeof c->id);
		w->context = c;
		s->number.call = call;
		signal_send(w, CALL_SETUP, NULL);
	}
	w->context = c;
}

static void context_leave(struct walk *w)
{
	if (w->context == NULL)
		return;
	if (w->both_ways && w->context->remote.port != 0 && !w->context->answered) {
		w->context->answered = true;
		signal_send(w, CALL_ANSWERED, NULL);
	}
	w->context = NULL;
	w->both_ways = false;
}

static void context_end(struct walk *w)
{
	if (w->context == NULL || w->reply)
		return;
	signal_send(w, CALL_ENDED, NULL);
	call_over(w->look, &w->state->number, w->context->call);
	*w->context = (struct megaco_context){ .call = 0 };
	w->context = NULL;
}

/* Several descriptions may stand one after the other, as alternatives. */
static struct span next_description(struct span *text)
{
	const uint8_t *at = text->len < 3 ? NULL : memmem(text->p + 1, text->len - 1, "\nv=", 3);
	struct span one = at == NULL ? *text : span_first(*text, (size_t)(at + 1 - text->p));

	*text = span_from(*text, one.len);
	return one;
}

static void description_take(struct walk *w, enum node node, struct span text)
{
	struct megaco_context *c = w->context;

	if (c == NULL)
		return;
	while (text.len > 0) {
		struct span one = next_description(&text);
		struct fact f = call_fact(w->look, APP_MEGACO, c->call, w->state->number.dialed);
		struct call_endpoint end;
		struct sdp sdp;

		if (!sdp_parse(one.p, one.len, &sdp) || (end = call_sdp_end(&sdp)).port == 0)
			continue;
		*(node == NODE_LOCAL ? &c->local : &c->remote) = end;
		/* What is said is believed of the gateway only: a Local one by itself, a Remote one to it. */
		if ((node == NODE_LOCAL) == w->reply)
			call_announce_sdp(w->look, &f, &sdp);
		call_announce_pair(w->look, &f, &c->local, &c->remote);
		if (node == NODE_LOCAL && w->reply)
			signal_send(w, CALL_MEDIA, &sdp);
	}
}

/* dd/ce{ds="112"}: digits that matched the digit map (annex E.6). */
static void digits_take(struct walk *w, struct span value)
{
	char dialed[DIALED_LEN];

	call_digits(value, dialed);
	call_dialed(w->look, &w->state->number, w->context == NULL ? 0 : w->context->call, dialed);
}

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
	for (unsigned i = 0; i < TRANSACTIONS; i++)
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
	s->next_transaction = (uint8_t)((s->next_transaction + 1) % TRANSACTIONS);
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

	if (w->depth == DEPTH_MAX) {
		w->broken = true;
		return;
	}
	if (node == NODE_TRANSACTION || node == NODE_REPLY)
		transaction_enter(w, node, value);
	else if (node == NODE_CONTEXT && w->state != NULL)
		context_enter(w, value);
	else if ((node == NODE_LOCAL || node == NODE_REMOTE) && (up == NODE_MEDIA || up == NODE_STREAM)) {
		struct span text = description_cut(w);

		if (w->state != NULL)
			description_take(w, node, text);
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
		context_leave(w);
}

/* A name, with or without a value, that opened no brace. */
static void leaf_take(struct walk *w, struct span name, struct span value)
{
	if (w->state == NULL || name.len == 0)
		return;
	if (span_is(name, "ds"))
		digits_take(w, value);
	else if ((span_is(name, "MO") || span_is(name, "Mode")) && (span_is(value, "SR") || span_is(value, "SendReceive")))
		w->both_ways = !w->reply;
	else if (node_of(name) == NODE_SUBTRACT && above(w) == NODE_CONTEXT)
		context_end(w);
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
			context_end(w);
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
