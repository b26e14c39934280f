/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/rtmp_talk.h"

#include <netinet/in.h>

#include "base/hash.h"
#include "base/saturate.h"

/*
 * Of connections over RTMP on which audio goes both ways at once few are no
 * conversation: relays between servers, and transcoders, which carry music codecs.
 * Judgement, not measurement; the bits of two names and of codecs say which it is.
 */
#define BITS_BOTH_WAYS  10.0f
#define BITS_ASKED       8.0f /* one end of the connection is all we see: audio there, and the other way asked for */
#define BITS_TELEPHONE   3.0f /* each way: Speex, Nellymoser, G.711: nobody broadcasts in telephone quality */
#define BITS_MUSIC     (-6.0f) /* each way: AAC, MP3 */
#define BITS_LIVE        2.0f /* each way: stamps keep real time; a file comes faster */
#define BITS_NAMES       4.0f /* what is published and what is played have two names */

#define FACT_NS         RTMP_SILENCE_NS
#define MARK_ONE_IN       4
#define MARK_BYTES       48   /* of a frame at most; */
#define MARK_BYTES_MIN   12   /* shorter ones are silence: Speex at 5 kbit/s */
#define ECHO_MIN          3   /* frames that came back; or that did not */
#define ASKED_NS       (120 * NS_PER_S) /* what was asked for is said once */

/* --- names --- */

static struct rtmp_name *named_find(struct rtmp_state *s, int dir, uint32_t stream)
{
	for (unsigned i = 0; i < RTMP_NAMES; i++)
		if (s->named[dir][i].name != 0 && s->named[dir][i].stream == stream)
			return &s->named[dir][i];
	return NULL;
}

/* Some servers give every stream the same id: where there is one name, that is it. */
uint32_t rtmp_name_of(struct rtmp_state *s, int dir, uint32_t stream)
{
	const struct rtmp_name *n = named_find(s, dir, stream);

	return n != NULL ? n->name : s->name_next[dir] == 1 ? s->named[dir][0].name : 0;
}

void rtmp_name_add(struct rtmp_state *s, int dir, uint32_t stream, const struct rtmp_command *c)
{
	struct rtmp_name *n = named_find(s, dir, stream);

	if (c->n_name == 0)
		return;
	if (n == NULL)
		n = &s->named[dir][s->name_next[dir]++ % RTMP_NAMES];
	*n = (struct rtmp_name){ stream, (uint32_t)XXH3_64bits(c->name, c->n_name) | 1 };
}

/* The stream has the name of one that goes the other way. */
bool rtmp_is_own(const struct rtmp_state *s, int dir, uint32_t name)
{
	for (unsigned i = 0; i < RTMP_NAMES; i++)
		if (name != 0 && s->named[!dir][i].name == name)
			return true;
	return false;
}

/* --- frames that come back --- */

static bool mark_known(const struct rtmp_audio *a, uint16_t mark)
{
	for (unsigned i = 0; i < RTMP_MARKS; i++)
		if (a->mark[i] == mark)
			return true;
	return false;
}

static void count_mark(struct rtmp_audio *a, bool came_back)
{
	saturate_up(came_back ? &a->echoed : &a->fresh);
}

void rtmp_look_for_echo(struct rtmp_audio *a, const struct rtmp_audio *other, const struct rtmp_message *m)
{
	uint32_t n = m->length < MARK_BYTES ? m->length : MARK_BYTES;
	uint64_t hash = m->n < n || n < MARK_BYTES_MIN ? 1 : XXH3_64bits(m->data, n);
	uint16_t mark = (uint16_t)(hash >> 32) | 1;

	if (hash % MARK_ONE_IN != 0 || mark == a->mark_last)
		return; /* digital silence is the same at both ends */
	a->mark_last = mark;
	count_mark(a, mark_known(other, mark));
	a->mark[a->at++ % RTMP_MARKS] = mark;
}

static bool is_echo(const struct rtmp_audio *a)
{
	return a->echoed >= ECHO_MIN && a->echoed >= a->fresh;
}

/* --- evidence --- */

/* One way of what may be a conversation. */
struct side {
	bool heard, asked, live;
	enum rtmp_codec codec;
	uint32_t name;
};

static struct side side_of(const struct rtmp_audio *a)
{
	return (struct side){ a->messages >= RTMP_SPEAKS_MIN, a->asked, a->live, rtmp_codec(a->tag), a->name };
}

static float side_bits(const struct side *s)
{
	static const float codec[] = { [RTMP_CODEC_TELEPHONE] = BITS_TELEPHONE, [RTMP_CODEC_MUSIC] = BITS_MUSIC, [RTMP_CODEC_UNKNOWN] = 0 };

	return !s->heard ? 0 : codec[s->codec] + (s->live ? BITS_LIVE : 0);
}

static float conversation(const struct side *a, const struct side *b)
{
	bool named = a->name != 0 && b->name != 0;
	float bits;

	if (!a->heard || !(b->heard || b->asked) || !a->live || (named && a->name == b->name))
		return 0;
	bits = b->heard ? BITS_BOTH_WAYS : BITS_ASKED;
	return bits + side_bits(a) + side_bits(b) + (named ? BITS_NAMES : 0);
}

static void say(struct look *l, struct rtmp_state *s, float bits, const char *why, uint8_t other_tag)
{
	if (bits < REPORT_BITS || bits <= s->said)
		return; /* else it is what it is called already: streaming */
	s->said = bits;
	detect_evidence(l, CLASS_MEDIA, APP_RTMP, bits, why, s->audio[l->dir].tag >> 4, other_tag >> 4);
}

/* None of what comes back was sent: as far as names do not tell, this must be seen first. */
static bool is_new(const struct rtmp_audio *a)
{
	return a->fresh >= ECHO_MIN && !is_echo(a);
}

/* Both ways on this connection; or one, of a connection of which we see one end. */
void rtmp_weigh_here(struct look *l, struct rtmp_state *s)
{
	struct rtmp_audio *to = &s->audio[l->dir], *fro = &s->audio[!l->dir];
	struct side a = side_of(to), b = side_of(fro);
	bool unnamed = a.name == 0 || b.name == 0;

	if (is_echo(to) || is_echo(fro))
		return;
	if (b.heard) {
		if (!unnamed || (is_new(to) && is_new(fro)))
			say(l, s, conversation(&a, &b), unnamed ? "RTMP: live audio both ways at once, none of it come back (FLV codecs {0}, {1})"
			    : "RTMP: live audio both ways at once, under two names (FLV codecs {0}, {1})", fro->tag);
	} else if (!s->seen[!l->dir]) {
		b.name = s->named[!l->dir][0].name; /* of what is not heard: the first that was asked for */
		say(l, s, conversation(&a, &b), "RTMP: one stream is live (FLV codec {0}), another one is asked for; one end alone is seen", 0);
	}
}

/* What a fact says in `call`: the stream's name, the last frame marked, and whether what comes the other way is new. */
struct told { uint32_t name; uint16_t mark; bool new; };

static uint64_t told_pack(struct told t)
{
	return (uint64_t)t.name << 32 | (uint64_t)t.mark << 16 | t.new;
}

static struct told told_unpack(uint64_t call)
{
	return (struct told){ (uint32_t)(call >> 32), (uint16_t)(call >> 16), call & 1 };
}

/* Audio goes from `dir` to the other end, or was asked for (tag 0) and is not seen. */
static void tell(const struct look *l, int dir, struct told what, uint8_t tag, uint64_t ns)
{
	const struct addr *ip = l->pkt->ip;
	uint64_t now = l->pkt->frame->mono_ns;
	struct fact f = { .kind = FACT_AUDIO, .proto = IPPROTO_TCP, .host = ip[dir != l->dir], .remote = ip[dir == l->dir],
		.app = APP_RTMP, .call = told_pack(what), .payload_type = tag, .expires_ns = now + ns };

	(void)facts_add(l->env->facts, &f, now, l->env->counts);
}

/*
 * The other way on another connection of these two. Each looks whether it sent the
 * frames the other tells of: of the own stream watched back one of them did.
 */
void rtmp_weigh_pair(struct look *l, struct rtmp_state *s)
{
	struct rtmp_audio *mine = &s->audio[l->dir], *theirs = &s->audio[!l->dir]; /* `theirs` counts what was told */
	struct side a = side_of(mine), b;
	struct fact f;
	struct told t;

	if (!a.heard || !a.live || a.codec != RTMP_CODEC_TELEPHONE || theirs->messages != 0)
		return;
	tell(l, l->dir, (struct told){ a.name, mine->mark_last, is_new(theirs) }, mine->tag, FACT_NS);
	if (!facts_find(l->env->facts, FACT_AUDIO, &l->pkt->ip[1], &l->pkt->ip[0], 0, IPPROTO_TCP, l->pkt->frame->mono_ns, &f))
		return;
	t = told_unpack(f.call);
	if (t.mark != 0 && t.mark != theirs->mark_last)
		count_mark(theirs, mark_known(mine, t.mark));
	theirs->mark_last = t.mark;
	b = (struct side){ f.payload_type != 0, true, f.payload_type != 0, rtmp_codec(f.payload_type), t.name };
	if (is_echo(theirs) || ((a.name == 0 || b.name == 0) && !(t.new && is_new(theirs))))
		return;
	say(l, s, conversation(&a, &b), b.heard ? "RTMP: live audio the other way over another connection of these two (FLV codecs {0}, {1})"
	    : "RTMP: one stream is live (FLV codec {0}), another one is asked for over another connection of these two", f.payload_type);
}

void rtmp_tell_asked(struct look *l, struct rtmp_state *s, int dir, uint32_t stream)
{
	tell(l, dir, (struct told){ rtmp_name_of(s, dir, stream), 0, false }, 0, ASKED_NS);
}
