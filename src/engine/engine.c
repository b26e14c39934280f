/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/state.h"

#include "base/clock.h"
#include "base/log.h"
#include "detect/ndpi.h"
#include "detect/skype_host.h"

/* --- flows --- */

/*
 * What a flow is worth under pressure. Signalling counts once both ends spoke: a
 * forged INVITE has no answer, and many of them must not crowd out calls.
 */
static enum flow_worth worth_of(const struct flow *f)
{
	bool both = f->dir[0].packets != 0 && f->dir[1].packets != 0;
	const struct watch *w = f->watch;

	if (f->action > ACTION_ALERT || (w != NULL && (w->cls == CLASS_MEDIA || (w->cls == CLASS_SIGNALLING && both))))
		return WORTH_CALL;
	return w != NULL ? WORTH_WATCHED : (enum flow_worth)f->worth;
}

static const struct fate pass = { 0 };

/* What a sample of a cleared flow may change. */
struct glimpse { struct flow_probe probe; uint32_t media_packets; };
#define GLIMPSE_PAYLOADS 8 /* three packets hold two of one end; the others leave room for what is not media among them */

static struct glimpse glimpse_of(const struct flow *f, int dir)
{
	return (struct glimpse){ f->probe[dir], f->watch == NULL ? 0 : f->watch->media_packets };
}

/*
 * Samples see no two packets in a row. But two of one RTP source have 32 bits in
 * common that do not come by chance, with different numbers; when the numbers
 * are close, the RTP row took them for its own. A flow known as media is not news.
 */
static bool is_news(const struct flow *f, int dir, const struct glimpse *before)
{
	const struct flow_probe *now = &f->probe[dir];

	if (f->watch != NULL && f->watch->dirty)
		return true;
	if (f->watch != NULL && f->watch->cls == CLASS_MEDIA)
		return false;
	return (f->watch != NULL && f->watch->media_packets != before->media_packets) ||
	    (now->ssrc != 0 && now->ssrc == before->probe.ssrc && now->seq != before->probe.seq);
}

/* A cleared flow that looks at a sample as if something began on it is watched again. */
static void look_closer(struct flow *f)
{
	f->looked_at = f->dir[0].payloads + f->dir[1].payloads;
	f->flags &= ~(uint32_t)FLOW_FINAL;
}

static void ask_ndpi(struct engine *e, struct flow *f, int dir, const struct packet *pkt)
{
	if ((f->watch != NULL || e->asks_all_names) && e->conf.ndpi != NDPI_OFF && !(f->flags & FLOW_NDPI_DONE))
		opinion_ask(e, f, dir, pkt);
}

static void look_at(struct engine *e, struct flow *f, int dir, const struct packet *pkt)
{
	detect_packet(&e->env, f, dir, pkt);
	ask_ndpi(e, f, dir, pkt);
}

/*
 * Something that might have been media makes the next packets wanted too, before
 * the kernel is told again to pass the flow: two of one end, side by side, tell.
 * But not again at the last of them, or what is random would never be passed.
 */
static void look_further(struct flow *f)
{
	uint32_t payloads = f->dir[0].payloads + f->dir[1].payloads;

	if (payloads - f->looked_at > CLEAR_PAYLOADS)
		f->looked_at = payloads - CLEAR_PAYLOADS + GLIMPSE_PAYLOADS;
}

static bool is_doubtful(const struct flow *f, int dir, const struct glimpse *before)
{
	const struct flow_probe *now = &f->probe[dir], *was = &before->probe;

	return now->ssrc != was->ssrc || now->ts != was->ts || now->seq != was->seq;
}

/* A sample of a flow that the kernel passes unasked; true when it is to be watched again. */
static bool look_at_sample(struct engine *e, struct flow *f, int dir, const struct packet *pkt)
{
	struct glimpse before = glimpse_of(f, dir);

	detect_sample(&e->env, f, dir, pkt);
	ask_ndpi(e, f, dir, pkt);
	if (is_news(f, dir, &before)) {
		look_closer(f);
		return true;
	}
	if (is_doubtful(f, dir, &before))
		look_further(f);
	return false;
}

static void weigh(struct engine *e, struct flow *f, int dir, const struct packet *pkt)
{
	if (f->watch->dirty)
		decide_again(e, f);
	if (f->watch->app == APP_SKYPE)
		roles_look(e, f, dir, pkt);
}

static struct fate take_packet(struct engine *e, const struct packet *pkt, const struct flow_seek *seek)
{
	struct flow *f = flow_take(e->table, pkt, seek, &e->counts);
	struct fate fate = pass;
	int dir = seek->dir;

	if (f == NULL)
		return pass;
	if (e->asks_undecided && !(f->flags & FLOW_JUDGED))
		decide_first(e, f);
	if (f->flags & FLOW_FINAL && f->action <= ACTION_ALERT)
		fate.watch = look_at_sample(e, f, dir, pkt);
	else
		look_at(e, f, dir, pkt);
	if (f->watch != NULL)
		weigh(e, f, dir, pkt);
	if (f->watch != NULL || f->action > ACTION_ALERT)
		flow_set_worth(e->table, f, worth_of(f));
	if (e->conf.enforce)
		enforce(e, f, dir, pkt, &fate);
	if (e->conf.on_look != NULL)
		e->conf.on_look(e->conf.arg, f, dir, pkt);
	return fate;
}

/* --- time --- */

/* Stamps may not step back. */
static void hold_back(struct engine *e, struct frame *frame)
{
	if (frame->mono_ns < e->came_mono_ns) {
		count(&e->counts, COUNT_TIME_BACK);
		frame->mono_ns = e->came_mono_ns;
	}
	if (frame->wall_ns < e->came_wall_ns)
		frame->wall_ns = e->came_wall_ns;
	e->came_mono_ns = frame->mono_ns;
	e->came_wall_ns = frame->wall_ns;
}

static void turn_tick(struct engine *e, const struct frame *frame)
{
	e->number = 0;
	flow_table_advance(e->table, frame->mono_ns);
	frags_expire(e->frags, frame->mono_ns, &e->counts);
	e->mono_ns = frame->mono_ns;
	e->wall_ns = frame->wall_ns;
	e->next_tick_ns = (frame->mono_ns / TICK_NS + 1) * TICK_NS;
	emit_plain(e, EVENT_TICK);
	if (e->roles_seen != roles_changes(e->roles))
		decide_roles(e);
}

/* Brings deadlines and calendars up to the stamps of a frame or tick. */
static void advance(struct engine *e, const struct frame *frame)
{
	if (frame->mono_ns >= e->next_tick_ns)
		turn_tick(e, frame);
	e->mono_ns = frame->mono_ns;
	e->wall_ns = frame->wall_ns;
	if (e->wall_ns >= e->rules_change_ns) {
		decide_all(e);
		e->rules_change_ns = policy_next_change(e->policy, e->wall_ns);
	}
}

static void end_epoch(struct engine *e)
{
	if (!e->epoch_open)
		return;
	e->number = 0;
	flow_table_flush(e->table, FLOW_END_SHUTDOWN);
	if (e->conf.facts == NULL)
		facts_clear(e->facts);
	if (e->conf.skype == NULL) {
		emit_hosts(e);
		skype_hosts_clear(e->env.skype);
	}
	if (e->conf.roles == NULL)
		roles_clear(e->roles);
	emit_plain(e, EVENT_EPOCH);
	e->epoch_open = false;
}

static void start(struct engine *e)
{
	if (!e->started)
		emit_plain(e, EVENT_START);
	e->started = true;
}

static void begin_epoch(struct engine *e, const struct frame *frame)
{
	if (e->epoch_open)
		return;
	e->mono_ns = e->came_mono_ns = frame->mono_ns;
	e->wall_ns = e->came_wall_ns = frame->wall_ns;
	e->next_tick_ns = 0;
	e->rules_change_ns = policy_next_change(e->policy, frame->wall_ns);
	e->file_name = e->source == NULL ? NULL : e->source->file_name;
	e->epoch_open = true;
	start(e);
}

/* A frame came: all that depends on nothing but it and its fragments. */
static void arrive(struct engine *e, struct arrival *a)
{
	begin_epoch(e, &a->frame);
	hold_back(e, &a->frame);
	count(&e->counts, COUNT_PACKETS);
	count_add(&e->counts, COUNT_BYTES, a->frame.len);
	a->decoded = packet_decode(&a->frame, e->frags, &e->counts, &a->pkt) == DECODE_OK;
	if (a->decoded)
		flow_seek(e->table, &a->pkt, &a->seek);
}

/* Its turn has come. */
static struct fate take(struct engine *e, const struct arrival *a)
{
	advance(e, &a->frame);
	e->number = a->frame.number;
	return a->decoded ? take_packet(e, &a->pkt, &a->seek) : pass; /* undecodable: pass, counted */
}

struct fate engine_packet(struct engine *e, const struct frame *frame)
{
	struct arrival *a = &e->arrivals[0];

	a->frame = *frame;
	arrive(e, a);
	return take(e, a);
}

void engine_tick(struct engine *e, struct frame *frame)
{
	begin_epoch(e, frame);
	hold_back(e, frame);
	count(&e->counts, COUNT_TICKS);
	advance(e, frame);
}

void engine_set_policy(struct engine *e, const struct policy *policy)
{
	e->policy = policy;
	engine_ask(e);
	e->rules_change_ns = policy_next_change(policy, e->wall_ns);
	decide_all(e);
}

void engine_begin(struct engine *e, struct source *source)
{
	e->source = source;
	e->started = false;
}

void engine_end(struct engine *e)
{
	start(e);
	end_epoch(e);
	emit_plain(e, EVENT_STOP);
	e->source = NULL;
}

/* What the source has at once, at most ARRIVALS_MAX; tells in *n how many frames came before what it returns. */
static enum source_next gather(struct engine *e, struct source *source, unsigned *n)
{
	enum source_next next;

	for (*n = 0; *n < ARRIVALS_MAX; ) {
		struct arrival *a = &e->arrivals[*n];

		next = source_next(source, &a->frame);
		if (next != SOURCE_FRAME)
			return next;
		arrive(e, a);
		++*n;
		if (!source->more || (a->decoded && a->pkt.flags & PACKET_JOINED)) /* the next one may be joined in its place */
			break;
	}
	return SOURCE_FRAME;
}

/* The flow has come into the cache by now; its evidence lies elsewhere. */
static void prefetch_watch(const struct arrival *a)
{
	if (a->decoded && a->expected != NULL)
		__builtin_prefetch(a->expected->watch, 1);
}

static void prefetch_arrival(struct engine *e, unsigned i, unsigned n)
{
	if (i < n && e->arrivals[i].decoded)
		e->arrivals[i].expected = flow_prefetch(e->table, &e->arrivals[i].seek);
	if (i >= WATCH_AHEAD && i - WATCH_AHEAD < n)
		prefetch_watch(&e->arrivals[i - WATCH_AHEAD]);
}

static void take_all(struct engine *e, unsigned n)
{
	for (unsigned i = 0; i < PREFETCH_AHEAD; i++)
		prefetch_arrival(e, i, n);
	for (unsigned i = 0; i < n; i++) {
		prefetch_arrival(e, i + PREFETCH_AHEAD, n);
		(void)take(e, &e->arrivals[i]);
	}
}

unsigned engine_run(struct engine *e, struct source *source, const volatile int *stop)
{
	enum source_next next = SOURCE_FRAME;
	unsigned errors = 0, n;

	engine_begin(e, source);
	while (next != SOURCE_END && (stop == NULL || !*stop)) {
		next = gather(e, source, &n);
		take_all(e, n);
		if (next == SOURCE_TICK)
			engine_tick(e, &e->arrivals[n].frame);
		else if (next == SOURCE_EPOCH)
			end_epoch(e);
		else if (next == SOURCE_ERROR)
			log_warnx("source", "%s", source->error), errors++;
	}
	engine_end(e);
	return errors;
}
