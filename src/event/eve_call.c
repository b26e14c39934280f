/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/clock.h"
#include "event/calls.h"
#include "event/eve.h"

/* The `call` event: what cannot be known is null, with a reason beside it. */

static double seconds(uint64_t from_ns, uint64_t to_ns)
{
	return to_ns > from_ns ? (double)(to_ns - from_ns) / (double)NS_PER_S : 0.0;
}

static const char *or_null(const char *text)
{
	return text == NULL || text[0] == '\0' ? NULL : text;
}

static void put_text_or(struct json *j, const char *key, const char *reason_key,
    const char *text, const char *reason)
{
	json_text(j, key, or_null(text));
	if (or_null(text) == NULL)
		json_text(j, reason_key, reason);
}

static void put_parties(struct json *j, const struct call *c)
{
	static const char *const roles[] = { "caller", "callee" };
	struct call_party ends[CALL_ROLES];
	const bool known = call_ends(c, ends);
	int i;

	json_array(j, "parties");
	for (i = 0; i < CALL_ROLES; i++) {
		json_object(j, NULL);
		if (addr_is_unspecified(&ends[i].ip))
			json_null(j, "ip");
		else
			json_addr(j, "ip", &ends[i].ip);
		put_text_or(j, "identity", "identity_reason", known ? ends[i].identity : NULL,
		    c->tried ? "not said" : "no readable signalling");
		json_word(j, "role", known ? roles[i] : NULL);
		json_object_end(j);
	}
	json_array_end(j);
}

static void put_flows(struct json *j, const struct call *c)
{
	unsigned i;

	json_array(j, "flows");
	for (i = 0; i < c->n_flow; i++)
		json_u64(j, NULL, c->flow[i]->id);
	json_array_end(j);
	if (c->flows_more > 0)
		json_u64(j, "flows_more", c->flows_more);
}

static void put_stream(struct json *j, const struct call *c, const struct call_flow *f, int dir,
    const struct media_stats *s)
{
	const struct call_codec codec = call_codec(c, f, dir, s);
	const double run = seconds(s->first_ns, s->last_ns);

	json_object(j, NULL);
	json_u64(j, "flow_id", f->id);
	json_addr(j, "src_ip", &f->ip[dir]);
	json_u64(j, "src_port", f->port[dir]);
	json_addr(j, "dest_ip", &f->ip[!dir]);
	json_u64(j, "dest_port", f->port[!dir]);
	json_u64(j, "ssrc", s->ssrc);
	json_u64(j, "payload_type", s->payload_type);
	json_word(j, "kind", codec.video ? "video" : "audio");
	put_text_or(j, "codec", "codec_reason", codec.name, "payload type not announced");
	json_u64(j, "packets", s->packets);
	json_u64(j, "lost", s->lost);
	json_fixed(j, "loss_pct", s->expected > 0 ? 100.0 * s->lost / s->expected : 0.0, 2);
	if (s->clock_hz > 0) {
		json_fixed(j, "jitter_ms", s->jitter_ms, 3);
		json_fixed(j, "jitter_max_ms", s->jitter_max_ms, 3);
	} else {
		json_null(j, "jitter_ms");
		json_text(j, "jitter_reason", "clock rate unknown");
	}
	json_fixed(j, "rate_bps", s->rate_bps, 0);
	json_fixed(j, "duration_s", run, 3);
	json_object_end(j);
}

static unsigned put_streams(struct json *j, const struct call *c)
{
	unsigned i, dir, k, n = 0;

	json_array(j, "media");
	for (i = 0; i < c->n_flow; i++)
		for (dir = 0; dir < 2; dir++)
			for (k = 0; k < c->flow[i]->n_media[dir]; k++, n++)
				put_stream(j, c, c->flow[i], (int)dir, &c->flow[i]->media[dir][k]);
	json_array_end(j);
	return n;
}

static void put_media(struct json *j, const struct call *c)
{
	const unsigned n = put_streams(j, c);
	const char *why = c->n_media > 0 ? "encrypted or not RTP" : "no media seen";

	if (n == 0)
		json_text(j, "media_reason", why);
	put_text_or(j, "codec", "codec_reason", call_main_codec(c).name,
	    n > 0 ? "payload type not announced" : why);
}

static void put_times(struct json *j, const struct call *c)
{
	json_time(j, "start", c->start_wall_ns);
	if (c->answered)
		json_time(j, "answered", c->answered_wall_ns);
	else
		json_null(j, "answered");
	json_time(j, "end", c->end_wall_ns);
	json_fixed(j, "duration_s", seconds(c->start_wall_ns, c->end_wall_ns), 3);
	json_word(j, "end_reason", call_end_name(c->end));
	put_text_or(j, "signalling", "signalling_reason", call_signalling(c),
	    "no readable signalling");
}

static void put_call_verdict(struct json *j, const struct call *c)
{
	if (!c->judged) {
		json_null(j, "verdict");
		return;
	}
	json_object(j, "verdict");
	json_word(j, "action", action_name(c->action));
	json_bool(j, "enforced", c->enforced);
	json_text(j, "rule", or_null(c->rule));
	json_text(j, "reason", or_null(c->reason));
	json_object_end(j);
}

void eve_call(struct eve *e, const struct call *c, uint64_t wall_ns)
{
	struct json *j = &e->json;

	eve_begin(e, "call", wall_ns);
	eve_call_id(j, c->id);
	if (c->file_name[0] != '\0')
		json_text(j, "pcap_filename", c->file_name);
	json_word(j, "app", app_name(c->app));
	json_fixed(j, "bits", c->bits, 1);
	json_bool(j, "emergency", c->sos);
	put_times(j, c);
	put_parties(j, c);
	put_flows(j, c);
	put_media(j, c);
	put_call_verdict(j, c);
	json_line_end(j, true);
}
