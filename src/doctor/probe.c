/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Questions to the kernel over netlink. None of them changes anything. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "doctor/look.h"

#define ANSWER_MS 2000 /* the kernel answers at once, after loading a module at the latest */

struct question {
	struct nlmsghdr head;
	struct nfgenmsg family;
	char attributes[128];
};

static struct question question(int subsystem, int message)
{
	return (struct question){
		.head = {
			.nlmsg_len = NLMSG_LENGTH(sizeof(struct nfgenmsg)),
			.nlmsg_type = (uint16_t)(subsystem << 8 | message),
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		},
		.family = { .nfgen_family = AF_INET, .version = NFNETLINK_V0 },
	};
}

static void put(struct question *q, uint16_t type, const void *data, size_t len)
{
	struct nlattr a = { .nla_type = type, .nla_len = (uint16_t)(NLA_HDRLEN + len) };
	char *at = (char *)q + q->head.nlmsg_len;

	memcpy(at, &a, sizeof a);
	memcpy(at + NLA_HDRLEN, data, len);
	q->head.nlmsg_len += (uint32_t)NLA_ALIGN(NLA_HDRLEN + len);
}

/* 0 when the kernel does what it was asked, else a value of errno. */
static int ask(const struct question *q)
{
	struct timeval patience = { .tv_usec = ANSWER_MS % 1000 * 1000, .tv_sec = ANSWER_MS / 1000 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER), error = 0;
	union { struct nlmsghdr head; char bytes[8192]; } answer;
	struct nlmsgerr e;
	ssize_t n;

	if (fd < 0)
		return errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (send(fd, q, q->head.nlmsg_len, 0) < 0 || (n = recv(fd, &answer, sizeof answer, 0)) < 0) {
		error = errno;
	} else if ((size_t)n >= NLMSG_LENGTH(sizeof e) && answer.head.nlmsg_type == NLMSG_ERROR) {
		memcpy(&e, NLMSG_DATA(&answer.head), sizeof e);
		error = -e.error;
	}
	close(fd);
	return error;
}

/* A command without a queue that has done nothing since Linux 3.8; it only shows that somebody listens. */
static int ask_nfqueue(void)
{
	struct nfqnl_msg_config_cmd c = { .command = NFQNL_CFG_CMD_PF_UNBIND, .pf = htons(AF_INET) };
	struct question q = question(NFNL_SUBSYS_QUEUE, NFQNL_MSG_CONFIG);

	put(&q, NFQA_CFG_CMD, &c, sizeof c);
	return ask(&q);
}

static int ask_ctnetlink(void)
{
	struct question q = question(NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET_STATS);

	return ask(&q);
}

/* Extensions a rule needs, as squelch-hook uses them. Revisions: what iptables 1.8 asks for. */
static const struct extension {
	const char *name;
	uint32_t revision;
	uint32_t target; /* else a match */
} extensions[PROBES] = {
	[PROBE_TARGET_NFQUEUE] = { "NFQUEUE", 3, 1 },
	[PROBE_TARGET_CONNMARK] = { "CONNMARK", 1, 1 },
	[PROBE_TARGET_REJECT] = { "REJECT", 0, 1 },
	[PROBE_MATCH_MARK] = { "mark", 1, 0 },
	[PROBE_MATCH_CONNTRACK] = { "conntrack", 3, 0 },
	[PROBE_MATCH_CONNMARK] = { "connmark", 1, 0 },
};

static int ask_extension(const struct extension *x)
{
	struct question q = question(NFNL_SUBSYS_NFT_COMPAT, NFNL_MSG_COMPAT_GET);
	uint32_t revision = htonl(x->revision), target = htonl(x->target);

	put(&q, NFTA_COMPAT_NAME, x->name, strlen(x->name) + 1);
	put(&q, NFTA_COMPAT_REV, &revision, sizeof revision);
	put(&q, NFTA_COMPAT_TYPE, &target, sizeof target);
	return ask(&q);
}

int doctor_probe(enum probe p)
{
	if (p == PROBE_NFQUEUE)
		return ask_nfqueue();
	if (p == PROBE_CTNETLINK)
		return ask_ctnetlink();
	return ask_extension(&extensions[p]);
}
