/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/rows.h"

/*
 * Every detector, a row each. The order is that in which rows see a payload:
 * what wraps others comes first, so that evidence about the wrapper is there
 * when the inside is weighed. docs/METHOD.md tells the measured bits.
 */
const struct detector detectors[] = {
	{ .name = "skype", .about = "classic Skype in streams, also behind a proxy", .group = GROUP_VENDOR, .verified = true,
	  .tcp = skype_stream_bytes, .stream = skype_stream },
	{ .name = "skype", .about = "classic Skype in datagrams", .group = GROUP_VENDOR, .verified = true,
	  .udp = skype_bytes, .look = skype_look, .finish = skype_finish, .give_up_after = 8 },
	{ .name = "h323", .about = "H.323: H.225.0 (call signalling, and RAS in datagrams) and H.245", .group = GROUP_SIGNALLING, .verified = true,
	  .udp = ras_bytes, .tcp = h323_bytes, .look = ras_look, .stream = h323_stream, .give_up_after = 8 },
	{ .name = "megaco", .about = "Megaco, H.248 in text", .group = GROUP_SIGNALLING, .verified = true,
	  .udp = megaco_bytes, .tcp = megaco_stream_bytes, .look = megaco_look, .stream = megaco_stream, .give_up_after = 8 },
	{ .name = "mgcp", .about = "MGCP", .group = GROUP_SIGNALLING, .verified = true,
	  .udp = mgcp_bytes, .look = mgcp_look, .give_up_after = 8 },
	{ .name = "skinny", .about = "Skinny (SCCP)", .group = GROUP_SIGNALLING, .verified = true,
	  .tcp = skinny_bytes, .stream = skinny_stream },
	{ .name = "srt", .about = "SRT: live streams, and whether they go both ways", .group = GROUP_VENDOR, .verified = true,
	  .udp = srt_bytes, .look = srt_look, .give_up_after = GIVE_UP_MAX },
	{ .name = "iax2", .about = "IAX2: signalling and media in one flow", .group = GROUP_SIGNALLING, .verified = true,
	  .udp = iax2_bytes, .look = iax2_look, .give_up_after = 0 },
	{ .name = "rtsp", .about = "RTSP, and the RTP it announces", .group = GROUP_SIGNALLING, .verified = true,
	  .tcp = rtsp_stream_bytes, .stream = rtsp_stream },
	{ .name = "rtmp", .about = "RTMP, and whether it carries a conversation", .group = GROUP_CADENCE, .verified = true,
	  .tcp = rtmp_bytes, .stream = rtmp_stream, .explain = rtmp_explain },
	{ .name = "vendor", .about = "media formats of single applications", .group = GROUP_VENDOR, .verified = true,
	  .udp = vendor_bytes, .look = vendor_look, .give_up_after = 0 /* it ends by itself */ },
	{ .name = "vendor", .about = "media formats that no capture confirmed", .group = GROUP_VENDOR, .verified = false,
	  .udp = vendor_hint_bytes, .look = vendor_hint_look, .give_up_after = 16 },
	{ .name = "ice", .about = "STUN and ICE connectivity checks", .group = GROUP_ICE, .verified = true,
	  .udp = stun_bytes, .tcp = stun_stream_bytes, .look = stun_look, .stream = stun_stream, .give_up_after = 0 },
	{ .name = "ice", .about = "applications named by STUN attributes no capture confirmed", .group = GROUP_VENDOR, .verified = false,
	  .udp = stun_hint_bytes, .look = stun_hint_look, .give_up_after = 32 },
	{ .name = "ice", .about = "TURN: relays and what they carry", .group = GROUP_ICE, .verified = true,
	  .udp = turn_bytes, .look = turn_look, .give_up_after = 0 },
	{ .name = "ice", .about = "DTLS, with SRTP offered or without", .group = GROUP_DTLS, .verified = true,
	  .udp = dtls_bytes, .look = dtls_look, .give_up_after = 32 },
	{ .name = "sip", .about = "SIP and SDP", .group = GROUP_SIGNALLING, .verified = true,
	  .udp = sip_bytes, .tcp = sip_stream_bytes, .look = sip_look, .stream = sip_stream, .give_up_after = 40 },
	{ .name = "sip", .about = "media where signalling announced it", .group = GROUP_ANNOUNCED, .verified = true, .facts_only = true, .cap_bits = ANNOUNCED_BITS,
	  .udp = announced_bytes, .look = announced_look, .give_up_after = 0 /* it ends by itself */ },
	{ .name = "redial", .about = "pairs whose call was just cut", .group = GROUP_HISTORY, .verified = true, .facts_only = true,
	  .udp = redial_bytes, .tcp = redial_bytes, .look = redial_look, .stream = redial_stream, .give_up_after = 1 },
	{ .name = "rtp", .about = "RTP and SRTP", .group = GROUP_RTP, .verified = true,
	  .udp = rtp_bytes, .look = rtp_look, .give_up_after = 0, .media = rtp_media },
	{ .name = "rtp", .about = "RTCP and SRTCP", .group = GROUP_RTP, .verified = true,
	  .udp = rtcp_bytes, .look = rtcp_look, .give_up_after = 0 },
	{ .name = "rtp", .about = "RFC 4571: packets framed in a stream", .group = GROUP_RTP, .verified = true,
	  .tcp = framed_bytes, .stream = framed_stream },
	{ .name = "cadence", .about = "the clock of speech", .group = GROUP_CADENCE, .verified = true, .cap_bits = CADENCE_CLOCK_CAP,
	  .esp = true, .udp = cadence_bytes, .look = cadence_look, .give_up_after = 0, .hears = cadence_hears },
	{ .name = "cadence", .about = "the sizes of speech, where its clock is", .group = GROUP_CADENCE_SIZES, .verified = true, .cap_bits = CADENCE_GIVEN_CAP },
	{ .name = "cadence", .about = "talk and silence, where its clock is", .group = GROUP_CADENCE_SPURTS, .verified = true, .cap_bits = CADENCE_GIVEN_CAP },
	{ .name = "tls", .about = "names in TLS ClientHellos", .group = GROUP_NAME, .verified = true,
	  .tcp = tls_bytes, .stream = tls_stream },
	{ .name = "quic", .about = "names in QUIC Initial packets", .group = GROUP_NAME, .verified = true,
	  .udp = quic_bytes, .look = quic_look, .give_up_after = 8 },
	{ .name = "dns", .about = "addresses of named applications", .group = GROUP_NAME, .verified = true,
	  .udp = dns_bytes, .look = dns_look, .give_up_after = 4 },
	{ .name = "dns", .about = "flows to addresses a DNS answer named", .group = GROUP_NAME, .verified = true, .facts_only = true,
	  .udp = name_bytes, .tcp = name_bytes, .look = name_look, .stream = name_stream, .give_up_after = 1 },
	{ .name = "tunnel", .about = "VPNs, secure shell and proxies: what is inside is tunnelled", .group = GROUP_NAME, .verified = true, .esp = true,
	  .udp = tunnel_bytes, .look = tunnel_look, .segment = tunnel_segment, .give_up_after = 32 },
	{ .name = "tcp-audio", .about = "the clock of speech in records over TCP", .group = GROUP_CADENCE, .verified = true,
	  .segment = tcp_audio_segment, .hears = tcp_audio_hears, .explain = tcp_audio_explain },
	{ .name = "http", .about = "log-ins, uploads and links in clear HTTP, for the audit", .group = GROUP_NAME, .verified = true,
	  .tcp = http_bytes, .stream = http_stream },
	{ .name = "ndpi", .about = "libnDPI's opinion, names only", .group = GROUP_NDPI, .verified = true },
};

const unsigned n_detectors = sizeof detectors / sizeof *detectors;

static_assert(sizeof detectors / sizeof *detectors <= DETECTORS_MAX, "every watch has a state for each row");
static_assert(DETECTORS_MAX < 64, "sets of rows have a bit for each");

uint8_t detect_row_ndpi(void)
{
	return (uint8_t)(n_detectors - 1);
}
