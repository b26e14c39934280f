/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Skinny, SCCP: a Cisco phone and its call manager over TCP, little-endian
 * messages of a length, a version and a number. No standard says so: facts are
 * those the captures show (docs/METHOD.md). One number alone proves little; a
 * chain of messages, each end sending only its own numbers, does.
 */
#include "detect/rows.h"

#include "detect/skinny_call.h"
#include "flow/stream.h"

/* The lowest byte of a length: any. */
const struct byte_range skinny_bytes[] = { { 4, 255 }, { 1, 0 } };

#define HEADER         8      /* length and version; the length counts what follows them */
#define LEN_MAX     4096      /* bytes; the largest message in the captures has 1,300 */
#define VERSION_MAX 0x20      /* 0x16 is the last one known */

/*
 * Length, version and number in range are 2^-50 for random bytes; protocols
 * with a header of the same shape share much of it, so each message is worth
 * little, and only numbers that this end may send are taken at all.
 */
#define BITS_MESSAGE   4.0f   /* a message of a number not seen before, and long enough for it */
#define BITS_REGISTER  8.0f   /* the device names itself: SEP and 12 digits, or other printable text padded with zeros */
#define BITS_ENDS      6.0f   /* both ends seen, each with numbers of its own side */
#define BITS_MAX      28.0f

enum side { SIDE_PHONE, SIDE_MANAGER };

/* Numbers of a side, inclusive, and the fewest bytes that follow the number. */
static const struct { uint16_t first, last; uint8_t side, least; } known[] = {
	{ 0x000, 0x000, SIDE_PHONE, 0 },  { 0x001, 0x001, SIDE_PHONE, 32 }, { 0x002, 0x002, SIDE_PHONE, 2 },
	{ 0x003, 0x003, SIDE_PHONE, 4 },  { 0x004, 0x004, SIDE_PHONE, 24 }, { 0x005, 0x00d, SIDE_PHONE, 0 },
	{ 0x00e, 0x010, SIDE_PHONE, 0 },  { 0x020, 0x021, SIDE_PHONE, 0 },  { 0x022, 0x022, SIDE_PHONE, 16 },
	{ 0x023, 0x031, SIDE_PHONE, 0 },  { 0x034, 0x04f, SIDE_PHONE, 0 },  { 0x154, 0x159, SIDE_PHONE, 12 },
	{ 0x081, 0x081, SIDE_MANAGER, 8 }, { 0x082, 0x089, SIDE_MANAGER, 4 }, { 0x08a, 0x08a, SIDE_MANAGER, 24 },
	{ 0x08b, 0x08e, SIDE_MANAGER, 0 }, { 0x08f, 0x08f, SIDE_MANAGER, 100 }, { 0x090, 0x0a0, SIDE_MANAGER, 0 },
	{ 0x100, 0x100, SIDE_MANAGER, 0 }, { 0x101, 0x10e, SIDE_MANAGER, 4 }, { 0x110, 0x116, SIDE_MANAGER, 4 },
	{ 0x117, 0x153, SIDE_MANAGER, 0 }, { 0x15a, 0x160, SIDE_MANAGER, 0 },
};

/* The side that sends this number; -1 when nobody does. */
static int side_of(uint32_t id, uint32_t len)
{
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (id >= known[i].first && id <= known[i].last)
			return len >= known[i].least ? known[i].side : -1;
	return -1;
}

/* False when this end has already sent what only the other side does. */
static bool side_agrees(struct skinny_state *s, const struct look *l, int side)
{
	uint8_t mine = (uint8_t)(side + 1);

	if (s->side_of[l->dir] != 0 && s->side_of[l->dir] != mine)
		return false;
	if (s->side_of[!l->dir] == mine)
		return false;
	s->side_of[l->dir] = mine;
	return true;
}

static void evidence_add(struct look *l, struct skinny_state *s, int side, uint32_t id)
{
	uint64_t bit = 1ull << (id & 63);
	float bits;

	if (!(s->seen[side] & bit))
		s->distinct++;
	s->seen[side] |= bit;
	bits = BITS_MESSAGE * (float)s->distinct + (s->registered ? BITS_REGISTER : 0);
	if (s->side_of[0] != 0 && s->side_of[1] != 0)
		bits += BITS_ENDS;
	bits = bits < BITS_MAX ? bits : BITS_MAX;
	if (bits <= s->bits)
		return;
	s->bits = bits;
	detect_evidence(l, CLASS_SIGNALLING, APP_SKINNY, bits, "Skinny, {0} kinds of messages", s->distinct, 0);
}

static bool message_take(struct look *l, struct message_view *m)
{
	int side = side_of(m->id, m->len);
	struct skinny_state *s = side < 0 ? NULL : detect_state(l, sizeof *s);

	if (s == NULL || !side_agrees(s, l, side))
		return false;
	skinny_call_take(l, s, m);
	evidence_add(l, s, side, m->id);
	return true;
}

struct stream_result skinny_stream(struct look *l)
{
	struct cursor c = cur_open(l->data, l->len);
	struct message_view m;
	uint32_t len = skinny_u32(&c);

	m.version = skinny_u32(&c);
	m.id = skinny_u32(&c);
	if (l->len >= 4 && (len < 4 || len > LEN_MAX))
		return (struct stream_result){ STREAM_STOP, 0, 0 };
	if (l->len < HEADER + 4)
		return (struct stream_result){ l->len < 4 && detect_state_find(l) == NULL ? STREAM_STOP : STREAM_MORE, 0, HEADER + 4 };
	m.len = len - 4;
	if (m.version > VERSION_MAX || side_of(m.id, m.len) < 0)
		return (struct stream_result){ STREAM_STOP, 0, 0 };
	if (l->len < HEADER + len)
		return (struct stream_result){ STREAM_MORE, 0, HEADER + len };
	m.body = cur_sub(&c, m.len);
	if (!message_take(l, &m))
		return (struct stream_result){ STREAM_STOP, 0, 0 };
	return (struct stream_result){ STREAM_USED, HEADER + len, 0 };
}
