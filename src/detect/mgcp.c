/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * MGCP (RFC 3435) over UDP: a call agent tells gateways what to do, a command a
 * message or several, and they answer with a number and the transaction.
 */
#include "detect/rows.h"

#include "base/hash.h"
#include "detect/call_facts.h"

const struct byte_range mgcp_bytes[] = { { '0', '9' }, { 'A', 'Z' }, { 'a', 'z' }, { 1, 0 } };

/*
 * Random bytes would need 2^-60 for the command line alone; counted for what
 * other texts that quote MGCP could share, as for SIP.
 */
#define BITS_COMMAND   12.0f  /* verb of the list, number, end point, MGCP and version */
#define BITS_ENDPOINT   4.0f  /* the end point is local-name@domain (3.2.1.1) */
#define BITS_PARAMETER  4.0f  /* the next line is a parameter: letters, a colon */
#define BITS_ANSWER     8.0f  /* an answer from the other end to a transaction we saw */

#define TRANSACTIONS 16       /* kept a flow: an agent that audits has about as many open */
#define CALLS         8       /* connections kept a flow; a trunk gateway has more, the oldest go */
#define PIECES_MAX    8       /* messages in one datagram (3.5.5) */
#define LINES_MAX   128       /* parameter lines of a message that are read */

enum verb { VERB_NONE, VERB_OTHER, VERB_CRCX, VERB_MDCX, VERB_DLCX, VERB_NTFY };

static const struct { const char *name; enum verb verb; } verbs[] = {
	{ "AUCX", VERB_OTHER }, { "AUEP", VERB_OTHER }, { "CRCX", VERB_CRCX }, { "DLCX", VERB_DLCX },
	{ "EPCF", VERB_OTHER }, { "MDCX", VERB_MDCX }, { "NTFY", VERB_NTFY }, { "RQNT", VERB_OTHER },
	{ "RSIP", VERB_OTHER },
};

struct mgcp_transaction {
	uint32_t id;
	uint32_t call;            /* slot of its call + 1; 0 none */
	uint8_t verb, dir;
};

struct mgcp_call {
	uint64_t call;            /* 0 free */
	uint64_t endpoint;        /* hash of the end point's name */
	struct call_endpoint local, remote;
	bool answered;
	char id[64];              /* hexadecimal, at most 32 digits (3.2.2.2) */
	char from[64];            /* end point */
};

struct mgcp_state {
	struct mgcp_transaction transaction[TRANSACTIONS];
	struct mgcp_call call[CALLS];
	struct call_number number;
	uint64_t dialer;          /* end point whose digits are gathered */
	char dialed[DIALED_LEN];
	float bits;
	uint8_t next_transaction, next_call;
};

struct mgcp_message {
	enum verb verb;           /* VERB_NONE: an answer */
	uint32_t code;            /* of an answer */
	uint32_t id;
	struct span endpoint, call_id, mode, events, sdp;
	bool parameters;
};

/* --- reading --- */

static enum verb verb_of(struct span word)
{
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (span_is(word, verbs[i].name))
			return verbs[i].verb;
	return VERB_NONE;
}

/* "MGCP 1.0", and a profile name may follow. */
static bool is_version(struct span rest)
{
	struct span word = span_word(&rest);

	return span_is(word, "MGCP") && rest.len >= 3 && byte_is_digit(rest.p[0]) && rest.p[1] == '.' &&
	    byte_is_digit(rest.p[2]);
}

static bool line_command(struct span line, struct mgcp_message *m)
{
	m->verb = verb_of(span_word(&line));
	if (m->verb == VERB_NONE || !span_number(&line, 9, &m->id))
		return false;
	line = span_trim(line);
	m->endpoint = span_word(&line);
	return m->endpoint.len > 0 && is_version(line);
}

/* Three digits, the transaction, and perhaps words. */
static bool line_answer(struct span line, struct mgcp_message *m)
{
	struct span code = span_word(&line);

	if (code.len != 3 || !span_number(&code, 3, &m->code) || m->code > 599)
		return false;
	return span_number(&line, 9, &m->id) && (line.len == 0 || byte_is_blank(line.p[0]));
}

/* "C: 1a2b", also "X-Y:" and "package/name:". */
static bool is_parameter(struct span line, struct span *name, struct span *value)
{
	size_t colon = span_find(line, ':');

	if (colon == 0 || colon > 16 || colon == line.len)
		return false;
	for (size_t i = 0; i < colon; i++) {
		uint8_t c = line.p[i] | 0x20;

		if (!((c >= 'a' && c <= 'z') || line.p[i] == '-' || line.p[i] == '/' || line.p[i] == '+' || byte_is_digit(line.p[i])))
			return false;
	}
	*name = span_first(line, colon);
	*value = span_trim(span_from(line, colon + 1));
	return true;
}

static void take_parameter(struct mgcp_message *m, struct span name, struct span value)
{
	if (span_is(name, "C"))
		m->call_id = value;
	else if (span_is(name, "M"))
		m->mode = value;
	else if (span_is(name, "O"))
		m->events = value;
}

/* One message; *rest is what follows a line with a lone dot. False when it is none. */
static bool message_read(struct span *rest, struct mgcp_message *m)
{
	struct span line = span_line(rest), name, value;

	*m = (struct mgcp_message){ .verb = VERB_NONE };
	if (!line_command(line, m) && !line_answer(line, m))
		return false;
	for (unsigned i = 0; i < LINES_MAX && rest->len > 0; i++) {
		struct span at = *rest;

		line = span_line(rest);
		if (span_is(span_trim(line), ".")) {
			if (m->sdp.len > 0)
				m->sdp.len = (size_t)(line.p - m->sdp.p);
			return true;
		}
		if (line.len == 0 && m->sdp.len == 0 && rest->len >= 2 && rest->p[1] == '=')
			m->sdp = *rest;
		if (m->sdp.len > 0)
			continue;
		if (is_parameter(line, &name, &value)) {
			m->parameters = true;
			take_parameter(m, name, value);
		} else if (line.len > 0 && !m->parameters) {
			*rest = at;
			return true; /* no parameter where one should be: what came before stands */
		}
	}
	return true;
}

/* --- calls --- */

static struct mgcp_transaction *transaction_find(struct mgcp_state *s, uint32_t id, uint8_t dir)
{
	for (unsigned i = 0; s != NULL && i < TRANSACTIONS; i++)
		if (s->transaction[i].verb != VERB_NONE && s->transaction[i].id == id && s->transaction[i].dir == dir)
			return &s->transaction[i];
	return NULL;
}

static struct mgcp_call *call_find(struct mgcp_state *s, uint64_t call, uint64_t endpoint)
{
	for (unsigned i = 0; i < CALLS; i++)
		if (s->call[i].call != 0 && s->call[i].endpoint == endpoint && (call == 0 || s->call[i].call == call))
			return &s->call[i];
	return NULL;
}

static struct mgcp_call *call_get(const struct look *l, struct mgcp_state *s, const struct mgcp_message *m)
{
	uint64_t endpoint = XXH3_64bits(m->endpoint.p, m->endpoint.len);
	uint64_t call = m->call_id.len == 0 ? 0 : call_hash("mgcp", m->call_id.p, m->call_id.len);
	struct mgcp_call *c = call_find(s, call, endpoint);

	if (c != NULL || call == 0 || (m->verb != VERB_CRCX && m->verb != VERB_MDCX))
		return c;
	c = &s->call[s->next_call];
	s->next_call = (uint8_t)((s->next_call + 1) % CALLS);
	*c = (struct mgcp_call){ .call = call, .endpoint = endpoint };
	call_text(l, c->id, sizeof c->id, m->call_id);
	call_text(l, c->from, sizeof c->from, m->endpoint);
	return c;
}

static void signal_send(struct look *l, struct mgcp_state *s, const struct mgcp_call *c, enum call_phase phase,
    const struct sdp *sdp)
{
	struct call_signal sig = { .call = c->call, .phase = phase, .app = APP_MGCP, .from_caller = true };

	memcpy(sig.id, c->id, sizeof c->id);
	memcpy(sig.from, c->from, sizeof c->from);
	memcpy(sig.dialed, s->number.dialed, sizeof sig.dialed);
	memcpy(sig.to, s->number.dialed, sizeof s->number.dialed);
	if (sdp != NULL)
		call_signal_sdp(&sig, sdp);
	detect_signal(l, &sig);
}

/*
 * Digits come one event each (D/1, or dd/1) or as a string of them when a
 * digit map was loaded (2.1.5); going off hook starts anew.
 */
static void digits_gather(struct mgcp_state *s, struct span events)
{
	size_t n = strlen(s->dialed);

	while (events.len > 0) {
		size_t end = span_find(events, ',');
		struct span e = span_trim(span_first(events, end));
		size_t slash = span_find(e, '/');

		events = span_from(events, end + 1);
		if (slash < e.len && (span_is(span_first(e, slash), "L") || span_is(span_first(e, slash), "H"))) {
			memset(s->dialed, 0, sizeof s->dialed);
			n = 0;
			continue;
		}
		if (slash < e.len)
			e = span_from(e, slash + 1);
		for (size_t i = 0; i < e.len && byte_is_digit(e.p[i]) && n < DIALED_LEN - 1; i++)
			s->dialed[n++] = (char)e.p[i];
	}
}

static void take_notify(struct look *l, struct mgcp_state *s, const struct mgcp_message *m)
{
	uint64_t endpoint = XXH3_64bits(m->endpoint.p, m->endpoint.len);
	struct mgcp_call *c = call_find(s, 0, endpoint);

	if (s->dialer != endpoint)
		memset(s->dialed, 0, sizeof s->dialed);
	s->dialer = endpoint;
	digits_gather(s, m->events);
	call_dialed(l, &s->number, c == NULL ? 0 : c->call, s->dialed);
}

static bool sdp_read(const struct mgcp_message *m, struct sdp *sdp)
{
	return m->sdp.len > 0 && sdp_parse(m->sdp.p, m->sdp.len, sdp);
}

/* CRCX and MDCX: the description in a command is the far end's (2.3.5). */
static void take_connection(struct look *l, struct mgcp_state *s, struct mgcp_call *c, const struct mgcp_message *m)
{
	struct fact f = call_fact(l, APP_MGCP, c->call, s->number.dialed);
	struct sdp sdp = { 0 };
	bool described = sdp_read(m, &sdp);

	if (m->verb == VERB_CRCX) {
		s->number.call = c->call;
		signal_send(l, s, c, CALL_SETUP, NULL);
	}
	if (described) {
		c->remote = call_sdp_end(&sdp);
		call_announce_sdp(l, &f, &sdp);
		call_announce_pair(l, &f, &c->local, &c->remote);
	}
	if (!c->answered && c->remote.port != 0 && span_is(m->mode, "sendrecv")) {
		c->answered = true;
		signal_send(l, s, c, CALL_ANSWERED, NULL);
	}
}

static void take_command(struct look *l, struct mgcp_state *s, const struct mgcp_message *m)
{
	struct mgcp_transaction *t = &s->transaction[s->next_transaction];
	struct mgcp_call *c = m->verb == VERB_NTFY || m->verb == VERB_OTHER ? NULL : call_get(l, s, m);

	if (transaction_find(s, m->id, l->dir) != NULL)
		return; /* sent again */
	s->next_transaction = (uint8_t)((s->next_transaction + 1) % TRANSACTIONS);
	*t = (struct mgcp_transaction){ m->id, c == NULL ? 0 : (uint32_t)(c - s->call) + 1, (uint8_t)m->verb, l->dir };
	if (m->verb == VERB_NTFY) {
		take_notify(l, s, m);
	} else if (c != NULL && m->verb == VERB_DLCX) {
		signal_send(l, s, c, CALL_ENDED, NULL);
		call_over(l, &s->number, c->call);
		*c = (struct mgcp_call){ .call = 0 };
	} else if (c != NULL) {
		take_connection(l, s, c, m);
	}
}

/* The description in an answer is the gateway's own. */
static void take_answer(struct look *l, struct mgcp_state *s, const struct mgcp_transaction *t, const struct mgcp_message *m)
{
	struct mgcp_call *c = t->call == 0 ? NULL : &s->call[t->call - 1];
	struct sdp sdp;
	struct fact f;

	if (c == NULL || c->call == 0 || m->code < 200 || m->code > 299 || !sdp_read(m, &sdp))
		return;
	f = call_fact(l, APP_MGCP, c->call, s->number.dialed);
	c->local = call_sdp_end(&sdp);
	call_announce_sdp(l, &f, &sdp);
	call_announce_pair(l, &f, &c->local, &c->remote);
	signal_send(l, s, c, CALL_MEDIA, &sdp);
}

/* --- weighing --- */

static float command_bits(const struct mgcp_message *m)
{
	float bits = BITS_COMMAND;

	if (span_find(m->endpoint, '@') < m->endpoint.len)
		bits += BITS_ENDPOINT;
	if (m->parameters)
		bits += BITS_PARAMETER;
	return bits;
}

static void evidence_add(struct look *l, struct mgcp_state *s, float bits, bool answered)
{
	if (s == NULL || bits <= s->bits)
		return;
	s->bits = bits;
	detect_evidence(l, CLASS_SIGNALLING, APP_MGCP, bits,
	    answered ? "MGCP commands and their answers" : "MGCP command", 0, 0);
}

static bool take(struct look *l, const struct mgcp_message *m)
{
	struct mgcp_state *s = m->verb == VERB_NONE ? detect_state_find(l) : detect_state(l, sizeof *s);
	const struct mgcp_transaction *t;

	if (s == NULL)
		return m->verb != VERB_NONE;
	if (m->verb != VERB_NONE) {
		evidence_add(l, s, command_bits(m), false);
		take_command(l, s, m);
		return true;
	}
	t = transaction_find(s, m->id, !l->dir);
	if (t == NULL)
		return false;
	evidence_add(l, s, BITS_COMMAND + BITS_ENDPOINT + BITS_PARAMETER + BITS_ANSWER, true);
	take_answer(l, s, t, m);
	return true;
}

/* A verb of four letters or a code of three digits, then a blank: nearly all else ends here. */
static bool may_begin(const struct look *l)
{
	enum { VERB = 4, CODE = 3 };

	return l->len > VERB && (l->data[VERB] == ' ' || l->data[VERB] == '\t' ||
	    l->data[CODE] == ' ' || l->data[CODE] == '\t');
}

enum look_result mgcp_look(struct look *l)
{
	struct span rest = { l->data, l->len };
	enum look_result result = LOOK_MAYBE;
	struct mgcp_message m;

	if (!may_begin(l))
		return LOOK_MAYBE;
	for (unsigned i = 0; i < PIECES_MAX && rest.len > 0 && message_read(&rest, &m); i++)
		if (take(l, &m))
			result = LOOK_YES;
	return result;
}
