/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "explain/plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define COLUMNS  60           /* of the time axis */
#define BAR      22           /* longest bar of a histogram with two sides */
#define BINS_MAX 14           /* lines of sizes */

static const char *const arrows[2] = { "->", "<-" };

/* --- rate --- */

/* Steps of 1, 2 and 5: the smallest that covers `span` in `parts`. */
static double round_step(double span, unsigned parts)
{
	double step = 1;

	while (step * parts < span) {
		static const double factors[] = { 2, 2.5, 2 }; /* 1, 2, 5, 10 */

		for (unsigned i = 0; i < 3 && step * parts < span; i++)
			step *= factors[i];
	}
	return step;
}

static void put_rate_line(FILE *out, int dir, const uint32_t *count, unsigned n, uint32_t most)
{
	static const char shades[] = " .:-=+*#%@";
	enum { DARKEST = sizeof shades - 2 };

	fprintf(out, "  %s |", arrows[dir]);
	for (unsigned i = 0; i < n; i++)
		fputc(shades[(count[i] * DARKEST + most - 1) / most], out);
	fputs("|\n", out);
}

void plot_rate(const struct trace *t, FILE *out)
{
	uint64_t span_ms = t->n_sample == 0 ? 0 : t->sample[t->n_sample - 1].ns / NS_PER_MS;
	double column_ms = round_step((double)(span_ms + 1) / 100, COLUMNS) * 100;
	uint32_t count[2][COLUMNS] = { { 0 } }, most = 1;
	unsigned n = (unsigned)((double)span_ms / column_ms) + 1;

	for (uint32_t i = 0; i < t->n_sample; i++) {
		unsigned at = (unsigned)((double)(t->sample[i].ns / NS_PER_MS) / column_ms);
		uint32_t *c = &count[t->sample[i].dir][at < COLUMNS ? at : COLUMNS - 1];

		most = ++*c > most ? *c : most;
	}
	fprintf(out, "\nRate (a column is %g s; @ is %.4g packets a second)\n", column_ms / 1000,
	    most / (column_ms / 1000));
	for (int dir = 0; dir < 2; dir++)
		put_rate_line(out, dir, count[dir], n < COLUMNS ? n : COLUMNS, most);
}

/* --- histograms with two sides --- */

struct bin {
	char label[16];
	bool speech;              /* a clock that speech has */
	uint32_t count[2];
};

static void put_side(FILE *out, uint32_t count, uint32_t most, bool last)
{
	char bar[BAR + 1] = "";
	unsigned n = (unsigned)(((uint64_t)count * BAR + most - 1) / most);

	memset(bar, '#', n);
	bar[n] = '\0';
	if (last)
		fprintf(out, " %7u%s%s", count, n == 0 ? "" : " ", bar);
	else
		fprintf(out, " %7u %-*s", count, BAR, bar);
}

static void put_bin(FILE *out, const struct bin *b, uint32_t most)
{
	fprintf(out, "  %11s%c", b->label, b->speech ? '*' : ' ');
	put_side(out, b->count[0], most, false);
	put_side(out, b->count[1], most, true);
	fputc('\n', out);
}

/* Lines without anything are drawn together. */
static void put_bins(FILE *out, const struct bin *bin, unsigned n)
{
	uint32_t most = 1;

	for (unsigned i = 0; i < n; i++)
		for (int dir = 0; dir < 2; dir++)
			most = bin[i].count[dir] > most ? bin[i].count[dir] : most;
	for (unsigned i = 0; i < n; i++) {
		unsigned empty = 0;

		while (i + empty < n && bin[i + empty].count[0] + bin[i + empty].count[1] == 0)
			empty++;
		if (empty > 1) {
			fprintf(out, "  %11s\n", "...");
			i += empty - 1;
		} else {
			put_bin(out, &bin[i], most);
		}
	}
}

static void put_head(FILE *out, const char *title)
{
	fprintf(out, "\n%s\n%14s %7s %-*s %7s\n", title, "", arrows[0], BAR, "", arrows[1]);
}

/* --- sizes --- */

static int by_size(const void *a, const void *b)
{
	return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b;
}

/* The smallest and largest size but for `few` at either end: those share a line. */
static bool size_range(const struct trace *t, uint16_t *lo, uint16_t *hi)
{
	uint32_t few = t->n_sample / 100;
	uint16_t *size = malloc(t->n_sample * sizeof *size + 1);

	if (size == NULL || t->n_sample == 0) {
		free(size);
		return false;
	}
	for (uint32_t i = 0; i < t->n_sample; i++)
		size[i] = t->sample[i].size;
	qsort(size, t->n_sample, sizeof *size, by_size);
	*lo = size[few];
	*hi = size[t->n_sample - 1 - few];
	free(size);
	return true;
}

static unsigned size_bin(uint16_t size, uint16_t lo, unsigned step, unsigned n)
{
	return size < lo ? 0 : size >= lo + step * n ? n + 1 : 1 + (size - lo) / step;
}

void plot_sizes(const struct trace *t, FILE *out)
{
	struct bin bin[BINS_MAX + 2] = { 0 };
	uint16_t lo, hi;
	unsigned step, n, first = 1, last;

	if (!size_range(t, &lo, &hi))
		return;
	step = (unsigned)round_step(hi - lo + 1, BINS_MAX - 1);
	lo = (uint16_t)(lo / step * step);
	n = (hi - lo) / step + 1;
	for (unsigned i = 1; i <= n; i++) {
		unsigned from = lo + (i - 1) * step;

		snprintf(bin[i].label, sizeof bin[i].label, step == 1 ? "%u" : "%u-%u", from, from + step - 1);
	}
	snprintf(bin[0].label, sizeof bin[0].label, "< %u", lo);
	snprintf(bin[n + 1].label, sizeof bin[n + 1].label, "> %u", lo + step * n - 1);
	for (uint32_t i = 0; i < t->n_sample; i++)
		bin[size_bin(t->sample[i].size, lo, step, n)].count[t->sample[i].dir]++;
	last = bin[n + 1].count[0] + bin[n + 1].count[1] != 0 ? n + 1 : n;
	first = bin[0].count[0] + bin[0].count[1] != 0 ? 0 : 1;
	put_head(out, "Payload sizes (bytes)");
	put_bins(out, bin + first, last - first + 1);
}

/* --- gaps --- */

/* Upper edges in ms; speech is packed every 10, 20, 30, 40 or 60 ms. */
static const struct { float below; const char *label; bool speech; } gaps[] = {
	{ 1, "< 1", false }, { 5, "1-5", false }, { 9, "5-9", false }, { 11, "9-11", true },
	{ 15, "11-15", false }, { 18, "15-18", false }, { 22, "18-22", true }, { 28, "22-28", false },
	{ 32, "28-32", true }, { 38, "32-38", false }, { 42, "38-42", true }, { 58, "42-58", false },
	{ 62, "58-62", true }, { 100, "62-100", false }, { 200, "100-200", false }, { 500, "200-500", false },
	{ 1000, "500-1000", false }, { INFINITY, "> 1000", false },
};
#define GAPS (sizeof gaps / sizeof *gaps)

void plot_gaps(const struct trace *t, FILE *out)
{
	struct bin bin[GAPS] = { 0 };
	uint64_t last_ns[2] = { UINT64_MAX, UINT64_MAX };
	unsigned first = GAPS, last = 0;

	for (unsigned i = 0; i < GAPS; i++) {
		snprintf(bin[i].label, sizeof bin[i].label, "%s", gaps[i].label);
		bin[i].speech = gaps[i].speech;
	}
	for (uint32_t i = 0; i < t->n_sample; i++) {
		const struct trace_sample *s = &t->sample[i];
		unsigned at = 0;

		while (last_ns[s->dir] != UINT64_MAX && (float)(s->ns - last_ns[s->dir]) / 1e6f >= gaps[at].below)
			at++;
		if (last_ns[s->dir] != UINT64_MAX) {
			bin[at].count[s->dir]++;
			first = at < first ? at : first;
			last = at > last ? at : last;
		}
		last_ns[s->dir] = s->ns;
	}
	if (first == GAPS)
		return;
	put_head(out, "Gaps between packets of a direction (ms; * are the frames of speech)");
	put_bins(out, bin + first, last - first + 1);
}

/* --- clock --- */

#define WINDOW_LEAST 10       /* packets in a window: fewer lie on any grid */
#define TOGETHER_NS  (2 * NS_PER_MS) /* packets closer than that were sent at one tick, as those of a picture are */
#define FOUND        0.7f     /* so much on its grid is a clock; METHOD.md has what real ones reach */
#define AS_GOOD      0.9f     /* a longer period that is nearly as good as the best is the clock: a grid of 20 ms lies on that of 10 */

/* Phases of one window: n(R^2) has mean 1 by chance, which is taken off. */
static float window_on_grid(const uint64_t *ns, uint32_t n, uint64_t period_ns)
{
	double c = 0, s = 0, square;

	for (uint32_t i = 0; i < n; i++) {
		double phase = (double)(ns[i] % period_ns) / (double)period_ns * 2 * M_PI;

		c += cos(phase);
		s += sin(phase);
	}
	square = ((c * c + s * s) / n - 1) / (n - 1);
	return square > 0 ? (float)sqrt(square) : 0;
}

float plot_on_grid(const uint64_t *ns, uint32_t n, uint64_t period_ns, uint32_t *used)
{
	float sum = 0;

	*used = 0;
	for (uint32_t first = 0, next; first < n; first = next) {
		next = first;
		while (next < n && ns[next] - ns[first] < CLOCK_WINDOW_NS)
			next++;
		if (next - first < WINDOW_LEAST)
			continue;
		sum += window_on_grid(ns + first, next - first, period_ns) * (float)(next - first);
		*used += next - first;
	}
	return *used == 0 ? 0 : sum / (float)*used;
}

/* Speech's frames, and what games, cameras and timers tick at. */
static const struct { float ms; const char *what; } periods[] = {
	{ 10, "speech" }, { 20, "speech" }, { 30, "speech" }, { 40, "speech, or 25 Hz" }, { 60, "speech" },
	{ 7.8125f, "128 Hz" }, { 15.625f, "64 Hz" }, { 1000 / 60.f, "60 Hz" }, { 25, "40 Hz" },
	{ 1000 / 35.f, "35 Hz" }, { 100 / 3.f, "30 Hz" }, { 50, "20 Hz" }, { 100, "10 Hz" },
};
#define PERIODS (sizeof periods / sizeof *periods)
#define SPEECH_PERIODS 5      /* the first ones: their lines are always there */
#define WORTH_A_LINE   10     /* percent, both directions together */

struct clock_view {
	float grid[PERIODS];
	uint32_t used;
	int found;                /* index of the clock, -1 none */
};

static uint64_t *times_of(const struct trace *t, int dir, uint32_t *n)
{
	uint64_t *ns = malloc(t->n_sample * sizeof *ns + 1);

	*n = 0;
	for (uint32_t i = 0; ns != NULL && i < t->n_sample; i++)
		if (t->sample[i].dir == dir && (*n == 0 || t->sample[i].ns - ns[*n - 1] >= TOGETHER_NS))
			ns[(*n)++] = t->sample[i].ns;
	return ns;
}

static void clock_find(struct clock_view *v)
{
	float best = 0;

	v->found = -1;
	for (unsigned i = 0; i < PERIODS; i++)
		best = v->grid[i] > best ? v->grid[i] : best;
	for (unsigned i = 0; i < PERIODS && best >= FOUND; i++)
		if (v->grid[i] >= AS_GOOD * best && (v->found < 0 || periods[i].ms > periods[v->found].ms))
			v->found = (int)i;
}

static struct clock_view clock_of(const struct trace *t, int dir)
{
	struct clock_view v = { .found = -1 };
	uint32_t n;
	uint64_t *ns = times_of(t, dir, &n);

	for (unsigned i = 0; ns != NULL && i < PERIODS; i++)
		v.grid[i] = plot_on_grid(ns, n, (uint64_t)(periods[i].ms * 1e6f), &v.used);
	clock_find(&v);
	free(ns);
	return v;
}

static void put_clock(FILE *out, int dir, const struct clock_view *v)
{
	if (v->used == 0)
		fprintf(out, "  %s too few packets at a time for one\n", arrows[dir]);
	else if (v->found < 0)
		fprintf(out, "  %s none of these\n", arrows[dir]);
	else
		fprintf(out, "  %s every %.4g ms (%s): %.0f %% on its grid, of %u packets\n", arrows[dir],
		    (double)periods[v->found].ms, periods[v->found].what, (double)v->grid[v->found] * 100, v->used);
}

void plot_clock(const struct trace *t, FILE *out)
{
	struct clock_view v[2] = { clock_of(t, 0), clock_of(t, 1) };

	fputs("\nClock (how closely packets lie on a grid of this period; 100 %: exactly)\n", out);
	for (unsigned p = 0; p < PERIODS && v[0].used + v[1].used != 0; p++) {
		struct bin b = { .speech = p < SPEECH_PERIODS,
			.count = { (uint32_t)lrintf(v[0].grid[p] * 100), (uint32_t)lrintf(v[1].grid[p] * 100) } };

		snprintf(b.label, sizeof b.label, "%.4g ms", (double)periods[p].ms);
		if (b.speech || b.count[0] + b.count[1] >= WORTH_A_LINE)
			put_bin(out, &b, 100);
	}
	for (int dir = 0; dir < 2; dir++)
		put_clock(out, dir, &v[dir]);
}
