/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/rtmp_chunk.h"

#include <string.h>

#include "base/cursor.h"

#define RTMP_CHUNK_SIZE   128         /* bytes, unless said (5.4.1) */
#define CHUNK_SIZE_MAX    0xffffff    /* no message is longer (5.4.1) */
#define STAMP_EXTENDED    0xffffff    /* 5.3.1.3 */
#define STREAM_ID_MAX     0xffff      /* servers count streams from 1; the field has 32 bits */
#define MISSES_MAX        64          /* segments in a row without a header: no longer looked at; */
#define MISSES_FIRST       6          /* and when joined, before so many messages fitted: */
#define SETTLED            8

/* A message in the middle of a stream: an audio frame, not later than so. */
#define JOIN_STEP_MS_MAX  1000
#define JOIN_LENGTH_MAX   700         /* bytes: SPEECH_SIZE_MAX */
#define TAG_FORM          3           /* of an audio tag: 16 bit, stereo (E.4.2.1) */
#define TAG_MONO_16       2
#define JOIN_CSID_MIN     4           /* what players and servers use for audio: 4 to 8 */
#define JOIN_CSID_MAX     8

struct header {
	uint32_t format, id, time, length, type, stream, size; /* size: bytes of the header */
	bool extended;
};

/* --- codecs --- */

static const struct { const char *name; enum rtmp_codec kind; } codecs[16] = {
	[0] = { "linear audio", RTMP_CODEC_UNKNOWN }, [1] = { "ADPCM", RTMP_CODEC_UNKNOWN }, [2] = { "MP3", RTMP_CODEC_MUSIC },
	[3] = { "linear audio", RTMP_CODEC_UNKNOWN }, [4] = { "Nellymoser", RTMP_CODEC_TELEPHONE },
	[5] = { "Nellymoser", RTMP_CODEC_TELEPHONE }, [6] = { "Nellymoser", RTMP_CODEC_TELEPHONE },
	[7] = { "G.711", RTMP_CODEC_TELEPHONE }, [8] = { "G.711", RTMP_CODEC_TELEPHONE }, [10] = { "AAC", RTMP_CODEC_MUSIC },
	[11] = { "Speex", RTMP_CODEC_TELEPHONE }, [14] = { "MP3", RTMP_CODEC_MUSIC },
};

enum rtmp_codec rtmp_codec(uint8_t tag)
{
	return codecs[tag >> 4].kind;
}

const char *rtmp_codec_name(uint8_t tag)
{
	return codecs[tag >> 4].name == NULL ? "audio" : codecs[tag >> 4].name;
}

/* --- headers --- */

/* Basic header and message header (5.3.1); false when there are not enough bytes. */
static bool header_read(const struct rtmp_chunks *c, const uint8_t *data, uint32_t len, struct header *h)
{
	struct cursor cur = cur_open(data, len);
	uint8_t first = cur_u8(&cur);

	*h = (struct header){ .format = first >> 6, .id = first & 0x3f };
	if (h->id == 0)
		h->id = 64u + cur_u8(&cur);
	else if (h->id == 1)
		h->id = 64u + cur_u8(&cur) + 256u * cur_u8(&cur);
	if (h->format < 3)
		h->time = cur_u24(&cur);
	if (h->format < 2) {
		h->length = cur_u24(&cur);
		h->type = cur_u8(&cur);
	}
	if (h->format == 0)
		h->stream = __builtin_bswap32(cur_u32(&cur));
	h->extended = h->time == STAMP_EXTENDED;
	for (unsigned i = 0; h->format == 3 && i < RTMP_CHANNELS; i++)
		if (c->channel[i].known && c->channel[i].id == h->id)
			h->extended = c->channel[i].extended;
	if (h->extended)
		h->time = cur_u32(&cur);
	h->size = (uint32_t)(cur.p - data);
	return !cur.bad;
}

static bool type_exists(uint32_t type)
{
	/* 5.4: 1 to 6; 7.1: 8, 9, 15 to 20, 22 */
	return type <= 22 && (0x5f837eu >> type & 1) != 0;
}

static struct rtmp_channel *channel_find(struct rtmp_chunks *c, uint32_t id)
{
	for (unsigned i = 0; i < RTMP_CHANNELS; i++)
		if (c->channel[i].known && c->channel[i].id == id)
			return &c->channel[i];
	return NULL;
}

/* A place for a channel that was not seen yet: of all that are idle the last. */
static struct rtmp_channel *channel_new(struct rtmp_chunks *c, uint32_t id)
{
	struct rtmp_channel *to = NULL;

	for (unsigned i = 0; i < RTMP_CHANNELS; i++)
		if (!c->channel[i].known || (c->channel[i].left == 0 && (to == NULL || to->known)))
			to = &c->channel[i];
	if (to != NULL)
		*to = (struct rtmp_channel){ .id = (uint16_t)id };
	return to;
}

/* The message a header begins; false when it can be none. */
static bool message_begin(struct rtmp_channel *ch, const struct header *h)
{
	if (h->format < 2) {
		if (!type_exists(h->type) || h->length == 0)
			return false;
		ch->length = h->length & CHUNK_SIZE_MAX;
		ch->type = h->type & 0xff;
	} else if (!ch->known) {
		return false;
	}
	if (h->format == 0) {
		if (h->stream > STREAM_ID_MAX)
			return false;
		ch->stream = h->stream;
	}
	if (h->format < 3) {
		ch->extended = h->extended;
		ch->step_ms = h->format == 0 ? 0 : h->time;
		ch->timed = true;
	}
	ch->left = ch->length;
	ch->known = true;
	return true;
}

/* --- the middle of a stream --- */

/*
 * A header of a message that ends where the segment does. The longer headers tell
 * its length themselves. Those of 4 bytes and of 1 (the same length as before, the
 * same difference too) leave the tag of a telephone codec, mono and of 16 bit, and
 * what comes next must agree.
 */
static enum rtmp_join joins(const struct header *h, const uint8_t *data, uint32_t len)
{
	uint32_t body = len - h->size;
	uint8_t tag;

	if (h->id < JOIN_CSID_MIN || h->id > JOIN_CSID_MAX || h->extended || body > JOIN_LENGTH_MAX)
		return RTMP_JOIN_NO;
	if (h->format != 0 && h->time > JOIN_STEP_MS_MAX)
		return RTMP_JOIN_NO;
	if (h->format < 2 && (h->type != RTMP_AUDIO || h->stream > STREAM_ID_MAX || h->length > JOIN_LENGTH_MAX))
		return RTMP_JOIN_NO;
	if (body == 0)
		return RTMP_JOIN_MORE; /* some write the header by itself */
	tag = data[h->size];
	if (h->format < 2 && h->length == body && rtmp_codec(tag) == RTMP_CODEC_MUSIC)
		return RTMP_JOIN_YES;
	return (h->format >= 2 || h->length == body) && rtmp_codec(tag) == RTMP_CODEC_TELEPHONE && (tag & TAG_FORM) == TAG_MONO_16
	    ? RTMP_JOIN_YES : RTMP_JOIN_NO;
}

enum rtmp_join rtmp_may_join(const uint8_t *data, uint32_t len)
{
	static const struct rtmp_chunks none;
	struct header h;

	return header_read(&none, data, len, &h) ? joins(&h, data, len) : RTMP_JOIN_NO;
}

void rtmp_join(struct rtmp_chunks *c)
{
	c->joined = c->searching = true;
}

bool rtmp_lost(const struct rtmp_chunks *c)
{
	return c->misses >= (c->joined && c->settled < SETTLED ? MISSES_FIRST : MISSES_MAX);
}

/* What is on the way is given up; what the channels carried last stays known. */
static void lose(struct rtmp_chunks *c)
{
	for (unsigned i = 0; i < RTMP_CHANNELS; i++)
		c->channel[i].left = 0;
	c->body = 0;
	c->collecting = 0;
	c->searching = true;
	c->misses += c->misses < MISSES_MAX;
}

/* --- reading --- */

static uint32_t chunk_size(const struct rtmp_chunks *c)
{
	return c->chunk_size != 0 ? c->chunk_size : c->joined ? CHUNK_SIZE_MAX : RTMP_CHUNK_SIZE;
}

static bool is_collected(uint32_t type)
{
	return type == RTMP_COMMAND || type == RTMP_COMMAND_AMF3 || type == RTMP_SET_CHUNK_SIZE;
}

/* The channel a header belongs to, with the message it begins or goes on with; NULL when it makes no sense. */
static struct rtmp_channel *take_header(struct rtmp_chunks *c, const struct header *h, const uint8_t *data, uint32_t len)
{
	struct rtmp_channel *ch = channel_find(c, h->id);

	if (c->searching && joins(h, data, len) != RTMP_JOIN_YES)
		return NULL;
	if (h->format == 3 && ch != NULL && ch->left > 0)
		return ch;
	if (ch == NULL && (ch = channel_new(c, h->id)) == NULL)
		return NULL;
	if (c->searching && h->format >= 2) { /* its length is what the segment has */
		ch->length = (len - h->size) & CHUNK_SIZE_MAX;
		ch->type = RTMP_AUDIO;
		ch->known = true;
	}
	return message_begin(ch, h) ? ch : NULL;
}

static void collected(struct rtmp_chunks *c, const struct rtmp_channel *ch, rtmp_message_fn *fn, void *arg)
{
	struct cursor cur = cur_open(c->command, c->n_command);
	struct rtmp_message m = { .type = (uint8_t)ch->type, .stream = ch->stream, .length = ch->length,
		.data = c->command, .n = c->n_command };
	uint32_t size;

	c->collecting = 0;
	if (ch->type != RTMP_SET_CHUNK_SIZE) {
		fn(arg, &m);
		return;
	}
	size = cur_u32(&cur) & INT32_MAX; /* the highest bit is 0 (5.4.1) */
	if (size != 0)
		c->chunk_size = size < CHUNK_SIZE_MAX ? size : CHUNK_SIZE_MAX;
}

/* Copies what is there of a message that is collected. */
static void collect(struct rtmp_chunks *c, const struct rtmp_channel *ch, const uint8_t *data, uint32_t n)
{
	uint32_t room = RTMP_COMMAND_MAX - (uint32_t)c->n_command;

	if (ch->left == ch->length) {
		c->collecting = (uint8_t)(c->at + 1);
		c->n_command = 0;
		room = RTMP_COMMAND_MAX;
	}
	n = n < room ? n : room;
	if (c->collecting != c->at + 1)
		return;
	memcpy(c->command + c->n_command, data, n);
	c->n_command = (uint8_t)(c->n_command + n);
}

static uint32_t body(struct rtmp_chunks *c, const uint8_t *data, uint32_t len, rtmp_message_fn *fn, void *arg)
{
	struct rtmp_channel *ch = &c->channel[c->at];
	uint32_t n = len < c->body ? len : c->body;

	if (is_collected(ch->type)) {
		collect(c, ch, data, n);
	} else if (ch->left == ch->length) {
		struct rtmp_message m = { .type = (uint8_t)ch->type, .stream = ch->stream, .length = ch->length,
			.step_ms = ch->step_ms, .timed = ch->timed, .data = data, .n = n };

		c->misses = 0;
		c->settled += c->settled < SETTLED;
		fn(arg, &m);
	}
	c->body -= n;
	ch->left -= n;
	if (ch->left == 0 && c->collecting == c->at + 1)
		collected(c, ch, fn, arg);
	return n;
}

uint32_t rtmp_read(struct rtmp_chunks *c, const uint8_t *data, uint32_t len, rtmp_message_fn *fn, void *arg)
{
	uint32_t used = 0;

	while (used < len) {
		struct rtmp_channel *ch;
		struct header h;

		if (c->body > 0) {
			used += body(c, data + used, len - used, fn, arg);
			continue;
		}
		if (!header_read(c, data + used, len - used, &h)) {
			if (!c->searching)
				break;
			lose(c);
			return len;
		}
		if (c->searching && joins(&h, data + used, len - used) == RTMP_JOIN_MORE)
			break;
		ch = take_header(c, &h, data + used, len - used);
		if (ch == NULL) {
			lose(c);
			return len;
		}
		c->searching = false;
		c->at = (uint8_t)(ch - c->channel);
		c->body = ch->left < chunk_size(c) ? ch->left : chunk_size(c);
		used += h.size;
	}
	return used;
}

/* --- commands --- */

#define AMF_NUMBER  0
#define AMF_STRING  2
#define AMF_NULL    5

static const uint8_t *amf_string(struct cursor *c, uint32_t *n)
{
	*n = cur_u8(c) == AMF_STRING ? cur_u16(c) : 0;
	return cur_take(c, *n);
}

static bool string_is(const uint8_t *s, uint32_t n, const char *text)
{
	return s != NULL && n == strlen(text) && memcmp(s, text, n) == 0;
}

/* Whether the information object of a status holds this code (7.2.2); it stands in its first bytes. */
static bool status_is(const struct cursor *c, const char *code)
{
	return memmem(c->p, cur_left(c), code, strlen(code)) != NULL;
}

static enum rtmp_verb verb_of(const uint8_t *s, uint32_t n, const struct cursor *rest)
{
	static const struct { const char *text; enum rtmp_verb verb; } verbs[] = {
		{ "connect", RTMP_VERB_CONNECT }, { "publish", RTMP_VERB_PUBLISH }, { "play", RTMP_VERB_PLAY },
	};

	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (string_is(s, n, verbs[i].text))
			return verbs[i].verb;
	if (!string_is(s, n, "onStatus"))
		return RTMP_VERB_OTHER;
	return status_is(rest, "NetStream.Publish.Start") ? RTMP_VERB_PUBLISHED
	    : status_is(rest, "NetStream.Play.Start") ? RTMP_VERB_PLAYED : RTMP_VERB_OTHER;
}

struct rtmp_command rtmp_command(const struct rtmp_message *m)
{
	/* A command of AMF 3 begins with a byte of format, 0: what follows is AMF 0. */
	uint32_t skip = m->type == RTMP_COMMAND_AMF3 && m->n > 0 ? 1 : 0;
	struct cursor c = cur_open(m->data + skip, m->n - skip);
	struct rtmp_command out = { .verb = RTMP_VERB_OTHER };
	const uint8_t *end;
	uint32_t n;
	const uint8_t *verb = amf_string(&c, &n);

	if (c.bad || cur_u8(&c) != AMF_NUMBER)
		return out;
	cur_skip(&c, 8);
	out.verb = verb_of(verb, n, &c);
	if ((out.verb != RTMP_VERB_PUBLISH && out.verb != RTMP_VERB_PLAY) || cur_u8(&c) != AMF_NULL)
		return out;
	out.name = amf_string(&c, &out.n_name);
	if (out.name == NULL)
		out.n_name = 0;
	else if ((end = memchr(out.name, '?', out.n_name)) != NULL)
		out.n_name = (uint32_t)(end - out.name);
	return out;
}
