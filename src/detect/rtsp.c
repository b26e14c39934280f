/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * RTSP (RFC 2326, RFC 7826): what is streamed is no conversation. It announces
 * the ports of its RTP, so that a camera's voice is not taken for one.
 */
#include "detect/rows.h"

#include <string.h>

#include "base/cursor.h"
#include "detect/call_facts.h"
#include "flow/stream.h"

const struct byte_range rtsp_stream_bytes[] = { { 'A', 'Z' }, { 1, 0 } };

#define BITS_START    12.0f  /* a start line with RTSP/ and a version */
#define BITS_CSEQ      8.0f  /* CSeq: and a number, which no other text protocol with that start line lacks */
#define HEAD_MAX      8192
#define LINES_MAX       64

struct rtsp_state { float bits; };

struct rtsp_message {
	bool answer, cseq;
	uint32_t length;
	size_t head;              /* bytes up to the body */
	struct span transport;
};

static bool is_version(struct span s)
{
	return span_begins(s, "RTSP/") && s.len >= 8 && byte_is_digit(s.p[5]) && s.p[6] == '.' && byte_is_digit(s.p[7]);
}

/* "SETUP rtsp://... RTSP/1.0" or "RTSP/1.0 200 OK". */
static bool is_start(struct span line, bool *answer)
{
	struct span method;

	*answer = is_version(line);
	if (*answer)
		return true;
	method = span_word(&line);
	if (method.len < 4 || method.len > 13 || line.len < 9)
		return false;
	return span_word(&line).len > 0 && is_version(line);
}

static void take_header(struct rtsp_message *m, struct span line)
{
	size_t colon = span_find(line, ':');
	struct span name = span_trim(span_first(line, colon)), value = span_trim(span_from(line, colon + 1));
	uint32_t number;

	if (span_is(name, "CSeq"))
		m->cseq = span_number(&value, 10, &number);
	else if (span_is(name, "Transport"))
		m->transport = value;
	else if (span_is(name, "Content-Length"))
		(void)span_number(&value, 9, &m->length);
}

/* Start line and headers; false when it is none. head is 0 as long as the blank line is missing. */
static bool message_read(const uint8_t *data, uint32_t len, struct rtsp_message *m)
{
	struct span rest = { data, len };

	*m = (struct rtsp_message){ .answer = false };
	if (!is_start(span_line(&rest), &m->answer))
		return false;
	for (unsigned i = 0; i < LINES_MAX && rest.len > 0; i++) {
		struct span line = span_line(&rest);

		if (line.len == 0) {
			m->head = (size_t)(rest.p - data);
			return true;
		}
		take_header(m, line);
	}
	return true;
}

/* Two ports "6000-6001", or the first alone. */
static uint16_t port_of(struct span list, const char *name)
{
	struct span v = span_param(list, name);
	uint32_t port;

	return span_number(&v, 5, &port) && port <= UINT16_MAX ? (uint16_t)port : 0;
}

static struct addr source_of(const struct look *l, struct span list)
{
	struct span v = span_param(list, "source");
	struct addr a;

	return v.len > 0 && addr_parse((const char *)v.p, v.len, &a) ? a : l->pkt->ip[0];
}

/* The answer to SETUP has the ports of both ends (RFC 2326, 12.39); a server names another source than itself at most. */
static void announce(const struct look *l, struct span transport)
{
	struct fact f = call_fact(l, APP_RTSP, 0, NULL);
	struct call_endpoint server = { source_of(l, transport), port_of(transport, "server_port") };
	struct call_endpoint client = { l->pkt->ip[1], port_of(transport, "client_port") };
	const struct addr *host[2] = { &client.ip, &server.ip };
	const struct call_endpoint *remote[2] = { &server, &client };

	if (!span_begins(transport, "RTP/") || client.port == 0)
		return;
	for (unsigned i = 0; i < 2; i++) {
		struct call_endpoint rtcp = { remote[i]->ip, (uint16_t)(remote[i]->port + 1) };

		if (remote[i]->port == 0)
			continue;
		call_announce(l, &f, host[i], remote[i], APP_RTSP);
		call_announce(l, &f, host[i], &rtcp, APP_RTSP);
	}
}

static void message_take(struct look *l, const struct rtsp_message *m)
{
	float bits = BITS_START + (m->cseq ? BITS_CSEQ : 0);
	struct rtsp_state *s = detect_state(l, sizeof *s);

	if (s != NULL && bits > s->bits) {
		s->bits = bits;
		detect_evidence(l, CLASS_STREAMING, APP_RTSP, bits, m->answer ? "RTSP answer" : "RTSP request", 0, 0);
	}
	if (m->answer && m->transport.len > 0)
		announce(l, m->transport);
}

struct stream_result rtsp_stream(struct look *l)
{
	const struct stream_result stop = { STREAM_STOP, 0, 0 };
	struct rtsp_message m;
	uint64_t total;

	if (l->data[0] == '\r' || l->data[0] == '\n')
		return (struct stream_result){ STREAM_USED, 1, 0 };
	if (memchr(l->data, '\n', l->len) == NULL)
		return detect_state_find(l) != NULL && l->len < HEAD_MAX && l->data[0] >= 'A' && l->data[0] <= 'Z'
		    ? (struct stream_result){ STREAM_MORE, 0, l->len + 1 } : stop;
	if (!message_read(l->data, l->len, &m))
		return stop; /* not RTSP, or the media themselves in between (10.12): enough was seen */
	if (m.head == 0)
		return l->len < HEAD_MAX ? (struct stream_result){ STREAM_MORE, 0, l->len + 1 } : stop;
	message_take(l, &m);
	total = (uint64_t)m.head + m.length;
	if (total > STREAM_BYTES_MAX)
		return stop;
	if (total > l->len)
		return (struct stream_result){ STREAM_MORE, 0, (uint32_t)total };
	return (struct stream_result){ STREAM_USED, (uint32_t)total, 0 };
}
