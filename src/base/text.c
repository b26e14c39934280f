/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/text.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"

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

const char *text_tame(const char *text, size_t width, char *out)
{
	const size_t len = strlen(text);
	size_t i;

	for (i = 0; i < len && i < width; i++)
		out[i] = text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?';
	if (len > width && width > 2)
		memcpy(out + width - 2, "..", 2);
	out[i] = '\0';
	return out;
}

const char *text_time(uint64_t wall_ns, const char *format, char out[static TEXT_LEN])
{
	const time_t t = (time_t)(wall_ns / NS_PER_S);
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL || strftime(out, TEXT_LEN, format, &tm) == 0)
		strcpy(out, "?");
	return out;
}

const char *text_size(uint64_t n, const char *unit, char out[static TEXT_LEN])
{
	static const char *const powers[] = { "", "k", "M", "G", "T", "P", "E" };
	double v = (double)n;
	unsigned power = 0;

	for (; v >= 999.5; power++)
		v /= 1000;
	snprintf(out, TEXT_LEN, "%.*f%s%s%s", power != 0 && v < 10 ? 1 : 0, v, unit[0] != '\0' ? " " : "", powers[power], unit);
	return out;
}

const char *text_count(uint64_t n, const char *thing, char out[static TEXT_LEN])
{
	snprintf(out, TEXT_LEN, "%llu %s%s", (unsigned long long)n, thing, n == 1 ? "" : "s");
	return out;
}
