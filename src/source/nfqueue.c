/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "source/nfqueue.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <pcap/dlt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#include "base/clock.h"
#include "base/now.h"
#include "source/ifaces.h"

/*
 * Messages taken at one time. More of them make verdicts cheaper, since one
 * message to the kernel then answers a run of packets; none waits for another,
 * for a receive never waits for a second message.
 */
#define BATCH 64

#define COPY_BYTES 0xffff          /* of a packet; no IP packet is longer */
#define HEAD_BYTES 1024            /* netlink header and the attributes before the payload */
/* Room for one message; the odd part keeps equal offsets of two messages out of one cache set. */
#define MESSAGE_BYTES (COPY_BYTES + HEAD_BYTES + 4161)

#define VERDICT_BYTES 64           /* of one verdict message: 16 + 4 + 12 + 8, rounded up */
#define ANSWER_BYTES 8192          /* configuration and the kernel's word on it */

/* What the kernel said about one packet. */
struct meta {
	const uint8_t *data;
	uint32_t len, wire, id, mark, in, out;
};

/* Packets in a row that get the same verdict; the kernel takes "all up to this one". */
struct run {
	uint32_t last, mark;
	bool open, set_mark;
};

struct nfqueue {
	struct source source;
	struct mnl_socket *nl;
	struct nfqueue_conf conf;
	struct ifaces_view view;
	struct nfqueue_stats stats;
	uint64_t number, mono_ns, wall_ns;
	struct run run;
	size_t out_len;
	/* messages received, and how far they are read */
	int n, at, receive_flags;
	size_t left;
	struct nlmsghdr *msg;
	struct mmsghdr mm[BATCH];
	struct iovec iov[BATCH];
	uint8_t *in;
	char out[(BATCH + 1) * VERDICT_BYTES];
};

/* --- verdicts --- */

static struct nlmsghdr *message(const struct nfqueue *q, void *at, int type)
{
	return nfq_nlmsg_put(at, type, q->conf.queue);
}

static void run_close(struct nfqueue *q)
{
	struct nlmsghdr *nlh;

	if (!q->run.open)
		return;
	nlh = message(q, q->out + q->out_len, NFQNL_MSG_VERDICT_BATCH);
	nfq_nlmsg_verdict_put(nlh, (int)q->run.last, NF_ACCEPT);
	if (q->run.set_mark)
		nfq_nlmsg_verdict_put_mark(nlh, q->run.mark);
	q->out_len += NLMSG_ALIGN(nlh->nlmsg_len);
	q->run.open = false;
}

void nfqueue_flush(struct source *s)
{
	struct nfqueue *q = (struct nfqueue *)s;

	run_close(q);
	if (q->out_len != 0 && mnl_socket_sendto(q->nl, q->out, q->out_len) < 0)
		q->stats.refused++;
	q->out_len = 0;
}

void nfqueue_verdict(struct source *s, const struct frame *frame, uint32_t mark)
{
	struct nfqueue *q = (struct nfqueue *)s;
	bool set = mark != frame->mark;

	if (q->run.open && (q->run.set_mark != set || (set && q->run.mark != mark)))
		run_close(q);
	if (q->out_len + VERDICT_BYTES > sizeof q->out)
		nfqueue_flush(s);
	q->run = (struct run){ frame->token, mark, true, set };
}

/* --- packets --- */

static bool message_read(const struct nlmsghdr *nlh, struct meta *m)
{
	const struct nlattr *a;

	*m = (struct meta){ 0 };
	if (NFNL_SUBSYS_ID(nlh->nlmsg_type) != NFNL_SUBSYS_QUEUE || NFNL_MSG_TYPE(nlh->nlmsg_type) != NFQNL_MSG_PACKET)
		return false;
	mnl_attr_for_each(a, nlh, sizeof(struct nfgenmsg)) {
		const void *p = mnl_attr_get_payload(a);

		switch (mnl_attr_get_type(a)) {
		case NFQA_PACKET_HDR:
			m->id = ntohl(((const struct nfqnl_msg_packet_hdr *)p)->packet_id);
			break;
		case NFQA_MARK:
			m->mark = ntohl(mnl_attr_get_u32(a));
			break;
		case NFQA_IFINDEX_INDEV:
			m->in = ntohl(mnl_attr_get_u32(a));
			break;
		case NFQA_IFINDEX_OUTDEV:
			m->out = ntohl(mnl_attr_get_u32(a));
			break;
		case NFQA_CAP_LEN:
			m->wire = ntohl(mnl_attr_get_u32(a));
			break;
		case NFQA_PAYLOAD:
			m->data = p;
			m->len = mnl_attr_get_payload_len(a);
			break;
		}
	}
	return true;
}

static void frame_fill(struct nfqueue *q, const struct meta *m, struct frame *f)
{
	*f = (struct frame){
		.data = m->data, .caplen = m->len, .len = m->wire > m->len ? m->wire : m->len,
		.number = ++q->number, .mono_ns = q->mono_ns, .wall_ns = q->wall_ns, .link = DLT_RAW,
		.iface = ifaces_index(&q->view, m->in), .oface = ifaces_index(&q->view, m->out),
		.token = m->id, .mark = m->mark,
	};
	q->stats.cut += f->len > f->caplen;
}

/* The next packet of the batch in hand; false when it is used up. */
static bool batch_next(struct nfqueue *q, struct frame *f)
{
	struct meta m;

	while (q->at < q->n) {
		int left = (int)q->left;
		struct nlmsghdr *nlh = q->msg;

		if (!mnl_nlmsg_ok(nlh, left)) {
			if (++q->at < q->n) {
				q->msg = q->iov[q->at].iov_base;
				q->left = q->mm[q->at].msg_len;
			}
			continue;
		}
		q->msg = mnl_nlmsg_next(nlh, &left);
		q->left = left < 0 ? 0 : (size_t)left;
		if (nlh->nlmsg_type == NLMSG_ERROR)
			q->stats.refused++;
		if (message_read(nlh, &m)) {
			frame_fill(q, &m, f);
			return true;
		}
	}
	return false;
}

static enum source_next failed(struct nfqueue *q)
{
	if (errno == ENOBUFS) {
		q->stats.overruns++;
		snprintf(q->source.error, sizeof q->source.error, "queue %u: too slow, packets passed unseen", q->conf.queue);
		return SOURCE_ERROR;
	}
	if (errno == EAGAIN || errno == EINTR)
		return SOURCE_TICK;
	snprintf(q->source.error, sizeof q->source.error, "queue %u: %s", q->conf.queue, strerror(errno));
	return SOURCE_END;
}

static enum source_next nfqueue_next(struct source *s, struct frame *f)
{
	struct nfqueue *q = (struct nfqueue *)s;

	if (batch_next(q, f))
		return SOURCE_FRAME;
	nfqueue_flush(s);
	q->at = 0;
	q->n = recvmmsg(mnl_socket_get_fd(q->nl), q->mm, BATCH, q->receive_flags, NULL);
	q->mono_ns = now_ns(CLOCK_MONOTONIC);
	q->wall_ns = now_ns(CLOCK_REALTIME);
	if (q->n > 0) {
		q->msg = q->iov[0].iov_base;
		q->left = q->mm[0].msg_len;
		if (batch_next(q, f))
			return SOURCE_FRAME;
	}
	*f = (struct frame){ .mono_ns = q->mono_ns, .wall_ns = q->wall_ns };
	return q->n < 0 ? failed(q) : SOURCE_TICK;
}

struct nfqueue_stats nfqueue_stats(const struct source *s)
{
	return ((const struct nfqueue *)s)->stats;
}

/* --- opening --- */

/* Sends one configuration message and waits for the kernel's word on it. */
static bool configure(struct nfqueue *q, struct nlmsghdr *nlh)
{
	char answer[ANSWER_BYTES];
	struct nlmsghdr *a = (struct nlmsghdr *)answer;
	ssize_t n;

	nlh->nlmsg_flags |= NLM_F_ACK;
	if (mnl_socket_sendto(q->nl, nlh, nlh->nlmsg_len) < 0)
		return false;
	do { /* packets may already come: they go on by themselves when the socket closes, or wait */
		n = mnl_socket_recvfrom(q->nl, answer, sizeof answer);
		if (n < 0)
			return false;
	} while (a->nlmsg_type != NLMSG_ERROR);
	errno = -((struct nlmsgerr *)mnl_nlmsg_get_payload(a))->error;
	return errno == 0;
}

static bool bind_queue(struct nfqueue *q)
{
	char buf[ANSWER_BYTES];
	struct nlmsghdr *nlh = message(q, buf, NFQNL_MSG_CONFIG);
	uint32_t flags = (q->conf.gso ? NFQA_CFG_F_GSO : 0) | (q->conf.fail_open ? NFQA_CFG_F_FAIL_OPEN : 0);

	/* before the bind takes effect nothing is queued, and after it the parameters must be there: */
	nfq_nlmsg_cfg_put_cmd(nlh, AF_UNSPEC, NFQNL_CFG_CMD_BIND);
	nfq_nlmsg_cfg_put_params(nlh, NFQNL_COPY_PACKET, COPY_BYTES);
	mnl_attr_put_u32(nlh, NFQA_CFG_FLAGS, htonl(flags));
	mnl_attr_put_u32(nlh, NFQA_CFG_MASK, htonl(NFQA_CFG_F_GSO | NFQA_CFG_F_FAIL_OPEN));
	mnl_attr_put_u32(nlh, NFQA_CFG_QUEUE_MAXLEN, htonl(q->conf.length));
	return configure(q, nlh);
}

/*
 * The kernel drops what waits in a queue whose reader leaves. So a queue that
 * fails open is first told to hold nothing, which lets new packets by, and what
 * it holds already is passed.
 */
static void drain(struct nfqueue *q)
{
	char buf[ANSWER_BYTES];
	struct nlmsghdr *nlh = message(q, buf, NFQNL_MSG_CONFIG);
	struct frame f;

	mnl_attr_put_u32(nlh, NFQA_CFG_QUEUE_MAXLEN, htonl(0));
	if (!q->conf.fail_open || mnl_socket_sendto(q->nl, nlh, nlh->nlmsg_len) < 0)
		return;
	q->receive_flags = MSG_DONTWAIT;
	for (uint32_t i = 0; i < q->conf.length && nfqueue_next(&q->source, &f) == SOURCE_FRAME; i++)
		nfqueue_verdict(&q->source, &f, f.mark);
}

void nfqueue_unbind(struct source *s)
{
	struct nfqueue *q = (struct nfqueue *)s;

	if (q->nl == NULL)
		return;
	nfqueue_flush(s);
	drain(q);
	nfqueue_flush(s);
	mnl_socket_close(q->nl);
	q->nl = NULL;
}

static bool socket_setup(struct nfqueue *q)
{
	struct timeval tick = { .tv_usec = (suseconds_t)(TICK_NS / NS_PER_US) };
	int fd, bytes = (int)q->conf.receive_bytes;

	q->nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (q->nl == NULL || mnl_socket_bind(q->nl, 0, MNL_SOCKET_AUTOPID) < 0)
		return false;
	fd = mnl_socket_get_fd(q->nl);
	return setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof tick) == 0;
}

static bool buffers(struct nfqueue *q)
{
	q->in = malloc((size_t)BATCH * MESSAGE_BYTES);
	for (int i = 0; q->in != NULL && i < BATCH; i++) {
		q->iov[i] = (struct iovec){ q->in + (size_t)i * MESSAGE_BYTES, MESSAGE_BYTES };
		q->mm[i].msg_hdr.msg_iov = &q->iov[i];
		q->mm[i].msg_hdr.msg_iovlen = 1;
	}
	return q->in != NULL;
}

static void nfqueue_close(struct source *s)
{
	struct nfqueue *q = (struct nfqueue *)s;

	nfqueue_unbind(s);
	free(q->in);
	free(q);
}

static const struct source_ops ops = { nfqueue_next, nfqueue_close };

struct source *nfqueue_open(const struct nfqueue_conf *conf, char error[static SOURCE_ERROR_LEN])
{
	struct nfqueue *q = calloc(1, sizeof *q);

	if (q == NULL) {
		snprintf(error, SOURCE_ERROR_LEN, "queue %u: not enough memory", conf->queue);
		return NULL;
	}
	q->source.ops = &ops;
	q->source.iface_names = ifaces_names(conf->ifaces);
	q->conf = *conf;
	q->receive_flags = MSG_WAITFORONE;
	ifaces_view_init(&q->view, conf->ifaces);
	if (buffers(q) && socket_setup(q) && bind_queue(q))
		return &q->source;
	snprintf(error, SOURCE_ERROR_LEN, "queue %u: %s", conf->queue,
	    errno == EBUSY || errno == EEXIST ? "another program reads it" : strerror(errno));
	source_close(&q->source);
	return NULL;
}
