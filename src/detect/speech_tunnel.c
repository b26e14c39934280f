/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/speech_weigh.h"

#include <math.h>

/*
 * A call of one size in a tunnel that was recognised: what stands around the
 * frame is known, so that its size can be looked for. Only that of the telephone
 * network, 64 kbit/s (RFC 3551, 4.5: G.711, G.722), which is most used.
 */
#define BYTES_PER_MS 8

/* Inside: IPv4 or IPv6, UDP, RTP (RFC 3550, 5.1) or SRTP with its usual tag of 10 (RFC 3711, 5.2). */
static const uint8_t inner[] = { 20 + 8 + 12, 20 + 8 + 22, 40 + 8 + 12, 40 + 8 + 22 };
enum { INNER_N = sizeof inner };

/*
 * Around: `head` and `tail`, between them the packet with `more` bytes, filled up to a multiple of `block`.
 * OpenVPN: opcode and peer 4 (1 without peer), packet number 4, tag 16 (its protocol documentation, data
 * channel with AEAD); one byte more when compression is framed. WireGuard: white paper 5.4.6. ESP with
 * AES-GCM: RFC 4303, RFC 4106: SPI and number 8, initialisation vector 8, trailer 2, tag 16.
 */
static const struct around { enum app app; uint8_t head, more, block, tail; } around[] = {
	{ APP_TUNNEL_OPENVPN, 8, 0, 1, 16 }, { APP_TUNNEL_OPENVPN, 5, 0, 1, 16 },
	{ APP_TUNNEL_OPENVPN, 8, 1, 1, 16 }, { APP_TUNNEL_OPENVPN, 5, 1, 1, 16 },
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

float speech_tunnel_rarity(enum app tunnel, unsigned period_ms, unsigned size)
{
	unsigned ways = 0, block = 1;
	bool found = false;

	for (unsigned i = 0; i < AROUND_N; i++) {
		if (around[i].app != tunnel)
			continue;
		block = around[i].block;
		for (unsigned j = 0; j < INNER_N; j++) {
			found |= wrapped(&around[i], inner[j] + BYTES_PER_MS * period_ms) == size;
			ways++;
		}
	}
	return found ? log2f(SIZES / (float)(block * ways)) : 0;
}
