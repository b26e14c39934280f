/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The audit for people (a host a line, at most AUDIT_WIDTH columns) and for tables (CSV, RFC 4180). */
#include "event/audit.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

#define CELL_MAX 192

static const char *stamp(uint64_t ns, const char *fmt, char out[static 32])
{
	const time_t t = (time_t)(ns / NS_PER_S);
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL || strftime(out, 32, fmt, &tm) == 0)
		strcpy(out, "?");
	return out;
}

static const char *human(uint64_t bytes, char out[static 32])
{
	static const char units[] = " kMGTPE";
	double v = (double)bytes;
	int u = 0;

	for (; v >= 999.5; u++)
		v /= 1000;
	snprintf(out, 32, u == 0 || v >= 10 ? "%.0f%c" : "%.1f%c", v, units[u]);
	if (u == 0)
		out[strlen(out) - 1] = '\0';
	return out;
}

/* --- cells; empty: nothing to say --- */

static void cell_host(const struct audit_row *r, char *out)
{
	addr_text(&r->host, out);
}

static void cell_app(const struct audit_row *r, char *out)
{
	const char *name = app_name(r->app);

	if (name != NULL)
		strcpy(out, name);
	else
		snprintf(out, CELL_MAX, "(%s)", category_name(r->category));
}

static void cell_role(const struct audit_row *r, char *out)
{
	const char *role = role_name(r->role);

	strcpy(out, role == NULL ? "" : role);
}

static void cell_version(const struct audit_row *r, char *out)
{
	const char *name = skype_generation_name((enum skype_generation)r->skype.generation);

	strcpy(out, name == NULL ? "" : name);
}

static void cell_public(const struct audit_row *r, char *out)
{
	struct addr ip;

	addr_from_v4(&ip, r->skype.public_ip);
	if (!addr_is_unspecified(&ip))
		addr_text(&ip, out);
}

static void cell_first(const struct audit_row *r, char *out)
{
	stamp(r->first_ns, "%Y-%m-%d %H:%M", out);
}

static void cell_last(const struct audit_row *r, char *out)
{
	stamp(r->last_ns, "%m-%d %H:%M", out);
}

static void cell_peers(const struct audit_row *r, char *out)
{
	snprintf(out, CELL_MAX, "%u", r->peers);
}

static void cell_sent(const struct audit_row *r, char *out)
{
	human(r->bytes[0], out);
}

static void cell_received(const struct audit_row *r, char *out)
{
	human(r->bytes[1], out);
}

static void cell_calls(const struct audit_row *r, char *out)
{
	if (r->calls != 0)
		snprintf(out, CELL_MAX, "%u/%.0fs", r->calls, (double)r->call_ns / (double)NS_PER_S);
}

static void cell_accepted(const struct audit_row *r, char *out)
{
	if (r->accepted != 0)
		snprintf(out, CELL_MAX, "%u", r->accepted);
}

static void cell_rate(const struct audit_row *r, char *out)
{
	float bytes_s;
	const struct role_cap *cap = audit_cap(r, &bytes_s);

	if (cap != NULL)
		snprintf(out, CELL_MAX, "%.1f/%u%s", (double)bytes_s / 1000, cap->bytes_s / 1000,
		    bytes_s > (float)cap->bytes_s ? "!" : "");
}

static void cell_bits(const struct audit_row *r, char *out)
{
	snprintf(out, CELL_MAX, "%.0f", (double)r->bits);
}

static void cell_proof(const struct audit_row *r, char *out)
{
	char why[WHY_LEN];

	if (r->proved)
		snprintf(out, CELL_MAX, "%s: %s", r->proof.row->name, evidence_why(&r->proof, why));
}

/* The text's columns. `less`: left out first when the line gets too long; 0 never. */
static const struct column {
	const char *title;
	bool right;
	uint8_t less;
	void (*cell)(const struct audit_row *, char *out);
} columns[] = {
	{ "host", false, 0, cell_host }, { "app", false, 0, cell_app }, { "role", false, 0, cell_role },
	{ "version", false, 2, cell_version }, { "public", false, 4, cell_public },
	{ "first (UTC)", false, 0, cell_first }, { "last", false, 1, cell_last },
	{ "peers", true, 0, cell_peers }, { "sent", true, 0, cell_sent }, { "rcvd", true, 0, cell_received },
	{ "calls", true, 0, cell_calls }, { "in", true, 3, cell_accepted }, { "kB/s/cap", true, 0, cell_rate },
	{ "bits", true, 0, cell_bits },
};
#define COLUMNS (sizeof columns / sizeof *columns)

/* Widths, 0 for a column that is left out. */
struct layout {
	size_t width[COLUMNS];
	size_t all;
};

static const char *fill(unsigned c, const struct audit_row *r, char out[static CELL_MAX])
{
	out[0] = '\0';
	columns[c].cell(r, out);
	return out;
}

static struct layout layout_of(const struct audit_lists *l)
{
	struct layout lay = { 0 };
	char cell[CELL_MAX];

	for (unsigned c = 0; c < COLUMNS; c++) {
		for (unsigned i = 0; i < l->n_row; i++) {
			size_t n = strlen(fill(c, l->row[i], cell));

			lay.width[c] = n > lay.width[c] ? n : lay.width[c];
		}
		if (lay.width[c] != 0 && lay.width[c] < strlen(columns[c].title))
			lay.width[c] = strlen(columns[c].title);
		lay.all += lay.width[c] != 0 ? lay.width[c] + 1 : 0;
	}
	for (unsigned less = 1; lay.all > AUDIT_WIDTH && less <= 4; less++)
		for (unsigned c = 0; c < COLUMNS; c++)
			if (columns[c].less == less && lay.width[c] != 0) {
				lay.all -= lay.width[c] + 1;
				lay.width[c] = 0;
			}
	return lay;
}

static void put_cell(FILE *out, const struct layout *lay, unsigned c, const char *text)
{
	if (lay->width[c] != 0)
		fprintf(out, "%*s ", columns[c].right ? (int)lay->width[c] : -(int)lay->width[c], text);
}

/* The proof takes what is left of the line. */
static void put_rest(FILE *out, const struct layout *lay, const char *text)
{
	enum { USEFUL = 12 };
	size_t room = lay->all < AUDIT_WIDTH ? AUDIT_WIDTH - lay->all : 0, n = strlen(text);

	if (room < USEFUL)
		fputc('\n', out);
	else if (n <= room)
		fprintf(out, "%s\n", text);
	else
		fprintf(out, "%.*s..\n", (int)room - 2, text);
}

static void print_row(FILE *out, const struct layout *lay, const struct audit_row *r)
{
	char cell[CELL_MAX];

	for (unsigned c = 0; c < COLUMNS; c++)
		put_cell(out, lay, c, fill(c, r, cell)[0] == '\0' ? "-" : cell);
	cell[0] = '\0';
	cell_proof(r, cell);
	put_rest(out, lay, cell);
}

static void print_finds(FILE *out, const struct audit_lists *l)
{
	char at[32], host[ADDR_TEXT_LEN];

	if (l->n_find != 0)
		fprintf(out, "\nFindings: %llu\n", (unsigned long long)l->finds);
	for (unsigned i = 0; i < l->n_find; i++) {
		const struct audit_find *f = &l->find[i];

		fprintf(out, "%s %-15s %s%s%.40s\n", stamp(f->wall_ns, "%Y-%m-%d %H:%M:%S", at),
		    addr_text(&f->host, host), f->what, f->name[0] == '\0' ? "" : ", ", f->name);
	}
	if (l->finds > l->n_find)
		fprintf(out, "... and %llu more\n", (unsigned long long)(l->finds - l->n_find));
}

void audit_print(struct audit *a, FILE *out)
{
	const struct audit_lists l = audit_lists(a);
	const struct layout lay = layout_of(&l);

	if (l.n_row == 0)
		fputs("No calling application or restricted service found.\n", out);
	for (unsigned c = 0; l.n_row != 0 && c < COLUMNS; c++)
		put_cell(out, &lay, c, columns[c].title);
	if (l.n_row != 0)
		put_rest(out, &lay, "proof");
	for (unsigned i = 0; i < l.n_row; i++)
		print_row(out, &lay, l.row[i]);
	print_finds(out, &l);
	if (l.rows_refused != 0)
		fprintf(out, "%llu times a host past the %u lines kept was left out\n",
		    (unsigned long long)l.rows_refused, AUDIT_ROWS_MAX);
	if (l.peers_refused != 0)
		fprintf(out, "peers past the %u kept are not counted: %llu\n", AUDIT_PEERS_MAX,
		    (unsigned long long)l.peers_refused);
}

/* --- CSV --- */

static void csv_text(FILE *out, const char *text)
{
	if (strpbrk(text, ",\"\r\n") == NULL) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (; *text != '\0'; text++)
		fprintf(out, *text == '"' ? "\"\"" : "%c", *text);
	fputc('"', out);
}

static void csv_row(FILE *out, const struct audit_row *r)
{
	char cell[CELL_MAX], first[32], last[32];
	const char *app = app_name(r->app);
	float bytes_s;
	const struct role_cap *cap = audit_cap(r, &bytes_s);

	cell_host(r, cell);
	fprintf(out, "%s,%s,%s,", cell, app == NULL ? "" : app, category_name(r->category));
	cell[0] = '\0';
	cell_role(r, cell);
	fprintf(out, "%s,", cell);
	cell[0] = '\0';
	cell_version(r, cell);
	fprintf(out, "%s,", cell);
	cell[0] = '\0';
	cell_public(r, cell);
	fprintf(out, "%s,%s,%s,%llu,%u,%llu,%llu,%u,%.3f,%u,", cell,
	    stamp(r->first_ns, "%Y-%m-%dT%H:%M:%SZ", first), stamp(r->last_ns, "%Y-%m-%dT%H:%M:%SZ", last),
	    (unsigned long long)r->flows, r->peers, (unsigned long long)r->bytes[0],
	    (unsigned long long)r->bytes[1], r->calls, (double)r->call_ns / (double)NS_PER_S, r->accepted);
	if (cap != NULL)
		fprintf(out, "%s,%.0f,%u,", cap->name, (double)bytes_s, cap->bytes_s);
	else
		fputs(",,,", out);
	fprintf(out, "%.1f,", (double)r->bits);
	cell[0] = '\0';
	cell_proof(r, cell);
	csv_text(out, cell);
	fputs("\r\n", out);
}

void audit_csv(struct audit *a, FILE *out)
{
	const struct audit_lists l = audit_lists(a);

	fputs("host,app,category,role,version,public_ip,first,last,flows,peers,bytes_sent,bytes_received,"
	    "calls,call_s,accepted,cap,rate_bytes_s,cap_bytes_s,bits,proof\r\n", out);
	for (unsigned i = 0; i < l.n_row; i++)
		csv_row(out, l.row[i]);
}
