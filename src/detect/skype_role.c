/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/skype_role.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "detect/alike.h"

#define WINDOW_NS       (ALIKE_WINDOW_MS * NS_PER_MS)
#define WINDOWS         ALIKE_WINDOWS
#define CHECK_WINDOWS   40     /* how often what came in is held against what went out: every 4.8 s */
#define TALKERS         8      /* peers with most bytes that are followed */
#define TALKER_BYTES    2048   /* in all windows; who has less makes room */
#define PEERS           64     /* strangers remembered */
#define LIFE_S          600    /* a role that nothing confirms ends; a stranger counts as long */
#define MINUTE_S        60     /* over which signalling is measured */

/* Signalling with one client: 1 kbit/s for ten minutes is what few exceed (Rossi 2008: 95 % stay below 100 bit/s). */
#define SIGNALLING_BYTES 75000

const struct role_cap role_caps[ROLE_CAPS] = {
	[CAP_SUPERNODE] = { "supernode", ROLE_SUPERNODE, 5000 },
	[CAP_RELAY_FILE] = { "relay-file", ROLE_RELAY, 3000 },
	[CAP_RELAY_VOICE] = { "relay-voice", ROLE_RELAY, 4000 },
	[CAP_RELAY_VIDEO] = { "relay-video", ROLE_RELAY, 10000 },
};

struct talker {
	struct addr ip;
	uint64_t window;          /* the newest that has a place below */
	uint16_t in[WINDOWS], out[WINDOWS];
	uint32_t bytes;           /* in all of them */
	bool used;
};

struct stranger {
	uint32_t peer;            /* hash; 0 free */
	uint32_t heard_s, bytes;
	uint16_t port;            /* of the host */
};

struct host {
	struct talker talker[TALKERS];
	struct stranger stranger[PEERS];
	uint64_t checked;         /* window */
	uint32_t minute, minute_bytes;
	uint32_t supernode_s, relay_s; /* last confirmed; 0 never */
	uint32_t told_s[ROLE_CAPS];  /* that the cap was exceeded */
	float bytes_s[ROLE_CAPS]; /* largest */
	uint8_t role;             /* told last */
	uint8_t highest;
};

struct roles {
	pthread_mutex_t lock;
	struct skype_table *hosts;
	_Atomic uint32_t changes;
};

struct roles *roles_new(uint32_t max_hosts)
{
	struct roles *r = calloc(1, sizeof *r);

	if (r == NULL)
		return NULL;
	pthread_mutex_init(&r->lock, NULL);
	r->hosts = skype_table_new(max_hosts, sizeof(struct host));
	if (r->hosts == NULL) {
		roles_free(r);
		return NULL;
	}
	return r;
}

void roles_free(struct roles *r)
{
	if (r == NULL)
		return;
	skype_table_free(r->hosts);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

void roles_clear(struct roles *r)
{
	skype_table_clear(r->hosts);
}

/* Seconds, never 0: that means never. */
static uint32_t seconds(uint64_t now)
{
	return (uint32_t)(now / NS_PER_S) + 1;
}

static bool holds(uint32_t since_s, uint32_t now_s)
{
	return since_s != 0 && now_s - since_s < LIFE_S;
}

/* Forwarding for others says more than being asked by them. */
static enum role role_now(const struct host *h, uint32_t now_s)
{
	return holds(h->relay_s, now_s) ? ROLE_RELAY : holds(h->supernode_s, now_s) ? ROLE_SUPERNODE : ROLE_CLIENT;
}

static void measured(struct host *h, enum role_cap_id cap, float bytes_s, uint32_t now_s, struct role_news *news)
{
	if (bytes_s > h->bytes_s[cap])
		h->bytes_s[cap] = bytes_s;
	news->cap = cap;
	news->bytes_s = bytes_s;
	if (bytes_s <= (float)role_caps[cap].bytes_s || holds(h->told_s[cap], now_s))
		return;
	h->told_s[cap] = now_s;
	news->exceeded = true;
}

/* --- super nodes --- */

static struct stranger *stranger_get(struct host *h, uint32_t peer, uint32_t now_s, bool *fresh)
{
	struct stranger *oldest = &h->stranger[0];

	*fresh = false;
	for (unsigned i = 0; i < PEERS; i++) {
		if (h->stranger[i].peer == peer)
			return &h->stranger[i];
		if (h->stranger[i].heard_s < oldest->heard_s)
			oldest = &h->stranger[i];
	}
	*oldest = (struct stranger){ .peer = peer, .heard_s = now_s };
	*fresh = true;
	return oldest;
}

static uint32_t strangers(const struct host *h, uint16_t port, uint32_t now_s)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < PEERS; i++)
		n += h->stranger[i].peer != 0 && h->stranger[i].port == port &&
		    h->stranger[i].bytes <= SIGNALLING_BYTES && holds(h->stranger[i].heard_s, now_s);
	return n;
}

/* The minute that ended: what strangers and the host said to each other. */
static void minute_end(struct host *h, uint32_t now_s, struct role_news *news)
{
	float bytes_s = (float)h->minute_bytes / MINUTE_S;

	if (h->minute_bytes != 0 && holds(h->supernode_s, now_s))
		measured(h, CAP_SUPERNODE, bytes_s, now_s, news);
	h->minute = now_s / MINUTE_S;
	h->minute_bytes = 0;
}

static void look_inbound(struct host *h, const struct role_packet *p, uint32_t now_s, struct role_news *news)
{
	uint32_t peer = (uint32_t)hash_bytes(&p->peer, sizeof p->peer) | 1;
	bool fresh;
	struct stranger *s = stranger_get(h, peer, now_s, &fresh);

	s->heard_s = now_s;
	s->port = p->port;
	s->bytes += p->bytes;
	if (h->minute != now_s / MINUTE_S)
		minute_end(h, now_s, news);
	if (s->bytes <= SIGNALLING_BYTES)
		h->minute_bytes += p->bytes;
	if (!fresh)
		return;
	news->peers = strangers(h, p->port, now_s);
	if (news->peers >= ROLE_SUPERNODE_PEERS)
		h->supernode_s = now_s;
}

/* --- relays --- */

/* Makes `window` the newest one. */
static void talker_turn(struct talker *t, uint64_t window)
{
	uint64_t steps = window - t->window;

	for (uint64_t i = 0; i < steps && i < WINDOWS; i++) {
		uint16_t *in = &t->in[(window - i) % WINDOWS], *out = &t->out[(window - i) % WINDOWS];

		t->bytes -= (uint32_t)*in + *out;
		*in = *out = 0;
	}
	t->window = window;
}

static uint32_t talker_bytes(struct talker *t, uint64_t window)
{
	if (!t->used)
		return 0;
	talker_turn(t, window);
	return t->bytes;
}

/* The peer's place; NULL when everybody there has more to say. */
static struct talker *talker_get(struct host *h, const struct addr *ip, uint64_t window)
{
	struct talker *least = NULL;
	uint32_t bytes, least_bytes = TALKER_BYTES;

	for (unsigned i = 0; i < TALKERS; i++)
		if (h->talker[i].used && addr_equal(&h->talker[i].ip, ip))
			return &h->talker[i];
	for (unsigned i = 0; i < TALKERS; i++) {
		bytes = talker_bytes(&h->talker[i], window);
		if (bytes >= least_bytes)
			continue;
		least_bytes = bytes;
		least = &h->talker[i];
	}
	if (least != NULL)
		*least = (struct talker){ .ip = *ip, .window = window, .used = true };
	return least;
}

#define RELAY_ONE_WAY 8 /* times what comes back: acknowledgements of a file are far less than a voice */

/* One way only is a file; both ways a voice, or a picture too when it is more than a voice takes. */
static enum role_cap_id relay_cap(float there, const struct talker *b)
{
	float back = 0;

	for (unsigned i = 0; i < WINDOWS; i++)
		back += b->in[i];
	if (back / (WINDOWS * ALIKE_WINDOW_MS / 1000.0f) * RELAY_ONE_WAY < there)
		return CAP_RELAY_FILE;
	return there > (float)role_caps[CAP_RELAY_VOICE].bytes_s ? CAP_RELAY_VIDEO : CAP_RELAY_VOICE;
}

static void check_pair(struct host *h, const struct talker *a, const struct talker *b, uint64_t window,
    uint32_t now_s, struct role_news *news)
{
	float there = alike_forwarded(a->in, b->out, window);

	if (there == 0)
		return;
	h->relay_s = now_s;
	news->from = a->ip;
	news->to = b->ip;
	measured(h, relay_cap(there, b), there, now_s, news);
}

static void check_relay(struct host *h, uint64_t window, uint32_t now_s, struct role_news *news)
{
	h->checked = window;
	for (unsigned i = 0; i < TALKERS; i++)
		if (h->talker[i].used)
			talker_turn(&h->talker[i], window);
	for (unsigned a = 0; a < TALKERS; a++)
		for (unsigned b = 0; b < TALKERS && !news->exceeded; b++)
			if (a != b && h->talker[a].used && h->talker[b].used)
				check_pair(h, &h->talker[a], &h->talker[b], window, now_s, news);
}

static void window_add(struct talker *t, uint16_t *to, uint32_t bytes)
{
	uint32_t room = (uint32_t)UINT16_MAX - *to, add = bytes < room ? bytes : room;

	*to = (uint16_t)(*to + add);
	t->bytes += add;
}

static void look_talk(struct host *h, const struct role_packet *p, uint32_t now_s, struct role_news *news)
{
	uint64_t window = p->now / WINDOW_NS;
	struct talker *t = talker_get(h, &p->peer, window);

	if (t != NULL) {
		talker_turn(t, window);
		window_add(t, &(p->out ? t->out : t->in)[window % WINDOWS], p->bytes);
	}
	if (window - h->checked >= CHECK_WINDOWS)
		check_relay(h, window, now_s, news);
}

/* --- all --- */

static void look_packet(struct roles *r, const struct role_packet *p, struct role_news *news, struct counts *counts)
{
	bool evicted;
	struct host *h = skype_table_get(r->hosts, &p->host, &evicted);
	uint32_t now_s = seconds(p->now);
	enum role role;

	if (evicted)
		count(counts, COUNT_SKYPE_EVICTED);
	if (h->role == ROLE_NONE)
		h->role = h->highest = ROLE_CLIENT;
	if (p->inbound)
		look_inbound(h, p, now_s, news);
	look_talk(h, p, now_s, news);
	role = role_now(h, now_s);
	if (role != h->role)
		news->became = role;
	h->role = (uint8_t)role;
	if (h->role > h->highest)
		h->highest = h->role;
}

bool roles_packet(struct roles *r, const struct role_packet *p, struct role_news *news, struct counts *counts)
{
	*news = (struct role_news){ 0 };
	pthread_mutex_lock(&r->lock);
	look_packet(r, p, news, counts);
	pthread_mutex_unlock(&r->lock);
	if (news->became != ROLE_NONE)
		r->changes++;
	return news->became != ROLE_NONE || news->exceeded;
}

uint32_t roles_changes(const struct roles *r)
{
	return r->changes;
}

enum role roles_of(struct roles *r, const struct skype_where *host, uint64_t now)
{
	const struct host *h;
	enum role role;

	pthread_mutex_lock(&r->lock);
	h = skype_table_find(r->hosts, host);
	role = h == NULL ? ROLE_CLIENT : role_now(h, seconds(now));
	pthread_mutex_unlock(&r->lock);
	return role;
}

enum role roles_summary(struct roles *r, const struct skype_where *host, struct role_rates *rates)
{
	const struct host *h;
	enum role role;

	pthread_mutex_lock(&r->lock);
	h = skype_table_find(r->hosts, host);
	role = h == NULL ? ROLE_CLIENT : (enum role)h->highest;
	for (unsigned i = 0; rates != NULL && i < ROLE_CAPS; i++)
		rates->bytes_s[i] = h == NULL ? 0 : h->bytes_s[i];
	pthread_mutex_unlock(&r->lock);
	return role;
}
