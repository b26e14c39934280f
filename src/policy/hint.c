/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/parse.h"

#include <ctype.h>
#include <string.h>

#define WORD_MAX 24  /* longer words are compared no further */
#define NEAR_MAX 2   /* letters that may be wrong */

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Letters to change, add or leave out to make b of a (Levenshtein 1966). */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[WORD_MAX + 1];
	size_t n = strlen(a), m = strlen(b);

	if (n > WORD_MAX || m > WORD_MAX)
		return NEAR_MAX + 1;
	for (size_t j = 0; j <= m; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned above = row[j];
			bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);

			row[j] = least(least(above, row[j - 1]) + 1, diagonal + !same);
			diagonal = above;
		}
	}
	return row[m];
}

const char *parser_hint(const char *word, const char *const *names, size_t n, char text[static HINT_LEN])
{
	unsigned best = NEAR_MAX + 1;
	const char *nearest = NULL;

	for (size_t i = 0; i < n; i++) {
		unsigned d = distance(word, names[i]);

		if (d != 0 && d < best && d < strlen(names[i])) { /* the word itself is no help: it stands at a wrong place */
			best = d;
			nearest = names[i];
		}
	}
	text[0] = '\0';
	if (nearest != NULL)
		snprintf(text, HINT_LEN, "; did you mean \"%s\"?", nearest);
	return text;
}
