/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SIP (RFC 3261) over UDP and TCP: finds the messages and weighs them; sip_call.c reads what they say. */
#include <string.h>

#include "detect/rows.h"
#include "detect/sip_call.h"
#include "flow/stream.h"

/* Upper case letters begin every method and SIP/2.0; line ends may come before (RFC 3261, 7.5). */
const struct byte_range sip_bytes[] = { { '\n', '\n' }, { '\r', '\r' }, { 'A', 'Z' }, { 1, 0 } };
/* The first segment of a stream joined in the middle is text of any kind. */
const struct byte_range sip_stream_bytes[] = {
	{ '\n', '\n' }, { '\r', '\r' }, { ' ', '~' }, { 1, 0 }
};

/*
 * Each far below what its letters are worth against random bytes: the rest
 * allows for other texts that quote SIP. A message with all of them has 30 bits.
 */
static const struct { uint8_t proof; float bits; } proofs[] = {
	{ SIP_PROOF_START, 12 }, { SIP_PROOF_VIA, 6 },
	{ SIP_PROOF_CALL_ID, 4 }, { SIP_PROOF_CSEQ, 8 },
};
#define LONE_BITS       14.0f /* most for the first message of a stream joined in its middle: may be a quotation */
#define NEEDED          (SIP_PROOF_START | SIP_PROOF_CALL_ID | SIP_PROOF_CSEQ) /* to speak of a call */

#define HEAD_MAX        8192  /* bytes of start line and headers over TCP */
#define RESYNC_MAX      4096  /* bytes searched for a start line */
#define SKIP_MAX        (1 << 20) /* most that a body over TCP may still have to come */

struct sip_state {
	struct sip_calls calls;
	uint32_t skip[2];         /* bytes of a body that are still to come, a direction */
	float bits;               /* evidence so far */
	uint16_t messages;
	bool audited;             /* its log-in was told */
};

/* --- messages --- */

static void evidence_set(struct look *l, struct sip_state *s, const struct sip_message *m, bool lone)
{
	float bits = 0;

	for (size_t i = 0; i < sizeof proofs / sizeof *proofs; i++)
		if (m->proof & proofs[i].proof)
			bits += proofs[i].bits;
	if (lone && bits > LONE_BITS)
		bits = LONE_BITS;
	if (s != NULL && bits <= s->bits)
		return;
	if (s != NULL)
		s->bits = bits;
	detect_evidence(l, CLASS_SIGNALLING, APP_SIP, bits, m->status == 0
	    ? "SIP request, {0} of 4 fields agree" : "SIP answer, {0} of 4 fields agree",
	    (uint32_t)__builtin_popcount(m->proof), 0);
}

static void message_take(struct look *l, const struct sip_message *m, bool joined)
{
	struct sip_state *s = detect_state(l, sizeof *s);

	evidence_set(l, s, m, joined && (s == NULL || s->messages == 0));
	if (s != NULL && s->messages < UINT16_MAX)
		s->messages++;
	if (s != NULL && !s->audited && (m->proof & NEEDED) == NEEDED)
		s->audited = sip_audit(l, m);
	if ((m->proof & NEEDED) == NEEDED)
		sip_call_take(l, s == NULL ? NULL : &s->calls, m);
}

static uint32_t line_ends(const uint8_t *p, uint32_t len)
{
	uint32_t n = 0;

	while (n < len && (p[n] == '\r' || p[n] == '\n'))
		n++;
	return n;
}

enum look_result sip_look(struct look *l)
{
	uint32_t skip = line_ends(l->data, l->len);
	struct sip_message m;

	if (skip == l->len)
		return LOOK_MAYBE; /* keep-alive, RFC 5626, 3.5.1 */
	if (!sip_parse(l->data + skip, l->len - skip, &m))
		return LOOK_MAYBE;
	message_take(l, &m, false);
	return LOOK_YES;
}

/* --- streams --- */

/* Looks for a start line after the first line end: we joined in the middle, or bytes were lost. */
static struct stream_result stream_resync(const struct look *l, bool wait)
{
	const uint8_t *p = l->data, *end = l->data + l->len;

	while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL && ++p < end)
		if (sip_start_line(p, (size_t)(end - p)) != SIP_LINE_NO)
			return (struct stream_result){ STREAM_USED, (uint32_t)(p - l->data), 0 };
	if (wait && l->len < RESYNC_MAX)
		return (struct stream_result){ STREAM_MORE, 0, l->len + 1 };
	return (struct stream_result){ STREAM_STOP, 0, 0 };
}

static bool head_is_whole(const struct look *l)
{
	return memmem(l->data, l->len, "\n\r\n", 3) != NULL || memmem(l->data, l->len, "\n\n", 2) != NULL;
}

/* Part of a body that did not fit; true when there was one. */
static bool stream_skip(struct sip_state *s, const struct look *l, struct stream_result *r)
{
	uint32_t n;

	if (s == NULL || s->skip[l->dir] == 0)
		return false;
	n = s->skip[l->dir] < l->len ? s->skip[l->dir] : l->len;
	s->skip[l->dir] -= n;
	*r = (struct stream_result){ STREAM_USED, n, 0 };
	return true;
}

/* One message from its start line on. */
static struct stream_result stream_message(struct look *l)
{
	struct sip_message m;
	struct sip_state *s;
	uint64_t total;

	if (!head_is_whole(l))
		return l->len < HEAD_MAX ? (struct stream_result){ STREAM_MORE, 0, l->len + 1 }
		    : stream_resync(l, true);
	(void)sip_parse(l->data, l->len, &m);
	if (!m.length_known)
		m.body.len = 0; /* RFC 3261, 18.3 demands it; a body without shows at the next start line */
	total = (uint64_t)m.head_len + m.content_length;
	if (total > l->len && total <= STREAM_BYTES_MAX)
		return (struct stream_result){ STREAM_MORE, 0, (uint32_t)total };
	message_take(l, &m, flow_initiator(l->flow) < 0);
	if (total <= l->len)
		return (struct stream_result){ STREAM_USED, (uint32_t)total, 0 };
	s = detect_state_find(l);
	if (s == NULL || total - l->len > SKIP_MAX)
		return (struct stream_result){ STREAM_STOP, 0, 0 };
	s->skip[l->dir] = (uint32_t)(total - l->len);
	return (struct stream_result){ STREAM_USED, l->len, 0 };
}

struct stream_result sip_stream(struct look *l)
{
	struct sip_state *s = detect_state_find(l);
	uint32_t ends = line_ends(l->data, l->len);
	struct stream_result r;

	if (stream_skip(s, l, &r))
		return r;
	if (ends > 0)
		return (struct stream_result){ STREAM_USED, ends, 0 };
	switch (sip_start_line(l->data, l->len)) {
	case SIP_LINE_YES:
		return stream_message(l);
	case SIP_LINE_PART:
		return (struct stream_result){ STREAM_MORE, 0, l->len + 1 };
	case SIP_LINE_NO:
		break;
	}
	if (s == NULL && flow_initiator(l->flow) >= 0)
		return (struct stream_result){ STREAM_STOP, 0, 0 };
	/* A stream not known to be SIP is not held: the next segment begins a message as well. */
	return stream_resync(l, s != NULL);
}
