/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "event/audit_cell.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

const char *cell_stamp(uint64_t ns, const char *fmt, char out[static 32])
{
	const time_t t = (time_t)(ns / NS_PER_S);
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL || strftime(out, 32, fmt, &tm) == 0)
		strcpy(out, "?");
	return out;
}

static const char *human(uint64_t bytes, char out[static 32])
{
	static const char units[] = " kMGTPE";
	double v = (double)bytes;
	int u = 0;

	for (; v >= 999.5; u++)
		v /= 1000;
	snprintf(out, 32, u == 0 || v >= 10 ? "%.0f%c" : "%.1f%c", v, units[u]);
	if (u == 0)
		out[strlen(out) - 1] = '\0';
	return out;
}

const char *cell_text(void (*cell)(const struct audit_row *, char *out), const struct audit_row *r, char out[static CELL_MAX])
{
	out[0] = '\0';
	cell(r, out);
	return out;
}

void cell_host(const struct audit_row *r, char *out)
{
	addr_text(&r->host, out);
}

void cell_app(const struct audit_row *r, char *out)
{
	const char *name = app_name(r->app);

	if (name != NULL)
		strcpy(out, name);
	else
		snprintf(out, CELL_MAX, "(%s)", category_name(r->category));
}

void cell_role(const struct audit_row *r, char *out)
{
	const char *role = role_name(r->role);

	strcpy(out, role == NULL ? "" : role);
}

void cell_version(const struct audit_row *r, char *out)
{
	const char *name = skype_generation_name((enum skype_generation)r->skype.generation);

	strcpy(out, name == NULL ? "" : name);
}

void cell_public(const struct audit_row *r, char *out)
{
	struct addr ip;

	addr_from_v4(&ip, r->skype.public_ip);
	if (!addr_is_unspecified(&ip))
		addr_text(&ip, out);
}

void cell_first(const struct audit_row *r, char *out)
{
	cell_stamp(r->first_ns, "%Y-%m-%d %H:%M", out);
}

void cell_last(const struct audit_row *r, char *out)
{
	cell_stamp(r->last_ns, "%m-%d %H:%M", out);
}

void cell_peers(const struct audit_row *r, char *out)
{
	snprintf(out, CELL_MAX, "%u", r->peers);
}

void cell_sent(const struct audit_row *r, char *out)
{
	human(r->bytes[0], out);
}

void cell_received(const struct audit_row *r, char *out)
{
	human(r->bytes[1], out);
}

void cell_calls(const struct audit_row *r, char *out)
{
	if (r->calls != 0)
		snprintf(out, CELL_MAX, "%u/%.0fs", r->calls, (double)r->call_ns / (double)NS_PER_S);
}

void cell_accepted(const struct audit_row *r, char *out)
{
	if (r->accepted != 0)
		snprintf(out, CELL_MAX, "%u", r->accepted);
}

void cell_rate(const struct audit_row *r, char *out)
{
	float bytes_s;
	const struct role_cap *cap = audit_cap(r, &bytes_s);

	if (cap != NULL)
		snprintf(out, CELL_MAX, "%.1f/%u%s", (double)bytes_s / 1000, cap->bytes_s / 1000,
		    bytes_s > (float)cap->bytes_s ? "!" : "");
}

void cell_bits(const struct audit_row *r, char *out)
{
	snprintf(out, CELL_MAX, "%.0f", (double)r->bits);
}

void cell_proof(const struct audit_row *r, char *out)
{
	char why[WHY_LEN];

	if (r->proved)
		snprintf(out, CELL_MAX, "%s: %s", r->proof.row->name, evidence_why(&r->proof, why));
}
