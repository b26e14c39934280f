/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/names.h"

#include <string.h>

/*
 * X(suffix, app, front), sorted by suffix in byte order.
 *
 * Only names that belong to one application: google.com is not Meet,
 * facebook.com not Messenger, kakao.com not KakaoTalk. The table was written
 * from the vendors' published lists for firewalls (Zoom, Webex, Microsoft,
 * Google Meet), the allowed domains of Cisco's Webex SDK (broadcloud*), the
 * lists of v2fly/domain-list-community for these applications, libnDPI's for
 * Teams, and from names seen in labelled captures. `ess.apple.com` registers
 * FaceTime and iMessage alike and is named for the one that calls.
 *
 * SHARED where the name leads to front ends that serve other services too
 * (Google, Facebook, Microsoft 365, Cloudflare, Akamai, Google Cloud).
 * `d.skype.net`, `r.skype.net` and `ui.skype.com` were asked for by the desktop
 * client of the peer-to-peer network (2003 to 2015); all other names of Skype
 * outlived it.
 */
#define NAMES(X) \
	X("ac-talk.gl.kakao.com", KAKAOTALK, OWN) \
	X("ac-talk.kakao.com", KAKAOTALK, OWN) \
	X("addlive.io", SNAPCHAT, OWN) \
	X("broadcloud.com.au", WEBEX, OWN) \
	X("broadcloud.eu", WEBEX, OWN) \
	X("broadcloudpbx.com", WEBEX, OWN) \
	X("broadcloudpbx.net", WEBEX, OWN) \
	X("cdn-telegram.org", TELEGRAM, OWN) \
	X("cdninstagram.com", INSTAGRAM, SHARED) \
	X("ciscospark.com", WEBEX, OWN) \
	X("d.skype.net", SKYPE, OWN) \
	X("dis.gd", DISCORD, SHARED) \
	X("discord-activities.com", DISCORD, SHARED) \
	X("discord.co", DISCORD, SHARED) \
	X("discord.com", DISCORD, SHARED) \
	X("discord.gg", DISCORD, OWN) \
	X("discord.media", DISCORD, OWN) \
	X("discordactivities.com", DISCORD, SHARED) \
	X("discordapp.com", DISCORD, SHARED) \
	X("discordapp.net", DISCORD, SHARED) \
	X("discordcdn.com", DISCORD, SHARED) \
	X("discordpartygames.com", DISCORD, SHARED) \
	X("discordsays.com", DISCORD, SHARED) \
	X("duo.google.com", GOOGLEMEET, SHARED) \
	X("edge-chat.facebook.com", MESSENGER, SHARED) \
	X("ess.apple.com", FACETIME, SHARED) \
	X("facetime.apple.com", FACETIME, SHARED) \
	X("fbmessenger.com", MESSENGER, SHARED) \
	X("feelinsonice-hrd.appspot.com", SNAPCHAT, SHARED) \
	X("feelinsonice.appspot.com", SNAPCHAT, SHARED) \
	X("gateway.discord.gg", DISCORD, SHARED) \
	X("gateway.messenger.live.com", TEAMS, OWN) \
	X("geforcenow.com", GEFORCENOW, OWN) \
	X("graph.org", TELEGRAM, SHARED) \
	X("hangouts.clients6.google.com", GOOGLEMEET, SHARED) \
	X("hangouts.google.com", GOOGLEMEET, SHARED) \
	X("ig.me", INSTAGRAM, SHARED) \
	X("imo.im", IMO, OWN) \
	X("imoim.net", IMO, OWN) \
	X("instagram.com", INSTAGRAM, SHARED) \
	X("kakaotalk.jp", KAKAOTALK, OWN) \
	X("katalk.gl.kakao.com", KAKAOTALK, OWN) \
	X("katalk.kakao.com", KAKAOTALK, OWN) \
	X("lin.ee", LINE, SHARED) \
	X("line-apps.com", LINE, OWN) \
	X("line-cdn.net", LINE, SHARED) \
	X("line-scdn.net", LINE, SHARED) \
	X("line.biz", LINE, SHARED) \
	X("line.me", LINE, OWN) \
	X("line.naver.jp", LINE, OWN) \
	X("loco.gl.kakao.com", KAKAOTALK, OWN) \
	X("loco.kakao.com", KAKAOTALK, OWN) \
	X("lync.com", TEAMS, OWN) \
	X("m.me", MESSENGER, SHARED) \
	X("meet.google.com", GOOGLEMEET, SHARED) \
	X("meet.turns.goog", GOOGLEMEET, OWN) \
	X("meetings.googleapis.com", GOOGLEMEET, SHARED) \
	X("messenger.com", MESSENGER, SHARED) \
	X("msngr.com", MESSENGER, SHARED) \
	X("mumble.info", MUMBLE, OWN) \
	X("myteamspeak.com", TEAMSPEAK, OWN) \
	X("nvidiagrid.net", GEFORCENOW, OWN) \
	X("plus-talk.gl.kakao.com", KAKAOTALK, OWN) \
	X("plus-talk.kakao.com", KAKAOTALK, OWN) \
	X("r.skype.net", SKYPE, OWN) \
	X("sc-cdn.net", SNAPCHAT, SHARED) \
	X("sfb.trafficmanager.net", TEAMS, OWN) \
	X("sfbassets.com", TEAMS, SHARED) \
	X("signal.art", SIGNAL, SHARED) \
	X("signal.group", SIGNAL, SHARED) \
	X("signal.link", SIGNAL, SHARED) \
	X("signal.me", SIGNAL, SHARED) \
	X("signal.org", SIGNAL, OWN) \
	X("signal.tube", SIGNAL, SHARED) \
	X("skype.akadns.net", TEAMS, OWN) \
	X("skype.com", TEAMS, OWN) \
	X("skype.net", TEAMS, OWN) \
	X("skype.trafficmanager.net", TEAMS, OWN) \
	X("skypeassets.com", TEAMS, SHARED) \
	X("skypedata.akadns.net", TEAMS, OWN) \
	X("skypeforbusiness.com", TEAMS, OWN) \
	X("snap-dev.net", SNAPCHAT, SHARED) \
	X("snapchat.com", SNAPCHAT, SHARED) \
	X("snapkit.co", SNAPCHAT, SHARED) \
	X("stel.com", TELEGRAM, OWN) \
	X("t.me", TELEGRAM, OWN) \
	X("talk.gl.kakao.com", KAKAOTALK, OWN) \
	X("talk.kakao.co.kr", KAKAOTALK, OWN) \
	X("talk.kakao.com", KAKAOTALK, OWN) \
	X("tdesktop.com", TELEGRAM, OWN) \
	X("teams-afd.trafficmanager.net", TEAMS, OWN) \
	X("teams.cdn.office.net", TEAMS, SHARED) \
	X("teams.cloud.microsoft", TEAMS, SHARED) \
	X("teams.live.com", TEAMS, SHARED) \
	X("teams.microsoft.com", TEAMS, SHARED) \
	X("teams.microsoft.us", TEAMS, SHARED) \
	X("teams.office.com", TEAMS, SHARED) \
	X("teams.trafficmanager.net", TEAMS, OWN) \
	X("teamspeak.com", TEAMSPEAK, OWN) \
	X("telegra.ph", TELEGRAM, SHARED) \
	X("telegram-cdn.org", TELEGRAM, OWN) \
	X("telegram.dog", TELEGRAM, OWN) \
	X("telegram.me", TELEGRAM, OWN) \
	X("telegram.org", TELEGRAM, OWN) \
	X("telegram.space", TELEGRAM, SHARED) \
	X("telesco.pe", TELEGRAM, OWN) \
	X("tg.dev", TELEGRAM, OWN) \
	X("tx.me", TELEGRAM, OWN) \
	X("ui.skype.com", SKYPE, OWN) \
	X("vb.me", VIBER, OWN) \
	X("vbcdn.com", VIBER, SHARED) \
	X("vbcdn.net", VIBER, SHARED) \
	X("viber.co", VIBER, OWN) \
	X("viber.com", VIBER, OWN) \
	X("viber.me", VIBER, OWN) \
	X("wa.me", WHATSAPP, OWN) \
	X("wbx2.com", WEBEX, OWN) \
	X("webex.ca", WEBEX, OWN) \
	X("webex.co.in", WEBEX, OWN) \
	X("webex.co.it", WEBEX, OWN) \
	X("webex.co.jp", WEBEX, OWN) \
	X("webex.co.kr", WEBEX, OWN) \
	X("webex.co.nz", WEBEX, OWN) \
	X("webex.co.uk", WEBEX, OWN) \
	X("webex.com", WEBEX, OWN) \
	X("webex.com.au", WEBEX, OWN) \
	X("webex.com.br", WEBEX, OWN) \
	X("webex.com.cn", WEBEX, OWN) \
	X("webex.com.hk", WEBEX, OWN) \
	X("webex.com.mx", WEBEX, OWN) \
	X("webex.de", WEBEX, OWN) \
	X("webex.es", WEBEX, OWN) \
	X("webex.fr", WEBEX, OWN) \
	X("webexapis.com", WEBEX, SHARED) \
	X("webexcontent.com", WEBEX, SHARED) \
	X("webexgov.us", WEBEX, OWN) \
	X("wechat.com", WECHAT, OWN) \
	X("weixin.com", WECHAT, OWN) \
	X("weixin.qq.com", WECHAT, OWN) \
	X("whatsapp.biz", WHATSAPP, OWN) \
	X("whatsapp.com", WHATSAPP, OWN) \
	X("whatsapp.net", WHATSAPP, OWN) \
	X("whatsapp.org", WHATSAPP, SHARED) \
	X("whispersystems.org", SIGNAL, OWN) \
	X("workspace.turns.goog", GOOGLEMEET, OWN) \
	X("wx.qq.com", WECHAT, OWN) \
	X("zoom.com", ZOOM, SHARED) \
	X("zoom.com.cn", ZOOM, OWN) \
	X("zoom.us", ZOOM, OWN) \
	X("zoomgov.com", ZOOM, OWN)

const struct name_row name_rows[] = {
#define X(suffix, app, front) \
	{ suffix, APP_##app, NAME_##front, \
	  { [NAME_TLS] = "TLS server name under " suffix, [NAME_QUIC] = "QUIC server name under " suffix } },
	NAMES(X)
#undef X
};
const unsigned n_name_rows = sizeof name_rows / sizeof *name_rows;

/* Names with the application in the first label and the domain of somebody larger. */
static const struct {
	const char *prefix, *domain;
	struct name_row row;
} hosts[] = {
#define HOST(prefix, domain, app) \
	{ prefix, domain, { prefix "*." domain, app, NAME_SHARED, \
	  { "TLS server name " prefix "*." domain, "QUIC server name " prefix "*." domain } } }
	HOST("instagram", "fbcdn.net", APP_INSTAGRAM),
	HOST("igcdn-", "akamaihd.net", APP_INSTAGRAM),
	HOST("skypedata", "cloudapp.net", APP_TEAMS),
	HOST("whatsapp-", "fbcdn.net", APP_WHATSAPP),
#undef HOST
};

/*
 * Domains under which a provider gives one customer an address of its own, or
 * that only pass names on; a CNAME to anywhere else ends at a content network
 * whose addresses serve thousands of names.
 */
static const char *const tenants[] = {
	"akadns.net", "cloudapp.azure.com", "cloudapp.net", "compute.amazonaws.com",
	"elb.amazonaws.com", "trafficmanager.net",
};

/* A suffix to be looked up; not terminated. */
struct span {
	const char *at;
	size_t len;
};

/* Nearly all rows differ in the first letters: a loop is quicker than calls for length and comparison. */
static int span_order(struct span s, const char *suffix)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] != suffix[i]) /* at its end the suffix has a zero, the span nowhere */
			return (unsigned char)s.at[i] < (unsigned char)suffix[i] ? -1 : 1;
	return suffix[s.len] == '\0' ? 0 : -1;
}

static const struct name_row *row_find(struct span s)
{
	unsigned low = 0, high = n_name_rows;

	while (low < high) {
		unsigned middle = (low + high) / 2;
		int order = span_order(s, name_rows[middle].suffix);

		if (order == 0)
			return &name_rows[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static bool under(const char *name, size_t len, const char *domain)
{
	size_t n = strlen(domain);

	return len >= n && memcmp(name + len - n, domain, n) == 0
	    && (len == n || name[len - n - 1] == '.');
}

static const bool in_name[256] = {
	['-'] = true, ['.'] = true, ['_'] = true,
	['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true,
};

bool name_valid(const char *name, size_t len)
{
	if (len == 0 || len > NAME_MAX_LEN)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!in_name[(unsigned char)name[i]])
			return false;
	return true;
}

static size_t lower(const char *name, size_t len, char out[static NAME_MAX_LEN + 1])
{
	if (len != 0 && name[len - 1] == '.')
		len--;
	for (size_t i = 0; i < len; i++)
		out[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]);
	out[len] = '\0';
	return len;
}

static const struct name_row *host_find(const char *name, size_t len)
{
	for (unsigned i = 0; i < sizeof hosts / sizeof *hosts; i++)
		if (strncmp(name, hosts[i].prefix, strlen(hosts[i].prefix)) == 0
		    && under(name, len, hosts[i].domain))
			return &hosts[i].row;
	return NULL;
}

const struct name_row *name_find(const char *name, size_t len)
{
	char text[NAME_MAX_LEN + 1];
	struct span s;

	if (!name_valid(name, len))
		return NULL;
	len = lower(name, len, text);
	for (s = (struct span){ text, len }; s.len != 0;) {
		const struct name_row *row = row_find(s);
		const char *dot = memchr(s.at, '.', s.len);

		if (row != NULL)
			return row;
		if (dot == NULL)
			break;
		s = (struct span){ dot + 1, (size_t)(text + len - dot - 1) };
	}
	return host_find(text, len);
}

bool name_tenant(const char *name, size_t len)
{
	char text[NAME_MAX_LEN + 1];

	if (!name_valid(name, len))
		return false;
	len = lower(name, len, text);
	for (unsigned i = 0; i < sizeof tenants / sizeof *tenants; i++)
		if (under(text, len, tenants[i]))
			return true;
	return false;
}
