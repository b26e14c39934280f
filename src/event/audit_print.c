/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The audit for people: a host a line, then what is known beside, and the findings. */
#include "event/audit_cell.h"

#include <stdlib.h>

#include "base/text.h"

/* The text's columns. `less`: left out first when the line gets too long; 0 never. */
static const struct column {
	const char *title;
	bool right;
	uint8_t less;
	void (*cell)(const struct audit_row *, char *out);
} columns[] = {
	{ "host", false, 0, cell_host }, { "app", false, 0, cell_app }, { "role", false, 0, cell_role },
	{ "version", false, 3, cell_version }, { "public", false, 2, cell_public },
	{ "first (UTC)", false, 5, cell_first }, { "last", false, 1, cell_last },
	{ "peers", true, 0, cell_peers }, { "sent", true, 0, cell_sent }, { "rcvd", true, 0, cell_received },
	{ "calls", true, 0, cell_calls }, { "in", true, 4, cell_accepted }, { "kB/s/cap", true, 0, cell_rate },
	{ "bits", true, 6, cell_bits },
};
#define COLUMNS (sizeof columns / sizeof *columns)
#define LESS_MAX 6

/* Widths, 0 for a column that is left out. */
struct layout {
	size_t width[COLUMNS];
	size_t all;
};

static struct layout layout_of(const struct audit_lists *l, unsigned width)
{
	struct layout lay = { 0 };
	char cell[CELL_MAX];

	for (unsigned c = 0; c < COLUMNS; c++) {
		for (unsigned i = 0; i < l->n_row; i++) {
			size_t n = strlen(cell_text(columns[c].cell, l->row[i], cell));

			lay.width[c] = n > lay.width[c] ? n : lay.width[c];
		}
		if (lay.width[c] != 0 && lay.width[c] < strlen(columns[c].title))
			lay.width[c] = strlen(columns[c].title);
		lay.all += lay.width[c] != 0 ? lay.width[c] + 1 : 0;
	}
	for (unsigned less = 1; lay.all > width && less <= LESS_MAX; less++)
		for (unsigned c = 0; c < COLUMNS; c++)
			if (columns[c].less == less && lay.width[c] != 0) {
				lay.all -= lay.width[c] + 1;
				lay.width[c] = 0;
			}
	return lay;
}

/* `r` NULL: the titles. */
static void print_line(FILE *out, const struct layout *lay, const struct audit_row *r)
{
	const char *blank = "";
	char cell[CELL_MAX];

	for (unsigned c = 0; c < COLUMNS; c++) {
		const char *text = r == NULL ? columns[c].title : cell_text(columns[c].cell, r, cell);

		if (lay->width[c] == 0)
			continue;
		fprintf(out, "%s%*s", blank, columns[c].right ? (int)lay->width[c] : -(int)lay->width[c], text[0] == '\0' ? "-" : text);
		blank = " ";
	}
	fputc('\n', out);
}

static void print_finds(FILE *out, const struct audit_lists *l, unsigned width)
{
	char at[TEXT_LEN], host[ADDR_TEXT_LEN], rate[64], text[2 * CELL_MAX];

	if (l->n_find != 0)
		fprintf(out, "\nFindings: %llu\n", (unsigned long long)l->finds);
	for (unsigned i = 0; i < l->n_find; i++) {
		const struct audit_find *f = &l->find[i];

		rate[0] = '\0';
		if (f->bytes_s > 0)
			snprintf(rate, sizeof rate, " (%s, %.1f kB/s of %.1f)", role_caps[f->cap].name, (double)f->bytes_s / 1000,
			    role_caps[f->cap].bytes_s / 1000.0);
		snprintf(text, sizeof text, "%s %-15s %s%s%.40s%s", text_time(f->wall_ns, "%Y-%m-%d %H:%M:%S", at),
		    addr_text(&f->host, host), f->what, f->name[0] == '\0' ? "" : ", ", f->name, rate);
		text_wrap(out, width, 0, 20, text);
	}
	if (l->finds > l->n_find)
		fprintf(out, "... and %llu more\n", (unsigned long long)(l->finds - l->n_find));
}

void audit_print(struct audit *a, unsigned width, FILE *out)
{
	const struct audit_lists l = audit_lists(a);
	const struct layout lay = layout_of(&l, width);

	if (l.n_row == 0)
		fputs("No calling application or restricted service found.\n", out);
	else
		print_line(out, &lay, NULL);
	for (unsigned i = 0; i < l.n_row; i++)
		print_line(out, &lay, l.row[i]);
	audit_more(&l, width, out);
	print_finds(out, &l, width);
	if (l.rows_refused != 0)
		fprintf(out, "%llu times a host past the %u lines kept was left out\n",
		    (unsigned long long)l.rows_refused, AUDIT_ROWS_MAX);
	if (l.peers_refused != 0)
		fprintf(out, "peers past the %u kept are not counted: %llu\n", AUDIT_PEERS_MAX,
		    (unsigned long long)l.peers_refused);
}
