/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/schedule.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define DAY_MINUTES (24 * 60)
#define EVERY_DAY 0x7fu
#define MONDAY_SHIFT (3 * 86400) /* 1970-01-01 was a Thursday */

static const char day_name[7][4] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };

struct reader {
	const char *text, *p;
	const char *why; /* first thing wrong, at p */
};

static void skip_blanks(struct reader *r)
{
	r->p += strspn(r->p, " \t");
}

static bool fail(struct reader *r, const char *why)
{
	if (r->why == NULL)
		r->why = why;
	return false;
}

/* Day at p, or -1; a longer word is no day ("Monrovia"). */
static int day_at(const char *p)
{
	for (int d = 0; d < 7; d++)
		if (strncasecmp(p, day_name[d], 3) == 0 && !isalpha((unsigned char)p[3]))
			return d;
	return -1;
}

/* "Mon-Fri" into *days. */
static bool read_day_range(struct reader *r, unsigned *days)
{
	int from = day_at(r->p), to = from;

	r->p += 3;
	if (*r->p == '-') {
		r->p++;
		to = day_at(r->p);
		if (to < 0)
			return fail(r, "expected a day (Mon to Sun)");
		r->p += 3;
	}
	for (int d = from;; d = (d + 1) % 7) {
		*days |= 1u << d;
		if (d == to)
			return true;
	}
}

/* Steps over ", " when what follows it may continue the list. */
static bool comma_before(struct reader *r, bool (*follows)(const char *))
{
	const char *p = r->p + strspn(r->p, " \t");

	if (*p != ',')
		return false;
	p++;
	p += strspn(p, " \t");
	if (!follows(p))
		return false;
	r->p = p;
	return true;
}

static bool is_day(const char *p) { return day_at(p) >= 0; }
static bool is_time(const char *p) { return isdigit((unsigned char)*p); }
static bool is_window(const char *p) { return is_day(p) || is_time(p); }

/* "HH:MM" in minutes, up to 24:00; -1. */
static int read_clock(struct reader *r)
{
	const char *p = r->p;
	int minutes;

	for (int i = 0; i < 5; i++)
		if (i == 2 ? p[i] != ':' : !isdigit((unsigned char)p[i]))
			return -1;
	if (p[3] > '5')
		return -1;
	minutes = 60 * (10 * (p[0] - '0') + p[1] - '0') + 10 * (p[3] - '0') + p[4] - '0';
	if (minutes > DAY_MINUTES)
		return -1;
	r->p += 5;
	return minutes;
}

static void mark(struct schedule *s, unsigned days, int from, int to)
{
	for (int d = 0; d < 7; d++)
		for (int m = from; (days >> d & 1) && m < to; m++) {
			int at = (d * DAY_MINUTES + m) % WEEK_MINUTES;

			s->minutes[at / 64] |= 1ull << (at % 64);
		}
}

static bool read_time_range(struct reader *r, struct schedule *s, unsigned days)
{
	const char *at = r->p;
	int from = read_clock(r), to;

	if (from < 0 || from == DAY_MINUTES) {
		r->p = at;
		return fail(r, "expected a time (00:00 to 23:59)");
	}
	if (*r->p != '-')
		return fail(r, "expected \"-\" and the time at which it ends");
	at = ++r->p;
	to = read_clock(r);
	if (to < 0)
		return fail(r, "expected a time (00:00 to 24:00)");
	if (to == from) {
		r->p = at;
		return fail(r, "begins and ends at the same time; the whole day is 00:00-24:00");
	}
	mark(s, days, from, to > from ? to : to + DAY_MINUTES);
	return true;
}

/* Days, times or both; days alone are whole days. */
static bool read_window(struct reader *r, struct schedule *s)
{
	unsigned days = 0;

	if (is_day(r->p)) {
		do {
			if (!read_day_range(r, &days))
				return false;
		} while (comma_before(r, is_day));
	} else {
		days = EVERY_DAY;
	}
	skip_blanks(r);
	if (!is_time(r->p)) {
		mark(s, days, 0, DAY_MINUTES);
		return true;
	}
	do {
		if (!read_time_range(r, s, days))
			return false;
	} while (comma_before(r, is_time));
	return true;
}

static bool read_all(struct reader *r, struct schedule *s)
{
	skip_blanks(r);
	if (!is_window(r->p))
		return fail(r, "expected a day (Mon to Sun) or a time (HH:MM)");
	do {
		if (!read_window(r, s))
			return false;
	} while (comma_before(r, is_window));
	if (*r->p != '\0' && strchr(" \t", r->p[0]) == NULL && strchr(" \t", r->p[-1]) == NULL)
		return fail(r, "expected a time zone after a blank");
	skip_blanks(r);
	if (*r->p == '\0')
		return fail(r, "no time zone; name one, as Europe/Paris or UTC");
	return true;
}

bool schedule_parse(struct schedule *s, const char *text, const char **zone, const char **why, int *at)
{
	struct reader r = { text, text, NULL };
	bool ok;

	memset(s, 0, sizeof *s);
	ok = read_all(&r, s);
	*zone = r.p;
	*why = r.why;
	*at = (int)(r.p - text);
	return ok;
}

static bool local_holds(const struct schedule *s, int64_t local)
{
	int64_t minute = (local + MONDAY_SHIFT) / 60 % WEEK_MINUTES;

	if (minute < 0) /* 1969, west of Greenwich */
		minute += WEEK_MINUTES;
	return s->minutes[minute / 64] >> (minute % 64) & 1;
}

bool schedule_holds(const struct schedule *s, int64_t utc)
{
	return local_holds(s, utc + zone_offset(s->zone, utc));
}

int64_t schedule_next(const struct schedule *s, int64_t utc)
{
	bool now = schedule_holds(s, utc);
	int64_t end;

	/* from one step of the zone to the next; a week without a change means there is none */
	for (; (end = zone_next_step(s->zone, utc)), true; utc = end) {
		int64_t offset = zone_offset(s->zone, utc);
		int64_t local = utc + offset, stop = local - local % 60 + 60 * (WEEK_MINUTES + 1);

		if (local_holds(s, local) != now)
			return utc;
		for (local += 60 - local % 60; local <= stop && local - offset < end; local += 60)
			if (local_holds(s, local) != now)
				return local - offset;
		if (local > stop || end == ZONE_NEVER)
			return ZONE_NEVER;
	}
}
