/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/zone.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cursor.h"

#define TZIF_MAGIC 0x545a6966u   /* "TZif" */
#define TZIF_RESERVED 15
#define ZONE_FILE_MAX 65536      /* the largest of 2025 has 4 KB */
#define ZONE_STEPS_MAX 4096      /* steps a file may hold; the most of 2025 is 236 */
#define ZONE_NAME_MAX 64
#define OFFSET_MIN (-25 * 3600)  /* RFC 8536, 3.2: bounds for utoff */
#define OFFSET_MAX (26 * 3600)
#define DAY_S 86400

/* Where systems keep the compiled database. */
static const char *const zone_dirs[] = {
	"/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo",
};

struct tzif_head {
	uint8_t version;
	uint32_t isut, isstd, leaps, times, types, chars;
};

static bool head_read(struct cursor *c, struct tzif_head *h)
{
	uint32_t magic = cur_u32(c);

	h->version = cur_u8(c);
	cur_skip(c, TZIF_RESERVED);
	h->isut = cur_u32(c);
	h->isstd = cur_u32(c);
	h->leaps = cur_u32(c);
	h->times = cur_u32(c);
	h->types = cur_u32(c);
	h->chars = cur_u32(c);
	return !c->bad && magic == TZIF_MAGIC && h->types > 0 && h->types <= 256 &&
	    h->times <= ZONE_STEPS_MAX && h->chars <= ZONE_FILE_MAX && h->leaps <= ZONE_FILE_MAX &&
	    h->isut <= h->types && h->isstd <= h->types;
}

/* Bytes after the type records that we have no use for. */
static size_t tail_bytes(const struct tzif_head *h, size_t time_size)
{
	return h->chars + h->leaps * (time_size + 4) + h->isstd + h->isut;
}

static int64_t time_read(struct cursor *c, size_t time_size)
{
	return time_size == 8 ? (int64_t)cur_u64(c) : (int32_t)cur_u32(c);
}

/* Offset of a type record (6 bytes: offset, is daylight saving, name). */
static int32_t type_offset(const uint8_t *types, unsigned i)
{
	struct cursor c = cur_open(types + 6 * i, 6);

	return (int32_t)cur_u32(&c);
}

static bool offset_sane(int32_t offset)
{
	return offset >= OFFSET_MIN && offset <= OFFSET_MAX;
}

/* The data block; z->step has room for h->times. False when malformed. */
static bool block_read(struct cursor *c, const struct tzif_head *h, size_t time_size, struct zone *z)
{
	struct cursor times = cur_sub(c, h->times * time_size);
	const uint8_t *index = cur_take(c, h->times);
	const uint8_t *types = cur_take(c, 6 * (size_t)h->types);

	cur_skip(c, tail_bytes(h, time_size));
	if (c->bad || h->leaps != 0) /* "right/" zones count leap seconds; our clock does not */
		return false;
	z->first_offset = type_offset(types, 0);
	for (z->n = 0; z->n < h->times; z->n++) {
		struct zone_step *s = &z->step[z->n];

		s->at = time_read(&times, time_size);
		if (index[z->n] >= h->types || (z->n > 0 && s->at <= s[-1].at))
			return false;
		s->offset = type_offset(types, index[z->n]);
		if (!offset_sane(s->offset))
			return false;
	}
	return offset_sane(z->first_offset);
}

static int year_of(int64_t utc)
{
	time_t t = (time_t)utc;
	struct tm tm;

	return gmtime_r(&t, &tm) == NULL ? ZONE_LAST_YEAR : tm.tm_year + 1900;
}

/* "\nTZ\n" after the second block: what holds after its last step. */
static bool footer_read(struct cursor *c, struct zone *z)
{
	int64_t last = z->n > 0 ? z->step[z->n - 1].at : 0;
	int year = last > 0 ? year_of(last) : 1970;
	char text[128] = "";
	size_t len = cur_left(c);
	const char *p = (const char *)cur_take(c, len);
	struct zone_step more[2 * (ZONE_LAST_YEAR - 1970 + 1)];
	int32_t standard;
	int n;

	if (len < 2 || len > sizeof text || p[0] != '\n' || p[len - 1] != '\n')
		return false;
	if (len == 2)
		return true; /* unknown: the last step holds */
	memcpy(text, p + 1, len - 2);
	if (memchr(text, '\0', len - 2) != NULL ||
	    (n = zone_rule_steps(text, year, more, &standard)) < 0)
		return false;
	if (z->n == 0)
		z->first_offset = standard;
	for (int i = 0; i < n; i++)
		if (z->n == 0 || more[i].at > last)
			z->step[z->n++] = more[i];
	return true;
}

struct zone *zone_parse(struct arena *arena, const void *data, size_t len)
{
	struct cursor c = cur_open(data, len);
	struct zone *z = arena_alloc(arena, sizeof *z);
	struct tzif_head h;
	size_t time_size = 4;

	if (z == NULL || !head_read(&c, &h))
		return NULL;
	if (h.version != 0) { /* the first block is for old readers; the second has 64-bit times */
		cur_skip(&c, h.times * (time_size + 1) + 6 * (size_t)h.types + tail_bytes(&h, time_size));
		time_size = 8;
		if (!head_read(&c, &h))
			return NULL;
	}
	z->step = arena_alloc(arena, (h.times + 2 * (ZONE_LAST_YEAR - 1970 + 1)) * sizeof *z->step);
	if (z->step == NULL || !block_read(&c, &h, time_size, z))
		return NULL;
	if (time_size == 8 && !footer_read(&c, z))
		return NULL;
	return z;
}

/* Names come from rule files: they must not lead out of the database. */
static bool name_sane(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && strchr("_+-/", name[i]) == NULL)
			return false;
	return len > 0 && len < ZONE_NAME_MAX && name[0] != '/' && name[len - 1] != '/';
}

static FILE *zone_open(const char *name)
{
	FILE *f = NULL;

	for (size_t i = 0; i < sizeof zone_dirs / sizeof *zone_dirs && f == NULL; i++) {
		char path[128];

		if ((size_t)snprintf(path, sizeof path, "%s/%s", zone_dirs[i], name) < sizeof path)
			f = fopen(path, "re");
	}
	return f;
}

struct zone *zone_load(struct arena *arena, const char *name)
{
	struct zone *z = NULL;
	uint8_t *data = NULL;
	FILE *f = NULL;
	size_t len;

	if (!name_sane(name) || (f = zone_open(name)) == NULL)
		return NULL;
	data = arena_alloc(arena, ZONE_FILE_MAX);
	if (data != NULL) {
		len = fread(data, 1, ZONE_FILE_MAX, f);
		z = zone_parse(arena, data, len);
	}
	fclose(f);
	if (z != NULL)
		z->name = arena_text(arena, name, strlen(name));
	return z;
}

/* How many steps are at or before `utc`. */
static size_t steps_until(const struct zone *z, int64_t utc)
{
	size_t lo = 0, hi = z->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (z->step[mid].at <= utc)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int32_t zone_offset(const struct zone *z, int64_t utc)
{
	size_t n = steps_until(z, utc);

	return n == 0 ? z->first_offset : z->step[n - 1].offset;
}

int64_t zone_next_step(const struct zone *z, int64_t utc)
{
	size_t n = steps_until(z, utc);

	return n == z->n ? ZONE_NEVER : z->step[n].at;
}

int64_t zone_to_utc(const struct zone *z, int64_t local)
{
	int32_t before = zone_offset(z, local - DAY_S), after = zone_offset(z, local + DAY_S);

	if (zone_offset(z, local - before) == before)
		return local - before;
	if (zone_offset(z, local - after) == after)
		return local - after;
	return local - before; /* skipped */
}
