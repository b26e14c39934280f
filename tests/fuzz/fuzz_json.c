/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hostile identities, names and numbers through the whole event sink: every
 * line must be one JSON object (RFC 8259) in valid UTF-8. The reader below
 * shares nothing with the writer.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/hash.h"
#include "event/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_text(struct cursor *c, char *to, size_t size)
{
	size_t n = cur_u8(c) % size;

	cur_copy(c, to, n < cur_left(c) ? n : cur_left(c));
}

static void take_media(struct cursor *c, struct media_stats *m)
{
	uint32_t bits = cur_u32(c);

	*m = (struct media_stats){ .ssrc = cur_u32(c), .payload_type = cur_u8(c) & 127,
		.packets = cur_u32(c), .expected = cur_u32(c), .lost = cur_u16(c),
		.clock_hz = cur_u8(c) };
	memcpy(&m->jitter_ms, &bits, sizeof bits); /* any float: NaN and infinite too */
	memcpy(&m->rate_bps, &bits, sizeof bits);
}

static void take_signal(struct cursor *c, struct event *ev)
{
	struct call_signal *s = &ev->signal;
	unsigned i;

	*s = (struct call_signal){ .call = 1 + cur_u8(c) % 4, .phase = cur_u8(c) % CALL_PHASES,
		.app = cur_u8(c) % APP_COUNT, .from_caller = cur_u8(c) & 1, .n_media = cur_u8(c) % 5 };
	ev->sender = cur_u8(c) & 1;
	take_text(c, s->id, sizeof s->id);
	take_text(c, s->from, sizeof s->from);
	take_text(c, s->to, sizeof s->to);
	for (i = 0; i < s->n_media; i++) {
		s->media[i].port = cur_u16(c);
		s->media[i].payload_type = cur_u8(c);
		take_text(c, s->media[i].codec, sizeof s->media[i].codec);
	}
}

static void take_voip(struct cursor *c, struct event *ev, char *reason, struct rule *rule)
{
	uint32_t bits = cur_u32(c);
	unsigned d, i;

	ev->voip = (struct event_voip){ .cls = cur_u8(c) % CLASS_COUNT, .app = cur_u8(c) % APP_COUNT };
	memcpy(&ev->voip.bits, &bits, sizeof bits);
	*rule = (struct rule){ .file = reason, .line = cur_u16(c), .reason = reason };
	take_text(c, reason, 64);
	ev->verdict = (struct verdict){ .action = ACTION_DROP, .rule = rule, .reason = reason,
		.reject = cur_u8(c) % 4, .n_alerts = cur_u8(c) % 3, .alerts = { rule, rule } };
	ev->enforced = false;
	ev->end = cur_u8(c) % FLOW_ENDS;
	memset(ev->packets, 0, sizeof ev->packets);
	memset(ev->bytes, 0xff, sizeof ev->bytes);
	ev->first_wall_ns = cur_u64(c);
	ev->last_wall_ns = cur_u64(c);
	for (d = 0; d < 2; d++) {
		ev->n_media[d] = cur_u8(c) % (MEDIA_STATS_MAX + 1);
		for (i = 0; i < ev->n_media[d]; i++)
			take_media(c, &ev->media[d][i]);
	}
}

static void take_event(struct cursor *c, struct event_sink *sink, char *reason, struct rule *rule)
{
	static const enum event_type types[] = { EVENT_SIGNAL, EVENT_VOIP, EVENT_FLOW, EVENT_TICK };
	static struct event ev;

	memset(&ev, 0, sizeof ev);
	ev.type = types[cur_u8(c) % 4];
	ev.mono_ns = (uint64_t)cur_u16(c) << 24;
	ev.wall_ns = cur_u64(c);
	ev.call = cur_u8(c) % 5;
	ev.flow.id = cur_u8(c) % 8;
	ev.flow.initiator = (int8_t)(cur_u8(c) % 3 - 1);
	ev.flow.proto = cur_u8(c);
	ev.flow.ip_v = 4;
	cur_copy(c, ev.flow.ip, 2);
	ev.flow.n_vlan = cur_u8(c) % (VLAN_MAX + 1);
	ev.flow.n_tunnel = cur_u8(c) % (TUNNEL_MAX + 1);
	if (ev.type == EVENT_SIGNAL)
		take_signal(c, &ev);
	else if (ev.type != EVENT_TICK)
		take_voip(c, &ev, reason, rule);
	event_emit(sink, &ev);
}

/* --- a strict reader; each function takes one thing at p and returns what follows, or aborts --- */

static const char *read_value(const char *p, const char *end, int depth);

static void want(bool truth)
{
	if (!truth)
		abort();
}

/* One UTF-8 character above ASCII, decoded to its code point and checked there. */
static const char *read_wide(const char *p, const char *end)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char lead = (unsigned char)*p;
	const int n = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
	uint32_t code = lead & (0xffu >> (n + 1));
	int i;

	want(lead >= 0xc0 && lead < 0xf8 && end - p >= n);
	for (i = 1; i < n; i++) {
		want(((unsigned char)p[i] & 0xc0) == 0x80);
		code = code << 6 | ((unsigned char)p[i] & 0x3f);
	}
	want(code >= least[n] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff));
	return p + n;
}

static const char *read_string(const char *p, const char *end)
{
	int i;

	want(p < end && *p == '"');
	for (p++; want(p < end), *p != '"';) {
		if ((unsigned char)*p >= 0x80) {
			p = read_wide(p, end);
			continue;
		}
		want((unsigned char)*p >= 0x20);
		if (*p++ != '\\')
			continue;
		want(p < end && strchr("\"\\/bfnrtu", *p) != NULL);
		if (*p++ == 'u')
			for (i = 0; i < 4; i++, p++)
				want(p < end && isxdigit((unsigned char)*p));
	}
	return p + 1;
}

static const char *read_digits(const char *p, const char *end)
{
	want(p < end && isdigit((unsigned char)*p));
	while (p < end && isdigit((unsigned char)*p))
		p++;
	return p;
}

static const char *read_number(const char *p, const char *end)
{
	const char *first;

	p += *p == '-';
	first = p;
	p = read_digits(p, end);
	want(*first != '0' || p == first + 1);
	return p < end && *p == '.' ? read_digits(p + 1, end) : p;
}

static const char *read_list(const char *p, const char *end, char close, int depth)
{
	p++;
	if (p < end && *p == close)
		return p + 1;
	for (;;) {
		if (close == '}') {
			p = read_string(p, end);
			want(p < end && *p++ == ':');
		}
		p = read_value(p, end, depth + 1);
		want(p < end && (*p == ',' || *p == close));
		if (*p++ == close)
			return p;
	}
}

static const char *read_value(const char *p, const char *end, int depth)
{
	static const char *const words[] = { "null", "true", "false" };
	size_t i;

	want(p < end && depth < 16);
	for (i = 0; i < 3; i++)
		if ((size_t)(end - p) >= strlen(words[i]) && memcmp(p, words[i], strlen(words[i])) == 0)
			return p + strlen(words[i]);
	if (*p == '{' || *p == '[')
		return read_list(p, end, *p == '{' ? '}' : ']', depth);
	return *p == '"' ? read_string(p, end) : read_number(p, end);
}

static void check_lines(const char *text, size_t len)
{
	const char *end = text + len, *p = text;

	while (p < end) {
		want(*p == '{');
		p = read_value(p, end, 0);
		want(p < end && *p++ == '\n');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor c = cur_open(data, size);
	char *text = NULL, sensor[64] = "", reason[64] = "", name[64] = "";
	static struct event stop = { .type = EVENT_STOP };
	struct rule rule;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	struct event_sink *sink;

	take_text(&c, sensor, sizeof sensor);
	take_text(&c, name, sizeof name);
	sink = event_sink_new(&(struct event_conf){ .eve = out, .sensor = sensor, .summary = true,
		.redact = cur_u8(&c) & 1 });
	while (cur_left(&c) > 0)
		take_event(&c, sink, reason, &rule);
	event_emit(sink, &stop);
	event_sink_free(sink);
	fclose(out);
	check_lines(text, len);
	free(text);
	return 0;
}
