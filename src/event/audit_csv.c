/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The audit for tables: CSV, RFC 4180. */
#include "event/audit_cell.h"

#include "base/clock.h"
#include "base/text.h"

static void put_number(char *out, uint64_t n)
{
	snprintf(out, CELL_MAX, "%llu", (unsigned long long)n);
}

static void csv_app(const struct audit_row *r, char *out)
{
	if (r->app != APP_NONE)
		strcpy(out, app_name(r->app));
}

static void csv_category(const struct audit_row *r, char *out)
{
	strcpy(out, category_name(r->category));
}

static void csv_first(const struct audit_row *r, char *out)
{
	text_time(r->first_ns, "%Y-%m-%dT%H:%M:%SZ", out);
}

static void csv_last(const struct audit_row *r, char *out)
{
	text_time(r->last_ns, "%Y-%m-%dT%H:%M:%SZ", out);
}

static void csv_seconds(const struct audit_row *r, char *out)
{
	snprintf(out, CELL_MAX, "%.3f", (double)r->call_ns / (double)NS_PER_S);
}

static void csv_bits(const struct audit_row *r, char *out)
{
	snprintf(out, CELL_MAX, "%.1f", (double)r->bits);
}

static void csv_cap(const struct audit_row *r, char *out)
{
	float bytes_s;
	const struct role_cap *cap = audit_cap(r, &bytes_s);

	if (cap != NULL)
		strcpy(out, cap->name);
}

static void csv_rate(const struct audit_row *r, char *out)
{
	float bytes_s;

	if (audit_cap(r, &bytes_s) != NULL)
		snprintf(out, CELL_MAX, "%.0f", (double)bytes_s);
}

static void csv_cap_bytes(const struct audit_row *r, char *out)
{
	float bytes_s;
	const struct role_cap *cap = audit_cap(r, &bytes_s);

	if (cap != NULL)
		put_number(out, cap->bytes_s);
}

static void csv_listening(const struct audit_row *r, char *out)
{
	if (r->skype.listening != 0)
		put_number(out, r->skype.listening);
}

/* Plain counts; those of Skype are empty for other applications. */
#define COUNT_COLUMN(name, value) \
	static void csv_##name(const struct audit_row *r, char *out) { put_number(out, value); }
#define SKYPE_COLUMN(name, value) \
	static void csv_##name(const struct audit_row *r, char *out) { if (r->app == APP_SKYPE) put_number(out, value); }
COUNT_COLUMN(flows, r->flows)
COUNT_COLUMN(peers, r->peers)
COUNT_COLUMN(sent, r->bytes[0])
COUNT_COLUMN(received, r->bytes[1])
COUNT_COLUMN(calls, r->calls)
COUNT_COLUMN(accepted, r->accepted)
SKYPE_COLUMN(restarts, r->skype.restarts)
SKYPE_COLUMN(logins, r->skype.logins)
SKYPE_COLUMN(supernodes, r->skype.supernodes)
SKYPE_COLUMN(punched, r->skype.punched)

/* New ones come last. */
static const struct { const char *title; void (*cell)(const struct audit_row *, char *out); } columns[] = {
	{ "host", cell_host }, { "app", csv_app }, { "category", csv_category }, { "role", cell_role },
	{ "version", cell_version }, { "public_ip", cell_public }, { "first", csv_first }, { "last", csv_last },
	{ "flows", csv_flows }, { "peers", csv_peers }, { "bytes_sent", csv_sent }, { "bytes_received", csv_received },
	{ "calls", csv_calls }, { "call_s", csv_seconds }, { "accepted", csv_accepted }, { "cap", csv_cap },
	{ "rate_bytes_s", csv_rate }, { "cap_bytes_s", csv_cap_bytes }, { "bits", csv_bits }, { "proof", cell_proof },
	{ "restarts", csv_restarts }, { "listening", csv_listening }, { "login_servers", csv_logins },
	{ "supernodes", csv_supernodes }, { "hole_punching", csv_punched },
};
#define COLUMNS (sizeof columns / sizeof *columns)

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

static void csv_line(FILE *out, const struct audit_row *r)
{
	char cell[CELL_MAX];

	for (unsigned c = 0; c < COLUMNS; c++) {
		if (c != 0)
			fputc(',', out);
		csv_text(out, r == NULL ? columns[c].title : cell_text(columns[c].cell, r, cell));
	}
	fputs("\r\n", out);
}

void audit_csv(struct audit *a, FILE *out)
{
	const struct audit_lists l = audit_lists(a);

	csv_line(out, NULL);
	for (unsigned i = 0; i < l.n_row; i++)
		csv_line(out, l.row[i]);
}
