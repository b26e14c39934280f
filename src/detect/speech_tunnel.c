/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/speech_codec.h"

#include <math.h>

#include "detect/tunnel_adds.h"

/*
 * A call of one size in a tunnel that was recognised: what stands around the
 * frame is known, so that its size can be looked for. Only that of the telephone
 * network, 64 kbit/s (RFC 3551, 4.5: G.711, G.722), which is most used.
 */
#define BYTES_PER_MS 8

static const uint8_t inner[] = {
	ADDS_IP4 + ADDS_UDP + ADDS_RTP, ADDS_IP4 + ADDS_UDP + ADDS_SRTP, ADDS_IP6 + ADDS_UDP + ADDS_RTP, ADDS_IP6 + ADDS_UDP + ADDS_SRTP,
};
enum { INNER_N = sizeof inner };

/*
 * Around: `head` and `tail`, between them the packet with `more` bytes, filled up to a multiple of `block`.
 * Which header OpenVPN has, the first byte of a packet tells. WireGuard: white paper 5.4.6. ESP with
 * AES-GCM: RFC 4303, RFC 4106: SPI and number 8, initialisation vector 8, trailer 2, tag 16.
 */
static const struct around { enum app app; uint8_t head, more, block, tail; } around[] = {
	{ APP_TUNNEL_OPENVPN, ADDS_OPENVPN_V2, 0, 1, ADDS_OPENVPN_TAG }, { APP_TUNNEL_OPENVPN, ADDS_OPENVPN_V2, ADDS_OPENVPN_COMP, 1, ADDS_OPENVPN_TAG },
	{ APP_TUNNEL_OPENVPN, ADDS_OPENVPN_V1, 0, 1, ADDS_OPENVPN_TAG }, { APP_TUNNEL_OPENVPN, ADDS_OPENVPN_V1, ADDS_OPENVPN_COMP, 1, ADDS_OPENVPN_TAG },
	{ APP_TUNNEL_WIREGUARD, 16, 0, 16, 16 },
	{ APP_TUNNEL_IPSEC, 16, 2, 4, 16 },
};
enum { AROUND_N = sizeof around / sizeof *around };

/* Sizes that packets in a tunnel have: one of so many, less where they are filled up. */
#define SIZES 256

static unsigned wrapped(const struct around *a, unsigned bytes)
{
	unsigned n = bytes + a->more;

	return a->head + (n + a->block - 1) / a->block * a->block + a->tail;
}

/* OpenVPN: opcode << 3 | key id; the opcodes of data without and with a peer. */
static bool has_header(const struct around *a, uint8_t first)
{
	enum { DATA_V1 = 6, DATA_V2 = 9 };

	return a->app != APP_TUNNEL_OPENVPN || first >> 3 == (a->head == ADDS_OPENVPN_V2 ? DATA_V2 : DATA_V1);
}

float speech_tunnel_rarity(enum app tunnel, uint8_t first, unsigned period_ms, unsigned size)
{
	unsigned ways = 0, block = 1;
	bool found = false;

	for (unsigned i = 0; i < AROUND_N; i++) {
		if (around[i].app != tunnel || !has_header(&around[i], first))
			continue;
		block = around[i].block;
		for (unsigned j = 0; j < INNER_N; j++) {
			found |= wrapped(&around[i], inner[j] + BYTES_PER_MS * period_ms) == size;
			ways++;
		}
	}
	return found ? log2f(SIZES / (float)(block * ways)) : 0;
}
