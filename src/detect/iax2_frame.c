/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/iax2_frame.h"

#include "base/cursor.h"

#define NUMBER_MASK   0x7fff
#define ELEMENTS_MAX  64      /* information elements of a frame that are read */

enum element { ELEMENT_CALLED = 1, ELEMENT_CALLING, ELEMENT_NAME = 4, ELEMENT_USER = 6, ELEMENT_VERSION = 11 };

static void element_take(struct iax2_frame *f, uint8_t id, struct span v)
{
	switch (id) {
	case ELEMENT_CALLED:
		f->called = v;
		break;
	case ELEMENT_CALLING:
		f->calling = v;
		break;
	case ELEMENT_NAME:
		f->name = v;
		break;
	case ELEMENT_USER:
		f->user = v;
		break;
	case ELEMENT_VERSION:
		f->version = v.len == 2 && v.p[0] == 0 && v.p[1] == 2;
		break;
	default:
		break;
	}
}

static void elements_read(struct cursor c, struct iax2_frame *f)
{
	for (unsigned i = 0; i < ELEMENTS_MAX && cur_left(&c) > 0; i++) {
		uint8_t id = cur_u8(&c);
		uint8_t len = cur_u8(&c);
		const uint8_t *p = cur_take(&c, len);

		if (c.bad || id == 0 || id > 0x40)
			return;
		element_take(f, id, (struct span){ p, len });
		f->elements = cur_left(&c) == 0;
	}
}

/* A codec is one bit of 32: the low byte, or with 0x80 its position (8.1.1). */
static bool is_codec(uint8_t subclass)
{
	return subclass & 0x80 ? subclass >= 0x87 && subclass < 0x80 + 64 : subclass != 0 && (subclass & (subclass - 1)) == 0;
}

static bool subclass_known(const struct iax2_frame *f)
{
	switch (f->type) {
	case TYPE_VOICE:
		return is_codec(f->subclass);
	case TYPE_CONTROL:
		return (f->subclass >= 1 && f->subclass <= CONTROL_LAST) || f->subclass == 0xff;
	case TYPE_IAX:
		return f->subclass >= 1 && f->subclass <= IAX_LAST;
	default:
		return f->type >= TYPE_DTMF && f->type <= TYPE_LAST;
	}
}

bool iax2_frame_read(const struct look *l, struct iax2_frame *f)
{
	struct cursor c = cur_open(l->data, l->len);
	uint16_t dst;

	*f = (struct iax2_frame){ .src = cur_u16(&c) & NUMBER_MASK };
	dst = cur_u16(&c);
	f->dst = dst & NUMBER_MASK;
	f->again = dst > NUMBER_MASK;
	f->stamp = cur_u32(&c);
	f->oseq = cur_u8(&c);
	f->iseq = cur_u8(&c);
	f->type = cur_u8(&c);
	f->subclass = cur_u8(&c);
	if (c.bad || f->src == 0 || !subclass_known(f))
		return false;
	if (f->type == TYPE_IAX)
		elements_read(c, f);
	return true;
}

bool iax2_frame_begins(const struct iax2_frame *f)
{
	return f->type == TYPE_IAX && f->dst == 0 && f->iseq == 0 &&
	    (f->subclass == IAX_NEW || f->subclass == IAX_REGREQ || f->subclass == IAX_POKE);
}

/* --- mini frames --- */

bool iax2_is_speech(uint16_t ms, uint32_t bytes)
{
	static const struct { uint8_t ms, bytes; } frames[] = {
		{ 10, 80 },  /* G.711, G.722 */
		{ 10, 160 }, /* linear, 8 kHz */
		{ 10, 40 },  /* G.726, ADPCM */
		{ 10, 10 },  /* G.729 */
		{ 20, 33 },  /* GSM */
		{ 20, 38 }, { 30, 50 }, /* iLBC (RFC 3951) */
		{ 30, 24 }, { 30, 20 }, /* G.723.1 */
	};

	for (unsigned i = 0; i < sizeof frames / sizeof *frames; i++)
		if (ms % frames[i].ms == 0 && bytes == (uint32_t)ms / frames[i].ms * frames[i].bytes)
			return true;
	return false;
}

/* --- trunks --- */

#define TRUNK_HEAD 8          /* a zero call number, command, flags, stamp: 8.1.3.2 */

/* Number and length, or length, number and stamp; then so many bytes. */
bool iax2_trunk_next(struct cursor *c, bool stamps, uint16_t stamp, struct iax2_entry *e)
{
	uint16_t a = cur_u16(c), b = cur_u16(c);

	e->number = (stamps ? b : a) & INT16_MAX;
	e->stamp = stamps ? cur_u16(c) : stamp;
	cur_skip(c, stamps ? a : b);
	return !c->bad;
}

bool iax2_trunk_whole(const struct look *l)
{
	struct cursor c = cur_open(l->data, l->len);
	uint32_t head = cur_u32(&c);
	struct iax2_entry e;
	unsigned n = 0;

	cur_skip(&c, TRUNK_HEAD - 4);
	if (c.bad || l->len != l->wire || !iax2_is_trunk(head))
		return false;
	while (n < IAX2_ENTRIES_MAX && cur_left(&c) > 0 && iax2_trunk_next(&c, head & IAX2_TRUNK_STAMPS, 0, &e) && e.number != 0)
		n++;
	return n != 0 && !c.bad && cur_left(&c) == 0;
}
