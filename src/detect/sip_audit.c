/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SIP registrations whose password anybody on the way can read or guess. */
#include "detect/audit.h"
#include "detect/sip_call.h"

/* Value of `name=` among parameters separated by commas, without quotes; empty when it is not there. */
static struct span parameter(struct span list, const char *name)
{
	while (list.len > 0) {
		size_t end = span_find(list, ',');
		struct span p = span_first(list, end), value;
		size_t eq = span_find(p, '=');

		if (span_is(span_trim(span_first(p, eq)), name)) {
			value = span_trim(span_from(p, eq + 1));
			if (value.len >= 2 && value.p[0] == '"')
				value = (struct span){ value.p + 1, value.len - 2 };
			return value;
		}
		list = span_from(list, end + 1);
	}
	return list;
}

/*
 * Basic has the password in it. Digest with MD5 (RFC 8760: the default, and not
 * to be used any more) lets whoever heard it try passwords by the billion.
 */
static const char *weakness(struct span value)
{
	struct span scheme = span_word(&value), algorithm;

	if (span_is(scheme, "Basic"))
		return "SIP registration with Basic in clear";
	if (!span_is(scheme, "Digest"))
		return NULL;
	algorithm = parameter(value, "algorithm");
	if (algorithm.len == 0 || span_is(algorithm, "MD5") || span_is(algorithm, "MD5-sess"))
		return "SIP registration with Digest MD5 over plain transport";
	return NULL;
}

/* Host of a URI: sip:user@host:port;parameters, [address] with its brackets. */
static struct span uri_host(struct span uri)
{
	struct span rest = span_from(uri, span_find(uri, ':') + 1);
	size_t at = span_find(rest, '@');

	rest = span_from(rest, at == rest.len ? 0 : at + 1);
	rest = span_first(rest, span_find(rest, ';'));
	return rest.len > 0 && rest.p[0] == '[' ? span_first(rest, span_find(rest, ']') + 1)
	    : span_first(rest, span_find(rest, ':'));
}

bool sip_audit(struct look *l, const struct sip_message *m)
{
	struct audit_note note = { .kind = AUDIT_CREDENTIALS, .app = APP_SIP, .host = l->pkt->ip[0] };
	struct span host;

	if (!m->registers || m->authorization.len == 0 || (note.what = weakness(m->authorization)) == NULL)
		return false;
	host = span_first(uri_host(m->uri), sizeof note.name - 1);
	for (size_t i = 0; i < host.len; i++)
		note.name[i] = (char)(host.p[i] > ' ' && host.p[i] < 0x7f ? host.p[i] : '?');
	detect_audit(l, &note);
	return true;
}
