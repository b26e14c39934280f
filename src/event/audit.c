/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "event/audit.h"

#include <stdlib.h>

#include "base/hash.h"

#define ROW_SLOTS  (2 * AUDIT_ROWS_MAX)  /* open addressing, at most half full */
#define DNS_PORT   53
#define PEER_SLOTS (2 * AUDIT_PEERS_MAX)

/* The hash needs all bytes defined. */
struct key {
	struct addr host;
	uint32_t app, category;
};

struct audit {
	struct audit_row *row;    /* in the order they came */
	uint32_t n_row;
	uint32_t slot[ROW_SLOTS]; /* number + 1, 0 free */
	uint64_t peer[PEER_SLOTS]; /* hash of row and peer, 0 free: two meet once in 2^64 */
	uint32_t n_peer;
	const struct audit_row **sorted;
	struct audit_find find[AUDIT_FINDS_MAX];
	unsigned n_find;
	uint64_t finds, rows_refused, peers_refused;
};

struct audit *audit_new(void)
{
	struct audit *a = calloc(1, sizeof *a);

	if (a == NULL)
		return NULL;
	a->row = calloc(AUDIT_ROWS_MAX, sizeof *a->row);
	a->sorted = calloc(AUDIT_ROWS_MAX, sizeof *a->sorted);
	if (a->row == NULL || a->sorted == NULL) {
		audit_free(a);
		return NULL;
	}
	return a;
}

void audit_free(struct audit *a)
{
	if (a == NULL)
		return;
	free(a->row);
	free(a->sorted);
	free(a);
}

/* --- rows --- */

/* The slot of a row, or the free one where it belongs. */
static uint32_t *slot_of(struct audit *a, const struct addr *host, enum app app, enum category category)
{
	const struct key key = { *host, app, app == APP_NONE ? category : CATEGORY_NONE };
	uint32_t at = (uint32_t)(hash_bytes(&key, sizeof key) % ROW_SLOTS);

	for (; a->slot[at] != 0; at = (at + 1) % ROW_SLOTS) {
		const struct audit_row *r = &a->row[a->slot[at] - 1];

		if (r->app == app && (app != APP_NONE || r->category == category) && addr_equal(&r->host, host))
			break;
	}
	return &a->slot[at];
}

static struct audit_row *row_find(struct audit *a, const struct addr *host, enum app app)
{
	const uint32_t *slot = slot_of(a, host, app, CATEGORY_NONE);

	return *slot == 0 ? NULL : &a->row[*slot - 1];
}

static struct audit_row *row_get(struct audit *a, const struct addr *host, enum app app, enum category category)
{
	uint32_t *slot = slot_of(a, host, app, category);
	struct audit_row *r;

	if (*slot != 0)
		return &a->row[*slot - 1];
	if (a->n_row == AUDIT_ROWS_MAX) {
		a->rows_refused++;
		return NULL;
	}
	r = &a->row[a->n_row++];
	*slot = a->n_row;
	r->host = *host;
	r->app = app;
	r->category = app == APP_NONE ? category : app_category(app);
	r->first_ns = UINT64_MAX;
	return r;
}

static void row_seen(struct audit_row *r, uint64_t first_ns, uint64_t last_ns)
{
	if (first_ns < r->first_ns)
		r->first_ns = first_ns;
	if (last_ns > r->last_ns)
		r->last_ns = last_ns;
}

static void peer_add(struct audit *a, struct audit_row *r, const struct addr *peer)
{
	const uint64_t both[2] = { (uint64_t)(r - a->row), hash_bytes(peer, sizeof *peer) };
	uint64_t hash = hash_bytes(both, sizeof both) | 1;
	uint32_t at = (uint32_t)((hash >> 1) % PEER_SLOTS);

	for (; a->peer[at] != 0; at = (at + 1) % PEER_SLOTS)
		if (a->peer[at] == hash)
			return;
	if (a->n_peer == AUDIT_PEERS_MAX) {
		a->peers_refused++;
		return;
	}
	a->n_peer++;
	a->peer[at] = hash;
	r->peers++;
}

/* --- flows --- */

/* What is no calling application and restricted nowhere is none of our business. */
static bool reports(enum category c)
{
	return c == CATEGORY_VOIP || c == CATEGORY_CHAT || c == CATEGORY_P2P || c == CATEGORY_TUNNEL;
}

static bool named_by_ndpi(const struct event_voip *v)
{
	for (unsigned i = 0; i < v->n_evidence; i++)
		if (v->evidence[i].row->group == GROUP_NDPI && v->evidence[i].app == v->app)
			return true;
	return false;
}

/* RTCP is a part of what it reports on. */
static enum app app_of(const struct event_voip *v)
{
	return v->app == APP_RTCP ? APP_RTP : v->app;
}

/* The category under which a flow is reported; NONE: it is not. */
static enum category category_of(const struct event_voip *v)
{
	enum category c = v->app != APP_NONE ? app_category(app_of(v)) : (enum category)v->category;

	if (v->cls == CLASS_STREAMING)
		return CATEGORY_NONE;
	if ((v->cls == CLASS_MEDIA || v->cls == CLASS_SIGNALLING) && (v->app == APP_NONE || !reports(c)))
		return CATEGORY_VOIP; /* a conversation over RTMP or SRT too */
	if (v->app != APP_NONE && v->cls == CLASS_NONE && !named_by_ndpi(v))
		return CATEGORY_NONE; /* a hint, no more */
	return reports(c) ? c : CATEGORY_NONE;
}

static void row_prove(struct audit_row *r, const struct event_voip *v)
{
	if (r->proved && v->bits <= r->bits)
		return;
	r->bits = v->bits > r->bits ? v->bits : r->bits;
	for (unsigned i = 0; i < v->n_evidence; i++)
		if (v->evidence[i].cls == v->cls && (!r->proved || v->evidence[i].bits > r->proof.bits)) {
			r->proof = v->evidence[i];
			r->proved = true;
		}
}

/* `end`: the host's, index into flow.ip. */
static void row_flow(struct audit *a, struct audit_row *r, const struct event *ev, int end)
{
	r->flows++;
	r->bytes[0] += ev->bytes[end];
	r->bytes[1] += ev->bytes[!end];
	row_seen(r, ev->first_wall_ns, ev->last_wall_ns);
	row_prove(r, &ev->voip);
	peer_add(a, r, &ev->flow.ip[!end]);
	if (ev->flow.initiator >= 0 && ev->flow.initiator != end && !(ev->flow.inside >> !end & 1) &&
	    ev->packets[end] != 0)
		r->accepted++;
}

/* Traffic whose both ends use the application; of the rest one end is a server. */
static bool between_users(const struct event_voip *v)
{
	return v->cls == CLASS_MEDIA || v->cls == CLASS_SIGNALLING || v->cls == CLASS_ICE || v->app == APP_SKYPE;
}

/* The ends that get a line, a bit each: inside, and using it; when both are outside, who opened the flow, and whoever is in a call. */
static uint8_t hosts_of(const struct event *ev)
{
	enum { SOURCE = 1, BOTH = 3 };
	uint8_t inside = ev->flow.inside & BOTH;

	if (inside == 0 && ev->voip.cls == CLASS_MEDIA)
		return BOTH;
	return inside == 0 || (inside == BOTH && !between_users(&ev->voip)) ? SOURCE : inside;
}

/* Looking a name up is no use of what it names. */
static bool is_lookup(const struct event *ev)
{
	return ev->voip.cls == CLASS_NONE && (ev->flow.port[0] == DNS_PORT || ev->flow.port[1] == DNS_PORT);
}

void audit_flow(struct audit *a, const struct event *ev)
{
	enum category c = category_of(&ev->voip);
	uint8_t hosts = hosts_of(ev);

	if (c == CATEGORY_NONE || is_lookup(ev))
		return;
	for (int end = 0; end < 2; end++) {
		struct audit_row *r = hosts >> end & 1 && !addr_is_multicast(&ev->flow.ip[end])
		    ? row_get(a, &ev->flow.ip[end], app_of(&ev->voip), c) : NULL;

		if (r != NULL)
			row_flow(a, r, ev, end);
	}
}

/* --- calls: a host that nobody reported a flow of is a stranger's --- */

static bool known(struct audit *a, const struct addr *host)
{
	for (unsigned app = 0; app < APP_COUNT; app++)
		if (row_find(a, host, (enum app)app) != NULL)
			return true;
	return *slot_of(a, host, APP_NONE, CATEGORY_VOIP) != 0;
}

void audit_call(struct audit *a, const struct call *c)
{
	struct call_party ends[CALL_ROLES];
	uint64_t run = c->end_wall_ns > c->start_wall_ns ? c->end_wall_ns - c->start_wall_ns : 0;

	(void)call_ends(c, ends);
	for (int i = 0; i < CALL_ROLES; i++) {
		struct audit_row *r;

		if (addr_is_unspecified(&ends[i].ip) || !known(a, &ends[i].ip) ||
		    (r = row_get(a, &ends[i].ip, c->app, CATEGORY_VOIP)) == NULL)
			continue;
		r->calls++;
		r->call_ns += run;
		row_seen(r, c->start_wall_ns, c->end_wall_ns);
		if (c->bits > r->bits)
			r->bits = c->bits;
	}
}

/* --- notes --- */

/* Several captures may tell of one host: the last facts stay, the highest role and rates. */
static void take_host(struct audit *a, const struct audit_note *n)
{
	struct audit_row *r = row_find(a, &n->host, APP_SKYPE);

	if (r == NULL)
		return; /* no host of ours */
	r->skype = n->skype;
	r->role = n->role > r->role ? n->role : r->role;
	for (unsigned i = 0; i < ROLE_CAPS; i++)
		if (n->rates.bytes_s[i] > r->rates.bytes_s[i])
			r->rates.bytes_s[i] = n->rates.bytes_s[i];
}

void audit_take(struct audit *a, const struct event *ev)
{
	const struct audit_note *n = &ev->audit;
	struct audit_find *f;

	if (n->kind == AUDIT_HOST) {
		take_host(a, n);
		return;
	}
	a->finds++;
	if (a->n_find == AUDIT_FINDS_MAX)
		return;
	f = &a->find[a->n_find++];
	*f = (struct audit_find){ .wall_ns = ev->wall_ns, .kind = n->kind, .app = n->app, .host = n->host, .what = n->what,
		.cap = n->cap, .bytes_s = n->bytes_s };
	memcpy(f->name, n->name, sizeof f->name);
}

/* --- reading --- */

static int order(const void *x, const void *y)
{
	const struct audit_row *a = *(const struct audit_row *const *)x, *b = *(const struct audit_row *const *)y;
	int by_host = memcmp(&a->host, &b->host, sizeof a->host);

	if (by_host != 0)
		return by_host;
	if (a->app != b->app)
		return a->app == APP_NONE ? 1 : b->app == APP_NONE ? -1 : strcmp(app_name(a->app), app_name(b->app));
	return (int)a->category - (int)b->category;
}

struct audit_lists audit_lists(struct audit *a)
{
	for (uint32_t i = 0; i < a->n_row; i++)
		a->sorted[i] = &a->row[i];
	qsort(a->sorted, a->n_row, sizeof *a->sorted, order);
	return (struct audit_lists){ .row = a->sorted, .n_row = a->n_row, .find = a->find, .n_find = a->n_find,
		.finds = a->finds, .rows_refused = a->rows_refused, .peers_refused = a->peers_refused };
}

void audit_each(struct audit *a, void (*fn)(void *, const struct audit_row *), void *arg)
{
	struct audit_lists l = audit_lists(a);

	for (unsigned i = 0; i < l.n_row; i++)
		fn(arg, l.row[i]);
}

const struct role_cap *audit_cap(const struct audit_row *r, float *bytes_s)
{
	const struct role_cap *most = NULL;

	*bytes_s = 0;
	for (unsigned i = 0; i < ROLE_CAPS; i++) {
		float rate = r->rates.bytes_s[i];

		if (rate == 0 || (most != NULL && rate / (float)role_caps[i].bytes_s <= *bytes_s / (float)most->bytes_s))
			continue;
		most = &role_caps[i];
		*bytes_s = rate;
	}
	return most;
}
