/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_TESTS_SKYPE_MAKE_H
#define SQUELCH_TESTS_SKYPE_MAKE_H

#include <stdint.h>
#include <string.h>

#include "detect/skype_lcg.h"

/*
 * Synthetic classic Skype, from the facts in docs/SKYPE.md alone. What Skype
 * encrypts is noise here: the proofs do not look at it, and a keystream that
 * starts again is as good from any source.
 */
struct skype_make {
	uint32_t x;               /* the process's generator */
	uint16_t id;              /* its frame counter */
	uint64_t noise;
};

static inline uint8_t make_noise(struct skype_make *m)
{
	m->noise = m->noise * 6364136223846793005u + 1442695040888963407u; /* Knuth, MMIX */
	return (uint8_t)(m->noise >> 56);
}

static inline void make_noise_at(struct skype_make *m, uint8_t *at, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		at[i] = make_noise(m);
}

static inline uint32_t make_step(struct skype_make *m)
{
	return m->x = skype_lcg_next(m->x);
}

static inline void put16(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static inline void put32(uint8_t *at, uint32_t v)
{
	put16(at, v >> 16);
	put16(at + 2, v);
}

static inline uint8_t make_type(struct skype_make *m, uint8_t type)
{
	return (uint8_t)(make_step(m) >> 29 << 4 | type);
}

/* Type 2, n bytes; a new frame takes two numbers, the request's and its own. */
static inline uint32_t make_payload(struct skype_make *m, uint8_t *at, uint32_t n)
{
	m->id = (uint16_t)(m->id + 2);
	make_noise_at(m, at, n);
	put16(at, m->id);
	at[2] = 2;
	put32(at + 3, make_step(m));
	return n;
}

/* Type 5 or 7 in answer to frame `id`, naming the address it goes to. */
static inline uint32_t make_answer(struct skype_make *m, uint8_t *at, uint8_t type, uint16_t id,
    const uint8_t ip[4], uint32_t nonce)
{
	put16(at, id);
	at[2] = make_type(m, type);
	memcpy(at + 3, ip, 4);
	put32(at + 7, nonce);
	return 11;
}

static inline uint32_t make_resend(struct skype_make *m, uint8_t *at, uint16_t id, uint32_t nonce,
    const uint8_t ip[4], uint32_t n)
{
	make_noise_at(m, at, n);
	put16(at, id);
	at[2] = make_type(m, 3);
	at[3] = 1;
	put32(at + 4, nonce);
	memcpy(at + 8, ip, 4);
	return n;
}

static inline uint32_t make_fragment(struct skype_make *m, uint8_t *at, uint16_t request, uint8_t number, uint32_t n)
{
	make_noise_at(m, at, n);
	put16(at, m->id);
	at[2] = make_type(m, 0xf);
	put16(at + 3, request);
	at[5] = number;
	at[6] = 2;
	put32(at + 7, make_step(m));
	return n;
}

/* T1: seed, header and padding record under a keystream that starts again; pad bytes of padding. */
static inline uint32_t make_header(struct skype_make *m, uint8_t *at, uint8_t version, uint8_t mark, uint32_t pad)
{
	uint8_t key[10];
	uint32_t s1, n = 16 + pad;

	make_noise_at(m, at, n);
	make_noise_at(m, key, sizeof key);
	put32(at, make_step(m));
	s1 = make_step(m);
	memset(at + 4, 0, 12);
	at[4] = (uint8_t)(version | (s1 >> 8 & 0x81));
	at[5] = (uint8_t)s1;
	at[9] = 1;
	at[13] = mark;
	at[14] = (uint8_t)(2 * (pad + 1) + 1);
	at[15] = 3;
	make_step(m);
	for (uint32_t i = 0; i < pad; i++)
		at[16 + i] = (uint8_t)make_step(m);
	for (unsigned i = 0; i < 10; i++) {
		at[4 + i] ^= key[i];
		at[14 + i] ^= key[i];
	}
	for (uint32_t i = 24; i < n; i++)
		at[i] ^= make_noise(m); /* further keystream */
	return n;
}

/* T2: 48 bytes of a key, then padding in clear. */
static inline uint32_t make_padding(struct skype_make *m, uint8_t *at, uint32_t pad)
{
	make_noise_at(m, at, 48);
	for (uint32_t i = 0; i < pad; i++)
		at[48 + i] = (uint8_t)make_step(m);
	return 48 + pad;
}

/* T5: the first segment of client 1.2 in `first`, its first command in `second`; returns the second's length. */
static inline uint32_t make_old(struct skype_make *m, uint8_t first[14], uint8_t *second, uint8_t inner)
{
	static const uint8_t header[10] = { 0, 1, 0, 0, 0, 1, 0, 0, 0, 1 };
	uint8_t key[10];
	uint32_t length = inner + 5u, n = length + 1;

	make_noise_at(m, key, sizeof key);
	make_noise_at(m, second, n);
	m->id = (uint16_t)(m->id + 2);
	put32(first, make_step(m));
	second[0] = (uint8_t)(2 * length);
	put16(second + 1, m->id);
	second[3] = inner;
	second[4] = 0xf2;
	second[5] = 1;
	put16(second + 6, m->id - 1u);
	second[8] = 0x42;
	for (unsigned i = 0; i < 10; i++) {
		first[4 + i] = header[i] ^ key[i];
		second[i] ^= key[i];
	}
	return n;
}

/* T5, the answering side: acknowledges frame `id`. */
static inline uint32_t make_old_answer(struct skype_make *m, uint8_t first[14], uint8_t second[4], uint16_t id)
{
	static const uint8_t header[10] = { 0, 1, 0, 0, 0, 1, 0, 0, 0, 1 };
	uint8_t key[10];

	make_noise_at(m, key, sizeof key);
	put32(first, make_step(m));
	second[0] = 7;
	second[1] = 1;
	put16(second + 2, id);
	for (unsigned i = 0; i < 10; i++) {
		first[4 + i] = header[i] ^ key[i];
		if (i < 4)
			second[i] ^= key[i];
	}
	return 4;
}

#endif
