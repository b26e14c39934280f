/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gate/ctnetlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"

#define DUMP_BYTES    (64 << 10) /* read at a time; the kernel fills at most 32 KiB */
#define UPDATE_BYTES  (16 << 10) /* of updates in one call */
#define UPDATE_MAX    512       /* of one message: tuple, zone, mark */
#define SEND_BYTES    (1 << 20) /* send buffer of the socket */
#define FILTER_PROTO  (1 << 3)  /* of CTA_FILTER_ORIG_FLAGS: the protocol is to match (Linux, net/netfilter/nf_internals.h) */
#define ANSWER_BYTES  8192      /* errors, or what is left of a message in them */

struct ctnetlink {
	uint32_t mask;
	struct mnl_socket *dump, *update;
	bool interrupted;
	unsigned n;                /* cleared since the last pause */
	size_t out_len;
	char out[UPDATE_BYTES];
	char in[DUMP_BYTES];
};

/* A walk under way. */
struct round { struct ctnetlink *c; const struct ct_walk *walk; };

/* What is asked of a connection, of the attributes that ctnetlink sends. */
struct seen { const struct nlattr *tuple, *zone; uint32_t mark; uint8_t proto; };

/* --- updates --- */

static void updates_send(struct ctnetlink *c)
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

static void copy_attr(struct nlmsghdr *nlh, const struct nlattr *a)
{
	mnl_attr_put(nlh, a->nla_type, mnl_attr_get_payload_len(a), mnl_attr_get_payload(a));
}

/* The kernel changes only the bits of the mask (CTA_MARK_MASK), so that nobody else's are lost meanwhile. */
static void clear_one(struct ctnetlink *c, const struct nlmsghdr *ct, const struct seen *seen)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(ct);
	size_t zone_len = seen->zone == NULL ? 0 : seen->zone->nla_len;
	struct nlmsghdr *nlh;

	if (seen->tuple == NULL || seen->tuple->nla_len + zone_len > UPDATE_MAX / 2)
		return;
	if (c->out_len + UPDATE_MAX > sizeof c->out)
		updates_send(c);
	nlh = message(c->out + c->out_len, IPCTNL_MSG_CT_NEW, 0, nfg->nfgen_family);
	copy_attr(nlh, seen->tuple);
	if (seen->zone != NULL)
		copy_attr(nlh, seen->zone);
	mnl_attr_put_u32(nlh, CTA_MARK, 0);
	mnl_attr_put_u32(nlh, CTA_MARK_MASK, htonl(c->mask));
	c->out_len += NLMSG_ALIGN(nlh->nlmsg_len);
	c->n++;
}

/* --- the walk --- */

static uint8_t proto_of(const struct nlattr *tuple)
{
	const struct nlattr *part, *a;

	mnl_attr_for_each_nested(part, tuple)
		if (mnl_attr_get_type(part) == CTA_TUPLE_PROTO)
			mnl_attr_for_each_nested(a, part)
				if (mnl_attr_get_type(a) == CTA_PROTO_NUM)
					return mnl_attr_get_u8(a);
	return 0;
}

static struct seen see(const struct nlmsghdr *nlh)
{
	struct seen seen = { 0 };
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct nfgenmsg))
		switch (mnl_attr_get_type(a)) {
		case CTA_TUPLE_ORIG:
			seen.tuple = a;
			seen.proto = proto_of(a);
			break;
		case CTA_ZONE:
			seen.zone = a;
			break;
		case CTA_MARK:
			seen.mark = ntohl(mnl_attr_get_u32(a));
			break;
		}
	return seen;
}

static bool is_asked_for(const struct ctnetlink *c, const struct ct_walk *w, const struct seen *seen)
{
	uint32_t ours = seen->mark & c->mask;

	return (w->mark == 0 ? ours != 0 : ours == w->mark) && (w->proto == 0 || seen->proto == w->proto);
}

static int on_connection(const struct nlmsghdr *nlh, void *arg)
{
	struct round *r = arg;
	struct seen seen = see(nlh);

	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		r->c->interrupted = true;
	if (is_asked_for(r->c, r->walk, &seen) && (r->walk->wanted == NULL || r->walk->wanted(r->walk->arg, nlh)))
		clear_one(r->c, nlh, &seen);
	return MNL_CB_OK;
}

/* So that the kernel tells of no others, from Linux 5.8 on; an older one knows marks alone, and what it tells is looked at anyway. */
static void put_filter(struct nlmsghdr *nlh, uint32_t mask, const struct ct_walk *w)
{
	struct nlattr *tuple, *proto, *filter;

	if (w->mark != 0) {
		mnl_attr_put_u32(nlh, CTA_MARK, htonl(w->mark));
		mnl_attr_put_u32(nlh, CTA_MARK_MASK, htonl(mask));
	}
	if (w->proto == 0)
		return;
	tuple = mnl_attr_nest_start(nlh, CTA_TUPLE_ORIG);
	proto = mnl_attr_nest_start(nlh, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(nlh, CTA_PROTO_NUM, w->proto);
	mnl_attr_nest_end(nlh, proto);
	mnl_attr_nest_end(nlh, tuple);
	filter = mnl_attr_nest_start(nlh, CTA_FILTER);
	mnl_attr_put_u32(nlh, CTA_FILTER_ORIG_FLAGS, FILTER_PROTO);
	mnl_attr_put_u32(nlh, CTA_FILTER_REPLY_FLAGS, 0);
	mnl_attr_nest_end(nlh, filter);
}

static bool take_break(struct ctnetlink *c, const struct ct_walk *w, uint64_t *cleared)
{
	unsigned n = c->n;

	updates_send(c);
	*cleared += n;
	c->n = 0;
	return w->pause == NULL || w->pause(w->arg, n);
}

enum ct_walked ctnetlink_walk(struct ctnetlink *c, const struct ct_walk *w, uint64_t *cleared)
{
	struct nlmsghdr *nlh = message(c->in, IPCTNL_MSG_CT_GET, NLM_F_DUMP, w->family);
	struct round r = { c, w };
	unsigned port = mnl_socket_get_portid(c->dump);
	ssize_t n;
	int more = MNL_CB_OK;

	c->interrupted = false;
	put_filter(nlh, c->mask, w);
	if (mnl_socket_sendto(c->dump, nlh, nlh->nlmsg_len) < 0)
		return CT_FAILED;
	while (more > MNL_CB_STOP) {
		n = mnl_socket_recvfrom(c->dump, c->in, sizeof c->in);
		if (n < 0)
			return CT_FAILED;
		more = mnl_cb_run(c->in, (size_t)n, 0, port, on_connection, &r);
		if (!take_break(c, w, cleared))
			return CT_WALKED;
	}
	if (more < MNL_CB_STOP)
		return CT_FAILED;
	return c->interrupted ? CT_CHANGED : CT_WALKED;
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

struct ctnetlink *ctnetlink_new(uint32_t mask)
{
	struct ctnetlink *c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	c->mask = mask;
	if ((c->dump = socket_new()) != NULL && (c->update = socket_new()) != NULL)
		return c;
	ctnetlink_free(c);
	return NULL;
}

void ctnetlink_free(struct ctnetlink *c)
{
	if (c == NULL)
		return;
	if (c->dump != NULL)
		mnl_socket_close(c->dump);
	if (c->update != NULL)
		mnl_socket_close(c->update);
	free(c);
}
