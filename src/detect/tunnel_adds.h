/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_TUNNEL_ADDS_H
#define SQUELCH_DETECT_TUNNEL_ADDS_H

/* What stands around a frame of speech in a tunnel, bytes. */
enum {
	/* Inside: IPv4 (RFC 791) or IPv6 (RFC 8200), UDP, RTP (RFC 3550, 5.1), SRTP with its usual tag (RFC 3711, 5.2). */
	ADDS_IP4     = 20,
	ADDS_IP6     = 40,
	ADDS_UDP     = 8,
	ADDS_RTP     = 12,
	ADDS_SRTP    = 12 + 10,
	/* OpenVPN with AEAD (its protocol documentation): opcode, with a peer 3 more; packet number; tag; framed compression. */
	ADDS_OPENVPN_V1   = 1 + 4,
	ADDS_OPENVPN_V2   = 4 + 4,
	ADDS_OPENVPN_TAG  = 16,
	ADDS_OPENVPN_COMP = 1,
	/* Secure shell, at least: length, length of the padding and padding (RFC 4253, 6), a channel's data (RFC 4254, 5.2), tag. */
	ADDS_SSH     = 4 + 1 + 4 + 9 + 16,
	/* A relay over TCP: ChannelData (RFC 8656, 12.4) around SRTP. */
	ADDS_TURN    = 4 + ADDS_SRTP,
	/* OpenVPN over TCP, at least; its length of two bytes is the framing's. */
	ADDS_OPENVPN_STREAM = ADDS_OPENVPN_V2 + ADDS_OPENVPN_TAG + ADDS_IP4 + ADDS_UDP + ADDS_RTP,
};

#endif
