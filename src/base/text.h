/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_BASE_TEXT_H
#define SQUELCH_BASE_TEXT_H

#include <stdint.h>
#include <stdio.h>

/*
 * Writes text and a line end, broken at blanks so that no line is wider than
 * `width`, when its words allow it. Lines after the first begin with `indent` blanks; the first
 * begins where the output stands, which is taken to be `at`.
 */
void text_wrap(FILE *out, unsigned width, unsigned at, unsigned indent, const char *text);

/* Text of strangers, cut to `width` bytes ("..") and with anything but printable ASCII as '?': a terminal obeys what it is sent. Returns `out`, of width + 1 bytes. */
const char *text_tame(const char *text, size_t width, char *out);

#define TEXT_LEN 32

/* Nanoseconds of the wall clock in UTC, in a format of strftime(3); "?" when they are no time. Returns `out`. */
const char *text_time(uint64_t wall_ns, const char *format, char out[static TEXT_LEN]);
/* A number in at most three digits and a power of 1000: "999 B", "1.2 MB"; without a unit "999", "1.2M". Returns `out`. */
const char *text_size(uint64_t n, const char *unit, char out[static TEXT_LEN]);
/* So many of a thing, in English: "0 flows", "1 flow". `thing` has at most 10 letters. Returns `out`. */
const char *text_count(uint64_t n, const char *thing, char out[static TEXT_LEN]);

#endif
