/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "front.h"
#include "heap.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000
#define PACKET_MAX 65536
#define AT_ONCE 64           /* packets read of a device before what is due is sent */
#define TIMER_SLACK_NS 1000  /* the kernel's own 50 us would be jitter that nobody asked for */

static volatile sig_atomic_t want_quit;

static void on_signal(int s)
{
	(void)s;
	want_quit = 1;
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static void enter(const char *namespace)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", namespace);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) != 0)
		err(1, "%s", path);
	close(fd);
}

/* "NAMESPACE:DEVICE" */
static int open_tun(const char *name)
{
	struct ifreq req = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	const char *colon = strchr(name, ':');
	char namespace[128];
	int fd;

	if (colon == NULL || (size_t)(colon - name) >= sizeof(namespace) || strlen(colon + 1) >= IFNAMSIZ)
		errx(1, "%s: NAMESPACE:DEVICE expected", name);
	memcpy(namespace, name, (size_t)(colon - name));
	namespace[colon - name] = '\0';
	enter(namespace);
	memcpy(req.ifr_name, colon + 1, strlen(colon + 1));
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &req) != 0)
		err(1, "/dev/net/tun: %s", name);
	return fd;
}

static void take_in(struct heap *under_way, struct impair_way *ways, int way, int fd)
{
	static uint8_t data[PACKET_MAX];

	for (int i = 0; i < AT_ONCE; i++) {
		ssize_t n = read(fd, data, sizeof(data));
		int64_t out;

		if (n < 0 && errno != EAGAIN && errno != EINTR && errno != EIO) /* EIO: not up yet */
			err(1, "read");
		if (n <= 0)
			return;
		if (impair_send(&ways[way], now_ns(), (unsigned)n, &out) == IMPAIR_PASS)
			heap_put(under_way, out, way, data, (unsigned)n, (unsigned)n);
	}
}

/* Sends what is due; how long until the next, at most a second. A full device drops, as a full link does. */
static int64_t send_due(struct heap *under_way, const int fd[2])
{
	const struct parcel *first;
	int64_t now = now_ns();

	while ((first = heap_first(under_way)) != NULL && first->at <= now) {
		struct parcel *p = heap_take(under_way);

		if (write(fd[p->way == 0], p->data, p->caplen) < 0 && errno != EAGAIN && errno != EIO && errno != EINVAL)
			warn("write");
		free(p);
	}
	return first == NULL || first->at - now > NS_PER_S ? NS_PER_S : first->at - now;
}

void impair_live(const struct impair_options *o, const char *near_end, const char *far_end)
{
	struct sigaction quit = { .sa_handler = on_signal };
	struct heap under_way = { 0 };
	struct impair_way ways[2];
	int fd[2] = { open_tun(near_end), open_tun(far_end) };

	impair_open_pair(ways, o->profile, o->seed);
	sigaction(SIGTERM, &quit, NULL);
	sigaction(SIGINT, &quit, NULL);
	prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
	printf("ready\n");
	fflush(stdout);
	while (!want_quit) {
		int64_t wait = send_due(&under_way, fd);
		struct timespec limit = { wait / NS_PER_S, wait % NS_PER_S };
		struct pollfd polled[2] = { { .fd = fd[0], .events = POLLIN }, { .fd = fd[1], .events = POLLIN } };

		if (ppoll(polled, 2, &limit, NULL) < 0 && errno != EINTR)
			err(1, "poll");
		for (int way = 0; way < 2; way++)
			if (polled[way].revents != 0)
				take_in(&under_way, ways, way, fd[way]);
	}
	for (int way = 0; way < 2; way++)
		printf("%s: %llu packets, %llu lost, %llu dropped by the queue, %llu held back\n", way == 0 ? "up" : "down",
		       (unsigned long long)ways[way].sent, (unsigned long long)ways[way].lost,
		       (unsigned long long)ways[way].overflowed, (unsigned long long)ways[way].held);
	while (under_way.n > 0)
		free(heap_take(&under_way));
	free(under_way.items);
	close(fd[0]);
	close(fd[1]);
}
