/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Below the table: the proof of each line, and what classic Skype gave away about its hosts. */
#include "event/audit_cell.h"

#include <stdarg.h>

#include "base/text.h"

#define LINE_MAX 1024 /* SKYPE_PLACES addresses of any length fit */
#define INDENT   4

struct line { char text[LINE_MAX]; size_t n; };

__attribute__((format(printf, 2, 3)))
static void add(struct line *l, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->text + l->n, sizeof l->text - l->n, fmt, ap);
	va_end(ap);
	if (n > 0)
		l->n = l->n + (size_t)n < sizeof l->text ? l->n + (size_t)n : sizeof l->text - 1;
}

static void put(FILE *out, unsigned width, const struct line *l)
{
	text_wrap(out, width, 0, INDENT, l->text);
}

static void put_proof(FILE *out, unsigned width, const struct audit_row *r)
{
	char host[CELL_MAX], app[CELL_MAX], proof[CELL_MAX];
	struct line l = { .n = 0 };

	add(&l, "%s %s: %s", cell_text(cell_host, r, host), cell_text(cell_app, r, app), cell_text(cell_proof, r, proof));
	put(out, width, &l);
}

static void put_places(FILE *out, unsigned width, const char *title, uint32_t n, const struct skype_place *place)
{
	struct line l = { .n = 0 };
	char text[PLACE_TEXT_LEN];

	if (n == 0)
		return;
	add(&l, "  %s, %u:", title, n);
	for (unsigned i = 0; i < SKYPE_PLACES; i++)
		if (place[i].port != 0)
			add(&l, " %s", place_text(&place[i].ip, place[i].port, text));
	if (n > SKYPE_PLACES)
		add(&l, " (the last %d)", SKYPE_PLACES);
	put(out, width, &l);
}

static void put_ports(FILE *out, unsigned width, const struct skype_host *s)
{
	struct line l = { .n = 0 };

	for (unsigned i = 0; i < SKYPE_PORTS && s->udp_port[i] != 0; i++)
		add(&l, "%s%u", i == 0 ? "  UDP port " : ", ", s->udp_port[i]);
	if (s->listening != 0)
		add(&l, "%sTCP port %u answers, %u connection%s accepted", l.n == 0 ? "  " : "; ", s->listening, s->accepted,
		    s->accepted == 1 ? "" : "s");
	if (s->restarts != 0)
		add(&l, "%s%u restart%s seen", l.n == 0 ? "  " : "; ", s->restarts, s->restarts == 1 ? "" : "s");
	if (s->punched != 0)
		add(&l, "%sUDP hole punching with %u peer%s", l.n == 0 ? "  " : "; ", s->punched, s->punched == 1 ? "" : "s");
	if (l.n != 0)
		put(out, width, &l);
}

static void put_rates(FILE *out, const struct audit_row *r)
{
	for (unsigned i = 0; i < ROLE_CAPS; i++)
		if (r->rates.bytes_s[i] != 0)
			fprintf(out, "  %s: at most %.1f kB/s, documented cap %.1f%s\n", role_caps[i].name,
			    (double)r->rates.bytes_s[i] / 1000, role_caps[i].bytes_s / 1000.0,
			    r->rates.bytes_s[i] > (float)role_caps[i].bytes_s ? ": exceeded" : "");
}

static void put_skype(FILE *out, unsigned width, const struct audit_row *r)
{
	char host[CELL_MAX], version[CELL_MAX], public_ip[CELL_MAX];
	struct line l = { .n = 0 };

	fputc('\n', out);
	add(&l, "Skype on %s", cell_text(cell_host, r, host));
	if (cell_text(cell_version, r, version)[0] != '\0')
		add(&l, ", client of generation %s", version);
	if (cell_text(cell_public, r, public_ip)[0] != '\0')
		add(&l, ", public address %s", public_ip);
	put(out, width, &l);
	put_ports(out, width, &r->skype);
	put_places(out, width, "log-in servers", r->skype.logins, r->skype.login);
	put_places(out, width, "super nodes", r->skype.supernodes, r->skype.supernode);
	put_rates(out, r);
}

void audit_more(const struct audit_lists *l, unsigned width, FILE *out)
{
	bool any = false;

	for (unsigned i = 0; i < l->n_row; i++) {
		if (!l->row[i]->proved)
			continue;
		fputs(any ? "" : "\nStrongest evidence\n", out);
		any = true;
		put_proof(out, width, l->row[i]);
	}
	for (unsigned i = 0; i < l->n_row; i++)
		if (l->row[i]->app == APP_SKYPE)
			put_skype(out, width, l->row[i]);
}
