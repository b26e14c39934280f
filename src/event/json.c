/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "event/json.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "event/digits.h"

/* A byte before the buffer, for json_key_len to look back at. */
#define BUF_SIZE (1 + JSON_FLUSH_AT + JSON_LINE_MAX)

#define S_PER_DAY 86400U

bool json_open(struct json *j, FILE *out)
{
	*j = (struct json){ .out = out, .day = UINT64_MAX };
	j->buf = malloc(BUF_SIZE);
	if (j->buf == NULL)
		return false;
	j->buf[0] = '\n';
	j->at = j->line = j->buf + 1;
	j->end = j->at + JSON_LINE_MAX;
	return true;
}

void json_close(struct json *j)
{
	if (j->buf != NULL)
		json_flush(j);
	free(j->buf);
	j->buf = NULL;
}

/* After the first failure nothing more is tried: half lines would follow. */
void json_flush(struct json *j)
{
	const size_t len = (size_t)(j->line - (j->buf + 1));

	if (len > 0 && j->error == 0) {
		errno = 0;
		if (fwrite(j->buf + 1, 1, len, j->out) != len || fflush(j->out) != 0)
			j->error = errno != 0 ? errno : EIO;
	}
	j->at = j->line = j->buf + 1;
}

void json_line_begin(struct json *j)
{
	if (j->line - j->buf > JSON_FLUSH_AT)
		json_flush(j);
	j->at = j->line;
	j->end = j->line + JSON_LINE_MAX;
	j->full = false;
	*j->at++ = '{';
}

void json_line_end(struct json *j, bool now)
{
	json_raw(j, "}\n", 2);
	if (j->full || j->error != 0) {
		j->lost++;
		j->at = j->line;
	}
	j->line = j->at;
	if (now)
		json_flush(j);
}

/* --- numbers --- */

void json_put_u64(struct json *j, uint64_t value)
{
	if (json_has_room(j, DIGITS_U64))
		j->at = put_u64(j->at, value);
}

#define FIXED_MAX 1e15 /* beyond it a double has no thousandths: figures of ours never come near */

void json_put_fixed(struct json *j, double value, unsigned digits)
{
	static const unsigned scale[] = { 1, 10, 100, 1000 };
	uint64_t n, frac;
	unsigned unit;

	if (!isfinite(value)) {
		json_raw(j, "null", 4);
		return;
	}
	n = (uint64_t)(fmin(fabs(value), FIXED_MAX) * scale[digits] + 0.5);
	if (value < 0 && n > 0)
		json_raw(j, "-", 1);
	json_put_u64(j, n / scale[digits]);
	if (digits == 0)
		return;
	json_raw(j, ".", 1);
	frac = n % scale[digits];
	for (unit = scale[digits] / 10; unit > 0; unit /= 10)
		json_raw(j, &"0123456789"[frac / unit % 10], 1);
}

/* --- time --- */

/* Civil date of a day since 1970-01-01, Gregorian: eras of 400 years that begin on 1 March. */
static void day_format(uint64_t day, char text[static 12])
{
	const uint64_t shifted = day + 719468;        /* days since 0000-03-01 */
	const uint64_t era = shifted / 146097;
	const unsigned doe = (unsigned)(shifted % 146097);
	const unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	const unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	const unsigned month0 = (5 * doy + 2) / 153;  /* 0 is March */
	const unsigned month = month0 < 10 ? month0 + 3 : month0 - 9;
	const unsigned year = (unsigned)(yoe + era * 400 + (month <= 2));
	char *p = text;

	p = put_pair(p, year / 100 % 100);
	p = put_pair(p, year % 100);
	*p++ = '-';
	p = put_pair(p, month);
	*p++ = '-';
	p = put_pair(p, doy - (153 * month0 + 2) / 5 + 1);
	*p = 'T';
}

char *json_time_at(struct json *j, char *to, uint64_t wall_ns)
{
	static const char model[JSON_TIME_LEN + 1] = "\"1970-01-01T00:00:00.000000+0000\"";
	const uint64_t s = wall_ns / NS_PER_S, day = s / S_PER_DAY;
	const unsigned us = (unsigned)(wall_ns % NS_PER_S / NS_PER_US);
	const unsigned in_day = (unsigned)(s - day * S_PER_DAY);
	char *p = to + 1;

	if (day != j->day) {
		j->day = day;
		day_format(day, j->day_text);
	}
	memcpy(to, model, JSON_TIME_LEN);
	memcpy(p, j->day_text, 11);
	put_pair(p + 11, in_day / 3600);
	put_pair(p + 14, in_day / 60 % 60);
	put_pair(p + 17, in_day % 60);
	put_pair(p + 20, us / 10000);
	put_pair(p + 22, us / 100 % 100);
	put_pair(p + 24, us % 100);
	return to + JSON_TIME_LEN;
}

void json_put_time(struct json *j, uint64_t wall_ns)
{
	if (json_has_room(j, JSON_TIME_LEN))
		j->at = json_time_at(j, j->at, wall_ns);
}

/* --- text --- */

static char *put_group(char *to, unsigned v)
{
	int shift = v > 0xfff ? 12 : v > 0xff ? 8 : v > 0xf ? 4 : 0;

	for (; shift >= 0; shift -= 4)
		*to++ = "0123456789abcdef"[v >> shift & 15];
	return to;
}

/* The first longest run of two or more zero groups, which "::" stands for (RFC 5952, 4.2). */
static int zero_run(const unsigned group[8], int *len)
{
	int best = -1, i, run = 0;

	*len = 1;
	for (i = 0; i < 8; i++) {
		run = group[i] == 0 ? run + 1 : 0;
		if (run > *len) {
			*len = run;
			best = i - run + 1;
		}
	}
	return best;
}

/* By hand, since inet_ntop costs more than the rest of a flow event. */
static char *put_v6(char *to, const uint8_t b[16])
{
	unsigned group[8];
	int i, len, skip;

	for (i = 0; i < 8; i++)
		group[i] = (unsigned)b[2 * i] << 8 | b[2 * i + 1];
	skip = zero_run(group, &len);
	for (i = 0; i < 8; i++) {
		if (i == skip) {
			memcpy(to, "::", 2);
			to += 2;
			i += len - 1;
			continue;
		}
		if (i > 0 && (skip < 0 || i != skip + len))
			*to++ = ':';
		to = put_group(to, group[i]);
	}
	return to;
}

char *json_addr_at(char *to, const struct addr *a)
{
	*to++ = '"';
	if (addr_is_v4(a)) {
		to = put_u8(to, a->b[12]);
		for (int i = 13; i < 16; i++) {
			*to++ = '.';
			to = put_u8(to, a->b[i]);
		}
	} else {
		to = put_v6(to, a->b);
	}
	*to++ = '"';
	return to;
}

void json_put_addr(struct json *j, const struct addr *a)
{
	if (json_has_room(j, JSON_ADDR_MAX))
		j->at = json_addr_at(j->at, a);
}

/*
 * Bytes of the UTF-8 character at s, 0 when it is none (RFC 3629, 4): no
 * overlong forms, no surrogates, nothing above U+10FFFF.
 */
static size_t utf8_len(const unsigned char *s, size_t left)
{
	static const struct { uint8_t lo, hi, second_lo, second_hi, len; } forms[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	size_t i, k;

	for (i = 0; i < sizeof forms / sizeof *forms; i++) {
		if (s[0] < forms[i].lo || s[0] > forms[i].hi)
			continue;
		if (left < forms[i].len || s[1] < forms[i].second_lo || s[1] > forms[i].second_hi)
			return 0;
		for (k = 2; k < forms[i].len; k++)
			if ((s[k] & 0xc0) != 0x80)
				return 0;
		return forms[i].len;
	}
	return 0;
}

/* Writes one character that cannot stand as it is; returns how many bytes of it were used. */
static size_t put_special(struct json *j, const unsigned char *s, size_t left)
{
	static const char escapes[] = "\"\"\\\\\bb\ff\nn\rr\tt";
	char text[6] = { '\\', 'u', '0', '0', '0', '0' };
	size_t i, len;

	for (i = 0; i < sizeof escapes - 1; i += 2)
		if (s[0] == (unsigned char)escapes[i]) {
			text[1] = escapes[i + 1];
			json_raw(j, text, 2);
			return 1;
		}
	if (s[0] < 0x20 || s[0] == 0x7f) {
		text[4] = (char)('0' + (s[0] >> 4));
		text[5] = "0123456789abcdef"[s[0] & 15];
		json_raw(j, text, 6);
		return 1;
	}
	len = utf8_len(s, left);
	if (len == 0) {
		json_raw(j, "\xef\xbf\xbd", 3); /* U+FFFD */
		return 1;
	}
	json_raw(j, (const char *)s, len);
	return len;
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

void json_put_text(struct json *j, const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t i = 0, from;

	json_raw(j, "\"", 1);
	while (i < len) {
		for (from = i; i < len && is_plain(s[i]); i++)
			;
		json_raw(j, text + from, i - from);
		if (i < len)
			i += put_special(j, s + i, len - i);
	}
	json_raw(j, "\"", 1);
}
