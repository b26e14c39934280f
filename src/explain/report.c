/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "explain/report.h"

#include <netinet/in.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "event/verdict.h"
#include "explain/plot.h"
#include "judge/judge.h"

#define LINE_MAX 512

/* --- words --- */

static const char *stamp(uint64_t ns, char out[static TEXT_LEN])
{
	size_t n = strlen(text_time(ns, "%Y-%m-%d %H:%M:%S", out));

	snprintf(out + n, TEXT_LEN - n, ".%03u", (unsigned)(ns % NS_PER_S / NS_PER_MS));
	return out;
}

static const char *proto_text(uint8_t proto, char out[static 16])
{
	if (proto == IPPROTO_UDP || proto == IPPROTO_TCP || proto == IPPROTO_SCTP)
		return proto == IPPROTO_UDP ? "UDP" : proto == IPPROTO_TCP ? "TCP" : "SCTP";
	snprintf(out, 16, "IP %u", proto);
	return out;
}

static const char *or_dash(const char *name)
{
	return name == NULL ? "-" : name;
}

/* The cursor stands at `indent` already, where the next lines begin too. */
static void put_wrapped(FILE *out, unsigned indent, const char *text)
{
	text_wrap(out, PLOT_WIDTH, indent, indent, text);
}

/* --- the list --- */

static void list_line(const struct pick_card *c, FILE *out)
{
	char a[PLACE_TEXT_LEN], b[PLACE_TEXT_LEN], proto[16];

	fprintf(out, "%6u %-10s %-12s %5.1f %7llu  %s %s > %s\n", flow_ordinal(c->flow.id), or_dash(class_name(c->cls)),
	    or_dash(app_name(c->app)), (double)c->bits, (unsigned long long)c->packets, proto_text(c->flow.proto, proto),
	    place_text(&c->flow.ip[0], c->flow.port[0], a), place_text(&c->flow.ip[1], c->flow.port[1], b));
}

void report_list(const struct picks *p, FILE *out)
{
	if (p->wanted <= 1)
		return;
	fprintf(out, "%llu flows; the first one below is explained, --flow N explains another\n",
	    (unsigned long long)p->wanted);
	fprintf(out, "%6s %-10s %-12s %5s %7s  %s\n", "N", "class", "app", "bits", "packets", "flow");
	for (unsigned i = 0; i < p->n_card; i++)
		list_line(&p->card[i], out);
	if (p->wanted > p->n_card)
		fprintf(out, "       ... and %llu more\n", (unsigned long long)(p->wanted - p->n_card));
	fputc('\n', out);
}

/* --- what it is --- */

/* What rules say, and where it is written. */
static const char *verdict_text(const struct verdict *v, char text[static LINE_MAX])
{
	const struct said said = verdict_said(v);

	if (said.rule == NULL && said.reason == NULL)
		return strcpy(text, "no rule speaks of it");
	if (said.rule == NULL)
		snprintf(text, LINE_MAX, "%s: %s", action_name(said.action), said.reason);
	else
		snprintf(text, LINE_MAX, "%s, %s:%u: %s", action_name(said.action), said.rule->file, said.rule->line,
		    said.reason == NULL ? "no reason given" : said.reason);
	return text;
}

static void put_packets(FILE *out, const struct event *ev, int dir)
{
	fprintf(out, "  %s %u packets, %llu bytes\n", dir == 0 ? "->" : "<-", ev->packets[dir],
	    (unsigned long long)ev->bytes[dir]);
}

static void put_head(FILE *out, const struct trace *t)
{
	const struct event *ev = &t->last;
	char a[PLACE_TEXT_LEN], b[PLACE_TEXT_LEN], proto[16], at[TEXT_LEN];

	fprintf(out, "Flow %u: %s %s -> %s\n", t->number, proto_text(t->flow.proto, proto),
	    place_text(&t->flow.ip[0], t->flow.port[0], a), place_text(&t->flow.ip[1], t->flow.port[1], b));
	fprintf(out, "  from %s UTC, %.3f s%s; ended: %s\n", stamp(ev->first_wall_ns, at),
	    (double)(ev->last_wall_ns - ev->first_wall_ns) / (double)NS_PER_S,
	    t->flow.initiator < 0 ? "; joined in its middle: who opened it is not known" : "", flow_end_name(ev->end));
	put_packets(out, ev, 0);
	put_packets(out, ev, 1);
	if (t->merged)
		fputs("  some packets were merged before the capture: sizes and gaps mean little\n", out);
	if (t->flow.n_tunnel != 0)
		fprintf(out, "  inside %u tunnel%s\n", t->flow.n_tunnel, t->flow.n_tunnel > 1 ? "s" : "");
}

static void put_conclusion(FILE *out, const struct trace *t, const struct report_conf *conf)
{
	const struct event_voip *v = &t->last.voip;
	char text[LINE_MAX];

	fputs("\nIs         ", out);
	if (v->cls == CLASS_NONE)
		fprintf(out, "nothing that squelch knows: no class has %.4g bits", (double)conf->report_bits);
	else
		fprintf(out, "%s, %.1f bits%s", class_name(v->cls), (double)v->bits,
		    v->bits >= conf->act_bits ? "" : ": suspected, not acted on");
	fprintf(out, v->cls == CLASS_NONE && v->app != APP_NONE ? "; may be %s\n" : v->app != APP_NONE ? "; %s\n" : "\n",
	    app_what(v->app));
	if (v->kind != NULL)
		fprintf(out, "Carried    %s\n", v->kind);
	fputs("Rules      ", out);
	put_wrapped(out, 11, verdict_text(&t->last.verdict, text));
}

/* --- evidence --- */

static const char *const groups[] = {
#define X(id, name) [GROUP_##id] = name,
	GROUP_LIST(X)
#undef X
};

static void put_evidence(FILE *out, const struct evidence *e)
{
	char why[WHY_LEN];

	fprintf(out, "  %6.1f %-10s %-14s ", (double)e->bits, or_dash(class_name((enum voip_class)e->cls)), groups[e->row->group]);
	put_wrapped(out, 35, evidence_why(e, why));
}

static void put_sums(FILE *out, const struct trace *t, const struct report_conf *conf)
{
	const struct event_voip *v = &t->last.voip;

	fprintf(out, "\nSums       (reported from %.4g bits, acted on from %.4g)\n", (double)conf->report_bits, (double)conf->act_bits);
	for (unsigned c = CLASS_COUNT - 1; c > CLASS_NONE; c--) {
		float bits = judge_bits(v->evidence, v->n_evidence, (enum voip_class)c);

		if (bits != 0)
			fprintf(out, "  %6.1f %s\n", (double)bits, class_name((enum voip_class)c));
	}
}

static void put_all_evidence(FILE *out, const struct trace *t, const struct report_conf *conf)
{
	const struct event_voip *v = &t->last.voip;

	fputs("\nEvidence   (the largest of a group counts, groups add up, class by class)\n", out);
	for (unsigned i = 0; i < v->n_evidence; i++)
		put_evidence(out, &v->evidence[i]);
	if (v->n_evidence == 0)
		fputs("  none\n", out);
	else
		put_sums(out, t, conf);
}

/* Families of rows that did the same; a family that found something is told only there. */
static void put_rows(FILE *out, const struct trace *t, enum trace_row what, const char *title)
{
	char text[LINE_MAX] = "";
	size_t n = 0;

	for (unsigned i = 0; i < n_detectors; i++) {
		enum trace_row most = TRACE_ROW_UNASKED;
		bool before = false;

		for (unsigned j = 0; j < n_detectors; j++) {
			if (strcmp(detectors[j].name, detectors[i].name) != 0)
				continue;
			before |= j < i;
			if (most == TRACE_ROW_UNASKED || t->row[j] < most)
				most = t->row[j] == TRACE_ROW_UNASKED ? most : t->row[j];
		}
		if (!before && most == what && n < sizeof text - 32)
			n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", n == 0 ? "" : ", ", detectors[i].name);
	}
	if (n == 0)
		return;
	fprintf(out, "  %-22s ", title);
	put_wrapped(out, 25, text);
}

static void put_detectors(FILE *out, const struct trace *t)
{
	fputs("\nDetectors\n", out);
	put_rows(out, t, TRACE_ROW_FOUND, "found something");
	put_rows(out, t, TRACE_ROW_LOOKING, "looked to the end");
	put_rows(out, t, TRACE_ROW_ENDED, "not theirs, or gave up");
	if (t->rows_len != 0)
		fputs(t->rows, out);
}

/* --- the time line --- */

static void step_evidence(FILE *out, const struct trace_step *s)
{
	char why[WHY_LEN], text[LINE_MAX];

	if (s->fresh)
		snprintf(text, sizeof text, "%s %s: %s", s->now.row->name, or_dash(class_name((enum voip_class)s->now.cls)),
		    evidence_why(&s->now, why));
	else
		snprintf(text, sizeof text, "%s %s, before %.1f: %s", s->now.row->name,
		    or_dash(class_name((enum voip_class)s->now.cls)), (double)s->before, evidence_why(&s->now, why));
	fprintf(out, "  %9.3f %8u %6.1f  ", (double)s->ns / (double)NS_PER_S, s->packet, (double)s->now.bits);
	put_wrapped(out, 29, text);
}

static void step_decision(FILE *out, const struct trace_step *s)
{
	char verdict[LINE_MAX], text[2 * LINE_MAX];
	const char *app = app_name(s->app);

	snprintf(text, sizeof text, "%s%s%s: %s", class_name(s->cls) == NULL ? "no class" : class_name(s->cls),
	    app == NULL ? "" : ", ", app == NULL ? "" : app, verdict_text(&s->verdict, verdict));
	fprintf(out, "  %9.3f %8u %6.1f  = ", (double)s->ns / (double)NS_PER_S, s->packet, (double)s->bits);
	put_wrapped(out, 31, text);
}

static void put_line(FILE *out, const struct trace *t)
{
	fprintf(out, "\nTime line\n  %9s %8s %6s  %s\n", "second", "packet", "bits", "= is what was decided");
	for (unsigned i = 0; i < t->n_step; i++)
		(t->step[i].what == TRACE_EVIDENCE ? step_evidence : step_decision)(out, &t->step[i]);
	if (t->n_step == 0)
		fputs("          nothing was found\n", out);
	if (t->steps_left != 0)
		fprintf(out, "          ... and %llu changes more\n", (unsigned long long)t->steps_left);
}

/* --- streams --- */

static void put_stream(FILE *out, int dir, const struct media_stats *m)
{
	char text[LINE_MAX];
	int n = snprintf(text, sizeof text, "SSRC %08x, %s type %u", m->ssrc, m->video ? "video" : "audio", m->payload_type);

	if (m->clock_hz != 0)
		n += snprintf(text + n, sizeof text - (size_t)n, ", %u Hz, jitter %.1f ms (most %.1f)", m->clock_hz,
		    (double)m->jitter_ms, (double)m->jitter_max_ms);
	snprintf(text + n, sizeof text - (size_t)n, ", %u packets, %u lost, %.0f kbit/s", m->packets, m->lost,
	    (double)m->rate_bps / 1000);
	fprintf(out, "  %s ", dir == 0 ? "->" : "<-");
	put_wrapped(out, 5, text);
}

static void put_streams(FILE *out, const struct event *ev)
{
	if (ev->n_media[0] + ev->n_media[1] != 0)
		fputs("\nRTP\n", out);
	for (int dir = 0; dir < 2; dir++)
		for (unsigned i = 0; i < ev->n_media[dir]; i++)
			put_stream(out, dir, &ev->media[dir][i]);
}

void report_flow(const struct trace *t, const struct report_conf *conf, FILE *out)
{
	put_head(out, t);
	put_conclusion(out, t, conf);
	put_all_evidence(out, t, conf);
	put_line(out, t);
	put_detectors(out, t);
	put_streams(out, &t->last);
	if (t->n_sample == 0)
		return;
	plot_rate(t, out);
	plot_sizes(t, out);
	plot_gaps(t, out);
	plot_clock(t, out);
	if (t->samples_left != 0)
		fprintf(out, "\nOnly the first %u packets with payload are in the plots.\n", t->n_sample);
}
