/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/ndpi.h"

#include <ctype.h>
#include <malloc.h>
#include <ndpi/ndpi_api.h>
#include <ndpi/ndpi_main.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"

/*
 * The one file that includes libnDPI. Written for 4.2 (Debian 12); the shim
 * below adapts it to the calls of 4.12 and later and is tried with 4.2 only.
 */
#if NDPI_MAJOR == 4 && NDPI_MINOR <= 2

static struct ndpi_detection_module_struct *module_new(void)
{
	return ndpi_init_detection_module(ndpi_no_prefs);
}

static ndpi_protocol module_packet(struct ndpi_detection_module_struct *m, struct ndpi_flow_struct *f,
    const uint8_t *ip, uint16_t len, uint64_t ms)
{
	return ndpi_detection_process_packet(m, f, ip, len, ms);
}

static ndpi_protocol module_end(struct ndpi_detection_module_struct *m, struct ndpi_flow_struct *f)
{
	uint8_t guessed = 0;

	return ndpi_detection_giveup(m, f, 0, &guessed);
}

#define PROTOCOL_APP(r)    ((r).app_protocol)
#define PROTOCOL_MASTER(r) ((r).master_protocol)
#define MODULE_ALL 1

#elif NDPI_MAJOR > 4 || NDPI_MINOR >= 12

static struct ndpi_detection_module_struct *module_new(void)
{
	return ndpi_init_detection_module(NULL);
}

static ndpi_protocol module_packet(struct ndpi_detection_module_struct *m, struct ndpi_flow_struct *f,
    const uint8_t *ip, uint16_t len, uint64_t ms)
{
	return ndpi_detection_process_packet(m, f, ip, len, ms, NULL);
}

static ndpi_protocol module_end(struct ndpi_detection_module_struct *m, struct ndpi_flow_struct *f)
{
#if NDPI_MAJOR >= 5
	return ndpi_detection_giveup(m, f);
#else
	uint8_t guessed = 0;

	return ndpi_detection_giveup(m, f, &guessed);
#endif
}

#define PROTOCOL_APP(r)    ((r).proto.app_protocol)
#define PROTOCOL_MASTER(r) ((r).proto.master_protocol)
#define MODULE_ALL (NDPI_MAJOR < 5) /* later every protocol is on from the start */

#else
#error "libnDPI 4.2, or 4.12 and later"
#endif

/*
 * Packets after which a flow without a name gets none: what ndpiReader allows
 * (its manual: 24 of UDP, 80 of TCP); other transports say all in their header.
 */
#define PACKETS_UDP 24
#define PACKETS_TCP 80
/* Packets in which it may say more of a protocol it knows already: a TLS handshake with its certificates has as many. */
#define PACKETS_MORE 10

struct ndpi_view {
	struct ndpi_detection_module_struct *module;
	size_t flow_size;
	size_t used;    /* bytes the library holds for this view */
	size_t budget;
};

/* What we keep of a flow in front of the library's own struct, whose size only the library knows. */
struct view_flow {
	_Alignas(max_align_t) uint32_t packets;
	uint32_t known;           /* of them, since the protocol is known */
};

static struct ndpi_flow_struct *flow_of(struct view_flow *v)
{
	return (struct ndpi_flow_struct *)(v + 1);
}

/* --- memory --- */

/*
 * The library allocates through these for everything. Its hooks are global and
 * take no context, so each call into it says before on whose account it is; a
 * view is used by one thread at a time, and what it got it gives back itself.
 * Buffers of one flow grow with its packets (certificates), hence the sum is
 * tested before each packet and not in here: the library does not survive a
 * NULL everywhere.
 */
static _Thread_local struct ndpi_view *account;

static void *counted_malloc(size_t size)
{
	void *p = malloc(size);

	if (p != NULL)
		account->used += malloc_usable_size(p);
	return p;
}

static void counted_free(void *p)
{
	if (p == NULL)
		return;
	account->used -= malloc_usable_size(p);
	free(p);
}

/* The library's hooks and the tables it makes for its first module are shared by all threads. */
static pthread_mutex_t starting = PTHREAD_MUTEX_INITIALIZER;

static void hooks_set(void)
{
	set_ndpi_malloc(counted_malloc);
	set_ndpi_free(counted_free);
	set_ndpi_flow_malloc(counted_malloc);
	set_ndpi_flow_free(counted_free);
}

/* --- what its words mean in ours --- */

/*
 * Left out: Facebook_VoIP, which 4.2 also says of Google Meet (6 of its 7 flows
 * in the labelled captures).
 */
static const struct { uint16_t protocol; enum app app; } apps[] = {
	{ NDPI_PROTOCOL_SKYPE_CALL, APP_TEAMS },
	{ NDPI_PROTOCOL_SKYPE_TEAMS, APP_TEAMS },
	{ NDPI_PROTOCOL_MSTEAMS, APP_TEAMS },
	{ NDPI_PROTOCOL_WHATSAPP, APP_WHATSAPP },
	{ NDPI_PROTOCOL_WHATSAPP_CALL, APP_WHATSAPP },
	{ NDPI_PROTOCOL_WHATSAPP_FILES, APP_WHATSAPP },
	{ NDPI_PROTOCOL_SIGNAL, APP_SIGNAL },
	{ NDPI_PROTOCOL_SIGNAL_VOIP, APP_SIGNAL },
	{ NDPI_PROTOCOL_TELEGRAM, APP_TELEGRAM },
	{ NDPI_PROTOCOL_HANGOUT_DUO, APP_GOOGLEMEET },
	{ NDPI_PROTOCOL_MESSENGER, APP_MESSENGER },
	{ NDPI_PROTOCOL_ZOOM, APP_ZOOM },
	{ NDPI_PROTOCOL_VIBER, APP_VIBER },
	{ NDPI_PROTOCOL_DISCORD, APP_DISCORD },
	{ NDPI_PROTOCOL_KAKAOTALK, APP_KAKAOTALK },
	{ NDPI_PROTOCOL_KAKAOTALK_VOICE, APP_KAKAOTALK },
	{ NDPI_PROTOCOL_IMO, APP_IMO },
	{ NDPI_PROTOCOL_TEAMSPEAK, APP_TEAMSPEAK },
	{ NDPI_PROTOCOL_SNAPCHAT, APP_SNAPCHAT },
	{ NDPI_PROTOCOL_SNAPCHAT_CALL, APP_SNAPCHAT },
	{ NDPI_PROTOCOL_WEBEX, APP_WEBEX },
	{ NDPI_PROTOCOL_WECHAT, APP_WECHAT },
	{ NDPI_PROTOCOL_INSTAGRAM, APP_INSTAGRAM },
	{ NDPI_PROTOCOL_WIREGUARD, APP_TUNNEL_WIREGUARD },
	{ NDPI_PROTOCOL_OPENVPN, APP_TUNNEL_OPENVPN },
	{ NDPI_PROTOCOL_BITTORRENT, APP_BITTORRENT },
};

/* Protocols whose category the library files under another word than a rule would. */
static const struct { uint16_t protocol; enum category category; } filed[] = {
	{ NDPI_PROTOCOL_GNUTELLA, CATEGORY_P2P },
	{ NDPI_PROTOCOL_EDONKEY, CATEGORY_P2P },
	{ NDPI_PROTOCOL_DIRECTCONNECT, CATEGORY_P2P },
	{ NDPI_PROTOCOL_SOCKS, CATEGORY_TUNNEL },
	{ NDPI_PROTOCOL_HTTP_CONNECT, CATEGORY_TUNNEL },
	{ NDPI_PROTOCOL_HTTP_PROXY, CATEGORY_TUNNEL },
	{ NDPI_PROTOCOL_RTP, CATEGORY_VOIP },
	{ NDPI_PROTOCOL_RTSP, CATEGORY_STREAMING },
	{ NDPI_PROTOCOL_RTMP, CATEGORY_STREAMING },
};

static const struct { ndpi_protocol_category_t theirs; enum category ours; } categories[] = {
	{ NDPI_PROTOCOL_CATEGORY_MEDIA, CATEGORY_STREAMING },
	{ NDPI_PROTOCOL_CATEGORY_VPN, CATEGORY_TUNNEL },
	{ NDPI_PROTOCOL_CATEGORY_MAIL, CATEGORY_MAIL },
	{ NDPI_PROTOCOL_CATEGORY_DATA_TRANSFER, CATEGORY_FILES },
	{ NDPI_PROTOCOL_CATEGORY_WEB, CATEGORY_WEB },
	{ NDPI_PROTOCOL_CATEGORY_SOCIAL_NETWORK, CATEGORY_SOCIAL },
	{ NDPI_PROTOCOL_CATEGORY_DOWNLOAD_FT, CATEGORY_FILES },
	{ NDPI_PROTOCOL_CATEGORY_GAME, CATEGORY_GAME },
	{ NDPI_PROTOCOL_CATEGORY_CHAT, CATEGORY_CHAT },
	{ NDPI_PROTOCOL_CATEGORY_VOIP, CATEGORY_VOIP },
	{ NDPI_PROTOCOL_CATEGORY_REMOTE_ACCESS, CATEGORY_REMOTE },
	{ NDPI_PROTOCOL_CATEGORY_CLOUD, CATEGORY_FILES },
	{ NDPI_PROTOCOL_CATEGORY_NETWORK, CATEGORY_NETWORK },
	{ NDPI_PROTOCOL_CATEGORY_STREAMING, CATEGORY_STREAMING },
	{ NDPI_PROTOCOL_CATEGORY_SYSTEM_OS, CATEGORY_NETWORK },
	{ NDPI_PROTOCOL_CATEGORY_SW_UPDATE, CATEGORY_FILES },
	{ NDPI_PROTOCOL_CATEGORY_MUSIC, CATEGORY_STREAMING },
	{ NDPI_PROTOCOL_CATEGORY_VIDEO, CATEGORY_STREAMING },
	{ NDPI_PROTOCOL_CATEGORY_SHOPPING, CATEGORY_WEB },
	{ NDPI_PROTOCOL_CATEGORY_FILE_SHARING, CATEGORY_FILES },
	{ NDPI_PROTOCOL_CATEGORY_CONNECTIVITY_CHECK, CATEGORY_NETWORK },
};

static const char *const mode_names[] = {
	[NDPI_OFF] = "off", [NDPI_EVIDENCE] = "evidence", [NDPI_ALL] = "all",
};
static_assert(sizeof mode_names / sizeof *mode_names == NDPI_MODES, "name every mode");

bool ndpi_mode_find(const char *name, enum ndpi_mode *out)
{
	for (unsigned i = 0; i < NDPI_MODES; i++) {
		if (strcasecmp(name, mode_names[i]) == 0) {
			*out = (enum ndpi_mode)i;
			return true;
		}
	}
	return false;
}

static enum app app_of(uint16_t protocol)
{
	for (unsigned i = 0; i < sizeof apps / sizeof *apps; i++)
		if (apps[i].protocol == protocol)
			return apps[i].app;
	return APP_NONE;
}

static enum category category_of(uint16_t protocol, ndpi_protocol_category_t theirs)
{
	for (unsigned i = 0; i < sizeof filed / sizeof *filed; i++)
		if (filed[i].protocol == protocol)
			return filed[i].category;
	for (unsigned i = 0; i < sizeof categories / sizeof *categories; i++)
		if (categories[i].theirs == theirs)
			return categories[i].ours;
	return CATEGORY_OTHER;
}

/*
 * The confidence values are a set: only these two say that a payload was read,
 * on this flow or on one it was linked to. Ports and addresses are guesses.
 */
static bool was_read(ndpi_confidence_t c)
{
	return c == NDPI_CONFIDENCE_DPI || c == NDPI_CONFIDENCE_DPI_CACHE;
}

static void say(struct ndpi_view *v, struct ndpi_flow_struct *f, ndpi_protocol r, struct ndpi_opinion *out)
{
	uint16_t protocol = PROTOCOL_APP(r) != 0 ? PROTOCOL_APP(r) : PROTOCOL_MASTER(r);
	const char *name;

	*out = (struct ndpi_opinion){ 0 };
	if (protocol == NDPI_PROTOCOL_UNKNOWN || !was_read(f->confidence))
		return;
	/*
	 * One word for the classic network and for Teams: under another protocol
	 * (TLS, STUN) it is today's, alone it comes from a weak look at classic
	 * datagrams (176 flows of classic Skype in the labelled captures).
	 */
	if (protocol == NDPI_PROTOCOL_SKYPE_TEAMS && PROTOCOL_MASTER(r) == NDPI_PROTOCOL_UNKNOWN) {
		out->category = CATEGORY_VOIP;
		return;
	}
	out->app = app_of(protocol);
	if (out->app == APP_NONE)
		out->app = app_of(PROTOCOL_MASTER(r));
	out->category = out->app != APP_NONE ? app_category(out->app)
	    : category_of(protocol, ndpi_get_proto_category(v->module, r));
	name = ndpi_get_proto_name(v->module, protocol);
	for (unsigned i = 0; name != NULL && name[i] != '\0' && i < NDPI_NAME_LEN - 1; i++)
		out->name[i] = (char)tolower((unsigned char)name[i]);
}

/* --- the view --- */

static bool module_start(struct ndpi_view *v)
{
	v->module = module_new();
	if (v->module == NULL)
		return false;
#if MODULE_ALL
	NDPI_PROTOCOL_BITMASK all;

	NDPI_BITMASK_SET_ALL(all);
	ndpi_set_protocol_detection_bitmask2(v->module, &all);
#endif
	ndpi_finalize_initialization(v->module);
	return true;
}

struct ndpi_view *ndpi_view_new(size_t budget_bytes)
{
	static pthread_once_t hooked = PTHREAD_ONCE_INIT;
	struct ndpi_view *v = calloc(1, sizeof *v);
	bool ok;

	if (v == NULL)
		return NULL;
	account = v;
	pthread_once(&hooked, hooks_set);
	pthread_mutex_lock(&starting);
	ok = module_start(v);
	pthread_mutex_unlock(&starting);
	if (!ok) {
		free(v);
		return NULL;
	}
	v->flow_size = sizeof(struct view_flow) + ndpi_detection_get_sizeof_ndpi_flow_struct();
	v->budget = v->used + budget_bytes;
	return v;
}

void ndpi_view_free(struct ndpi_view *v)
{
	if (v == NULL)
		return;
	account = v;
	ndpi_exit_detection_module(v->module);
	free(v);
}

void ndpi_view_release(struct ndpi_view *v, void **state)
{
	struct view_flow *f = *state;

	if (f == NULL)
		return;
	account = v;
	ndpi_free_flow_data(flow_of(f));
	counted_free(f);
	*state = NULL;
}

/* The flow's state, made when it has none; NULL when the budget is used up. */
static struct view_flow *view_flow(struct ndpi_view *v, void **state)
{
	if (v->used + v->flow_size > v->budget)
		return NULL;
	account = v;
	if (*state == NULL) {
		*state = counted_malloc(v->flow_size);
		if (*state != NULL)
			memset(*state, 0, v->flow_size);
	}
	return *state;
}

static uint32_t packets_max(uint8_t proto)
{
	return proto == IPPROTO_UDP ? PACKETS_UDP : proto == IPPROTO_TCP ? PACKETS_TCP : 1;
}

bool ndpi_view_packet(struct ndpi_view *v, void **state, const struct flow *flow,
    const struct packet *pkt, struct counts *counts, struct ndpi_opinion *out)
{
	struct view_flow *f = view_flow(v, state);
	struct ndpi_flow_struct *their;
	ndpi_protocol r = { 0 };
	bool whole = pkt->ip_at != NULL && pkt->ip_caplen <= UINT16_MAX;

	*out = (struct ndpi_opinion){ 0 };
	if (f == NULL) {
		count(counts, COUNT_NDPI_REFUSED);
		ndpi_view_release(v, state);
		return true;
	}
	their = flow_of(f);
	if (whole)
		r = module_packet(v->module, their, pkt->ip_at, (uint16_t)pkt->ip_caplen,
		    pkt->frame->mono_ns / NS_PER_MS);
	if (PROTOCOL_APP(r) == NDPI_PROTOCOL_UNKNOWN || ndpi_extra_dissection_possible(v->module, their)) {
		f->known += PROTOCOL_APP(r) != NDPI_PROTOCOL_UNKNOWN;
		if (++f->packets < packets_max(flow->key.proto) && f->known < PACKETS_MORE)
			return false;
		r = module_end(v->module, their);
	}
	say(v, their, r, out);
	ndpi_view_release(v, state);
	return true;
}
