/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DELETE 0x7f
#define LINE_MAX_BYTES 1024 /* longer messages are cut */

static void line_put(const char *subsystem, const char *fmt, va_list ap, const char *why)
{
	char text[LINE_MAX_BYTES];

	vsnprintf(text, sizeof text, fmt, ap);
	for (char *p = text; *p != '\0'; p++) /* names of files and hosts may hold anything */
		if ((unsigned char)*p < ' ' || *p == DELETE)
			*p = '?';
	fprintf(stderr, "squelch: %s: %s%s%s\n", subsystem, text, why == NULL ? "" : ": ",
	    why == NULL ? "" : why);
}

void log_warn(const char *subsystem, const char *fmt, ...)
{
	const char *why = strerror(errno);
	va_list ap;

	va_start(ap, fmt);
	line_put(subsystem, fmt, ap, why);
	va_end(ap);
}

void log_warnx(const char *subsystem, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line_put(subsystem, fmt, ap, NULL);
	va_end(ap);
}

void log_info(const char *subsystem, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line_put(subsystem, fmt, ap, NULL);
	va_end(ap);
}
