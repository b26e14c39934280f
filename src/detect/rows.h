/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_ROWS_H
#define SQUELCH_DETECT_ROWS_H

#include "detect/detect.h"

/* What the detectors give to table.c, a paragraph each. */

/* rtp.c, rtcp.c, framed.c */
extern const struct byte_range rtp_bytes[], rtcp_bytes[], framed_bytes[];
enum look_result rtp_look(struct look *);
enum look_result rtcp_look(struct look *);
struct stream_result framed_stream(struct look *);
unsigned rtp_media(const void *state, int dir, struct media_stats out[MEDIA_STATS_MAX]);

/* cadence.c: three rows, the second and third are written by the first */
extern const struct byte_range cadence_bytes[];
/*
 * Caps, log2(n/3), of the clean captures of the bench (tools/calibrate --impairment
 * clean): n is 9,156 windows of 3 s that pass the gate, 1,800 that have a clock.
 */
#define CADENCE_CLOCK_CAP 11.5f
#define CADENCE_GIVEN_CAP 9.2f  /* of sizes and of spurts, given a clock */
enum look_result cadence_look(struct look *);
bool cadence_hears(const struct flow *);

/* redial.c */
extern const struct byte_range redial_bytes[];
enum look_result redial_look(struct look *);
struct stream_result redial_stream(struct look *);

/* sip.c */
extern const struct byte_range sip_bytes[], sip_stream_bytes[];
enum look_result sip_look(struct look *);
struct stream_result sip_stream(struct look *);

/* announced.c */
extern const struct byte_range announced_bytes[];
enum look_result announced_look(struct look *);

/* --- names: tls.c, dns.c, quic.c, names.c; all of GROUP_NAME --- */

/* "tls": the name in a ClientHello. stream = tls_stream, tcp = tls_bytes, no state. */
extern const struct byte_range tls_bytes[];
struct stream_result tls_stream(struct look *);

/* "dns": learns FACT_NAME from answers. look = dns_look, udp = dns_bytes. */
extern const struct byte_range dns_bytes[];
enum look_result dns_look(struct look *);

/* "dns", a second row: what those facts say of this flow. look and stream, udp = tcp = name_bytes. */
extern const struct byte_range name_bytes[];
enum look_result name_look(struct look *);
struct stream_result name_stream(struct look *);

/* "quic": the name in the Initial packets. look = quic_look, udp = quic_bytes. */
extern const struct byte_range quic_bytes[];
enum look_result quic_look(struct look *);

/* ice.c: STUN and ICE, on streams TURN and RFC 4571 framing too */
extern const struct byte_range stun_bytes[], stun_stream_bytes[];
enum look_result stun_look(struct look *);
struct stream_result stun_stream(struct look *);
/* names from attributes that no capture confirmed: a row that is not verified */
extern const struct byte_range stun_hint_bytes[];
enum look_result stun_hint_look(struct look *);

/* turn.c: allocations and what relays carry */
extern const struct byte_range turn_bytes[];
enum look_result turn_look(struct look *);

/* tunnel.c: names tunnels and marks their flows; no class */
extern const struct byte_range tunnel_bytes[];
enum look_result tunnel_look(struct look *);
enum look_result tunnel_segment(struct look *);
/* Bytes that stand around a frame of speech in this stream, at least, since it is a known tunnel; 0 unknown. */
uint32_t tunnel_adds(const struct watch *);

/* tcp_audio.c: the clock of speech in the records of a stream */
enum look_result tcp_audio_segment(struct look *);
bool tcp_audio_hears(const struct flow *);
void tcp_audio_explain(const void *state, FILE *out);

/* skype_udp.c, skype_tcp.c: need env->skype */
extern const struct byte_range skype_bytes[], skype_stream_bytes[];
enum look_result skype_look(struct look *);
void skype_finish(struct look *);
struct stream_result skype_stream(struct look *);

/* mgcp.c, megaco.c, skinny.c, iax2.c, h323.c, ras.c */
extern const struct byte_range mgcp_bytes[], megaco_bytes[], megaco_stream_bytes[], skinny_bytes[], iax2_bytes[], h323_bytes[], ras_bytes[];
enum look_result mgcp_look(struct look *);
enum look_result megaco_look(struct look *);
struct stream_result megaco_stream(struct look *);
struct stream_result skinny_stream(struct look *);
enum look_result iax2_look(struct look *);
enum look_result ras_look(struct look *);
struct stream_result h323_stream(struct look *);

/* rtsp.c: streaming, which is no call */
extern const struct byte_range rtsp_stream_bytes[];
struct stream_result rtsp_stream(struct look *);

/* rtmp.c: streaming too, unless it carries a conversation */
extern const struct byte_range rtmp_bytes[];
struct stream_result rtmp_stream(struct look *);
void rtmp_explain(const void *state, FILE *out);

/* srt.c: streaming over UDP, unless it goes both ways */
extern const struct byte_range srt_bytes[];
enum look_result srt_look(struct look *);

/* http.c: for the audit, no evidence */
extern const struct byte_range http_bytes[];
struct stream_result http_stream(struct look *);

/* dtls.c */
extern const struct byte_range dtls_bytes[];
enum look_result dtls_look(struct look *);

/* vendor.c, a file an application: media that hide RTP; and formats no capture confirmed, which only name */
extern const struct byte_range vendor_bytes[], vendor_hint_bytes[];
enum look_result vendor_look(struct look *);
/* For each first byte of a payload the applications that may open on it, a bit each. */
void vendor_init(uint32_t first[static 256]);
enum look_result vendor_hint_look(struct look *);

#endif
