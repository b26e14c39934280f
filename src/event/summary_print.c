/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The summary for people: calls first, one line each, then applications and hosts, then what was refused or lost. */
#include "event/summary_kept.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/text.h"
#include "event/verdict.h"

#define NAME_WIDTH  15                      /* columns of one party: any IPv4 address */
#define APP_WIDTH   12

static void print_totals(const struct summary *s, FILE *out)
{
	char from[TEXT_LEN], to[TEXT_LEN], bytes[TEXT_LEN], frames[TEXT_LEN], flows[TEXT_LEN];
	const uint64_t packets = s->counts.n[COUNT_PACKETS];

	fprintf(out, "%s, %s, %s", text_count(packets > 0 ? packets : s->all.packets, "packet", frames),
	    text_count(s->all.flows, "flow", flows), text_size(s->all.bytes, "B", bytes));
	if (s->first_ns <= s->last_ns)
		fprintf(out, ", %s to %s UTC", text_time(s->first_ns, "%Y-%m-%d %H:%M:%S", from),
		    text_time(s->last_ns, "%Y-%m-%d %H:%M:%S", to));
	fputs("\n\n", out);
}

static const char *figure(double value, const char *unit, char out[static 32])
{
	if (value < 0)
		strcpy(out, "-");
	else if (value > 9999) /* a clock that jumped */
		strcpy(out, ">9999");
	else
		snprintf(out, 32, value < 100 ? "%.1f%s" : "%.0f%s", value, unit);
	return out;
}

static void print_call(const struct line *l, FILE *out)
{
	const double run = l->end_ns > l->start_ns ? (double)(l->end_ns - l->start_ns) / NS_PER_S : 0;
	char at[TEXT_LEN], a[SUMMARY_WIDTH], b[SUMMARY_WIDTH], what[SUMMARY_WIDTH], loss[32], jitter[32];
	char length[32];

	snprintf(length, sizeof length, run < 10000 ? "%.1f" : "%.0f", run);
	fprintf(out, "%-14s %6s %-*s %s %-*s %-*s ", text_time(l->start_ns, "%m-%d %H:%M:%S", at), length,
	    NAME_WIDTH, text_tame(l->party[CALL_CALLER], NAME_WIDTH, a), l->known ? "->" : "<>",
	    NAME_WIDTH, text_tame(l->party[CALL_CALLEE], NAME_WIDTH, b), APP_WIDTH,
	    text_tame(l->what, APP_WIDTH, what));
	if (l->state != NULL)
		fprintf(out, "%-18s", l->state);
	else
		fprintf(out, "%5.1f %5s %6s", (double)l->bits, figure(l->loss_pct, "%", loss),
		    figure(l->jitter_ms, "ms", jitter));
	fprintf(out, " %s%s\n", l->judged ? action_name(l->action) : "-", l->sos ? " sos" : "");
}

static int reason_order(const void *a, const void *b)
{
	const struct reason *x = a, *y = b;

	return (y->calls > x->calls) - (y->calls < x->calls);
}

static void print_reasons(const struct summary *s, FILE *out)
{
	struct reason sorted[REASONS_MAX];
	char text[SUMMARY_WIDTH];
	unsigned i;

	memcpy(sorted, s->reason, sizeof sorted);
	qsort(sorted, s->n_reason, sizeof *sorted, reason_order);
	for (i = 0; i < s->n_reason; i++)
		fprintf(out, "  %-8s %7llu  %s\n", action_name(sorted[i].action),
		    (unsigned long long)sorted[i].calls, text_tame(sorted[i].text, 78, text));
}

static int line_order(const void *a, const void *b)
{
	const struct line *const *x = a, *const *y = b;

	if ((*x)->start_ns != (*y)->start_ns)
		return ((*x)->start_ns > (*y)->start_ns) - ((*x)->start_ns < (*y)->start_ns);
	return (*x > *y) - (*x < *y);
}

static void print_calls(const struct summary *s, FILE *out)
{
	const struct line *sorted[SUMMARY_CALLS_MAX];
	uint64_t i;

	if (s->calls == 0) {
		fputs("No calls found.\n", out);
		return;
	}
	for (i = 0; i < s->n_line; i++)
		sorted[i] = &s->line[i];
	qsort(sorted, s->n_line, sizeof *sorted, line_order);
	fprintf(out, "Calls: %llu\n%-14s %6s %-*s    %-*s %-*s %5s %5s %6s %s\n",
	    (unsigned long long)s->calls, "start (UTC)", "s", NAME_WIDTH, "who", NAME_WIDTH, "whom",
	    APP_WIDTH, "app/codec", "bits", "loss", "jitter", "verdict");
	for (i = 0; i < s->n_line; i++)
		print_call(sorted[i], out);
	if (s->calls > s->n_line)
		fprintf(out, "... and %llu more\n", (unsigned long long)(s->calls - s->n_line));
	print_reasons(s, out);
}

static void print_apps(const struct summary *s, FILE *out)
{
	bool shown[APP_COUNT] = { false };
	char bytes[TEXT_LEN];
	unsigned i, k, best;

	fprintf(out, "\n%-16s %10s %12s %10s\n", "Applications", "flows", "packets", "bytes");
	for (k = 0; k < APP_COUNT; k++) {
		best = APP_COUNT;
		for (i = APP_NONE + 1; i < APP_COUNT; i++)
			if (!shown[i] && s->app[i].flows > 0
			    && (best == APP_COUNT || s->app[i].bytes > s->app[best].bytes))
				best = i;
		if (best == APP_COUNT)
			best = APP_NONE; /* the rest, last */
		if (shown[best] || s->app[best].flows == 0)
			break;
		shown[best] = true;
		fprintf(out, "%-16s %10llu %12llu %10s\n",
		    best == APP_NONE ? "(other)" : app_name(best),
		    (unsigned long long)s->app[best].flows,
		    (unsigned long long)s->app[best].packets, text_size(s->app[best].bytes, "B", bytes));
	}
}

/* Whoever calls most, then whoever sends and receives most; the address settles the rest. */
static int host_order(const struct host *a, const struct host *b)
{
	if (a->calls != b->calls)
		return a->calls > b->calls ? -1 : 1;
	if (a->bytes != b->bytes)
		return a->bytes > b->bytes ? -1 : 1;
	return memcmp(&a->ip, &b->ip, sizeof a->ip);
}

static void print_hosts(const struct summary *s, FILE *out)
{
	const struct host *top[SUMMARY_HOSTS_TOP];
	char text[ADDR_TEXT_LEN], bytes[TEXT_LEN];
	unsigned n = 0, i, at;

	for (i = 0; i < HOST_SLOTS; i++) {
		if (!s->host[i].used || (n == SUMMARY_HOSTS_TOP && host_order(&s->host[i], top[n - 1]) > 0))
			continue;
		for (at = n < SUMMARY_HOSTS_TOP ? n++ : n - 1;
		    at > 0 && host_order(&s->host[i], top[at - 1]) < 0; at--)
			top[at] = top[at - 1];
		top[at] = &s->host[i];
	}
	fprintf(out, "\n%-40s %6s %10s %10s\n", "Hosts", "calls", "flows", "bytes");
	for (i = 0; i < n; i++)
		fprintf(out, "%-40s %6u %10llu %10s\n", addr_text(&top[i]->ip, text), top[i]->calls,
		    (unsigned long long)top[i]->flows, text_size(top[i]->bytes, "B", bytes));
	if (s->n_host > n)
		fprintf(out, "... and %u more\n", s->n_host - n);
	if (s->hosts_refused > 0)
		fprintf(out, "%llu times a host past the %u kept was left out of this table\n",
		    (unsigned long long)s->hosts_refused, SUMMARY_HOSTS_MAX);
}

/* Counters that tell of a bound, a refusal or something we could not read. */
static const enum counter losses[] = {
	COUNT_TIME_BACK, COUNT_NOT_IP, COUNT_LINK_UNKNOWN, COUNT_TRUNCATED, COUNT_MALFORMED,
	COUNT_HEADERS_DEEP, COUNT_EXTENSION_UNKNOWN, COUNT_FRAGMENTS_LOST, COUNT_FLOWS_EVICTED,
	COUNT_FLOWS_REFUSED, COUNT_WATCH_REFUSED, COUNT_WATCH_EVICTED, COUNT_STREAM_REFUSED,
	COUNT_STREAM_HOLES, COUNT_FACTS_REFUSED, COUNT_EVIDENCE_REFUSED, COUNT_VOIP_SUPPRESSED,
	COUNT_CALLS_REFUSED, COUNT_SIGNALS_REFUSED, COUNT_NDPI_REFUSED, COUNT_EVENTS_LOST,
};

static void print_losses(const struct summary *s, FILE *out)
{
	const char *head = "\nNot seen or refused\n";
	size_t i;

	for (i = 0; i < sizeof losses / sizeof *losses; i++) {
		if (s->counts.n[losses[i]] == 0)
			continue;
		fprintf(out, "%s%12llu  %s\n", head, (unsigned long long)s->counts.n[losses[i]],
		    count_help(losses[i]));
		head = "";
	}
}

void summary_print(const struct summary *s, FILE *out)
{
	print_totals(s, out);
	print_calls(s, out);
	if (s->all.flows > 0) {
		print_apps(s, out);
		print_hosts(s, out);
	}
	print_losses(s, out);
}
