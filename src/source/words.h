/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_SOURCE_WORDS_H
#define SQUELCH_SOURCE_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Lines of a scenario file as words. A word ends at white space; in double
 * quotes it may hold anything, with the escapes of C; # begins a comment.
 */
struct word {
	const char *text;  /* ends with NUL; quoted words may hold others */
	size_t len;
};

#define WORDS_MAX 256 /* a line */

struct words {
	FILE *in;
	const char *const *others; /* first words of lines to pass over; ends with NULL; may be NULL */
	unsigned line;     /* number of the line, from 1 */
	char *buf;
	size_t room;
	unsigned n, at;
	struct word list[WORDS_MAX];
};

enum words_read { WORDS_LINE, WORDS_END, WORDS_BAD };

/* Reads the next line that has words. WORDS_BAD with *what set. */
enum words_read words_read(struct words *, const char **what);
/* The next line as it is, without its end; NULL at the end of the file. */
const char *words_raw_line(struct words *);
void words_free(struct words *);

/* The next word, or NULL after the last. */
const struct word *words_next(struct words *);
/* Takes the next word when it is `text`. */
bool words_take(struct words *, const char *text);

/* Values; false when the word is none. Numbers are decimal, 0x hexadecimal, 0 octal. */
bool word_number(const struct word *, uint64_t max, uint64_t *out);
/* Seconds, or with a unit: us, ms, s, m, h; at most a year. */
bool word_duration(const struct word *, uint64_t *ns);

#endif
