/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/uploads.h"

extern const char uploads_text[]; /* rules/skype-uploads.names */

static bool under(struct span host, struct span name)
{
	struct span end = span_from(host, host.len - name.len);

	return host.len >= name.len && strncasecmp((const char *)end.p, (const char *)name.p, name.len) == 0 &&
	    (host.len == name.len || end.p[-1] == '.');
}

bool uploads_find(struct span host)
{
	struct span list = { (const uint8_t *)uploads_text, strlen(uploads_text) };

	while (host.len > 0 && list.len > 0) {
		struct span line = span_line(&list), name = span_trim(span_first(line, span_find(line, '#')));

		if (name.len > 0 && host.len >= name.len && under(host, name))
			return true;
	}
	return false;
}
