/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_BASE_TEXT_H
#define SQUELCH_BASE_TEXT_H

#include <stdio.h>

/*
 * Writes text and a line end, broken at blanks so that no line is wider than
 * `width`, when its words allow it. Lines after the first begin with `indent` blanks; the first
 * begins where the output stands, which is taken to be `at`.
 */
void text_wrap(FILE *out, unsigned width, unsigned at, unsigned indent, const char *text);

#endif
