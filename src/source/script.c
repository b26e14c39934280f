/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "source/script.h"

#define WALL_NS (1767614400 * NS_PER_S) /* Monday 2026-01-05 12:00:00 UTC, unless `wall` says */

bool script_fail(struct script *s, const char *fmt, ...)
{
	int n = snprintf(s->error, SOURCE_ERROR_LEN, "%.256s:%u: ", s->to->path, s->words.line);
	va_list args;

	va_start(args, fmt);
	vsnprintf(s->error + n, SOURCE_ERROR_LEN - (size_t)n, fmt, args);
	va_end(args);
	return false;
}

bool script_number(struct script *s, const char *what, uint64_t max, uint64_t *out)
{
	return word_number(words_next(&s->words), max, out) ||
	    script_fail(s, "%s: number up to %llu expected", what, (unsigned long long)max);
}

bool script_duration(struct script *s, const char *what, uint64_t *ns)
{
	return word_duration(words_next(&s->words), ns) ||
	    script_fail(s, "%s: time expected, such as 0.5 or 20ms", what);
}

/* ---- time and place ---- */

static bool do_at(struct script *s)
{
	return script_duration(s, "at", &s->now);
}

static bool do_after(struct script *s)
{
	uint64_t by;

	if (!script_duration(s, "after", &by))
		return false;
	s->now = s->last + by;
	return true;
}

/* A source without traffic delivers ticks on a grid of TICK_NS. */
static bool do_tick(struct script *s)
{
	uint64_t by, end;

	if (!script_duration(s, "tick", &by))
		return false;
	end = s->last + by;
	for (uint64_t t = s->last + TICK_NS; t <= end; t += TICK_NS)
		if (!scenario_add(s->to, SOURCE_TICK, t, 0, NULL, 0))
			return script_fail(s, "too many ticks");
	s->now = s->last = end;
	return true;
}

static bool do_epoch(struct script *s)
{
	if (!s->unsorted)
		scenario_sort(s->to);
	s->now = s->last = 0;
	return scenario_add(s->to, SOURCE_EPOCH, 0, 0, NULL, 0) || script_fail(s, "too many packets");
}

static bool do_wall(struct script *s)
{
	const struct word *w = words_next(&s->words);
	struct tm tm = { 0 };
	const char *end = w == NULL ? NULL : strptime(w->text, "%Y-%m-%d %H:%M:%S", &tm);
	time_t t;

	if (end == NULL || (*end != '\0' && strcmp(end, " UTC") != 0) || (t = timegm(&tm)) < 0)
		return script_fail(s, "wall \"YYYY-MM-DD HH:MM:SS\" expected (UTC)");
	s->to->wall_ns = (uint64_t)t * NS_PER_S;
	return true;
}

static bool do_host(struct script *s)
{
	const struct word *name = words_next(&s->words), *addr = words_next(&s->words);

	if (addr == NULL || name->len >= HOST_LEN || s->n_hosts == HOSTS_MAX)
		return script_fail(s, "host NAME ADDRESS expected (at most %d)", HOSTS_MAX);
	if (!addr_parse(addr->text, addr->len, &s->hosts[s->n_hosts].addr))
		return script_fail(s, "no address: \"%s\"", addr->text);
	memcpy(s->hosts[s->n_hosts++].name, name->text, name->len + 1);
	return true;
}

/* vlan 10, vlan 10.20 (outer first), vlan none */
static bool do_vlan(struct script *s)
{
	const struct word *w = words_next(&s->words);
	unsigned outer, inner;
	int end = 0;

	s->way.n_vlan = 0;
	if (w != NULL && strcmp(w->text, "none") == 0)
		return true;
	if (w != NULL && sscanf(w->text, "%4u.%4u%n", &outer, &inner, &end) == 2)
		s->way.n_vlan = 2;
	else if (w != NULL && sscanf(w->text, "%4u%n", &outer, &end) == 1)
		s->way.n_vlan = 1;
	if (s->way.n_vlan == 0 || w->text[end] != '\0')
		return script_fail(s, "vlan NUMBER, NUMBER.NUMBER or none expected");
	s->way.vlan[0] = (uint16_t)outer;
	s->way.vlan[1] = (uint16_t)(s->way.n_vlan == 2 ? inner : 0);
	return true;
}

/* tunnel FROM > TO */
static bool do_tunnel(struct script *s)
{
	if (!packets_host(s, &s->way.from))
		return false;
	if (!words_take(&s->words, ">"))
		return script_fail(s, "> expected after the first address");
	if (!packets_host(s, &s->way.to))
		return false;
	s->way.tunnel = addr_is_v4(&s->way.from) && addr_is_v4(&s->way.to);
	return s->way.tunnel || script_fail(s, "a tunnel is between addresses of IPv4");
}

static bool do_iif(struct script *s)
{
	const struct word *w = words_next(&s->words);
	struct scenario *sc = s->to;

	if (w == NULL)
		return script_fail(s, "iif NAME expected");
	for (s->iface = 1; s->iface < sc->n_ifaces; s->iface++)
		if (strcmp(sc->ifaces[s->iface], w->text) == 0)
			return true;
	if (sc->n_ifaces == SCENARIO_IFACES)
		return script_fail(s, "more than %d interfaces", SCENARIO_IFACES);
	sc->ifaces[sc->n_ifaces] = strdup(w->text);
	return sc->ifaces[sc->n_ifaces++] != NULL || script_fail(s, "%s", strerror(ENOMEM));
}

static bool do_unsorted(struct script *s)
{
	return s->unsorted = true;
}

static bool do_rules(struct script *s)
{
	const char *line;

	while ((line = words_raw_line(&s->words)) != NULL)
		if (strcmp(line, "end") == 0) {
			s->words.n = s->words.at = 0;
			return true;
		}
	return script_fail(s, "rules without end");
}

static const struct {
	const char *name;
	bool (*run)(struct script *);
} statements[] = {
	{ "udp", packets_udp }, { "tcp", packets_tcp }, { "ip", packets_ip }, { "ether", packets_ether },
	{ "rtp", packets_rtp }, { "open", conn_open }, { "send", conn_send }, { "close", conn_close },
	{ "at", do_at }, { "after", do_after }, { "tick", do_tick }, { "epoch", do_epoch },
	{ "wall", do_wall }, { "host", do_host }, { "vlan", do_vlan }, { "tunnel", do_tunnel }, { "iif", do_iif },
	{ "unsorted", do_unsorted }, { "rules", do_rules },
};

/* What the runner reads, not we. */
static const char *const others[] = {
	"title", "options", "expect", "expect-any", "refuse", "count", "expect-error", "exit", NULL
};

static bool statement(struct script *s, const struct word *w)
{
	for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
		if (strcmp(w->text, statements[i].name) == 0)
			return statements[i].run(s);
	return script_fail(s, "no such statement: \"%s\"", w->text);
}

/* Several statements may share a line; `vlan`, `tunnel` and `iif` before packets hold for these only. */
static bool line_run(struct script *s)
{
	const struct word *w;
	const struct craft_way way = s->way;
	const uint16_t iface = s->iface;

	s->sent = false;
	while ((w = words_next(&s->words)) != NULL)
		if (!statement(s, w))
			return false;
	if (s->sent) {
		s->way = way;
		s->iface = iface;
	}
	return true;
}

static bool script_run(struct script *s)
{
	const char *what = "";
	enum words_read r;

	s->words.others = others;
	s->seed = 1;
	s->to->wall_ns = WALL_NS;
	while ((r = words_read(&s->words, &what)) == WORDS_LINE)
		if (!line_run(s))
			return false;
	if (r == WORDS_BAD)
		return script_fail(s, "%s", what);
	if (!s->unsorted)
		scenario_sort(s->to);
	return true;
}

bool script_read(struct scenario *to, char error[static SOURCE_ERROR_LEN])
{
	struct script *s = calloc(1, sizeof *s);
	bool ok = false;

	if (s == NULL)
		return false;
	s->to = to;
	s->error = error;
	s->words.in = fopen(to->path, "re");
	if (s->words.in == NULL)
		snprintf(error, SOURCE_ERROR_LEN, "%.256s: %s", to->path, strerror(errno));
	else
		ok = script_run(s);
	words_free(&s->words);
	free(s);
	return ok;
}
