/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 48    /* of all tables of a command */
#define HELP_COLUMN 26 /* where the explanations of --help begin */

static void print_rows(const struct option_row *rows)
{
	for (const struct option_row *r = rows; r->name != NULL; r++) {
		int n;

		if (r->help == NULL)
			continue;
		n = r->letter != 0 ? printf("  -%c, --%s", r->letter, r->name) : printf("      --%s", r->name);
		if (r->arg != NULL)
			n += printf(" %s", r->arg);
		printf("%*s%s\n", n < HELP_COLUMN ? HELP_COLUMN - n : 1, "", r->help);
	}
}

static void print_help(const struct option_table *tables, const char *usage)
{
	printf("usage: squelch %s\n\n", usage);
	for (const struct option_table *t = tables; t->rows != NULL; t++)
		print_rows(t->rows);
	printf("  -h, --help%*sthis text\n", HELP_COLUMN - 12, "");
}

static bool set_uint(uint32_t *to, const char *text)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || *text == '-' || v == 0 || v > UINT32_MAX)
		return false;
	*to = (uint32_t)v;
	return true;
}

static bool set_bits(float *to, const char *text)
{
	enum { BITS_LARGEST = 1000 };
	char *end;
	float v = strtof(text, &end);

	if (end == text || *end != '\0' || !isfinite(v) || v < 0 || v > BITS_LARGEST)
		return false;
	*to = v;
	return true;
}

/* "a,b" adds a and b. */
static bool add_items(struct option_list *to, char *text)
{
	for (char *item = text, *next; item != NULL; item = next) {
		next = strchr(item, ',');
		if (next != NULL)
			*next++ = '\0';
		if (*item == '\0' || to->n == OPTION_LIST_MAX)
			return false;
		to->item[to->n++] = item;
	}
	return true;
}

static bool set_row(const struct option_row *r, void *conf, char *text)
{
	void *to = (char *)conf + r->at;

	switch (r->kind) {
	case OPTION_FLAG:
		*(bool *)to = true;
		return true;
	case OPTION_TEXT:
		*(const char **)to = text;
		return true;
	case OPTION_UINT:
		return set_uint(to, text);
	case OPTION_BITS:
		return set_bits(to, text);
	case OPTION_LIST:
		return add_items(to, text);
	}
	return false;
}

/* The tables as getopt wants them, and the way back. */
struct flat {
	const struct option_row *row[ROWS_MAX];
	void *conf[ROWS_MAX];
	struct option longs[ROWS_MAX + 2];
	char shorts[2 * ROWS_MAX + 4];
	int n;
};

#define LONG_BASE 256 /* above every letter */

static void flatten(struct flat *f, const struct option_table *tables)
{
	*f = (struct flat){ .shorts = "h" };
	for (const struct option_table *t = tables; t->rows != NULL; t++)
		for (const struct option_row *r = t->rows; r->name != NULL && f->n < ROWS_MAX; r++, f->n++) {
			char letter[3] = { r->letter, r->kind == OPTION_FLAG ? '\0' : ':', '\0' };

			f->row[f->n] = r;
			f->conf[f->n] = t->conf;
			f->longs[f->n] = (struct option){ r->name, r->kind != OPTION_FLAG, NULL, LONG_BASE + f->n };
			if (r->letter != 0)
				strcat(f->shorts, letter);
		}
	f->longs[f->n] = (struct option){ "help", no_argument, NULL, 'h' };
}

/* Index of what getopt found, -1 none. */
static int flat_find(const struct flat *f, int c)
{
	for (int i = 0; i < f->n; i++)
		if (c == LONG_BASE + i || (f->row[i]->letter != 0 && c == f->row[i]->letter))
			return i;
	return -1;
}

int options_parse(const struct option_table *tables, int argc, char **argv, const char *usage)
{
	static const char *const wanted[] = {
		[OPTION_UINT] = "a number from 1 to 4294967295", [OPTION_BITS] = "bits from 0 to 1000",
		[OPTION_LIST] = "names, at most 16 in all",
	};
	static char name[32];
	struct flat f;
	int c, i;

	flatten(&f, tables);
	snprintf(name, sizeof name, "squelch: %s", argv[0]);
	argv[0] = name; /* as getopt says it */
	optind = 1;
	while ((c = getopt_long(argc, argv, f.shorts, f.longs, NULL)) != -1) {
		if (c == 'h') {
			print_help(tables, usage);
			return OPTIONS_HELP;
		}
		i = flat_find(&f, c);
		if (i < 0) { /* getopt said what is wrong */
			fprintf(stderr, "usage: squelch %.*s\n", (int)strcspn(usage, "\n"), usage);
			return OPTIONS_WRONG;
		}
		if (!set_row(f.row[i], f.conf[i], optarg)) {
			fprintf(stderr, "%s: --%s: %s, not \"%s\"\n", name, f.row[i]->name, wanted[f.row[i]->kind], optarg);
			return OPTIONS_WRONG;
		}
	}
	return optind;
}
