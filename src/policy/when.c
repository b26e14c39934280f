/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/parse.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

/* `during` and `until`: times of the calendar. */

static const struct zone *zone_find(struct parser *p, const char *name)
{
	struct zone *z = p->zones;

	while (z != NULL && strcmp(z->name, name) != 0)
		z = z->next;
	if (z != NULL)
		return z;
	z = zone_load(&p->policy->arena, name);
	if (z == NULL)
		return NULL;
	z->next = p->zones;
	p->zones = z;
	return z;
}

static struct place inside(struct place at, int offset)
{
	return (struct place){ at.line, at.column + 1 + offset }; /* 1: the quotation mark */
}

void rule_during(struct parser *p, struct place at, const char *text)
{
	struct schedule *s = parser_alloc(p, sizeof *s);
	const char *zone, *why;
	int offset;

	if (s == NULL)
		return;
	if (!schedule_parse(s, text, &zone, &why, &offset)) {
		parser_error(p, inside(at, offset), "%s", why);
		return;
	}
	s->zone = zone_find(p, zone);
	if (s->zone == NULL)
		parser_error(p, inside(at, offset), "\"%.60s\" is no time zone of this system", zone);
	p->rule.during = s;
}

static int two_digits(const char *p)
{
	return 10 * (p[0] - '0') + p[1] - '0';
}

/* Matches digits for 0, other characters for themselves. */
static bool looks_like(const char *text, const char *form)
{
	for (; *form != '\0'; form++, text++)
		if (*form == '0' ? !isdigit((unsigned char)*text) : *text != *form)
			return false;
	return true;
}

/* Seconds of a date as if UTC; false when the calendar has no such day. */
static bool date_read(const char *text, int64_t *seconds)
{
	struct tm tm = { .tm_mday = 0 };
	int month, day;

	if (!looks_like(text, "0000-00-00"))
		return false;
	month = two_digits(text + 5);
	day = two_digits(text + 8);
	tm.tm_year = 100 * two_digits(text) + two_digits(text + 2) - 1900;
	tm.tm_mon = month - 1;
	tm.tm_mday = day;
	*seconds = timegm(&tm);
	return tm.tm_mon == month - 1 && tm.tm_mday == day && *seconds >= 0 &&
	    (uint64_t)*seconds < UINT64_MAX / NS_PER_S - 2 * 86400;
}

/* Adds HH:MM[:SS]; *used tells its length. */
static bool time_read(const char *text, int64_t *seconds, size_t *used)
{
	bool with_seconds = looks_like(text, "00:00:00");
	int h, m, s;

	if (!looks_like(text, "00:00"))
		return false;
	h = two_digits(text);
	m = two_digits(text + 3);
	s = with_seconds ? two_digits(text + 6) : 0;
	*used = with_seconds ? 8 : 5;
	*seconds += 3600 * h + 60 * m + s;
	return h < 24 && m < 60 && s < 60;
}

void rule_until(struct parser *p, struct place at, const char *date, const char *time)
{
	size_t used = 0, n = 10;
	int64_t seconds;

	if (!date_read(date, &seconds)) {
		parser_error(p, at, "\"%.40s\" is not a date (YYYY-MM-DD)", date);
		return;
	}
	n += strspn(date + n, " \t");
	if (time[0] == '\0' && isdigit((unsigned char)date[n]))
		time = date + n;
	if (time[0] != '\0' && !time_read(time, &seconds, &used)) {
		parser_error(p, at, "\"%.40s\" is not a time (HH:MM)", time);
		return;
	}
	if (time == date + n)
		n += used;
	n += strspn(date + n, " \t");
	if (date[n] != '\0') {
		const struct zone *z = zone_find(p, date + n);

		if (z == NULL)
			parser_error(p, inside(at, (int)n), "\"%.60s\" is no time zone of this system", date + n);
		else
			seconds = zone_to_utc(z, seconds);
	}
	p->rule.until_ns = seconds < 0 ? 0 : (uint64_t)seconds * NS_PER_S;
	p->rule.until_column = p->sel_at[SEL_UNTIL].column;
}
