/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/zone.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

/* The TZ string of POSIX.1 (Base Definitions, 8.3) with the hours of RFC 8536, 3.3.1. */

#define DAY_S 86400
#define HOURS_MAX 167        /* RFC 8536: a rule's time may lie a week off */
#define CHANGE_DEFAULT 7200  /* POSIX: 02:00 */

enum day_form { DAY_MONTH_WEEK, DAY_JULIAN, DAY_ZERO };

struct change {
	enum day_form form;
	int month, week, day;    /* day: weekday (Sunday 0), or day of the year */
	int32_t time;            /* seconds after local midnight */
};

struct text {
	const char *p;
	bool bad;
};

static bool text_eat(struct text *t, char c)
{
	if (*t->p != c)
		return false;
	t->p++;
	return true;
}

static int text_number(struct text *t, int lo, int hi)
{
	int n = 0;

	if (!isdigit((unsigned char)*t->p))
		t->bad = true;
	while (isdigit((unsigned char)*t->p) && n <= hi)
		n = 10 * n + (*t->p++ - '0');
	if (n < lo || n > hi)
		t->bad = true;
	return n;
}

/* [+-]h[h[h]][:mm[:ss]] in seconds. */
static int32_t text_time(struct text *t, int hours_max)
{
	int sign = text_eat(t, '-') ? -1 : 1;
	int32_t s;

	if (sign == 1)
		(void)text_eat(t, '+');
	s = 3600 * text_number(t, 0, hours_max);
	if (text_eat(t, ':'))
		s += 60 * text_number(t, 0, 59);
	if (text_eat(t, ':'))
		s += text_number(t, 0, 59);
	return sign * s;
}

/* Three letters or more, or anything in <>. */
static void text_name(struct text *t)
{
	const char *from = t->p;

	if (text_eat(t, '<')) {
		t->p += strcspn(t->p, ">");
		if (!text_eat(t, '>'))
			t->bad = true;
		return;
	}
	while (isalpha((unsigned char)*t->p))
		t->p++;
	if (t->p - from < 3)
		t->bad = true;
}

static struct change text_change(struct text *t)
{
	struct change c = { .time = CHANGE_DEFAULT };

	if (!text_eat(t, ','))
		t->bad = true;
	if (text_eat(t, 'M')) {
		c.form = DAY_MONTH_WEEK;
		c.month = text_number(t, 1, 12);
		t->bad |= !text_eat(t, '.');
		c.week = text_number(t, 1, 5);
		t->bad |= !text_eat(t, '.');
		c.day = text_number(t, 0, 6);
	} else if (text_eat(t, 'J')) {
		c.form = DAY_JULIAN;
		c.day = text_number(t, 1, 365);
	} else {
		c.form = DAY_ZERO;
		c.day = text_number(t, 0, 365);
	}
	if (text_eat(t, '/'))
		c.time = text_time(t, HOURS_MAX);
	return c;
}

/* Midnight (as if UTC) of a day; days past the month's end run on. */
static int64_t midnight(int year, int month, int day, int *weekday)
{
	struct tm tm = { .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day };
	int64_t s = timegm(&tm);

	if (weekday != NULL)
		*weekday = tm.tm_wday;
	return s;
}

static bool year_leaps(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Week 5 is the last one of the month. */
static int64_t month_week_day(const struct change *c, int year)
{
	int first;
	int64_t month = midnight(year, c->month, 1, &first);
	int64_t next = midnight(year, c->month + 1, 1, NULL);
	int64_t at = month + DAY_S * ((c->day - first + 7) % 7 + 7 * (c->week - 1));

	return at < next ? at : at - 7 * DAY_S;
}

/* Local time of a change, as seconds. */
static int64_t change_at(const struct change *c, int year)
{
	int64_t january = midnight(year, 1, 1, NULL);
	bool past_leap_day = year_leaps(year) && c->day >= 60; /* J60 is always 1 March */

	switch (c->form) {
	case DAY_MONTH_WEEK:
		return month_week_day(c, year) + c->time;
	case DAY_JULIAN:
		return january + DAY_S * (c->day - 1 + past_leap_day) + c->time;
	default:
		return january + DAY_S * (int64_t)c->day + c->time;
	}
}

int zone_rule_steps(const char *footer, int year, struct zone_step *step, int32_t *standard)
{
	struct text t = { footer, false };
	struct change start, end;
	int32_t summer;
	int n = 0;

	text_name(&t);
	*standard = -text_time(&t, 24);
	if (*t.p == '\0' || t.bad)
		return t.bad ? -1 : 0;
	text_name(&t);
	summer = *t.p == ',' ? *standard + 3600 : -text_time(&t, 24);
	start = text_change(&t);
	end = text_change(&t);
	if (t.bad || *t.p != '\0')
		return -1;
	for (; year <= ZONE_LAST_YEAR; year++) {
		struct zone_step on = { change_at(&start, year) - *standard, summer };
		struct zone_step off = { change_at(&end, year) - summer, *standard };

		step[n++] = on.at < off.at ? on : off;
		step[n++] = on.at < off.at ? off : on;
	}
	return n;
}
