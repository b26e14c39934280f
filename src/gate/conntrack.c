/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gate/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/log.h"

#define KEYS_MAX      1024      /* connections asked for at one time; with more, all are cleared */
#define DUMP_TRIES    3         /* the kernel says when its table changed size under a dump */
#define DUMP_BYTES    (64 << 10)
#define UPDATE_BYTES  (16 << 10)
#define UPDATE_MAX    512       /* of one message: tuple, zone, mark */
#define SEND_BYTES    (1 << 20)
#define ANSWER_BYTES  8192      /* errors, or what is left of a message in them */

struct wish {
	bool all;
	uint32_t n;
	struct flow_key key[KEYS_MAX];
};

struct conntrack {
	uint32_t mask;
	struct mnl_socket *dump, *update;
	pthread_mutex_t lock;
	pthread_cond_t asked;
	bool stop;
	struct wish wanted;      /* under the lock */
	uint64_t cleared;        /* under the lock */
	/* of the thread */
	struct wish now;
	uint64_t n;
	bool interrupted;
	size_t out_len;
	char out[UPDATE_BYTES];
	char in[DUMP_BYTES];
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

/* --- updates --- */

static void updates_send(struct conntrack *c)
{
	char answer[ANSWER_BYTES];

	if (c->out_len == 0)
		return;
	if (mnl_socket_sendto(c->update, c->out, c->out_len) < 0)
		log_warn("conntrack", "clearing marks");
	c->out_len = 0;
	/* only errors are answered: connections that ended meanwhile */
	while (recv(mnl_socket_get_fd(c->update), answer, sizeof answer, MSG_DONTWAIT) > 0)
		continue;
}

static struct nlmsghdr *message(void *at, uint16_t type, uint16_t flags, uint8_t family)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(at);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = (NFNL_SUBSYS_CTNETLINK << 8) | type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof *nfg);
	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	return nlh;
}

/* The kernel changes only the bits of the mask (CTA_MARK_MASK), so that nobody else's are lost meanwhile. */
static void clear_one(struct conntrack *c, struct nf_conntrack *ct)
{
	struct nf_conntrack *fresh = nfct_new();
	struct nlmsghdr *nlh;

	if (fresh == NULL)
		return;
	if (c->out_len + UPDATE_MAX > sizeof c->out)
		updates_send(c);
	nfct_copy(fresh, ct, NFCT_CP_ORIG);
	if (nfct_attr_is_set(ct, ATTR_ZONE))
		nfct_set_attr_u16(fresh, ATTR_ZONE, nfct_get_attr_u16(ct, ATTR_ZONE));
	nfct_set_attr_u32(fresh, ATTR_MARK, 0);
	nlh = message(c->out + c->out_len, IPCTNL_MSG_CT_NEW, 0, nfct_get_attr_u8(ct, ATTR_L3PROTO));
	if (nfct_nlmsg_build(nlh, fresh) == 0) {
		mnl_attr_put_u32(nlh, CTA_MARK_MASK, htonl(c->mask));
		c->out_len += NLMSG_ALIGN(nlh->nlmsg_len);
		c->n++;
	}
	nfct_destroy(fresh);
}

/* --- the walk over all connections --- */

static uint32_t mark_of(const struct nlmsghdr *nlh)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct nfgenmsg))
		if (mnl_attr_get_type(a) == CTA_MARK)
			return ntohl(mnl_attr_get_u32(a));
	return 0;
}

static int on_connection(const struct nlmsghdr *nlh, void *arg)
{
	struct conntrack *c = arg;
	struct nf_conntrack *ct;

	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		c->interrupted = true;
	if ((mark_of(nlh) & c->mask) == 0 || (ct = nfct_new()) == NULL)
		return MNL_CB_OK;
	if (nfct_nlmsg_parse(nlh, ct) == 0 && (c->now.all || is_wanted(&c->now, ct)))
		clear_one(c, ct);
	nfct_destroy(ct);
	return MNL_CB_OK;
}

static bool walk(struct conntrack *c)
{
	struct nlmsghdr *nlh = message(c->in, IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC);
	unsigned port = mnl_socket_get_portid(c->dump);
	ssize_t n;
	int more = MNL_CB_OK;

	c->interrupted = false;
	if (mnl_socket_sendto(c->dump, nlh, nlh->nlmsg_len) < 0)
		return false;
	while (more > MNL_CB_STOP) {
		n = mnl_socket_recvfrom(c->dump, c->in, sizeof c->in);
		if (n < 0)
			return false;
		more = mnl_cb_run(c->in, (size_t)n, 0, port, on_connection, c);
	}
	updates_send(c);
	return more == MNL_CB_STOP;
}

static void carry_out(struct conntrack *c)
{
	for (int i = 0; i < DUMP_TRIES; i++) {
		if (!walk(c)) {
			log_warn("conntrack", "walking connections");
			return;
		}
		if (!c->interrupted)
			return;
	}
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

static struct mnl_socket *socket_new(void)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	int bytes = SEND_BYTES;

	if (nl == NULL)
		return NULL;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		mnl_socket_close(nl);
		return NULL;
	}
	(void)setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
	return nl;
}

struct conntrack *conntrack_new(uint32_t mask)
{
	struct conntrack *c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	c->mask = mask;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->asked, NULL);
	if ((c->dump = socket_new()) != NULL && (c->update = socket_new()) != NULL)
		return c;
	conntrack_free(c);
	return NULL;
}

void conntrack_free(struct conntrack *c)
{
	if (c == NULL)
		return;
	if (c->dump != NULL)
		mnl_socket_close(c->dump);
	if (c->update != NULL)
		mnl_socket_close(c->update);
	pthread_cond_destroy(&c->asked);
	pthread_mutex_destroy(&c->lock);
	free(c);
}
