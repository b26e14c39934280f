/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The packet sockets at both ends, and what arrives there. */
#include "storm.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RECEIVE_BYTES (64 << 20)

struct ear { int fd; bool far; };

_Atomic uint64_t delivered, others;
static atomic_bool over;

/* --- ends --- */

/* A packet socket on eth0 of a namespace; protocol 0 hears nothing. */
static int packet_socket(const char *ns, uint16_t protocol)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(protocol) };
	char path[64 + IFNAMSIZ];
	int ns_fd, fd;

	snprintf(path, sizeof path, "/run/netns/%s", ns);
	if ((ns_fd = open(path, O_RDONLY)) < 0 || setns(ns_fd, CLONE_NEWNET) != 0)
		fail(path);
	close(ns_fd);
	fd = socket(AF_PACKET, SOCK_RAW, htons(protocol));
	at.sll_ifindex = (int)if_nametoindex("eth0");
	if (fd < 0 || at.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0)
		fail(ns);
	return fd;
}

void end_open(struct end *e, const char *ns)
{
	int one = 1, bytes = RECEIVE_BYTES;

	e->fd = packet_socket(ns, 0);
	setsockopt(e->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one);
	setsockopt(e->fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
	for (unsigned i = 0; i < BATCH; i++) {
		e->iov[i].iov_base = e->frame[i];
		e->mm[i].msg_hdr.msg_iov = &e->iov[i];
		e->mm[i].msg_hdr.msg_iovlen = 1;
	}
}

/* --- hearing --- */

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The call by its media's ends: the phone tells it but for a multiple of PHONES, its port the rest. */
static void heard(const uint8_t *f, size_t len, bool far, uint64_t at)
{
	const uint8_t *ip = f + ETH, *udp = ip + IP;
	uint32_t phone = get32(ip + (far ? 12 : 16)), i;
	unsigned port;

	if (len < ETH + IP + UDP || ip[9] != IPPROTO_UDP || phone >> 16 != INSIDE >> 16)
		return;
	port = far ? (unsigned)(udp[0] << 8 | udp[1]) : (unsigned)(udp[2] << 8 | udp[3]);
	if (phone >= INSIDE + OTHERS) {
		atomic_fetch_add(&others, 1);
		return;
	}
	i = phone - INSIDE - FIRST + (port - MEDIA_PORT) / 2 * PHONES;
	if (port < MEDIA_PORT || i >= n_calls)
		return;
	atomic_store(&calls[i].heard_ns, at);
	atomic_fetch_add(&delivered, 1);
}

static void *listen_main(void *arg)
{
	const struct ear *ear = arg;
	static _Thread_local uint8_t frame[2048], control[64];
	struct pollfd p = { .fd = ear->fd, .events = POLLIN };

	while (!atomic_load(&over)) {
		struct iovec iov = { frame, sizeof frame };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
		ssize_t n = recvmsg(ear->fd, &m, MSG_DONTWAIT);
		struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&m);
		struct timespec at;

		if (n < 0) {
			(void)poll(&p, 1, 50);
			continue;
		}
		if (c == NULL || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&at, CMSG_DATA(c), sizeof at);
		heard(frame, (size_t)n, ear->far, (uint64_t)at.tv_sec * NS_PER_S + (uint64_t)at.tv_nsec);
	}
	return NULL;
}

pthread_t hear_at(const char *ns, bool far)
{
	static struct ear ears[2];
	struct ear *ear = &ears[far];
	int one = 1, bytes = RECEIVE_BYTES;
	pthread_t thread;

	*ear = (struct ear){ packet_socket(ns, ETH_P_IP), far };
	setsockopt(ear->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one);
	setsockopt(ear->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
	setsockopt(ear->fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one);
	if (pthread_create(&thread, NULL, listen_main, ear) != 0)
		fail("thread");
	return thread;
}

void hear_stop(void)
{
	atomic_store(&over, true);
}
