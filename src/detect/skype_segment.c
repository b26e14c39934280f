/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/skype_segment.h"

#include <assert.h>
#include <string.h>

#include "base/cursor.h"
#include "detect/skype_host.h"
#include "detect/skype_lcg.h"

/* --- T1: the stream header --- */

#define SEED_BYTES     4
#define RESTART        10     /* keystream bytes used before it starts again */
#define HEADER_BYTES   (SEED_BYTES + 2 * RESTART)
#define RECORD_AT      14
#define RECORD_TYPE    3      /* second byte of the padding record */
#define LENGTH_MIN     9      /* bytes of that record after its first: ten are compared */
#define VERSION_MAX    0x0e   /* version bits of the first header byte: even, 0 and 4 seen most */
#define RANDOM_BITS    0x81   /* the others come from the generator */
#define BITS_HEADER    71     /* eight bytes, one of three kinds, one of eight versions with a length that fits */
#define BITS_LENGTH    4      /* and the record ends with the segment */

/* The clear seed of a stream header. */
static uint32_t header_seed(const uint8_t header[static SEED_BYTES])
{
	struct cursor c = cur_open(header, SEED_BYTES);

	return cur_u32(&c);
}

/* Kinds of client by the last header byte. */
static const struct kind { uint8_t mark, generation; } kinds[] = {
	{ 0x01, SKYPE_AGE_1_2 }, { 0x03, SKYPE_AGE_2006 }, { 0x0f, SKYPE_AGE_LATE },
};

static bool kind_find(uint8_t mark, uint8_t *generation)
{
	for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (kinds[i].mark == mark) {
			*generation = kinds[i].generation;
			return true;
		}
	return false;
}

/* First bytes: 0 no, else bits. x = header's xor record's, `random` the header's generated bits. */
static unsigned length_bits(uint8_t x, uint8_t random, uint32_t n)
{
	unsigned best = 0;

	for (unsigned version = 0; version <= VERSION_MAX; version += 2) {
		uint8_t r0 = x ^ (uint8_t)(version | random);
		uint32_t length = r0 >> 1;

		if (!(r0 & 1) || length < LENGTH_MIN || RECORD_AT + 1 + length > n)
			continue;
		if (RECORD_AT + 1 + length == n)
			return BITS_HEADER + BITS_LENGTH;
		best = BITS_HEADER;
	}
	return best;
}

/*
 * Header and first record are encrypted with the same keystream, so their xor
 * is free of it: zeros against padding, which continues the generator that
 * gave the seed.
 */
static bool test_header(const uint8_t *c, uint32_t n, struct skype_find *f)
{
	uint8_t xored[RESTART];
	uint32_t seed, s1, x;

	if (n < HEADER_BYTES)
		return false;
	seed = header_seed(c);
	s1 = x = skype_lcg_next(seed);
	if ((c[5] ^ c[15]) != (uint8_t)(s1 ^ RECORD_TYPE))
		return false; /* nearly everything else ends here */
	for (unsigned i = 0; i < RESTART; i++)
		xored[i] = c[SEED_BYTES + i] ^ c[RECORD_AT + i];
	x = skype_lcg_next(x);
	for (unsigned i = 2; i < RESTART - 1; i++) {
		x = skype_lcg_next(x);
		if (xored[i] != (uint8_t)(x ^ (i == 5)))
			return false;
	}
	if (!kind_find((uint8_t)(xored[RESTART - 1] ^ skype_lcg_next(x)), &f->generation))
		return false;
	f->bits = length_bits(xored[0], s1 >> 8 & RANDOM_BITS, n);
	f->used = n;
	f->seed = seed;
	return f->bits != 0;
}

/* --- T2: the key exchange --- */

#define KEY_BYTES      48     /* 384 bits of Diffie-Hellman */
#define PADDING_MAX    63
#define PADDING_MIN    4      /* three steps, 24 bits: enough to be added to something */
#define MESSAGE_BYTES  8      /* a server may append one */

static bool test_padding(const uint8_t *at, uint32_t n, struct skype_find *f)
{
	uint32_t run, pad;

	if (n < KEY_BYTES + PADDING_MIN || n > KEY_BYTES + PADDING_MAX + MESSAGE_BYTES)
		return false;
	run = skype_lcg_run(at + KEY_BYTES, n - KEY_BYTES) + 1;
	pad = n - KEY_BYTES;
	if (run != pad) { /* a message begins like more padding once in 256 times */
		if (pad < PADDING_MIN + MESSAGE_BYTES || run < pad - MESSAGE_BYTES)
			return false;
		pad -= MESSAGE_BYTES;
	}
	if (pad > PADDING_MAX || run < PADDING_MIN)
		return false;
	f->arg = pad;
	f->bits = 8 * (pad - 1);
	f->used = n;
	return true;
}

/* --- T3, T4: imitated TLS --- */

#define CHALLENGE_BYTES 16
#define BITS_PLENTY    250    /* more than this tells nobody anything */

/* An SSLv2-compatible hello that never changes, up to its challenge. */
static const uint8_t fake_client[56] =
	"\x80\x46\x01\x03\x01\x00\x2d\x00\x00\x00\x10\x00\x00\x05\x00\x00\x04\x00\x00\x0a\x00\x00\x09\x00\x00\x64\x00\x00"
	"\x62\x00\x00\x08\x00\x00\x03\x00\x00\x06\x01\x00\x80\x07\x00\xc0\x03\x00\x80\x06\x00\x40\x02\x00\x80\x04\x00\x80";

/* A ServerHello whose random part was drawn once, on 2004-01-31. */
static const uint8_t fake_server[79] =
	"\x16\x03\x01\x00\x4a\x02\x00\x00\x46\x03\x01\x40\x1b\xe4\x86\x02\xad\xe0\x29\xe1\x77\x74\xe5\x44\xb9\xc9\x9c"
	"\xb4\x31\x31\x5e\x02\xdd\x77\x9d\x15\x4a\x96\x09\xba\x5d\xa8\x70\x20\x1c\xa0\xe4\xf6\x4c\x63\x51\xae\x2f\x8e"
	"\x4e\xe1\xe6\x76\x6a\x0a\x88\xd5\xd8\xc5\x5c\xae\x98\xc5\xe4\x81\xf2\x2a\x69\xbf\x90\x58\x00\x05";

static bool test_fake_client(const uint8_t *at, uint32_t n, struct skype_find *f)
{
	if (n < sizeof fake_client + CHALLENGE_BYTES || memcmp(at, fake_client, sizeof fake_client) != 0 ||
	    skype_lcg_run(at + sizeof fake_client, CHALLENGE_BYTES) != CHALLENGE_BYTES - 1)
		return false;
	f->bits = BITS_PLENTY;
	f->used = sizeof fake_client + CHALLENGE_BYTES;
	return true;
}

static bool test_fake_server(const uint8_t *at, uint32_t n, struct skype_find *f)
{
	if (n < sizeof fake_server || memcmp(at, fake_server, sizeof fake_server) != 0)
		return false;
	f->bits = BITS_PLENTY;
	f->used = sizeof fake_server;
	return true;
}

/* --- T6: an empty TLS record --- */

#define RECORD_BYTES   5
#define BITS_LOGIN     40

/* The whole segment: a handshake or data record of no bytes, which no TLS begins with. */
static bool test_login(const uint8_t *at, uint32_t n, struct skype_find *f)
{
	static const uint8_t tail[RECORD_BYTES - 1] = { 3, 1, 0, 0 };

	if (n != RECORD_BYTES || (at[0] != 0x16 && at[0] != 0x17) || memcmp(at + 1, tail, sizeof tail) != 0)
		return false;
	f->bits = BITS_LOGIN;
	f->used = RECORD_BYTES;
	return true;
}

/* --- H1: the version is asked for in clear --- */

#define BITS_HTTP      64     /* no chance: a name of Skype's own and one of its requests */

static bool holds(const uint8_t *at, uint32_t n, const char *text)
{
	return memmem(at, n, text, strlen(text)) != NULL;
}

static bool test_http(const uint8_t *at, uint32_t n, struct skype_find *f)
{
	static const char full[] = "http://ui.skype.com/ui/", path[] = "/ui/";

	if (n < 64 || memcmp(at, "GET ", 4) != 0)
		return false;
	if (memcmp(at + 4, full, sizeof full - 1) != 0 &&
	    (memcmp(at + 4, path, sizeof path - 1) != 0 || !holds(at, n, "ui.skype.com")))
		return false;
	if (!holds(at, n, "/getlatestversion?") && !holds(at, n, "/getnewestversion?") && !holds(at, n, "/installed"))
		return false;
	f->bits = BITS_HTTP;
	f->used = n;
	return true;
}

/* --- T5: client 1.2 --- */

#define COMMAND_MIN    10
#define ANSWER_BYTES   4
#define BITS_OLD       41     /* lengths 8 and 8, request number 16, list type 7, two bytes of command 2 */
#define BITS_OLD_ACK   16
#define MORE_BIT       0x80   /* LEB128: another byte follows */

/* The segment with the keystream taken off: the plain header is known. */
static void old_plain(const uint8_t header[static SKYPE_OLD_HEADER], const uint8_t *at, uint32_t n, uint8_t plain[COMMAND_MIN])
{
	static const uint8_t known[RESTART] = { [1] = 1, [5] = 1, [9] = 1 };

	for (uint32_t i = 0; i < n && i < COMMAND_MIN; i++)
		plain[i] = at[i] ^ header[SEED_BYTES + i] ^ known[i];
}

static bool old_command(const uint8_t plain[static COMMAND_MIN], uint32_t n, struct skype_find *f)
{
	struct cursor c = cur_open(plain, COMMAND_MIN);
	uint8_t twice = cur_u8(&c);
	uint16_t frame = cur_u16(&c), request;
	uint8_t inner = cur_u8(&c), first = cur_u8(&c), second = cur_u8(&c), list;

	request = cur_u16(&c);
	list = cur_u8(&c);
	if (twice & 1 || twice / 2u + 1 != n || inner + 5u != twice / 2u || !(first & MORE_BIT) || second & MORE_BIT ||
	    request != (uint16_t)(frame - 1) || (list != 0x41 && list != 0x42))
		return false;
	*f = (struct skype_find){ .test = SKYPE_SEGMENT_OLD, .bits = BITS_OLD, .arg = frame, .generation = SKYPE_AGE_1_2, .used = n };
	return true;
}

/* The only record: an acknowledgement of two bytes of frame number. */
static bool old_answer(const uint8_t plain[static 4], struct skype_find *f)
{
	if (plain[0] != 7 || plain[1] != 1)
		return false;
	*f = (struct skype_find){ .test = SKYPE_SEGMENT_OLD_ANSWER, .bits = BITS_OLD_ACK, .used = 4,
		.arg = (uint32_t)plain[2] << 8 | plain[3], .generation = SKYPE_AGE_1_2 };
	return true;
}

bool skype_segment_old(const uint8_t header[static SKYPE_OLD_HEADER], const uint8_t *at, uint32_t n, struct skype_find *f)
{
	uint8_t plain[COMMAND_MIN] = { 0 };
	bool found;

	if (n == 0 || (n != ANSWER_BYTES && (at[0] ^ header[SEED_BYTES]) / 2u + 1 != n))
		return false; /* nearly everything else ends here */
	old_plain(header, at, n, plain);
	found = n == ANSWER_BYTES ? old_answer(plain, f) : n >= COMMAND_MIN && old_command(plain, n, f);
	if (found)
		f->seed = header_seed(header);
	return found;
}

/* --- all that one segment can tell --- */

static const struct { enum skype_segment_test test; bool (*passes)(const uint8_t *, uint32_t, struct skype_find *); } tests[] = {
	{ SKYPE_SEGMENT_HEADER, test_header },
	{ SKYPE_SEGMENT_PADDING, test_padding },
	{ SKYPE_SEGMENT_FAKE_CLIENT, test_fake_client },
	{ SKYPE_SEGMENT_FAKE_SERVER, test_fake_server },
	{ SKYPE_SEGMENT_LOGIN, test_login },
	{ SKYPE_SEGMENT_HTTP, test_http },
};

bool skype_segment(const uint8_t *at, uint32_t n, struct skype_find *f)
{
	*f = (struct skype_find){ 0 };
	for (unsigned i = 0; i < sizeof tests / sizeof *tests; i++)
		if (tests[i].passes(at, n, f)) {
			f->test = tests[i].test;
			return true;
		}
	return false;
}
