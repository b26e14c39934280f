/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gate/conntrack.h"

#include <arpa/inet.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/log.h"
#include "gate/ctnetlink.h"

#define KEYS_MAX   1024 /* connections asked for at one time; with more, all are cleared */
#define DUMP_TRIES 3    /* the kernel says when its table changed size under a dump */

struct wish {
	bool all;
	uint32_t n;
	struct flow_key key[KEYS_MAX];
};

struct conntrack {
	struct ctnetlink *netlink;
	pthread_mutex_t lock;
	pthread_cond_t asked;
	bool stop;
	struct wish wanted;      /* under the lock */
	uint64_t cleared;        /* under the lock */
	/* of the thread */
	struct wish now;
	uint64_t n;
};

/* --- one connection --- */

static struct addr addr_of(const struct nf_conntrack *ct, enum nf_conntrack_attr v4, enum nf_conntrack_attr v6)
{
	struct addr a = { 0 };

	if (nfct_get_attr_u8(ct, ATTR_L3PROTO) == AF_INET6)
		addr_from_v6(&a, nfct_get_attr(ct, v6));
	else
		addr_from_v4(&a, nfct_get_attr(ct, v4));
	return a;
}

static bool end_is(const struct flow_key *key, int end, const struct addr *ip, uint16_t port)
{
	return key->port[end] == port && addr_equal(&key->ip[end], ip);
}

/*
 * Flows are named as packets look in FORWARD: after the destination was
 * translated and before the source is. That is the original tuple's source, and
 * the source of the reply tuple.
 */
static bool is_wanted(const struct wish *w, const struct nf_conntrack *ct)
{
	struct addr a = addr_of(ct, ATTR_ORIG_IPV4_SRC, ATTR_ORIG_IPV6_SRC);
	struct addr b = addr_of(ct, ATTR_REPL_IPV4_SRC, ATTR_REPL_IPV6_SRC);
	uint16_t a_port = ntohs(nfct_get_attr_u16(ct, ATTR_ORIG_PORT_SRC));
	uint16_t b_port = ntohs(nfct_get_attr_u16(ct, ATTR_REPL_PORT_SRC));
	uint8_t proto = nfct_get_attr_u8(ct, ATTR_L4PROTO);

	for (uint32_t i = 0; i < w->n; i++) {
		const struct flow_key *k = &w->key[i];

		if (k->proto == proto && ((end_is(k, 0, &a, a_port) && end_is(k, 1, &b, b_port)) ||
		    (end_is(k, 1, &a, a_port) && end_is(k, 0, &b, b_port))))
			return true;
	}
	return false;
}

static bool is_named(void *arg, const struct nlmsghdr *nlh)
{
	struct nf_conntrack *ct = nfct_new();
	bool named = ct != NULL && nfct_nlmsg_parse(nlh, ct) == 0 && is_wanted(arg, ct);

	if (ct != NULL)
		nfct_destroy(ct);
	return named;
}

/* --- the thread --- */

static void carry_out(struct conntrack *c)
{
	const struct ct_walk walk = { .wanted = c->now.all ? NULL : is_named, .arg = &c->now };
	enum ct_walked walked = CT_CHANGED;

	for (int i = 0; i < DUMP_TRIES && walked == CT_CHANGED; i++)
		walked = ctnetlink_walk(c->netlink, &walk, &c->n);
	if (walked == CT_FAILED)
		log_warn("conntrack", "walking connections");
}

void *conntrack_main(void *arg)
{
	struct conntrack *c = arg;

	pthread_mutex_lock(&c->lock);
	while (!c->stop) {
		if (!c->wanted.all && c->wanted.n == 0) {
			pthread_cond_wait(&c->asked, &c->lock);
			continue;
		}
		c->now = c->wanted;
		c->wanted.all = false;
		c->wanted.n = 0;
		pthread_mutex_unlock(&c->lock);
		c->n = 0;
		carry_out(c);
		pthread_mutex_lock(&c->lock);
		c->cleared += c->n;
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* --- for other threads --- */

void conntrack_stop(struct conntrack *c)
{
	pthread_mutex_lock(&c->lock);
	c->stop = true;
	pthread_cond_signal(&c->asked);
	pthread_mutex_unlock(&c->lock);
}

void conntrack_clear_all(struct conntrack *c)
{
	pthread_mutex_lock(&c->lock);
	c->wanted.all = true;
	pthread_cond_signal(&c->asked);
	pthread_mutex_unlock(&c->lock);
}

void conntrack_clear(struct conntrack *c, const struct flow_key *key)
{
	pthread_mutex_lock(&c->lock);
	if (c->wanted.n < KEYS_MAX)
		c->wanted.key[c->wanted.n++] = *key;
	else
		c->wanted.all = true;
	pthread_cond_signal(&c->asked);
	pthread_mutex_unlock(&c->lock);
}

uint64_t conntrack_cleared(struct conntrack *c)
{
	uint64_t n;

	pthread_mutex_lock(&c->lock);
	n = c->cleared;
	pthread_mutex_unlock(&c->lock);
	return n;
}

/* --- life --- */

struct conntrack *conntrack_new(uint32_t mask)
{
	struct conntrack *c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->asked, NULL);
	c->netlink = ctnetlink_new(mask);
	if (c->netlink != NULL)
		return c;
	conntrack_free(c);
	return NULL;
}

void conntrack_free(struct conntrack *c)
{
	if (c == NULL)
		return;
	ctnetlink_free(c->netlink);
	pthread_cond_destroy(&c->asked);
	pthread_mutex_destroy(&c->lock);
	free(c);
}
