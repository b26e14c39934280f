/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/text.h"

#include <string.h>

#define ROOM_MIN 16 /* columns: an indent may not leave less */

/* Bytes of the first line: to the last blank in `room`, or all of a longer word. */
static size_t line_cut(const char *text, size_t room)
{
	size_t n = strlen(text), cut = room;

	if (n <= room)
		return n;
	while (cut > 0 && text[cut] != ' ')
		cut--;
	return cut != 0 ? cut : strcspn(text, " ");
}

void text_wrap(FILE *out, unsigned width, unsigned at, unsigned indent, const char *text)
{
	for (unsigned begin = at;; begin = indent) {
		size_t cut = line_cut(text, width > begin + ROOM_MIN ? width - begin : ROOM_MIN);

		fprintf(out, "%.*s\n", (int)cut, text);
		text += cut;
		text += *text == ' ';
		if (*text == '\0')
			return;
		fprintf(out, "%*s", (int)indent, "");
	}
}
