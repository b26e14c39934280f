/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "event/audit_cell.h"

#include "base/clock.h"
#include "base/text.h"

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
	text_time(r->first_ns, "%Y-%m-%d %H:%M", out);
}

void cell_last(const struct audit_row *r, char *out)
{
	text_time(r->last_ns, "%m-%d %H:%M", out);
}

void cell_peers(const struct audit_row *r, char *out)
{
	snprintf(out, CELL_MAX, "%u", r->peers);
}

void cell_sent(const struct audit_row *r, char *out)
{
	text_size(r->bytes[0], "", out);
}

void cell_received(const struct audit_row *r, char *out)
{
	text_size(r->bytes[1], "", out);
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
