/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SRT (draft-sharabayko-srt-01): live sound and pictures over UDP, mostly from a
 * studio to a server. That is streaming; live data both ways in one connection
 * are a conversation as likely as not. What it carries unencrypted is shown to
 * the other rows: RTP inside is weighed as RTP.
 */
#include "detect/rows.h"

#include "base/clock.h"
#include "base/cursor.h"
#include "base/saturate.h"

const struct byte_range srt_bytes[] = { { 0x00, 0x80 }, { 1, 0 } };

#define HEADER_LEN 16 /* draft, 3: four words, of which the last is the socket of who receives */

/* First word of a control packet (3.2): control bit, type, no subtype. */
#define IS_CONTROL    0x80000000u
#define HANDSHAKE     0x80000000u
#define ACK           0x80020000u
#define FULL_ACK_LEN  (HEADER_LEN + 28) /* 3.2.4: seven words; UDT, of which SRT was made, sends six */

/* Second word of a data packet (3.1). */
#define POSITION_SOLO 3u          /* of the two top bits: the message begins and ends here */
#define IS_ENCRYPTED  0x18000000u /* KK: by an even or an odd key */
#define SENT_AGAIN    0x04000000u /* R */
#define NUMBER        0x03ffffffu /* of the message; 0 is error correction */

/* Handshake (3.2.1). */
#define VERSION_MIN        4u     /* of who asks first; the answer and all that follows say 5 */
#define VERSION_NOW        5u
#define EXTENSION_MAGIC    0x4a17u /* 4.3.1.1: the answer to the first question */
#define TYPE_INDUCTION     1u
#define TYPE_MIN           0xfffffffdu /* DONE, AGREEMENT, CONCLUSION; and 0, 1 */
#define EXTENSION_REQUEST  1u     /* HSREQ and HSRSP, 3.2.1.1: who I am and what I can */
#define EXTENSION_RESPONSE 2u
#define EXTENSION_WORDS    3u
#define FLAGS_TIMED        0x03u  /* TSBPDSND, TSBPDRCV: each message is handed on at its time, live */
#define FLAG_STREAM        0x40u  /* bytes in order, as a file */

/*
 * A handshake repeats the number of the socket it answers (32 bits drawn), has
 * six fields of which few values are used, and either the magic of 16 bits or
 * an extension of just its length; counted well below that, since UDT has the
 * same form but for the latter.
 */
#define BITS_FORM      8.0f
#define BITS_SOCKET   24.0f
#define BITS_MAGIC    12.0f
#define BITS_ACKED     8.0f  /* joined midway: an acknowledgement names the sequence number (31 bits) after the other end's last */
#define ACKS_COUNTED   3
#define ACK_WINDOW  8192u    /* packets that may be under way; libsrt's largest, unless told otherwise */
/*
 * Live both ways is what an interview or an intercom is, and what a camera with
 * its return picture is too: an even guess beside the base rate, reported, and
 * acted on where another row hears speech in it.
 */
#define BITS_BOTH_WAYS 12.0f
#define BOTH_NS   (4 * NS_PER_S) /* who sends in such a window, sends live: */
#define BOTH_PACKETS   12    /* 32 kbit/s of MPEG-TS in full packets of 1,316 bytes; what only tells of a state sends less */

enum mode { MODE_UNKNOWN, MODE_LIVE, MODE_FILE };

struct srt_state {
	uint32_t socket[2];      /* each end's own, as it named it or the other end writes to it; 0 not known */
	uint32_t sent[2];        /* last sequence number of each end's data */
	uint64_t window_ns;      /* when the window began, and in it */
	uint8_t data[2];         /* packets of data each end sent, new ones */
	bool both;               /* both sent live once */
	uint8_t acks;            /* that named the other end's next number */
	bool answered, srt;      /* a handshake named the other end's socket; it was SRT's and not UDT's */
	bool has_sent[2];
	bool said;               /* a handshake said the mode; else the packets show it */
	uint8_t mode;            /* enum mode */
	uint8_t told;            /* enum voip_class of the evidence given */
};

static float proof_bits(const struct srt_state *s)
{
	float handshake = s->answered && s->srt ? BITS_FORM + BITS_SOCKET + BITS_MAGIC : 0;

	return handshake > 0 || s->acks < ACKS_COUNTED ? handshake : BITS_ACKED * ACKS_COUNTED;
}

static void tell(struct look *l, struct srt_state *s)
{
	float bits = proof_bits(s);
	bool live = s->mode == MODE_LIVE;
	enum voip_class cls = !live ? CLASS_CONTROL : s->both ? CLASS_MEDIA : CLASS_STREAMING;

	if (bits <= 0 || s->mode == MODE_UNKNOWN || cls == s->told)
		return;
	s->told = (uint8_t)cls;
	if (cls == CLASS_MEDIA)
		detect_evidence(l, cls, APP_SRT, BITS_BOTH_WAYS, "SRT, live both ways", 0, 0);
	else
		detect_evidence(l, cls, APP_SRT, bits, live ? "SRT, live" : "SRT, not live", 0, 0);
}

/* The extension every handshake of SRT ends the introductions with: says whether this is live. */
static void take_extension(struct srt_state *s, struct cursor c)
{
	uint16_t type = cur_u16(&c), words = cur_u16(&c);
	uint32_t flags;

	cur_skip(&c, 4); /* version of the library */
	flags = cur_u32(&c);
	if (c.bad || (type != EXTENSION_REQUEST && type != EXTENSION_RESPONSE) || words != EXTENSION_WORDS)
		return;
	s->srt = s->said = true;
	s->mode = (flags & FLAGS_TIMED) != 0 && (flags & FLAG_STREAM) == 0 ? MODE_LIVE : MODE_FILE;
}

static enum look_result look_handshake(struct look *l, uint32_t to, struct cursor c)
{
	uint32_t version = cur_u32(&c), extension, type, socket;
	struct srt_state *s;

	extension = cur_u32(&c) & 0xffff;
	cur_skip(&c, 12); /* first sequence number, largest packet, window */
	type = cur_u32(&c);
	socket = cur_u32(&c);
	cur_skip(&c, 20); /* cookie, address */
	if (c.bad || version < VERSION_MIN || version > VERSION_NOW || socket == 0 || (type > TYPE_INDUCTION && type < TYPE_MIN))
		return LOOK_MAYBE;
	s = detect_state(l, sizeof *s);
	if (s == NULL)
		return LOOK_MAYBE;
	s->socket[l->dir] = socket;
	s->answered |= to != 0 && to == s->socket[!l->dir];
	if (version == VERSION_NOW && type == TYPE_INDUCTION)
		s->srt |= extension == EXTENSION_MAGIC;
	else if (version == VERSION_NOW)
		take_extension(s, c);
	return LOOK_YES;
}

/* Whether a packet goes to the socket of this connection. */
static bool is_ours(struct srt_state *s, uint8_t dir, uint32_t to)
{
	if (s->socket[!dir] == 0)
		s->socket[!dir] = to;
	return s->socket[!dir] == to;
}

/* The number an end wants next lies just after what the other end has sent. */
static enum look_result look_ack(struct look *l, uint32_t to, struct cursor c)
{
	struct srt_state *s = detect_state_find(l);
	uint32_t next = cur_u32(&c), behind;

	if (l->wire != FULL_ACK_LEN || (s == NULL && (s = detect_state(l, sizeof *s)) == NULL))
		return LOOK_MAYBE;
	behind = (s->sent[!l->dir] + 1 - next) & ~IS_CONTROL;
	if (!is_ours(s, l->dir, to) || !s->has_sent[!l->dir] || behind >= ACK_WINDOW)
		return LOOK_MAYBE;
	saturate_up(&s->acks);
	return LOOK_YES;
}

static void count_data(struct look *l, struct srt_state *s)
{
	uint64_t now = l->pkt->frame->mono_ns;

	if (now - s->window_ns > BOTH_NS) {
		s->window_ns = now;
		s->data[0] = s->data[1] = 0;
	}
	saturate_up(&s->data[l->dir]);
	s->both |= s->data[0] >= BOTH_PACKETS && s->data[1] >= BOTH_PACKETS;
}

/* What is inside; a packet of media whether a row knows it or not. */
static void show_inside(struct look *l, bool encrypted)
{
	const struct watch *w = l->flow->watch;
	uint32_t before = w->media_packets;

	if (!encrypted && l->len > HEADER_LEN)
		detect_inner(l, l->data + HEADER_LEN, l->len - HEADER_LEN, l->wire - HEADER_LEN);
	if (w->media_packets == before)
		detect_media_packet(l, l->pkt->frame->mono_ns);
}

static enum look_result look_data(struct look *l, uint32_t sequence, uint32_t message, uint32_t to)
{
	struct srt_state *s = detect_state_find(l);

	if (s == NULL || !is_ours(s, l->dir, to))
		return LOOK_MAYBE; /* an acknowledgement or a handshake comes first */
	s->sent[l->dir] = sequence;
	s->has_sent[l->dir] = true;
	if ((message & SENT_AGAIN) != 0 || (message & NUMBER) == 0)
		return LOOK_MAYBE;
	count_data(l, s);
	if (!s->said && s->mode != MODE_FILE) /* joined midway: files come in messages of many packets */
		s->mode = message >> 30 == POSITION_SOLO ? MODE_LIVE : MODE_FILE;
	tell(l, s);
	if (s->told == CLASS_NONE)
		return LOOK_MAYBE;
	l->wrapper = true;
	if (s->told < CLASS_STREAMING)
		return LOOK_MAYBE;
	show_inside(l, (message & IS_ENCRYPTED) != 0);
	return LOOK_YES;
}

enum look_result srt_look(struct look *l)
{
	struct cursor c = cur_open(l->data, l->len);
	uint32_t first = cur_u32(&c), second = cur_u32(&c), to;
	enum look_result result;
	struct srt_state *s;

	cur_skip(&c, 4); /* time since the connection began, microseconds */
	to = cur_u32(&c);
	if (c.bad || l->depth != 0)
		return LOOK_MAYBE;
	if ((first & IS_CONTROL) == 0)
		return look_data(l, first, second, to);
	if (first == HANDSHAKE && second == 0)
		result = look_handshake(l, to, c);
	else
		result = first == ACK ? look_ack(l, to, c) : LOOK_MAYBE;
	s = detect_state_find(l);
	if (s == NULL)
		return result;
	tell(l, s);
	l->wrapper |= s->told != CLASS_NONE && is_ours(s, l->dir, to);
	return result;
}
