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

#define ROWS_MAX 48
#define HELP_COLUMN 26

static void print_help(const struct option_row *rows, const char *usage)
{
	printf("usage: squelch %s\n\n", usage);
	for (const struct option_row *r = rows; r->name != NULL; r++) {
		int n;

		if (r->help == NULL)
			continue;
		n = r->letter != 0 ? printf("  -%c, --%s", r->letter, r->name) : printf("      --%s", r->name);
		if (r->arg != NULL)
			n += printf(" %s", r->arg);
		printf("%*s%s\n", n < HELP_COLUMN ? HELP_COLUMN - n : 1, "", r->help);
	}
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

static bool set_row(const struct option_row *r, void *conf, const char *text)
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
	}
	return false;
}

int options_parse(const struct option_row *rows, void *conf, int argc, char **argv, const char *usage)
{
	enum { LONG_BASE = 256 };
	struct option longs[ROWS_MAX + 2] = { 0 };
	char shorts[2 * ROWS_MAX + 4] = "h";
	int n = 0, c;

	for (; rows[n].name != NULL && n < ROWS_MAX; n++) {
		char letter[3] = { rows[n].letter, rows[n].kind == OPTION_FLAG ? '\0' : ':', '\0' };

		longs[n] = (struct option){ rows[n].name, rows[n].kind != OPTION_FLAG, NULL, LONG_BASE + n };
		if (rows[n].letter != 0)
			strcat(shorts, letter);
	}
	longs[n] = (struct option){ "help", no_argument, NULL, 'h' };
	optind = 1;
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct option_row *r = NULL;

		if (c == 'h') {
			print_help(rows, usage);
			return OPTIONS_HELP;
		}
		for (int i = 0; i < n && r == NULL; i++)
			if (c == LONG_BASE + i || (rows[i].letter != 0 && c == rows[i].letter))
				r = &rows[i];
		if (r == NULL) { /* getopt said what is wrong */
			fprintf(stderr, "usage: squelch %s\n", usage);
			return OPTIONS_WRONG;
		}
		if (!set_row(r, conf, optarg)) {
			fprintf(stderr, "squelch: --%s: %s: not a value it takes\n", r->name, optarg);
			return OPTIONS_WRONG;
		}
	}
	return optind;
}
