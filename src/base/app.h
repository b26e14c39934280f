/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_BASE_APP_H
#define SQUELCH_BASE_APP_H

/* The words of every stage: classes, applications, categories, roles, and from how much evidence on they are said. */

/* The classes of docs/METHOD.md, strongest last: of several with enough bits the later one is reported. */
enum voip_class {
	CLASS_NONE,
	CLASS_CONTROL,
	CLASS_STREAMING,
	CLASS_ICE,
	CLASS_SIGNALLING,
	CLASS_MEDIA,
	CLASS_COUNT
};

#define REPORT_BITS 10.0f /* a class is reported from here: docs/METHOD.md, base rate */
#define ACT_BITS    16.0f /* and acted on from here, unless a rule says otherwise */

/*
 * Kinds of names, each says more than the one before: what carries media of any
 * application, a protocol, the stack that speaks it, the application.
 */
enum app_kind { APP_KIND_CARRIER, APP_KIND_PROTOCOL, APP_KIND_STACK, APP_KIND_VENDOR };

/* One table of names for events, rules and docs. X(id, name, kind, category, what). Append only. */
#define APPS(X) \
	X(RTP, "rtp", CARRIER, VOIP, "RTP or SRTP of no known application") \
	X(RTCP, "rtcp", CARRIER, VOIP, "RTCP on a port of its own") \
	X(SIP, "sip", PROTOCOL, VOIP, "Session Initiation Protocol") \
	X(STUN, "stun", CARRIER, VOIP, "STUN, TURN or ICE of no known application") \
	X(DTLS, "dtls", CARRIER, OTHER, "DTLS") \
	X(WEBRTC, "webrtc", STACK, VOIP, "browser calls: ICE with DTLS-SRTP") \
	X(H323, "h323", PROTOCOL, VOIP, "H.225, H.245, RAS") \
	X(MGCP, "mgcp", PROTOCOL, VOIP, "Media Gateway Control Protocol") \
	X(MEGACO, "megaco", PROTOCOL, VOIP, "Megaco, H.248") \
	X(SKINNY, "skinny", PROTOCOL, VOIP, "Skinny (SCCP) of Cisco phones") \
	X(IAX2, "iax2", PROTOCOL, VOIP, "Inter-Asterisk eXchange 2") \
	X(RTSP, "rtsp", PROTOCOL, STREAMING, "Real-Time Streaming Protocol") \
	X(RTMP, "rtmp", PROTOCOL, STREAMING, "Real-Time Messaging Protocol") \
	X(SKYPE, "skype", VENDOR, VOIP, "classic peer-to-peer Skype, 2003 to 2015") \
	X(TEAMS, "teams", VENDOR, VOIP, "Skype since 2015, Teams, Skype for Business") \
	X(WHATSAPP, "whatsapp", VENDOR, CHAT, "WhatsApp") \
	X(SIGNAL, "signal", VENDOR, CHAT, "Signal") \
	X(TELEGRAM, "telegram", VENDOR, CHAT, "Telegram") \
	X(GOOGLEMEET, "googlemeet", VENDOR, VOIP, "Google Meet and Duo") \
	X(MESSENGER, "messenger", VENDOR, CHAT, "Facebook Messenger") \
	X(ZOOM, "zoom", VENDOR, VOIP, "Zoom") \
	X(VIBER, "viber", VENDOR, CHAT, "Viber") \
	X(DISCORD, "discord", VENDOR, CHAT, "Discord") \
	X(LINE, "line", VENDOR, CHAT, "LINE") \
	X(KAKAOTALK, "kakaotalk", VENDOR, CHAT, "KakaoTalk") \
	X(IMO, "imo", VENDOR, CHAT, "imo") \
	X(TEAMSPEAK, "teamspeak", VENDOR, VOIP, "TeamSpeak") \
	X(MUMBLE, "mumble", VENDOR, VOIP, "Mumble") \
	X(SNAPCHAT, "snapchat", VENDOR, CHAT, "Snapchat") \
	X(WEBEX, "webex", VENDOR, VOIP, "Webex") \
	X(FACETIME, "facetime", VENDOR, VOIP, "FaceTime") \
	X(WECHAT, "wechat", VENDOR, CHAT, "WeChat") \
	X(INSTAGRAM, "instagram", VENDOR, CHAT, "Instagram") \
	X(GEFORCENOW, "geforcenow", VENDOR, GAME, "GeForce NOW, games as a video stream") \
	X(TUNNEL_WIREGUARD, "wireguard", PROTOCOL, TUNNEL, "WireGuard") \
	X(TUNNEL_OPENVPN, "openvpn", PROTOCOL, TUNNEL, "OpenVPN") \
	X(BITTORRENT, "bittorrent", VENDOR, P2P, "BitTorrent") \
	X(TUNNEL_IPSEC, "ipsec", PROTOCOL, TUNNEL, "IPsec: ESP, plain or in UDP") \
	X(SRT, "srt", PROTOCOL, STREAMING, "Secure Reliable Transport")

enum app {
	APP_NONE,
#define X(id, name, kind, category, what) APP_##id,
	APPS(X)
#undef X
	APP_COUNT
};

/* What rules select with `category`. */
#define CATEGORIES(X) \
	X(VOIP, "voip") X(CHAT, "chat") X(STREAMING, "streaming") X(P2P, "p2p") \
	X(TUNNEL, "tunnel") X(GAME, "game") X(WEB, "web") X(MAIL, "mail") X(FILES, "files") \
	X(REMOTE, "remote") X(SOCIAL, "social") X(NETWORK, "network") X(OTHER, "other")

enum category {
	CATEGORY_NONE,
#define X(id, name) CATEGORY_##id,
	CATEGORIES(X)
#undef X
	CATEGORY_COUNT
};

/* What a host does inside its application, beyond using it. */
enum role { ROLE_NONE, ROLE_CLIENT, ROLE_SUPERNODE, ROLE_RELAY, ROLE_COUNT };

/* Names as in events and rules; NULL for the NONE values. */
const char *class_name(enum voip_class);
const char *app_name(enum app);
const char *app_what(enum app);
enum app_kind app_kind(enum app);
enum category app_category(enum app);
const char *category_name(enum category);
const char *role_name(enum role);

#endif
